//! Coupons in the database: looked up by code, allocated from stock, replaced. One way only, as the
//! schema enforces.

use chrono::{DateTime, Utc};
use diesel::{
    ExpressionMethods, JoinOnDsl, NullableExpressionMethods, OptionalExtension, QueryDsl,
    Queryable, RunQueryDsl, Selectable, SelectableHelper,
    sql_types::{BigInt, Bool, Nullable, Text},
};

use super::{
    DbConn, Error, Scope, WriteTx,
    among::among,
    instant::{At, Instant, no_end, no_start, window_of},
    planner::{WrittenOut, as_one, hidden},
    prepared_sql::PreparedSql,
    schema::{batches, coupons as c, redemptions, repeated_redemptions, users},
};
use crate::domain::{
    batch::Batch,
    code::{self, CouponCode},
    coupon::{Barred, Coupon, CouponState, Redemption},
    fold,
    ids::{BatchId, CouponId, RewardNo},
    pasted::Term,
};

/// A coupon found by its code.
#[derive(Debug, Clone)]
pub struct FoundCode {
    pub id: CouponId,
    pub batch: BatchId,
    pub code: CouponCode,
    pub state: CouponState,
    /// The reward it was ever handed to, also after it was replaced.
    pub reward: Option<RewardNo>,
}

/// The coupon with that code: the exact string first, then without case in batches that ignore
/// case. Spaces around it are forgiven.
pub fn find_by_code(
    conn: &mut DbConn,
    scope: Scope,
    text: &str,
) -> Result<Option<FoundCode>, Error> {
    Ok(find_each(conn, scope, &[fold::nfc(code::trimmed(text)).into_owned()])?.pop())
}

/// The coupons that a pasted term may mean: the one whose code is the term as it was typed, or else
/// all that another reading names, the likeliest first.
pub fn find_pasted(conn: &mut DbConn, scope: Scope, term: &Term) -> Result<Vec<FoundCode>, Error> {
    // Mostly it is the code itself.
    let (itself, others) = term.codes.split_at(term.codes.len().min(1));
    let found = find_each(conn, scope, itself)?;
    if found.is_empty() && !others.is_empty() { find_each(conn, scope, others) } else { Ok(found) }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = c)]
struct FoundCodeRow {
    id: i64,
    batch_id: i64,
    code: String,
    state: String,
    reward: Option<i64>,
}

/// The coupon of each of these codes that there is, each once: the exact string first, then without
/// case.
fn find_each(conn: &mut DbConn, scope: Scope, codes: &[String]) -> Result<Vec<FoundCode>, Error> {
    let visible = || {
        c::table
            .inner_join(batches::table.on(batches::id.eq(c::batch_id)))
            .filter(c::merchant_id.eq(scope.merchant().0))
            .filter(c::id.le(batches::published_to))
    };
    let exact: Vec<String> = codes.iter().flat_map(|code| code::stored_forms(code)).collect();
    let columns = FoundCodeRow::as_select;
    let by_text: Vec<FoundCodeRow> =
        visible().filter(c::code.eq_any(&exact)).select(columns()).load(conn)?;
    let of_text = |code: &String| {
        code::stored_forms(code)
            .iter()
            .find_map(|form| by_text.iter().find(|row| row.code == *form))
    };
    let letters: Vec<String> = codes
        .iter()
        .filter(|code| of_text(code).is_none())
        .flat_map(|code| code::stored_letters(code))
        .collect();
    let by_letters: Vec<(FoundCodeRow, Option<String>)> = if letters.is_empty() {
        vec![]
    } else {
        visible()
            .filter(c::folded_code.eq_any(&letters))
            .select((columns(), c::folded_code))
            .load(conn)?
    };
    let of_letters = |code: &String| {
        let mut forms = code::stored_letters(code).into_iter();
        forms.find_map(|form| {
            by_letters.iter().find(|(_, folded)| folded.as_ref() == Some(&form)).map(|(row, _)| row)
        })
    };
    let mut seen = std::collections::HashSet::new();
    let rows = codes
        .iter()
        .filter_map(|code| of_text(code).or_else(|| of_letters(code)))
        .filter(|row| seen.insert(row.id));
    rows.map(|row| {
        Ok(FoundCode {
            id: CouponId(row.id),
            batch: BatchId(row.batch_id),
            code: CouponCode::stored(row.code.clone()),
            state: row.state.parse()?,
            reward: row.reward.map(RewardNo),
        })
    })
    .collect()
}

/// The codes that are one of `exact`, or one of `folded` in batches that ignore case; sorted. By
/// the two unique indexes: without an order or a limit in the query there is no other way worth
/// trying.
pub fn list_codes_among(
    conn: &mut DbConn,
    scope: Scope,
    exact: Vec<String>,
    folded: Vec<String>,
) -> Result<Vec<CouponCode>, Error> {
    let visible = || {
        c::table
            .inner_join(batches::table.on(batches::id.eq(c::batch_id)))
            .filter(c::merchant_id.eq(scope.merchant().0))
            .filter(c::id.le(batches::published_to))
            .select(c::code)
    };
    let mut codes: Vec<String> = visible().filter(c::code.eq_any(exact)).load(conn)?;
    codes.extend(visible().filter(c::folded_code.eq_any(folded)).load::<String>(conn)?);
    codes.sort_unstable();
    codes.dedup();
    Ok(codes.into_iter().map(CouponCode::stored).collect())
}

/// A current coupon with who barred it and its batch's validity.
#[derive(Queryable, Selectable)]
#[diesel(table_name = c)]
pub(super) struct CurrentCouponRow {
    id: i64,
    batch_id: i64,
    code: String,
    pin: Option<String>,
    valid_from: At,
    expires_at: At,
    redemptions: i64,
    max_redemptions: i64,
    barred_at: Option<At>,
    barred_reason: Option<String>,
    #[diesel(select_expression = users::name.nullable())]
    barred_by: Option<String>,
    reward: Option<i64>,
    #[diesel(select_expression = batches::valid_from)]
    batch_from: At,
    #[diesel(select_expression = batches::valid_until)]
    batch_until: At,
}

impl From<CurrentCouponRow> for Coupon {
    fn from(row: CurrentCouponRow) -> Self {
        let of_batch = window_of(row.batch_from, row.batch_until);
        Self {
            id: CouponId(row.id),
            batch: BatchId(row.batch_id),
            code: CouponCode::stored(row.code),
            pin: row.pin,
            window: window_of(row.valid_from, row.expires_at).within(of_batch),
            redemptions: row.redemptions,
            max_redemptions: row.max_redemptions,
            barred: row.barred_at.map(|at| Barred {
                at: at.0,
                by: row.barred_by,
                reason: row.barred_reason.unwrap_or_default(),
            }),
            first_redemption: None,
            last_redemption: None,
            handed_out_at: None,
            repeats: 0,
            state: CouponState::Allocated,
        }
    }
}

/// The current coupon of each of these rewards.
pub fn current_of_rewards(
    conn: &mut DbConn,
    scope: Scope,
    rewards: &[i64],
) -> Result<Vec<(RewardNo, Coupon)>, Error> {
    let theirs = among(conn, c::reward, rewards.iter().copied());
    let rows: Vec<CurrentCouponRow> = c::table
        .inner_join(batches::table.on(batches::id.eq(c::batch_id)))
        .left_join(users::table.on(users::id.nullable().eq(c::barred_by)))
        .filter(c::merchant_id.eq(scope.merchant().0))
        .filter(theirs)
        .filter(WrittenOut::kept("coupons.state = 'allocated'"))
        .select(CurrentCouponRow::as_select())
        .load(conn)?;
    let mut found: Vec<_> = rows.into_iter().filter_map(current).collect();
    add_redemptions(conn, scope, &mut found)?;
    Ok(found)
}

/// A reward's current coupon, without its uses.
pub(super) fn current(row: CurrentCouponRow) -> Option<(RewardNo, Coupon)> {
    Some((RewardNo(row.reward?), row.into()))
}

/// Adds to coupons that were redeemed the first and the last use, and how many orders were counted
/// twice.
pub(super) fn add_uses(
    conn: &mut DbConn,
    scope: Scope,
    coupons: &mut [(RewardNo, Coupon)],
) -> Result<(), Error> {
    add_redemptions(conn, scope, coupons)?;
    add_repeats(conn, scope, coupons.iter_mut().map(|(_, coupon)| coupon))
}

/// Adds the first and the last redemption to coupons that were redeemed.
fn add_redemptions(
    conn: &mut DbConn,
    scope: Scope,
    coupons: &mut [(RewardNo, Coupon)],
) -> Result<(), Error> {
    let redeemed: Vec<i64> = coupons
        .iter()
        .filter(|(_, coupon)| coupon.redemptions > 0)
        .map(|(_, coupon)| coupon.id.0)
        .collect();
    if redeemed.is_empty() {
        return Ok(());
    }
    let these = among(conn, redemptions::coupon_id, redeemed);
    let rows: Vec<(i64, At, String)> = redemptions::table
        .filter(redemptions::merchant_id.eq(scope.merchant().0))
        .filter(these)
        .order((redemptions::redeemed_at.asc(), redemptions::id.asc()))
        .select((redemptions::coupon_id, redemptions::redeemed_at, redemptions::order_id))
        .load(conn)?;
    for (id, At(at), order) in rows {
        if let Some((_, coupon)) = coupons.iter_mut().find(|(_, coupon)| coupon.id.0 == id) {
            let one = Redemption { at, order_id: Some(order).filter(|o| !o.is_empty()) };
            coupon.first_redemption.get_or_insert_with(|| one.clone());
            coupon.last_redemption = Some(one);
        }
    }
    Ok(())
}

/// Adds how many orders were counted twice to the redeemed ones of these coupons.
pub fn add_repeats<'c>(
    conn: &mut DbConn,
    scope: Scope,
    coupons: impl Iterator<Item = &'c mut Coupon>,
) -> Result<(), Error> {
    let mut redeemed: Vec<&mut Coupon> = coupons.filter(|coupon| coupon.redemptions > 0).collect();
    if redeemed.is_empty() {
        return Ok(());
    }
    let these =
        among(conn, repeated_redemptions::coupon_id, redeemed.iter().map(|coupon| coupon.id.0));
    let rows: Vec<i64> = repeated_redemptions::table
        .filter(repeated_redemptions::merchant_id.eq(scope.merchant().0))
        .filter(these)
        .select(repeated_redemptions::coupon_id)
        .load(conn)?;
    for coupon in &mut redeemed {
        coupon.repeats =
            i64::try_from(rows.iter().filter(|id| **id == coupon.id.0).count()).unwrap_or(i64::MAX);
    }
    Ok(())
}

/// A code's place in the order in which a batch's codes go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CodePlace {
    ends_at: DateTime<Utc>,
    id: i64,
}

impl CodePlace {
    pub fn new(ends_at: DateTime<Utc>, id: i64) -> Self {
        Self { ends_at, id }
    }

    /// Before all codes.
    fn head() -> Self {
        Self { ends_at: no_start(), id: 0 }
    }
}

/// A coupon that was just taken out of stock.
#[derive(Debug, Clone)]
pub struct Allocated {
    pub id: CouponId,
    pub code: CouponCode,
    pub pin: Option<String>,
    /// The effective window, for the record.
    pub valid_from: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub place: CodePlace,
}

/// How often PostgreSQL is asked again when rivals held every candidate; each round means that
/// somebody else got a code.
const MAX_ROUNDS: usize = 200;

/// Takes the usable code that ends soonest out of stock and hands it to the reward, for good; where
/// one is left behind `behind`, the soonest of those. `None`: no usable code is left, not before it
/// either.
pub fn allocate_next(
    tx: &mut WriteTx<'_>,
    scope: Scope,
    batch: &Batch,
    behind: Option<CodePlace>,
    reward: RewardNo,
    now: DateTime<Utc>,
) -> Result<Option<Allocated>, Error> {
    if !batch.window.has_started(now) || batch.window.has_expired(now) {
        return Ok(None);
    }
    let sqlite = matches!(&**tx, DbConn::Sqlite(_));
    // SQLite leaves no dead entries.
    if let (Some(place), false) = (behind, sqlite)
        && let Some(taken) = try_allocate(tx, scope, batch, place, reward, now, Rivals::PassOver)?
    {
        return Ok(Some(taken));
    }
    for round in 0..MAX_ROUNDS {
        // Rows that rivals have locked are passed over; but when nothing else is there, their
        // rollback would free them: only a look that waits for them may say "empty".
        let rivals = match (sqlite, round % 2) {
            (true, _) => Rivals::None,
            (false, 0) => Rivals::PassOver,
            (false, _) => Rivals::WaitFor,
        };
        if let Some(taken) = try_allocate(tx, scope, batch, CodePlace::head(), reward, now, rivals)?
        {
            return Ok(Some(taken));
        }
        let lost_a_race = !sqlite && is_any_usable(tx, scope, batch, now)?;
        if !lost_a_race && (sqlite || round % 2 == 1) {
            return Ok(None);
        }
    }
    Err(Error::Unavailable("too many rivals for the same codes".into()))
}

/// A usable code of one batch, with the values of [`of_usable`]. The hints keep PostgreSQL walking
/// along the order in which codes go out: otherwise it sorts the whole batch (measured: 80 ms for
/// 0.1 ms).
macro_rules! usable {
    () => {
        concat!(
            "c.merchant_id = :merchant AND c.batch_id = :batch AND c.state = 'available' AND c.barred_at IS \
             NULL AND c.redemptions = 0 AND c.expires_at > :now AND ",
            as_one!(
                "c.valid_from <= :now AND ",
                hidden!("c.id"),
                " <= (SELECT published_to FROM batches WHERE batches.id = :batch) AND ",
                hidden!("c.id"),
                " > coalesce((SELECT w.coupon_to FROM withdrawals w WHERE w.merchant_id = :merchant AND \
                 w.batch_id = :batch AND w.ended_at IS NULL), 0)"
            )
        )
    };
}

fn of_usable<ST>(
    text: &'static str,
    scope: Scope,
    batch: &Batch,
    now: DateTime<Utc>,
) -> PreparedSql<'static, ST> {
    PreparedSql::new(text)
        .bind("merchant", scope.merchant().0)
        .bind("batch", batch.id.0)
        .bind("now", At(now))
}

// "= (SELECT … LIMIT 1)" from a CTE, never IN: under a nested loop IN re-runs the sub-select and
// burns many codes.
macro_rules! allocate {
    ($lock:literal) => {
        concat!(
            "WITH next AS (SELECT c.id FROM coupons c WHERE ",
            usable!(),
            " AND (c.expires_at, c.id) > (:end, :id) ORDER BY c.expires_at, c.id LIMIT 1 ",
            $lock,
            ") UPDATE coupons SET state = 'allocated', reward = :reward, changed_at = :now WHERE id = \
             (SELECT id FROM next) \
             RETURNING id, code, pin, valid_from, expires_at"
        )
    };
}

/// What is done about rows that rivals hold.
#[derive(Debug, Clone, Copy)]
enum Rivals {
    /// SQLite: there are none.
    None,
    PassOver,
    WaitFor,
}

fn try_allocate(
    tx: &mut WriteTx<'_>,
    scope: Scope,
    batch: &Batch,
    behind: CodePlace,
    reward: RewardNo,
    now: DateTime<Utc>,
    rivals: Rivals,
) -> Result<Option<Allocated>, Error> {
    let text = match rivals {
        Rivals::None => allocate!(""),
        Rivals::PassOver => allocate!("FOR UPDATE SKIP LOCKED"),
        Rivals::WaitFor => allocate!("FOR UPDATE"),
    };
    let allocation: PreparedSql<'_, (BigInt, Text, Nullable<Text>, Instant, Instant)> =
        of_usable(text, scope, batch, now)
            .bind("end", At(behind.ends_at))
            .bind("id", behind.id)
            .bind("reward", reward.0)
            .with_unseen_values(tx);
    let row: Option<(i64, String, Option<String>, At, At)> =
        allocation.get_result(&mut **tx).optional()?;
    Ok(row.map(|(id, code, pin, valid_from, expires_at)| {
        let window = window_of(valid_from, expires_at).within(batch.window);
        Allocated {
            id: CouponId(id),
            code: CouponCode::stored(code),
            pin,
            place: CodePlace::new(expires_at.0, id),
            valid_from: window.from.unwrap_or_else(no_start),
            expires_at: window.until.unwrap_or_else(no_end),
        }
    }))
}

/// Whether the batch has a code that may be allocated at `now`.
fn is_any_usable(
    conn: &mut DbConn,
    scope: Scope,
    batch: &Batch,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let text = concat!("SELECT EXISTS (SELECT 1 FROM coupons c WHERE ", usable!(), " LIMIT 1)");
    Ok(of_usable::<Bool>(text, scope, batch, now).get_result(conn)?)
}

/// Counts the usable codes above this coupon one by one: those that came in while others are being
/// withdrawn.
pub fn count_usable_above(
    conn: &mut DbConn,
    scope: Scope,
    batch: &Batch,
    above: i64,
    now: DateTime<Utc>,
) -> Result<i64, Error> {
    let text = concat!("SELECT count(*) FROM coupons c WHERE ", usable!(), " AND c.id > :above");
    let counted = of_usable::<BigInt>(text, scope, batch, now).bind("above", above);
    Ok(counted.get_result(conn)?)
}

/// Makes the reward's current coupon a replaced one. `false`: it was no longer the current one,
/// somebody was faster.
pub fn replace(
    tx: &mut WriteTx<'_>,
    scope: Scope,
    old: CouponId,
    reward: RewardNo,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let text = "UPDATE coupons SET state = 'replaced', changed_at = :now WHERE merchant_id = \
        :merchant AND id = :old AND reward = :reward AND state = 'allocated'";
    let replaced = PreparedSql::<()>::new(text)
        .bind("now", At(now))
        .bind("merchant", scope.merchant().0)
        .bind("old", old.0)
        .bind("reward", reward.0);
    Ok(replaced.execute(&mut **tx)? == 1)
}
