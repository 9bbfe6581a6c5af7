//! The users of a merchant: the list, one of them, inviting, and what can be done to them.

pub mod pages;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::{
        self, Desk, InvalidForm, Member, Refusal,
        users::{
            invite_user::{self, Invitation, Invited},
            manage_users::{self, UserAct},
            show_users,
        },
    },
    domain::{ids::UserId, role::Role, user::Barrier},
    web::shared::{
        answer::html,
        errors::Error,
        flash, frame,
        request::{self, FormBody},
        ui::{Toast, Tone},
    },
};

use super::server::Site;

#[derive(Deserialize)]
pub struct UsersQuery {
    after: Option<String>,
    /// What was just done: one of our own words.
    done: Option<String>,
}

/// `GET /m/{merchant}/users`
pub async fn index(
    request: HttpRequest,
    desk: web::Data<Desk>,
    site: web::Data<Site>,
    member: web::ReqData<Member>,
    query: web::Query<UsersQuery>,
) -> Result<HttpResponse, Error> {
    let member = member.into_inner();
    let after = query.after.as_deref().and_then(request::number).map(UserId);
    let (asker, limits) = (member.clone(), site.session_limits);
    let found =
        desk.reading(move |desk| show_users::list_users(desk, &asker, after, limits)).await?;
    let mut page = pages::index(
        frame::in_merchant(&request, &member, "Users"),
        &member,
        &found,
        after.is_some(),
    );
    page.frame.flash = query.done.as_deref().and_then(said).or(page.frame.flash);
    Ok(html(StatusCode::OK, page.render()?))
}

/// `GET /m/{merchant}/users/new`
pub async fn new(
    request: HttpRequest,
    member: web::ReqData<Member>,
) -> Result<HttpResponse, Error> {
    let frame = frame::in_merchant(&request, &member, "Invite a user");
    let page = pages::new(frame, &member, &Invitation::default(), &InvalidForm::default());
    Ok(html(StatusCode::OK, page.render()?))
}

/// `POST /m/{merchant}/users`
pub async fn create(
    request: HttpRequest,
    desk: web::Data<Desk>,
    member: web::ReqData<Member>,
    form: FormBody,
) -> Result<HttpResponse, Error> {
    let member = member.into_inner();
    let field = |name| form.field(name).unwrap_or_default();
    let typed = Invitation { email: field("email"), name: field("name"), role: field("role") };
    let (asker, asked) = (member.clone(), typed.clone());
    match desk.writing(move |desk| invite_user::invite_user(desk, &asker, &asked)).await {
        Ok(Invited { user: UserId(id), has_link }) => Ok(to(
            &member,
            &format!("/{id}?done={}#message", if has_link { "invited" } else { "welcomed" }),
        )),
        Err(app::Error::Invalid(invalid)) => {
            let page = pages::new(
                frame::in_merchant(&request, &member, "Invite a user"),
                &member,
                &typed,
                &invalid,
            );
            Ok(html(StatusCode::UNPROCESSABLE_ENTITY, page.render()?))
        }
        Err(error) => Err(error.into()),
    }
}

/// `GET /m/{merchant}/users/{id}`
pub async fn show(
    request: HttpRequest,
    desk: web::Data<Desk>,
    site: web::Data<Site>,
    member: web::ReqData<Member>,
    path: web::Path<(String, String)>,
    query: web::Query<UsersQuery>,
) -> Result<HttpResponse, Error> {
    let member = member.into_inner();
    let body =
        page(&request, &desk, &site, &member, user(&path.1)?, query.done.as_deref().and_then(said))
            .await?;
    Ok(html(StatusCode::OK, body))
}

async fn page(
    request: &HttpRequest,
    desk: &Desk,
    site: &Site,
    member: &Member,
    id: UserId,
    flash: Option<Toast>,
) -> Result<String, Error> {
    let (asker, limits) = (member.clone(), site.session_limits);
    let found = desk.reading(move |desk| show_users::show_user(desk, &asker, id, limits)).await?;
    let mut page =
        pages::show(frame::in_merchant(request, member, &found.row.user.name), member, &found);
    page.frame.flash = flash.or(page.frame.flash);
    Ok(page.render()?)
}

/// `POST /m/{merchant}/users/{id}/role`
pub async fn change_role(
    request: HttpRequest,
    desk: web::Data<Desk>,
    site: web::Data<Site>,
    member: web::ReqData<Member>,
    path: web::Path<(String, String)>,
    form: FormBody,
) -> Result<HttpResponse, Error> {
    let (member, id) = (member.into_inner(), user(&path.1)?);
    match form.field("role").and_then(|word| word.parse::<Role>().ok()) {
        Some(role) => {
            act(&request, &desk, &site, member, id, UserAct::ChangeRole(role), "role").await
        }
        // The form's errors are not shown for a user of another merchant.
        None => page(&request, &desk, &site, &member, id, None).await.and(Err(Error::Malformed)),
    }
}

/// `POST /m/{merchant}/users/{id}/{act}`
pub async fn manage(
    request: HttpRequest,
    desk: web::Data<Desk>,
    site: web::Data<Site>,
    member: web::ReqData<Member>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Error> {
    let word = request.path().rsplit('/').next().unwrap_or_default().to_owned();
    let act = match word.as_str() {
        "removal" => UserAct::Remove,
        "disable" => UserAct::Disable,
        "enable" => UserAct::Enable,
        "unlock" => UserAct::Unlock,
        "sessions" => UserAct::EndSessions,
        "factors" => UserAct::ResetFactors,
        _ => return Err(Error::NotFound),
    };
    self::act(&request, &desk, &site, member.into_inner(), user(&path.1)?, act, &word).await
}

async fn act(
    request: &HttpRequest,
    desk: &Desk,
    site: &Site,
    member: Member,
    id: UserId,
    act: UserAct,
    word: &str,
) -> Result<HttpResponse, Error> {
    let (asker, absence) = (member.clone(), site.session_limits.absence);
    match desk.writing(move |desk| manage_users::manage_user(desk, &asker, id, act, absence)).await
    {
        // The page of somebody who has just left is not there any more.
        Ok(Some(_)) if act == UserAct::Remove => Ok(to(&member, "?done=removal#message")),
        Ok(Some(_)) => Ok(to(&member, &format!("/{}?done={word}#message", id.0))),
        Ok(None) => Ok(to(&member, &format!("/{}?done=unchanged#message", id.0))),
        Err(app::Error::Refused(Refusal::User(barrier))) => {
            let flash = flash::plain(Tone::Bad, "Nothing was changed", pages::why_not(barrier));
            let body = page(request, desk, site, &member, id, Some(flash)).await?;
            let is_role = barrier == Barrier::NotYours;
            let status = if is_role { StatusCode::FORBIDDEN } else { StatusCode::CONFLICT };
            Ok(html(status, body))
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /m/{merchant}/users/{id}/invitation`
pub async fn invite_again(
    desk: web::Data<Desk>,
    member: web::ReqData<Member>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Error> {
    let (member, id) = (member.into_inner(), user(&path.1)?);
    let asker = member.clone();
    let sent = desk.writing(move |desk| invite_user::invite_again(desk, &asker, id)).await?;
    Ok(to(&member, &format!("/{}?done={}#message", id.0, if sent { "invited" } else { "is-in" })))
}

/// `GET /m/{merchant}/permissions`
pub async fn permissions(
    request: HttpRequest,
    member: web::ReqData<Member>,
) -> Result<HttpResponse, Error> {
    let page =
        pages::permissions(frame::in_merchant(&request, &member, "What each role can do"), &member);
    Ok(html(StatusCode::OK, page.render()?))
}

fn user(text: &str) -> Result<UserId, Error> {
    request::number(text).map(UserId).ok_or(Error::NotFound)
}

fn to(member: &Member, rest: &str) -> HttpResponse {
    let target = format!("/m/{}/users{rest}", member.merchant.slug);
    HttpResponse::SeeOther().insert_header((header::LOCATION, target)).finish()
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
