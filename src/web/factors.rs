//! Setting up one's own second factors: authenticator app, passkeys, recovery codes.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;

use super::{
    account::back,
    answer::html,
    browser,
    errors::Error,
    frame,
    gate::Visitor,
    known_devices::TOO_MANY,
    present,
    request::{self, FormBody},
    throttle::Throttle,
    views::factors as views,
};
use crate::app::{
    self, Desk,
    change_factors::{self, Added, NewApp},
    confirm_session,
    factors::FactorProof,
    passkeys,
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
pub async fn new_app(
    request: HttpRequest,
    desk: web::Data<Desk>,
    visitor: web::ReqData<Visitor>,
) -> Result<HttpResponse, Error> {
    let session = visitor.session.clone();
    let app = change_factors::begin_app(&desk, &session, None)?;
    app_page(&request, &visitor, app, None, StatusCode::OK)
}

fn app_page(
    request: &HttpRequest,
    visitor: &Visitor,
    app: NewApp,
    error: Option<String>,
    status: StatusCode,
) -> Result<HttpResponse, Error> {
    let page = views::AuthenticatorPage {
        frame: frame::for_visitor(request, "Set up an authenticator app"),
        picture: present::factors::picture(&app.address),
        letters: present::factors::in_groups(&app.letters),
        encrypted: app.encrypted,
        error,
        replaces: visitor.session.has_second_factor,
    };
    Ok(html(status, page.render()?))
}

/// `POST /account/app`
pub async fn add_app(
    request: HttpRequest,
    desk: web::Data<Desk>,
    visitor: web::ReqData<Visitor>,
    form: FormBody,
) -> Result<HttpResponse, Error> {
    let (encrypted, code) =
        (form.field("sealed").unwrap_or_default(), form.field("code").unwrap_or_default());
    let (session, origin, kept) =
        (visitor.session.clone(), browser::origin_of(&request), encrypted.clone());
    match desk
        .writing(move |desk| change_factors::add_app(desk, &session, &encrypted, &code, &origin))
        .await?
    {
        Added::Done { recovery_codes } => added(&request, recovery_codes, "app"),
        Added::Wrong => {
            let app = change_factors::begin_app(&desk, &visitor.session, Some(&kept))?;
            let error = "This isn't the current code. Check that your phone's clock is right, then \
                         enter the code the app shows now.";
            app_page(
                &request,
                &visitor,
                app,
                Some(error.to_owned()),
                StatusCode::UNPROCESSABLE_ENTITY,
            )
        }
    }
}

/// Recovery codes that were made along are shown this once; else back to the account.
fn added(
    request: &HttpRequest,
    recovery_codes: Vec<String>,
    done: &str,
) -> Result<HttpResponse, Error> {
    if recovery_codes.is_empty() { Ok(back(done)) } else { codes_page(request, recovery_codes) }
}

fn codes_page(request: &HttpRequest, codes: Vec<String>) -> Result<HttpResponse, Error> {
    let page = views::RecoveryCodesPage {
        frame: frame::for_visitor(request, "Your recovery codes"),
        codes,
    };
    Ok(html(StatusCode::OK, page.render()?))
}

/// `POST /account/app/removal`
pub async fn remove_app(
    request: HttpRequest,
    desk: web::Data<Desk>,
    visitor: web::ReqData<Visitor>,
) -> Result<HttpResponse, Error> {
    let (session, origin) = (visitor.session.clone(), browser::origin_of(&request));
    desk.writing(move |desk| change_factors::remove_app(desk, &session, &origin)).await?;
    Ok(back("app-removed"))
}

/// `GET /account/passkeys/new`
pub async fn new_passkey(
    request: HttpRequest,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Error> {
    passkey_page(&request, &desk, String::new(), None, StatusCode::OK)
}

fn passkey_page(
    request: &HttpRequest,
    desk: &Desk,
    name: String,
    error: Option<String>,
    status: StatusCode,
) -> Result<HttpResponse, Error> {
    let frame = frame::for_visitor(request, "Add a passkey");
    let page = views::NewPasskeyPage { frame, name, available: passkeys::available(desk), error };
    Ok(html(status, page.render()?))
}

/// `POST /account/passkeys/options`
pub async fn passkey_options(
    desk: web::Data<Desk>,
    visitor: web::ReqData<Visitor>,
) -> Result<HttpResponse, Error> {
    let session = visitor.session.clone();
    Ok(json(desk.writing(move |desk| change_factors::begin_passkey(desk, &session)).await?))
}

/// `POST /account/passkeys`
pub async fn add_passkey(
    request: HttpRequest,
    desk: web::Data<Desk>,
    visitor: web::ReqData<Visitor>,
    form: FormBody,
) -> Result<HttpResponse, Error> {
    let (name, answer) =
        (form.field("name").unwrap_or_default(), form.field("passkey").unwrap_or_default());
    let (session, origin, typed) =
        (visitor.session.clone(), browser::origin_of(&request), name.clone());
    let outcome = desk
        .writing(move |desk| change_factors::add_passkey(desk, &session, &name, &answer, &origin))
        .await;
    let error = match outcome {
        Ok(Added::Done { recovery_codes }) => return added(&request, recovery_codes, "passkey"),
        Ok(Added::Wrong) => {
            "The passkey couldn't be verified, or it took too long. Nothing was changed. Try again."
                .to_owned()
        }
        Err(app::Error::Invalid(why)) => present::sentence(&why.0),
        Err(other) => return Err(other.into()),
    };
    passkey_page(&request, &desk, typed, Some(error), StatusCode::UNPROCESSABLE_ENTITY)
}

/// `POST /account/passkeys/{id}/removal`
pub async fn remove_passkey(
    request: HttpRequest,
    desk: web::Data<Desk>,
    visitor: web::ReqData<Visitor>,
    path: web::Path<String>,
) -> Result<HttpResponse, Error> {
    let id = request::number(&path).ok_or(Error::NotFound)?;
    let (session, origin) = (visitor.session.clone(), browser::origin_of(&request));
    desk.writing(move |desk| change_factors::remove_passkey(desk, &session, id, &origin)).await?;
    Ok(back("passkey-removed"))
}

/// `GET /account/recovery-codes`
pub async fn new_recovery_codes(
    request: HttpRequest,
    desk: web::Data<Desk>,
    visitor: web::ReqData<Visitor>,
) -> Result<HttpResponse, Error> {
    renew_page(&request, &desk, &visitor, None, StatusCode::OK).await
}

async fn renew_page(
    request: &HttpRequest,
    desk: &Desk,
    visitor: &Visitor,
    error: Option<String>,
    status: StatusCode,
) -> Result<HttpResponse, Error> {
    let session = visitor.session.clone();
    let has = desk.reading(move |desk| confirm_session::what_to_ask(desk, &session)).await?.factors;
    let ask = present::factors::ask(has, "/account/recovery-codes", "/confirm/options", "");
    let page = views::RenewCodes {
        frame: frame::for_visitor(request, "New recovery codes"),
        ask: views::Ask { error, ..ask },
        has_factor: visitor.session.has_second_factor,
    };
    Ok(html(status, page.render()?))
}

/// `POST /account/recovery-codes`
pub async fn make_recovery_codes(
    request: HttpRequest,
    desk: web::Data<Desk>,
    throttle: web::Data<Throttle>,
    visitor: web::ReqData<Visitor>,
    form: FormBody,
) -> Result<HttpResponse, Error> {
    let (session, shown, origin) =
        (visitor.session.clone(), shown(&form), browser::origin_of(&request));
    let one_try = throttle.in_session(session.id, &session.email);
    if throttle.spend(&one_try).is_err() {
        return renew_page(
            &request,
            &desk,
            &visitor,
            Some(TOO_MANY.to_owned()),
            StatusCode::TOO_MANY_REQUESTS,
        )
        .await;
    }
    let made = desk
        .writing(move |desk| change_factors::renew_recovery_codes(desk, &session, &shown, &origin))
        .await;
    let made = throttle.judged(&one_try, made)?;
    if let Some(codes) = made {
        throttle.refund(&one_try);
        return codes_page(&request, codes);
    }
    let error = "That code isn't correct, or it has already been used. Nothing was changed. Try \
                 again with a new code."
        .to_owned();
    renew_page(&request, &desk, &visitor, Some(error), StatusCode::UNPROCESSABLE_ENTITY).await
}
