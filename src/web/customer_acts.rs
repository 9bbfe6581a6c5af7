//! Blocking a customer, their e-mails off and on, and purging: as a dialog with htmx, as pages
//! without. Decides nothing: the rules are asked in one place, inside the transaction.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use askama::Template;

use super::{
    answer::html,
    customers,
    errors::Error,
    frame,
    present::{self, customer_acts::act_of},
    request::{self, FormBody},
    views,
};
use crate::{
    app::{
        Desk, Member,
        customer_acts::{
            CustomerActOutcome, InvalidCustomerAct, PreparedCustomerAct, SubmittedForm,
            act_on_customer, prepare_act,
        },
        show_customer::Cursors,
    },
    domain::{
        customer_acts::{CustomerAct, CustomerRefusal},
        ids::CustomerNo,
    },
};

type CustomerPath = web::Path<(String, String)>;

/// `GET /m/{merchant}/customers/{id}/block`, `…/unblock`, `…/emails-off`, `…/emails-on`, `…/purge`
pub async fn new(
    request: HttpRequest,
    desk: web::Data<Desk>,
    member: web::ReqData<Member>,
    path: CustomerPath,
) -> Result<HttpResponse, Error> {
    let member = member.into_inner();
    let (no, act) = named(&request, &path)?;
    match prepare(&desk, &member, no, act).await? {
        (_, Some(refusal)) => refused(&request, &desk, &member, no, &refusal).await,
        (prepared, None) => form(
            &request,
            &member,
            &prepared,
            &SubmittedForm::default(),
            &InvalidCustomerAct::default(),
        ),
    }
}

/// `POST /m/{merchant}/customers/{id}/block`, `…/unblock`, `…/emails-off`, `…/emails-on`, `…/purge`
pub async fn create(
    request: HttpRequest,
    desk: web::Data<Desk>,
    member: web::ReqData<Member>,
    path: CustomerPath,
    body: FormBody,
) -> Result<HttpResponse, Error> {
    let member = member.into_inner();
    let (no, act) = named(&request, &path)?;
    let typed = SubmittedForm {
        reason: body.field("reason").unwrap_or_default(),
        confirmation: body.field("confirmation").unwrap_or_default(),
    };
    let (asker, sent) = (member.clone(), typed.clone());
    match desk.writing(move |desk| act_on_customer(desk, &asker, no, act, &sent)).await? {
        CustomerActOutcome::Done(record) => {
            let target = format!(
                "/m/{}/customers/{no}?done=customer-{record}#message",
                member.merchant.slug
            );
            let (status, name) = if request::is_fragment(request.headers()) {
                (StatusCode::OK, header::HeaderName::from_static("hx-redirect"))
            } else {
                (StatusCode::SEE_OTHER, header::LOCATION)
            };
            Ok(HttpResponse::build(status).insert_header((name, target)).finish())
        }
        CustomerActOutcome::Refused(refusal) => {
            refused(&request, &desk, &member, no, &refusal).await
        }
        CustomerActOutcome::Invalid(invalid) => {
            let (prepared, _) = prepare(&desk, &member, no, act).await?;
            form(&request, &member, &prepared, &typed, &invalid)
        }
    }
}

/// The dialog, or the page; 422 when it comes back with what is wrong in it.
fn form(
    request: &HttpRequest,
    member: &Member,
    prepared: &PreparedCustomerAct,
    typed: &SubmittedForm,
    invalid: &InvalidCustomerAct,
) -> Result<HttpResponse, Error> {
    let form = present::customer_acts::form(member, prepared, typed, invalid);
    let again = *invalid != InvalidCustomerAct::default();
    let body = match (request::is_fragment(request.headers()), again) {
        (true, false) => views::customer_acts::CustomerActDialog { form }.render()?,
        (true, true) => views::customer_acts::CustomerActAgain { form }.render()?,
        (false, _) => views::customer_acts::CustomerActPage {
            frame: frame::in_merchant(request, member, form.title),
            form,
        }
        .render()?,
    };
    Ok(html(if again { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }, body))
}

/// 409: a toast, or the profile with the reason on top.
async fn refused(
    request: &HttpRequest,
    desk: &Desk,
    member: &Member,
    no: CustomerNo,
    refusal: &CustomerRefusal,
) -> Result<HttpResponse, Error> {
    let toast = present::customer_acts::refused(member, refusal);
    let body = if request::is_fragment(request.headers()) {
        views::errors::ErrorToast { toast }.render()?
    } else {
        let profile = customers::load(desk, member, no, Cursors::default()).await?;
        let mut page = customers::page(request, member, &profile, Cursors::default());
        page.frame.flash = Some(toast);
        page.render()?
    };
    Ok(html(StatusCode::CONFLICT, body))
}

async fn prepare(
    desk: &Desk,
    member: &Member,
    no: CustomerNo,
    act: CustomerAct,
) -> Result<(PreparedCustomerAct, Option<CustomerRefusal>), Error> {
    let asker = member.clone();
    Ok(desk.reading(move |desk| prepare_act(desk, &asker, no, act)).await?)
}

fn named(request: &HttpRequest, path: &CustomerPath) -> Result<(CustomerNo, CustomerAct), Error> {
    let no = request::number(&path.1).map(CustomerNo).ok_or(Error::NotFound)?;
    Ok((no, act_of(request.path()).ok_or(Error::NotFound)?))
}
