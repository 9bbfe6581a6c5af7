//! How the provider is asked: one bounded HTTP request after another, until a deadline. TLS is
//! rustls.

use std::time::{Duration, Instant};

use openidconnect::{HttpRequest, HttpResponse};
use ureq::{Agent, http::Request};

/// All requests of one step together may take so long.
const PROVIDER_TIMEOUT: Duration = Duration::from_secs(10);
/// No description, key set or token is nearly as long.
const MAX_RESPONSE_BYTES: u64 = 1024 * 1024;

/// The provider did not answer. Why is in the log.
#[derive(Debug, thiserror::Error)]
#[error("no answer")]
pub(crate) struct NoAnswer;

/// What asks that issuer: never over plain http where the issuer is https, and never redirected
/// elsewhere.
pub(crate) fn agent(issuer: &str) -> Agent {
    let is_https = issuer.starts_with("https://");
    let mut config = Agent::config_builder()
        .https_only(is_https)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false);
    if !is_https {
        // Plain http is for this machine only: no proxy is on the way.
        config = config.proxy(None);
    }
    config.user_agent("rewarddesk").build().into()
}

/// Asks, as openidconnect wants it done; the time begins now.
pub(crate) fn with_deadline(
    agent: &Agent,
) -> impl Fn(HttpRequest) -> Result<HttpResponse, NoAnswer> {
    let until = Instant::now() + PROVIDER_TIMEOUT;
    move |request| {
        let left = until.saturating_duration_since(Instant::now());
        ask(agent, request, left).map_err(|error| {
            tracing::warn!(%error, "the provider of single sign-on does not answer");
            NoAnswer
        })
    }
}

fn ask(agent: &Agent, request: HttpRequest, left: Duration) -> Result<HttpResponse, ureq::Error> {
    if left.is_zero() {
        return Err(ureq::Error::Timeout(ureq::Timeout::Global));
    }
    let (parts, body) = request.into_parts();
    let answer = if body.is_empty() {
        agent.run(
            agent
                .configure_request(Request::from_parts(parts, ()))
                .timeout_global(Some(left))
                .build(),
        )?
    } else {
        agent.run(
            agent
                .configure_request(Request::from_parts(parts, body))
                .timeout_global(Some(left))
                .build(),
        )?
    };
    let (parts, mut body) = answer.into_parts();
    let bytes = body.with_config().limit(MAX_RESPONSE_BYTES).read_to_vec()?;
    Ok(HttpResponse::from_parts(parts, bytes))
}
