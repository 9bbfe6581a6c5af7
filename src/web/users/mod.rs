//! The users of a merchant: the list, one of them, inviting, and what can be done to them.

pub mod pages;

use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::{
        self, InvalidForm, Refusal,
        users::{
            invite_user::{self, Invitation, Invited},
            manage_users::{self, UserAct},
            show_users,
        },
    },
    domain::{ids::UserId, role::Role, user::Barrier},
    web::shared::{
        addresses,
        answers::{back_to, html},
        context::{MerchantRequest, PathId},
        errors::Error,
        flash,
        request::{self, FormBody},
        ui::{Toast, Tone},
    },
};

#[derive(Deserialize)]
pub struct UsersQuery {
    after: Option<String>,
    /// What was just done: one of our own words.
    done: Option<String>,
}

/// `GET /m/{merchant}/users`
pub async fn index(
    cx: MerchantRequest,
    query: web::Query<UsersQuery>,
) -> Result<HttpResponse, Error> {
    let after = query.after.as_deref().and_then(request::number).map(UserId);
    let limits = cx.site.session_limits;
    let found =
        cx.read(move |desk, member| show_users::list_users(desk, member, after, limits)).await?;
    let mut page = pages::index(cx.frame("Users"), &cx.member, &found, after.is_some());
    page.frame.flash = query.done.as_deref().and_then(said).or(page.frame.flash);
    Ok(html(StatusCode::OK, page.render()?))
}

/// `GET /m/{merchant}/users/new`
pub async fn new(cx: MerchantRequest) -> Result<HttpResponse, Error> {
    let frame = cx.frame("Invite a user");
    let page = pages::new(frame, &cx.member, &Invitation::default(), &InvalidForm::default());
    Ok(html(StatusCode::OK, page.render()?))
}

/// `POST /m/{merchant}/users`
pub async fn create(cx: MerchantRequest, form: FormBody) -> Result<HttpResponse, Error> {
    let field = |name| form.field(name).unwrap_or_default();
    let typed = Invitation { email: field("email"), name: field("name"), role: field("role") };
    let asked = typed.clone();
    match cx.write(move |desk, member| invite_user::invite_user(desk, member, &asked)).await {
        Ok(Invited { user, has_link }) => Ok(back_to(
            &addresses::user(&cx.member.merchant, user),
            if has_link { "invited" } else { "welcomed" },
        )),
        Err(app::Error::Invalid(invalid)) => {
            let page = pages::new(cx.frame("Invite a user"), &cx.member, &typed, &invalid);
            Ok(html(StatusCode::UNPROCESSABLE_ENTITY, page.render()?))
        }
        Err(error) => Err(error.into()),
    }
}

/// `GET /m/{merchant}/users/{id}`
pub async fn show(
    cx: MerchantRequest,
    PathId(id): PathId<UserId>,
    query: web::Query<UsersQuery>,
) -> Result<HttpResponse, Error> {
    let body = page(&cx, id, query.done.as_deref().and_then(said)).await?;
    Ok(html(StatusCode::OK, body))
}

async fn page(cx: &MerchantRequest, id: UserId, flash: Option<Toast>) -> Result<String, Error> {
    let limits = cx.site.session_limits;
    let found =
        cx.read(move |desk, member| show_users::show_user(desk, member, id, limits)).await?;
    let mut page = pages::show(cx.frame(&found.row.user.name), &cx.member, &found);
    page.frame.flash = flash.or(page.frame.flash);
    Ok(page.render()?)
}

/// `POST /m/{merchant}/users/{id}/role`
pub async fn change_role(
    cx: MerchantRequest,
    PathId(id): PathId<UserId>,
    form: FormBody,
) -> Result<HttpResponse, Error> {
    match form.field("role").and_then(|word| word.parse::<Role>().ok()) {
        Some(role) => act(&cx, id, UserAct::ChangeRole(role), "role").await,
        // The form's errors are not shown for a user of another merchant.
        None => page(&cx, id, None).await.and(Err(Error::Malformed)),
    }
}

/// `POST /m/{merchant}/users/{id}/{act}`
pub async fn manage(
    cx: MerchantRequest,
    PathId(id): PathId<UserId>,
) -> Result<HttpResponse, Error> {
    let word = cx.http.path().rsplit('/').next().unwrap_or_default().to_owned();
    let act = match word.as_str() {
        "removal" => UserAct::Remove,
        "disable" => UserAct::Disable,
        "enable" => UserAct::Enable,
        "unlock" => UserAct::Unlock,
        "sessions" => UserAct::EndSessions,
        "factors" => UserAct::ResetFactors,
        _ => return Err(Error::NotFound),
    };
    self::act(&cx, id, act, &word).await
}

async fn act(
    cx: &MerchantRequest,
    id: UserId,
    act: UserAct,
    word: &str,
) -> Result<HttpResponse, Error> {
    let absence = cx.site.session_limits.absence;
    match cx
        .write(move |desk, member| manage_users::manage_user(desk, member, id, act, absence))
        .await
    {
        // The page of somebody who has just left is not there any more.
        Ok(Some(_)) if act == UserAct::Remove => {
            Ok(back_to(&addresses::users(&cx.member.merchant), "removal"))
        }
        Ok(Some(_)) => Ok(back_to(&addresses::user(&cx.member.merchant, id), word)),
        Ok(None) => Ok(back_to(&addresses::user(&cx.member.merchant, id), "unchanged")),
        Err(app::Error::Refused(Refusal::User(barrier))) => {
            let flash = flash::plain(Tone::Bad, "Nothing was changed", pages::why_not(barrier));
            let body = page(cx, id, Some(flash)).await?;
            let is_role = barrier == Barrier::NotYours;
            let status = if is_role { StatusCode::FORBIDDEN } else { StatusCode::CONFLICT };
            Ok(html(status, body))
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /m/{merchant}/users/{id}/invitation`
pub async fn invite_again(
    cx: MerchantRequest,
    PathId(id): PathId<UserId>,
) -> Result<HttpResponse, Error> {
    let sent = cx.write(move |desk, member| invite_user::invite_again(desk, member, id)).await?;
    Ok(back_to(&addresses::user(&cx.member.merchant, id), if sent { "invited" } else { "is-in" }))
}

/// `GET /m/{merchant}/permissions`
pub async fn permissions(cx: MerchantRequest) -> Result<HttpResponse, Error> {
    let page = pages::permissions(cx.frame("What each role can do"), &cx.member);
    Ok(html(StatusCode::OK, page.render()?))
}

fn said(done: &str) -> Option<Toast> {
    let (title, text) = match done {
        "invited" => (
            "Invitation on its way",
            "They can sign in with the link in the email. Only the newest link works.",
        ),
        "welcomed" => (
            "Offer on its way",
            "They already have an account. They get the role once they sign in and accept it.",
        ),
        "unchanged" => ("Nothing was changed", "Nothing was different."),
        "is-in" => ("They've already accepted", "They don't need an invitation any more."),
        "role" => (
            "Role changed",
            "It applies from now on, including on pages that are already \
                                    open.",
        ),
        "removal" => ("User removed", "They no longer have a role in this merchant."),
        "disable" => ("User disabled", "They've been signed out everywhere."),
        "enable" => ("User enabled", "They can sign in again."),
        "unlock" => ("User unlocked", "They can sign in again."),
        "sessions" => ("Sessions ended", "They have to sign in again."),
        "factors" => (
            "Second factors reset",
            "They sign in with just their password until they set up a new one.",
        ),
        _ => return None,
    };
    Some(flash::plain(Tone::Good, title, text))
}
