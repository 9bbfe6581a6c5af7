//! Cells into values: the checks that every text, number, date and yes/no of an import goes
//! through.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::domain::{
    Invalid,
    damage::Damage,
    fold, invisible,
    zone::{Bound, parse_instant},
};

/// The longest text in most columns; longer ones are a wrong column or an attack, not a name.
pub const LONGEST: usize = 255;

/// One line of text in Unicode's composed form, or `None` for an empty cell. Invisible characters
/// are dropped, but for those that shape words.
pub fn text(column: &str, cell: &str, longest: usize) -> Result<Option<String>, Invalid> {
    let cell = invisible::shown(cell);
    let cell = &*fold::nfc(&cell);
    if cell.is_empty() {
        return Ok(None);
    }
    let length = cell.chars().count();
    if length > longest {
        return Err(Invalid::because(format!(
            "{column} has {length} characters; at most {longest} are allowed"
        )));
    }
    if cell.chars().any(char::is_control) {
        return Err(Invalid::because(format!(
            "{column} contains a line break or control character"
        )));
    }
    Ok(Some(cell.to_owned()))
}

/// A reference that must survive a spreadsheet, or `None` for an empty cell.
pub fn reference(column: &str, cell: &str) -> Result<Option<String>, Invalid> {
    if let Some(damage) = Damage::of(cell).filter(|damage| damage.is_number()) {
        return Err(damage.reason(column));
    }
    text(column, cell, LONGEST)
}

/// A date or time, or `None` for an empty cell.
pub fn instant(
    column: &str,
    cell: &str,
    zone: Tz,
    bound: Bound,
) -> Result<Option<DateTime<Utc>>, Invalid> {
    if cell.is_empty() {
        return Ok(None);
    }
    parse_instant(cell, zone, bound)
        .map(Some)
        .map_err(|why| Invalid::because(format!("{column}: {why}")))
}

/// A whole number from `least` on, or `None` for an empty cell.
pub fn number(column: &str, cell: &str, least: i64) -> Result<Option<i64>, Invalid> {
    const MAX_USES: i64 = 1_000_000_000;
    if cell.is_empty() {
        return Ok(None);
    }
    match cell.parse::<i64>() {
        Ok(number) if (least..=MAX_USES).contains(&number) => Ok(Some(number)),
        _ => Err(Invalid::because(format!(
            "{column} must be a whole number from {least} to {MAX_USES}"
        ))),
    }
}

/// yes or no, or `None` for an empty cell.
pub fn yes_no(column: &str, cell: &str) -> Result<Option<bool>, Invalid> {
    match cell.to_lowercase().as_str() {
        "" => Ok(None),
        "yes" => Ok(Some(true)),
        "no" => Ok(Some(false)),
        _ => Err(Invalid::because(format!("{column} must be yes or no"))),
    }
}

/// The value, or a sentence that the cell is empty.
pub fn required<T>(column: &str, value: Option<T>) -> Result<T, Invalid> {
    value.ok_or_else(|| Invalid::because(format!("{column} is empty")))
}
