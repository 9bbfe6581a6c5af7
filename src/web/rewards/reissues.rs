//! The dialog "Reissue coupon" and the act: as a fragment with htmx, as pages without. Decides
//! nothing: the rule is asked in one place, inside the transaction.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use chrono::{DateTime, Utc};

use crate::{
    app::{
        self, Member,
        customers::show_customer::{self, Cursors, RewardWithMail},
        rewards::reissue_coupon::{self, Prepared, ReissueCoupon, Reissued},
    },
    domain::{
        email::EmailAddress,
        ids::{CustomerNo, RewardNo},
        reissue::Refusal,
    },
    web::{
        audit::records::Event,
        customers::{self, pages},
        mails::{self, MailItem as Mail},
        rewards::{self, RewardItem},
        shared::{
            addresses,
            answers::{html, see_other},
            context::{MerchantRequest, PathId},
            errors::Error,
            flash,
            format::left,
            frame::Frame,
            request::FormBody,
            ui::{self, Fact, Status, Toast},
        },
    },
};

/// The form of a reissue.
pub fn form(member: &Member, prepared: &Prepared, now: DateTime<Utc>) -> ReissueForm {
    let file = &prepared.file;
    let problems = file.coupon.as_ref().map(|coupon| coupon.problems(now)).unwrap_or_default();
    let customer = file.customer.display_name();
    ReissueForm {
        n: file.reward.no.0,
        action: addresses::reissue(&member.merchant, file),
        cancel_href: addresses::reward_row(&member.merchant, file.customer.no, file.reward.no),
        kind: rewards::kind(file.reward.kind).to_owned(),
        reward: file.reward.title.clone(),
        old_code: file.coupon.as_ref().map(|coupon| coupon.code.to_string()).unwrap_or_default(),
        status: rewards::status(member, file, &problems),
        batch: file.batch.as_ref().map(|(batch, _)| batch.name.clone()).unwrap_or_default(),
        left: left(&prepared.codes_left),
        email: file.customer.email.as_ref().map(EmailAddress::shown).unwrap_or_default(),
        also: also(prepared),
        email_off: (!file.customer.receives_emails)
            .then(|| format!("{customer}'s emails are turned off.")),
        customer,
        send_email: false,
        token: prepared.token.clone(),
        message: None,
    }
}

/// "Customer ID C-1 also belongs to jo@new.example.": the customer may have another address by now.
fn also(prepared: &Prepared) -> Option<String> {
    let id = prepared.file.customer.customer_id.as_ref()?;
    let others: Vec<String> = prepared.other_addresses.iter().map(EmailAddress::shown).collect();
    (!others.is_empty()).then(|| format!("Customer ID {id} also belongs to {}.", others.join(", ")))
}

/// The fields of the form. A box that is there is ticked, whatever its value.
#[derive(Debug, Default)]
struct ReissueFields {
    send_notification_email: bool,
    idempotency_token: String,
}

impl ReissueFields {
    fn parse(body: &FormBody) -> Self {
        let mut fields = Self::default();
        for (name, value) in body.fields() {
            match name.as_ref() {
                "send_notification_email" => fields.send_notification_email = true,
                "idempotency_token" => fields.idempotency_token = value.into_owned(),
                _ => {}
            }
        }
        fields
    }
}

/// `GET /m/{merchant}/customers/{id}/rewards/{reward}/reissue`
pub async fn new(
    cx: MerchantRequest,
    PathId(customer): PathId<CustomerNo>,
    PathId(reward): PathId<RewardNo>,
) -> Result<HttpResponse, Error> {
    let prepared = match cx
        .read(move |desk, member| reissue_coupon::prepare_reissue(desk, member, customer, reward))
        .await
    {
        Ok(prepared) => prepared,
        Err(app::Error::Refused(app::Refusal::Reissue(refusal))) => {
            return refused(&cx, customer, reward, &refusal).await;
        }
        Err(error) => return Err(error.into()),
    };
    let form = form(&cx.member, &prepared, cx.desk.clock.now());
    let body = if cx.is_fragment() {
        ReissueDialog { form }.render()?
    } else {
        ReissuePage { frame: cx.frame("Reissue coupon"), form }.render()?
    };
    Ok(html(StatusCode::OK, body))
}

/// `POST /m/{merchant}/customers/{id}/rewards/{reward}/reissue`
pub async fn create(
    cx: MerchantRequest,
    PathId(customer): PathId<CustomerNo>,
    PathId(reward): PathId<RewardNo>,
    body: FormBody,
) -> Result<HttpResponse, Error> {
    let fields = ReissueFields::parse(&body);
    let command = ReissueCoupon {
        customer,
        reward,
        email_requested: fields.send_notification_email,
        token: fields.idempotency_token,
    };
    match cx.write(move |desk, member| reissue_coupon::reissue_coupon(desk, member, &command)).await
    {
        Ok(reissued) => done(&cx, customer, reward, &reissued).await.map_err(Error::after_commit),
        Err(app::Error::Refused(app::Refusal::Reissue(refusal))) => {
            refused(&cx, customer, reward, &refusal).await
        }
        Err(app::Error::Invalid(invalid)) if cx.is_fragment() => {
            again(&cx, customer, reward, fields.send_notification_email, &invalid.to_string()).await
        }
        Err(error) => Err(error.into()),
    }
}

/// The fresh row and a toast; without htmx, back to the profile with a message.
async fn done(
    cx: &MerchantRequest,
    customer: CustomerNo,
    reward: RewardNo,
    reissued: &Reissued,
) -> Result<HttpResponse, Error> {
    if !cx.is_fragment() {
        let target = addresses::reward_row_after(
            &cx.member.merchant,
            customer,
            reward,
            &format!("reissued-{reward}"),
        );
        return Ok(see_other(target));
    }
    let after = cx
        .read(move |desk, member| show_customer::show_after_reissue(desk, member, customer, reward))
        .await?;
    let view = ReissueDone {
        row: rewards::RewardItem {
            fresh: true,
            ..rewards::row(&cx.member, &after.row, &[], after.now)
        },
        toast: flash::reissued(&cx.member, reissued),
        emails: mails::items(&cx.member, customer, &after.emails),
        activity: pages::activity(&cx.member, &after.events),
        facts: pages::facts(&cx.member, &after.customer, &after.counts),
    };
    Ok(html(StatusCode::OK, view.render()?))
}

/// 409: the fresh row with its reason and a toast; without htmx, the whole profile with the reason
/// at the row.
async fn refused(
    cx: &MerchantRequest,
    customer: CustomerNo,
    reward: RewardNo,
    refusal: &Refusal,
) -> Result<HttpResponse, Error> {
    let body = if cx.is_fragment() {
        let (found, now) = fresh_row(cx, customer, reward).await?;
        let mut row = rewards::row(&cx.member, &found, &[], now);
        row.fresh = true;
        row.refusal = rewards::refusal_lines(&cx.member, refusal, &found.file, now);
        ReissueRefused { row, toast: flash::refused(&cx.member, refusal, now) }.render()?
    } else {
        let mut profile = customers::load(cx, customer, Cursors::default()).await?;
        if !profile.rewards.iter().any(|row| row.file.reward.no == reward) {
            // Not among the newest: the page begins with it.
            profile = customers::load(
                cx,
                customer,
                Cursors { rewards: Some(RewardNo(reward.0 + 1)), ..Cursors::default() },
            )
            .await?;
        }
        let mut page = customers::page(cx, &profile, Cursors::default());
        if let (Some(row), Some(found)) = (
            page.rewards.iter_mut().find(|row| row.n == reward.0),
            profile.rewards.iter().find(|r| r.file.reward.no == reward),
        ) {
            row.refusal = rewards::refusal_lines(&cx.member, refusal, &found.file, profile.now);
        }
        page.frame.flash = Some(flash::refused(&cx.member, refusal, profile.now));
        page.render()?
    };
    Ok(html(StatusCode::CONFLICT, body))
}

/// 422 as a fragment: a fresh dialog with a fresh token, which says why the old form was not taken.
async fn again(
    cx: &MerchantRequest,
    customer: CustomerNo,
    reward: RewardNo,
    send_email: bool,
    why: &str,
) -> Result<HttpResponse, Error> {
    let prepared = cx
        .read(move |desk, member| reissue_coupon::prepare_reissue(desk, member, customer, reward))
        .await
        .map_err(|_| Error::Unprocessable(why.to_owned()))?;
    let mut form = form(&cx.member, &prepared, cx.desk.clock.now());
    form.send_email = send_email && form.email_off.is_none();
    form.message = Some(flash::plain(ui::Tone::Bad, "This form wasn't accepted", why));
    Ok(html(StatusCode::UNPROCESSABLE_ENTITY, ReissueAgain { form }.render()?))
}

async fn fresh_row(
    cx: &MerchantRequest,
    customer: CustomerNo,
    reward: RewardNo,
) -> Result<(RewardWithMail, chrono::DateTime<chrono::Utc>), Error> {
    Ok(cx
        .read(move |desk, member| show_customer::show_reward(desk, member, customer, reward))
        .await?)
}

/// `GET …/reissue` as a page, for those without a script.
#[derive(Debug, Template)]
#[template(path = "reissues/new.html")]
pub struct ReissuePage {
    /// Frame.
    pub frame: Frame,
    /// The form.
    pub form: ReissueForm,
}

/// `GET …/reissue` as a fragment, into `#dialog`.
#[derive(Debug, Template)]
#[template(path = "reissues/dialog.html")]
pub struct ReissueDialog {
    /// The form.
    pub form: ReissueForm,
}

/// 422 as a fragment: a fresh dialog (new token) takes the old one's place; `form.message` says
/// why.
#[derive(Debug, Template)]
#[template(path = "reissues/again.html")]
pub struct ReissueAgain {
    /// The form.
    pub form: ReissueForm,
}

/// 200 as a fragment: the fresh row, then the toast and what else has changed.
#[derive(Debug, Template)]
#[template(path = "reissues/create.html")]
pub struct ReissueDone {
    /// The row with the new code, `fresh`.
    pub row: RewardItem,
    /// Names the new code, and what becomes of the mail.
    pub toast: Toast,
    /// The whole Emails section again.
    pub emails: Vec<Mail>,
    /// All of Activity again.
    pub activity: Vec<Event>,
    /// What the profile counts, again.
    pub facts: Vec<Fact>,
}

/// 409 as a fragment, for the POST and for the dialog's GET: the fresh row with its `refusal`, then
/// the toast.
#[derive(Debug, Template)]
#[template(path = "reissues/refused.html")]
pub struct ReissueRefused {
    /// The row as it is now, `fresh`, with `refusal`.
    pub row: RewardItem,
    /// The refusal in one sentence.
    pub toast: Toast,
}

/// What the dialog says and sends.
#[derive(Clone, Debug)]
pub struct ReissueForm {
    /// The reward's number, whose row is replaced.
    pub n: i64,
    /// Where it posts to.
    pub action: String,
    /// Where Cancel leads without a script: the profile.
    pub cancel_href: String,
    /// The customer's name, or e-mail.
    pub customer: String,
    /// "Referrer reward".
    pub kind: String,
    /// The reward's title.
    pub reward: String,
    /// The code that stops being the customer's.
    pub old_code: String,
    /// Why it does not work, as in the row.
    pub status: Vec<Status>,
    /// The batch's name.
    pub batch: String,
    /// "39 left".
    pub left: String,
    /// The address the mail would go to.
    pub email: String,
    /// Who else has the customer ID: "Customer ID C-1 also belongs to jo@new.example."
    pub also: Option<String>,
    /// Why no mail can be sent: "Jo has e-mails switched off." Disables the box.
    pub email_off: Option<String>,
    /// Whether the box is ticked, when the form comes back.
    pub send_email: bool,
    /// The idempotency token.
    pub token: String,
    /// Why the form came back.
    pub message: Option<Toast>,
}
