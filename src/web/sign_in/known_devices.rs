//! The cookie by which a browser is known for the user who signed in there last, and what it
//! changes when somebody tries.

use actix_web::{HttpResponse, cookie::Cookie, http::header};

use crate::{
    app::{
        self,
        sign_in::{known_devices, queue::Caller, sessions},
    },
    web::shared::{
        context::PublicRequest,
        cookies,
        errors::Error,
        site::Site,
        throttle::{Spent, Try},
    },
};

/// Shown to somebody who tries too often.
pub const TOO_MANY: &str =
    "Too many attempts for this account from here. Wait a minute, then try again.";
/// Said where others have tried too often: this visitor cannot be told from them.
const ATTACKED: &str = "Too many attempts to sign in to this account from different places. To \
                        keep it safe, new browsers have to wait ten minutes. Use a browser you've \
                        signed in with before, get a link by email under “Forgotten password?”, or \
                        wait.";

/// What to say where the budget is spent.
pub fn sorry(spent: Spent) -> &'static str {
    match spent {
        Spent::Here => TOO_MANY,
        Spent::Everywhere => ATTACKED,
    }
}

/// The answer to somebody who tries too often; says when to try again.
pub fn refused(spent: Spent, mut page: HttpResponse) -> HttpResponse {
    if spent == Spent::Everywhere {
        page.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("600"));
    }
    page
}

/// The try that this request is on the account of that address, and as what it waits to be judged.
pub async fn trying(cx: &PublicRequest, email: &str) -> Result<(Try, Caller), Error> {
    Ok(match known_as(cx, email).await? {
        Some(device) => (cx.throttle.known(&device, email), Caller::Known),
        None => (cx.throttle.stranger(&cx.address(), email), Caller::Stranger),
    })
}

/// Under which name this browser is known for the user of that address.
pub async fn known_as(cx: &PublicRequest, email: &str) -> Result<Option<String>, Error> {
    let Some(cookie) = cx.http.cookie(cx.site.device_cookie_name()) else { return Ok(None) };
    let (mark, email) = (cookie.value().to_owned(), email.to_owned());
    Ok(cx.desk.reading(move |desk| known_devices::recognise(desk, &email, &mark)).await?)
}

/// Makes the browser that gets this answer a known one of the user with that address, who has just
/// proved to be it.
///
/// What the answer tells of is saved already: where this fails, the answer goes out without it, and
/// the next sign-in makes up for it.
pub async fn remember(cx: &PublicRequest, email: &str, answer: &mut HttpResponse) {
    let email = email.to_owned();
    give(&cx.site, answer, cx.desk.reading(move |desk| known_devices::mark(desk, &email)).await);
}

/// The same for the user of the session that was just begun.
pub async fn remember_session(cx: &PublicRequest, token: &str, answer: &mut HttpResponse) {
    let (token, limits) = (token.to_owned(), cx.site.session_limits);
    let mark = cx.desk.reading(move |desk| match sessions::resume_session(desk, &token, limits)? {
        Some(session) => known_devices::mark(desk, &session.email),
        None => Ok(None),
    });
    give(&cx.site, answer, mark.await);
}

fn give(site: &Site, answer: &mut HttpResponse, mark: Result<Option<String>, app::Error>) {
    match mark.map(|mark| mark.map(|mark| answer.add_cookie(&cookie(site, &mark)))) {
        Ok(None | Some(Ok(()))) => {}
        Ok(Some(Err(error))) => tracing::error!(%error, "a browser was not made known"),
        Err(error) => tracing::warn!(%error, "a browser was not made known"),
    }
}

fn cookie(site: &Site, mark: &str) -> Cookie<'static> {
    cookies::cookie(site, site.device_cookie_name(), Some(mark), known_devices::LIFETIME)
}
