//! Whether a fresh page of results may take the published one's place: not where a figure would be
//! lost. Text only, so that the desk's tests can try it.

use std::collections::BTreeMap;

/// The rows of the published tables whose figures the fresh page does not have: a run of some parts
/// has not measured them.
pub fn lost_rows(published: &str, fresh: &str) -> Vec<String> {
    let fresh = rows(fresh);
    let lost =
        |(label, figures): &(String, usize)| fresh.get(label).is_none_or(|kept| kept < figures);
    let published = rows(published).into_iter().collect::<Vec<_>>();
    published.into_iter().filter(lost).map(|(label, _)| label).collect()
}

/// Every row of every table by its heading and its words, with how many of its cells hold a figure.
fn rows(page: &str) -> BTreeMap<String, usize> {
    let (mut section, mut table, mut found) = ("", "", BTreeMap::new());
    for line in page.lines() {
        let Some(cells) = line.strip_prefix('|').and_then(|rest| rest.strip_suffix('|')) else {
            section = line.strip_prefix("## ").unwrap_or(section);
            table = "";
            continue;
        };
        if table.is_empty() {
            table = cells;
            continue;
        }
        let cells: Vec<&str> = cells.split('|').map(str::trim).collect();
        if cells.iter().all(|cell| cell.chars().all(|c| c == '-'))
            && cells.first().is_some_and(|cell| cell.len() > 1)
        {
            continue;
        }
        let is_figure = |cell: &&&str| {
            cell.starts_with(|c: char| c.is_ascii_digit()) || cell.starts_with("at most ")
        };
        let words: Vec<&str> =
            cells.iter().filter(|cell| !is_figure(cell) && !is_verdict(cell)).copied().collect();
        let label = format!(
            "{section}: {} {}",
            table.split('|').next().unwrap_or_default().trim(),
            words.join(" ").trim()
        );
        *found.entry(label).or_insert(0) += cells.iter().filter(is_figure).count();
    }
    found
}

/// What a figure says, what it is measured against, or that there is none: no part of a row's name.
fn is_verdict(cell: &str) -> bool {
    cell.is_empty()
        || cell == "-"
        || cell.starts_with(['≥', '≤'])
        || cell == "met"
        || cell.starts_with("**short**")
}
