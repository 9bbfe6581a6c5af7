//! The published page of speed: a run of some parts does not take figures from it.

#[path = "../../../benches/desk/published.rs"]
mod published;

use published::lost_rows;

const PAGE: &str = include_str!("../../../docs/speed.md");

#[test]
fn a_page_with_every_figure_may_take_the_published_ones_place() {
    assert_eq!(lost_rows(PAGE, PAGE), Vec::<String>::new());
    let measured_again =
        PAGE.replace("0.78 (0.67 to 0.81) | met", "0.12 (0.11 to 0.13) | **short**");
    assert_ne!(measured_again, PAGE);
    assert_eq!(lost_rows(PAGE, &measured_again), Vec::<String>::new());
    assert_eq!(lost_rows("", PAGE), Vec::<String>::new(), "there was none");
}

#[test]
fn a_page_that_lacks_a_row_or_a_figure_may_not() {
    // Headings of tables have numbers in them, too, and hold no figure.
    let is_row = |line: &&str| {
        line.starts_with("| ")
            && line.contains(|c: char| c.is_ascii_digit())
            && !PAGE.contains(&format!("{line}\n|---"))
    };
    let rows: Vec<&str> = PAGE.lines().filter(is_row).collect();
    assert!(rows.len() > 100, "{} rows", rows.len());
    for row in rows {
        let without = PAGE.replacen(&format!("{row}\n"), "", 1);
        assert_eq!(lost_rows(PAGE, &without).len(), 1, "{row}");
        if let Some(cell) = row
            .split('|')
            .map(str::trim)
            .find(|cell| cell.starts_with(|c: char| c.is_ascii_digit()))
        {
            let blank = PAGE.replacen(row, &row.replacen(&format!(" {cell} "), " - ", 1), 1);
            assert_eq!(lost_rows(PAGE, &blank).len(), 1, "{row}");
        }
    }
}
