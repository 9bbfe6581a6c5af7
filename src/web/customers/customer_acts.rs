//! Blocking a customer, their emails off and on, and purging: as a dialog with htmx, as pages
//! without. Decides nothing: the rules are asked in one place, inside the transaction.

use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
};
use askama::Template;

use crate::{
    app::{
        self, InvalidForm, Member, Refusal,
        customers::{
            customer_acts::{PreparedCustomerAct, SubmittedForm, act_on_customer, prepare_act},
            show_customer::Cursors,
        },
    },
    domain::{
        audit::{Action, AuditRecord},
        customer::Customer,
        customer_acts::{CustomerAct, CustomerRefusal, acts_on},
        ids::CustomerNo,
        zone,
    },
    web::{
        coupons::act_forms::{ActField, with_focus},
        customers,
        shared::{
            addresses,
            answers::{self, html},
            context::{MerchantRequest, PathId},
            errors::Error,
            flash,
            format::{plural, sentence},
            frame::Frame,
            request::FormBody,
            ui::{TextLink, Toast, Tone},
        },
    },
};

/// `GET /m/{merchant}/customers/{id}/block`, `…/unblock`, `…/emails-off`, `…/emails-on`, `…/purge`
pub async fn new(
    cx: MerchantRequest,
    PathId(no): PathId<CustomerNo>,
) -> Result<HttpResponse, Error> {
    let act = act_of(&cx)?;
    match prepare(&cx, no, act).await? {
        (_, Some(refusal)) => refused(&cx, no, &refusal).await,
        (prepared, None) => {
            form(&cx, &prepared, &SubmittedForm::default(), &InvalidForm::default())
        }
    }
}

/// `POST /m/{merchant}/customers/{id}/block`, `…/unblock`, `…/emails-off`, `…/emails-on`, `…/purge`
pub async fn create(
    cx: MerchantRequest,
    PathId(no): PathId<CustomerNo>,
    body: FormBody,
) -> Result<HttpResponse, Error> {
    let act = act_of(&cx)?;
    let typed = SubmittedForm {
        reason: body.field("reason").unwrap_or_default(),
        confirmation: body.field("confirmation").unwrap_or_default(),
    };
    let sent = typed.clone();
    match cx.write(move |desk, member| act_on_customer(desk, member, no, act, &sent)).await {
        Ok(record) => {
            let target = format!(
                "{}?done=customer-{record}#message",
                addresses::customer(&cx.member.merchant, no)
            );
            let (status, name) = if cx.is_fragment() {
                (StatusCode::OK, header::HeaderName::from_static("hx-redirect"))
            } else {
                (StatusCode::SEE_OTHER, header::LOCATION)
            };
            Ok(HttpResponse::build(status).insert_header((name, target)).finish())
        }
        Err(app::Error::Refused(Refusal::Customer(refusal))) => refused(&cx, no, &refusal).await,
        Err(app::Error::Invalid(invalid)) => {
            let (prepared, _) = prepare(&cx, no, act).await?;
            form(&cx, &prepared, &typed, &invalid)
        }
        Err(error) => Err(error.into()),
    }
}

/// The dialog, or the page; 422 when it comes back with what is wrong in it.
fn form(
    cx: &MerchantRequest,
    prepared: &PreparedCustomerAct,
    typed: &SubmittedForm,
    invalid: &InvalidForm,
) -> Result<HttpResponse, Error> {
    let form = act_form(&cx.member, prepared, typed, invalid);
    let again = !invalid.is_empty();
    let body = match (cx.is_fragment(), again) {
        (true, false) => CustomerActDialog { form }.render()?,
        (true, true) => CustomerActAgain { form }.render()?,
        (false, _) => CustomerActPage { frame: cx.frame(form.title), form }.render()?,
    };
    Ok(html(if again { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }, body))
}

/// 409: a toast, or the profile with the reason on top.
async fn refused(
    cx: &MerchantRequest,
    no: CustomerNo,
    refusal: &CustomerRefusal,
) -> Result<HttpResponse, Error> {
    let toast = refusal_toast(&cx.member, refusal);
    if cx.is_fragment() {
        return answers::toast(StatusCode::CONFLICT, toast);
    }
    let body = {
        let profile = customers::load(cx, no, Cursors::default()).await?;
        let mut page = customers::page(cx, &profile, Cursors::default());
        page.frame.flash = Some(toast);
        page.render()?
    };
    Ok(html(StatusCode::CONFLICT, body))
}

async fn prepare(
    cx: &MerchantRequest,
    no: CustomerNo,
    act: CustomerAct,
) -> Result<(PreparedCustomerAct, Option<CustomerRefusal>), Error> {
    Ok(cx.read(move |desk, member| prepare_act(desk, member, no, act)).await?)
}

fn act_of(cx: &MerchantRequest) -> Result<CustomerAct, Error> {
    addresses::customer_act_of(cx.http.path()).ok_or(Error::NotFound)
}

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

/// What this member may do to the customer as they are.
pub fn links(member: &Member, customer: &Customer) -> Vec<TextLink> {
    let allowed = acts_on(customer).into_iter().filter(|act| member.role.may(act.permission()));
    allowed
        .map(|act| TextLink {
            label: title(act).to_owned(),
            href: addresses::customer_act(&member.merchant, customer.no, act),
        })
        .collect()
}

/// The form: empty, or as it was sent with what is wrong in it.
pub fn act_form(
    member: &Member,
    prepared: &PreparedCustomerAct,
    typed: &SubmittedForm,
    invalid: &InvalidForm,
) -> CustomerActForm {
    let (act, customer) = (prepared.act, &prepared.customer);
    let owner = customer.display_name();
    CustomerActForm {
        title: title(act),
        busy: match act {
            CustomerAct::Block => "Blocking…",
            CustomerAct::Unblock => "Unblocking…",
            CustomerAct::EmailsOff | CustomerAct::EmailsOn => "Saving…",
            CustomerAct::Purge => "Purging…",
        },
        dangerous: act == CustomerAct::Purge,
        action: addresses::customer_act(&member.merchant, customer.no, act),
        cancel_href: addresses::customer(&member.merchant, customer.no),
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
    invalid: &InvalidForm,
) -> Vec<ActField> {
    let text = |name, label, value: &str, hint: String| ActField {
        name,
        label,
        kind: "text",
        value: value.to_owned(),
        hint,
        required: true,
        error: invalid.get(name).map(|why| sentence(&why.0)),
        autofocus: false,
    };
    match act {
        CustomerAct::Block | CustomerAct::Unblock => {
            let hint = "Shown on the customer's profile and kept in the audit log until they're \
                        purged. Up to 255 characters."
                .to_owned();
            vec![text("reason", "Reason", &typed.reason, hint)]
        }
        CustomerAct::Purge => {
            let hint = format!("Type {no} to confirm.");
            vec![text("confirmation", "Customer number", &typed.confirmation, hint)]
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
pub fn refusal_toast(member: &Member, refusal: &CustomerRefusal) -> Toast {
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

/// `GET …/block` and its like as a page, for those without a script.
#[derive(Debug, Template)]
#[template(path = "customer_acts/new.html")]
pub struct CustomerActPage {
    /// Frame.
    pub frame: Frame,
    /// The form.
    pub form: CustomerActForm,
}

/// `GET …/block` and its like as a fragment, into `#dialog`.
#[derive(Debug, Template)]
#[template(path = "customer_acts/dialog.html")]
pub struct CustomerActDialog {
    /// The form.
    pub form: CustomerActForm,
}

/// 422 as a fragment: the dialog's fields again, with what is wrong at each; the dialog itself
/// stays open.
#[derive(Debug, Template)]
#[template(path = "customer_acts/again.html")]
pub struct CustomerActAgain {
    /// The form.
    pub form: CustomerActForm,
}

/// What the dialog says and sends.
#[derive(Clone, Debug)]
pub struct CustomerActForm {
    /// "Block customer": its name and its button.
    pub title: &'static str,
    /// "Blocking…".
    pub busy: &'static str,
    /// Whether it can't be undone.
    pub dangerous: bool,
    /// Where it posts to.
    pub action: String,
    /// The profile, to which Cancel leads without a script.
    pub cancel_href: String,
    /// The customer's name, or the e-mail.
    pub owner: String,
    /// The e-mail; empty where that is the name.
    pub email: String,
    /// What the act means, one sentence each.
    pub means: Vec<String>,
    /// What is asked for.
    pub fields: Vec<ActField>,
}
