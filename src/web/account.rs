//! One's own account: the page, the password, the sessions.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use askama::Template;
use serde::Deserialize;

use super::{
    answer::html,
    browser,
    errors::Error,
    frame,
    gate::{self, Visitor},
    known_devices::{self, TOO_MANY},
    present::{self, flash},
    request::{self, FormBody},
    server::Site,
    single_sign_on,
    throttle::Throttle,
    views::{
        account::Password,
        ui::{Toast, Tone},
    },
};
use crate::app::{
    Desk,
    own_account::{self, Changed},
};

#[derive(Deserialize)]
pub struct Query {
    /// What was just done: one of our own words.
    done: Option<String>,
}

/// `GET /account`
pub async fn show(
    request: HttpRequest,
    desk: web::Data<Desk>,
    site: web::Data<Site>,
    visitor: web::ReqData<Visitor>,
    query: web::Query<Query>,
) -> Result<HttpResponse, Error> {
    let flash = query.done.as_deref().and_then(said);
    let body = page(&request, &desk, &site, &visitor, Password::default(), flash).await?;
    Ok(html(StatusCode::OK, body))
}

async fn page(
    request: &HttpRequest,
    desk: &Desk,
    site: &Site,
    visitor: &Visitor,
    password: Password,
    flash: Option<Toast>,
) -> Result<String, Error> {
    let (session, limits) = (visitor.session.clone(), site.session_limits);
    let account = desk.reading(move |desk| own_account::show(desk, &session, limits)).await?;
    let mut page =
        present::account::show(frame::for_visitor(request, "Your account"), &account, password);
    page.frame.flash = flash.or(page.frame.flash);
    Ok(page.render()?)
}

/// `POST /account/password`
pub async fn change_password(
    request: HttpRequest,
    desk: web::Data<Desk>,
    site: web::Data<Site>,
    throttle: web::Data<Throttle>,
    visitor: web::ReqData<Visitor>,
    form: FormBody,
) -> Result<HttpResponse, Error> {
    let (old, new) = (form.field("old").unwrap_or_default(), form.field("new").unwrap_or_default());
    let session = visitor.session.clone();
    let one_try = throttle.in_session(session.id, &session.email);
    if throttle.spend(&one_try).is_err() {
        let told = Password { old_error: Some(TOO_MANY.to_owned()), new_error: None };
        let body = page(&request, &desk, &site, &visitor, told, None).await?;
        return Ok(html(StatusCode::TOO_MANY_REQUESTS, body));
    }
    let origin = browser::origin_of(&request);
    let change = desk.checking_password(move |desk| {
        own_account::change_password(desk, &session, &old, &new, &origin)
    });
    let changed = throttle.judged(&one_try, change.await)?;
    if changed != Changed::Wrong {
        throttle.refund(&one_try);
    }
    let told = match changed {
        Changed::Done { token } => {
            let mut answer = back("password");
            answer
                .add_cookie(&gate::session_cookie(&site, Some(&token)))
                .map_err(|_| Error::Internal)?;
            // It was known under the old password.
            known_devices::remember(&desk, &site, &visitor.session.email, &mut answer).await;
            return Ok(answer);
        }
        Changed::Wrong => Password {
            old_error: Some("This is not your password now.".to_owned()),
            new_error: None,
        },
        Changed::Invalid(why) => {
            Password { old_error: None, new_error: Some(present::sentence(&why.0)) }
        }
    };
    let body = page(&request, &desk, &site, &visitor, told, None).await?;
    Ok(html(StatusCode::UNPROCESSABLE_ENTITY, body))
}

/// `POST /account/sessions/{id}/end`
pub async fn end_session(
    request: HttpRequest,
    desk: web::Data<Desk>,
    visitor: web::ReqData<Visitor>,
    path: web::Path<String>,
) -> Result<HttpResponse, Error> {
    let id = request::number(&path).ok_or(Error::NotFound)?;
    let (session, request_id) = (visitor.session.clone(), request::request_id(&request));
    desk.writing(move |desk| own_account::end_session(desk, &session, id, &request_id)).await?;
    Ok(back("session"))
}

/// `POST /account/sessions/end-others`
pub async fn end_other_sessions(
    request: HttpRequest,
    desk: web::Data<Desk>,
    visitor: web::ReqData<Visitor>,
) -> Result<HttpResponse, Error> {
    let (session, request_id) = (visitor.session.clone(), request::request_id(&request));
    desk.writing(move |desk| own_account::end_other_sessions(desk, &session, &request_id)).await?;
    Ok(back("sessions"))
}

/// Back to the account, with a word about what was done.
pub fn back(done: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, format!("/account?done={done}#message")))
        .finish()
}

fn said(done: &str) -> Option<Toast> {
    if let Some(why) = done.strip_prefix("identity-").and_then(single_sign_on::said) {
        return Some(flash::plain(Tone::Bad, "Not linked", why));
    }
    let (title, text) = match done {
        "password" => {
            ("Password changed", "All your other sessions have ended. A mail tells you, too.")
        }
        "session" => ("Session ended", "Whoever used it has to sign in again."),
        "sessions" => ("Other sessions ended", "This one is the only one left."),
        "app" => {
            ("Authenticator app set up", "From now on you are asked for a code when you sign in.")
        }
        "app-removed" => ("Authenticator app removed", "Its codes do not work any more."),
        "passkey" => ("Passkey added", "You can sign in with it from now on."),
        "accepted" => (
            "Role accepted",
            "The merchant is now one of yours. Choose it from the list of merchants.",
        ),
        "declined" => ("Offer declined", "You have no role there, and nothing else has changed."),
        "identity" => ("Single sign-on linked", "You can sign in with it from now on."),
        "identity-removed" => ("Single sign-on unlinked", "It does not let you in any more."),
        "passkey-removed" => ("Passkey removed", "It does not let anybody in any more."),
        _ => return None,
    };
    Some(flash::plain(Tone::Good, title, text))
}
