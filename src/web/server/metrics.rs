//! Metrics in the OpenMetrics format, at an address of their own: requests by route and status, and
//! what waits.

use std::{
    net::TcpListener,
    sync::{Arc, atomic::AtomicU64},
    time::{Duration, Instant},
};

use actix_web::{
    App, Error, HttpResponse,
    body::MessageBody,
    dev::{Server, ServiceRequest, ServiceResponse},
    http::Method,
    middleware::{Next, from_fn},
    web,
};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
        info::Info,
    },
    registry::{Registry, Unit},
};
use url::Url;

use super::{
    connections::{self, Bounds},
    hosts::{self, Hosts},
};
use crate::app::{Desk, desk::QueueLengths, operation::measures::measures};

/// A series for each of these that was ever seen: patterns and not paths, so that there are not
/// many.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QueueName {
    queue: &'static str,
}

/// The counters of this process.
pub struct Metrics {
    registry: Registry,
    answered: Family<Answered, Counter>,
    seconds: Family<Route, Histogram, fn() -> Histogram>,
    database_up: Gauge,
    mails_waiting: Gauge,
    oldest_mail: Gauge<f64, AtomicU64>,
    unsealed: Gauge,
    waiting: Family<QueueName, Gauge>,
}

/// From one millisecond to half a minute.
fn histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 15))
}

impl Metrics {
    pub fn new(engine: &'static str) -> Self {
        let mut registry = Registry::with_prefix("rewarddesk");
        let answered = Family::default();
        let seconds =
            Family::<Route, Histogram, fn() -> Histogram>::new_with_constructor(histogram);
        let (database_up, mails_waiting, oldest_mail, unsealed) = Default::default();
        let waiting = Family::default();
        registry.register(
            "build",
            "This program",
            Info::new([("version", env!("CARGO_PKG_VERSION")), ("database", engine)]),
        );
        registry.register("http_requests", "Requests answered", Family::clone(&answered));
        registry.register_with_unit(
            "http_request_duration",
            "Time from a request to the head of its response",
            Unit::Seconds,
            seconds.clone(),
        );
        registry.register(
            "database_up",
            "1 if the database answered when the metrics were requested",
            Gauge::clone(&database_up),
        );
        registry.register(
            "mails_waiting",
            "Emails that are queued and not sent yet",
            Gauge::clone(&mails_waiting),
        );
        registry.register_with_unit(
            "mail_oldest_age",
            "Age of the oldest unsent email; 0 if none is waiting",
            Unit::Seconds,
            Gauge::clone(&oldest_mail),
        );
        registry.register(
            "audit_records_unsealed",
            "Upper limit of audit log records that are not sealed yet",
            Gauge::clone(&unsealed),
        );
        registry.register(
            "requests_waiting",
            "Requests waiting in a queue of this process",
            Family::clone(&waiting),
        );
        Self {
            registry,
            answered,
            seconds,
            database_up,
            mails_waiting,
            oldest_mail,
            unsealed,
            waiting,
        }
    }

    fn count(&self, method: &Method, route: Option<String>, status: u16, took: Duration) {
        let route = route.unwrap_or_else(|| "none".to_owned());
        // Anybody can make up methods.
        let method = match method.as_str() {
            "GET" => "GET",
            "HEAD" => "HEAD",
            "POST" => "POST",
            _ => "other",
        };
        self.seconds.get_or_create(&Route { route: route.clone() }).observe(took.as_secs_f64());
        self.answered.get_or_create(&Answered { method, route, status }).inc();
    }
}

/// Middleware: counts each answer, and how long it took to its head.
pub async fn count(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let begun = Instant::now();
    let metrics = request.app_data::<web::Data<Metrics>>().cloned();
    let method = request.method().clone();
    let answer = next.call(request).await?;
    if let Some(metrics) = metrics {
        metrics.count(
            &method,
            answer.request().match_pattern(),
            answer.status().as_u16(),
            begun.elapsed(),
        );
    }
    Ok(answer)
}

/// `GET /metrics`
async fn show(desk: web::Data<Desk>, metrics: web::Data<Metrics>) -> HttpResponse {
    let QueueLengths { writes, reads, password_checks, provider_calls } = desk.waiting();
    for (queue, n) in [
        ("writes", writes),
        ("reads", reads),
        ("password_checks", password_checks),
        ("provider_calls", provider_calls),
    ] {
        metrics
            .waiting
            .get_or_create(&QueueName { queue })
            .set(i64::try_from(n).unwrap_or(i64::MAX));
    }
    let asked = desk.reading(measures).await;
    metrics.database_up.set(i64::from(asked.is_ok()));
    match asked {
        Ok(found) => {
            metrics.mails_waiting.set(found.mails_waiting);
            #[allow(clippy::cast_precision_loss, reason = "an age in seconds")]
            metrics.oldest_mail.set(found.oldest_mail_seconds as f64);
            metrics.unsealed.set(found.unsealed_records);
        }
        // The other numbers stay as they were last seen; `database_up` says so.
        Err(error) => tracing::warn!(%error, "the database was not asked for metrics"),
    }
    let mut text = String::new();
    match encode(&mut text, &metrics.registry) {
        Ok(()) => HttpResponse::Ok()
            .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
            .body(text),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}

/// A few collectors ask now and then.
const MAX_CONNECTIONS: usize = 64;

/// Starts the metrics' own server: one thread, one page, no sign-in. Anybody who reaches the
/// address may read it.
pub fn start(listener: TcpListener, desk: Desk, metrics: Arc<Metrics>) -> std::io::Result<Server> {
    let hosts = web::Data::new(Hosts::of_machine(
        Url::parse(&desk.base_url).ok().as_ref(),
        listener.local_addr()?.ip(),
    ));
    let (desk, metrics) = (web::Data::new(desk), web::Data::from(metrics));
    let bounds = Bounds { workers: 1, connections: MAX_CONNECTIONS, shutdown_seconds: 1 };
    connections::serve(listener, bounds, move || {
        App::new()
            .app_data(desk.clone())
            .app_data(metrics.clone())
            .app_data(hosts.clone())
            .wrap(from_fn(hosts::guard))
            .wrap(from_fn(connections::observe))
            .route("/metrics", web::get().to(show))
    })
}
