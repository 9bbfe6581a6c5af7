//! Purges: each row names a person, by e-mail, by customer ID or by both. All of a file or none of
//! it.

use std::{
    collections::{BTreeSet, HashSet},
    io::Write,
};

use crate::{
    app::{
        customers::purge_customer,
        imports::{
            file::{
                SpooledRows,
                rows::{FileRow, ParsedPurge},
                sorted_spool::Sorted,
                take_some,
            },
            findings::Cause,
            job::Job,
            request::ImportError,
            tally::{Report, Tally},
        },
    },
    db::{WriteTx, imports::customers, purges},
    domain::{
        Invalid,
        audit::{Action, NewRecord},
        ids::CustomerNo,
    },
};

const LOOKUP_BATCH_ROWS: usize = 1_000;

/// Purges the people whom the good rows, which come by line, name. They count as updated.
pub fn apply(
    job: &mut Job<'_, '_>,
    spooled: SpooledRows,
    out: &mut dyn Write,
) -> Result<Report, ImportError> {
    let (mut rows, tally) = spooled.open()?;
    let report = job.in_one_transaction(tally, out, |job, tx, tally| {
        // Whom before what: who is purged by one row can't be found by the next.
        let people = find_people(job, tx, &mut rows, tally)?;
        for no in people {
            if !purge(job, tx, no)? {
                return Err(crate::db::Error::overtaken(
                    "someone else purged a customer in the meantime",
                )
                .into());
            }
            tally.report.updated += 1;
        }
        Ok(())
    })?;
    if report.updated > 0 && !job.request.dry_run {
        purge_customer::leave_nothing_behind(job.desk);
    }
    Ok(report)
}

/// Everybody whom a row names, once, in the order of their numbers: that is how they are locked.
fn find_people(
    job: &mut Job<'_, '_>,
    tx: &mut WriteTx<'_>,
    rows: &mut Sorted,
    tally: &mut Tally,
) -> Result<BTreeSet<CustomerNo>, ImportError> {
    let (mut people, mut done) = (BTreeSet::new(), 0);
    loop {
        let entries = take_some(rows, LOOKUP_BATCH_ROWS)?;
        if entries.is_empty() {
            return Ok(people);
        }
        done += entries.len() as u64;
        for entry in entries {
            let row = FileRow {
                layout: &tally.layout,
                record: &entry.record,
                zone: job.request.merchant.zone,
            }
            .purge()?;
            match find_one(job, tx, &row)? {
                Ok(no) if people.insert(no) => {}
                Ok(_) => tally.report.unchanged += 1,
                Err(why) => tally.reject(&entry.record, Cause::Conflict, &Invalid::because(why))?,
            }
        }
        job.tell(tally.progress(done))?;
    }
}

/// The one person whom the row names, or why there is none.
fn find_one(
    job: &Job<'_, '_>,
    tx: &mut WriteTx<'_>,
    row: &ParsedPurge,
) -> Result<Result<CustomerNo, &'static str>, ImportError> {
    let by_email = match &row.email {
        Some(email) => Some(
            customers::find_by_email(tx, job.request.scope, &[email.as_str().to_owned()])?
                .into_iter()
                .map(|known| known.no),
        ),
        None => None,
    };
    let by_id = match &row.customer_id {
        Some(id) => Some(customers::find_by_customer_id(tx, job.request.scope, id)?.into_iter()),
        None => None,
    };
    let found: HashSet<CustomerNo> = match (by_email, by_id) {
        (Some(by_email), Some(by_id)) => {
            by_email.collect::<HashSet<_>>().intersection(&by_id.collect()).copied().collect()
        }
        (Some(by_email), None) => by_email.collect(),
        (None, by_id) => by_id.into_iter().flatten().collect(),
    };
    let both = row.email.is_some() && row.customer_id.is_some();
    Ok(match found.into_iter().collect::<Vec<_>>().as_slice() {
        [one] => Ok(*one),
        [] if both => Err(
            "no customer has both this email and this customer ID; nobody was purged for this row",
        ),
        [] => Err("no customer has this email or customer ID; they may already be purged"),
        [..] => Err("several customers have this customer ID; use the email instead"),
    })
}

fn purge(job: &Job<'_, '_>, tx: &mut WriteTx<'_>, no: CustomerNo) -> Result<bool, ImportError> {
    let Some(customer) =
        purges::lock(tx, job.request.scope, no)?.filter(|customer| customer.purged_at.is_none())
    else {
        return Ok(false);
    };
    let mut record =
        NewRecord::new(Some(job.request.merchant.id), Action::CustomerPurged, job.request.actor);
    record.customer = Some(customer.no);
    record.request_id = job.request.request_id.map(ToOwned::to_owned);
    purge_customer::purge_in(tx, job.request.scope, record, job.desk.clock.now())?;
    Ok(true)
}
