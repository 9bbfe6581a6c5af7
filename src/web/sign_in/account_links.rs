//! The pages before signing in: choosing a password after following a link, and asking for such a
//! link.

use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::{
        sign_in::queue::Caller,
        users::choose_password::{self, Chosen, Guest},
    },
    domain::account_link::LinkPurpose,
    web::{
        shared::{
            answers::{html, see_other},
            context::PublicRequest,
            errors::Error,
            frame::Frame,
            request::FormBody,
        },
        sign_in::known_devices,
    },
};

#[derive(Deserialize)]
pub struct AccountLinkQuery {
    #[serde(default)]
    token: String,
    #[serde(default)]
    sent: String,
}

/// `GET /welcome`
pub async fn show(
    cx: PublicRequest,
    query: web::Query<AccountLinkQuery>,
) -> Result<HttpResponse, Error> {
    let token = query.into_inner().token;
    let asked = token.clone();
    match cx.desk.reading(move |desk| choose_password::look_at_link(desk, &asked)).await? {
        Some(guest) => page(&cx, guest, token, None),
        None => gone(&cx),
    }
}

/// `POST /welcome`
pub async fn update(cx: PublicRequest, form: FormBody) -> Result<HttpResponse, Error> {
    let token = form.field("token").unwrap_or_default();
    let password = form.field("password").unwrap_or_default();
    let asked = token.clone();
    let Some(guest) =
        cx.desk.reading(move |desk| choose_password::look_at_link(desk, &asked)).await?
    else {
        return gone(&cx);
    };
    let (asked, origin) = (token.clone(), cx.origin());
    match cx
        .desk
        .checking_password(move |desk| {
            choose_password::choose_password(desk, &asked, &password, &origin)
        })
        .await?
    {
        Chosen::Done => {
            let mut answer = see_other("/sign-in?chosen=yes");
            // Somebody who reads the user's mail may sign in next, even while others guess.
            known_devices::remember(&cx, &guest.email, &mut answer).await;
            Ok(answer)
        }
        Chosen::Invalid(why) => page(&cx, guest, token, Some(why.0)),
        Chosen::Gone => gone(&cx),
    }
}

/// `GET /forgotten`
pub async fn new(
    cx: PublicRequest,
    query: web::Query<AccountLinkQuery>,
) -> Result<HttpResponse, Error> {
    let page = Forgotten { frame: cx.frame("Forgotten password"), sent: query.sent == "yes" };
    Ok(html(StatusCode::OK, page.render()?))
}

/// `POST /forgotten`: the same answer, in the same time, whether there is such a user or not.
pub async fn create(cx: PublicRequest, form: FormBody) -> Result<HttpResponse, Error> {
    let email = form.field("email").unwrap_or_default();
    if cx.throttle.spend(&cx.throttle.link(&cx.address(), &email)).is_ok() {
        let request_id = cx.request_id();
        // The page says that it is done: so it is the desk's own work, which is never refused. The
        // throttle bounds it.
        actix_web::rt::spawn(async move {
            let work = cx
                .desk
                .writing(move |desk| choose_password::forget_password(desk, &email, &request_id));
            if let Err(error) = Caller::Desk.runs(work).await {
                tracing::error!(%error, "a link for a forgotten password could not be sent");
            }
        });
    }
    Ok(see_other("/forgotten?sent=yes"))
}

fn page(
    cx: &PublicRequest,
    guest: Guest,
    token: String,
    error: Option<String>,
) -> Result<HttpResponse, Error> {
    let heading = if guest.purpose == LinkPurpose::Invite {
        "Welcome to Reward Desk"
    } else {
        "Choose a new password"
    };
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let page =
        AccountLinkPage { frame: cx.frame(heading), heading, email: guest.email, token, error };
    Ok(html(status, page.render()?))
}

/// What is said of a link that cannot be followed.
pub fn gone(cx: &PublicRequest) -> Result<HttpResponse, Error> {
    let page = Gone { frame: cx.frame("This link can't be used") };
    Ok(html(StatusCode::NOT_FOUND, page.render()?))
}

/// `GET /welcome`.
#[derive(Debug, Template)]
#[template(path = "account_links/show.html")]
pub struct AccountLinkPage {
    pub frame: Frame,
    pub heading: &'static str,
    pub email: String,
    /// Back in the form; a secret.
    pub token: String,
    pub error: Option<String>,
}

/// A link that lets nobody in, or no longer.
#[derive(Debug, Template)]
#[template(path = "account_links/gone.html")]
pub struct Gone {
    pub frame: Frame,
}

/// `GET /forgotten`.
#[derive(Debug, Template)]
#[template(path = "account_links/forgotten.html")]
pub struct Forgotten {
    pub frame: Frame,
    pub sent: bool,
}
