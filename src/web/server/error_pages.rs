//! The one place that renders an error: as a page, or as a toast for a fragment.

use actix_web::{
    Error as ActixError, HttpResponse, ResponseError,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::StatusCode,
    middleware::Next,
};
use askama::Template;

use crate::web::{
    server::connections,
    shared::{
        answers::ToastFragment,
        errors::{Error, RETRY_LATER},
        frame::{self, Frame},
        request,
        ui::{self, TextLink},
    },
};

/// Middleware: gives every bare error its body, as a page or as a fragment.
pub async fn render(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, ActixError> {
    let response = next.call(request).await?.map_into_boxed_body();
    let ours = response.response().extensions().get::<Error>().cloned();
    let error = match (ours, response.response().error()) {
        (Some(error), _) => error,
        // Errors of the framework itself: extractors, payload limits, unknown methods.
        (None, Some(_)) => match response.status() {
            StatusCode::NOT_FOUND => Error::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Error::MethodNotAllowed,
            StatusCode::PAYLOAD_TOO_LARGE => Error::TooLarge,
            status if status.is_server_error() => Error::Internal,
            _ => Error::Malformed,
        },
        (None, None) => return Ok(response),
    };
    let (http, _) = response.into_parts();
    // To its reader, a body that stopped coming is one that is cut short.
    let error = if matches!(error, Error::Malformed) && connections::was_too_slow(&http) {
        Error::TooSlow
    } else {
        error
    };
    let body = body(&http, &error);
    let mut answer = HttpResponse::build(error.status_code());
    answer.content_type("text/html; charset=utf-8");
    if error.status_code() == StatusCode::SERVICE_UNAVAILABLE {
        answer.insert_header(RETRY_LATER);
    }
    Ok(ServiceResponse::new(http, answer.body(body)))
}

fn body(http: &actix_web::HttpRequest, error: &Error) -> String {
    let words = error.words();
    let request_id = request::request_id(http);
    let rendered = if request::is_fragment(http.headers()) {
        let toast = ui::Toast {
            tone: ui::Tone::Bad,
            title: words.title.to_owned(),
            text: format!("{} {}", words.meaning, words.advice),
            code: None,
            links: way_forward(error).into_iter().collect(),
            request_id: matches!(error, Error::Internal).then_some(request_id),
        };
        ToastFragment { toast }.render()
    } else {
        let frame = frame::for_error(http, words.title);
        let links = way_forward(error).into_iter().chain(frame::ways_out(&frame)).collect();
        let status = error.status_code().as_u16().to_string();
        let advice = words.advice.to_owned();
        ErrorPage {
            frame,
            status,
            title: words.title.to_owned(),
            meaning: words.meaning,
            advice,
            request_id,
            links,
        }
        .render()
    };
    rendered.unwrap_or_else(|_| words.title.to_owned())
}

/// Where the error itself leads, before the ways out that every page has.
fn way_forward(error: &Error) -> Option<ui::TextLink> {
    let is_it = matches!(error, Error::FactorMissing);
    is_it.then(|| ui::TextLink {
        label: "Set up a second factor".to_owned(),
        href: "/account#factors".to_owned(),
    })
}

/// Any error as a page.
#[derive(Debug, Template)]
#[template(path = "errors/show.html")]
pub struct ErrorPage {
    /// The user's frame where it is known, else the bare one.
    pub frame: Frame,
    /// The number: "404".
    pub status: String,
    /// What happened: "There is no such page".
    pub title: String,
    /// What it means.
    pub meaning: String,
    /// What to do.
    pub advice: String,
    /// The request id, to be found in the log.
    pub request_id: String,
    /// Ways out.
    pub links: Vec<TextLink>,
}
