//! Codes into stock: which are taken already, adding the others, and making them visible by one
//! row. A coupon above its batch's `published_to` belongs to an import that has not finished.

use chrono::{DateTime, Utc};
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryableByName, RunQueryDsl,
    dsl::{max, min},
    sql_query,
    sql_types::{Array, BigInt, Nullable, Text},
};

use super::{
    super::{
        DbConn, Error, Scope, WriteTx,
        instant::{self, At, Instant, columns_of, no_end, no_start, window_of},
        schema::{batches as b, coupons as c},
    },
    codes::{self, Coded},
};
use crate::{
    domain::{
        batch::{PlannedBatch, Window},
        ids::{BatchId, CouponId, MerchantId},
        import::CouponRange,
    },
    each,
};

/// What an import must know of the batch that it fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TargetBatch {
    /// `None`: the batch is not there yet.
    pub id: Option<BatchId>,
    pub window: Window,
    pub uses_per_code: i64,
    pub case_sensitive: bool,
}

impl TargetBatch {
    /// What a batch will be that is not there yet.
    pub fn planned(planned: &PlannedBatch) -> Self {
        let PlannedBatch { name: _, window, uses_per_code, case_sensitive } = *planned;
        Self { id: None, window, uses_per_code, case_sensitive }
    }
}

/// The batch of that name.
pub fn find_target_batch(
    conn: &mut DbConn,
    scope: Scope,
    name: &str,
) -> Result<Option<TargetBatch>, Error> {
    let row: Option<(i64, At, At, i64, bool)> = b::table
        .filter(b::merchant_id.eq(scope.merchant().0))
        .filter(b::name.eq(name))
        .select((b::id, b::valid_from, b::valid_until, b::uses_per_code, b::case_sensitive))
        .first(conn)
        .optional()?;
    Ok(row.map(|(id, from, until, uses_per_code, case_sensitive)| TargetBatch {
        id: Some(BatchId(id)),
        window: window_of(from, until),
        uses_per_code,
        case_sensitive,
    }))
}

/// The batch's name, for sentences.
pub fn name_of(conn: &mut DbConn, scope: Scope, batch: BatchId) -> Result<String, Error> {
    Ok(b::table
        .filter(b::merchant_id.eq(scope.merchant().0))
        .filter(b::id.eq(batch.0))
        .select(b::name)
        .first(conn)?)
}

/// Which coupons are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility {
    All,
    /// Without those of an import that has not finished, or never will.
    Published,
}

/// Codes that are looked for.
#[derive(Debug, Default)]
pub struct WantedCodes {
    pub exact: Vec<String>,
    /// Their letters, where case does not count.
    pub folded: Vec<String>,
}

/// All coupons that have one of these codes, or the letters of one of them.
pub fn find_taken(
    conn: &mut DbConn,
    scope: Scope,
    among: Visibility,
    wanted: &WantedCodes,
) -> Result<Vec<Coded>, Error> {
    let mut taken = codes::probe(conn, scope, &wanted.exact, &wanted.folded)?;
    if among == Visibility::Published {
        codes::keep_published(conn, scope, &mut taken)?;
    }
    Ok(taken)
}

/// A code about to go into stock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCoupon {
    pub code: String,
    pub folded: Option<String>,
    pub pin: Option<String>,
    pub window: Window,
    pub max_redemptions: i64,
    pub redemptions: i64,
    pub barred_reason: Option<String>,
}

/// Codes that go into a batch together.
#[derive(Debug, Clone, Copy)]
pub struct Slice<'c> {
    pub batch: BatchId,
    /// In this order. None of them may be taken.
    pub coupons: &'c [NewCoupon],
    /// The batch's highest coupon so far.
    pub above: i64,
    pub at: DateTime<Utc>,
}

/// Puts the codes into the batch.
pub fn insert(tx: &mut WriteTx<'_>, scope: Scope, slice: Slice<'_>) -> Result<(), Error> {
    let Slice { batch, coupons, at: now, .. } = slice;
    let inserted = match &mut **tx {
        // One statement for all rows: the schema's triggers may stop a statement in its middle, so
        // SQLite keeps a copy of every page that a statement changes; row by row that is most of
        // the work (measured).
        DbConn::Sqlite(conn) => sql_query(
            "INSERT INTO coupons (merchant_id, batch_id, code, folded_code, pin, valid_from, \
             expires_at, max_redemptions, redemptions, \
                 barred_at, barred_reason, state, created_at) \
             SELECT ?1, ?2, value ->> 0, value ->> 1, value ->> 2, coalesce(value ->> 3, ?4), \
             coalesce(value ->> 4, ?5), value ->> 5, \
                 value ->> 6, CASE WHEN value ->> 7 IS NOT NULL THEN ?3 END, value ->> 7, \
                 'available', ?3 \
             FROM json_each(?6)",
        )
        .bind::<BigInt, _>(scope.merchant().0)
        .bind::<BigInt, _>(batch.0)
        .bind::<Instant, _>(At(now))
        .bind::<Instant, _>(At(no_start()))
        .bind::<Instant, _>(At(no_end()))
        .bind::<Text, _>(as_json(coupons))
        .execute(conn)?,
        DbConn::Postgres(conn) => {
            let column =
                |of: fn(&NewCoupon) -> Option<&str>| coupons.iter().map(of).collect::<Vec<_>>();
            let (from, until): (Vec<At>, Vec<At>) =
                coupons.iter().map(|coupon| columns_of(coupon.window)).unzip();
            // An import has its statements planned afresh. The schema's own look-ups of each row's
            // batch and merchant need none of that: planning those, row by row, was most of the
            // work (measured).
            sql_query("SET LOCAL plan_cache_mode = auto").execute(conn)?;
            let inserted = sql_query(
                "INSERT INTO coupons (merchant_id, batch_id, code, folded_code, pin, valid_from, \
                 expires_at, max_redemptions, redemptions, \
                     barred_at, barred_reason, state, created_at) \
                 SELECT $1, $2, code, folded, pin, valid_from, expires_at, max_redemptions, \
                 redemptions, \
                     CASE WHEN reason IS NOT NULL THEN $3 END, reason, 'available', $3 \
                 FROM unnest($4, $5, $6, $7, $8, $9, $10, $11) \
                     AS t (code, folded, pin, valid_from, expires_at, max_redemptions, \
                     redemptions, reason)",
            )
            .bind::<BigInt, _>(scope.merchant().0)
            .bind::<BigInt, _>(batch.0)
            .bind::<Instant, _>(At(now))
            .bind::<Array<Text>, _>(
                coupons.iter().map(|coupon| coupon.code.as_str()).collect::<Vec<_>>(),
            )
            .bind::<Array<Nullable<Text>>, _>(column(|coupon| coupon.folded.as_deref()))
            .bind::<Array<Nullable<Text>>, _>(column(|coupon| coupon.pin.as_deref()))
            .bind::<Array<Instant>, _>(from)
            .bind::<Array<Instant>, _>(until)
            .bind::<Array<BigInt>, _>(
                coupons.iter().map(|coupon| coupon.max_redemptions).collect::<Vec<_>>(),
            )
            .bind::<Array<BigInt>, _>(
                coupons.iter().map(|coupon| coupon.redemptions).collect::<Vec<_>>(),
            )
            .bind::<Array<Nullable<Text>>, _>(column(|coupon| coupon.barred_reason.as_deref()))
            .execute(conn)?;
            sql_query("SET LOCAL plan_cache_mode = force_custom_plan").execute(conn)?;
            inserted
        }
    };
    if inserted == coupons.len() {
        Ok(())
    } else {
        Err(Error::Corrupt("not every code of a slice was written".into()))
    }
}

/// Counts a slice that was just inserted. It counts once the batch is published that far.
pub fn count_slice(tx: &mut WriteTx<'_>, scope: Scope, slice: Slice<'_>) -> Result<i64, Error> {
    let Slice { batch, above, at: now, .. } = slice;
    // Not the highest of the whole batch: without statistics PostgreSQL would read all of it for
    // each slice (measured).
    let slice = c::table
        .filter(c::merchant_id.eq(scope.merchant().0))
        .filter(c::batch_id.eq(batch.0))
        .filter(c::id.gt(above));
    let highest: Option<i64> = slice.select(max(c::id)).first(&mut **tx)?;
    let highest = highest.unwrap_or(above);
    sql_query(
        "INSERT INTO stock_movements (merchant_id, batch_id, coupon_to, valid_from, expires_at, \
         day, \
             clean, barred, redeemed, allocated, replaced, withdrawn) \
         SELECT merchant_id, batch_id, $1, valid_from, expires_at, $2, \
             sum(CASE WHEN barred_at IS NULL AND redemptions = 0 THEN 1 ELSE 0 END), \
             sum(CASE WHEN barred_at IS NOT NULL THEN 1 ELSE 0 END), \
             sum(CASE WHEN barred_at IS NULL AND redemptions > 0 THEN 1 ELSE 0 END), 0, 0, 0 \
         FROM coupons WHERE merchant_id = $3 AND batch_id = $4 AND id > $5 GROUP BY merchant_id, \
         batch_id, valid_from, expires_at",
    )
    .bind::<BigInt, _>(highest)
    .bind::<Text, _>(now.format("%Y-%m-%d").to_string())
    .bind::<BigInt, _>(scope.merchant().0)
    .bind::<BigInt, _>(batch.0)
    .bind::<BigInt, _>(above)
    .execute(&mut **tx)?;
    Ok(highest)
}

/// The highest coupon of the batch that everybody may see.
pub fn published_to(conn: &mut DbConn, scope: Scope, batch: BatchId) -> Result<i64, Error> {
    Ok(b::table
        .filter(b::merchant_id.eq(scope.merchant().0))
        .filter(b::id.eq(batch.0))
        .select(b::published_to)
        .first(conn)?)
}

/// An array of arrays, as SQLite unpacks it again.
fn as_json(coupons: &[NewCoupon]) -> String {
    let time = |at: Option<DateTime<Utc>>| at.map(instant::text);
    let rows: Vec<_> = coupons
        .iter()
        .map(|coupon| {
            let NewCoupon {
                code,
                folded,
                pin,
                window,
                max_redemptions,
                redemptions,
                barred_reason,
            } = coupon;
            (
                code,
                folded,
                pin,
                time(window.from),
                time(window.until),
                max_redemptions,
                redemptions,
                barred_reason,
            )
        })
        .collect();
    // Texts and numbers always have a form in JSON.
    serde_json::to_string(&rows).unwrap_or_default()
}

/// What an import has brought into its batch.
#[derive(Debug, Clone, Copy)]
pub struct Published {
    /// The highest of its coupons.
    pub highest: i64,
    /// How many they are.
    pub added: i64,
}

/// Makes the batch's new codes visible and counts them as imported, in one row. Answers the ids of
/// these codes: all coupons of the merchant between the first and the last are this import's.
///
/// That holds because a merchant's imports take ids one after the other, and ids only grow: SQLite
/// gives the highest of all and one more, PostgreSQL the next of a sequence that nobody caches.
/// Coupons are only added under the merchant's import lock, which is held from before the first
/// of them until they are published (see `exclusive`). On PostgreSQL the lock ends with the one
/// transaction of the import. On SQLite each transaction that adds a slice first renews the lease:
/// an import that has lost it adds nothing more, and its successor begins by removing what it has
/// left. What is published is never removed, so that no id comes again. Imports of other merchants
/// may take ids in between, hence "of the merchant".
pub fn publish(
    tx: &mut WriteTx<'_>,
    scope: Scope,
    batch: BatchId,
    Published { highest, added }: Published,
) -> Result<Option<CouponRange>, Error> {
    let unpublished = c::table
        .filter(c::merchant_id.eq(scope.merchant().0))
        .filter(c::batch_id.eq(batch.0))
        .filter(c::id.gt(published_to(tx, scope, batch)?));
    let first: Option<i64> = unpublished.select(min(c::id)).first(&mut **tx)?;
    let published = diesel::update(
        b::table.filter(b::merchant_id.eq(scope.merchant().0)).filter(b::id.eq(batch.0)),
    )
    .set((b::published_to.eq(highest), b::imported.eq(b::imported + added)))
    .execute(&mut **tx)?;
    if published != 1 {
        return Err(Error::Corrupt("the batch is gone".into()));
    }
    Ok(first.map(|first| CouponRange { first: CouponId(first), last: CouponId(highest) }))
}

#[derive(QueryableByName)]
struct Leftover {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

/// Removes up to `limit` codes that a killed import has left in the merchant's batches; answers how
/// many.
///
/// Only for the holder of the merchant's import lock: everybody else's unpublished codes are an
/// import at work.
pub fn remove_leftovers(tx: &mut WriteTx<'_>, scope: Scope, limit: i64) -> Result<usize, Error> {
    let found: Vec<Leftover> = find_leftovers(tx, scope.merchant(), limit)?;
    sql_query(
        "DELETE FROM stock_movements WHERE merchant_id = $1 \
             AND coupon_to > (SELECT published_to FROM batches WHERE batches.id = \
             stock_movements.batch_id)",
    )
    .bind::<BigInt, _>(scope.merchant().0)
    .execute(&mut **tx)?;
    let mut removed = 0;
    for some in found.chunks(1000) {
        let ids: Vec<i64> = some.iter().map(|leftover| leftover.id).collect();
        removed += each!(&mut **tx, |conn| diesel::delete(
            c::table.filter(c::merchant_id.eq(scope.merchant().0)).filter(c::id.eq_any(&ids))
        )
        .execute(conn))?;
    }
    Ok(removed)
}

/// Whether a killed import has left codes.
pub fn has_leftovers(conn: &mut DbConn, scope: Scope) -> Result<bool, Error> {
    Ok(!find_leftovers(conn, scope.merchant(), 1)?.is_empty())
}

fn find_leftovers(
    conn: &mut DbConn,
    merchant: MerchantId,
    limit: i64,
) -> Result<Vec<Leftover>, Error> {
    Ok(sql_query(
        "SELECT coupons.id AS id FROM batches JOIN coupons ON coupons.merchant_id = \
         batches.merchant_id \
             AND coupons.batch_id = batches.id AND coupons.id > batches.published_to \
         WHERE batches.merchant_id = $1 LIMIT $2",
    )
    .bind::<BigInt, _>(merchant.0)
    .bind::<BigInt, _>(limit)
    .load(conn)?)
}
