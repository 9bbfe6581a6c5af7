//! The picture of growth: each page and the button at a hundredth, a tenth and all of full size.

use std::fmt::Write;

use crate::{ENGINES, report::Everything};

/// What is drawn: title and the figure's name. Milliseconds for one who asks alone.
pub const DRAWN: [(&str, &str); 13] = [
    ("Reissue, hot batch", "reissue, one hot batch, p50"),
    ("Customers, first page", "customers, first page, alone, p50"),
    ("Profile, ten rewards", "profile, ten rewards, alone, p50"),
    ("Search: start of a name", "search, start of a name, alone, p50"),
    ("Search: middle of a word", "search, middle of a word, alone, p50"),
    ("Search: one character", "search, one character, alone, p50"),
    ("Search: two characters", "search, two characters, alone, p50"),
    ("Search: nothing found", "search, nothing found, alone, p50"),
    ("Search: exact email", "search, exact email, alone, p50"),
    ("Search: exact code", "search, exact code, alone, p50"),
    ("Voucher batches", "voucher batches, alone, p50"),
    ("A batch", "a batch, alone, p50"),
    ("Audit log", "audit log, alone, p50"),
];

pub const SIZES: [(u64, &str); 3] = [(100, "1/100"), (10, "1/10"), (1, "full")];

const WIDE: f64 = 230.0;
const HIGH: f64 = 150.0;
const COLUMNS: usize = 4;

const STYLE: &str = "text{font:12px \
    system-ui,sans-serif;fill:#3d3a36}.t{font-weight:600;fill:#1f1d1a}.g{stroke:#d9d5ce;stroke-width:1}\
    .s{stroke:#0f6f5c;fill:none;stroke-width:2}.p{stroke:#9a5b13;fill:none;stroke-width:2}.fs{fill:#0f6f5c}.fp{fill:#9a5b13}.b{fill:#fbfaf8}\
    @media \
    (prefers-color-scheme:dark){text{fill:#c9c4bb}.t{fill:#f2efe9}.g{stroke:#45423d}.s{stroke:#5cc8b0}.p{stroke:#e0a458}\
    .fs{fill:#5cc8b0}.fp{fill:#e0a458}.b{fill:#1b1a18}}";

/// Draws what was measured; a figure that is missing leaves its line out.
pub fn picture(everything: &Everything) -> String {
    let rows = DRAWN.len().div_ceil(COLUMNS);
    let (width, height) = (COLUMNS as f64 * WIDE + 20.0, rows as f64 * HIGH + 50.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         role=\"img\" \
         aria-label=\"Milliseconds at a hundredth, a tenth and all of full size, by page and \
         database\"><style>{STYLE}</style>\
         <rect class=\"b\" width=\"100%\" height=\"100%\"/>\
         <text x=\"20\" y=\"24\">Milliseconds at the median, as the data grows a \
         hundredfold.</text>\
         <circle class=\"fs\" cx=\"410\" cy=\"20\" r=\"4\"/><text x=\"420\" y=\"24\">SQLite</text>\
         <circle class=\"fp\" cx=\"480\" cy=\"20\" r=\"4\"/><text x=\"490\" \
         y=\"24\">PostgreSQL</text>\n"
    );
    for (at, (title, name)) in DRAWN.iter().enumerate() {
        let (left, top) =
            ((at % COLUMNS) as f64 * WIDE + 20.0, (at / COLUMNS) as f64 * HIGH + 50.0);
        panel(&mut svg, everything, title, name, left, top);
    }
    svg.push_str("</svg>\n");
    svg
}

fn panel(svg: &mut String, everything: &Everything, title: &str, name: &str, left: f64, top: f64) {
    let series =
        ENGINES.map(|engine| SIZES.map(|(size, _)| everything.of(engine, size).middle(name)));
    let most = series.iter().flatten().flatten().fold(0.0_f64, |most, value| most.max(*value));
    let _ = write!(svg, "<text class=\"t\" x=\"{left}\" y=\"{:.0}\">{title}</text>", top + 12.0);
    if most == 0.0 {
        return;
    }
    // From zero, with room above: what is flat looks flat.
    let ceiling = nice(most * 1.25);
    let x = |at: usize| left + 34.0 + at as f64 * (WIDE - 90.0) / 2.0;
    let y = |value: f64| top + HIGH - 38.0 - value / ceiling * (HIGH - 66.0);
    for value in [0.0, ceiling] {
        let _ = write!(
            svg,
            "<line class=\"g\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{2:.1}\" y2=\"{2:.1}\"/>",
            left + 30.0,
            left + WIDE - 50.0,
            y(value),
        );
        let _ = write!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{value}</text>",
            left + 26.0,
            y(value) + 4.0
        );
    }
    for (at, (_, label)) in SIZES.iter().enumerate() {
        let _ = write!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{label}</text>",
            x(at),
            top + HIGH - 22.0
        );
    }
    for (values, class) in series.iter().zip(["s", "p"]) {
        let points: Vec<(f64, f64)> = values
            .iter()
            .enumerate()
            .filter_map(|(at, value)| value.map(|value| (x(at), y(value))))
            .collect();
        let line: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = write!(svg, "<polyline class=\"{class}\" points=\"{}\"/>", line.join(" "));
        for (x, y) in &points {
            let _ = write!(svg, "<circle class=\"f{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>");
        }
        if let (Some((x, y)), Some(Some(value))) = (points.last(), values.last()) {
            // Two ends at one height would write over each other.
            let other = if class == "s" { series[1][2] } else { series[0][2] };
            let shift = if other.is_some_and(|other| other > *value) { 12.0 } else { -5.0 };
            let _ = write!(
                svg,
                "<text class=\"f{class}\" x=\"{:.1}\" y=\"{:.1}\">{value:.1}</text>",
                x + 7.0,
                y + shift
            );
        }
    }
    svg.push('\n');
}

/// The next of 1, 2, 5, 10 and so on.
fn nice(value: f64) -> f64 {
    let ten = 10_f64.powf(value.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|step| step * ten)
        .find(|step| *step >= value)
        .unwrap_or(value)
}
