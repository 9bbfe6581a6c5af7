//! The steps of a search by words. Each looks at a bounded number of customers and index entries,
//! and says whether that was all.

use std::{collections::BTreeSet, ops::Range};

use diesel::{
    EscapeExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl,
    TextExpressionMethods,
    sql_types::{Array, BigInt, Nullable},
};

use super::{
    DbConn, Error, Scope,
    among::among as one_of,
    customer_id_ranges,
    customers::{COLUMNS, CustomerRow},
    planner::hidden_text,
    prepared_sql::PreparedSql,
    schema::customers as c,
};

/// The shortest word that trigrams can find.
const TRIGRAM_CHARS: usize = 3;
/// How many customers a step looks at: some milliseconds, and more than share two words of a name
/// among a million.
pub const MAX_ROWS: i64 = 10_000;
/// The same for each of the four columns in which a short word may be the beginning.
const MAX_ROWS_OF_A_PREFIX: i64 = MAX_ROWS / 4;
/// How many entries of one trigram in SQLite's index are read: those with fewer are rare, and their
/// customers are looked at.
const MAX_ENTRIES: i64 = 2 * MAX_ROWS;
/// Of a long term not every trigram is counted.
const MAX_TRIGRAMS: usize = 24;
/// How many id ranges that are not ruled out are looked through before PostgreSQL's index is asked,
/// a millisecond each at most.
const MAX_RANGES: usize = 4;
/// How many of the newest and of the oldest customers tell what most of all have.
const SAMPLE_ROWS: i64 = 100;

/// What a step has found.
pub(super) struct LookupStep {
    pub rows: Vec<CustomerRow>,
    /// Nobody was left out who is older, or comes later in the order, than those who were found.
    pub is_all: bool,
}

/// Whether trigrams can find the word.
pub(super) fn is_long(word: &str) -> bool {
    word.chars().count() >= TRIGRAM_CHARS
}

/// How many are still to be found.
pub(super) fn missing(limit: i64, rows: &[CustomerRow]) -> i64 {
    limit - i64::try_from(rows.len()).unwrap_or(limit)
}

/// The pattern of texts in which the word occurs.
fn anywhere(word: &str) -> String {
    format!("%{}%", word.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"))
}

/// Looks through up to `max` of the newest below a number; answers also below which number nobody
/// was looked at.
pub(super) fn newest(
    conn: &mut DbConn,
    scope: Scope,
    words: &[&str],
    below: i64,
    max: i64,
    limit: i64,
) -> Result<(Vec<CustomerRow>, Option<i64>), Error> {
    let next = after_newest(conn, scope, below, max)?;
    let rows = within(conn, scope, words, next.map_or(0, |id| id + 1)..below, limit)?;
    Ok((rows, next.map(|id| id + 1)))
}

/// The newest customer below a number who comes after `max` others.
fn after_newest(
    conn: &mut DbConn,
    scope: Scope,
    below: i64,
    max: i64,
) -> Result<Option<i64>, Error> {
    let mine = c::table.filter(c::merchant_id.eq(scope.merchant().0)).filter(c::id.lt(below));
    Ok(mine.order(c::id.desc()).offset(max).select(c::id).first(conn).optional()?)
}

/// Looks through the customers with these numbers, from the newest on.
fn within(
    conn: &mut DbConn,
    scope: Scope,
    words: &[&str],
    numbers: Range<i64>,
    limit: i64,
) -> Result<Vec<CustomerRow>, Error> {
    let mut query = c::table
        .filter(c::merchant_id.eq(scope.merchant().0))
        .filter(c::id.ge(numbers.start))
        .filter(c::id.lt(numbers.end))
        .order(c::id.desc())
        .limit(limit)
        .select(COLUMNS)
        .into_boxed();
    for word in words {
        // Joined to nothing the text is not what the trigram index is on: PostgreSQL would go
        // through all who have a common word.
        query = query.filter(c::search.concat("").like(anywhere(word)).escape('\\'));
    }
    Ok(query.load(conn)?)
}

/// Those below a number, by an index.
pub(super) fn indexed(
    conn: &mut DbConn,
    scope: Scope,
    words: &[&str],
    mut below: i64,
    limit: i64,
) -> Result<LookupStep, Error> {
    if let DbConn::Sqlite(_) = conn {
        return by_trigrams(conn, scope, words, below, limit);
    }
    // Words of names are close together: few ranges are left, or they are everywhere and the first
    // ones fill the page.
    let few = i64::try_from(MAX_RANGES).unwrap_or(i64::MAX);
    let ranges = customer_id_ranges::perhaps_in(conn, scope, words, below, few + 1)?;
    let mut rows = vec![];
    for range in ranges.iter().take(MAX_RANGES) {
        let numbers = customer_id_ranges::numbers(*range);
        rows.extend(within(
            conn,
            scope,
            words,
            numbers.start..numbers.end.min(below),
            missing(limit, &rows),
        )?);
        below = numbers.start;
        if missing(limit, &rows) <= 0 {
            return Ok(LookupStep { rows, is_all: true });
        }
    }
    if ranges.len() <= MAX_RANGES {
        return Ok(LookupStep { rows, is_all: true });
    }
    let older = by_trigrams(conn, scope, words, below, missing(limit, &rows))?;
    rows.extend(older.rows);
    Ok(LookupStep { rows, is_all: older.is_all })
}

fn by_trigrams(
    conn: &mut DbConn,
    scope: Scope,
    words: &[&str],
    below: i64,
    limit: i64,
) -> Result<LookupStep, Error> {
    // An index counts other merchants' customers too: where there are few of this one, they are
    // looked through instead.
    if after_newest(conn, scope, below, MAX_ROWS)?.is_none() {
        return Ok(LookupStep { rows: within(conn, scope, words, 0..below, limit)?, is_all: true });
    }
    let telling = telling(conn, scope, words, below)?;
    if telling.is_empty() {
        let (rows, next) = newest(conn, scope, words, below, MAX_ROWS, limit)?;
        return Ok(LookupStep { is_all: next.is_none() || missing(limit, &rows) <= 0, rows });
    }
    let (found, is_all) = match conn {
        DbConn::Sqlite(_) => from_fts(conn, scope, words, &telling, below, limit)?,
        DbConn::Postgres(_) => from_gin(conn, scope, words, &telling, below, limit)?,
    };
    let mine = c::table.filter(c::merchant_id.eq(scope.merchant().0));
    let these = one_of(conn, c::id, found);
    Ok(LookupStep {
        rows: mine.filter(these).order(c::id.desc()).select(COLUMNS).load(conn)?,
        is_all,
    })
}

/// Of the words that trigrams can find those that an index is worth asking for: not what most of
/// some customers have, such as a mail domain, since an index goes through everybody who has it.
/// Some are the newest, others the oldest: what is only close together is not with both.
fn telling<'w>(
    conn: &mut DbConn,
    scope: Scope,
    words: &[&'w str],
    below: i64,
) -> Result<Vec<&'w str>, Error> {
    let mut telling: Vec<&str> = words.iter().copied().filter(|word| is_long(word)).collect();
    if words.len() > 1 {
        let mine = c::table.filter(c::merchant_id.eq(scope.merchant().0)).filter(c::id.lt(below));
        let mut some: Vec<String> =
            mine.order(c::id.desc()).limit(SAMPLE_ROWS).select(c::search).load(conn)?;
        some.extend(
            mine.order(c::id.asc()).limit(SAMPLE_ROWS).select(c::search).load::<String>(conn)?,
        );
        telling.retain(|word| {
            4 * some.iter().filter(|text| text.contains(word)).count() <= 3 * some.len()
        });
    }
    Ok(telling)
}

/// FTS5 answers from the newest on and stops when there are enough. Before that, two looks at the
/// index alone say how far back it has to go: to where the rarest trigram has [`MAX_ENTRIES`], and
/// to where [`MAX_ROWS`] customers have all these words.
fn from_fts(
    conn: &mut DbConn,
    scope: Scope,
    words: &[&str],
    telling: &[&str],
    below: i64,
    limit: i64,
) -> Result<(Vec<i64>, bool), Error> {
    let mut from = None;
    for (n, trigram) in trigrams(telling).iter().enumerate() {
        let reach = nth_entry(conn, &phrase(trigram), below, 0, MAX_ENTRIES)?;
        from = if n == 0 { reach } else { from.min(reach) };
        if from.is_none() {
            break;
        }
    }
    let phrases = telling.iter().map(|word| phrase(word)).collect::<Vec<_>>().join(" AND ");
    from = from.max(nth_entry(conn, &phrases, below, from.unwrap_or(0), MAX_ROWS)?);
    // Narrowed by what FTS5 is not asked or does not know: the other words, and the merchant, older
    // than whose first nobody is looked at.
    let has_all = (0..words.len())
        .map(|at| format!(" AND c.search LIKE :word{at} ESCAPE '\\'"))
        .collect::<Vec<_>>()
        .concat();
    let text = format!(
        "SELECT c.id FROM customers_search s CROSS JOIN customers c ON c.id = s.rowid \
         WHERE s.customers_search MATCH :phrases AND s.rowid < :below AND s.rowid >= max((SELECT \
         min(id) FROM customers WHERE merchant_id = :merchant), :from) \
         AND c.merchant_id = :merchant{has_all} ORDER BY s.rowid DESC LIMIT :limit"
    );
    let fitting = PreparedSql::<BigInt>::new(text)
        .bind("phrases", &phrases)
        .bind("below", below)
        .bind("merchant", scope.merchant().0)
        .bind("from", from.unwrap_or(0))
        .bind("limit", limit);
    let patterns: Vec<String> = words.iter().map(|word| anywhere(word)).collect();
    let found: Vec<i64> = with_words(fitting, &patterns).load(conn)?;
    let is_full = i64::try_from(found.len()).unwrap_or(limit) >= limit;
    Ok((found, is_full || from.is_none()))
}

/// The trigrams of these words, one of each word after the other, so that every word has its say.
fn trigrams(words: &[&str]) -> BTreeSet<String> {
    let words: Vec<Vec<char>> = words.iter().map(|word| word.chars().collect()).collect();
    let longest = words.iter().map(Vec::len).max().unwrap_or(0);
    let all = (0..longest)
        .flat_map(|at| words.iter().filter_map(move |word| word.get(at..at + TRIGRAM_CHARS)));
    all.take(MAX_TRIGRAMS).map(|trigram| trigram.iter().collect()).collect()
}

/// A text as FTS5 looks for it, whatever signs are in it.
fn phrase(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// The number of the customer with the `n`th entry below `below` and from `from` on, the newest
/// first; `None`: there are fewer.
fn nth_entry(
    conn: &mut DbConn,
    phrases: &str,
    below: i64,
    from: i64,
    n: i64,
) -> Result<Option<i64>, Error> {
    let text = "SELECT rowid FROM customers_search WHERE customers_search MATCH :phrases AND \
        rowid < :below AND rowid >= :from ORDER BY rowid DESC LIMIT 1 OFFSET :n";
    let entry = PreparedSql::<BigInt>::new(text)
        .bind("phrases", phrases)
        .bind("below", below)
        .bind("from", from)
        .bind("n", n);
    Ok(entry.load(conn)?.pop())
}

/// The statement with these values for `:word0`, `:word1` and so on.
fn with_words<'a, ST>(
    statement: PreparedSql<'a, ST>,
    patterns: &'a [String],
) -> PreparedSql<'a, ST> {
    let numbered = patterns.iter().enumerate();
    numbered
        .fold(statement, |statement, (at, pattern)| statement.bind(format!("word{at}"), pattern))
}

/// PostgreSQL's trigram index knows neither order nor merchant: up to [`MAX_ROWS`] who have the
/// words are looked at, and the newest of those who fit are taken.
fn from_gin(
    conn: &mut DbConn,
    scope: Scope,
    words: &[&str],
    telling: &[&str],
    below: i64,
    limit: i64,
) -> Result<(Vec<i64>, bool), Error> {
    let DbConn::Postgres(conn) = conn else { return Ok((vec![], true)) };
    let patterns: Vec<String> = words.iter().map(|word| anywhere(word)).collect();
    let with = |is_indexed: bool| {
        let numbered = words.iter().enumerate();
        numbered.filter(move |(_, word)| telling.contains(word) == is_indexed).map(|(at, _)| at)
    };
    let fits = with(false)
        .map(|at| format!(" AND {} LIKE :word{at} ESCAPE '\\'", hidden_text!("search")))
        .collect::<Vec<_>>()
        .concat();
    let has: Vec<String> =
        with(true).map(|at| format!("search LIKE :word{at} ESCAPE '\\'")).collect();
    let text = format!(
        "SELECT count(*), (array_agg(id ORDER BY id DESC) FILTER (WHERE fits))[1: :limit] FROM \
         (SELECT id, merchant_id = :merchant AND id < :below{fits} AS fits FROM customers WHERE {} \
         LIMIT :looked) AS looked",
        has.join(" AND ")
    );
    let looked = PreparedSql::<(BigInt, Nullable<Array<BigInt>>)>::new(text)
        .bind("limit", limit)
        .bind("merchant", scope.merchant().0)
        .bind("below", below)
        .bind("looked", MAX_ROWS + 1);
    let looked: (i64, Option<Vec<i64>>) = with_words(looked, &patterns).get_result(conn)?;
    Ok((looked.1.unwrap_or_default(), looked.0 <= MAX_ROWS))
}

/// One or two letters: those whose first name, last name, ID or e-mail begins with the first word
/// and who have the others somewhere.
pub(super) fn prefix(
    conn: &mut DbConn,
    scope: Scope,
    words: &[&str],
    limit: i64,
) -> Result<LookupStep, Error> {
    let Some((first, rest)) = words.split_first() else {
        return Ok(LookupStep { rows: vec![], is_all: true });
    };
    if matches!(conn, DbConn::Postgres(_))
        && !rest.is_empty()
        && customer_id_ranges::perhaps_in(conn, scope, words, i64::MAX, 1)?.is_empty()
    {
        return Ok(LookupStep { rows: vec![], is_all: true });
    }
    // In byte order nothing that begins with the word sorts after this.
    let last = format!("{first}\u{10ffff}");
    // Where there are no others, everybody fits.
    let patterns: Vec<String> = if rest.is_empty() {
        vec!["%".to_owned()]
    } else {
        rest.iter().map(|word| anywhere(word)).collect()
    };
    let fits = (0..patterns.len())
        .map(|at| format!("search LIKE :word{at} ESCAPE '\\'"))
        .collect::<Vec<_>>()
        .join(" AND ");
    let looked = if rest.is_empty() { limit } else { MAX_ROWS_OF_A_PREFIX };
    let (mut found, mut is_all): (Vec<i64>, bool) = (vec![], true);
    for column in ["last_key", "first_key", "id_key", "email"] {
        let begins = format!(
            "FROM customers WHERE merchant_id = :merchant AND {column} >= :first AND {column} < \
             :last ORDER BY {column}, id"
        );
        let with_prefix = |text: String| {
            PreparedSql::<BigInt>::new(text)
                .bind("merchant", scope.merchant().0)
                .bind("first", *first)
                .bind("last", &last)
                .bind("looked", looked)
        };
        let fitting = with_prefix(format!(
            "SELECT id FROM (SELECT {column}, id, search {begins} LIMIT :looked) AS first WHERE \
             {fits} ORDER BY {column}, id LIMIT :limit"
        ))
        .bind("limit", limit);
        let ids: Vec<i64> = with_words(fitting, &patterns).load(conn)?;
        if !rest.is_empty() && i64::try_from(ids.len()).unwrap_or(limit) < limit {
            let more = with_prefix(format!("SELECT id {begins} LIMIT 1 OFFSET :looked"));
            is_all &= more.load::<i64>(conn)?.is_empty();
        }
        found.extend(ids);
    }
    let mut seen = std::collections::HashSet::new();
    found.retain(|id| seen.insert(*id));
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let mine = c::table.filter(c::merchant_id.eq(scope.merchant().0)).filter(one_of(
        conn,
        c::id,
        found.iter().copied(),
    ));
    let mut rows: Vec<(i64, CustomerRow)> = mine.select((c::id, COLUMNS)).load(conn)?;
    rows.sort_by_key(|(id, _)| found.iter().position(|other| other == id));
    Ok(LookupStep {
        rows: rows.into_iter().map(|(_, row)| row).collect(),
        is_all: is_all || seen.len() >= usize::try_from(limit).unwrap_or(0),
    })
}
