//! From domain values to views: dates in the merchant's zone, counts in words, links. No rule is
//! decided here. One file per noun, as in every layer.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::{
    app::Member,
    domain::{batch::StockLeft, zone},
    web::shared::ui::When,
};

/// A moment in the merchant's zone.
pub fn when(member: &Member, at: DateTime<Utc>) -> When {
    when_in(member.merchant.zone, at)
}

/// A moment in a zone, where there is no merchant.
pub fn when_in(zone: Tz, at: DateTime<Utc>) -> When {
    When { datetime_utc: zone::rfc3339(at), text: zone::show(at, zone) }
}

/// A day in the merchant's zone, where the hour says nothing.
pub fn day(member: &Member, at: DateTime<Utc>) -> When {
    When { datetime_utc: zone::rfc3339(at), text: zone::show_day(at, member.merchant.zone) }
}

/// The end of a validity: midnight reads as 23:59 of the day before.
pub fn when_end(member: &Member, at: DateTime<Utc>) -> When {
    When { datetime_utc: zone::rfc3339(at), text: zone::show_end(at, member.merchant.zone) }
}

/// 1234567 -> "1,234,567".
pub fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if number < 0 {
        out.push('-');
    }
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// "39 left", "0 left".
pub fn left(stock: &StockLeft) -> String {
    match stock {
        StockLeft::Usable(count) => format!("{} left", grouped(*count)),
        StockLeft::Short(_) => "0 left".to_owned(),
    }
}

/// "1 code", "2 codes".
pub fn plural(count: i64, one: &str) -> String {
    format!("{} {one}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// "the file is empty; nothing was changed" -> "The file is empty; nothing was changed." A column's
/// name stays as it is written.
pub fn sentence(words: &str) -> String {
    let mut rest = words.chars();
    let is_column = words.split([' ', ':']).next().is_some_and(|first| first.contains('_'));
    let first: String = rest
        .next()
        .map(|c| if is_column { c.to_string() } else { c.to_uppercase().collect() })
        .unwrap_or_default();
    format!("{first}{}{}", rest.as_str(), if words.ends_with(['.', '?', '!']) { "" } else { "." })
}

/// All time zones by name.
pub fn zones() -> Vec<&'static str> {
    chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()).collect()
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn digits_are_grouped_by_three() {
        assert_eq!(
            [0, 7, 999, 1000, 1_234_567].map(grouped),
            ["0", "7", "999", "1,000", "1,234,567"]
        );
    }
}
