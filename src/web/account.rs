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
    own_account::{self, PasswordChangeOutcome},
};

#[derive(Deserialize)]
pub struct AccountQuery {
    /// What was just done: one of our own words.
    done: Option<String>,
}

/// `GET /account`
pub async fn show(
    request: HttpRequest,
    desk: web::Data<Desk>,
    site: web::Data<Site>,
    visitor: web::ReqData<Visitor>,
    query: web::Query<AccountQuery>,
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
    if changed != PasswordChangeOutcome::Wrong {
        throttle.refund(&one_try);
    }
    let told = match changed {
        PasswordChangeOutcome::Done { token } => {
            let mut answer = back("password");
            answer
                .add_cookie(&gate::session_cookie(&site, Some(&token)))
                .map_err(|_| Error::Internal)?;
            // It was known under the old password.
            known_devices::remember(&desk, &site, &visitor.session.email, &mut answer).await;
            return Ok(answer);
        }
        PasswordChangeOutcome::Wrong => Password {
            old_error: Some(
                "This isn't your current password. Nothing was changed. Try again.".to_owned(),
            ),
            new_error: None,
        },
        PasswordChangeOutcome::Invalid(why) => {
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
        "password" => (
            "Password changed",
            "All your other sessions have ended. We've also sent you an email \
                                  about it.",
        ),
        "session" => ("Session ended", "Anyone using it has to sign in again."),
        "sessions" => ("Other sessions ended", "Only this session is still open."),
        "app" => {
            ("Authenticator app set up", "From now on, you'll need a code from it to sign in.")
        }
        "app-removed" => ("Authenticator app removed", "Its codes no longer work."),
        "passkey" => ("Passkey added", "You can now use it to sign in."),
        "accepted" => (
            "Role accepted",
            "You now have a role at this merchant. Choose it from the list of merchants.",
        ),
        "declined" => ("Offer declined", "You don't have a role there. Nothing else has changed."),
        "identity" => ("Single sign-on linked", "You can now use it to sign in."),
        "identity-removed" => ("Single sign-on unlinked", "You can no longer sign in with it."),
        "passkey-removed" => ("Passkey removed", "It can no longer be used to sign in."),
        _ => return None,
    };
    Some(flash::plain(Tone::Good, title, text))
}
