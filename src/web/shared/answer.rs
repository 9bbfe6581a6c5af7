//! A rendered page or fragment as an answer.

use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
};

/// HTML with that status. "Too many" says when to try again: the throttle gives one try back within
/// a minute.
pub fn html(status: StatusCode, body: String) -> HttpResponse {
    let mut answer = HttpResponse::build(status);
    if status == StatusCode::TOO_MANY_REQUESTS {
        answer.insert_header((header::RETRY_AFTER, "60"));
    }
    answer.content_type("text/html; charset=utf-8").body(body)
}
