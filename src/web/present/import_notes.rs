//! What a check saw in a file's rows, in words: why some are rejected, and what to look at in the
//! others.

use super::{grouped, plural, sentence, when_end};
use crate::{
    app::{
        Member,
        import_file::{Cause, DamageGroup, Findings, Sample as Seen, Suspicion, Tally},
        show_imports::{ImportReport, Outlook},
    },
    web::views::{
        imports::{Note, Sample},
        ui::Tone,
    },
};

fn number(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn samples<'s>(seen: impl IntoIterator<Item = &'s Seen>) -> Vec<Sample> {
    let why = |reason: &str| if reason.is_empty() { String::new() } else { sentence(reason) };
    seen.into_iter()
        .map(|seen| Sample {
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

fn note(tone: Tone, title: String, text: String, tally: &Tally) -> Note {
    Note {
        tone,
        title,
        text,
        samples: samples(&tally.samples),
        more: more(tally.count, tally.samples.len()),
    }
}

/// The rejected rows by cause.
pub fn rejected(findings: &Findings) -> Vec<Note> {
    let of = |(cause, tally): (&Cause, &Tally)| {
        let lines = plural(number(tally.count), "line");
        let (title, text) = match cause {
            Cause::Twice => (format!("{lines}: twice in the file"), "The first of each is taken."),
            Cause::Elsewhere => {
                (format!("{lines}: in another batch"), "A code is never in two batches.")
            }
            Cause::Malformed => (format!("{lines}: not in the right form"), ""),
            Cause::Damaged => (
                format!("{lines}: damaged by a spreadsheet"),
                "Export the column as text, and send it again.",
            ),
            Cause::Conflict => (format!("{lines}: in conflict with what is stored"), ""),
        };
        note(Tone::Bad, title, text.to_owned(), tally)
    };
    // What an earlier version has written down is not told apart further.
    let told_apart = |cause: &Cause| *cause == Cause::Damaged && !findings.damaged.is_empty();
    let others = findings.rejected.iter().filter(|(cause, _)| !told_apart(cause)).map(of);
    others.chain(findings.damaged.iter().map(damaged)).collect()
}

/// The rows in which a program has left something else than a value.
fn damaged((group, tally): (&DamageGroup, &Tally)) -> Note {
    let lines = plural(number(tally.count), "line");
    let (title, text) = match group {
        DamageGroup::Heading => (
            format!("{lines}: the heading, repeated"),
            "It comes from files that were put together.",
        ),
        DamageGroup::Formula => {
            (format!("{lines}: a formula"), "Copy the values in the spreadsheet, and send those.")
        }
        DamageGroup::ErrorValue => (
            format!("{lines}: a spreadsheet's error value"),
            "Find the values that belong there, and send them again.",
        ),
        DamageGroup::NoValue => (
            format!("{lines}: no value"),
            "The cell says NULL or the like. Find the value, or leave out the line.",
        ),
        DamageGroup::Number => (
            format!("{lines}: damaged by a spreadsheet"),
            "Export the column as text, and send it again.",
        ),
        DamageGroup::Invisible => {
            (format!("{lines}: invisible characters inside"), "Type these codes again.")
        }
    };
    note(Tone::Bad, title, text.to_owned(), tally)
}

/// What to look at before the codes are added.
pub fn of(member: &Member, account: &ImportReport) -> Vec<Note> {
    let findings = &account.findings;
    let mut notes: Vec<Note> = findings.suspicions().iter().map(suspicion).collect();
    let bare = |tone, title: String, text: String| note(tone, title, text, &Tally::default());
    let codes = |n| plural(number(n), "code");
    if findings.ended.count > 0 {
        let title = format!("{} past the end", codes(findings.ended.count));
        notes.push(bare(
            Tone::Notice,
            title,
            "They go into stock and can't be handed out.".to_owned(),
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
                "That is left out; the codes themselves are as they were.".to_owned(),
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
        let text = "The earlier customer keeps their rewards and address. A reissue there says \
            who else has the ID.";
        notes.push(note(Tone::Notice, title, text.to_owned(), second));
    }
    notes
}

fn suspicion(seen: &Suspicion<'_>) -> Note {
    match seen {
        Suspicion::ZerosLost { usual, shorter, samples: rows } => Note {
            tone: Tone::Notice,
            title: format!("{} may have lost zeros in front", plural(number(*shorter), "code")),
            text: format!(
                "Most have {usual} digits, these have fewer. A spreadsheet takes zeros off the \
                 front of a number: compare with where the codes come from."
            ),
            samples: samples(rows.iter().copied()),
            more: more(*shorter, rows.len()),
        },
        Suspicion::Rounded(tally) => {
            let title =
                format!("{} may have been rounded", plural(number(tally.count), "long number"));
            let text = "Behind the fifteenth digit all of them have zeros. A spreadsheet keeps \
                fifteen: export the column as text.";
            note(Tone::Notice, title, text.to_owned(), tally)
        }
        Suspicion::Dates(tally) => {
            let title = format!(
                "{} may have been turned into {}",
                plural(number(tally.count), "code"),
                if tally.count == 1 { "a date" } else { "dates" }
            );
            let text = "A spreadsheet makes a date of a code such as MAR1: compare with where the \
                codes come from.";
            note(Tone::Notice, title, text.to_owned(), tally)
        }
        Suspicion::CutAt { length, tally } => {
            let title = format!("{} may have been cut off", plural(number(tally.count), "code"));
            let text = format!(
                "They have exactly {length} characters, and none has more: compare with where the \
                 codes come from."
            );
            note(Tone::Notice, title, text, tally)
        }
    }
}

fn pace(outlook: Outlook) -> Note {
    let handed_out = plural(number(outlook.handed_out), "code");
    let days = outlook.lasts();
    // As on the batch's page.
    let lasts = if days > 730 {
        "more than two years".to_owned()
    } else {
        format!("about {}", plural(number(days), "day"))
    };
    let lasts = format!("{lasts} at the recent pace");
    let text = format!(
        "{handed_out} of this batch went out in the last {}; {} can be used with these.",
        plural(number(outlook.days), "day"),
        grouped(number(outlook.usable))
    );
    let (tone, title) = if days < Outlook::DAYS {
        (Tone::Notice, format!("Fewer than needed: they last {lasts}"))
    } else {
        (Tone::Quiet, format!("They last {lasts}"))
    };
    note(tone, title, text, &Tally::default())
}
