//! Acts on a customer as views: their words and addresses, the form, and what is said after it.

use super::{coupon_acts::with_focus, flash, plural, sentence};
use crate::{
    app::{
        Member,
        customer_acts::{InvalidCustomerAct, PreparedCustomerAct, SubmittedForm},
    },
    domain::{
        audit::{Action, AuditRecord},
        customer::Customer,
        customer_acts::{CustomerAct, CustomerRefusal, acts_on},
        ids::CustomerNo,
        zone,
    },
    web::views::{
        coupon_acts::ActField,
        customer_acts::CustomerActForm,
        ui::{TextLink, Toast, Tone},
    },
};

/// "Block customer": the link, the dialog's name and its button.
fn title(act: CustomerAct) -> &'static str {
    match act {
        CustomerAct::Block => "Block customer",
        CustomerAct::Unblock => "Unblock customer",
        CustomerAct::EmailsOff => "Turn emails off",
        CustomerAct::EmailsOn => "Turn emails on",
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
pub fn links(member: &Member, customer: &Customer) -> Vec<TextLink> {
    let allowed = acts_on(customer).into_iter().filter(|act| member.role.may(act.permission()));
    allowed
        .map(|act| TextLink {
            label: title(act).to_owned(),
            href: format!("{}/{}", profile(member, customer.no), verb(act)),
        })
        .collect()
}

/// The form: empty, or as it was sent with what is wrong in it.
pub fn form(
    member: &Member,
    prepared: &PreparedCustomerAct,
    typed: &SubmittedForm,
    invalid: &InvalidCustomerAct,
) -> CustomerActForm {
    let (act, customer) = (prepared.act, &prepared.customer);
    let owner = customer.display_name();
    let cancel_href = profile(member, customer.no);
    CustomerActForm {
        title: title(act),
        busy: match act {
            CustomerAct::Block => "Blocking…",
            CustomerAct::Unblock => "Unblocking…",
            CustomerAct::EmailsOff | CustomerAct::EmailsOn => "Saving…",
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
        fields: with_focus(fields(act, customer.no, typed, invalid)),
    }
}

fn means(act: CustomerAct) -> &'static [&'static str] {
    match act {
        CustomerAct::Block => &[
            "A blocked customer's coupons can't be reissued, and emails can't be resent to them. \
             The codes they have don't change. You can unblock them later.",
        ],
        CustomerAct::Unblock => {
            &["Their coupons can be reissued again, unless something else prevents it."]
        }
        CustomerAct::EmailsOff => &[
            "Coupons can still be reissued, but without an email. Emails that are already queued \
             still go out. You can turn emails on again later.",
        ],
        CustomerAct::EmailsOn => &[
            "You can send them the fulfilment email again. Do this only if the customer wants it.",
        ],
        CustomerAct::Purge => &[
            "Name, email, customer ID and locale are deleted, also from the search.",
            "Emails stay listed with their state, but their address, subject and content are \
             deleted. Queued emails are cancelled.",
            "Rewards, codes and reissues stay, without the person. Nothing can be reissued or sent \
             any more.",
            "Reasons typed about them can no longer be read, neither here nor in the audit log.",
            "This can't be undone. Older backups still contain the person's data.",
        ],
    }
}

fn fields(
    act: CustomerAct,
    no: CustomerNo,
    typed: &SubmittedForm,
    invalid: &InvalidCustomerAct,
) -> Vec<ActField> {
    let text =
        |name, label, value: &str, hint: String, error: &Option<crate::domain::Invalid>| ActField {
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
            let hint = "Shown on the customer's profile and kept in the audit log until they're \
                        purged. Up to 255 characters."
                .to_owned();
            vec![text("reason", "Reason", &typed.reason, hint, &invalid.reason)]
        }
        CustomerAct::Purge => {
            let hint = format!("Type {no} to confirm.");
            vec![text(
                "confirmation",
                "Customer number",
                &typed.confirmation,
                hint,
                &invalid.confirmation,
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
            "Their coupons can't be reissued until someone unblocks them.".to_owned(),
        ),
        Action::CustomerUnblocked => {
            ("Customer unblocked", "Their coupons can be reissued again.".to_owned())
        }
        Action::EmailsChosen => emails_chosen(record)?,
        Action::CustomerPurged => {
            let cancelled = match record.number("mails_cancelled") {
                None | Some(0) => String::new(),
                Some(n) => format!(
                    " {} in the queue {} cancelled.",
                    plural(n, "email"),
                    if n == 1 { "was" } else { "were" }
                ),
            };
            (
                "Data purged",
                format!(
                    "The person's data is deleted. Rewards and the audit log stay, without the \
                     person.{cancelled}"
                ),
            )
        }
        _ => return None,
    };
    Some(flash::plain(Tone::Good, title, &text))
}

fn emails_chosen(record: &AuditRecord) -> Option<(&'static str, String)> {
    match record.text("receives_emails")? {
        "yes" => {
            Some(("Emails turned on", "You can send them the fulfilment email again.".to_owned()))
        }
        "no" => {
            Some(("Emails turned off", "Coupons can be reissued, but no email is sent.".to_owned()))
        }
        _ => None,
    }
}

/// "E-mails switched off"; after a purge nobody can say which.
pub fn choice_in_words(record: &AuditRecord) -> &'static str {
    emails_chosen(record).map_or("Emails turned off or on", |(title, _)| title)
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
                "{}. Nothing more can be done for this customer.",
                purged_in_words(member, *at, by.as_deref())
            )
        }
        CustomerRefusal::AlreadyBlocked(blocked) => {
            let by = blocked.by.as_ref().map(|name| format!(" by {name}")).unwrap_or_default();
            let reason =
                blocked.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
            format!(
                "Already blocked, on {}{by}{reason}.",
                zone::show(blocked.at, member.merchant.zone)
            )
        }
        CustomerRefusal::NotBlocked => "This customer is not blocked.".to_owned(),
        CustomerRefusal::EmailsAre(true) => "Emails are already on.".to_owned(),
        CustomerRefusal::EmailsAre(false) => "Emails are already off.".to_owned(),
    };
    flash::plain(Tone::Bad, "Nothing was changed", &text)
}
