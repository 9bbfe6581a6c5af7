//! The page of results: goals, pages, the button, growth, and the notes that people wrote.

use std::{fmt::Write, fs, process::Command};

use crate::{
    ENGINES,
    growth::{DRAWN, SIZES},
    report::{Everything, Results},
};

const PAGES: [&str; 12] = [
    "customers, first page",
    "profile, ten rewards",
    "search, start of a name",
    "search, middle of a word",
    "search, one character",
    "search, two characters",
    "search, nothing found",
    "search, exact email",
    "search, exact code",
    "voucher batches",
    "a batch",
    "audit log",
];

/// A goal: its number, its words, the figure's name with `{limit}` in it, which way is good, how
/// far, and the engines it is for.
struct Goal {
    no: &'static str,
    words: &'static str,
    figure: &'static str,
    at_least: bool,
    bound: f64,
    engines: &'static [&'static str],
}

const BOTH: &[&str] = &ENGINES;
const SQLITE: &[&str] = &["SQLite"];
const POSTGRES: &[&str] = &["PostgreSQL"];

#[rustfmt::skip]
const GOALS: [Goal; 37] = [
    Goal { no: "P1", words: "reissue over HTTP, 16 connections, fifty batches, relative to pgbench \
                             with the same statements", figure: "reissue, fifty batches / pgbench", at_least: true, bound: 0.7, engines: POSTGRES },
    Goal { no: "P1", words: "the same, p99 relative to pgbench's", figure: "reissue, fifty batches, \
        p99 / pgbench", at_least: false, bound: 2.0, engines: POSTGRES },
    Goal { no: "P2", words: "reissue on SQLite (FULL), 16 connections, relative to the bare library", figure: "reissue, fifty \
        batches / the \
        bare library", at_least: true, bound: 0.6, engines: SQLITE },
    Goal { no: "P2", words: "the longest wait, ms", figure: "reissue, fifty batches, worst", at_least: false, bound: 500.0, engines: SQLITE },
    Goal { no: "P3", words: "reissue after 500,000 codes were handed out, with an old snapshot \
                             open, relative to a fresh batch before that", figure: "reissue, behind half a million / fresh", at_least: true, bound: 0.8, engines: BOTH },
    Goal { no: "P3", words: "one hot batch, relative to fifty", figure: "reissue, hot / fifty", at_least: true, bound: 0.7, engines: BOTH },
    Goal { no: "P4", words: "reissue over HTTP, 16 connections, with the counting trigger, relative \
                             to without", figure: "counted / not counted", at_least: true, bound: 0.95, engines: BOTH },
    Goal { no: "P4", words: "the batches page, alone, p50, ms", figure: "voucher batches, alone, \
        p50", at_least: false, bound: 20.0, engines: BOTH },
    Goal { no: "P5", words: "customers list, relative to one row by its key", figure: "customers, first \
        page / one row", at_least: true, bound: 0.4, engines: BOTH },
    Goal { no: "P5", words: "profile, relative to one row by its key", figure: "profile, ten rewards / one \
        row", at_least: true, bound: 0.2, engines: BOTH },
    Goal { no: "P5", words: "customers list, p99 at 8 connections, ms", figure: "customers, first \
        page, p99", at_least: false, bound: 15.0, engines: BOTH },
    Goal { no: "P5", words: "profile, p99 at 8 connections, ms", figure: "profile, ten rewards, \
        p99", at_least: false, bound: 15.0, engines: BOTH },
    Goal { no: "P5", words: "customers lists per second; the Django admin reached 17.6 on this \
                             machine", figure: "customers, first \
        page, rate", at_least: true, bound: 80.0 * 17.6, engines: BOTH },
    Goal { no: "P5", words: "profiles per second; the Django admin reached 21", figure: "profile, ten \
        rewards, rate", at_least: true, bound: 80.0 * 21.0, engines: BOTH },
    Goal { no: "P6", words: "search, start of a name, alone, p50, ms", figure: "search, start of \
        a name, alone, p50", at_least: false, bound: 3.0, engines: BOTH },
    Goal { no: "P6", words: "search, start of a name, alone, p99, ms", figure: "search, start of \
        a name, alone, p99", at_least: false, bound: 25.0, engines: BOTH },
    Goal { no: "P6", words: "search, middle of a word, p50", figure: "search, middle of a word, \
        alone, p50", at_least: false, bound: 3.0, engines: BOTH },
    Goal { no: "P6", words: "search, middle of a word, p99", figure: "search, middle of a word, \
        alone, p99", at_least: false, bound: 25.0, engines: BOTH },
    Goal { no: "P6", words: "search, one character, p50", figure: "search, one character, alone, \
        p50", at_least: false, bound: 3.0, engines: BOTH },
    Goal { no: "P6", words: "search, one character, p99", figure: "search, one character, alone, \
        p99", at_least: false, bound: 25.0, engines: BOTH },
    Goal { no: "P6", words: "search, two characters, p50", figure: "search, two characters, \
        alone, p50", at_least: false, bound: 3.0, engines: BOTH },
    Goal { no: "P6", words: "search, two characters, p99", figure: "search, two characters, \
        alone, p99", at_least: false, bound: 25.0, engines: BOTH },
    Goal { no: "P6", words: "search, nothing found, p50", figure: "search, nothing found, alone, \
        p50", at_least: false, bound: 3.0, engines: BOTH },
    Goal { no: "P6", words: "search, exact email, p50", figure: "search, exact email, alone, p50", at_least: false, bound: 3.0, engines: BOTH },
    Goal { no: "P6", words: "search, exact email, p99", figure: "search, exact email, alone, p99", at_least: false, bound: 25.0, engines: BOTH },
    Goal { no: "P6", words: "a code among twelve million, p50", figure: "search, exact code, \
        alone, p50", at_least: false, bound: 3.0, engines: BOTH },
    Goal { no: "P7", words: "import of a million codes, relative to COPY and INSERT SELECT", figure: "import / the shortest way", at_least: true, bound: 0.9, engines: POSTGRES },
    Goal { no: "P7", words: "import of a million codes, relative to bare inserts", figure: "import / the \
        shortest way", at_least: true, bound: 0.8, engines: SQLITE },
    Goal { no: "P7", words: "a million rows: peak memory of the import, beyond that for a hundred \
                             rows, MiB", figure: "import, memory growth", at_least: false, bound: 32.0, engines: BOTH },
    Goal { no: "P7", words: "the same with ten million rows, into an empty desk", figure: "import \
        of ten times as many, memory growth", at_least: false, bound: 32.0, engines: BOTH },
    Goal { no: "P7", words: "another user's list of customers beside an import, p95, ms", figure: "a page beside an import, p95", at_least: false, bound: 50.0, engines: BOTH },
    Goal { no: "P7", words: "another user's reissue beside an import, p95, ms", figure: "a \
        reissue beside an import, p95", at_least: false, bound: 50.0, engines: BOTH },
    Goal { no: "P9", words: "memory after the pages, MiB", figure: "memory after the pages", at_least: false, bound: 64.0, engines: BOTH },
    Goal { no: "P9", words: "memory after the reissues, MiB", figure: "memory after the reissues", at_least: false, bound: 64.0, engines: BOTH },
    Goal { no: "P9", words: "start on a migrated database, ms", figure: "start", at_least: false, bound: 150.0, engines: BOTH },
    Goal { no: "P9", words: "the binary, MiB", figure: "binary", at_least: false, bound: 25.0, engines: SQLITE },
    Goal { no: "P10", words: "three servers on one PostgreSQL, relative to one", figure: "reissue, three \
        servers / one", at_least: true, bound: 1.0, engines: POSTGRES },
];

pub fn page(everything: &Everything) -> String {
    let mut page = String::from("# Speed, measured\n\n");
    let _ = writeln!(
        page,
        "Made by `scripts/bench`. It measures the release binary with session, permissions, \
         rendering and everything else, and in the same run, alternating, the limit of what is \
         underneath. Each figure is the median of its repeats, with the lowest and the highest in \
         brackets. Machines are noisy: look at the ratios.\n\n{}\n",
        machine()
    );
    page.push_str(include_str!("../data.md"));
    goals(&mut page, everything);
    pages(&mut page, everything);
    button(&mut page, everything);
    growth(&mut page, everything);
    page.push_str(include_str!("../notes.md"));
    page
}

/// What the figures were seen on.
fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        text.lines()
            .find(|line| line.starts_with(name))
            .and_then(|line| Some(line.split_once(':')?.1.trim().to_owned()))
    };
    let cpu = field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| "unknown".to_owned());
    let memory = field(&read("/proc/meminfo"), "MemTotal")
        .and_then(|kib| kib.split(' ').next()?.parse::<f64>().ok())
        .unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let said = |program: &str, argument: &str| {
        Command::new(program)
            .arg(argument)
            .output()
            .map(|out| String::from_utf8_lossy(&out.stdout).trim().to_owned())
            .unwrap_or_default()
    };
    format!(
        "The machine: {cores} cores ({cpu}), {:.0} GiB, Linux {}, {}, SQLite {}; the load comes \
         from the same cores.",
        memory / 1024.0 / 1024.0,
        said("uname", "-r"),
        said("postgres", "--version").replace("postgres (PostgreSQL)", "PostgreSQL"),
        rusqlite::version(),
    )
}

/// Three digits that count.
fn short(value: f64) -> String {
    match value {
        v if v >= 1000.0 => {
            let whole = format!("{v:.0}");
            let (head, tail) = whole.split_at(whole.len() - 3);
            format!("{head},{tail}")
        }
        v if v >= 100.0 => format!("{v:.0}"),
        v if v >= 10.0 => format!("{v:.1}"),
        v => format!("{v:.2}"),
    }
}

fn with_spread(results: &Results, name: &str) -> Option<String> {
    let figure = results.all.get(name)?;
    let alone = figure.least.total_cmp(&figure.most).is_eq();
    Some(if alone {
        short(figure.middle)
    } else {
        format!("{} ({} to {})", short(figure.middle), short(figure.least), short(figure.most))
    })
}

fn goals(page: &mut String, everything: &Everything) {
    page.push_str(
        "## Against the goals, at full size\n\n| | What | Goal | Measured | \
        |\n|---|---|---|---|---|\n",
    );
    for goal in &GOALS {
        for engine in goal.engines {
            let results = everything.of(engine, 1);
            let Some(measured) = with_spread(results, goal.figure) else { continue };
            let value = results.middle(goal.figure).unwrap_or_default();
            let met = if goal.at_least { value >= goal.bound } else { value <= goal.bound };
            let sign = if goal.at_least { "≥" } else { "≤" };
            let verdict = if met { "met" } else { "**short**" };
            let _ = writeln!(
                page,
                "| {} | {} ({engine}) | {sign} {} | {measured} | {verdict} |",
                goal.no,
                goal.words,
                short(goal.bound)
            );
        }
    }
    for engine in ENGINES {
        let grown: Vec<(f64, &str)> = DRAWN
            .iter()
            .filter_map(|(title, name)| {
                Some((
                    everything.of(engine, 1).middle(name)?
                        / everything.of(engine, 100).middle(name)?,
                    *title,
                ))
            })
            .collect();
        let Some((most, title)) = grown.iter().max_by(|a, b| a.0.total_cmp(&b.0)) else { continue };
        let beyond = grown.iter().filter(|(ratio, _)| *ratio > 1.5).count();
        let verdict = if beyond == 0 {
            "met".to_owned()
        } else {
            format!("**short** in {beyond} of {}", grown.len())
        };
        let _ = writeln!(
            page,
            "| P8 | full size, of a hundredth of it ({engine}) | ≤ 1.50 | at most {} ({title}) | \
             {verdict} |",
            short(*most)
        );
    }
}

fn pages(page: &mut String, everything: &Everything) {
    for engine in ENGINES {
        let results = everything.of(engine, 1);
        let _ = writeln!(
            page,
            "\n## Pages on {engine}, full size\n\n| Page | alone: p50, p99 ms | 8 connections: a \
             second | p50, p99 ms | of one row |\n|---|---|---|---|---|"
        );
        let figure = |name: &str| results.middle(name).map_or_else(|| "-".to_owned(), short);
        for name in ["an empty handler", "one row by its key"] {
            let _ = writeln!(
                page,
                "| *{name}, a bare server* | | {} | {}, {} | |",
                with_spread(results, &format!("{name}, rate")).unwrap_or_default(),
                figure(&format!("{name}, p50")),
                figure(&format!("{name}, p99")),
            );
        }
        for name in PAGES {
            let _ = writeln!(
                page,
                "| {name} | {}, {} | {} | {}, {} | {} |",
                figure(&format!("{name}, alone, p50")),
                figure(&format!("{name}, alone, p99")),
                with_spread(results, &format!("{name}, rate")).unwrap_or_default(),
                figure(&format!("{name}, p50")),
                figure(&format!("{name}, p99")),
                figure(&format!("{name} / one row")),
            );
        }
    }
}

fn button(page: &mut String, everything: &Everything) {
    page.push_str(
        "\n## The button and the stock, full size\n\n| What | Database | a second | \
        p50, p99, worst ms |\n|---|---|---|---|\n",
    );
    let names = [
        "reissue, one hot batch",
        "reissue, one hot batch, pgbench",
        "reissue, one hot batch, the bare library",
        "reissue, fifty batches",
        "reissue, fifty batches, pgbench",
        "reissue, fifty batches, the bare library",
        "reissue, three servers",
        "reissue, one of three servers",
        "reissue, from a fresh batch",
        "reissue, behind half a million",
        "reissue, from a fresh batch beside it",
        "reissue, counted",
        "reissue, not counted",
        "a page beside an import",
        "a reissue beside an import",
    ];
    for name in names {
        for engine in ENGINES {
            let results = everything.of(engine, 1);
            let Some(rate) = with_spread(results, &format!("{name}, rate")) else { continue };
            let of = |what: &str| {
                results.middle(&format!("{name}, {what}")).map_or_else(String::new, short)
            };
            let _ = writeln!(
                page,
                "| {name} | {engine} | {rate} | {}, {}, {} |",
                of("p50"),
                of("p99"),
                of("worst")
            );
        }
    }
    for (name, words) in [
        ("import, codes a second", "import of a million codes"),
        ("import, the shortest way", "the shortest way into the table"),
        (
            "import of ten times as many, codes a second",
            "import of ten million codes into an empty desk",
        ),
    ] {
        for engine in ENGINES {
            let Some(rate) = with_spread(everything.of(engine, 1), name) else { continue };
            let _ = writeln!(page, "| {words} | {engine} | {rate} | |");
        }
    }
}

fn growth(page: &mut String, everything: &Everything) {
    page.push_str(
        "\n## Growth\n\n![Milliseconds at a hundredth, a tenth and all of full \
        size](growth.svg)\n\n",
    );
    for engine in ENGINES {
        let _ = writeln!(
            page,
            "| {engine}, p50 ms | {} | full / hundredth |\n|---|---|---|---|---|",
            SIZES.map(|(_, label)| label).join(" | ")
        );
        for (title, name) in DRAWN {
            let values = SIZES.map(|(size, _)| everything.of(engine, size).middle(name));
            let cells = values.map(|value| value.map_or_else(|| "-".to_owned(), short));
            let ratio = values[2]
                .zip(values[0])
                .map_or_else(|| "-".to_owned(), |(full, part)| short(full / part));
            let _ = writeln!(page, "| {title} | {} | {ratio} |", cells.join(" | "));
        }
        page.push('\n');
    }
}
