//! Mails in rows, in the Emails section and on their own page.

use super::when;
use crate::{
    app::{Member, show_customer::Profile},
    domain::{
        ids::CustomerNo,
        mail::{Letter, MailOrigin, MailState, MailSummary},
        reissue::RewardFile,
        role::Permission,
    },
    web::views::{
        mails::MailItem,
        rewards,
        ui::{Fact, Status, Tone},
    },
};

/// How often a row asks again how far its mail is; after that a reload tells.
const MAX_REFRESHES: i64 = 5;

/// What became of a mail, in one line; the last step of its story. `asked` is how often the row has
/// asked already.
pub fn state(
    member: &Member,
    file: &RewardFile,
    mail: &MailSummary,
    asked: i64,
) -> rewards::MailBadge {
    let (status, _) = last_step(member, mail);
    let reward = super::rewards::reward_address(member, file);
    let on_its_way =
        mail.state == MailState::Queued && mail.last_error.is_none() && asked < MAX_REFRESHES;
    rewards::MailBadge {
        status,
        title: file.reward.title.clone(),
        href: Some(address(member, file.customer.no, mail)),
        resend_action: may_resend(member, mail).then(|| format!("{reward}/resend")),
        refresh_href: on_its_way.then(|| format!("{reward}/mail?asked={}", asked + 1)),
    }
}

/// The Emails section.
pub fn items(member: &Member, profile: &Profile) -> Vec<MailItem> {
    profile
        .emails
        .iter()
        .map(|mail| MailItem {
            n: mail.id.0,
            href: address(member, profile.customer.no, mail),
            subject: subject(mail),
            to: mail.recipient.clone(),
            when: when(member, mail.queued_at),
            origin: origin(mail),
            steps: steps(member, mail),
            resend_action: may_resend(member, mail)
                .then(|| resend_address(member, profile.customer.no, mail)),
        })
        .collect()
}

/// The subject; a purge has taken it away, and the row stays.
pub fn subject(mail: &MailSummary) -> String {
    if mail.subject.is_empty() { "Email (content purged)".to_owned() } else { mail.subject.clone() }
}

/// "asked for by Kim Brook".
pub fn origin(mail: &MailSummary) -> String {
    let by = mail.asked_by.as_ref().map(|name| format!(" by {name}")).unwrap_or_default();
    match mail.origin {
        MailOrigin::Reissue => format!("requested with the reissue{by}"),
        MailOrigin::Resend => format!("resent{by}"),
    }
}

/// Queued, then what became of it.
pub fn steps(member: &Member, mail: &MailSummary) -> Vec<Status> {
    let queued = Status {
        tone: Tone::Quiet,
        text: "Queued".to_owned(),
        when: Some(when(member, mail.queued_at)),
    };
    match last_step(member, mail) {
        (_, true) => vec![queued],
        (step, false) => vec![queued, step],
    }
}

/// The newest step, and whether it is only that the mail is queued.
fn last_step(member: &Member, mail: &MailSummary) -> (Status, bool) {
    let ended = mail.ended_at.map(|at| when(member, at));
    let because = mail.last_error.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    match mail.state {
        MailState::Sent => {
            (Status { tone: Tone::Good, text: "Email sent".to_owned(), when: ended }, false)
        }
        MailState::Failed => {
            (Status { tone: Tone::Bad, text: format!("Email failed{because}"), when: ended }, false)
        }
        MailState::Cancelled => {
            (Status { tone: Tone::Quiet, text: "Email cancelled".to_owned(), when: ended }, false)
        }
        MailState::Queued if mail.last_error.is_some() => (
            Status {
                tone: Tone::Notice,
                text: format!("Email delayed{because}. Next attempt"),
                when: Some(when(member, mail.next_attempt_at)),
            },
            false,
        ),
        MailState::Queued => (
            Status {
                tone: Tone::Notice,
                text: "Email queued".to_owned(),
                when: Some(when(member, mail.queued_at)),
            },
            true,
        ),
    }
}

/// A mail that ended can be sent again; one that is still on its way, or whose customer was purged,
/// can't.
pub fn may_resend(member: &Member, mail: &MailSummary) -> bool {
    member.role.may(Permission::ResendEmails)
        && !mail.recipient.is_empty()
        && matches!(mail.state, MailState::Sent | MailState::Failed)
}

/// Where Resend posts to.
pub fn resend_address(member: &Member, customer: CustomerNo, mail: &MailSummary) -> String {
    format!("/m/{}/customers/{customer}/rewards/{}/resend", member.merchant.slug, mail.reward)
}

fn address(member: &Member, customer: CustomerNo, mail: &MailSummary) -> String {
    format!("/m/{}/customers/{customer}/mails/{}", member.merchant.slug, mail.id)
}

/// From, To, Message-ID, and who asked for it.
pub fn headers(mail: &MailSummary, letter: &Letter) -> Vec<Fact> {
    let fact = |label: &str, text: &str| Fact {
        label: label.to_owned(),
        text: text.to_owned(),
        when: None,
    };
    vec![
        fact("From", &letter.sender),
        fact("To", if letter.recipient.is_empty() { "(purged)" } else { &letter.recipient }),
        fact("Message-ID", &letter.message_id),
        fact("Why", &origin(mail)),
    ]
}
