//! The page on which the desk's first user comes in.
//! Owns the page on which the desk's first user comes in.

use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::users::set_up::{self, Door, FirstUser, SetUp, SetUpField},
    domain::Invalid,
    web::{
        batches::threshold_forms::NumberField,
        shared::{
            answers::{html, see_other},
            context::PublicRequest,
            errors::Error,
            format,
            frame::Frame,
            request::FormBody,
        },
        sign_in::account_links,
    },
};

#[derive(Deserialize)]
pub struct SetUpQuery {
    #[serde(default)]
    token: String,
}

/// `GET /setup`
pub async fn new(cx: PublicRequest, query: web::Query<SetUpQuery>) -> Result<HttpResponse, Error> {
    let token = query.into_inner().token;
    match look(&cx, &token).await? {
        Some(door) => page(
            &cx,
            door,
            token,
            &FirstUser { timezone: "UTC".into(), ..FirstUser::default() },
            &[],
        ),
        None => account_links::gone(&cx),
    }
}

/// `POST /setup`
pub async fn create(cx: PublicRequest, form: FormBody) -> Result<HttpResponse, Error> {
    let field = |name| form.field(name).unwrap_or_default();
    let token = field("token");
    let Some(door) = look(&cx, &token).await? else { return account_links::gone(&cx) };
    let typed = FirstUser {
        email: field("email"),
        name: field("name"),
        password: field("password"),
        merchant: field("merchant"),
        slug: field("slug"),
        timezone: field("timezone"),
    };
    let (asked, first, request_id) = (token.clone(), typed.clone(), cx.request_id());
    match cx
        .desk
        .checking_password(move |desk| set_up::set_up(desk, &asked, &first, &request_id))
        .await?
    {
        SetUp::Done => Ok(see_other("/sign-in?chosen=yes")),
        SetUp::Invalid(invalid) => page(&cx, door, token, &typed, &invalid),
        SetUp::Gone => account_links::gone(&cx),
    }
}

async fn look(cx: &PublicRequest, token: &str) -> Result<Option<Door>, Error> {
    let asked = token.to_owned();
    Ok(cx.desk.reading(move |desk| set_up::look_at_door(desk, &asked)).await?)
}

fn page(
    cx: &PublicRequest,
    door: Door,
    token: String,
    typed: &FirstUser,
    invalid: &[(SetUpField, Invalid)],
) -> Result<HttpResponse, Error> {
    let field = |part: SetUpField, value: &str| NumberField {
        value: value.to_owned(),
        error: invalid
            .iter()
            .find(|(wrong, _)| *wrong == part)
            .map(|(_, why)| format::sentence(&why.0)),
    };
    let page = SetUpPage {
        frame: cx.frame("Set up Reward Desk"),
        token,
        name: field(SetUpField::Name, &typed.name),
        email: field(SetUpField::Email, &typed.email),
        // Never sent back.
        password: field(SetUpField::Password, ""),
        merchant: door.asks_for_merchant.then(|| FirstMerchantFields {
            name: field(SetUpField::Merchant, &typed.merchant),
            slug: field(SetUpField::Slug, &typed.slug),
            timezone: field(SetUpField::TimeZone, &typed.timezone),
            zones: format::zones(),
        }),
    };
    let status = if invalid.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok(html(status, page.render()?))
}

/// `GET /setup`.
#[derive(Debug, Template)]
#[template(path = "set_up/new.html")]
pub struct SetUpPage {
    pub frame: Frame,
    /// Back in the form; a secret.
    pub token: String,
    pub name: NumberField,
    pub email: NumberField,
    pub password: NumberField,
    pub merchant: Option<FirstMerchantFields>,
}

/// The first merchant.
#[derive(Clone, Debug)]
pub struct FirstMerchantFields {
    pub name: NumberField,
    pub slug: NumberField,
    pub timezone: NumberField,
    pub zones: Vec<&'static str>,
}
