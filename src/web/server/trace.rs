//! What the log says of a request: method, path, status, id. Never the query or a header: they may
//! hold a code.

use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
};
use tracing::Span;
use tracing_actix_web::{RequestId, RootSpanBuilder};

/// Our own root span; the library's default one would log the query.
pub struct PathOnly;

impl RootSpanBuilder for PathOnly {
    fn on_request_start(request: &ServiceRequest) -> Span {
        use actix_web::HttpMessage;
        let id =
            request.extensions().get::<RequestId>().map_or_else(String::new, ToString::to_string);
        tracing::info_span!("request", method = %request.method(), path = request.path(), request_id = id, status = tracing::field::Empty)
    }

    fn on_request_end<B: MessageBody>(span: Span, outcome: &Result<ServiceResponse<B>, Error>) {
        let status = match outcome {
            Ok(response) => response.status(),
            Err(error) => error.as_response_error().status_code(),
        };
        span.record("status", status.as_u16());
        span.in_scope(|| tracing::debug!(status = status.as_u16(), "answered"));
    }
}
