//! The HTTP server: limits, middleware in their order, and the shared state.

pub mod access;
pub mod assets;
pub mod connections;
pub mod health;
pub mod hosts;
pub mod metrics;
pub mod router;
pub mod throttle;
pub mod trace;

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
};

use actix_web::{
    App,
    dev::Server,
    middleware::from_fn,
    web::{self, FormConfig, PayloadConfig},
};
use ipnet::IpNet;
use tracing_actix_web::TracingLogger;
use url::Url;

use self::{
    connections::Bounds, hosts::Hosts, metrics::Metrics, throttle::Throttle, trace::PathOnly,
};
use crate::{
    app::{Desk, sign_in::sessions::SessionLimits},
    web::{
        shared::{errors, gate, headers, open_files::OpenFiles},
        sign_in::{recent_sessions::RecentSessions, sessions::DemoSignIn},
    },
};

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

    pub fn demo(&self) -> Vec<DemoSignIn> {
        self.demo_sign_ins
            .iter()
            .map(|(label, email, password)| DemoSignIn {
                label: label.clone(),
                email: email.clone(),
                password: password.clone(),
            })
            .collect()
    }
}

/// The largest form: a ticked box and a token need far less.
const FORM_LIMIT: usize = 16 * 1024;
/// How long what was accepted may take after the server is asked to stop. With the workers and the
/// closing of the database the process ends within twenty seconds (guarantee R11).
pub const SHUTDOWN_SECONDS: u64 = 13;

/// Starts the server on `listener`; it runs when the returned future is awaited or spawned, and
/// stops gracefully by its handle.
pub fn start(
    listener: TcpListener,
    desk: Desk,
    site: Site,
    metrics: Arc<Metrics>,
    workers: usize,
) -> std::io::Result<(Server, SocketAddr)> {
    let address = listener.local_addr()?;
    let secure = site.is_https();
    let (desk, site, throttle) =
        (web::Data::new(desk), web::Data::new(site), web::Data::new(Throttle::new()));
    let hosts = web::Data::new(Hosts::of_site(site.base_url.as_ref(), address.ip()));
    let recent_sessions = web::Data::new(RecentSessions::default());
    let (rules, metrics) = (web::Data::new(router::rules()), web::Data::from(metrics));
    let bounds = Bounds {
        workers,
        connections: OpenFiles::of_this_process().max_connections(workers),
        shutdown_seconds: SHUTDOWN_SECONDS,
    };
    let server = connections::serve(listener, bounds, move || {
        // The last wrap is the outermost: the connection's clock, counting, trace, headers, errors
        // given a body, gate.
        App::new()
            .app_data(desk.clone())
            .app_data(site.clone())
            .app_data(throttle.clone())
            .app_data(recent_sessions.clone())
            .app_data(rules.clone())
            .app_data(hosts.clone())
            .app_data(metrics.clone())
            .app_data(FormConfig::default().limit(FORM_LIMIT))
            .app_data(PayloadConfig::new(FORM_LIMIT))
            .wrap(from_fn(gate::guard))
            .wrap(from_fn(errors::render))
            .wrap(headers::defaults(secure))
            .wrap(TracingLogger::<PathOnly>::new())
            .wrap(from_fn(metrics::count))
            .wrap(from_fn(connections::observe))
            .configure(router::register)
    })?;
    Ok((server, address))
}
