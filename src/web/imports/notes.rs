//! What a check saw in a file's rows, in words: why some are rejected, and what to look at in the
//! others.

use crate::{
    app::{
        Member,
        imports::{
            Cause, DamageGroup, Findings, RowSample as Seen, SampledCount, Suspicion,
            show_imports::{ImportReport, StockForecast},
        },
    },
    web::{
        imports::screens::{ImportNote, SampleItem},
        shared::{
            format::{grouped, plural, sentence, when_end},
            ui::Tone,
        },
    },
};

fn number(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn samples<'s>(seen: impl IntoIterator<Item = &'s Seen>) -> Vec<SampleItem> {
    let why = |reason: &str| if reason.is_empty() { String::new() } else { sentence(reason) };
    seen.into_iter()
        .map(|seen| SampleItem {
            line: format!("Line {}", grouped(number(seen.line))),
            cell: seen.cell.clone(),
            why: why(&seen.reason),
        })
        .collect()
}

fn more(count: u64, shown: usize) -> String {
    match number(count) - i64::try_from(shown).unwrap_or(i64::MAX) {
        ..=0 => String::new(),
        n => format!("And {} more.", grouped(n)),
    }
}

fn note(tone: Tone, title: String, text: String, tally: &SampledCount) -> ImportNote {
    ImportNote {
        tone,
        title,
        text,
        samples: samples(&tally.samples),
        more: more(tally.count, tally.samples.len()),
    }
}

/// The rejected rows by cause.
pub fn rejected(findings: &Findings) -> Vec<ImportNote> {
    let of = |(cause, tally): (&Cause, &SampledCount)| {
        let lines = plural(number(tally.count), "line");
        let (title, text) = match cause {
            Cause::Twice => (
                format!("{lines}: twice in the file"),
                "Only the first of each is \
                                                                     used.",
            ),
            Cause::Elsewhere => {
                (format!("{lines}: in another batch"), "A code can't be in two batches.")
            }
            Cause::Malformed => (format!("{lines}: not in the expected format"), ""),
            Cause::Damaged => (
                format!("{lines}: damaged by a spreadsheet"),
                "Export the column as text and send the file again.",
            ),
            Cause::Conflict => (format!("{lines}: conflicts with existing data"), ""),
        };
        note(Tone::Bad, title, text.to_owned(), tally)
    };
    // What an earlier version has written down is not told apart further.
    let told_apart = |cause: &Cause| *cause == Cause::Damaged && !findings.damaged.is_empty();
    let others = findings.rejected.iter().filter(|(cause, _)| !told_apart(cause)).map(of);
    others.chain(findings.damaged.iter().map(damaged)).collect()
}

/// The rows in which a program has left something else than a value.
fn damaged((group, tally): (&DamageGroup, &SampledCount)) -> ImportNote {
    let lines = plural(number(tally.count), "line");
    let (title, text) = match group {
        DamageGroup::Heading => {
            (format!("{lines}: repeated heading"), "This happens when several files are combined.")
        }
        DamageGroup::Formula => (
            format!("{lines}: a formula"),
            "Paste the column as values in the spreadsheet and send \
                                             the file again.",
        ),
        DamageGroup::ErrorValue => (
            format!("{lines}: a spreadsheet's error value"),
            "Find the correct values and send the lines again.",
        ),
        DamageGroup::NoValue => (
            format!("{lines}: no value"),
            "The cell contains NULL or a similar word. Find the value, or remove the line.",
        ),
        DamageGroup::Number => (
            format!("{lines}: damaged by a spreadsheet"),
            "Export the column as text and send the file again.",
        ),
        DamageGroup::Invisible => {
            (format!("{lines}: invisible characters inside"), "Retype these codes.")
        }
    };
    note(Tone::Bad, title, text.to_owned(), tally)
}

/// What to look at before the codes are added.
pub fn of(member: &Member, account: &ImportReport) -> Vec<ImportNote> {
    let findings = &account.findings;
    let mut notes: Vec<ImportNote> = findings.suspicions().iter().map(suspicion).collect();
    let bare =
        |tone, title: String, text: String| note(tone, title, text, &SampledCount::default());
    let codes = |n| plural(number(n), "code");
    if findings.ended.count > 0 {
        let title = format!("{} already expired", codes(findings.ended.count));
        notes.push(bare(
            Tone::Notice,
            title,
            "They're added to stock but can't be handed out.".to_owned(),
        ));
    }
    if let Some(first) = findings.ends_soon.first() {
        let title = format!(
            "{} {} within a year",
            codes(findings.ends_soon.count),
            if findings.ends_soon.count == 1 { "ends" } else { "end" }
        );
        notes.push(bare(
            Tone::Notice,
            title,
            format!("The first on {}.", when_end(member, first).text),
        ));
    }
    notes.extend(account.pace.map(pace));
    for (what, tally) in [
        ("white space", &findings.trimmed),
        ("invisible characters", &findings.unseen),
        ("a formula, quotes or a comma", &findings.wrapped),
    ] {
        if tally.count > 0 {
            let title = format!(
                "{} had {what} around {}",
                codes(tally.count),
                if tally.count == 1 { "it" } else { "them" }
            );
            notes.push(note(
                Tone::Quiet,
                title,
                "This was removed. The codes themselves didn't change.".to_owned(),
                tally,
            ));
        }
    }
    let second = &findings.second_addresses;
    if second.count > 0 {
        let n = number(second.count);
        let title = format!(
            "{} now {} with another email address",
            plural(n, "customer ID"),
            if n == 1 { "appears" } else { "appear" }
        );
        let text = "The earlier customer keeps their rewards and address. When you reissue for \
                    them, you'll see who else has the ID.";
        notes.push(note(Tone::Notice, title, text.to_owned(), second));
    }
    notes
}

fn suspicion(seen: &Suspicion<'_>) -> ImportNote {
    match seen {
        Suspicion::ZerosLost { usual, shorter, samples: rows } => ImportNote {
            tone: Tone::Notice,
            title: format!("{} may have lost leading zeros", plural(number(*shorter), "code")),
            text: format!(
                "Most codes have {usual} digits, but these have fewer. Spreadsheets remove leading \
                 zeros: compare with the original list."
            ),
            samples: samples(rows.iter().copied()),
            more: more(*shorter, rows.len()),
        },
        Suspicion::Rounded(tally) => {
            let title =
                format!("{} may have been rounded", plural(number(tally.count), "long number"));
            let text = "All their digits after the fifteenth are zeros. Spreadsheets keep only \
                        fifteen digits: export the column as text.";
            note(Tone::Notice, title, text.to_owned(), tally)
        }
        Suspicion::Dates(tally) => {
            let title = format!(
                "{} may have been turned into {}",
                plural(number(tally.count), "code"),
                if tally.count == 1 { "a date" } else { "dates" }
            );
            let text = "Spreadsheets turn codes such as MAR1 into dates: compare with the original \
                        list.";
            note(Tone::Notice, title, text.to_owned(), tally)
        }
        Suspicion::CutAt { length, tally } => {
            let title = format!("{} may have been cut off", plural(number(tally.count), "code"));
            let text = format!(
                "They have exactly {length} characters and no code has more: compare with the \
                 original list."
            );
            note(Tone::Notice, title, text, tally)
        }
    }
}

fn pace(outlook: StockForecast) -> ImportNote {
    let handed_out = plural(number(outlook.handed_out), "code");
    let days = outlook.lasts();
    // As on the batch's page.
    let lasts = if days > 730 {
        "more than two years".to_owned()
    } else {
        format!("about {}", plural(number(days), "day"))
    };
    let lasts = format!("{lasts} at the recent rate");
    let text = format!(
        "{handed_out} from this batch went out in the last {}. With these, {} can be used.",
        plural(number(outlook.days), "day"),
        grouped(number(outlook.usable))
    );
    let (tone, title) = if days < StockForecast::DAYS {
        (Tone::Notice, format!("Running low: these last {lasts}"))
    } else {
        (Tone::Quiet, format!("These last {lasts}"))
    };
    note(tone, title, text, &SampledCount::default())
}
