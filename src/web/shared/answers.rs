//! The answers that handlers give: a page or a fragment, a way on, a file.

use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
    web::Bytes,
};
use askama::Template;
use futures_util::Stream;

use crate::web::shared::{errors::Error, ui::Toast};

/// HTML with that status. "Too many" says when to try again: the throttle gives one try back within
/// a minute.
pub fn html(status: StatusCode, body: String) -> HttpResponse {
    let mut answer = HttpResponse::build(status);
    if status == StatusCode::TOO_MANY_REQUESTS {
        answer.insert_header((header::RETRY_AFTER, "60"));
    }
    answer.content_type("text/html; charset=utf-8").body(body)
}

/// On to another page, which is then loaded by GET.
pub fn see_other(target: impl Into<String>) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, target.into())).finish()
}

/// On to another page from a form that a script may have sent: htmx follows a header of its own.
pub fn on_to(target: String, is_fragment: bool) -> HttpResponse {
    if is_fragment {
        HttpResponse::Ok().insert_header(("HX-Redirect", target)).finish()
    } else {
        see_other(target)
    }
}

/// Back to a page with a word in its address about what was done; the page says the rest.
pub fn back_to(page: &str, done: &str) -> HttpResponse {
    see_other(format!("{page}?done={done}#message"))
}

/// A toast alone, as a fragment.
pub fn toast(status: StatusCode, toast: Toast) -> Result<HttpResponse, Error> {
    Ok(html(status, ToastFragment { toast }.render()?))
}

/// A file to be saved, streamed as fast as it is taken.
pub fn download(
    content_type: &'static str,
    file_name: &str,
    pieces: impl Stream<Item = Result<Bytes, Error>> + 'static,
) -> HttpResponse {
    let disposition = format!("attachment; filename=\"{file_name}\"");
    HttpResponse::Ok()
        .content_type(content_type)
        .insert_header((header::CONTENT_DISPOSITION, disposition))
        .streaming(Box::pin(pieces))
}

/// What a browser is to ask a device, as its script takes it.
pub fn json(options: String) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(options)
}

/// One toast, which lands in `#toasts` or in the dialog that asked.
#[derive(Debug, Template)]
#[template(path = "errors/fragment.html")]
pub struct ToastFragment {
    /// What happened, what it means, what to do.
    pub toast: Toast,
}
