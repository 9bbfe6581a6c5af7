//! Imports on pages: where each stands, what its rows come to, and what to do next.

use crate::{
    app::{
        Member,
        imports::show_imports::{ImportFile, ImportList, ImportReport},
    },
    domain::import::{Import, ImportKind, ImportState, Sender},
    web::{
        batches::pages::StateCount,
        imports::{
            files::{self, UploadCopy},
            notes,
            screens::{
                ImportItem, ImportListPage, ImportPage, ImportScreen, ProgressBarView, RowSums,
            },
        },
        shared::{
            addresses,
            format::{grouped, plural, sentence, when},
            frame::Frame,
            ui::{Badge, Fact, Pager, StockBar, TextLink, Tone},
        },
    },
};

/// What an import is called: its file.
pub fn title(import: &Import) -> String {
    match import.sender {
        _ if !import.file_name.is_empty() => import.file_name.clone(),
        Sender::User { .. } => "Pasted lines".to_owned(),
        Sender::Operator => "Import by command".to_owned(),
    }
}

fn who(import: &Import) -> String {
    match &import.sender {
        Sender::User { name, .. } => name.clone(),
        Sender::Operator => "The command line".to_owned(),
    }
}

/// The name of its rejects as a file, with nothing in it that a header or a file system minds.
pub fn rejects_name(import: &Import) -> String {
    let stem: String = import
        .file_name
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        .take(60)
        .collect();
    let stem = stem.trim_matches('.');
    if stem.is_empty() {
        format!("import-{}.rejects.csv", import.id)
    } else {
        format!("{stem}.rejects.csv")
    }
}

/// The list.
pub fn index(frame: Frame, member: &Member, page: &ImportList, later: bool) -> ImportListPage {
    let here = addresses::imports(&member.merchant);
    ImportListPage {
        frame,
        back_href: addresses::batches(&member.merchant),
        rows: page.rows.iter().map(|file| row(member, file)).collect(),
        pager: Pager {
            first_href: later.then(|| here.clone()),
            older_href: page.older.map(|id| format!("{here}?before={id}")),
        },
    }
}

fn row(member: &Member, file: &ImportFile) -> ImportItem {
    let import = &file.import;
    let counts = file
        .account
        .as_ref()
        .filter(|_| matches!(import.state, ImportState::Checked | ImportState::Done));
    ImportItem {
        href: addresses::import(&member.merchant, import.id),
        title: title(import),
        batch: subject(import),
        badge: badge(import, file.account.as_ref()),
        counts: counts.map(|account| in_short(import, account)).unwrap_or_default(),
        who: who(import),
        when: when(member, import.created_at),
    }
}

fn badge(import: &Import, account: Option<&ImportReport>) -> Badge {
    let words = files::words(import.kind);
    let (tone, text) = match import.state {
        ImportState::Receiving => (Tone::Quiet, "Uploading"),
        ImportState::Checking => (Tone::Quiet, "Checking"),
        ImportState::Checked if account.is_some_and(|account| account.new == 0) => {
            (Tone::Quiet, words.nothing)
        }
        ImportState::Checked => (Tone::Notice, words.waits),
        ImportState::Importing if import.cancel_asked => (Tone::Quiet, "Cancelling"),
        ImportState::Importing => (Tone::Quiet, "Running"),
        ImportState::Done => (Tone::Good, "Done"),
        ImportState::Failed => (Tone::Bad, "Failed"),
        ImportState::Cancelled => (Tone::Quiet, "Cancelled"),
    };
    Badge { tone, text: text.to_owned() }
}

fn number(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn in_short(import: &Import, account: &ImportReport) -> String {
    let words = files::words(import.kind);
    let parts = [
        (account.new, words.new),
        (account.updated, "updated"),
        (account.unchanged, words.already),
        (account.rejected, "rejected"),
    ];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, what)| format!("{} {what}", grouped(number(*n))))
        .collect();
    parts.join(", ")
}

/// One import.
pub fn show(frame: Frame, member: &Member, file: &ImportFile) -> ImportPage {
    let import = &file.import;
    let fact = |label: &str, text: String| Fact { label: label.to_owned(), text, when: None };
    let mut facts = if import.kind.rules().needs_batch {
        vec![fact("Batch", batch_fact(import))]
    } else {
        vec![fact("Contents", subject(import))]
    };
    if let (None, Some(planned)) = (&import.batch, &import.new_batch) {
        facts.push(fact(
            "Validity",
            crate::web::batches::pages::validity_words(member, planned.window),
        ));
        facts.push(fact("Uses per code", grouped(planned.uses_per_code)));
        facts.push(fact(
            "Case-sensitive codes",
            if planned.case_sensitive { "Yes" } else { "No" }.to_owned(),
        ));
    }
    facts.push(fact("Size", size(import.bytes)));
    facts.push(fact("By", who(import)));
    facts.push(Fact {
        label: "Sent".to_owned(),
        text: String::new(),
        when: Some(when(member, import.created_at)),
    });
    if let Some(at) = import.ended_at {
        facts.push(Fact {
            label: "Ended".to_owned(),
            text: String::new(),
            when: Some(when(member, at)),
        });
    }
    ImportPage {
        frame,
        back_href: addresses::imports(&member.merchant),
        title: title(import),
        facts,
        screen: ImportScreen { is_first: true, ..screen(member, file) },
    }
}

fn batch_fact(import: &Import) -> String {
    if import.batch.is_some() {
        import.batch_name().to_owned()
    } else {
        format!("{} (new)", import.batch_name())
    }
}

#[allow(clippy::cast_precision_loss, reason = "one digit is shown")]
fn size(bytes: i64) -> String {
    match bytes {
        ..10_000 => plural(bytes, "byte"),
        10_000..1_000_000 => format!("{} kB", bytes / 1000),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

/// What the page says below its head.
pub fn screen(member: &Member, file: &ImportFile) -> ImportScreen {
    let import = &file.import;
    let words = files::words(import.kind);
    let here = |rest: &str| format!("{}{rest}", addresses::import(&member.merchant, import.id));
    let account = file.account.as_ref();
    let empty = ImportScreen {
        state: state(import),
        tone: Tone::Quiet,
        title: String::new(),
        text: String::new(),
        bar: None,
        sums: None,
        notes_title: "Good to know",
        notes: vec![],
        groups: vec![],
        rejects_href: None,
        confirm: None,
        cancel: None,
        links: vec![],
        is_first: false,
        said: String::new(),
    };
    let mut screen = match import.state {
        ImportState::Receiving => ImportScreen {
            title: "The file is uploading".to_owned(),
            text: format!("{} so far. Nothing has been checked or added yet.", size(import.bytes)),
            cancel: Some(here("/cancel")),
            ..empty
        },
        ImportState::Checking => ImportScreen {
            title: "Checking the file".to_owned(),
            text: "Nothing is added until you confirm.".to_owned(),
            cancel: Some(here("/cancel")),
            ..empty
        },
        ImportState::Checked => checked(member, import, account, empty),
        ImportState::Importing if import.cancel_asked => ImportScreen {
            title: "Cancelling".to_owned(),
            text: "Everything added so far is being removed. Nobody has seen it.".to_owned(),
            ..empty
        },
        ImportState::Importing => ImportScreen {
            title: format!(
                "{} {}{}",
                words.acting,
                plural(number(account.map_or(0, |a| a.new)), words.one),
                into(import)
            ),
            text: "You can leave this page; the import continues. Nobody sees any of it until all \
                   of it is in."
                .to_owned(),
            cancel: Some(here("/cancel")),
            ..empty
        },
        ImportState::Done => done(import, account, empty),
        ImportState::Failed => ImportScreen {
            tone: Tone::Bad,
            title: "Nothing was added".to_owned(),
            text: [sentence(import.failure.as_deref().unwrap_or_default()), stays_empty(import)]
                .concat(),
            ..empty
        },
        ImportState::Cancelled => ImportScreen {
            title: "Cancelled".to_owned(),
            text: ["Nothing was added.".to_owned(), stays_empty(import)].concat(),
            ..empty
        },
    };
    if matches!(
        import.state,
        ImportState::Receiving | ImportState::Checking | ImportState::Importing
    ) {
        let (done, of) = import.progress;
        let percent = if of > 0 { (done * 100 / of).clamp(0, 100) } else { 0 };
        let href = here(&format!("/progress?was={}", screen.state));
        screen.bar = Some(ProgressBarView {
            label: screen.title.clone(),
            percent,
            href,
            page_href: here(""),
        });
    }
    if let Some(account) =
        account.filter(|_| matches!(import.state, ImportState::Checked | ImportState::Done))
    {
        screen.sums = Some(sums(import, account));
        screen.groups = notes::rejected(&account.findings);
        screen.rejects_href = file.has_rejects.then(|| here("/rejects"));
    }
    screen.links = links(member, import, screen.confirm.is_some());
    screen.said = format!("{}. {}", screen.title, screen.text);
    screen
}

fn state(import: &Import) -> String {
    let asked = import.cancel_asked && import.state == ImportState::Importing;
    if asked { "cancelling".to_owned() } else { import.state.as_str().to_owned() }
}

fn checked(
    member: &Member,
    import: &Import,
    account: Option<&ImportReport>,
    empty: ImportScreen,
) -> ImportScreen {
    let Some(account) = account else { return empty };
    let (new, what) = (number(account.new), files::words(import.kind));
    let is_new = import.kind.rules().needs_batch && import.batch.is_none();
    let cancel = Some(format!("{}/cancel", addresses::import(&member.merchant, import.id)));
    if new == 0 {
        let (title, text) = if account.rejected == 0 {
            let there = format!(
                "{} {}",
                plural(number(account.unchanged), what.one),
                are(account.unchanged)
            );
            (
                format!("Nothing new to {}", what.act.to_lowercase()),
                format!("{there} {}.", what.already.replace("the", "this")),
            )
        } else {
            (
                format!("No {} can be {}", what.one, what.acted),
                "Correct the lines below and send them again.".to_owned(),
            )
        };
        return ImportScreen {
            tone: if account.rejected == 0 { Tone::Quiet } else { Tone::Bad },
            title,
            text,
            cancel,
            ..empty
        };
    }
    let notes = notes::of(member, account);
    let suspicious = notes.iter().any(|note| note.tone == Tone::Notice);
    ImportScreen {
        tone: if suspicious || account.rejected > 0 { Tone::Notice } else { Tone::Good },
        notes_title: if suspicious { "Check these first" } else { "Good to know" },
        title: format!("{} can be {}{}", plural(new, what.one), what.acted, into(import)),
        text: format!(
            "Nothing has been {} yet.{}",
            what.acted,
            if is_new { " The batch is created when you add them." } else { "" }
        ),
        notes,
        confirm: Some(TextLink {
            label: format!("{} {}", what.act, plural(new, what.one)),
            href: format!("{}/confirm", addresses::import(&member.merchant, import.id)),
        }),
        cancel,
        ..empty
    }
}

fn are(n: u64) -> &'static str {
    if n == 1 { "is" } else { "are" }
}

fn done(import: &Import, account: Option<&ImportReport>, empty: ImportScreen) -> ImportScreen {
    let new = number(account.map_or(0, |account| account.new + account.updated));
    let rejected = number(account.map_or(0, |account| account.rejected));
    let what = files::words(import.kind);
    let text = match rejected {
        0 => String::new(),
        n => format!(
            "{} rejected. Correct them and send them again. Lines that are already in do no harm.",
            plural(n, "line")
        ),
    };
    let title = if new == 0 {
        format!("Nothing new was {}", what.acted)
    } else {
        format!("{} {}{}", plural(new, what.one), what.acted, into(import))
    };
    ImportScreen {
        tone: if rejected > 0 { Tone::Notice } else { Tone::Good },
        title,
        text,
        ..empty
    }
}

/// The batch is made when the import begins, and nobody takes it away again.
fn stays_empty(import: &Import) -> String {
    match (&import.new_batch, &import.batch) {
        (Some(_), Some((_, name))) => format!(" The batch {name} was created and is empty."),
        _ => String::new(),
    }
}

fn links(member: &Member, import: &Import, waits: bool) -> Vec<TextLink> {
    let link = |label: &str, href: String| TextLink { label: label.to_owned(), href };
    let own = files::addresses_of(&member.merchant, import.kind);
    let again = || {
        let form = match &import.batch {
            Some((batch, _)) => Some(addresses::add_vouchers(&member.merchant, *batch)),
            None => own.as_ref().map(|(form, _)| form.clone()),
        };
        form.map(|form| link("Send another file", form))
    };
    let batch = import.batch.as_ref().map(|(batch, name)| {
        link(&format!("Go to {name}"), addresses::batch(&member.merchant, *batch))
    });
    match import.state {
        ImportState::Done if import.kind == ImportKind::Redemptions => {
            let mismatches = own
                .as_ref()
                .map(|(_, mismatches)| link("Redemption mismatches", mismatches.clone()));
            mismatches.into_iter().chain(again()).collect()
        }
        ImportState::Done => batch.into_iter().chain(again()).collect(),
        // What waits for a word leads nowhere else; where there is nothing to say yes to, the next
        // file does.
        ImportState::Failed | ImportState::Cancelled => again().into_iter().chain(batch).collect(),
        ImportState::Checked if !waits => again().into_iter().chain(batch).collect(),
        _ => vec![],
    }
}

/// What the import is about, in the list.
fn subject(import: &Import) -> String {
    match import.kind {
        ImportKind::Vouchers => import.batch_name().to_owned(),
        ImportKind::Redemptions => "Redemptions".to_owned(),
        ImportKind::Bars => "Codes to bar".to_owned(),
        ImportKind::Customers => "Customers".to_owned(),
        ImportKind::Rewards => "Rewards".to_owned(),
        ImportKind::Purges => "Customers to purge".to_owned(),
    }
}

/// " to Spring", where it goes into a batch.
fn into(import: &Import) -> String {
    if import.kind.rules().needs_batch {
        format!(" to {}", import.batch_name())
    } else {
        String::new()
    }
}

/// "Already in the batch".
fn label(words: &str) -> String {
    sentence(words).replace('.', "")
}

fn sums(import: &Import, account: &ImportReport) -> RowSums {
    let UploadCopy { new: fresh, already, .. } = files::words(import.kind);
    let ImportReport { rows, new, updated, unchanged, rejected, .. } = *account;
    let count = |tone, label: &str, n: u64| StateCount {
        tone,
        label: label.to_owned(),
        number: grouped(number(n)),
    };
    let changed = match updated {
        0 => String::new(),
        n => format!(" {} updated,", grouped(number(n))),
    };
    let title = format!(
        "{}: {} {fresh},{changed} {} {already}, {} rejected",
        plural(number(rows), "row"),
        grouped(number(new)),
        grouped(number(unchanged)),
        grouped(number(rejected))
    );
    RowSums {
        stock: StockBar::new(
            title,
            &[(Tone::Good, new + updated), (Tone::Quiet, unchanged), (Tone::Bad, rejected)],
        ),
        counts: [
            Some(count(Tone::Good, &label(fresh), new)),
            (updated > 0).then(|| count(Tone::Good, "Updated", updated)),
            Some(count(Tone::Quiet, &label(already), unchanged)),
            Some(count(Tone::Bad, "Rejected", rejected)),
        ]
        .into_iter()
        .flatten()
        .collect(),
    }
}
