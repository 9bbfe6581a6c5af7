//! The page on which the desk's first user comes in.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use askama::Template;
use serde::Deserialize;

use super::{
    account_links,
    answer::html,
    errors::Error,
    frame, present,
    request::{self, FormBody},
    views::{set_up as views, stock_forms::Field},
};
use crate::{
    app::{
        Desk,
        set_up::{self, Door, FirstUser, Part, SetUp},
    },
    domain::Invalid,
};

#[derive(Deserialize)]
pub struct Query {
    #[serde(default)]
    token: String,
}

/// `GET /setup`
pub async fn new(
    request: HttpRequest,
    desk: web::Data<Desk>,
    query: web::Query<Query>,
) -> Result<HttpResponse, Error> {
    let token = query.into_inner().token;
    match look(&desk, &token).await? {
        Some(door) => page(
            &request,
            door,
            token,
            &FirstUser { timezone: "UTC".into(), ..FirstUser::default() },
            &[],
        ),
        None => account_links::gone(&request),
    }
}

/// `POST /setup`
pub async fn create(
    request: HttpRequest,
    desk: web::Data<Desk>,
    form: FormBody,
) -> Result<HttpResponse, Error> {
    let field = |name| form.field(name).unwrap_or_default();
    let token = field("token");
    let Some(door) = look(&desk, &token).await? else { return account_links::gone(&request) };
    let typed = FirstUser {
        email: field("email"),
        name: field("name"),
        password: field("password"),
        merchant: field("merchant"),
        slug: field("slug"),
        timezone: field("timezone"),
    };
    let (asked, first, request_id) = (token.clone(), typed.clone(), request::request_id(&request));
    match desk
        .checking_password(move |desk| set_up::set_up(desk, &asked, &first, &request_id))
        .await?
    {
        SetUp::Done => Ok(HttpResponse::SeeOther()
            .insert_header((header::LOCATION, "/sign-in?chosen=yes"))
            .finish()),
        SetUp::Invalid(unfit) => page(&request, door, token, &typed, &unfit),
        SetUp::Gone => account_links::gone(&request),
    }
}

async fn look(desk: &Desk, token: &str) -> Result<Option<Door>, Error> {
    let asked = token.to_owned();
    Ok(desk.reading(move |desk| set_up::look_at_door(desk, &asked)).await?)
}

fn page(
    request: &HttpRequest,
    door: Door,
    token: String,
    typed: &FirstUser,
    unfit: &[(Part, Invalid)],
) -> Result<HttpResponse, Error> {
    let field = |part: Part, value: &str| Field {
        value: value.to_owned(),
        error: unfit
            .iter()
            .find(|(wrong, _)| *wrong == part)
            .map(|(_, why)| present::sentence(&why.0)),
    };
    let page = views::New {
        frame: frame::for_visitor(request, "Set up the desk"),
        token,
        name: field(Part::Name, &typed.name),
        email: field(Part::Email, &typed.email),
        // Never sent back.
        password: field(Part::Password, ""),
        merchant: door.asks_for_merchant.then(|| views::Merchant {
            name: field(Part::Merchant, &typed.merchant),
            slug: field(Part::Slug, &typed.slug),
            timezone: field(Part::TimeZone, &typed.timezone),
            zones: present::zones(),
        }),
    };
    let status = if unfit.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok(html(status, page.render()?))
}
