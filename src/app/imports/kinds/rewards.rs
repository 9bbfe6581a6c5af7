//! Rewards: history that is added once and never changes, each with the coupon it was given then.

use std::{collections::HashMap, io::Write};

use chrono::{DateTime, Utc};

use crate::{
    app::imports::{
        file::{
            SpooledRows,
            rows::{FileRow, FulfilmentWay, ParsedReward},
            sorted_spool::SpooledRow,
            take_some,
        },
        findings::Cause,
        job::Job,
        request::ImportError,
        tally::{Report, Tally},
    },
    db::{
        WriteTx,
        imports::{
            codes::{self, CouponsByCode, NewBar},
            customers, publish,
            rewards::{self as db, KnownReward, Story},
        },
    },
    domain::{
        Invalid,
        coupon::CouponState,
        ids::{BatchId, CouponId, CustomerNo, RewardNo},
        reward::Fulfilment,
    },
};

const CHUNK_ROWS: usize = 1_000;

/// Compares the good rows, which come by line, with what is stored; then takes the codes of
/// rejected rows out of stock.
pub fn apply(
    job: &mut Job<'_, '_>,
    spooled: SpooledRows,
    out: &mut dyn Write,
) -> Result<Report, ImportError> {
    let (mut rows, tally) = spooled.open()?;
    job.in_one_transaction(tally, out, |job, tx, tally| {
        let (mut done, mut history) = (0, History { tally, batches: Batches::default() });
        loop {
            let entries = take_some(&mut rows, CHUNK_ROWS)?;
            if entries.is_empty() {
                break;
            }
            done += entries.len() as u64;
            history.apply_some(job, tx, entries)?;
            job.tell(history.tally.progress(done))?;
        }
        // Last, so that a code which a good row further down gives to its customer does not get
        // barred under them.
        history.take_out_of_stock(job, tx)
    })
}

/// Batches by name, looked up once each.
#[derive(Default)]
struct Batches(HashMap<String, Option<BatchId>>);

impl Batches {
    fn find(
        &mut self,
        job: &Job<'_, '_>,
        tx: &mut WriteTx<'_>,
        name: &str,
    ) -> Result<Option<BatchId>, ImportError> {
        if let Some(found) = self.0.get(name) {
            return Ok(*found);
        }
        let found =
            publish::find_target_batch(tx, job.request.scope, name)?.and_then(|target| target.id);
        // A file of many made-up names must not fill the memory.
        if self.0.len() < 10_000 {
            self.0.insert(name.to_owned(), found);
        }
        Ok(found)
    }
}

/// Rows on their way into the database.
struct History<'t> {
    tally: &'t mut Tally,
    batches: Batches,
}

impl History<'_> {
    fn apply_some(
        &mut self,
        job: &Job<'_, '_>,
        tx: &mut WriteTx<'_>,
        entries: Vec<SpooledRow>,
    ) -> Result<(), ImportError> {
        let Self { tally, batches } = self;
        let mut rows: Vec<JudgedReward> = Vec::with_capacity(entries.len());
        for entry in entries {
            let row = FileRow {
                layout: &tally.layout,
                record: &entry.record,
                zone: job.request.merchant.zone,
            }
            .reward()?;
            let batch = match &row.batch {
                Some(name) => Some(batches.find(job, tx, name)?.ok_or_else(|| {
                    Invalid::because(format!("this merchant has no batch {name:?}"))
                })),
                None => None,
            };
            rows.push((entry, row, batch));
        }
        let mut desk = Chunk::look_up(job, tx, &rows)?;
        let mut fresh: Vec<(Story, Option<CouponId>)> = Vec::new();
        for (entry, row, batch) in rows {
            match desk.judge(row, batch, job) {
                Ok(Some(new)) => fresh.push(new),
                Ok(None) => tally.report.unchanged += 1,
                Err(why) => {
                    tally.claim(&entry.record)?;
                    tally.reject(&entry.record, Cause::Conflict, &why)?;
                }
            }
        }
        tally.report.new += fresh.len() as u64;
        let stories: Vec<Story> = fresh.iter().map(|(story, _)| story.clone()).collect();
        let numbers = db::insert(tx, job.request.scope, &stories, job.desk.clock.now())?;
        let now = job.desk.clock.now();
        // It was handed out when the reward was issued: that is what a batch's pace is reckoned from.
        let pairs: Vec<(CouponId, RewardNo, DateTime<Utc>)> = fresh
            .iter()
            .filter_map(|(story, coupon)| {
                Some(((*coupon)?, *numbers.get(&story.reward_id)?, story.issued_at.min(now)))
            })
            .collect();
        db::allocate(tx, job.request.scope, &pairs)?;
        Ok(())
    }

    /// Bars the in-stock codes of rejected rows: somebody may hold them.
    fn take_out_of_stock(
        &mut self,
        job: &mut Job<'_, '_>,
        tx: &mut WriteTx<'_>,
    ) -> Result<(), ImportError> {
        let Self { tally, batches } = self;
        let mut claims = tally.claims()?;
        loop {
            let entries = take_some(&mut claims, CHUNK_ROWS)?;
            if entries.is_empty() {
                return Ok(());
            }
            let mut claimed = Vec::with_capacity(entries.len());
            for entry in &entries {
                let row = FileRow {
                    layout: &tally.layout,
                    record: &entry.record,
                    zone: job.request.merchant.zone,
                };
                if let Some(code) = row.claimed_code() {
                    claimed.push((
                        code,
                        batches.find(job, tx, &row.claimed_batch())?,
                        entry.record.line,
                    ));
                }
            }
            let wanted: Vec<_> = claimed.iter().map(|(code, ..)| code.clone()).collect();
            let codes = codes::lock_by_code(tx, job.request.scope, &wanted)?;
            for (code, batch, line) in claimed {
                let Some(known) =
                    codes.find(&code, batch).filter(|known| known.is_in_stock() && !known.barred)
                else {
                    continue;
                };
                let reason = format!("claimed by a rejected row, line {line}");
                let bar = NewBar { coupon: known.id, reason: &reason };
                if codes::bar_in_stock(tx, job.request.scope, bar, job.desk.clock.now())? {
                    tally.report.taken_out_of_stock += 1;
                }
            }
            job.tell(tally.progress(tally.total))?;
        }
    }
}

/// What is stored about the rows at hand, kept up to date while they are judged one by one.
struct Chunk {
    customers: HashMap<String, CustomerNo>,
    rewards: HashMap<String, KnownReward>,
    codes: CouponsByCode,
}

/// A row as read, and the batch it names: not there, or unknown with the reason.
type JudgedReward = (SpooledRow, ParsedReward, Option<Result<BatchId, Invalid>>);

impl Chunk {
    fn look_up(
        job: &Job<'_, '_>,
        tx: &mut WriteTx<'_>,
        rows: &[JudgedReward],
    ) -> Result<Self, ImportError> {
        let emails: Vec<String> =
            rows.iter().map(|(_, row, _)| row.email.as_str().to_owned()).collect();
        let references: Vec<String> =
            rows.iter().map(|(_, row, _)| row.reward_id.clone()).collect();
        let wanted: Vec<_> =
            rows.iter().filter_map(|(_, row, _)| row.code.clone().flatten()).collect();
        let customers = customers::find_by_email(tx, job.request.scope, &emails)?;
        let rewards = db::find_by_reference(tx, job.request.scope, &references)?;
        Ok(Self {
            customers: customers
                .into_iter()
                .filter(|known| !known.purged)
                .map(|known| (known.person.email, known.no))
                .collect(),
            rewards: rewards
                .into_iter()
                .map(|known| (known.story.reward_id.clone(), known))
                .collect(),
            codes: codes::lock_by_code(tx, job.request.scope, &wanted)?,
        })
    }

    /// What the row brings; nothing when it is there already. A reason when it cannot be taken.
    fn judge(
        &mut self,
        row: ParsedReward,
        batch: Option<Result<BatchId, Invalid>>,
        job: &Job<'_, '_>,
    ) -> Result<Option<(Story, Option<CouponId>)>, Invalid> {
        let customer = *self.customers.get(row.email.as_str()).ok_or_else(|| {
            Invalid::because("no customer has this email address; import the customer first")
        })?;
        let batch = batch.transpose()?;
        let (fulfilment, coupon) = match row.way {
            FulfilmentWay::External(provider) => (Fulfilment::External(provider), None),
            FulfilmentWay::Batch => {
                let (batch, coupon) = self.coupon_of(&row, batch)?;
                (Fulfilment::Batch(batch), coupon)
            }
        };
        let story = Story {
            reward_id: row.reward_id,
            customer,
            kind: row.kind,
            title: row.title,
            fulfilment,
            issued_at: row.issued_at.unwrap_or_else(|| job.desk.clock.now()),
        };
        if let Some(known) = self.rewards.get(&story.reward_id) {
            return match difference(
                known,
                &story,
                row.issued_at.is_some(),
                row.code.is_some().then_some(coupon),
            ) {
                None => Ok(None),
                Some(what) => Err(Invalid::because(format!(
                    "a reward with this reward_id already exists, with a different {what}"
                ))),
            };
        }
        if let Some(coupon) = coupon.and_then(|id| self.codes.get_mut(id)) {
            if coupon.reward.is_some() {
                return Err(Invalid::because("the code already belongs to another reward"));
            }
            if !coupon.is_in_stock() {
                return Err(Invalid::because(
                    "the code isn't in stock: it was withdrawn or given to another reward",
                ));
            }
            coupon.state = CouponState::Allocated;
        }
        self.rewards.insert(
            story.reward_id.clone(),
            KnownReward { no: RewardNo(0), story: story.clone(), first_coupon: coupon },
        );
        Ok(Some((story, coupon)))
    }

    fn coupon_of(
        &self,
        row: &ParsedReward,
        batch: Option<BatchId>,
    ) -> Result<(BatchId, Option<CouponId>), Invalid> {
        let Some(code) = row.code.as_ref().and_then(Option::as_ref) else {
            let batch = batch
                .ok_or_else(|| Invalid::because("fulfilment batch needs a batch or a code"))?;
            return Ok((batch, None));
        };
        let coupon = self.codes.find(code, batch).ok_or_else(|| {
            Invalid::because(
                "this merchant has no voucher with this code; import the vouchers first",
            )
        })?;
        match batch {
            Some(batch) if batch != coupon.batch => {
                Err(Invalid::because("the code is in a different batch than the one named"))
            }
            _ => Ok((coupon.batch, Some(coupon.id))),
        }
    }
}

/// The first thing in which the row tells another story than the one stored. What the file leaves
/// out is not compared.
fn difference(
    known: &KnownReward,
    told: &Story,
    tells_time: bool,
    coupon: Option<Option<CouponId>>,
) -> Option<&'static str> {
    let stored = &known.story;
    let differs = [
        (stored.customer != told.customer, "customer"),
        (stored.kind != told.kind, "kind"),
        (stored.title != told.title, "title"),
        (stored.fulfilment != told.fulfilment, "fulfilment or batch"),
        (tells_time && stored.issued_at != told.issued_at, "issued_at"),
        (coupon.is_some_and(|coupon| coupon != known.first_coupon), "code"),
    ];
    differs.into_iter().find_map(|(differs, what)| differs.then_some(what))
}
