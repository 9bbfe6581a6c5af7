//! How this installation is reached, and what follows from it for its cookies.

use ipnet::IpNet;
use url::Url;

use crate::app::sign_in::sessions::SessionLimits;

/// How this installation is reached, and what its sign-in page offers.
#[derive(Clone)]
pub struct Site {
    /// The public address; without it, Origin is compared with Host.
    pub base_url: Option<Url>,
    pub session_limits: SessionLimits,
    /// Whose word about a client's address is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Sign-ins to show on the sign-in page; empty outside `demo`.
    pub demo_sign_ins: Vec<(String, String, String)>,
}

impl Site {
    pub fn is_https(&self) -> bool {
        self.base_url.as_ref().is_some_and(|url| url.scheme() == "https")
    }

    /// `__Host-` binds the cookie to this host over https; on plain http browsers would refuse it.
    pub fn cookie_name(&self) -> &'static str {
        if self.is_https() { "__Host-rewarddesk" } else { "rewarddesk" }
    }

    /// As [`Self::cookie_name`], for a sign-in that waits for its second factor.
    pub fn pending_sign_in_cookie_name(&self) -> &'static str {
        if self.is_https() { "__Host-rewarddesk-half" } else { "rewarddesk-half" }
    }

    /// As [`Self::cookie_name`], for somebody who is at the provider of single sign-on.
    pub fn oidc_state_cookie_name(&self) -> &'static str {
        if self.is_https() { "__Host-rewarddesk-errand" } else { "rewarddesk-errand" }
    }

    /// As [`Self::cookie_name`], for a browser that is known.
    pub fn device_cookie_name(&self) -> &'static str {
        if self.is_https() { "__Host-rewarddesk-device" } else { "rewarddesk-device" }
    }
}
