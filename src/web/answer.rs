//! A rendered page or fragment as an answer.
//! Must not know what is in it.

use actix_web::{HttpResponse, http::StatusCode};

/// HTML with that status.
pub fn html(status: StatusCode, body: String) -> HttpResponse {
    HttpResponse::build(status).content_type("text/html; charset=utf-8").body(body)
}
