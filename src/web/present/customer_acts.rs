//! Acts on a customer as views: their words and addresses, the form, and what is said after it.

use super::{coupon_acts::with_focus, flash, plural, sentence};
use crate::{
    app::{
        Member,
        customer_acts::{InvalidCustomerAct, PreparedAct, SubmittedAct},
    },
    domain::{
        audit::{Action, AuditRecord},
        customer::Customer,
        customer_acts::{CustomerAct, CustomerRefusal, acts_on},
        ids::CustomerNo,
        zone,
    },
    web::views::{
        coupon_acts::Field,
        customer_acts::Form,
        ui::{Link, Toast, Tone},
    },
};

/// "Block customer": the link, the dialog's name and its button.
fn title(act: CustomerAct) -> &'static str {
    match act {
        CustomerAct::Block => "Block customer",
        CustomerAct::Unblock => "Unblock customer",
        CustomerAct::EmailsOff => "Switch e-mails off",
        CustomerAct::EmailsOn => "Switch e-mails on",
        CustomerAct::Purge => "Purge data",
    }
}

fn verb(act: CustomerAct) -> &'static str {
    match act {
        CustomerAct::Block => "block",
        CustomerAct::Unblock => "unblock",
        CustomerAct::EmailsOff => "emails-off",
        CustomerAct::EmailsOn => "emails-on",
        CustomerAct::Purge => "purge",
    }
}

/// The act that an address ends with.
pub fn act_of(path: &str) -> Option<CustomerAct> {
    let last = path.rsplit('/').next()?;
    CustomerAct::ALL.into_iter().find(|act| verb(*act) == last)
}

fn profile(member: &Member, no: CustomerNo) -> String {
    format!("/m/{}/customers/{no}", member.merchant.slug)
}

/// What this member may do to the customer as they are.
pub fn links(member: &Member, customer: &Customer) -> Vec<Link> {
    let allowed = acts_on(customer).into_iter().filter(|act| member.role.may(act.permission()));
    allowed
        .map(|act| Link {
            label: title(act).to_owned(),
            href: format!("{}/{}", profile(member, customer.no), verb(act)),
        })
        .collect()
}

/// The form: empty, or as it was sent with what is wrong in it.
pub fn form(
    member: &Member,
    prepared: &PreparedAct,
    typed: &SubmittedAct,
    unfit: &InvalidCustomerAct,
) -> Form {
    let (act, customer) = (prepared.act, &prepared.customer);
    let owner = customer.display_name();
    let cancel_href = profile(member, customer.no);
    Form {
        title: title(act),
        busy: match act {
            CustomerAct::Block => "Blocking…",
            CustomerAct::Unblock => "Unblocking…",
            CustomerAct::EmailsOff | CustomerAct::EmailsOn => "Switching…",
            CustomerAct::Purge => "Purging…",
        },
        dangerous: act == CustomerAct::Purge,
        action: format!("{cancel_href}/{}", verb(act)),
        cancel_href,
        email: customer
            .email
            .as_ref()
            .map(ToString::to_string)
            .filter(|email| *email != owner)
            .unwrap_or_default(),
        owner,
        means: means(act).iter().map(ToString::to_string).collect(),
        fields: with_focus(fields(act, customer.no, typed, unfit)),
    }
}

fn means(act: CustomerAct) -> &'static [&'static str] {
    match act {
        CustomerAct::Block => &[
            "A blocked customer's coupons can't be reissued, and no e-mail is sent to them again. \
             The codes they have stay as they are. You can unblock them later.",
        ],
        CustomerAct::Unblock => {
            &["Their coupons can be reissued again, unless something else keeps them from that."]
        }
        CustomerAct::EmailsOff => &[
            "Coupons can still be reissued, but without an e-mail. Mails that wait already still \
             go out. You can switch them on later.",
        ],
        CustomerAct::EmailsOn => {
            &["The fulfilment e-mail can be asked for again. Do this only when the customer wants \
             it."]
        }
        CustomerAct::Purge => &[
            "Name, e-mail, customer ID and locale disappear, also from the search.",
            "E-mails keep their row and state, and lose address, subject and content. Those that \
             wait are cancelled.",
            "Rewards, codes and reissues stay, without the person; nothing can be reissued or \
             sent any more.",
            "Reasons that were typed about them can't be read any more, here and in the audit log.",
            "It can't be undone. Backups made before still hold the person.",
        ],
    }
}

fn fields(
    act: CustomerAct,
    no: CustomerNo,
    typed: &SubmittedAct,
    unfit: &InvalidCustomerAct,
) -> Vec<Field> {
    let text =
        |name, label, value: &str, hint: String, error: &Option<crate::domain::Invalid>| Field {
            name,
            label,
            kind: "text",
            value: value.to_owned(),
            hint,
            required: true,
            error: error.as_ref().map(|why| sentence(&why.0)),
            autofocus: false,
        };
    match act {
        CustomerAct::Block | CustomerAct::Unblock => {
            let hint = "Shown at the customer and kept in the audit log until they are purged. Up \
                to 255 characters."
                .to_owned();
            vec![text("reason", "Reason", &typed.reason, hint, &unfit.reason)]
        }
        CustomerAct::Purge => {
            let hint = format!("Type {no} to confirm.");
            vec![text(
                "confirmation",
                "The customer's number",
                &typed.confirmation,
                hint,
                &unfit.confirmation,
            )]
        }
        CustomerAct::EmailsOff | CustomerAct::EmailsOn => vec![],
    }
}

/// What is said after an act, from its record.
pub fn told(record: &AuditRecord) -> Option<Toast> {
    let action = Action::ALL.iter().find(|action| action.as_str() == record.action)?;
    let (title, text) = match action {
        Action::CustomerBlocked => (
            "Customer blocked",
            "Their coupons can't be reissued until somebody unblocks them.".to_owned(),
        ),
        Action::CustomerUnblocked => {
            ("Customer unblocked", "Their coupons can be reissued again.".to_owned())
        }
        Action::EmailsChosen => emails_chosen(record)?,
        Action::CustomerPurged => {
            let cancelled = match record.number("mails_cancelled") {
                None | Some(0) => String::new(),
                Some(n) => format!(
                    " {} waiting {} cancelled.",
                    plural(n, "e-mail"),
                    if n == 1 { "was" } else { "were" }
                ),
            };
            (
                "Data purged",
                format!(
                    "The person is gone; rewards and the audit log stay without them.{cancelled}"
                ),
            )
        }
        _ => return None,
    };
    Some(flash::plain(Tone::Good, title, &text))
}

fn emails_chosen(record: &AuditRecord) -> Option<(&'static str, String)> {
    match record.text("receives_emails")? {
        "yes" => Some((
            "E-mails switched on",
            "The fulfilment e-mail can be asked for again.".to_owned(),
        )),
        "no" => Some((
            "E-mails switched off",
            "Coupons can be reissued, but no e-mail is sent.".to_owned(),
        )),
        _ => None,
    }
}

/// "E-mails switched off"; after a purge nobody can say which.
pub fn choice_in_words(record: &AuditRecord) -> &'static str {
    emails_chosen(record).map_or("E-mails switched off or on", |(title, _)| title)
}

/// "Purged on 3 Oct 2026, 23:59 BST by Kim Brook".
pub fn purged_in_words(
    member: &Member,
    at: chrono::DateTime<chrono::Utc>,
    by: Option<&str>,
) -> String {
    format!(
        "Purged on {} by {}",
        zone::show(at, member.merchant.zone),
        by.unwrap_or("the command line")
    )
}

/// An act that was refused, in short.
pub fn refused(member: &Member, refusal: &CustomerRefusal) -> Toast {
    let text = match refusal {
        CustomerRefusal::Purged { at, by } => {
            format!(
                "{}. Nothing more can be done to this customer.",
                purged_in_words(member, *at, by.as_deref())
            )
        }
        CustomerRefusal::AlreadyBlocked(blocked) => {
            let by = blocked.by.as_ref().map(|name| format!(" by {name}")).unwrap_or_default();
            let reason =
                blocked.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
            format!(
                "Blocked already, on {}{by}{reason}.",
                zone::show(blocked.at, member.merchant.zone)
            )
        }
        CustomerRefusal::NotBlocked => "This customer is not blocked.".to_owned(),
        CustomerRefusal::EmailsAre(true) => "E-mails are on already.".to_owned(),
        CustomerRefusal::EmailsAre(false) => "E-mails are off already.".to_owned(),
    };
    flash::plain(Tone::Bad, "Nothing was changed", &text)
}
