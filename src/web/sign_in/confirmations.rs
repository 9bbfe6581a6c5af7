//! "Confirm it is you": before dangerous acts, when the last proof is too long ago.

use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
    web,
};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::{
        Desk,
        sign_in::confirm_session::{self, Proof},
    },
    web::{
        account::factors::{self, json, shown},
        shared::{
            answers::html,
            context::UserRequest,
            cookies,
            errors::Error,
            request::{self, FormBody},
        },
        sign_in::{known_devices::TOO_MANY, single_sign_on},
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
    cx: UserRequest,
    query: web::Query<ConfirmationQuery>,
) -> Result<HttpResponse, Error> {
    let error = query.sso.as_deref().and_then(single_sign_on::said);
    page(&cx, &query.return_to, error, StatusCode::OK).await
}

/// `POST /confirm`
pub async fn create(cx: UserRequest, form: FormBody) -> Result<HttpResponse, Error> {
    let return_to = form.field("return_to").unwrap_or_default();
    let (session, request_id) = (cx.visitor.session.clone(), cx.request_id());
    let one_try = cx.throttle.in_session(session.id, &session.email);
    if cx.throttle.spend(&one_try).is_err() {
        return page(&cx, &return_to, Some(TOO_MANY), StatusCode::TOO_MANY_REQUESTS).await;
    }
    let password = form.field("password").filter(|password| !password.is_empty());
    let is_password = password.is_some();
    let proof = password.map_or_else(|| Proof::Factor(shown(&form)), Proof::Password);
    let work = move |desk: &Desk| confirm_session::confirm(desk, &session, &proof, &request_id);
    let renewed = if is_password {
        cx.desk.checking_password(work).await
    } else {
        cx.desk.writing(work).await
    };
    let renewed = cx.throttle.judged(&one_try, renewed)?;
    let Some(token) = renewed else {
        let error = "That's not correct, or the code has already been used. Nothing was changed. \
                     Try again.";
        return page(&cx, &return_to, Some(error), StatusCode::UNPROCESSABLE_ENTITY).await;
    };
    cx.throttle.refund(&one_try);
    let target = request::own_path(&return_to).filter(|path| *path != "/confirm").unwrap_or("/");
    let cookie = cookies::session_cookie(&cx.site, Some(&token));
    Ok(HttpResponse::SeeOther()
        .cookie(cookie)
        .insert_header((header::LOCATION, format!("{target}?confirmed=yes#message")))
        .finish())
}

/// `POST /confirm/options`
pub async fn options(cx: UserRequest) -> Result<HttpResponse, Error> {
    let session = cx.visitor.session.clone();
    Ok(json(cx.desk.writing(move |desk| confirm_session::ask_passkey(desk, &session)).await?))
}

async fn page(
    cx: &UserRequest,
    return_to: &str,
    error: Option<&str>,
    status: StatusCode,
) -> Result<HttpResponse, Error> {
    let session = cx.visitor.session.clone();
    let ways = cx.desk.reading(move |desk| confirm_session::what_to_ask(desk, &session)).await?;
    let return_to = request::own_path(return_to).unwrap_or_default();
    let ask = factors::ask(ways.factors, "/confirm", "/confirm/options", return_to);
    let page = factors::Confirm {
        frame: cx.frame("Confirm it's you"),
        email: cx.visitor.session.email.clone(),
        has_password: ways.password,
        sso: single_sign_on::button(&cx.desk, "/confirm/sso").filter(|_| ways.identity),
        ask: factors::Ask { error: error.map(ToOwned::to_owned), ..ask },
    };
    Ok(html(status, page.render()?))
}
