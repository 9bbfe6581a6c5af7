//! How spreadsheets and shops write a value in a cell: what is around it is taken off in a file
//! that is read, and put there in one that is written.

use std::borrow::Cow;

use super::invisible::trimmed;

/// What a file for spreadsheets begins with: without it, Excel takes UTF-8 for the system's old
/// encoding.
pub const BYTE_ORDER_MARK: &str = "\u{feff}";

/// What makes a spreadsheet take a cell for a formula; some take the full-width signs for the plain
/// ones.
const SIGNS: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// Where a spreadsheet that expects another delimiter than ours begins a new cell, whatever quotes
/// are around it.
const SEPARATORS: [char; 4] = [';', '\t', '\n', '\r'];

/// Quotes that people and programs put around a value.
const QUOTES: [(char, char); 20] = [
    ('"', '"'),
    ('\'', '\''),
    ('`', '`'),
    ('´', '´'),
    ('`', '´'),
    ('“', '”'),
    ('”', '”'),
    ('“', '“'),
    ('„', '“'),
    ('„', '”'),
    ('‘', '’'),
    ('’', '’'),
    ('‚', '‘'),
    ('‚', '’'),
    ('«', '»'),
    ('»', '«'),
    ('‹', '›'),
    ('›', '‹'),
    ('＂', '＂'),
    ('「', '」'),
];

/// A cell that is longer, in bytes, is not read: what is allowed in a column fits in here with
/// anything that may be around it.
const MAX_CELL_BYTES: usize = 8 * 1024;

/// The cell such that no spreadsheet runs a formula of it, whatever delimiter it expects: an
/// apostrophe is in front of each place that could begin one. [`text`] and [`reference`] take it
/// off again.
pub fn harmless(cell: &str) -> Cow<'_, str> {
    if !cell.starts_with(SIGNS) && !cell.contains(SEPARATORS) {
        return cell.into();
    }
    let mut out = String::with_capacity(cell.len() + 8);
    let mut before = None;
    for (at, c) in cell.char_indices() {
        if may_begin_a_formula(before, &cell[at..]) {
            out.push('\'');
        }
        out.push(c);
        before = Some(c);
    }
    out.into()
}

/// Whether `rest` is the beginning of a cell for some spreadsheet, and a formula. `before` is the
/// character in front of it.
fn may_begin_a_formula(before: Option<char>, rest: &str) -> bool {
    match before {
        // Some take off a tab or a line break in front, and then see what is there.
        None => rest.starts_with(SIGNS) || rest.starts_with(['\t', '\r', '\n']),
        Some(c) if SEPARATORS.contains(&c) => {
            rest.trim_start_matches([' ', '\u{a0}', '"']).starts_with(SIGNS)
        }
        Some(_) => false,
    }
}

/// Without the apostrophes that [`harmless`] and shops' exports put in front of formulas; nothing
/// where there are none.
fn without_apostrophes(cell: &str) -> Option<String> {
    if !cell.contains('\'') {
        return None;
    }
    let (mut out, mut before) = (String::with_capacity(cell.len()), None);
    for (at, c) in cell.char_indices() {
        if c != '\'' || !may_begin_a_formula(before, &cell[at + 1..]) {
            out.push(c);
        }
        before = Some(c);
    }
    (out.len() < cell.len()).then_some(out)
}

/// The words in a cell, for names and sentences: without what is invisible around them, and without
/// the formula that keeps a spreadsheet from reading them as something else. Quotes are part of a
/// sentence.
pub fn text(cell: &str) -> Cow<'_, str> {
    read(cell, |_| None)
}

/// The value in a cell, for codes, numbers and addresses: as [`text`], and without quotes, a list's
/// comma or semicolon after it, and an apostrophe in front of a number.
pub fn reference(cell: &str) -> Cow<'_, str> {
    read(cell, without_dress)
}

/// Takes off what is around the value until nothing is left to take off: so it is the same however
/// often it is read.
fn read(cell: &str, without_dress: fn(&str) -> Option<&str>) -> Cow<'_, str> {
    let mut value = Cow::Borrowed(trimmed(cell));
    if value.len() > MAX_CELL_BYTES || is_plain(&value) {
        return value;
    }
    loop {
        let mut less: &str = &value;
        while let Some(inner) = without_dress(less) {
            less = trimmed(inner);
        }
        let undressed = less.len() < value.len();
        let next = without_apostrophes(less).or_else(|| without_formula(less));
        value = match next {
            Some(next) => trimmed(&next).to_owned().into(),
            None if undressed => return less.to_owned().into(),
            None => return value,
        };
    }
}

/// Nearly every cell: there is nothing around it.
fn is_plain(value: &str) -> bool {
    let ends = [value.bytes().next(), value.bytes().next_back()];
    ends.iter().flatten().all(u8::is_ascii_alphanumeric) && !value.contains('\'')
}

fn without_dress(value: &str) -> Option<&str> {
    without_quotes(value).or_else(|| number_as_text(value)).or_else(|| {
        let item = value.trim_end_matches([',', ';', '，', '；', '、']);
        (item.len() < value.len()).then_some(item)
    })
}

fn without_quotes(value: &str) -> Option<&str> {
    let (first, last) = (value.chars().next()?, value.chars().next_back()?);
    let inside = value.strip_prefix(first)?.strip_suffix(last)?;
    QUOTES.contains(&(first, last)).then_some(inside)
}

/// A number or a date after the apostrophe with which people keep a spreadsheet from reading it as
/// one; 12E45 is a number to it, too. A name such as 't Hart, or a code with other letters, keeps
/// its own.
fn number_as_text(value: &str) -> Option<&str> {
    let rest = value.trim_start_matches(['\'', '’', '‘']);
    let is_number = rest.starts_with(|c: char| c.is_ascii_digit())
        && rest.chars().all(|c| {
            c.is_ascii_digit() || matches!(c, '.' | ',' | '-' | '+' | '/' | ':' | 'E' | 'e')
        });
    (is_number && rest.len() < value.len()).then_some(rest)
}

/// What is inside of a formula that only says a text: `="0012"`, `=("0012")`, `=T("0012")`.
fn without_formula(value: &str) -> Option<String> {
    let mut inside = after_equals(value)?;
    loop {
        let call = inside.strip_prefix(['T', 't']).map_or(inside, str::trim_start);
        match call.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
            Some(less) => inside = less.trim(),
            None => break,
        }
    }
    let words = without_quotes(inside)?;
    if inside.starts_with('"') {
        // A quote inside is written twice; a single one ends the text, and what comes then is
        // reckoned with.
        return (!words.replace("\"\"", "").contains('"')).then(|| words.replace("\"\"", "\""));
    }
    let is_end =
        |c: char| QUOTES.iter().any(|(first, last)| inside.starts_with(*first) && c == *last);
    (!words.contains(is_end)).then(|| words.to_owned())
}

fn after_equals(value: &str) -> Option<&str> {
    value.strip_prefix(['=', '＝']).map(|rest| rest.trim_start_matches([' ', '+']))
}

/// Whether a spreadsheet would reckon the value out: it calls a function, joins texts, or names
/// another cell. What merely begins with an equals sign may be a code.
pub fn is_formula(value: &str) -> bool {
    let Some(rest) = after_equals(value) else { return false };
    let rest = rest.trim_start_matches(['(', ' ', '-', '+', '{']);
    let quoted = rest.starts_with(|c| QUOTES.iter().any(|(first, _)| c == *first));
    let word = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '.' | '_')));
    let calls = word.is_some_and(|end| end > 0 && rest[end..].starts_with('('));
    quoted || calls || rest.split([':', '&', '+', '*', '/', '^']).next().is_some_and(is_cell_name)
}

/// "A1", "$AB$12", "Sheet1!A1".
fn is_cell_name(text: &str) -> bool {
    let name = text.rsplit_once('!').map_or(text, |(_, name)| name);
    let name = name.strip_prefix('$').unwrap_or(name);
    let letters = name.bytes().take_while(u8::is_ascii_alphabetic).count();
    let row = name[letters..].strip_prefix('$').unwrap_or(&name[letters..]);
    (1..=3).contains(&letters)
        && (1..=7).contains(&row.len())
        && row.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
#[path = "cell_tests.rs"]
mod tests;
