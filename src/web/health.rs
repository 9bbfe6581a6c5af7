//! For machines: is the process alive, and can it do its work.
//! Must not say anything about data.

use actix_web::{HttpResponse, web};

use crate::app::{Desk, readiness};

/// `GET /healthz`: no I/O.
pub async fn alive() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("alive\n")
}

/// `GET /readyz`: 200 or 503 by database and schema only; the body also tells the mail queue's age.
pub async fn ready(desk: web::Data<Desk>) -> HttpResponse {
    match desk.reading(readiness::readiness).await {
        Ok(state) if state.schema_fits => HttpResponse::Ok().json(serde_json::json!({
            "ready": true, "database": "ok", "schema": "ok", "mail_queue_oldest_seconds": state.oldest_mail_seconds,
        })),
        Ok(_) => HttpResponse::ServiceUnavailable()
            .json(serde_json::json!({ "ready": false, "database": "ok", "schema": "older than this binary: run `rewarddesk migrate`" })),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            HttpResponse::ServiceUnavailable().json(serde_json::json!({ "ready": false, "database": "unavailable" }))
        }
    }
}
