//! The cookies that the desk sets: all of this site, no script.

use actix_web::cookie::{Cookie, SameSite};

use crate::{
    app::sign_in::{finish_sign_in, sso},
    web::shared::site::Site,
};

/// The cookie that carries a session's token; `None` takes it away.
pub fn session_cookie(site: &Site, token: Option<&str>) -> Cookie<'static> {
    cookie(site, site.cookie_name(), token, site.session_limits.absolute)
}

/// The cookie that carries the token of a sign-in that waits for its second factor; `None` takes it
/// away.
pub fn pending_sign_in_cookie(site: &Site, token: Option<&str>) -> Cookie<'static> {
    cookie(site, site.pending_sign_in_cookie_name(), token, finish_sign_in::PATIENCE)
}

/// The cookie of somebody who is at the provider of single sign-on; `None` takes it away.
pub fn oidc_state_cookie(site: &Site, state: Option<&str>) -> Cookie<'static> {
    cookie(site, site.oidc_state_cookie_name(), state, sso::PATIENCE)
}

/// A cookie for all of this site and no script; `None` takes it away.
pub fn cookie(
    site: &Site,
    name: &'static str,
    value: Option<&str>,
    age: chrono::TimeDelta,
) -> Cookie<'static> {
    let mut cookie = Cookie::build(name, value.unwrap_or_default().to_owned())
        .path("/")
        .http_only(true)
        .secure(site.is_https())
        .same_site(SameSite::Lax)
        .max_age(time::Duration::seconds(age.num_seconds()))
        .finish();
    if value.is_none() {
        cookie.make_removal();
    }
    cookie
}
