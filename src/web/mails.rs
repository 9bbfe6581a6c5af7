//! The Emails section, one mail as the customer sees it, and sending the fulfilment email again.

use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
    web,
};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::{
        self, Member,
        customers::show_customer::{self, Cursors},
        mails::resend_email::{Resent, resend_email},
    },
    domain::{
        customer::Customer,
        ids::{CustomerNo, MailId, RewardNo},
        mail::{Letter, MailOrigin, MailState, MailSummary},
        reissue::{Refusal, RewardFile},
        role::Permission,
    },
    web::{
        customers,
        rewards::{self, RewardItem},
        shared::{
            addresses,
            answers::{self, html, see_other},
            context::{MerchantRequest, PathId},
            errors::Error,
            flash,
            format::when,
            frame::Frame,
            headers, request,
            ui::{Fact, Status, Toast, Tone, When},
        },
    },
};

/// `GET /m/{merchant}/customers/{id}/mails/{mail}`
pub async fn show(
    cx: MerchantRequest,
    PathId(customer): PathId<CustomerNo>,
    PathId(mail): PathId<MailId>,
) -> Result<HttpResponse, Error> {
    let (customer, mail, letter) = load(&cx, customer, mail).await?;
    let page = MailPage {
        frame: cx.frame("Email"),
        back_href: addresses::customer(&cx.member.merchant, customer.no),
        back_label: customer.display_name(),
        subject: subject(&mail),
        headers: headers(&mail, &letter),
        steps: steps(&cx.member, &mail),
        html_src: (!letter.html.is_empty())
            .then(|| addresses::mail_html(&cx.member.merchant, customer.no, mail.id)),
        text: letter.text,
        resend_action: may_resend(&cx.member, &mail)
            .then(|| addresses::resend(&cx.member.merchant, customer.no, mail.reward)),
    };
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_SECURITY_POLICY, headers::WITH_MAIL_FRAME))
        .content_type("text/html; charset=utf-8")
        .body(page.render()?))
}

/// `GET /m/{merchant}/customers/{id}/mails/{mail}/html`: the stored HTML under a policy of its own,
/// for the sandboxed frame.
pub async fn stored_html(
    cx: MerchantRequest,
    PathId(customer): PathId<CustomerNo>,
    PathId(mail): PathId<MailId>,
) -> Result<HttpResponse, Error> {
    let (_, _, letter) = load(&cx, customer, mail).await?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_SECURITY_POLICY, headers::STORED_MAIL))
        .insert_header((header::X_FRAME_OPTIONS, "SAMEORIGIN"))
        .content_type("text/html; charset=utf-8")
        .body(letter.html))
}

#[derive(Deserialize)]
pub struct MailQuery {
    asked: Option<String>,
}

/// `GET /m/{merchant}/customers/{id}/rewards/{reward}/mail`: how far the reward's newest mail is,
/// for its row.
pub async fn state(
    cx: MerchantRequest,
    PathId(customer): PathId<CustomerNo>,
    PathId(reward): PathId<RewardNo>,
    query: web::Query<MailQuery>,
) -> Result<HttpResponse, Error> {
    let (row, _) = cx
        .read(move |desk, member| show_customer::show_reward(desk, member, customer, reward))
        .await?;
    let asked = query.asked.as_deref().and_then(request::number).unwrap_or_default();
    let mail = row
        .mail
        .as_ref()
        .map(|mail| mail_state(&cx.member, &row.file, mail, asked))
        .ok_or(Error::NotFound)?;
    Ok(html(StatusCode::OK, rewards::MailFragment { mail }.render()?))
}

/// `POST /m/{merchant}/customers/{id}/rewards/{reward}/resend`
pub async fn create(
    cx: MerchantRequest,
    PathId(customer): PathId<CustomerNo>,
    PathId(reward): PathId<RewardNo>,
) -> Result<HttpResponse, Error> {
    match cx.write(move |desk, member| resend_email(desk, member, customer, reward)).await {
        Ok(resent) => queued(&cx, (customer, reward), &resent).await.map_err(Error::after_commit),
        Err(app::Error::Refused(app::Refusal::Reissue(refusal))) => {
            refused(&cx, (customer, reward), &refusal).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn queued(
    cx: &MerchantRequest,
    (customer, reward): (CustomerNo, RewardNo),
    resent: &Resent,
) -> Result<HttpResponse, Error> {
    if !cx.is_fragment() {
        let target = addresses::reward_row_after(
            &cx.member.merchant,
            customer,
            reward,
            &format!("resent-{reward}"),
        );
        return Ok(see_other(target));
    }
    let profile = customers::load(cx, customer, Cursors::default()).await?;
    let row = profile.rewards.iter().find(|row| row.file.reward.no == reward);
    let view = Resend {
        row: row.map(|row| rewards::RewardItem {
            fresh: true,
            ..rewards::row(&cx.member, row, &profile.who_can, profile.now)
        }),
        emails: items(&cx.member, customer, &profile.emails),
        toast: flash::resent(&resent.mail.recipient),
    };
    Ok(html(StatusCode::OK, view.render()?))
}

/// 409: as a toast, or the whole profile with the reason on top.
async fn refused(
    cx: &MerchantRequest,
    (customer, reward): (CustomerNo, RewardNo),
    refusal: &Refusal,
) -> Result<HttpResponse, Error> {
    let profile = customers::load(cx, customer, Cursors::default()).await?;
    let toast = flash::not_resent(&cx.member, refusal, profile.now);
    if cx.is_fragment() {
        return answers::toast(StatusCode::CONFLICT, toast);
    }
    let body = {
        let mut page = customers::page(cx, &profile, Cursors::default());
        if let (Some(row), Some(found)) = (
            page.rewards.iter_mut().find(|row| row.n == reward.0),
            profile.rewards.iter().find(|r| r.file.reward.no == reward),
        ) {
            row.refusal = rewards::refusal_lines(&cx.member, refusal, &found.file, profile.now);
        }
        page.frame.flash = Some(toast);
        page.render()?
    };
    Ok(html(StatusCode::CONFLICT, body))
}

async fn load(
    cx: &MerchantRequest,
    customer: CustomerNo,
    mail: MailId,
) -> Result<(Customer, MailSummary, Letter), Error> {
    Ok(cx.read(move |desk, member| show_customer::show_mail(desk, member, customer, mail)).await?)
}

/// How often a row asks again how far its mail is; after that a reload tells.
const MAX_REFRESHES: i64 = 5;

/// What became of a mail, in one line; the last step of its story. `asked` is how often the row has
/// asked already.
pub fn mail_state(
    member: &Member,
    file: &RewardFile,
    mail: &MailSummary,
    asked: i64,
) -> rewards::MailBadge {
    let (status, _) = last_step(member, mail);
    let (merchant, customer, reward) = (&member.merchant, file.customer.no, file.reward.no);
    let on_its_way =
        mail.state == MailState::Queued && mail.last_error.is_none() && asked < MAX_REFRESHES;
    rewards::MailBadge {
        status,
        title: file.reward.title.clone(),
        href: Some(addresses::mail(merchant, customer, mail.id)),
        resend_action: may_resend(member, mail)
            .then(|| addresses::resend(merchant, customer, reward)),
        refresh_href: on_its_way.then(|| {
            format!("{}?asked={}", addresses::mail_state(merchant, customer, reward), asked + 1)
        }),
    }
}

/// The Emails section.
pub fn items(member: &Member, customer: CustomerNo, emails: &[MailSummary]) -> Vec<MailItem> {
    emails
        .iter()
        .map(|mail| MailItem {
            n: mail.id.0,
            href: addresses::mail(&member.merchant, customer, mail.id),
            subject: subject(mail),
            to: mail.recipient.clone(),
            when: when(member, mail.queued_at),
            origin: origin(mail),
            steps: steps(member, mail),
            resend_action: may_resend(member, mail)
                .then(|| addresses::resend(&member.merchant, customer, mail.reward)),
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

/// One mail in the Emails section.
#[derive(Clone, Debug)]
pub struct MailItem {
    /// The desk's number, in `id="mail-{n}"`.
    pub n: i64,
    /// Its page.
    pub href: String,
    /// Its subject.
    pub subject: String,
    /// Whom it went to.
    pub to: String,
    /// When it was asked for.
    pub when: When,
    /// "asked for by Kim Brook", or empty.
    pub origin: String,
    /// Queued, sent, failed because; in order of time, the last one counts.
    pub steps: Vec<Status>,
    /// Where Resend posts to, when it may be sent again.
    pub resend_action: Option<String>,
}

/// `GET …/mails/{id}`.
#[derive(Debug, Template)]
#[template(path = "mails/show.html")]
pub struct MailPage {
    /// Frame.
    pub frame: Frame,
    /// Back to the profile.
    pub back_href: String,
    /// The customer's name.
    pub back_label: String,
    /// The subject.
    pub subject: String,
    /// From, To, Message-ID, asked for by.
    pub headers: Vec<Fact>,
    /// Queued, sent, failed because.
    pub steps: Vec<Status>,
    /// The address of its HTML, served with its own policy; none when there is none.
    pub html_src: Option<String>,
    /// The text version.
    pub text: String,
    /// Where Resend posts to.
    pub resend_action: Option<String>,
}

/// Answer to Resend as a fragment: row, Emails section and toast each go to their place.
#[derive(Debug, Template)]
#[template(path = "mails/resend.html")]
pub struct Resend {
    /// The reward's row; none if the page has none.
    pub row: Option<RewardItem>,
    /// The whole Emails section.
    pub emails: Vec<MailItem>,
    /// Says that it is queued again, and to whom.
    pub toast: Toast,
}
