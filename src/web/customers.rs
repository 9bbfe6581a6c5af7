//! The customers list with its search, and the profile.
//! Must not know how customers are found.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use askama::Template;
use serde::Deserialize;

use super::{errors::Error, frame, present, request, views};
use crate::{
    app::{
        Desk, Member,
        find_customers::find_customers,
        show_customer::{self, From, Profile},
    },
    domain::ids::{AuditId, CustomerNo, MailId, RewardNo},
};

#[derive(Deserialize)]
pub struct ListQuery {
    #[serde(default)]
    q: String,
    before: Option<String>,
}

#[derive(Deserialize, Default)]
pub struct ProfileQuery {
    /// Where the list was, so that the way back keeps its filters.
    #[serde(default)]
    rewards: Option<String>,
    #[serde(default)]
    emails: Option<String>,
    #[serde(default)]
    events: Option<String>,
    /// What just happened, when an act was done without a script.
    #[serde(default)]
    done: Option<String>,
}

/// The longest search term that is looked at; nothing one searches for is longer.
const LONGEST_TERM: usize = 300;

/// `GET /m/{merchant}/customers`
pub async fn index(
    request: HttpRequest,
    desk: web::Data<Desk>,
    member: web::ReqData<Member>,
    query: web::Query<ListQuery>,
) -> Result<HttpResponse, Error> {
    let member = member.into_inner();
    let term: String = query.q.trim().chars().filter(|c| *c != '\0').take(LONGEST_TERM).collect();
    let before = query.before.as_deref().and_then(request::number).map(CustomerNo);
    let fragment = request::is_fragment(request.headers());
    let (asker, searched) = (member.clone(), term.clone());
    let page = desk.reading(move |desk| find_customers(desk, &asker, &searched, before)).await?;
    if let (false, None, Some(only)) = (fragment, before, page.only_exact) {
        let target = format!("/m/{}/customers/{only}", member.merchant.slug);
        return Ok(HttpResponse::SeeOther().insert_header((header::LOCATION, target)).finish());
    }
    let results = present::customers::results(&member, &term, before.is_some(), &page);
    let body = if fragment {
        views::customers::Fragment { results }.render()?
    } else {
        let mut frame = frame::in_merchant(&request, &member, "Customers");
        frame.search_value = term;
        let search_href = format!("/m/{}/customers", member.merchant.slug);
        views::customers::Index { frame, search_href, results }.render()?
    };
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(body))
}

/// `GET /m/{merchant}/customers/{id}`
pub async fn show(
    request: HttpRequest,
    desk: web::Data<Desk>,
    member: web::ReqData<Member>,
    path: web::Path<(String, String)>,
    query: web::Query<ProfileQuery>,
) -> Result<HttpResponse, Error> {
    let member = member.into_inner();
    let no = request::number(&path.1).map(CustomerNo).ok_or(Error::NotFound)?;
    let at = |text: &Option<String>| text.as_deref().and_then(request::number);
    let from =
        From { rewards: at(&query.rewards).map(RewardNo), emails: at(&query.emails).map(MailId), events: at(&query.events).map(AuditId) };
    let profile = load(&desk, &member, no, from).await?;
    let mut page = page(&request, &member, &profile, from);
    page.frame.flash = query.done.as_deref().and_then(|done| present::flash::after(done, &member, &profile));
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page.render()?))
}

/// Reads a profile off the async threads.
pub async fn load(desk: &Desk, member: &Member, no: CustomerNo, from: From) -> Result<Profile, Error> {
    let member = member.clone();
    Ok(desk.reading(move |desk| show_customer::show_customer(desk, &member, no, from)).await?)
}

/// A profile's page without a message in it.
pub fn page(request: &HttpRequest, member: &Member, profile: &Profile, from: From) -> views::customers::Show {
    let frame = frame::in_merchant(request, member, &profile.customer.display_name());
    present::customers::profile(frame, member, profile, from)
}
