//! Redemptions: recorded once each, and counted while the coupon has uses left. Which rows are uses
//! that are new is decided in memory, by what is stored of the coupons and what the rows before have
//! made of it: the preview and the import both decide so. What the shop and the desk disagree on is
//! noted after the last row.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    io::Write,
};

use chrono::{DateTime, Utc};

use super::code_rows::{CodeRows, LOOKUP_ROWS, some_at_a_time};
use crate::{
    app::imports::{
        file::{
            SpooledRows,
            records::FileRecord,
            rows::{FileRow, ParsedRedemption},
            sorted_spool::{SortedSpool, SpooledRow},
            take_some,
        },
        findings::Cause,
        job::Job,
        request::ImportError,
        tally::{Report, Tally},
    },
    db::{
        DbConn, Error, Scope, WriteTx,
        imports::{
            codes::{self, CouponsByCode, KnownCoupon},
            exclusive::ImportAccess,
            redemptions::{self, Use},
        },
        redemption_findings::{self, NewFinding},
    },
    domain::{
        Invalid,
        coupon::CouponState,
        coupon_list::Disagreement,
        ids::CouponId,
        redemption::{self, UseIdentity, is_before_hand_out},
    },
};

/// Compares the good rows, which come by code, with the merchant's coupons and what is recorded of
/// them, and records the new ones.
pub fn apply(
    job: &mut Job<'_, '_>,
    spooled: SpooledRows,
    out: &mut dyn Write,
) -> Result<Report, ImportError> {
    let (mut rows, tally) = spooled.open()?;
    job.in_one_transaction(tally, out, |job, tx, tally| {
        let mut judge = Judge { uses: Uses::default(), noted: Some(Disagreements::default()) };
        some_at_a_time(job, &mut rows, tally, |job, tally, rows: CodeRows<ParsedRedemption>| {
            let found = codes::lock_by_code(tx, job.request.scope, &rows.codes())?;
            judge.uses.go_on(&rows.first_letters(), found);
            let stored = look(tx, job.request.scope, &judge.uses, &rows)?;
            judge.uses.learn(stored);
            judge.decide(job, rows, tally)?.write(tx, job)
        })?;
        // A file of which nothing could be taken changes nothing; its rejects tell all there is to
        // tell.
        match judge.noted.filter(|_| tally.report.accepted() > 0) {
            Some(disagreements) => disagreements.note(job, tx, tally),
            None => Ok(()),
        }
    })
}

/// Tells what [`apply`] would do, and that is all: it waits for nobody, and nobody waits for it.
pub fn check(
    job: &mut Job<'_, '_>,
    spooled: SpooledRows,
    out: &mut dyn Write,
) -> Result<Report, ImportError> {
    let (mut rows, mut tally) = spooled.open()?;
    let mut judge = Judge { uses: Uses::default(), noted: None };
    let mut access = ImportAccess::read_only(&job.desk.db);
    some_at_a_time(job, &mut rows, &mut tally, |job, tally, rows: CodeRows<ParsedRedemption>| {
        let found =
            access.read(|conn| codes::find_by_code(conn, job.request.scope, &rows.codes()))?;
        judge.uses.go_on(&rows.first_letters(), found);
        let stored = access.read(|conn| look(conn, job.request.scope, &judge.uses, &rows))?;
        judge.uses.learn(stored);
        judge.decide(job, rows, tally).map(drop)
    })?;
    tally.close(out)
}

/// Reads what is stored of the uses that the rows name; their coupons are known to `uses`.
fn look(
    conn: &mut DbConn,
    scope: Scope,
    uses: &Uses,
    rows: &CodeRows<ParsedRedemption>,
) -> Result<StoredUses, Error> {
    let mut coupons: BTreeMap<CouponId, &KnownCoupon> = BTreeMap::new();
    let mut named: Vec<Use> = Vec::with_capacity(rows.0.len());
    for (_, row) in &rows.0 {
        if let Some(known) = uses.named_by(row) {
            coupons.insert(known.id, known);
            named.push(use_of(known, row));
        }
    }
    let replaced: Vec<CouponId> = coupons
        .values()
        .filter(|known| known.state == CouponState::Replaced)
        .map(|known| known.id)
        .collect();
    let with_reward: Vec<CouponId> =
        coupons.values().filter(|known| known.reward.is_some()).map(|known| known.id).collect();
    let uncounted: Vec<CouponId> =
        coupons.into_keys().filter(|coupon| !uses.has_counted(*coupon)).collect();
    Ok(StoredUses {
        recorded: redemptions::find_recorded(conn, scope, &named)?,
        counts: redemptions::count_recorded(conn, scope, &uncounted)?,
        replaced: redemption_findings::replaced_at(conn, scope, &replaced)?,
        handed_out: redemption_findings::handed_out_at(conn, scope, &with_reward)?,
    })
}

/// What is to be written for some rows.
#[derive(Default)]
struct Effects {
    recorded: Vec<Use>,
    counted: BTreeMap<CouponId, i64>,
}

/// Decides on rows. A preview notes no disagreements.
struct Judge {
    uses: Uses,
    noted: Option<Disagreements>,
}

impl Judge {
    /// Decides on the rows, one after the other.
    fn decide(
        &mut self,
        job: &Job<'_, '_>,
        rows: CodeRows<ParsedRedemption>,
        tally: &mut Tally,
    ) -> Result<Effects, ImportError> {
        let (mut effects, now) = (Effects::default(), job.desk.clock.now());
        for (entry, row) in rows.0 {
            if let Err(why) =
                redemption::check_used_at(row.redeemed_at, now, job.request.merchant.zone)
            {
                tally.reject(
                    &entry.record,
                    Cause::Malformed,
                    &Invalid::because(format!("redeemed_at: {why}")),
                )?;
                continue;
            }
            let UseVerdict { fate, disagreement } = self.uses.judge(&row);
            if let (Some(noted), Some((kind, coupon))) = (&mut self.noted, disagreement) {
                noted.add(&entry.record, kind, coupon)?;
            }
            match fate {
                UseFate::New { one, counts } => {
                    tally.report.new += 1;
                    if counts {
                        *effects.counted.entry(one.coupon).or_default() += 1;
                    }
                    effects.recorded.push(one);
                }
                UseFate::Unchanged => tally.report.unchanged += 1,
                UseFate::NoSuchCode => {
                    tally.reject(
                        &entry.record,
                        Cause::Conflict,
                        &Invalid::because("this merchant has no voucher with this code"),
                    )?;
                }
                UseFate::Full(gone, of) => {
                    let why = format!("the coupon is already fully redeemed ({gone} of {of})");
                    tally.reject(&entry.record, Cause::Conflict, &Invalid::because(why))?;
                }
            }
        }
        Ok(effects)
    }
}

impl Effects {
    fn write(self, tx: &mut WriteTx<'_>, job: &Job<'_, '_>) -> Result<(), ImportError> {
        fail::fail_point!("redemptions::judged");
        let now = job.desk.clock.now();
        if !redemptions::count_uses(
            tx,
            job.request.scope,
            &self.counted.into_iter().collect::<Vec<_>>(),
            now,
        )? {
            return Err(
                Error::Corrupt("a coupon that was locked had fewer uses left".into()).into()
            );
        }
        Ok(redemptions::insert(tx, job.request.scope, &self.recorded, now)?)
    }
}

/// What is known of the coupons that rows name. Rows of one code, in any spelling, must follow each
/// other.
#[derive(Debug, Default)]
struct Uses {
    coupons: CouponsByCode,
    recorded: HashSet<(CouponId, UseIdentity)>,
    /// How many uses of each coupon are recorded with their details.
    counts: HashMap<CouponId, i64>,
    replaced: HashMap<CouponId, DateTime<Utc>>,
    handed_out: HashMap<CouponId, DateTime<Utc>>,
}

/// What is stored of uses and their coupons.
#[derive(Debug, Default)]
struct StoredUses {
    recorded: Vec<Use>,
    counts: HashMap<CouponId, i64>,
    replaced: HashMap<CouponId, DateTime<Utc>>,
    handed_out: HashMap<CouponId, DateTime<Utc>>,
}

/// What is to become of a row.
#[derive(Debug, PartialEq, Eq)]
struct UseVerdict {
    fate: UseFate,
    /// What the shop and the desk disagree on, with the coupon where the code has one.
    disagreement: Option<(Disagreement, Option<CouponId>)>,
}

#[derive(Debug, PartialEq, Eq)]
enum UseFate {
    /// To be recorded; `counts` when the coupon has one use fewer for it.
    New {
        one: Use,
        counts: bool,
    },
    Unchanged,
    NoSuchCode,
    /// This many uses are gone, of this many.
    Full(i64, i64),
}

impl Uses {
    /// Goes on to rows that name these coupons; `letters` are those of the first row's code, which
    /// the rows before may have named too.
    fn go_on(&mut self, letters: &str, found: CouponsByCode) {
        let Self { coupons, recorded, counts, replaced, handed_out } = self;
        coupons.keep(letters);
        recorded.retain(|(coupon, _)| coupons.holds(*coupon));
        counts.retain(|coupon, _| coupons.holds(*coupon));
        replaced.retain(|coupon, _| coupons.holds(*coupon));
        handed_out.retain(|coupon, _| coupons.holds(*coupon));
        coupons.learn(found);
    }

    /// Takes in what is stored of these coupons and of uses of theirs.
    fn learn(&mut self, stored: StoredUses) {
        self.recorded.extend(stored.recorded.iter().map(Use::identity));
        self.counts.extend(stored.counts);
        self.replaced.extend(stored.replaced);
        self.handed_out.extend(stored.handed_out);
    }

    /// Whether it is known how many uses of the coupon are recorded, those of the rows before among
    /// them: to be learnt once only.
    fn has_counted(&self, coupon: CouponId) -> bool {
        self.counts.contains_key(&coupon)
    }

    /// The coupon that a row names.
    fn named_by(&self, row: &ParsedRedemption) -> Option<&KnownCoupon> {
        self.coupons.find(&row.code, None)
    }

    /// Decides on the next row, and goes on as if that were done already.
    fn judge(&mut self, row: &ParsedRedemption) -> UseVerdict {
        let found = self.named_by(row).map(|known| known.id);
        let Some(known) = found.and_then(|id| self.coupons.get_mut(id)) else {
            return UseVerdict {
                fate: UseFate::NoSuchCode,
                disagreement: Some((Disagreement::Unknown, None)),
            };
        };
        let one = use_of(known, row);
        let (replaced, handed_out) =
            (self.replaced.get(&one.coupon), self.handed_out.get(&one.coupon));
        let disagreement =
            disagreement(known, replaced, handed_out, &one).map(|kind| (kind, Some(one.coupon)));
        if self.recorded.contains(&one.identity()) {
            // What Mark as used has recorded was compared with nothing yet.
            return UseVerdict { fate: UseFate::Unchanged, disagreement };
        }
        let count = self.counts.entry(one.coupon).or_default();
        // A count that came with the vouchers file covers rows from before that file; a later
        // row is a use of its own.
        let untold = known.redemptions > 0 && *count < known.redemptions;
        let told_of = untold && one.at < known.imported_at;
        let has_room = known.redemptions < known.max_redemptions;
        let counts = !told_of && has_room;
        if !counts && !untold {
            return UseVerdict {
                fate: UseFate::Full(known.redemptions, known.max_redemptions),
                disagreement,
            };
        }
        known.redemptions += i64::from(counts);
        *count += 1;
        self.recorded.insert(one.identity());
        UseVerdict { fate: UseFate::New { one, counts }, disagreement }
    }
}

/// The use of that coupon that a row tells.
fn use_of(known: &KnownCoupon, row: &ParsedRedemption) -> Use {
    Use { coupon: known.id, at: row.redeemed_at, order: row.order.clone() }
}

/// Judged at the time of the use: a code that leaked while it was in stock is no better for having
/// been handed out since.
fn disagreement(
    known: &KnownCoupon,
    replaced: Option<&DateTime<Utc>>,
    handed_out: Option<&DateTime<Utc>>,
    one: &Use,
) -> Option<Disagreement> {
    if known.reward.is_none() || handed_out.is_some_and(|at| is_before_hand_out(one.at, *at)) {
        return Some(Disagreement::NotIssued);
    }
    let after = known.state == CouponState::Replaced && replaced.is_some_and(|at| one.at > *at);
    after.then_some(Disagreement::Replaced)
}

/// The rows with a disagreement, by line.
#[derive(Default)]
struct Disagreements(SortedSpool);

impl Disagreements {
    fn add(
        &mut self,
        record: &FileRecord,
        kind: Disagreement,
        coupon: Option<CouponId>,
    ) -> Result<(), ImportError> {
        let note = coupon.map_or_else(String::new, |coupon| format!("{} {coupon}", kind.as_str()));
        self.0.push(b"", &note, record).map_err(ImportError::Staging)
    }

    /// Notes all of them, each once.
    fn note(
        self,
        job: &Job<'_, '_>,
        tx: &mut WriteTx<'_>,
        tally: &Tally,
    ) -> Result<(), ImportError> {
        let mut rows = self.0.sorted().map_err(ImportError::Staging)?;
        loop {
            let some = take_some(&mut rows, LOOKUP_ROWS)?;
            if some.is_empty() {
                return Ok(());
            }
            let new: Vec<NewFinding> =
                some.iter().map(|entry| finding(job, tally, entry)).collect::<Result<_, _>>()?;
            redemption_findings::note(tx, job.request.scope, &new, job.desk.clock.now())?;
        }
    }
}

fn finding(
    job: &Job<'_, '_>,
    tally: &Tally,
    entry: &SpooledRow,
) -> Result<NewFinding, ImportError> {
    let row =
        FileRow { layout: &tally.layout, record: &entry.record, zone: job.request.merchant.zone }
            .redemption()?;
    let (kind, coupon) = read_note(&entry.note)
        .ok_or_else(|| Error::unreadable("a temporary file holds something else"))?;
    Ok(NewFinding { kind, code: row.code, coupon, redeemed_at: row.redeemed_at, order: row.order })
}

/// What [`Disagreements::add`] has written.
fn read_note(note: &str) -> Option<(Disagreement, Option<CouponId>)> {
    if note.is_empty() {
        return Some((Disagreement::Unknown, None));
    }
    let (kind, coupon) = note.split_once(' ')?;
    let kind = Disagreement::ALL.into_iter().find(|one| one.as_str() == kind)?;
    Some((kind, Some(CouponId(coupon.parse().ok()?))))
}
