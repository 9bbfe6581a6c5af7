//! Voucher batches on pages: what is left, and until when.
//! Owns the list of voucher batches and one batch's page.

use askama::Template;

use crate::{
    app::{
        InvalidForm, Member,
        batches::{
            adjust_validity::AdjustValidity,
            set_thresholds::SetThresholds,
            show_batches::{BatchFile, BatchList},
        },
    },
    domain::{
        audit::{Action, AuditRecord},
        batch::{Batch, Window},
        role::Permission,
        stock_forecast::Outlook,
        zone,
    },
    web::{
        batches::{
            batch_codes::CodeListSection,
            picture::{self, StockPicture},
            stock_summary, threshold_forms, validity,
            vouchers::{self, Sent},
        },
        shared::{
            addresses, flash,
            format::{grouped, left, plural, when, when_end},
            frame::Frame,
            ui::{Badge, Fact, Pager, Status, StockBar, TextLink, Toast, Tone},
            words,
        },
    },
};

/// What a form on the page has just brought, for the page that answers it.
#[derive(Debug)]
pub enum FormOutcome {
    Nothing,
    /// Nothing of the vouchers could be taken.
    VouchersInvalid(Sent),
    /// The thresholds cannot be what was typed.
    ThresholdsInvalid {
        command: SetThresholds,
        why: InvalidForm,
    },
    /// Nothing was withdrawn.
    WithdrawalInvalid {
        reason: String,
        why: String,
    },
    /// The validity cannot be what was typed.
    ValidityInvalid {
        command: AdjustValidity,
        why: InvalidForm,
    },
}

/// The list.
pub fn index(frame: Frame, member: &Member, page: &BatchList, later: bool) -> BatchListPage {
    let here = addresses::batches(&member.merchant);
    BatchListPage {
        frame,
        actions: actions(member),
        rows: page
            .rows
            .iter()
            .map(|row| BatchItem {
                href: addresses::batch(&member.merchant, row.batch.id),
                name: row.batch.name.clone(),
                badges: stock_summary::badges(row),
                validity: validity_words(member, row.batch.window),
                safe_day: stock_summary::safe_day(&row.outlook),
                left: left(&row.stock.left()),
                left_note: if row.imported == 0 {
                    stock_summary::NEVER_FILLED.to_owned()
                } else {
                    stock_summary::unusable(&row.stock.set_aside())
                },
                stock: stock_summary::bar(row),
                cover: stock_summary::cover(&row.outlook),
                pace: stock_summary::pace(&row.outlook),
            })
            .collect(),
        pager: Pager {
            first_href: later.then(|| here.clone()),
            older_href: page.older.map(|id| format!("{here}?before={id}")),
        },
    }
}

/// Where one goes from the list.
fn actions(member: &Member) -> Vec<TextLink> {
    let merchant = &member.merchant;
    let link = |label: &str, href: String| TextLink { label: label.to_owned(), href };
    let may = |permission, link| member.role.may(permission).then_some(link);
    [
        may(Permission::BarCoupons, link("Redemptions", addresses::redemptions(merchant))),
        may(Permission::LookAtBatches, link("Stock alerts", addresses::alerts(merchant))),
        may(Permission::ManageBatches, link("Bar codes", addresses::new_bars(merchant))),
        may(Permission::ManageBatches, link("Imports", addresses::imports(merchant))),
        may(Permission::ManageBatches, link("New batch", addresses::new_batch(merchant))),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// One batch.
pub fn show(
    frame: Frame,
    member: &Member,
    file: &BatchFile,
    codes: CodeListSection,
    told: &FormOutcome,
) -> BatchPage {
    let batch = &file.row.batch;
    let counts = &file.row.stock;
    let aside = counts.set_aside();
    let outlook = &file.row.outlook;
    let manages = member.role.may(Permission::ManageBatches);
    let count = |tone, label: &str, n: i64| StateCount {
        tone,
        label: label.to_owned(),
        number: grouped(n),
    };
    let fact = |label: &str, text: String| Fact { label: label.to_owned(), text, when: None };
    BatchPage {
        frame,
        back_href: addresses::batches(&member.merchant),
        name: batch.name.clone(),
        badges: stock_summary::badges(&file.row),
        notes: stock_summary::notes(member, &file.row),
        picture: (file.row.imported > 0).then(|| picture::of_batch(member, file)),
        vouchers: manages.then(|| vouchers::form(member, batch.id, told)),
        validity: manages.then(|| validity::form(member, batch, told)),
        lines: manages.then(|| threshold_forms::lines(member, file, told)),
        withdraw: manages.then(|| threshold_forms::withdraw_form(member, file, told)),
        who_can: if manages { String::new() } else { who_can(&file.who_can) },
        left: left(&counts.left()),
        left_note: if file.row.imported == 0 {
            stock_summary::NEVER_FILLED.to_owned()
        } else {
            words::why_unusable(member, &aside).unwrap_or_default()
        },
        stock: stock_summary::bar(&file.row),
        counts: [
            count(Tone::Good, "Usable", counts.usable),
            count(Tone::Notice, "Expired in stock", aside.expired),
            count(Tone::Notice, "Barred in stock", aside.barred),
            count(Tone::Notice, "Not started", aside.not_started),
            count(Tone::Notice, "Redeemed in stock", aside.redeemed),
            count(Tone::Quiet, "With customers", counts.allocated),
            count(Tone::Quiet, "Replaced", counts.replaced),
            count(Tone::Quiet, "Withdrawn", counts.withdrawn),
        ]
        .into_iter()
        .enumerate()
        // What is nothing is left out, but for the first: "0 usable" says something.
        .filter(|(at, count)| *at == 0 || count.number != "0")
        .map(|(_, count)| count)
        .collect(),
        codes,
        facts: vec![
            fact("Validity", validity_words(member, batch.window)),
            fact(
                "Last day to hand out",
                outlook.last_safe_day.map_or_else(|| "No end".to_owned(), stock_summary::day),
            ),
            fact(
                if outlook.cover.is_some() { "Runs out in" } else { "Recent rate" },
                cover(outlook),
            ),
            fact("Uses per code", uses(batch)),
            fact(
                "Case-sensitive codes",
                if batch.case_sensitive { "Yes".to_owned() } else { "No".to_owned() },
            ),
            fact("Imported", plural(file.row.imported, "code")),
            Fact {
                label: "Added".to_owned(),
                text: String::new(),
                when: Some(when(member, batch.created_at)),
            },
        ],
    }
}

fn who_can(names: &[String]) -> String {
    if names.is_empty() {
        return "A user with the role Marketing or Administrator can add vouchers and adjust \
                validity."
            .to_owned();
    }
    format!("{} can add vouchers and adjust validity.", names.join(", "))
}

/// What is said after an act of this member on this batch, which stands in `record`.
pub fn after(member: &Member, batch: &Batch, record: &AuditRecord) -> Option<Toast> {
    let said = |title: &str, text: &str| Some(flash::plain(Tone::Good, title, text));
    if record.action == Action::BatchValidityAdjusted.as_str() {
        return said(
            "Validity adjusted",
            &format!("Now: {}.", validity_words(member, batch.window)),
        );
    }
    if record.action == Action::BatchThresholdsSet.as_str() {
        let threshold = batch.threshold.unwrap_or(member.merchant.stock_rules.threshold);
        return said(
            "Thresholds saved",
            &format!(
                "Critical at {}, {} kept for reissues.",
                grouped(threshold),
                grouped(batch.reserve)
            ),
        );
    }
    if record.action == Action::VouchersWithdrawn.as_str() {
        let codes = record.number("codes").unwrap_or_default();
        return said(
            "Vouchers withdrawn",
            &format!("{} will no longer be handed out.", plural(codes, "code")),
        );
    }
    None
}

/// Shown when the thresholds were sent unchanged.
pub fn unchanged_lines() -> Toast {
    flash::plain(Tone::Quiet, "Thresholds not changed", "Nothing was changed.")
}

/// What is said when the validity was sent as it was.
pub fn unchanged(member: &Member, batch: &Batch) -> Toast {
    flash::plain(
        Tone::Quiet,
        "Validity not changed",
        &format!("{}. Nothing was changed.", validity_words(member, batch.window)),
    )
}

fn cover(outlook: &Outlook) -> String {
    let (cover, pace) = (stock_summary::cover(outlook), stock_summary::pace(outlook));
    if cover.is_empty() { pace } else { format!("{cover}; {}", pace.to_lowercase()) }
}

fn uses(batch: &Batch) -> String {
    format!("{} per code", plural(batch.uses_per_code, "use"))
}

/// "1 Mar 2026 to 3 Oct 2026, 23:59 BST", "No end".
pub fn validity_words(member: &Member, window: Window) -> String {
    let zone = member.merchant.zone;
    let until = window.until.map(|at| when_end(member, at).text);
    match (window.from, until) {
        (Some(from), Some(until)) => format!("{} to {until}", zone::show_day(from, zone)),
        (Some(from), None) => format!("From {}, no end", zone::show_day(from, zone)),
        (None, Some(until)) => format!("Until {until}"),
        (None, None) => "No end".to_owned(),
    }
}

/// `GET /m/{merchant}/batches`.
#[derive(Debug, Template)]
#[template(path = "batches/index.html")]
pub struct BatchListPage {
    /// Frame.
    pub frame: Frame,
    /// "New batch" and the like, for those who may.
    pub actions: Vec<TextLink>,
    /// The batches.
    pub rows: Vec<BatchItem>,
    /// First page and older page.
    pub pager: Pager,
}

/// One batch in the list.
#[derive(Clone, Debug)]
pub struct BatchItem {
    /// Its page.
    pub href: String,
    /// Its name.
    pub name: String,
    /// Its stock and its time: "Critical", "Expiring".
    pub badges: Vec<Badge>,
    /// "1 Mar 2026 to 3 Oct 2026, 23:59 BST", "No end".
    pub validity: String,
    /// "Last safe day 3 Sep 2026"; may be empty.
    pub safe_day: String,
    /// "39 left".
    pub left: String,
    /// What is left but can't be used, and why; may be empty.
    pub left_note: String,
    /// Its bar.
    pub stock: StockBar,
    /// "About 41 days".
    pub cover: String,
    /// "30 a week lately"; may be empty.
    pub pace: String,
}

/// `GET /m/{merchant}/batches/{id}`.
#[derive(Debug, Template)]
#[template(path = "batches/show.html")]
pub struct BatchPage {
    /// Frame.
    pub frame: Frame,
    /// Back to the list.
    pub back_href: String,
    /// The heading.
    pub name: String,
    /// Its stock and its time: "Critical", "Expiring".
    pub badges: Vec<Badge>,
    /// What deserves a look: the reserve is touched, codes end soon. May be empty.
    pub notes: Vec<Status>,
    /// The stock day by day, where there ever was any.
    pub picture: Option<StockPicture>,
    /// "Add vouchers", for those who may.
    pub vouchers: Option<vouchers::VouchersForm>,
    /// "Adjust validity", for those who may.
    pub validity: Option<validity::ValidityForm>,
    /// "Stock lines", for those who may.
    pub lines: Option<threshold_forms::ThresholdsForm>,
    /// "Withdraw vouchers", for those who may.
    pub withdraw: Option<threshold_forms::Withdraw>,
    /// Who can do these, when this user may not; or empty.
    pub who_can: String,
    /// "39 left".
    pub left: String,
    /// Why codes can't be used, if so: "120 codes left, all expired on …". May be empty.
    pub left_note: String,
    /// The bar.
    pub stock: StockBar,
    /// Codes by state, the bar's legend.
    pub counts: Vec<StateCount>,
    /// Validity, uses per code, case rule, and so on.
    pub facts: Vec<Fact>,
    /// Its codes.
    pub codes: CodeListSection,
}

/// Codes in one state.
#[derive(Clone, Debug)]
pub struct StateCount {
    /// The bar's colour.
    pub tone: Tone,
    /// "Usable", "Allocated".
    pub label: String,
    /// The number, grouped.
    pub number: String,
}
