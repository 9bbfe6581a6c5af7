//! An audit record in plain words, the same line in Activity and in the log.
//! Owns the audit log's page and the one line an event is, here and in Activity.

use askama::Template;

use crate::{
    app::Member,
    domain::{
        audit::{Action, AuditRecord, Detail, ShownActor},
        ids::CouponId,
        zone::{self, Bound},
    },
    web::{
        customers::customer_acts,
        shared::{
            act_words, addresses,
            format::{grouped, when},
            frame::Frame,
            ui::{Pager, TextLink, When},
        },
    },
};

/// One event.
pub fn event(member: &Member, record: &AuditRecord) -> Event {
    let codes = ["code", "old_code", "new_code"]
        .into_iter()
        .filter_map(|key| record.text(key))
        .map(ToOwned::to_owned)
        .collect();
    let at = when(member, record.at);
    Event {
        text: text(record),
        codes,
        detail: detail(member, record),
        who: match &record.actor {
            ShownActor::User { name, .. } => name.clone(),
            ShownActor::Cli => "the command line".to_owned(),
            ShownActor::System => "the desk".to_owned(),
        },
        when: When { text: zone::show(record.at, member.merchant.zone), ..at },
        subject: match (&record.customer_name, record.customer) {
            (Some(name), _) => name.clone(),
            (None, Some(no)) => format!("Customer {no}"),
            (None, None) => String::new(),
        },
        href: match (record.customer, record.number("coupon")) {
            (Some(no), _) => Some(addresses::customer(&member.merchant, no)),
            (None, Some(coupon)) => Some(addresses::coupon(&member.merchant, CouponId(coupon))),
            (None, None) => None,
        },
    }
}

/// One event on the page of the customer it is about, who need not be named there.
pub fn own_event(member: &Member, record: &AuditRecord) -> Event {
    Event { subject: String::new(), href: None, ..event(member, record) }
}

fn text(record: &AuditRecord) -> String {
    let Some(action) = Action::ALL.iter().find(|action| action.as_str() == record.action) else {
        return record.action.clone();
    };
    match action {
        Action::EmailsChosen => customer_acts::choice_in_words(record).to_owned(),
        action => words(*action, |key| record.text(key).unwrap_or_default()),
    }
}

/// What an action is called where no record is at hand.
pub fn label(action: Action) -> String {
    let words = words(action, |_| "");
    words.trim_end_matches([':', ' ']).trim_end_matches(" into").to_owned()
}

/// The table of words: what happened, with what `name` says of the details.
fn words<'r>(action: Action, name: impl Fn(&'static str) -> &'r str) -> String {
    match action {
        Action::CouponReissued => "Coupon reissued".to_owned(),
        Action::CouponBarred => "Coupon barred".to_owned(),
        Action::CouponUnbarred => "Coupon unbarred".to_owned(),
        Action::CouponMarkedUsed => "Coupon marked as used".to_owned(),
        Action::CustomerBlocked => "Customer blocked".to_owned(),
        Action::CustomerUnblocked => "Customer unblocked".to_owned(),
        Action::EmailsChosen => "Emails turned off or on".to_owned(),
        Action::CustomerPurged => "Data purged".to_owned(),
        Action::EmailSent => "Email sent".to_owned(),
        Action::EmailFailed => "Email failed".to_owned(),
        Action::EmailResent => "Email resent".to_owned(),
        Action::MailReleased => "Held emails released".to_owned(),
        Action::BackupBegun => "Backup started".to_owned(),
        Action::MerchantAdded => "Merchant added".to_owned(),
        Action::UserAdded => "User added".to_owned(),
        Action::RoleAdded => "Role added".to_owned(),
        Action::UserInvited => "User invited".to_owned(),
        Action::RoleChanged => "Role changed".to_owned(),
        Action::RoleRemoved => "User removed from the merchant".to_owned(),
        Action::UserDisabled => "User disabled".to_owned(),
        Action::UserEnabled => "User enabled".to_owned(),
        Action::UserUnlocked => "User unlocked".to_owned(),
        Action::SessionsEnded => "Sessions ended".to_owned(),
        Action::PasswordChosen => "Password set".to_owned(),
        Action::PasswordForgotten => "Password reset requested".to_owned(),
        Action::PasswordChanged => "Password changed".to_owned(),
        Action::AppAdded => "Authenticator app added".to_owned(),
        Action::AppRemoved => "Authenticator app removed".to_owned(),
        Action::PasskeyAdded => "Passkey added".to_owned(),
        Action::PasskeyRemoved => "Passkey removed".to_owned(),
        Action::RecoveryCodesMade => "Recovery codes created".to_owned(),
        Action::RecoveryCodeUsed => "Recovery code used".to_owned(),
        Action::FactorFailed => "Wrong second factor".to_owned(),
        Action::IdentityLinked => "Single sign-on linked".to_owned(),
        Action::IdentityUnlinked => "Single sign-on unlinked".to_owned(),
        Action::IdentityAccepted => "Single sign-on accepted, second factor requested".to_owned(),
        Action::FactorsReset => "Second factors reset".to_owned(),
        Action::BatchAdded => format!("Voucher batch added: {}", name("batch")),
        Action::BatchValidityAdjusted => format!("Validity adjusted: {}", name("batch")),
        Action::BatchThresholdsSet => format!("Thresholds saved: {}", name("batch")),
        Action::SettingsChanged => "Settings changed".to_owned(),
        Action::AlertRulesSet => "Thresholds saved for all batches".to_owned(),
        Action::AlertsChosen => format!("Stock alerts changed: {}", name("mode")),
        Action::CodesExported => format!("Codes exported: {}", name("batch")),
        Action::VouchersWithdrawn => format!("Vouchers withdrawn: {}", name("batch")),
        Action::CustomersImported => "Customers imported".to_owned(),
        Action::CustomersPurged => "Customers purged from a file".to_owned(),
        Action::VouchersImported => format!("Vouchers imported into {}", name("batch")),
        Action::RewardsImported => "Rewards imported".to_owned(),
        Action::RedemptionsImported => "Redemptions imported".to_owned(),
        Action::BarsImported => "Codes barred from a file".to_owned(),
        Action::SignedIn => "Signed in".to_owned(),
        Action::SignInFailed => "Sign-in failed".to_owned(),
        Action::SignedOut => "Signed out".to_owned(),
        Action::PasswordAccepted => "Password accepted, second factor requested".to_owned(),
        Action::Confirmed => "Identity confirmed".to_owned(),
        Action::ConfirmFailed => "Identity confirmation failed".to_owned(),
        Action::AuditExported => "Audit log exported".to_owned(),
    }
}

fn detail(member: &Member, record: &AuditRecord) -> String {
    let mut parts: Vec<String> = Vec::new();
    if let Some(reward) = record.text("reward_id") {
        parts.push(format!("Reward {reward}"));
    }
    if let Some(Detail::Flag(asked)) =
        record.details.iter().find(|(key, _)| key == "email_requested").map(|(_, value)| value)
    {
        parts.push(if *asked {
            "email requested".to_owned()
        } else {
            "no email requested".to_owned()
        });
    }
    if let Some(why) = record.text("reason") {
        parts.push(why.to_owned());
    }
    if record.text("method") == Some("sso") {
        parts.push("by single sign-on".to_owned());
    }
    if let Some(before) = record.text("blocked_reason") {
        parts.push(format!("it was blocked because: {before}"));
    }
    if let Some(cancelled) = record.number("mails_cancelled").filter(|n| *n > 0) {
        parts.push(format!("{} cancelled", crate::web::shared::format::plural(cancelled, "email")));
    }
    if let Some(at) = record
        .text("redeemed_at")
        .and_then(|at| zone::parse_instant(at, member.merchant.zone, Bound::Start).ok())
    {
        parts.push(
            record
                .text("order_id")
                .map_or_else(|| "unknown order".to_owned(), |order| format!("order {order}")),
        );
        parts.push(format!("used on {}", zone::show(at, member.merchant.zone)));
    }
    if let (Some(gone), Some(allowed)) = (record.number("uses_gone"), record.number("uses_allowed"))
    {
        parts.push(act_words::uses_gone(gone, allowed));
    }
    let purges = record.action == Action::CustomersPurged.as_str();
    for (key, word) in [
        ("new", "new"),
        ("updated", if purges { "purged" } else { "updated" }),
        ("unchanged", "unchanged"),
        ("rejected", "rejected"),
    ] {
        if let Some(number) = record.number(key) {
            parts.push(format!("{} {word}", grouped(number)));
        }
    }
    parts.join(", ")
}

/// One event in plain words.
#[derive(Clone, Debug)]
pub struct Event {
    /// "Coupon reissued", "E-mail sent to jo@…", "Signed in".
    pub text: String,
    /// Codes it speaks of, old before new; usually none, one or two.
    pub codes: Vec<String>,
    /// More in one sentence, or empty.
    pub detail: String,
    /// Who did it: a name, "the command line" or "the desk".
    pub who: String,
    /// When.
    pub when: When,
    /// Whom or what it is about, for the audit log.
    pub subject: String,
    /// Where that is.
    pub href: Option<String>,
}

/// `GET /m/{merchant}/audit`.
#[derive(Debug, Template)]
#[template(path = "audit/index.html")]
pub struct AuditLogPage {
    /// Frame.
    pub frame: Frame,
    /// This page without filters.
    pub here: String,
    pub filters: Filters,
    /// What is filtered, each with the address of the page without it.
    pub chips: Vec<TextLink>,
    /// Records, newest first.
    pub entries: Vec<AuditLogItem>,
    pub screen: AuditLogScreen,
    /// First page and older page.
    pub pager: Pager,
    /// For those who may export.
    pub export: Option<ExportForm>,
}

/// Which screen it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditLogScreen {
    Records,
    /// Nothing was ever written down.
    Empty,
    NoMatch,
    /// A filter can't be taken.
    Invalid,
}

impl AuditLogScreen {
    pub fn is_empty(self) -> bool {
        self == Self::Empty
    }

    pub fn is_no_match(self) -> bool {
        self == Self::NoMatch
    }

    pub fn is_invalid(self) -> bool {
        self == Self::Invalid
    }
}

/// The form of the filters.
#[derive(Clone, Debug)]
pub struct Filters {
    pub who: Select,
    pub action: Select,
    /// Customer, code, first and last day, in this order.
    pub inputs: Vec<FilterInput>,
}

/// A choice from groups.
#[derive(Clone, Debug)]
pub struct Select {
    pub name: &'static str,
    pub label: &'static str,
    /// What no choice is called.
    pub none: &'static str,
    pub groups: Vec<FilterGroup>,
    pub error: Option<String>,
}

/// Choices that belong together.
#[derive(Clone, Debug)]
pub struct FilterGroup {
    pub label: &'static str,
    pub options: Vec<FilterChoice>,
}

/// A choice.
#[derive(Clone, Debug)]
pub struct FilterChoice {
    pub value: String,
    pub label: String,
    pub is_chosen: bool,
}

/// A field to be typed in.
#[derive(Clone, Debug)]
pub struct FilterInput {
    pub name: &'static str,
    pub label: &'static str,
    pub value: String,
    /// "text", or "date" where what was typed is one.
    pub kind: &'static str,
    pub hint: &'static str,
    /// Whether it holds a code.
    pub is_code: bool,
    pub error: Option<String>,
}

/// The export of what is shown, with its filters as hidden fields.
#[derive(Clone, Debug)]
pub struct ExportForm {
    pub action: String,
    pub fields: Vec<(&'static str, String)>,
}

/// A record: its line, and all that is known of it.
#[derive(Clone, Debug)]
pub struct AuditLogItem {
    pub event: Event,
    /// "record 1,234".
    pub number: String,
    pub facts: Vec<RecordFact>,
}

/// One thing that a record says.
#[derive(Clone, Debug, Default)]
pub struct RecordFact {
    pub label: String,
    /// The value before, where there is one.
    pub old: Option<String>,
    pub text: String,
    /// A moment after the text, or in its place.
    pub when: Option<When>,
    /// Whether the values are codes.
    pub is_code: bool,
    pub href: Option<String>,
}
