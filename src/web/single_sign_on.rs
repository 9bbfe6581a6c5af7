//! Single sign-on: the way to the provider and back, for signing in, for proving to be there, and for linking one's account.
//! Must not know the provider's protocol, nor who may come in.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use serde::Deserialize;

use super::{
    account, browser,
    errors::Error,
    gate::{self, Visitor},
    request,
    server::Site,
    sessions::{LOCKED, signed_in},
    throttle::Throttle,
};
use crate::app::{
    Desk,
    sign_in::{self, Device},
    sso::{self, Answer, Arrival, Departure, Purpose, Why},
};

#[derive(Deserialize)]
pub struct Query {
    #[serde(default)]
    return_to: String,
}

/// `GET /sign-in/sso`
pub async fn new(desk: web::Data<Desk>, site: web::Data<Site>, query: web::Query<Query>) -> Result<HttpResponse, Error> {
    set_out(&desk, &site, Purpose::SignIn, &query.return_to).await
}

/// `GET /confirm/sso`
pub async fn confirm(
    desk: web::Data<Desk>,
    site: web::Data<Site>,
    visitor: web::ReqData<Visitor>,
    query: web::Query<Query>,
) -> Result<HttpResponse, Error> {
    set_out(&desk, &site, Purpose::Confirm { session: visitor.session.id }, &query.return_to).await
}

/// `GET /account/identity/new`
pub async fn link(desk: web::Data<Desk>, site: web::Data<Site>, visitor: web::ReqData<Visitor>) -> Result<HttpResponse, Error> {
    set_out(&desk, &site, Purpose::Link { session: visitor.session.id }, "").await
}

/// `POST /account/identity/removal`
pub async fn unlink(request: HttpRequest, desk: web::Data<Desk>, visitor: web::ReqData<Visitor>) -> Result<HttpResponse, Error> {
    let (session, request_id) = (visitor.session.clone(), request::request_id(&request));
    desk.writing(move |desk| sso::unlink(desk, &session, &request_id)).await?;
    Ok(account::back("identity-removed"))
}

/// To the provider, with a cookie to know them by when they come back. Nothing is stored here.
async fn set_out(desk: &Desk, site: &Site, purpose: Purpose, return_to: &str) -> Result<HttpResponse, Error> {
    let return_to = request::own_path(return_to).unwrap_or_default().to_owned();
    let path = return_to.clone();
    let departure = desk.asking_provider(move |desk| sso::set_out(desk, purpose, &path)).await?;
    Ok(match departure {
        Departure::To { address, errand } => {
            HttpResponse::SeeOther().cookie(gate::errand_cookie(site, Some(&errand))).insert_header((header::LOCATION, address)).finish()
        }
        Departure::Not(why) => sorry(site, purpose, why, &return_to),
    })
}

/// `GET /sign-in/sso/callback`: another site leads here, so that nothing counts but what the sealed cookie and the provider say.
pub async fn arrive(
    request: HttpRequest,
    desk: web::Data<Desk>,
    site: web::Data<Site>,
    throttle: web::Data<Throttle>,
    answer: web::Query<Answer>,
) -> Result<HttpResponse, Error> {
    let answer = answer.into_inner();
    let sealed = request.cookie(site.errand_cookie_name()).map(|cookie| cookie.value().to_owned()).unwrap_or_default();
    let Some(errand) = sso::recognise(&desk, &sealed, &answer) else {
        return Ok(sorry(&site, Purpose::SignIn, Why::Stale, ""));
    };
    let address = request::address(&request);
    // Who it is will only be known afterwards: the tries of an address are counted.
    let one_try = throttle.nobody(&address);
    if throttle.spend(&one_try).is_err() {
        return Ok(sorry(&site, errand.purpose, Why::Down, &errand.return_to));
    }
    let token = request.cookie(site.cookie_name()).map(|cookie| cookie.value().to_owned());
    let (limits, request_id) = (site.session_limits, request::request_id(&request));
    let device = Device { agent: browser::name_of(&request), address, ..Device::default() };
    let own = errand.clone();
    let arrival = desk
        .asking_provider(move |desk| {
            let session = token.map(|token| sign_in::resume_session(desk, &token, limits)).transpose()?.flatten();
            sso::arrive(desk, &own, &answer, session.as_ref(), (limits, &device), &request_id)
        })
        .await?;
    if !matches!(arrival, Arrival::Not(_)) {
        throttle.refund(&one_try);
    }
    let path = request::own_path(&errand.return_to).unwrap_or_default();
    let mut response = match arrival {
        Arrival::In { token } => signed_in(&desk, &site, &token, path).await?,
        Arrival::Half { token } => {
            let target = format!("/sign-in/factor?return_to={path}");
            let cookie = gate::half_cookie(&site, Some(&token));
            HttpResponse::SeeOther().cookie(cookie).insert_header((header::LOCATION, target)).finish()
        }
        Arrival::Confirmed { token } => {
            let target = if path.is_empty() || path.starts_with("/confirm") { "/" } else { path };
            let mut response = to(format!("{target}?confirmed=yes#message"));
            response.add_cookie(&gate::session_cookie(&site, Some(&token))).map_err(|_| Error::Internal)?;
            response
        }
        Arrival::Linked => account::back("identity"),
        Arrival::Not(why) => return Ok(sorry(&site, errand.purpose, why, path)),
    };
    forget(&mut response, &site)?;
    Ok(response)
}

/// The errand is over.
fn forget(response: &mut HttpResponse, site: &Site) -> Result<(), Error> {
    response.add_cookie(&gate::errand_cookie(site, None)).map_err(|_| Error::Internal)
}

fn to(target: String) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, target)).finish()
}

/// Back to where it began, with the reason in one of our words: neither code nor state stays in the address, and a reload repeats nothing.
fn sorry(site: &Site, purpose: Purpose, why: Why, return_to: &str) -> HttpResponse {
    let word = WORDS.iter().find(|(known, ..)| *known == why).map_or("stale", |(_, word, _)| word);
    let target = match purpose {
        Purpose::SignIn => format!("/sign-in?sso={word}&return_to={return_to}"),
        Purpose::Confirm { .. } => format!("/confirm?sso={word}&return_to={return_to}"),
        Purpose::Link { .. } => format!("/account?done=identity-{word}#message"),
    };
    let mut response = to(target);
    // A cookie that cannot be taken away ends by itself.
    let _ = forget(&mut response, site);
    response
}

/// What went wrong: the word in the address, and what is said.
const WORDS: [(Why, &str, &str); 8] = [
    (Why::Stale, "stale", "This sign-in took too long, was done before, or began in another browser. Nothing was done. Begin again."),
    (Why::Denied, "denied", "The sign-in was not finished over there. Nothing was done. Try again, or take another way."),
    (
        Why::Down,
        "down",
        "The place where you would sign in does not answer just now. Nothing was done. Try again in a minute, or take another way.",
    ),
    (
        Why::Untrusted,
        "untrusted",
        "The answer that came back could not be trusted. Nothing was done. Try again; if it stays so, tell whoever runs this desk.",
    ),
    (Why::Unknown, "unknown", "No account here for this sign-in. Ask an administrator to invite you."),
    (
        Why::Taken,
        "taken",
        "Your account here is linked to another sign-in over there, or that one to another account. Come in another way, and look at your account page.",
    ),
    (Why::Locked, "locked", LOCKED),
    (Why::NotProved, "other", "That was somebody else, or you were not asked anew over there. Nothing was done. Take another way."),
];

/// What to say for that word in an address; nothing for words that are not ours.
pub fn said(word: &str) -> Option<&'static str> {
    WORDS.iter().find(|(_, known, _)| *known == word).map(|(.., says)| *says)
}
