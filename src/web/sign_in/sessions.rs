//! Sign-in and sign-out.
//! Owns the sign-in page.

use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
    web,
};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::{
        factors::passkeys,
        sign_in::{
            queue::Caller,
            sessions::{self, SignInOutcome},
        },
    },
    web::{
        shared::{
            answers::html,
            browser,
            context::PublicRequest,
            cookies,
            errors::Error,
            frame::Frame,
            request::{self, FormBody},
            site::Site,
            ui::TextLink,
        },
        sign_in::{known_devices, single_sign_on},
    },
};

/// What sign-in is asked with.
#[derive(Default)]
struct SignInForm {
    email: String,
    password: String,
    return_to: String,
}

impl SignInForm {
    fn parse(body: &FormBody) -> Self {
        let mut form = Self::default();
        for (name, value) in body.fields() {
            match name.as_ref() {
                "email" => form.email = value.into_owned(),
                "password" => form.password = value.into_owned(),
                "return_to" => form.return_to = value.into_owned(),
                _ => {}
            }
        }
        form
    }
}

#[derive(Deserialize)]
pub struct SignInQuery {
    #[serde(default)]
    return_to: String,
    /// Whether a password was just chosen.
    chosen: Option<String>,
    /// Whether a second factor did not come in time, or was wrong too often.
    over: Option<String>,
    /// Why single sign-on came to nothing: one of our own words.
    sso: Option<String>,
}

/// `GET /sign-in`
pub async fn new(cx: PublicRequest, query: web::Query<SignInQuery>) -> Result<HttpResponse, Error> {
    let notice =
        query.chosen.is_some().then(|| "Your password is saved. Sign in with it.".to_owned());
    let error = query.over.is_some().then(|| {
        "The second factor took too long, or was wrong too many times. Sign in again.".to_owned()
    });
    let error = error
        .or_else(|| query.sso.as_deref().and_then(single_sign_on::said).map(ToOwned::to_owned));
    let page = SignInPage { notice, error, ..blank(&cx, &query.return_to) };
    Ok(html(StatusCode::OK, page.render()?))
}

/// Shown to users who have proved who they are.
pub const LOCKED: &str = "Your account was locked because you haven't used it for a long time. An \
                          administrator of your merchant can unlock it.";

/// `POST /sign-in`
pub async fn create(cx: PublicRequest, body: FormBody) -> Result<HttpResponse, Error> {
    let form = SignInForm::parse(&body);
    let (one_try, caller) = known_devices::trying(&cx, &form.email).await?;
    if let Err(spent) = cx.throttle.spend(&one_try) {
        let sorry = known_devices::sorry(spent);
        let page =
            page(&cx, form.email, &form.return_to, Some(sorry), StatusCode::TOO_MANY_REQUESTS)?;
        return Ok(known_devices::refused(spent, page));
    }
    let (email, password, request_id) = (form.email.clone(), form.password, cx.request_id());
    let limits = cx.site.session_limits;
    let device = sessions::Device {
        agent: browser::name_of(&cx.http),
        address: cx.address(),
        ..sessions::Device::default()
    };
    let check = cx.desk.checking_password(move |desk| {
        sessions::sign_in(desk, &email, &password, limits, &device, &request_id)
    });
    let outcome = cx.throttle.judged(&one_try, caller.runs(check).await)?;
    let sorry = match &outcome {
        SignInOutcome::In { .. } | SignInOutcome::NeedsSecondFactor { .. } => None,
        SignInOutcome::Locked => Some(LOCKED),
        SignInOutcome::No => {
            Some("The email and password don't match an active user. Check both and try again.")
        }
    };
    match outcome {
        SignInOutcome::In { token } => {
            cx.throttle.refund(&one_try);
            signed_in(&cx, &token, &form.return_to).await
        }
        SignInOutcome::NeedsSecondFactor { token } => {
            cx.throttle.refund(&one_try);
            let target = format!(
                "/sign-in/factor?return_to={}",
                request::own_path(&form.return_to).unwrap_or_default()
            );
            let cookie = cookies::pending_sign_in_cookie(&cx.site, Some(&token));
            Ok(HttpResponse::SeeOther()
                .cookie(cookie)
                .insert_header((header::LOCATION, target))
                .finish())
        }
        SignInOutcome::Locked | SignInOutcome::No => {
            page(&cx, form.email, &form.return_to, sorry, StatusCode::UNPROCESSABLE_ENTITY)
        }
    }
}

/// The answer to a user who has signed in: the session's cookie, a browser that is known from now
/// on, and on to where they wanted to go.
pub async fn signed_in(
    cx: &PublicRequest,
    token: &str,
    return_to: &str,
) -> Result<HttpResponse, Error> {
    let target =
        request::own_path(return_to).filter(|path| !path.starts_with("/sign-in")).unwrap_or("/");
    let mut answer = HttpResponse::SeeOther()
        .cookie(cookies::session_cookie(&cx.site, Some(token)))
        .cookie(cookies::pending_sign_in_cookie(&cx.site, None))
        .insert_header((header::LOCATION, target.to_owned()))
        .finish();
    // The session is there already, and its request waits as one that has a session.
    Caller::SignedIn.runs(known_devices::remember_session(cx, token, &mut answer)).await;
    Ok(answer)
}

/// `POST /sign-out`
pub async fn destroy(cx: PublicRequest) -> Result<HttpResponse, Error> {
    if let Some(cookie) = cx.http.cookie(cx.site.cookie_name()) {
        let (token, request_id) = (cookie.value().to_owned(), cx.request_id());
        cx.desk.writing(move |desk| sessions::sign_out(desk, &token, &request_id)).await?;
    }
    Ok(HttpResponse::SeeOther()
        .cookie(cookies::session_cookie(&cx.site, None))
        // Not cookies: this browser stays known for who signed in here.
        .insert_header(("Clear-Site-Data", r#""cache", "storage""#))
        .insert_header((header::LOCATION, "/sign-in"))
        .finish())
}

/// The sign-in page with what went wrong.
pub fn page(
    cx: &PublicRequest,
    email: String,
    return_to: &str,
    error: Option<&str>,
    status: StatusCode,
) -> Result<HttpResponse, Error> {
    let page = SignInPage { email, error: error.map(ToOwned::to_owned), ..blank(cx, return_to) };
    Ok(html(status, page.render()?))
}

/// The page before anything was typed.
fn blank(cx: &PublicRequest, return_to: &str) -> SignInPage {
    SignInPage {
        frame: cx.frame("Sign in"),
        email: String::new(),
        return_to: request::own_path(return_to).unwrap_or_default().to_owned(),
        notice: None,
        error: None,
        demo: demo(&cx.site),
        has_passkeys: passkeys::available(&cx.desk),
        sso: single_sign_on::provider_link(
            &cx.desk,
            "/sign-in/sso",
            request::own_path(return_to).unwrap_or_default(),
        ),
    }
}

fn demo(site: &Site) -> Vec<DemoSignIn> {
    site.demo_sign_ins
        .iter()
        .map(|(label, email, password)| DemoSignIn {
            label: label.clone(),
            email: email.clone(),
            password: password.clone(),
        })
        .collect()
}

/// `GET /sign-in`, and the same page again after a refused POST.
#[derive(Debug, Template)]
#[template(path = "sessions/new.html")]
pub struct SignInPage {
    /// Bare frame.
    pub frame: Frame,
    /// What was typed, to be kept after a refusal.
    pub email: String,
    /// A path of our own to go to afterwards; may be empty.
    pub return_to: String,
    /// What went well just before.
    pub notice: Option<String>,
    /// Why the sign-in did not go through, and what to do.
    pub error: Option<String>,
    /// Sign-ins of the demo; empty outside it.
    pub demo: Vec<DemoSignIn>,
    /// Whether a passkey alone lets one in here.
    pub has_passkeys: bool,
    /// "Continue with Acme", where there is single sign-on.
    pub sso: Option<TextLink>,
}

/// One of the demo's sign-ins.
#[derive(Clone, Debug)]
pub struct DemoSignIn {
    /// "Customer Support".
    pub label: String,
    /// Its e-mail.
    pub email: String,
    /// Its password.
    pub password: String,
}
