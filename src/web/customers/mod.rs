//! The customers list with its search, and the profile.

pub mod customer_acts;
pub mod pages;

use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
    web,
};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::{
        self, Member,
        customers::{
            find_customers::{CustomerList, MatchedBy, Wanted, find_customers},
            show_customer::{self, Cursors, Profile},
        },
    },
    domain::ids::{AuditId, CustomerNo, MailId, RewardNo},
    web::shared::{
        addresses,
        answers::{html, see_other},
        context::{MerchantRequest, PathId},
        errors::{self, Error},
        flash, request,
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
    cx: MerchantRequest,
    query: web::Query<ListQuery>,
) -> Result<HttpResponse, Error> {
    let term: String = query.q.trim().chars().filter(|c| *c != '\0').take(LONGEST_TERM).collect();
    let before = query.before.as_deref().and_then(request::number).map(CustomerNo);
    let fragment = cx.is_fragment();
    let searched = term.clone();
    let wanted = if fragment || before.is_some() || query.view.is_some() {
        Wanted::List
    } else {
        Wanted::Person
    };
    let found =
        cx.read(move |desk, member| find_customers(desk, member, &searched, before, wanted)).await;
    if fragment {
        return typed(&cx.member, &term, before.is_some(), found);
    }
    let page = found?;
    if let (Wanted::Person, Some(only)) = (wanted, page.only_exact) {
        // A code leads to its reward, which then stands out.
        let reward = page.rows.first().and_then(|row| match row.matched {
            Some(MatchedBy::Code { reward, .. }) => Some(format!("#reward-{reward}")),
            _ => None,
        });
        let target = format!(
            "{}{}",
            addresses::customer(&cx.member.merchant, only),
            reward.unwrap_or_default()
        );
        return Ok(see_other(target));
    }
    let results = pages::results(&cx.member, &term, before.is_some(), &page);
    let mut frame = cx.frame("Customers");
    frame.search_value = term;
    let search_href = addresses::customers(&cx.member.merchant);
    let body = pages::CustomerListPage { frame, search_href, results }.render()?;
    Ok(html(StatusCode::OK, body))
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
    cx: MerchantRequest,
    PathId(no): PathId<CustomerNo>,
    query: web::Query<ProfileQuery>,
) -> Result<HttpResponse, Error> {
    let at = |text: &Option<String>| text.as_deref().and_then(request::number);
    let from = Cursors {
        rewards: at(&query.rewards).map(RewardNo),
        emails: at(&query.emails).map(MailId),
        events: at(&query.events).map(AuditId),
    };
    let profile = load(&cx, no, from).await?;
    let mut page = page(&cx, &profile, from);
    page.frame.flash =
        query.done.as_deref().and_then(|done| flash::after(done, &cx.member, &profile));
    Ok(html(StatusCode::OK, page.render()?))
}

/// Reads a profile off the async threads.
pub async fn load(cx: &MerchantRequest, no: CustomerNo, from: Cursors) -> Result<Profile, Error> {
    Ok(cx.read(move |desk, member| show_customer::show_customer(desk, member, no, from)).await?)
}

/// A profile's page without a message in it.
pub fn page(cx: &MerchantRequest, profile: &Profile, from: Cursors) -> pages::CustomerPage {
    let frame = cx.frame(&profile.customer.display_name());
    let back = back_to_list(cx);
    pages::profile(frame, &cx.member, profile, from, back)
}

/// The list as one left it, by the Referer (which holds the query, and never leaves the site); else
/// the whole list.
fn back_to_list(cx: &MerchantRequest) -> String {
    let list = addresses::customers(&cx.member.merchant);
    let from = cx
        .http
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
