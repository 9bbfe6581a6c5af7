//! Adds an empty voucher batch.

use chrono::{DateTime, Utc};

use crate::{
    app::Error,
    db::{self, Database, batches::NewBatch},
    domain::{
        Invalid,
        audit::{Action, Actor, NewRecord},
        batch::Window,
        ids::BatchId,
        zone::{self, Bound},
    },
};

/// What is known of the new batch; dates as they were typed.
#[derive(Debug)]
pub struct AddBatch {
    pub name: String,
    pub merchant: String,
    pub valid_from: Option<String>,
    pub valid_until: Option<String>,
    pub uses_per_code: i64,
    pub case_sensitive: bool,
}

/// Adds the batch. Dates are days in the merchant's zone, or times with an offset.
pub fn add_batch(db: &Database, now: DateTime<Utc>, new: &AddBatch) -> Result<BatchId, Error> {
    let name = crate::app::names::check("the batch's name", &new.name)?;
    if new.uses_per_code < 1 {
        return Err(Invalid::because("a code needs at least one use").into());
    }
    db.write(|tx| {
        let (scope, merchant) = crate::app::find_merchant(tx, &new.merchant)?;
        let date = |what: &str, text: &Option<String>, bound| {
            let parse = |text: &String| {
                zone::parse_instant(text, merchant.zone, bound)
                    .map_err(|why| Invalid::because(format!("{what}: {why}")))
            };
            text.as_ref().map(parse).transpose()
        };
        let window = Window {
            from: date("the start of the validity", &new.valid_from, Bound::Start)?,
            until: date("the end of the validity", &new.valid_until, Bound::End)?,
        };
        if window.is_empty() {
            return Err(Invalid::because("the start must be before the end").into());
        }
        let taken = || {
            Error::from(Invalid::because(format!(
                "{} already has a batch {name:?}; choose another name",
                merchant.slug
            )))
        };
        if db::batches::name_is_taken(tx, scope, &name)? {
            return Err(taken());
        }
        let row = NewBatch {
            name: &name,
            window,
            uses_per_code: new.uses_per_code,
            case_sensitive: new.case_sensitive,
        };
        let id = db::batches::add(tx, scope, &row, now).map_err(|error| match error {
            db::Error::Conflict(which) if which.is_about("batches", "name") => taken(),
            other => other.into(),
        })?;
        let mut record = NewRecord::new(Some(scope.merchant()), Action::BatchAdded, Actor::Cli)
            .detail("batch", name.as_str())
            .detail("uses_per_code", new.uses_per_code)
            .detail("case_sensitive", new.case_sensitive);
        record.batch = Some(id);
        for (key, at) in [("valid_from", window.from), ("valid_until", window.until)] {
            if let Some(at) = at {
                record = record.detail(key, zone::rfc3339(at));
            }
        }
        db::audit::append(tx, &record, now)?;
        Ok(id)
    })
}
