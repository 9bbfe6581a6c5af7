//! The second step of signing in: the factor after the password; and a passkey in place of both.

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
        factors::second_factors::FactorProof,
        sign_in::{
            finish_sign_in::{self, Finished, WaitingSignIn},
            queue::Caller,
            sessions::{Device, SignInOutcome},
        },
    },
    web::{
        account::factors::{self, json, shown},
        shared::{
            answers::html,
            browser,
            context::PublicRequest,
            cookies,
            errors::Error,
            format,
            request::{self, FormBody},
            site::Site,
            throttle::Spent,
        },
        sign_in::{
            known_devices,
            sessions::{self, signed_in},
        },
    },
};

#[derive(Deserialize)]
pub struct SecondFactorQuery {
    #[serde(default)]
    return_to: String,
}

fn token(cx: &PublicRequest) -> Option<String> {
    cx.http.cookie(cx.site.pending_sign_in_cookie_name()).map(|cookie| cookie.value().to_owned())
}

async fn waiting(
    cx: &PublicRequest,
    token: Option<String>,
) -> Result<Option<WaitingSignIn>, Error> {
    match token {
        Some(token) => {
            Ok(cx.desk.reading(move |desk| finish_sign_in::look_at(desk, &token)).await?)
        }
        None => Ok(None),
    }
}

/// `GET /sign-in/factor`
pub async fn new(
    cx: PublicRequest,
    query: web::Query<SecondFactorQuery>,
) -> Result<HttpResponse, Error> {
    match waiting(&cx, token(&cx)).await? {
        Some(waiting) => page(&cx, &waiting, &query.return_to, None, StatusCode::OK),
        None => Ok(over(&cx.site, &query.return_to)),
    }
}

/// `POST /sign-in/factor`
pub async fn create(cx: PublicRequest, form: FormBody) -> Result<HttpResponse, Error> {
    let return_to = form.field("return_to").unwrap_or_default();
    let Some(token) = token(&cx) else { return Ok(over(&cx.site, &return_to)) };
    let Some(waiting) = waiting(&cx, Some(token.clone())).await? else {
        return Ok(over(&cx.site, &return_to));
    };
    let (shown, address) = (shown(&form), cx.address());
    let known = known_devices::known_as(&cx, &waiting.email).await?;
    let one_try = match (&known, &shown) {
        (Some(device), _) => cx.throttle.known(device, &waiting.email),
        (None, FactorProof::Code(_)) => cx.throttle.stranger(&address, &waiting.email),
        (None, FactorProof::Passkey(_)) => cx.throttle.nobody(&address),
    };
    if let Err(spent) = cx.throttle.spend(&one_try) {
        return too_many(&cx, &waiting, &return_to, spent);
    }
    let (request_id, limits) = (cx.request_id(), cx.site.session_limits);
    let device = Device { agent: browser::name_of(&cx.http), address, is_known: known.is_some() };
    let caller = if known.is_some() { Caller::Known } else { Caller::current() };
    let finish = cx.desk.writing(move |desk| {
        finish_sign_in::finish(desk, &token, &shown, limits, &device, &request_id)
    });
    match cx.throttle.judged(&one_try, caller.runs(finish).await)? {
        Finished::In { token } => {
            cx.throttle.refund(&one_try);
            signed_in(&cx, &token, &return_to).await
        }
        Finished::Wrong { left: 0 } | Finished::Gone => Ok(over(&cx.site, &return_to)),
        Finished::Wrong { left } => {
            let error = format!(
                "That code isn't correct, or it has already been used. {} left before you have to \
                 start again.",
                format::plural(left, "try").replace("trys", "tries")
            );
            page(&cx, &waiting, &return_to, Some(error), StatusCode::UNPROCESSABLE_ENTITY)
        }
        Finished::TooMany => too_many(&cx, &waiting, &return_to, Spent::Everywhere),
    }
}

fn too_many(
    cx: &PublicRequest,
    waiting: &WaitingSignIn,
    return_to: &str,
    spent: Spent,
) -> Result<HttpResponse, Error> {
    let sorry = known_devices::sorry(spent).to_owned();
    let page = page(cx, waiting, return_to, Some(sorry), StatusCode::TOO_MANY_REQUESTS)?;
    Ok(known_devices::refused(spent, page))
}

/// `POST /sign-in/factor/options`
pub async fn options(cx: PublicRequest) -> Result<HttpResponse, Error> {
    let token = token(&cx).ok_or(Error::NotFound)?;
    let options = cx.desk.writing(move |desk| finish_sign_in::ask_passkey(desk, &token)).await?;
    Ok(json(options.ok_or(Error::NotFound)?))
}

/// `POST /sign-in/passkey/options`
pub async fn any_options(cx: PublicRequest) -> Result<HttpResponse, Error> {
    let question = finish_sign_in::ask_any_passkey(&cx.desk)?;
    Ok(json(format!(
        r#"{{"sealed":"{}",{}"#,
        question.encrypted,
        question.options.trim_start_matches('{')
    )))
}

/// `POST /sign-in/passkey`
pub async fn create_by_passkey(cx: PublicRequest, form: FormBody) -> Result<HttpResponse, Error> {
    let field = |name| form.field(name).unwrap_or_default();
    let (encrypted, answer, return_to) = (field("sealed"), field("passkey"), field("return_to"));
    let address = cx.address();
    let sign_in =
        |error: &str, status| sessions::page(&cx, String::new(), &return_to, Some(error), status);
    // Who it is is not known before, and it cannot be guessed: the tries of an address are counted
    // together.
    let one_try = cx.throttle.nobody(&address);
    if let Err(spent) = cx.throttle.spend(&one_try) {
        return sign_in(known_devices::sorry(spent), StatusCode::TOO_MANY_REQUESTS);
    }
    let (request_id, limits) = (cx.request_id(), cx.site.session_limits);
    let device = Device { agent: browser::name_of(&cx.http), address, is_known: false };
    let work = move |desk: &Desk| {
        finish_sign_in::sign_in_with_passkey(
            desk,
            &encrypted,
            &answer,
            limits,
            &device,
            &request_id,
        )
    };
    match cx.throttle.judged(&one_try, cx.desk.writing(work).await)? {
        SignInOutcome::In { token } => {
            cx.throttle.refund(&one_try);
            signed_in(&cx, &token, &return_to).await
        }
        SignInOutcome::Locked => sign_in(sessions::LOCKED, StatusCode::UNPROCESSABLE_ENTITY),
        SignInOutcome::NeedsSecondFactor { .. } | SignInOutcome::No => sign_in(
            "This passkey isn't registered here, or it took too long. Try again, or sign in with \
             email and password.",
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
    }
}

/// The sign-in is over: it begins again.
fn over(site: &Site, return_to: &str) -> HttpResponse {
    let target =
        format!("/sign-in?over=yes&return_to={}", request::own_path(return_to).unwrap_or_default());
    HttpResponse::SeeOther()
        .cookie(cookies::pending_sign_in_cookie(site, None))
        .insert_header((header::LOCATION, target))
        .finish()
}

fn page(
    cx: &PublicRequest,
    waiting: &WaitingSignIn,
    return_to: &str,
    error: Option<String>,
    status: StatusCode,
) -> Result<HttpResponse, Error> {
    let return_to = request::own_path(return_to).unwrap_or_default();
    let ask = factors::ask(waiting.has, "/sign-in/factor", "/sign-in/factor/options", return_to);
    let page = factors::SecondFactorPage {
        frame: cx.frame("Second factor"),
        email: waiting.email.clone(),
        ask: factors::Ask { error, ..ask },
    };
    Ok(html(status, page.render()?))
}
