//! The customers list with its search, and the profile.

pub mod customer_acts;
pub mod pages;

use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    http::{StatusCode, header},
    web,
};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::{
        self, Desk, Member,
        customers::{
            find_customers::{CustomerList, MatchedBy, Wanted, find_customers},
            show_customer::{self, Cursors, Profile},
        },
    },
    domain::ids::{AuditId, CustomerNo, MailId, RewardNo},
    web::shared::{
        addresses,
        errors::{self, Error},
        flash, frame, request,
    },
};

#[derive(Deserialize)]
pub struct ListQuery {
    #[serde(default)]
    q: String,
    before: Option<String>,
    /// "list": stay here even when the term names one customer exactly, as on the way back from
    /// that customer.
    view: Option<String>,
}

#[derive(Deserialize, Default)]
pub struct ProfileQuery {
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
    let wanted = if fragment || before.is_some() || query.view.is_some() {
        Wanted::List
    } else {
        Wanted::Person
    };
    let found =
        desk.reading(move |desk| find_customers(desk, &asker, &searched, before, wanted)).await;
    if fragment {
        return typed(&member, &term, before.is_some(), found);
    }
    let page = found?;
    if let (Wanted::Person, Some(only)) = (wanted, page.only_exact) {
        // A code leads to its reward, which then stands out.
        let reward = page.rows.first().and_then(|row| match row.matched {
            Some(MatchedBy::Code { reward, .. }) => Some(format!("#reward-{reward}")),
            _ => None,
        });
        let target = addresses::customer(&member.merchant, only) + &reward.unwrap_or_default();
        return Ok(HttpResponse::SeeOther().insert_header((header::LOCATION, target)).finish());
    }
    let results = pages::results(&member, &term, before.is_some(), &page);
    let mut frame = frame::in_merchant(&request, &member, "Customers");
    frame.search_value = term;
    let search_href = addresses::customers(&member.merchant);
    let body = pages::CustomerListPage { frame, search_href, results }.render()?;
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(body))
}

/// While typing: the list, or why it could not be loaded. The address says what is shown, and that
/// Back shows the list again.
fn typed(
    member: &Member,
    term: &str,
    later: bool,
    found: Result<CustomerList, app::Error>,
) -> Result<HttpResponse, Error> {
    let all = addresses::customers(&member.merchant);
    let (status, results) = match found {
        Ok(page) => (StatusCode::OK, pages::results(member, term, later, &page)),
        Err(error) => {
            let error = Error::from(error);
            (error.status_code(), pages::failed(member, term, &error))
        }
    };
    let address =
        if term.is_empty() { all } else { format!("{all}?{}&view=list", pages::query(term)) };
    let mut response = HttpResponse::build(status);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.insert_header(errors::RETRY_LATER);
    }
    if !later {
        response.insert_header(("HX-Replace-Url", address));
    }
    Ok(response
        .content_type("text/html; charset=utf-8")
        .body(pages::CustomerResults { results }.render()?))
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
    let from = Cursors {
        rewards: at(&query.rewards).map(RewardNo),
        emails: at(&query.emails).map(MailId),
        events: at(&query.events).map(AuditId),
    };
    let profile = load(&desk, &member, no, from).await?;
    let mut page = page(&request, &member, &profile, from);
    page.frame.flash = query.done.as_deref().and_then(|done| flash::after(done, &member, &profile));
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page.render()?))
}

/// Reads a profile off the async threads.
pub async fn load(
    desk: &Desk,
    member: &Member,
    no: CustomerNo,
    from: Cursors,
) -> Result<Profile, Error> {
    let member = member.clone();
    Ok(desk.reading(move |desk| show_customer::show_customer(desk, &member, no, from)).await?)
}

/// A profile's page without a message in it.
pub fn page(
    request: &HttpRequest,
    member: &Member,
    profile: &Profile,
    from: Cursors,
) -> pages::CustomerPage {
    let frame = frame::in_merchant(request, member, &profile.customer.display_name());
    let back = back_to_list(request, member);
    pages::profile(frame, member, profile, from, back)
}

/// The list as one left it, by the Referer (which holds the query, and never leaves the site); else
/// the whole list.
fn back_to_list(request: &HttpRequest, member: &Member) -> String {
    let list = addresses::customers(&member.merchant);
    let from = request
        .headers()
        .get(header::REFERER)
        .and_then(|v| v.to_str().ok())
        .and_then(|text| url::Url::parse(text).ok());
    let query =
        from.filter(|url| url.path() == list).and_then(|url| url.query().map(ToOwned::to_owned));
    match query {
        Some(query) if query.split('&').any(|part| part == "view=list") => {
            format!("{list}?{query}")
        }
        Some(query) => format!("{list}?{query}&view=list"),
        None => list,
    }
}
