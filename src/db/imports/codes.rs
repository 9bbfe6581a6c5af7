//! Coupons by the codes that rows name, many at once; and taking one out of stock. The rule: the
//! exact string first, then without case in batches that ignore case.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap},
};

use chrono::{DateTime, Utc};
use diesel::{
    ExpressionMethods, QueryDsl, Queryable, QueryableByName, RunQueryDsl, sql_query,
    sql_types::{Array, BigInt, Nullable, Text},
};

use super::super::{
    DbConn, Error, Scope, WriteTx,
    instant::{At, Instant},
    schema::{batches as b, coupons as c},
};
use crate::{
    domain::{
        code::{self, CouponCode},
        coupon::CouponState,
        fold,
        ids::{BatchId, CouponId, RewardNo, UserId},
    },
    each,
};

/// A coupon as imports see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownCoupon {
    pub id: CouponId,
    pub batch: BatchId,
    pub state: CouponState,
    pub reward: Option<RewardNo>,
    pub barred: bool,
    pub redemptions: i64,
    pub max_redemptions: i64,
    /// When it came in.
    pub imported_at: DateTime<Utc>,
}

impl KnownCoupon {
    pub fn is_in_stock(&self) -> bool {
        self.state == CouponState::Available
    }
}

/// The coupons of a set of codes.
#[derive(Debug, Default)]
pub struct CouponsByCode {
    exact: HashMap<String, CouponId>,
    folded: HashMap<String, CouponId>,
    coupons: HashMap<CouponId, KnownCoupon>,
}

impl CouponsByCode {
    /// The coupon with that code; in `batch`, if given, should two batches have one.
    pub fn find(&self, code: &CouponCode, batch: Option<BatchId>) -> Option<&KnownCoupon> {
        let exact = self.exact.get(code.as_str()).and_then(|id| self.coupons.get(id));
        let folded = self.folded.get(&code.folded()).and_then(|id| self.coupons.get(id));
        let in_batch = |known: &&KnownCoupon| batch.is_none_or(|batch| known.batch == batch);
        exact.filter(in_batch).or(folded.filter(in_batch)).or(exact).or(folded)
    }

    pub fn get_mut(&mut self, id: CouponId) -> Option<&mut KnownCoupon> {
        self.coupons.get_mut(&id)
    }

    pub fn holds(&self, id: CouponId) -> bool {
        self.coupons.contains_key(&id)
    }

    fn add(&mut self, rows: Vec<KnownCouponRow>) -> Result<(), Error> {
        for row in rows {
            let id = CouponId(row.id);
            // Composed, whatever form it was stored in.
            if row.folded.is_some() {
                self.folded.insert(fold::code(&row.code), id);
            }
            self.exact.insert(fold::nfc(&row.code).into_owned(), id);
            let known = KnownCoupon {
                id,
                batch: BatchId(row.batch),
                state: row.state.parse()?,
                reward: row.reward.map(RewardNo),
                barred: row.barred_at.is_some(),
                redemptions: row.redemptions,
                max_redemptions: row.max_redemptions,
                imported_at: row.created_at.0,
            };
            self.coupons.insert(id, known);
        }
        Ok(())
    }

    /// Forgets all coupons but those whose codes have these letters.
    pub fn keep(&mut self, letters: &str) {
        self.exact.retain(|code, _| fold::code(code) == letters);
        self.folded.retain(|folded, _| folded == letters);
        let kept: BTreeSet<CouponId> = self.exact.values().copied().collect();
        self.coupons.retain(|id, _| kept.contains(id));
    }

    /// Takes in more coupons; those that are here already stay as they are.
    pub fn learn(&mut self, found: Self) {
        self.exact.extend(found.exact);
        self.folded.extend(found.folded);
        for (id, known) in found.coupons {
            self.coupons.entry(id).or_insert(known);
        }
    }
}

#[derive(Queryable)]
struct KnownCouponRow {
    id: i64,
    batch: i64,
    code: String,
    folded: Option<String>,
    state: String,
    reward: Option<i64>,
    barred_at: Option<At>,
    redemptions: i64,
    max_redemptions: i64,
    created_at: At,
}

const COLUMNS: (
    c::id,
    c::batch_id,
    c::code,
    c::folded_code,
    c::state,
    c::reward,
    c::barred_at,
    c::redemptions,
    c::max_redemptions,
    c::created_at,
) = (
    c::id,
    c::batch_id,
    c::code,
    c::folded_code,
    c::state,
    c::reward,
    c::barred_at,
    c::redemptions,
    c::max_redemptions,
    c::created_at,
);

/// A coupon by its code.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, QueryableByName)]
pub struct Coded {
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    #[diesel(sql_type = Text)]
    pub code: String,
    #[diesel(sql_type = Nullable<Text>, column_name = folded_code)]
    pub folded: Option<String>,
    #[diesel(sql_type = BigInt, column_name = batch_id)]
    pub batch: i64,
}

/// How many values a list in a statement has at most: SQLite binds each by itself.
const AT_ONCE: usize = 1000;

/// All coupons that have one of these codes, or the letters of one of `folded`; those of unfinished
/// imports too. What is found is in composed form, however it was stored.
pub fn probe(
    conn: &mut DbConn,
    scope: Scope,
    codes: &[String],
    folded: &[String],
) -> Result<Vec<Coded>, Error> {
    let mut found: Vec<Coded> = Vec::new();
    let codes = &with_other_forms(codes, code::stored_forms);
    let folded = &with_other_forms(folded, code::stored_letters);
    match conn {
        DbConn::Sqlite(conn) => {
            let of_merchant = || {
                c::table.filter(c::merchant_id.eq(scope.merchant().0)).select((
                    c::id,
                    c::code,
                    c::folded_code,
                    c::batch_id,
                ))
            };
            for some in codes.chunks(AT_ONCE) {
                found.append(&mut of_merchant().filter(c::code.eq_any(some)).load(conn)?);
            }
            for some in folded.chunks(AT_ONCE) {
                found.append(&mut of_merchant().filter(c::folded_code.eq_any(some)).load(conn)?);
            }
        }
        DbConn::Postgres(conn) => {
            for (column, wanted) in [("code", &**codes), ("folded_code", &**folded)] {
                let query = sql_query(probe_on_postgres(column));
                found.append(
                    &mut query
                        .bind::<BigInt, _>(scope.merchant().0)
                        .bind::<Array<Text>, _>(wanted)
                        .load(conn)?,
                );
            }
        }
    }
    for coded in found.iter_mut().filter(|coded| !coded.code.is_ascii()) {
        coded.folded = coded.folded.as_ref().map(|_| fold::code(&coded.code));
        coded.code = fold::nfc(&coded.code).into_owned();
    }
    Ok(found)
}

/// The texts and, of those beyond ASCII, the other forms under which they may be stored.
fn with_other_forms(texts: &[String], forms: fn(&str) -> Vec<String>) -> Cow<'_, [String]> {
    if texts.iter().all(|text| text.is_ascii()) {
        return Cow::Borrowed(texts);
    }
    Cow::Owned(texts.iter().flat_map(|text| forms(text)).collect())
}

/// Finds $1's coupons by the texts $2 in that column: one look into one index for each, whatever
/// the statistics say. After a killed import they can say "no rows at all", and any index that
/// begins with the merchant is as good as another then; each look would read all of the merchant's
/// codes, for hours (measured). The sum hides the merchant from those indexes.
pub fn probe_on_postgres(column: &str) -> String {
    format!(
        "SELECT c.id, c.code, c.folded_code, c.batch_id FROM unnest($2) AS wanted (text) CROSS \
         JOIN LATERAL \
         (SELECT * FROM coupons WHERE {column} = wanted.text AND merchant_id + 0 = $1 OFFSET 0) \
         AS c"
    )
}

/// Drops the coupons of imports that have not finished, or never will.
pub fn keep_published(
    conn: &mut DbConn,
    scope: Scope,
    found: &mut Vec<Coded>,
) -> Result<(), Error> {
    if found.is_empty() {
        return Ok(());
    }
    // Not joined above: the planner would begin with the batch, which is growing, and read all of
    // it for each slice (measured).
    let batches: BTreeSet<i64> = found.iter().map(|coded| coded.batch).collect();
    let own = b::table
        .filter(b::merchant_id.eq(scope.merchant().0))
        .filter(b::id.eq_any(Vec::from_iter(batches)));
    let ends: HashMap<i64, i64> =
        each!(conn, |conn| own.select((b::id, b::published_to)).load(conn))?.into_iter().collect();
    found.retain(|coded| ends.get(&coded.batch).is_some_and(|end| coded.id <= *end));
    Ok(())
}

/// The published coupons with one of these codes, locked until the transaction ends.
pub fn lock_by_code(
    tx: &mut WriteTx<'_>,
    scope: Scope,
    codes: &[CouponCode],
) -> Result<CouponsByCode, Error> {
    by_code(tx, scope, codes, true)
}

/// The published coupons with one of these codes as they are now, for a dry run: nothing
/// is locked, and no lock waited for.
pub fn find_by_code(
    conn: &mut DbConn,
    scope: Scope,
    codes: &[CouponCode],
) -> Result<CouponsByCode, Error> {
    by_code(conn, scope, codes, false)
}

fn by_code(
    conn: &mut DbConn,
    scope: Scope,
    codes: &[CouponCode],
    locked: bool,
) -> Result<CouponsByCode, Error> {
    let ids = published(conn, scope, codes)?;
    let mut all = CouponsByCode::default();
    for some in ids.chunks(AT_ONCE) {
        // In the order of ids, alone and not joined: those who lock in one order do not deadlock,
        // and a row that had to be waited for is read afresh. The sum leaves PostgreSQL the ids to
        // go by, and no index that begins with the merchant.
        let of_merchant = c::table.filter((c::merchant_id + 0).eq(scope.merchant().0));
        let query = of_merchant.filter(c::id.eq_any(some)).order(c::id).select(COLUMNS);
        let rows: Vec<KnownCouponRow> = match conn {
            DbConn::Sqlite(conn) => query.load(conn)?,
            DbConn::Postgres(conn) if locked => query.for_update().load(conn)?,
            DbConn::Postgres(conn) => query.load(conn)?,
        };
        all.add(rows)?;
    }
    Ok(all)
}

/// The numbers of the published coupons with one of these codes, in order.
fn published(conn: &mut DbConn, scope: Scope, codes: &[CouponCode]) -> Result<Vec<i64>, Error> {
    // Each text once: a file may name one code in all of its rows.
    let exact: BTreeSet<&str> = codes.iter().map(CouponCode::as_str).collect();
    let folded: BTreeSet<String> = codes.iter().map(CouponCode::folded).collect();
    let exact: Vec<String> = exact.into_iter().map(ToOwned::to_owned).collect();
    let mut found = probe(conn, scope, &exact, &Vec::from_iter(folded))?;
    keep_published(conn, scope, &mut found)?;
    let mut ids: Vec<i64> = found.into_iter().map(|coded| coded.id).collect();
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// A coupon about to be barred.
#[derive(Debug, Clone, Copy)]
pub struct NewBar<'a> {
    pub coupon: CouponId,
    pub reason: &'a str,
}

/// Bars locked coupons, each for its reason, by that user or by nobody in particular.
///
/// Errors: [`Error::Corrupt`] when one of them is not there.
pub fn bar(
    tx: &mut WriteTx<'_>,
    scope: Scope,
    bars: &[NewBar<'_>],
    (by, now): (Option<UserId>, DateTime<Utc>),
) -> Result<(), Error> {
    let by = by.map(|by| by.0);
    let barred = match &mut **tx {
        DbConn::Sqlite(conn) => {
            let rows: Vec<_> = bars.iter().map(|bar| (bar.coupon.0, bar.reason)).collect();
            // Texts and numbers always have a form in JSON.
            let rows = serde_json::to_string(&rows).unwrap_or_default();
            sql_query(
                "UPDATE coupons SET barred_at = ?2, barred_by = ?3, barred_reason = bar.value ->> \
                 1, changed_at = ?2 \
                 FROM json_each(?4) AS bar WHERE coupons.merchant_id = ?1 AND coupons.id = \
                 bar.value ->> 0",
            )
            .bind::<BigInt, _>(scope.merchant().0)
            .bind::<Instant, _>(At(now))
            .bind::<Nullable<BigInt>, _>(by)
            .bind::<Text, _>(rows)
            .execute(conn)?
        }
        DbConn::Postgres(conn) => sql_query(
            "UPDATE coupons SET barred_at = $2, barred_by = $3, barred_reason = bar.reason, \
             changed_at = $2 \
             FROM unnest($4, $5) AS bar (coupon, reason) WHERE coupons.merchant_id + 0 = $1 AND \
             coupons.id = bar.coupon",
        )
        .bind::<BigInt, _>(scope.merchant().0)
        .bind::<Instant, _>(At(now))
        .bind::<Nullable<BigInt>, _>(by)
        .bind::<Array<BigInt>, _>(bars.iter().map(|bar| bar.coupon.0).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(bars.iter().map(|bar| bar.reason).collect::<Vec<_>>())
        .execute(conn)?,
    };
    if barred == bars.len() {
        Ok(())
    } else {
        Err(Error::Corrupt("a coupon that was locked could not be barred".into()))
    }
}

/// Bars a coupon that is in stock and not barred yet; false when it was not.
pub fn bar_in_stock(
    tx: &mut WriteTx<'_>,
    scope: Scope,
    bar: NewBar<'_>,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let in_stock = c::table
        .filter(c::merchant_id.eq(scope.merchant().0))
        .filter(c::id.eq(bar.coupon.0))
        .filter(c::state.eq("available"))
        .filter(c::barred_at.is_null());
    let barred = diesel::update(in_stock)
        .set((c::barred_at.eq(At(now)), c::barred_reason.eq(bar.reason), c::changed_at.eq(At(now))))
        .execute(&mut **tx)?;
    Ok(barred == 1)
}
