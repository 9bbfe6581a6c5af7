//! "Confirm it is you": before dangerous acts, when the last proof is too long ago.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use askama::Template;
use serde::Deserialize;

use super::{known_devices::TOO_MANY, single_sign_on};
use crate::{
    app::{
        Desk,
        sign_in::confirm_session::{self, Proof},
    },
    web::{
        account::factors::{self, json, shown},
        server::{Site, throttle::Throttle},
        shared::{
            answer::html,
            errors::Error,
            frame,
            gate::{self, Visitor},
            request::{self, FormBody},
        },
    },
};

#[derive(Deserialize)]
pub struct ConfirmationQuery {
    #[serde(default)]
    return_to: String,
    /// Why single sign-on came to nothing: one of our own words.
    sso: Option<String>,
}

/// `GET /confirm`
pub async fn new(
    request: HttpRequest,
    desk: web::Data<Desk>,
    visitor: web::ReqData<Visitor>,
    query: web::Query<ConfirmationQuery>,
) -> Result<HttpResponse, Error> {
    let error = query.sso.as_deref().and_then(single_sign_on::said);
    page(&request, &desk, &visitor, &query.return_to, error, StatusCode::OK).await
}

/// `POST /confirm`
pub async fn create(
    request: HttpRequest,
    desk: web::Data<Desk>,
    site: web::Data<Site>,
    throttle: web::Data<Throttle>,
    visitor: web::ReqData<Visitor>,
    form: FormBody,
) -> Result<HttpResponse, Error> {
    let return_to = form.field("return_to").unwrap_or_default();
    let (session, request_id) = (visitor.session.clone(), request::request_id(&request));
    let one_try = throttle.in_session(session.id, &session.email);
    if throttle.spend(&one_try).is_err() {
        return page(
            &request,
            &desk,
            &visitor,
            &return_to,
            Some(TOO_MANY),
            StatusCode::TOO_MANY_REQUESTS,
        )
        .await;
    }
    let password = form.field("password").filter(|password| !password.is_empty());
    let is_password = password.is_some();
    let proof = password.map_or_else(|| Proof::Factor(shown(&form)), Proof::Password);
    let work = move |desk: &Desk| confirm_session::confirm(desk, &session, &proof, &request_id);
    let renewed =
        if is_password { desk.checking_password(work).await } else { desk.writing(work).await };
    let renewed = throttle.judged(&one_try, renewed)?;
    let Some(token) = renewed else {
        let error = "That's not correct, or the code has already been used. Nothing was changed. \
                     Try again.";
        return page(
            &request,
            &desk,
            &visitor,
            &return_to,
            Some(error),
            StatusCode::UNPROCESSABLE_ENTITY,
        )
        .await;
    };
    throttle.refund(&one_try);
    let target = request::own_path(&return_to).filter(|path| *path != "/confirm").unwrap_or("/");
    let cookie = gate::session_cookie(&site, Some(&token));
    Ok(HttpResponse::SeeOther()
        .cookie(cookie)
        .insert_header((header::LOCATION, format!("{target}?confirmed=yes#message")))
        .finish())
}

/// `POST /confirm/options`
pub async fn options(
    desk: web::Data<Desk>,
    visitor: web::ReqData<Visitor>,
) -> Result<HttpResponse, Error> {
    let session = visitor.session.clone();
    Ok(json(desk.writing(move |desk| confirm_session::ask_passkey(desk, &session)).await?))
}

async fn page(
    request: &HttpRequest,
    desk: &Desk,
    visitor: &Visitor,
    return_to: &str,
    error: Option<&str>,
    status: StatusCode,
) -> Result<HttpResponse, Error> {
    let session = visitor.session.clone();
    let ways = desk.reading(move |desk| confirm_session::what_to_ask(desk, &session)).await?;
    let return_to = request::own_path(return_to).unwrap_or_default();
    let ask = factors::ask(ways.factors, "/confirm", "/confirm/options", return_to);
    let page = factors::Confirm {
        frame: frame::for_visitor(request, "Confirm it's you"),
        email: visitor.session.email.clone(),
        has_password: ways.password,
        sso: single_sign_on::button(desk, "/confirm/sso").filter(|_| ways.identity),
        ask: factors::Ask { error: error.map(ToOwned::to_owned), ..ask },
    };
    Ok(html(status, page.render()?))
}
