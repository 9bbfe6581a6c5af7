//! Where the search need not look on PostgreSQL: which letters occur in each range of 4,096
//! customers' numbers.
//!
//! Triggers note which id ranges changed (in `customer_stretch_changes`), [`settle`] reads them
//! again, and until then nothing is ruled out in them. What it says "no" to is never there; what it
//! does not rule out may be missing all the same. On SQLite there is none.

use std::{collections::BTreeSet, ops::Range};

use diesel::{
    ExpressionMethods, QueryDsl, QueryableByName, RunQueryDsl,
    connection::SimpleConnection,
    sql_types::{BigInt, Bool, Untyped},
};

use super::{
    DbConn, Error, Scope, WriteTx, locks::AdvisoryLock, prepared_sql::PreparedSql,
    schema::customers as c,
};

/// An id range holds the ids that differ in this many low bits only: 4,096 of them.
const ID_RANGE_BITS: u32 = 12;
/// Bits for the groups of letters of an id range. Real names and addresses fill a third of them.
const BITMAP_BITS: usize = 8_192;
/// The first ones, each a letter's own.
const OWN_BITS: usize = 128;
/// The longest group of letters.
const MAX_GRAM_CHARS: usize = 3;
/// How many groups of a very long word are looked up: a few are enough to rule out an id range.
const MAX_GRAMS_ASKED: usize = 24;

/// The ids of a range.
pub fn numbers(stretch: i64) -> Range<i64> {
    stretch << ID_RANGE_BITS..(stretch + 1) << ID_RANGE_BITS
}

/// The bit of a group of letters. Every version must give it the same one, or forget what is
/// stored. A letter of ASCII has one for itself: nothing else would tell that it is nowhere.
fn bit(group: &[char]) -> usize {
    if let [letter] = group
        && let Some(own) = usize::try_from(u32::from(*letter)).ok().filter(|own| *own < OWN_BITS)
    {
        return own;
    }
    let mixed = group.iter().fold(0xCBF2_9CE4_8422_2325_u64, |hash, c| {
        (hash ^ u64::from(u32::from(*c))).wrapping_mul(0x0100_0000_01B3)
    });
    usize::try_from(mixed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40).unwrap_or_default()
        % (BITMAP_BITS - OWN_BITS)
        + OWN_BITS
}

/// The bits of all groups of letters in these texts.
fn letters(texts: &[String]) -> Vec<u8> {
    let mut bytes = vec![0_u8; BITMAP_BITS / 8];
    for word in texts.iter().flat_map(|text| text.split_whitespace()) {
        let word: Vec<char> = word.chars().collect();
        for group in (1..=MAX_GRAM_CHARS).flat_map(|length| word.windows(length)) {
            let bit = bit(group);
            bytes[bit / 8] |= 1 << (bit % 8);
        }
    }
    bytes
}

/// The bits that a text in which all these words occur must have, those of the longest groups
/// first: they rule out most. The shorter ones in them have bits of their own, which another
/// group's bit does not stand for.
fn asked(words: &[&str]) -> BTreeSet<usize> {
    let words: Vec<Vec<char>> = words.iter().map(|word| word.chars().collect()).collect();
    let groups = (1..=MAX_GRAM_CHARS)
        .rev()
        .flat_map(|length| words.iter().flat_map(move |word| word.windows(length).map(bit)));
    groups.take(MAX_GRAMS_ASKED).collect()
}

/// Up to `limit` id ranges with ids below `below` in which texts with all these words may be,
/// the newest first; PostgreSQL only.
pub fn perhaps_in(
    conn: &mut DbConn,
    scope: Scope,
    words: &[&str],
    below: i64,
    limit: i64,
) -> Result<Vec<i64>, Error> {
    let bits: Vec<i64> =
        asked(words).into_iter().map(|bit| i64::try_from(bit).unwrap_or_default()).collect();
    let has_all = (0..bits.len())
        .map(|at| format!(" AND get_bit(letters, :bit{at}) = 1"))
        .collect::<Vec<_>>()
        .concat();
    let text = format!(
        "SELECT stretch FROM (SELECT stretch FROM customer_stretches WHERE merchant_id = :merchant \
         AND stretch <= :newest{has_all} UNION SELECT stretch FROM customer_stretch_changes WHERE \
         merchant_id = :merchant AND stretch <= :newest) AS s ORDER BY stretch DESC LIMIT :limit"
    );
    let mut ranges = PreparedSql::<BigInt>::new(text)
        .bind("merchant", scope.merchant().0)
        .bind("newest", (below - 1) >> ID_RANGE_BITS)
        .bind("limit", limit);
    for (at, bit) in bits.into_iter().enumerate() {
        ranges = ranges.bind(format!("bit{at}"), bit);
    }
    Ok(ranges.load(conn)?)
}

#[derive(QueryableByName)]
struct ChangedRange {
    #[diesel(sql_type = BigInt)]
    merchant_id: i64,
    #[diesel(sql_type = BigInt)]
    stretch: i64,
}

/// Whether an id range waits to be read again.
pub fn has_changes(conn: &mut DbConn) -> Result<bool, Error> {
    match conn {
        DbConn::Sqlite(_) => Ok(false),
        DbConn::Postgres(c) => {
            let text = "SELECT EXISTS (SELECT FROM customer_stretch_changes)";
            Ok(PreparedSql::<Bool>::new(text).planned_afresh().get_result(c)?)
        }
    }
}

/// Reads up to `limit` changed id ranges again; returns how many. None while another server does
/// it.
///
/// A change is removed only after it is committed, and the customers are read after that: those
/// who commit later leave theirs, and a search in between sees either the change or
/// what came of it.
pub fn settle(tx: &mut WriteTx<'_>, limit: i64) -> Result<usize, Error> {
    match &mut **tx {
        DbConn::Sqlite(_) => return Ok(0),
        DbConn::Postgres(c) => c.batch_execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")?,
    }
    if !AdvisoryLock::CustomerIdRanges.try_take(tx)? {
        return Ok(0);
    }
    let changed: Vec<ChangedRange> = PreparedSql::<Untyped>::new(
        "WITH due AS (SELECT DISTINCT merchant_id, stretch FROM customer_stretch_changes \
         ORDER BY merchant_id, stretch LIMIT :limit), \
             gone AS (DELETE FROM customer_stretch_changes AS ch USING due \
                 WHERE ch.merchant_id = due.merchant_id AND ch.stretch = due.stretch \
                 RETURNING ch.merchant_id, ch.stretch) \
         SELECT DISTINCT merchant_id, stretch FROM gone",
    )
    .bind("limit", limit)
    .planned_afresh()
    .load(&mut **tx)?;
    for ChangedRange { merchant_id, stretch } in &changed {
        let numbers = numbers(*stretch);
        let within = c::table
            .filter(c::merchant_id.eq(*merchant_id))
            .filter(c::id.ge(numbers.start))
            .filter(c::id.lt(numbers.end));
        let texts: Vec<String> = within.select(c::search).load(&mut **tx)?;
        PreparedSql::<()>::new(
            "INSERT INTO customer_stretches (merchant_id, stretch, letters) VALUES (:merchant, \
             :stretch, :letters) \
             ON CONFLICT (merchant_id, stretch) DO UPDATE SET letters = excluded.letters",
        )
        .bind("merchant", *merchant_id)
        .bind("stretch", *stretch)
        .bind("letters", letters(&texts).as_slice())
        .execute(&mut **tx)?;
    }
    Ok(changed.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_the_bits_of_every_word_in_it() {
        let stored = letters(&["zoe o’brien\nzoe@mail.example".into(), "анна\nc-01".into()]);
        let has =
            |word: &str| asked(&[word]).iter().all(|bit| stored[bit / 8] & (1 << (bit % 8)) != 0);
        for word in [
            "z",
            "zo",
            "zoe",
            "oe@",
            "’br",
            "mail.example",
            "zoe@mail.example",
            "нн",
            "анна",
            "-01",
        ] {
            assert!(has(word), "{word}");
        }
        assert!(!has("aoife") && !has("zoé") && !has("brienzoe") && !has("q"));
    }

    #[test]
    fn a_bit_stays_what_it_was() {
        assert_eq!(
            ["a", "zoe", "нна"].map(|group| bit(&group.chars().collect::<Vec<_>>())),
            [97, 2_672, 5_871]
        );
    }
}
