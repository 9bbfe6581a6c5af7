//! Owns what is shown when a request can't be answered as asked: a page, or a toast for a fragment.

use super::frame::Frame;
use super::ui::{TextLink, Toast};
use askama::Template;

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

/// Any error as a fragment: one toast, which lands in `#toasts` or in the dialog that asked.
#[derive(Debug, Template)]
#[template(path = "errors/fragment.html")]
pub struct ErrorToast {
    /// What happened, what it means, what to do.
    pub toast: Toast,
}
