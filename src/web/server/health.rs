//! For machines: is the process alive, and can it do its work.

use std::time::Duration;

use actix_web::{HttpResponse, web};
use serde_json::json;

use crate::app::Desk;

/// How long an answer may take: a probe has a timeout of its own, and no answer says less than a
/// clear one.
const READINESS_TIMEOUT: Duration = Duration::from_secs(2);

/// `GET /healthz`: no I/O.
pub async fn alive() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("alive\n")
}

/// `GET /readyz`: 503 where the database cannot be reached or only be read, or has an old schema;
/// otherwise 200, and the body says whether there is room to write, and the mail queue's age.
pub async fn ready(desk: web::Data<Desk>) -> HttpResponse {
    let not_ready = |database: &str, schema: &str| {
        HttpResponse::ServiceUnavailable().json(
            json!({ "ready": false, "writable": false, "database": database, "schema": schema }),
        )
    };
    match tokio::time::timeout(READINESS_TIMEOUT, desk.looks.ask(&desk)).await {
        Ok(Ok(state)) if !state.schema_fits => {
            not_ready("ok", "older than this binary: run `rewarddesk migrate`")
        }
        Ok(Ok(state)) if state.is_read_only => not_ready("read-only", "ok"),
        Ok(Ok(state)) => HttpResponse::Ok().json(json!({
            "ready": true,
            "writable": state.is_writable,
            "database": "ok",
            "schema": "ok",
            "mail_queue_oldest_seconds": state.oldest_mail_seconds,
        })),
        Ok(Err(error)) => {
            tracing::warn!(%error, "not ready");
            not_ready("unavailable", "unknown")
        }
        Err(_) => {
            tracing::warn!("not ready: the database gave no answer in time");
            not_ready("unavailable", "unknown")
        }
    }
}
