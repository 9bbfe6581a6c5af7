//! Customers: added, changed where the file says something else, left alone where it says nothing.

use std::{
    collections::{HashMap, HashSet},
    io::Write,
};

use crate::{
    app::imports::{
        file::{
            SpooledRows,
            rows::{FileRow, ParsedCustomer},
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
        imports::customers::{self as db, IdOfAddress, ImportedPerson, KnownCustomer},
    },
    domain::Invalid,
};

const CHUNK_ROWS: usize = 1_000;

/// Compares the good rows, which come by address, with the merchant's customers.
pub fn apply(
    job: &mut Job<'_, '_>,
    spooled: SpooledRows,
    out: &mut dyn Write,
) -> Result<Report, ImportError> {
    let (mut rows, tally) = spooled.open()?;
    job.in_one_transaction(tally, out, |job, tx, tally| {
        let (mut done, mut merge) = (0, Merge { tally, last: None });
        loop {
            let entries = take_some(&mut rows, CHUNK_ROWS)?;
            if entries.is_empty() {
                return Ok(());
            }
            done += entries.len() as u64;
            merge.apply_some(job, tx, entries)?;
            job.tell(merge.tally.progress(done))?;
        }
    })
}

/// The last row that was taken: an address that comes again is compared with it.
struct LastTakenRow {
    line: u64,
    row: ParsedCustomer,
}

/// Rows on their way into the database.
struct Merge<'t> {
    tally: &'t mut Tally,
    last: Option<LastTakenRow>,
}

impl Merge<'_> {
    fn apply_some(
        &mut self,
        job: &Job<'_, '_>,
        tx: &mut WriteTx<'_>,
        entries: Vec<SpooledRow>,
    ) -> Result<(), ImportError> {
        let Self { tally, last } = self;
        let mut rows = Vec::with_capacity(entries.len());
        for entry in entries {
            let row = FileRow {
                layout: &tally.layout,
                record: &entry.record,
                zone: job.request.merchant.zone,
            }
            .customer()?;
            rows.push((entry, row));
        }
        let emails: Vec<String> =
            rows.iter().map(|(_, row)| row.email.as_str().to_owned()).collect();
        let known: HashMap<String, KnownCustomer> =
            db::find_by_email(tx, job.request.scope, &emails)?
                .into_iter()
                .map(|known| (known.person.email.clone(), known))
                .collect();
        let mut fresh: Vec<(u64, ImportedPerson)> = Vec::new();
        // Whose ID comes with this row: that another customer has it too is reported.
        let mut with_new_id: Vec<(u64, IdOfAddress)> = Vec::new();
        for (entry, row) in rows {
            let line = entry.record.line;
            if let Some(taken) = last.as_ref().filter(|taken| taken.row.email == row.email) {
                if taken.row == row {
                    tally.report.unchanged += 1;
                } else {
                    let why = format!(
                        "this address is already in the file, on line {}, with different content",
                        taken.line
                    );
                    tally.reject(&entry.record, Cause::Conflict, &Invalid::because(why))?;
                }
                continue;
            }
            match known.get(row.email.as_str()) {
                None => {
                    let person = merged(None, &row);
                    with_new_id.extend(IdOfAddress::of(&person).map(|id| (line, id)));
                    fresh.push((line, person));
                }
                Some(known) if known.purged => {
                    tally.reject(
                        &entry.record,
                        Cause::Conflict,
                        &Invalid::because("this customer was purged"),
                    )?;
                    continue;
                }
                Some(known) => {
                    let person = merged(Some(&known.person), &row);
                    if person == known.person {
                        tally.report.unchanged += 1;
                    } else if db::update(tx, job.request.scope, known.no, &person)? {
                        tally.report.updated += 1;
                        if person.customer_id != known.person.customer_id {
                            with_new_id.extend(IdOfAddress::of(&person).map(|id| (line, id)));
                        }
                    } else {
                        tally.reject(
                            &entry.record,
                            Cause::Conflict,
                            &Invalid::because("this customer was purged"),
                        )?;
                        continue;
                    }
                }
            }
            *last = Some(LastTakenRow { line, row });
        }
        note_second_addresses(job, tx, tally, &with_new_id)?;
        fresh.sort_unstable_by_key(|(line, _)| *line);
        tally.report.new += fresh.len() as u64;
        let people: Vec<ImportedPerson> = fresh.into_iter().map(|(_, person)| person).collect();
        db::insert(tx, job.request.scope, &people, job.desk.clock.now())?;
        Ok(())
    }
}

/// Notes the customer IDs that another customer has, who has another address: in the database or
/// among these rows.
fn note_second_addresses(
    job: &Job<'_, '_>,
    tx: &mut WriteTx<'_>,
    tally: &mut Tally,
    arrived: &[(u64, IdOfAddress)],
) -> Result<(), ImportError> {
    let ids: Vec<&IdOfAddress> = arrived.iter().map(|(_, id)| id).collect();
    let stored = db::with_other_addresses(tx, job.request.scope, &ids)?;
    let mut here = HashSet::new();
    for (line, id) in arrived {
        let is_first_here = here.insert(&id.customer_id);
        if !is_first_here || stored.contains(&id.customer_id) {
            tally.report.findings.note_second_address(*line, &id.customer_id);
        }
    }
    Ok(())
}

/// What is stored, overlaid with what the row says; a column that the file leaves out says nothing.
fn merged(stored: Option<&ImportedPerson>, row: &ParsedCustomer) -> ImportedPerson {
    let field = |said: &Option<Option<String>>, stored: Option<&Option<String>>| {
        said.clone().unwrap_or_else(|| stored.cloned().flatten())
    };
    ImportedPerson {
        email: row.email.as_str().to_owned(),
        customer_id: field(&row.customer_id, stored.map(|s| &s.customer_id)),
        first_name: field(&row.first_name, stored.map(|s| &s.first_name)),
        last_name: field(&row.last_name, stored.map(|s| &s.last_name)),
        locale: field(&row.locale, stored.map(|s| &s.locale)),
        receives_emails: row.receives_emails.or(stored.map(|s| s.receives_emails)).unwrap_or(true),
    }
}
