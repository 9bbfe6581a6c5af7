//! The one gate before every handler: host, cross-site, session, role, in this order.

use actix_web::{
    Error as ActixError, HttpMessage, HttpResponse, ResponseError,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, header},
    middleware::Next,
    web,
};

use crate::{
    app::{
        self, Desk, Member,
        sign_in::{
            confirm_session,
            queue::Caller,
            sessions::{self, SessionLimits},
        },
    },
    domain::role::Permission,
    web::{
        server::{
            access::{Access, AccessRules},
            hosts::Hosts,
            recent_sessions::RecentSessions,
        },
        shared::{addresses, context::Visitor, errors::Error, request, site::Site},
    },
};

/// Middleware: lets a request in, or answers it.
pub async fn guard(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, ActixError> {
    let caller = caller(&request);
    match caller.runs(admit(&request)).await {
        Ok(()) => {
            let caller =
                if request.extensions().contains::<Visitor>() { Caller::SignedIn } else { caller };
            Ok(caller.runs(next.call(request)).await?.map_into_boxed_body())
        }
        // An Err would lose the headers that outer middleware adds.
        Err(answer) => Ok(request.into_response(answer)),
    }
}

/// For whom the request is looked at, before it is known whether its cookie is still that of a
/// session.
fn caller(request: &ServiceRequest) -> Caller {
    let token =
        request.app_data::<web::Data<Site>>().and_then(|site| request.cookie(site.cookie_name()));
    match (token, request.app_data::<web::Data<RecentSessions>>()) {
        (Some(token), Some(recent)) if recent.contains(token.value()) => Caller::SignedIn,
        _ => Caller::Stranger,
    }
}

async fn admit(request: &ServiceRequest) -> Result<(), HttpResponse<BoxBody>> {
    let refuse = |error: Error| error.error_response();
    let (Some(site), Some(desk), Some(rules), Some(hosts)) = (
        request.app_data::<web::Data<Site>>(),
        request.app_data::<web::Data<Desk>>(),
        request.app_data::<web::Data<AccessRules>>(),
        request.app_data::<web::Data<Hosts>>(),
    ) else {
        return Err(refuse(Error::Internal));
    };
    // Machines that ask whether this one is well know it by its address.
    if !matches!(request.path(), "/healthz" | "/readyz") {
        hosts.check(request).map_err(refuse)?;
    }
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if !safe && !is_same_site(request, site) {
        return Err(refuse(Error::CrossSite));
    }
    let Some(pattern) = request.match_pattern() else {
        // Nobody is let in anywhere; but a user who is signed in keeps the way back.
        recognise(request, site, desk).await;
        return Err(refuse(Error::NotFound));
    };
    let rule = rules.find(request.method(), &pattern).map_err(refuse)?;
    let access = rule.access;
    if access == Access::Public {
        return Ok(());
    }
    let Some(token) = request.cookie(site.cookie_name()).map(|cookie| cookie.value().to_owned())
    else {
        return Err(to_sign_in(request));
    };
    let slug = if let Access::Member(_) = access {
        request.path().split('/').nth(2).map(ToOwned::to_owned)
    } else {
        None
    };
    let limits = site.session_limits;
    let found = visit(request, desk, token, limits).await.map_err(|e| refuse(e.into()))?;
    let Some(visitor) = found else { return Err(to_sign_in(request)) };
    if sessions::is_due_for_touch(desk, &visitor.session) {
        let (id, user) = (visitor.session.id, visitor.session.user);
        // A session whose use cannot be written down just ends a little earlier.
        let touch = desk.writing(move |desk| sessions::touch_session(desk, id, user));
        if let Err(error) = Caller::SignedIn.runs(touch).await {
            tracing::warn!(%error, "the session's last use was not written down");
        }
    }
    let verdict = match (access, slug) {
        (Access::Member(permission), slug) => enter(request, &visitor, slug.as_deref(), permission),
        _ => Ok(()),
    };
    let is_fresh = !rule.asks_again || confirm_session::is_fresh(desk, &visitor.session, limits);
    request.extensions_mut().insert(visitor);
    verdict.map_err(refuse)?;
    if is_fresh { Ok(()) } else { Err(to_confirm(request, safe)) }
}

/// Notes who asks, where that is known without asking them to sign in.
async fn recognise(request: &ServiceRequest, site: &Site, desk: &Desk) {
    let Some(token) = request.cookie(site.cookie_name()).map(|cookie| cookie.value().to_owned())
    else {
        return;
    };
    let limits = site.session_limits;
    if let Ok(Some(visitor)) = visit(request, desk, token, limits).await {
        request.extensions_mut().insert(visitor);
    }
}

async fn visit(
    request: &ServiceRequest,
    desk: &Desk,
    token: String,
    limits: SessionLimits,
) -> Result<Option<Visitor>, app::Error> {
    let sent = token.clone();
    let found = desk.reading(move |desk| sessions::recognise(desk, &sent, limits)).await?;
    if let Some(recent) = request.app_data::<web::Data<RecentSessions>>() {
        recent.note(&token, found.is_some());
    }
    Ok(found.map(|(session, merchants)| Visitor { session, merchants: merchants.into() }))
}

/// Another merchant does not exist for this user; a role that is too low gets a page that says so.
fn enter(
    request: &ServiceRequest,
    visitor: &Visitor,
    slug: Option<&str>,
    permission: Permission,
) -> Result<(), Error> {
    let membership = visitor
        .merchants
        .iter()
        .find(|m| Some(m.merchant.slug.as_str()) == slug)
        .ok_or(Error::NotFound)?;
    if membership.requires_second_factor && !visitor.session.has_second_factor {
        return Err(Error::FactorMissing);
    }
    let member = Member {
        user: visitor.session.user,
        user_name: visitor.session.name.clone(),
        user_email: visitor.session.email.clone(),
        scope: membership.scope,
        merchant: membership.merchant.clone(),
        role: membership.role,
        request_id: request::request_id(request.request()),
    };
    let allowed = member.role.may(permission);
    request.extensions_mut().insert(member);
    if allowed { Ok(()) } else { Err(Error::Forbidden) }
}

/// Guarantee S2: Sec-Fetch-Site decides where it is sent; else Origin must be ours.
fn is_same_site(request: &ServiceRequest, site: &Site) -> bool {
    let header =
        |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap_or("?"));
    match (header("Sec-Fetch-Site"), header("Origin")) {
        (Some(fetch_site), _) => matches!(fetch_site, "same-origin" | "none"),
        (None, Some(origin)) => match &site.base_url {
            Some(base) => origin == base.origin().ascii_serialization(),
            None => header("Host").is_some_and(|host| {
                origin == format!("http://{host}") || origin == format!("https://{host}")
            }),
        },
        (None, None) => false,
    }
}

/// A page request goes to sign-in and back; a fragment answers with an instruction to load sign-in
/// as a page.
fn to_sign_in(request: &ServiceRequest) -> HttpResponse<BoxBody> {
    let fragment = request::is_fragment(request.headers());
    let path = if fragment {
        page_named_by(request, "HX-Current-URL").unwrap_or_default()
    } else {
        request.path().to_owned()
    };
    away(fragment, "/sign-in", &path)
}

/// Asks again who one is, and leads back: to the page itself, or to the one where the form was,
/// since a POST can't be sent again.
fn to_confirm(request: &ServiceRequest, safe: bool) -> HttpResponse<BoxBody> {
    let fragment = request::is_fragment(request.headers());
    let from = if fragment { "HX-Current-URL" } else { "Referer" };
    let path = if safe && !fragment { None } else { page_named_by(request, from) };
    away(fragment, "/confirm", &path.unwrap_or_else(|| request.path().to_owned()))
}

/// The path of the page that a header names.
fn page_named_by(request: &ServiceRequest, name: &str) -> Option<String> {
    let named = request.headers().get(name)?.to_str().ok()?;
    url::Url::parse(named).ok().map(|page| page.path().to_owned())
}

fn away(fragment: bool, to: &str, path: &str) -> HttpResponse<BoxBody> {
    let target = match request::own_path(path).map(addresses::landing) {
        Some(path) if path != "/" => format!("{to}?return_to={path}"),
        _ => to.to_owned(),
    };
    if fragment {
        HttpResponse::Unauthorized().insert_header(("HX-Redirect", target)).finish()
    } else {
        HttpResponse::SeeOther().insert_header((header::LOCATION, target)).finish()
    }
}
