//! The audit log's page: its filters, and each record's details in words.

use crate::{
    app::{
        Member,
        audit::{
            audit_download::Format,
            audit_filters::{FilterField, SubmittedFilters},
            show_audit_log::{LogEntry, LogPage, ReissueMail},
        },
    },
    domain::{
        audit::{Action, Detail, ShownActor},
        audit_filter::{ActorFilter, RecordPlace},
        customer::Customer,
        ids::{CouponId, UserId},
        role::{Permission, Role},
        zone::{self, Bound},
    },
    web::{
        audit::records::{
            self, AuditLogPage, AuditLogScreen, ExportForm, FilterChoice, FilterGroup, FilterInput,
            Filters, RecordFact, Select,
        },
        shared::{
            addresses,
            format::{grouped, when, when_end},
            frame::Frame,
            ui::{Pager, TextLink},
        },
    },
};

/// The page.
pub fn page(
    frame: Frame,
    member: &Member,
    typed: &SubmittedFilters,
    before: Option<RecordPlace>,
    log: &LogPage,
) -> AuditLogPage {
    let here = addresses::audit_log(&member.merchant);
    let screen = match (log.judged.invalid.is_empty(), log.entries.is_empty(), typed.is_empty()) {
        (false, ..) => AuditLogScreen::Invalid,
        (true, false, _) => AuditLogScreen::Records,
        (true, true, true) => AuditLogScreen::Empty,
        (true, true, false) => AuditLogScreen::NoMatch,
    };
    let fields = fields(typed, log);
    let may_export =
        member.role.may(Permission::ExportAuditLog) && screen == AuditLogScreen::Records;
    AuditLogPage {
        frame,
        filters: filters(typed, log),
        chips: chips(member, typed, log, &here),
        entries: log.entries.iter().map(|entry| shown(member, entry, log)).collect(),
        screen,
        pager: Pager {
            first_href: before.map(|_| address(&here, &fields, None)),
            older_href: log.older.map(|place| address(&here, &fields, Some(place))),
        },
        export: may_export.then(|| ExportForm { action: format!("{here}/export"), fields }),
        here,
    }
}

/// The filters as they stand in addresses: a customer by number, whatever was typed.
fn fields(typed: &SubmittedFilters, log: &LogPage) -> Vec<(&'static str, String)> {
    let value = |field: FilterField| match (&log.judged.customer, field) {
        (Some(customer), FilterField::Customer) => customer.no.to_string(),
        _ => typed.get(field).to_owned(),
    };
    FilterField::ALL
        .into_iter()
        .map(|field| (field.name(), value(field)))
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

fn address(here: &str, fields: &[(&'static str, String)], before: Option<RecordPlace>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(fields);
    if let Some(place) = before {
        query.append_pair("before", &format!("{}.{}", place.at.timestamp_micros(), place.id));
    }
    let query = query.finish();
    if query.is_empty() { here.to_owned() } else { format!("{here}?{query}") }
}

fn chips(member: &Member, typed: &SubmittedFilters, log: &LogPage, here: &str) -> Vec<TextLink> {
    let (zone, judged, fields) = (member.merchant.zone, &log.judged, fields(typed, log));
    let words = |field: FilterField| match field {
        FilterField::Who => format!(
            "by {}",
            judged.filter.who.map(|who| actor(who, judged.user.as_deref())).unwrap_or_default()
        ),
        FilterField::Customer => format!(
            "about {}",
            judged.customer.as_ref().map(Customer::display_name).unwrap_or_default()
        ),
        FilterField::Action => judged.filter.action.map(records::label).unwrap_or_default(),
        FilterField::Code => format!("code {}", judged.code.as_deref().unwrap_or_default()),
        FilterField::From => format!(
            "from {}",
            judged.filter.from.map(|at| zone::show(at, zone)).unwrap_or_default()
        ),
        FilterField::To => format!(
            "to {}",
            judged.filter.until.map(|at| zone::show_end(at, zone)).unwrap_or_default()
        ),
    };
    let is_fit = |field: &FilterField| {
        !typed.get(*field).is_empty() && judged.invalid.iter().all(|(invalid, _)| invalid != field)
    };
    let without = |field: FilterField| {
        let rest: Vec<_> =
            fields.iter().filter(|(name, _)| *name != field.name()).cloned().collect();
        address(here, &rest, None)
    };
    FilterField::ALL
        .into_iter()
        .filter(is_fit)
        .map(|field| TextLink { label: words(field), href: without(field) })
        .collect()
}

fn actor(who: ActorFilter, name: Option<&str>) -> String {
    match who {
        ActorFilter::User(id) => name.map_or_else(|| format!("user {id}"), ToOwned::to_owned),
        ActorFilter::Cli => "the command line".to_owned(),
        ActorFilter::System => "the desk".to_owned(),
    }
}

fn filters(typed: &SubmittedFilters, log: &LogPage) -> Filters {
    let error = |field: FilterField| {
        log.judged
            .invalid
            .iter()
            .find(|(invalid, _)| *invalid == field)
            .map(|(_, why)| why.0.clone())
    };
    let choice = |field: FilterField, value: String, label: String| FilterChoice {
        is_chosen: typed.get(field) == value,
        value,
        label,
    };
    let people = |of: &[(UserId, String)]| {
        of.iter().map(|(id, name)| choice(FilterField::Who, id.to_string(), name.clone())).collect()
    };
    let desk = vec![
        choice(FilterField::Who, "cli".to_owned(), "The command line".to_owned()),
        choice(FilterField::Who, "system".to_owned(), "The desk itself".to_owned()),
    ];
    let mut who = vec![
        FilterGroup { label: "Users", options: people(&log.members) },
        FilterGroup { label: "Former users", options: people(&log.former) },
        FilterGroup { label: "Others", options: desk },
    ];
    who.retain(|group| !group.options.is_empty());
    let actions = GROUPS.iter().map(|(label, prefixes)| {
        let own = Action::ALL
            .iter()
            .filter(|action| group_of(**action) == *label && !prefixes.is_empty());
        FilterGroup {
            label,
            options: own
                .map(|action| {
                    choice(FilterField::Action, action.as_str().to_owned(), records::label(*action))
                })
                .collect(),
        }
    });
    let input = |field: FilterField, label, hint, is_date: bool| {
        let value = typed.get(field).to_owned();
        // A field for dates shows nothing that is none: what was typed would be lost.
        let is_day = value.is_empty()
            || (value.len() == 10
                && zone::parse_instant(&value, chrono_tz::UTC, Bound::Start).is_ok());
        let kind = if is_date && is_day { "date" } else { "text" };
        FilterInput {
            name: field.name(),
            label,
            value,
            kind,
            hint,
            is_code: field == FilterField::Code,
            error: error(field),
        }
    };
    Filters {
        who: Select {
            name: FilterField::Who.name(),
            label: "Who",
            none: "Anyone",
            groups: who,
            error: error(FilterField::Who),
        },
        action: Select {
            name: FilterField::Action.name(),
            label: "Action",
            none: "Everything",
            groups: actions.collect(),
            error: error(FilterField::Action),
        },
        inputs: vec![
            input(FilterField::Customer, "Customer", "Number, email or ID", false),
            input(FilterField::Code, "Code", "Full code, old or new", false),
            input(FilterField::From, "From", "YYYY-MM-DD", true),
            input(FilterField::To, "To", "YYYY-MM-DD", true),
        ],
    }
}

/// The groups of actions in the order of the list, by how the actions begin; what begins otherwise
/// is in the last one.
const GROUPS: [(&str, &[&str]); 8] = [
    ("Coupons", &["coupon."]),
    ("Emails", &["email.", "mail."]),
    ("Customers", &["customer."]),
    ("Voucher batches", &["batch.", "vouchers.withdrawn"]),
    ("Imports", &["customers.", "vouchers.imported", "rewards.", "redemptions.", "bars."]),
    ("Sign-ins", &["session."]),
    ("Users and second factors", &["user.", "role.", "factor."]),
    ("Merchant and log", &["merchant.", "audit."]),
];

fn group_of(action: Action) -> &'static str {
    let known = GROUPS
        .iter()
        .find(|(_, prefixes)| prefixes.iter().any(|prefix| action.as_str().starts_with(prefix)));
    known.map_or(GROUPS[GROUPS.len() - 1].0, |(label, _)| label)
}

fn shown(member: &Member, entry: &LogEntry, log: &LogPage) -> records::AuditLogItem {
    let record = &entry.record;
    let fact = |label: &str, text: String| RecordFact {
        label: label.to_owned(),
        text,
        ..RecordFact::default()
    };
    let mut facts =
        vec![RecordFact { when: Some(when(member, record.at)), ..fact("Time", String::new()) }];
    facts.push(match &record.actor {
        ShownActor::User { name, email, .. } => fact("Who", format!("{name}, {email}")),
        ShownActor::Cli => fact("Who", "Someone at the server's command line".to_owned()),
        ShownActor::System => fact("Who", "The desk itself".to_owned()),
    });
    if let Some(no) = record.customer {
        let name = record
            .customer_name
            .as_ref()
            .map_or_else(|| format!("{no}, purged"), |name| format!("{name}, number {no}"));
        facts.push(RecordFact {
            href: Some(addresses::customer(&member.merchant, no)),
            ..fact("Customer", name)
        });
    }
    facts.extend(
        record.details.iter().filter_map(|(key, value)| of_detail(member, entry, log, key, value)),
    );
    if let Some(reissue) = record.reissue {
        facts.push(fact("Reissue", format!("Number {reissue}")));
    }
    if let Some(mail) = entry.mail {
        let (text, at) = match mail {
            ReissueMail::NotAskedFor => ("Not requested", None),
            ReissueMail::OnItsWay => ("Requested, on its way", None),
            ReissueMail::Cancelled => ("Requested, cancelled by the purge", None),
            ReissueMail::Sent(at) => ("Sent", Some(at)),
            ReissueMail::Failed(at) => ("Failed", Some(at)),
        };
        facts.push(RecordFact {
            when: at.map(|at| when(member, at)),
            ..fact("Email", text.to_owned())
        });
    }
    facts.push(fact("Action", record.action.clone()));
    facts.extend(record.request_id.iter().map(|id| fact("Request ID", id.clone())));
    facts.push(fact("Record", grouped(record.id.0)));
    facts.push(fact(
        "Seal",
        entry.seal.map_or_else(
            || "Not sealed yet".to_owned(),
            |no| format!("Number {} of this log", grouped(no)),
        ),
    ));
    let mut event = records::event(member, record);
    if let Some(user) =
        record.details.iter().find(|(key, _)| key == "user" && event.subject.is_empty())
    {
        event.subject = in_words(member, log, "user", &user.1);
    }
    records::AuditLogItem { event, number: format!("record {}", grouped(record.id.0)), facts }
}

/// A detail with the one it replaced; nothing for one that is shown with its successor.
fn of_detail(
    member: &Member,
    entry: &LogEntry,
    log: &LogPage,
    key: &str,
    value: &Detail,
) -> Option<RecordFact> {
    let find = |wanted: &str| entry.record.details.iter().find(|(known, _)| known == wanted);
    let successor = |key: &str| match (key.strip_prefix("old_"), key.strip_suffix("_before")) {
        (Some(rest), _) => find(&format!("new_{rest}")).or_else(|| find(rest)).is_some(),
        (None, Some(rest)) => find(rest).is_some(),
        (None, None) => false,
    };
    if key == "email_requested" || successor(key) {
        return None;
    }
    let plain = key.strip_prefix("new_").or_else(|| key.strip_prefix("old_")).unwrap_or(key);
    let predecessor = if key.starts_with("old_") {
        None
    } else {
        find(&format!("old_{plain}")).or_else(|| find(&format!("{plain}_before")))
    };
    let words = |value: &Detail| in_words(member, log, plain, value);
    let is_code = matches!(plain, "code");
    let label =
        if key.starts_with("old_") { format!("{} before", label(plain)) } else { label(plain) };
    let href = match (plain, value) {
        ("coupon", Detail::Number(id)) => Some(addresses::coupon(&member.merchant, CouponId(*id))),
        _ => None,
    };
    Some(RecordFact {
        label,
        old: predecessor.map(|(_, old)| words(old)),
        text: words(value),
        when: None,
        is_code,
        href,
    })
}

/// What a detail is called. One that is not here is called as it is stored, with spaces.
fn label(key: &str) -> String {
    let known = match key {
        "reward_id" => "Reward",
        "batch" => "Voucher batch",
        "user" => "User",
        "barred_by" => "Had been barred by",
        "barred_at" => "Had been barred on",
        "barred_reason" => "Had been barred because",
        "blocked_at" => "Had been blocked on",
        "blocked_reason" => "Had been blocked because",
        "receives_emails" => "Emails",
        "mail" => "Email number",
        "left" => "Codes left",
        "codes" => "Codes",
        "order_id" => "Order",
        "redeemed_at" => "Used on",
        "uses_gone" => "Uses so far",
        "uses_allowed" => "Uses allowed",
        "sessions" => "Sessions ended",
        "mails_emptied" => "Emails erased",
        "mails_cancelled" => "Emails cancelled",
        "timezone" => "Time zone",
        "ticket_url" => "Ticket address",
        "account_manager" => "Account manager",
        "mail_from" => "Sender",
        "requires_second_factor" => "Second factor required",
        "threshold" => "Alert below",
        "least_days" => "Minimum days to use a code",
        "mode" => "Stock alerts",
        "of_user" | "of_actor" => "Records by",
        "of_customer" => "Records about customer",
        "of_action" => "Records of",
        "of_from" => "Records from",
        "of_until" => "Records until",
        other => {
            return crate::web::shared::format::sentence(&other.replace('_', " "))
                .trim_end_matches('.')
                .to_owned();
        }
    };
    known.to_owned()
}

fn in_words(member: &Member, log: &LogPage, key: &str, value: &Detail) -> String {
    match (key, value) {
        ("user" | "barred_by" | "of_user", Detail::Number(id)) => {
            let name =
                log.people.iter().find(|(known, _)| known.0 == *id).map(|(_, name)| name.clone());
            name.unwrap_or_else(|| format!("User {id}"))
        }
        ("coupon", Detail::Number(id)) => format!("Coupon {id}"),
        ("account_manager", Detail::Flag(_)) => {
            "Changed; see the settings for who it is".to_owned()
        }
        (_, Detail::Flag(flag)) => if *flag { "Yes" } else { "No" }.to_owned(),
        (_, Detail::Number(number)) => grouped(*number),
        ("role", Detail::Text(text)) => {
            text.parse().map_or_else(|_| text.clone(), |role: Role| role.label().to_owned())
        }
        ("format", Detail::Text(text)) if text == Format::JsonLines.as_str() => {
            "JSON Lines".to_owned()
        }
        ("of_action", Detail::Text(text)) => Action::ALL
            .iter()
            .find(|action| action.as_str() == text)
            .map_or_else(|| text.clone(), |action| records::label(*action)),
        ("of_actor", Detail::Text(text)) => {
            actor(if text == "cli" { ActorFilter::Cli } else { ActorFilter::System }, None)
        }
        (_, Detail::Text(text)) if text.is_empty() => "nothing".to_owned(),
        (_, Detail::Text(text)) => {
            match zone::parse_instant(text, member.merchant.zone, Bound::Start) {
                Ok(at) if text.contains('T') && key.contains("until") => when_end(member, at).text,
                Ok(at) if text.contains('T') => when(member, at).text,
                _ => text.clone(),
            }
        }
    }
}
