//! The HTTP server: limits, middleware in their order, and the shared state.

pub mod access;
pub mod connections;
pub mod error_pages;
pub mod gate;
pub mod health;
pub mod hosts;
pub mod metrics;
pub mod recent_sessions;
pub mod router;
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
use tracing_actix_web::TracingLogger;

use crate::{
    app::Desk,
    web::{
        server::{
            connections::Bounds, hosts::Hosts, metrics::Metrics, recent_sessions::RecentSessions,
            trace::PathOnly,
        },
        shared::{headers, open_files::OpenFiles, site::Site, throttle::Throttle},
    },
};

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
            .wrap(from_fn(error_pages::render))
            .wrap(headers::defaults(secure))
            .wrap(TracingLogger::<PathOnly>::new())
            .wrap(from_fn(metrics::count))
            .wrap(from_fn(connections::observe))
            .configure(router::register)
    })?;
    Ok((server, address))
}
