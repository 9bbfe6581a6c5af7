//! The pages on which one sets up one's own second factors, and those that ask for one.

use std::fmt::Write;

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use qrcode::{Color, QrCode};

use crate::{
    app::{
        self,
        factors::{
            change_factors::{self, Added, NewApp},
            passkeys,
            second_factors::{FactorProof, Has},
        },
        sign_in::confirm_session,
    },
    web::{
        account::back,
        shared::{
            answers::html,
            context::{PathId, PublicRequest, UserRequest},
            errors::Error,
            format,
            frame::Frame,
            request::FormBody,
        },
        sign_in::known_devices::TOO_MANY,
    },
};

/// The factor that a form shows; an empty one is a wrong code.
pub fn shown(form: &FormBody) -> FactorProof {
    match form.field("passkey").filter(|answer| !answer.is_empty()) {
        Some(answer) => FactorProof::Passkey(answer),
        None => FactorProof::Code(form.field("code").unwrap_or_default()),
    }
}

/// What a browser is to ask a device, as it takes it.
pub fn json(options: String) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(options)
}

/// `GET /account/app`: nothing is kept until the code comes.
pub async fn new_app(cx: UserRequest) -> Result<HttpResponse, Error> {
    let session = cx.visitor.session.clone();
    let app = change_factors::begin_app(&cx.desk, &session, None)?;
    app_page(&cx, app, None, StatusCode::OK)
}

fn app_page(
    cx: &UserRequest,
    app: NewApp,
    error: Option<String>,
    status: StatusCode,
) -> Result<HttpResponse, Error> {
    let page = AuthenticatorPage {
        frame: cx.frame("Set up an authenticator app"),
        picture: picture(&app.address),
        letters: in_groups(&app.letters),
        encrypted: app.encrypted,
        error,
        replaces: cx.visitor.session.has_second_factor,
    };
    Ok(html(status, page.render()?))
}

/// `POST /account/app`
pub async fn add_app(cx: UserRequest, form: FormBody) -> Result<HttpResponse, Error> {
    let (encrypted, code) =
        (form.field("sealed").unwrap_or_default(), form.field("code").unwrap_or_default());
    let (session, origin, kept) = (cx.visitor.session.clone(), cx.origin(), encrypted.clone());
    match cx
        .desk
        .writing(move |desk| change_factors::add_app(desk, &session, &encrypted, &code, &origin))
        .await?
    {
        Added::Done { recovery_codes } => added(&cx, recovery_codes, "app"),
        Added::Wrong => {
            let app = change_factors::begin_app(&cx.desk, &cx.visitor.session, Some(&kept))?;
            let error = "This isn't the current code. Check that your phone's clock is right, then \
                         enter the code the app shows now.";
            app_page(&cx, app, Some(error.to_owned()), StatusCode::UNPROCESSABLE_ENTITY)
        }
    }
}

/// Recovery codes that were made along are shown this once; else back to the account.
fn added(
    cx: &PublicRequest,
    recovery_codes: Vec<String>,
    done: &str,
) -> Result<HttpResponse, Error> {
    if recovery_codes.is_empty() { Ok(back(done)) } else { codes_page(cx, recovery_codes) }
}

fn codes_page(cx: &PublicRequest, codes: Vec<String>) -> Result<HttpResponse, Error> {
    let page = RecoveryCodesPage { frame: cx.frame("Your recovery codes"), codes };
    Ok(html(StatusCode::OK, page.render()?))
}

/// `POST /account/app/removal`
pub async fn remove_app(cx: UserRequest) -> Result<HttpResponse, Error> {
    let (session, origin) = (cx.visitor.session.clone(), cx.origin());
    cx.desk.writing(move |desk| change_factors::remove_app(desk, &session, &origin)).await?;
    Ok(back("app-removed"))
}

/// `GET /account/passkeys/new`
pub async fn new_passkey(cx: PublicRequest) -> Result<HttpResponse, Error> {
    passkey_page(&cx, String::new(), None, StatusCode::OK)
}

fn passkey_page(
    cx: &PublicRequest,
    name: String,
    error: Option<String>,
    status: StatusCode,
) -> Result<HttpResponse, Error> {
    let frame = cx.frame("Add a passkey");
    let page = NewPasskeyPage { frame, name, available: passkeys::available(&cx.desk), error };
    Ok(html(status, page.render()?))
}

/// `POST /account/passkeys/options`
pub async fn passkey_options(cx: UserRequest) -> Result<HttpResponse, Error> {
    let session = cx.visitor.session.clone();
    Ok(json(cx.desk.writing(move |desk| change_factors::begin_passkey(desk, &session)).await?))
}

/// `POST /account/passkeys`
pub async fn add_passkey(cx: UserRequest, form: FormBody) -> Result<HttpResponse, Error> {
    let (name, answer) =
        (form.field("name").unwrap_or_default(), form.field("passkey").unwrap_or_default());
    let (session, origin, typed) = (cx.visitor.session.clone(), cx.origin(), name.clone());
    let outcome = cx
        .desk
        .writing(move |desk| change_factors::add_passkey(desk, &session, &name, &answer, &origin))
        .await;
    let error = match outcome {
        Ok(Added::Done { recovery_codes }) => return added(&cx, recovery_codes, "passkey"),
        Ok(Added::Wrong) => {
            "The passkey couldn't be verified, or it took too long. Nothing was changed. Try again."
                .to_owned()
        }
        Err(app::Error::Invalid(why)) => format::sentence(&why.to_string()),
        Err(other) => return Err(other.into()),
    };
    passkey_page(&cx, typed, Some(error), StatusCode::UNPROCESSABLE_ENTITY)
}

/// `POST /account/passkeys/{id}/removal`
pub async fn remove_passkey(
    cx: UserRequest,
    PathId(id): PathId<i64>,
) -> Result<HttpResponse, Error> {
    let (session, origin) = (cx.visitor.session.clone(), cx.origin());
    cx.desk
        .writing(move |desk| change_factors::remove_passkey(desk, &session, id, &origin))
        .await?;
    Ok(back("passkey-removed"))
}

/// `GET /account/recovery-codes`
pub async fn new_recovery_codes(cx: UserRequest) -> Result<HttpResponse, Error> {
    renew_page(&cx, None, StatusCode::OK).await
}

async fn renew_page(
    cx: &UserRequest,
    error: Option<String>,
    status: StatusCode,
) -> Result<HttpResponse, Error> {
    let session = cx.visitor.session.clone();
    let has =
        cx.desk.reading(move |desk| confirm_session::what_to_ask(desk, &session)).await?.factors;
    let ask = ask(has, "/account/recovery-codes", "/confirm/options", "");
    let page = RenewCodes {
        frame: cx.frame("New recovery codes"),
        ask: Ask { error, ..ask },
        has_factor: cx.visitor.session.has_second_factor,
    };
    Ok(html(status, page.render()?))
}

/// `POST /account/recovery-codes`
pub async fn make_recovery_codes(cx: UserRequest, form: FormBody) -> Result<HttpResponse, Error> {
    let (session, shown, origin) = (cx.visitor.session.clone(), shown(&form), cx.origin());
    let one_try = cx.throttle.in_session(session.id, &session.email);
    if cx.throttle.spend(&one_try).is_err() {
        return renew_page(&cx, Some(TOO_MANY.to_owned()), StatusCode::TOO_MANY_REQUESTS).await;
    }
    let made = cx
        .desk
        .writing(move |desk| change_factors::renew_recovery_codes(desk, &session, &shown, &origin))
        .await;
    let made = cx.throttle.judged(&one_try, made)?;
    if let Some(codes) = made {
        cx.throttle.refund(&one_try);
        return codes_page(&cx, codes);
    }
    let error = "That code isn't correct, or it has already been used. Nothing was changed. Try \
                 again with a new code."
        .to_owned();
    renew_page(&cx, Some(error), StatusCode::UNPROCESSABLE_ENTITY).await
}

/// What to ask of somebody who has these.
pub fn ask(has: Has, action: &'static str, passkey_options: &'static str, return_to: &str) -> Ask {
    Ask {
        code_label: match (has.app, has.recovery_code) {
            (true, true) => "Code from your authenticator app, or a recovery code",
            (true, false) => "Code from your authenticator app",
            (false, true) => "Recovery code",
            (false, false) => "",
        },
        passkey_options: if has.passkey { passkey_options } else { "" },
        action,
        return_to: return_to.to_owned(),
        error: None,
    }
}

/// The border that readers need around a code.
const QR_BORDER_MODULES: usize = 4;

/// The QR code of a text; `None`: it is too long for one.
pub fn picture(text: &str) -> Option<QrPicture> {
    let code = QrCode::new(text).ok()?;
    let (width, mut path) = (code.width(), String::new());
    for (at, _) in code.to_colors().iter().enumerate().filter(|(_, color)| **color == Color::Dark) {
        let _ = write!(
            path,
            "M{} {}h1v1h-1z",
            at % width + QR_BORDER_MODULES,
            at / width + QR_BORDER_MODULES
        );
    }
    Some(QrPicture { size: width + 2 * QR_BORDER_MODULES, path })
}

/// `ABCDEFGH` -> `ABCD EFGH`, to be typed.
pub fn in_groups(letters: &str) -> String {
    let letters: Vec<char> = letters.chars().collect();
    letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

/// What can be shown, in a form.
#[derive(Clone, Debug)]
pub struct Ask {
    /// "Code from your authenticator app, or a recovery code"; empty: there is no code to give.
    pub code_label: &'static str,
    /// Where the browser learns what to ask a passkey; empty: there is none.
    pub passkey_options: &'static str,
    /// Where the forms post to.
    pub action: &'static str,
    /// A path of our own to go to afterwards; may be empty.
    pub return_to: String,
    /// What was wrong, and what to do.
    pub error: Option<String>,
}

/// `GET /sign-in/factor`.
#[derive(Debug, Template)]
#[template(path = "factors/sign_in.html")]
pub struct SecondFactorPage {
    pub frame: Frame,
    pub email: String,
    pub ask: Ask,
}

/// `GET /confirm`.
#[derive(Debug, Template)]
#[template(path = "factors/confirm.html")]
pub struct Confirm {
    pub frame: Frame,
    pub email: String,
    /// Whether there is a password to ask for.
    pub has_password: bool,
    /// "Continue with Acme", for users who are linked there.
    pub sso: Option<Away>,
    pub ask: Ask,
}

/// A button that leads to the provider of single sign-on.
#[derive(Clone, Debug)]
pub struct Away {
    /// "Continue with Acme".
    pub label: String,
    /// Where its form posts to.
    pub action: &'static str,
}

/// `GET /account/app`.
#[derive(Debug, Template)]
#[template(path = "factors/app.html")]
pub struct AuthenticatorPage {
    pub frame: Frame,
    pub picture: Option<QrPicture>,
    /// The secret in groups of four letters.
    pub letters: String,
    /// The secret for the form; sealed.
    pub encrypted: String,
    pub error: Option<String>,
    /// Whether there is an app already, which stops working.
    pub replaces: bool,
}

/// A QR code as the path of its dark squares.
#[derive(Clone, Debug)]
pub struct QrPicture {
    /// Squares on each side, the quiet border included.
    pub size: usize,
    pub path: String,
}

/// `GET /account/passkeys/new`.
#[derive(Debug, Template)]
#[template(path = "factors/passkey.html")]
pub struct NewPasskeyPage {
    pub frame: Frame,
    pub name: String,
    /// Whether passkeys can be had at this address.
    pub available: bool,
    pub error: Option<String>,
}

/// `GET /account/recovery-codes`.
#[derive(Debug, Template)]
#[template(path = "factors/renew_codes.html")]
pub struct RenewCodes {
    pub frame: Frame,
    pub ask: Ask,
    /// Whether there is a factor at all.
    pub has_factor: bool,
}

/// New recovery codes, shown once.
#[derive(Debug, Template)]
#[template(path = "factors/codes.html")]
pub struct RecoveryCodesPage {
    pub frame: Frame,
    pub codes: Vec<String>,
}
