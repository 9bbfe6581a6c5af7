//! Owns the dialogs "Block customer", "Switch e-mails off", "Purge data" and their like.

use super::coupon_acts::ActField;
use super::frame::Frame;
use askama::Template;

/// `GET …/block` and its like as a page, for those without a script.
#[derive(Debug, Template)]
#[template(path = "customer_acts/new.html")]
pub struct CustomerActPage {
    /// Frame.
    pub frame: Frame,
    /// The form.
    pub form: CustomerActForm,
}

/// `GET …/block` and its like as a fragment, into `#dialog`.
#[derive(Debug, Template)]
#[template(path = "customer_acts/dialog.html")]
pub struct CustomerActDialog {
    /// The form.
    pub form: CustomerActForm,
}

/// 422 as a fragment: the dialog's fields again, with what is wrong at each; the dialog itself
/// stays open.
#[derive(Debug, Template)]
#[template(path = "customer_acts/again.html")]
pub struct CustomerActAgain {
    /// The form.
    pub form: CustomerActForm,
}

/// What the dialog says and sends.
#[derive(Clone, Debug)]
pub struct CustomerActForm {
    /// "Block customer": its name and its button.
    pub title: &'static str,
    /// "Blocking…".
    pub busy: &'static str,
    /// Whether it can't be undone.
    pub dangerous: bool,
    /// Where it posts to.
    pub action: String,
    /// The profile, to which Cancel leads without a script.
    pub cancel_href: String,
    /// The customer's name, or the e-mail.
    pub owner: String,
    /// The e-mail; empty where that is the name.
    pub email: String,
    /// What the act means, one sentence each.
    pub means: Vec<String>,
    /// What is asked for.
    pub fields: Vec<ActField>,
}
