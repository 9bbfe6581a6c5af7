//! Owns the dialogs "Bar coupon", "Unbar coupon" and "Mark as used", and the answers to them.

use super::audit::Event;
use super::frame::Frame;
use super::rewards::RewardItem;
use super::ui::{Fact, Status, Toast};
use askama::Template;

/// `GET …/bar` and its like as a page, for those without a script.
#[derive(Debug, Template)]
#[template(path = "coupon_acts/new.html")]
pub struct CouponActPage {
    /// Frame.
    pub frame: Frame,
    /// The form.
    pub form: CouponActForm,
}

/// `GET …/bar` and its like as a fragment, into `#dialog`.
#[derive(Debug, Template)]
#[template(path = "coupon_acts/dialog.html")]
pub struct CouponActDialog {
    /// The form.
    pub form: CouponActForm,
}

/// 422 as a fragment: the dialog's fields again, with what is wrong at each; the dialog itself
/// stays open.
#[derive(Debug, Template)]
#[template(path = "coupon_acts/again.html")]
pub struct CouponActAgain {
    /// The form.
    pub form: CouponActForm,
}

/// 200 as a fragment: the fresh row, Activity and the counts, then the toast.
#[derive(Debug, Template)]
#[template(path = "coupon_acts/create.html")]
pub struct CouponActDone {
    /// The row as it is now, `fresh`.
    pub row: RewardItem,
    /// What happened.
    pub toast: Toast,
    /// All of Activity again.
    pub activity: Vec<Event>,
    /// What the profile counts, again.
    pub facts: Vec<Fact>,
}

/// 409 as a fragment, for the POST and for the dialog's GET: the fresh row with its `refusal`, then
/// the toast.
#[derive(Debug, Template)]
#[template(path = "coupon_acts/refused.html")]
pub struct CouponActRefused {
    /// The row as it is now, `fresh`, with `refusal`.
    pub row: RewardItem,
    /// The refusal in one sentence.
    pub toast: Toast,
}

/// What the dialog says and sends.
#[derive(Clone, Debug)]
pub struct CouponActForm {
    /// "Bar coupon": its name and its button.
    pub title: &'static str,
    /// "Barring…".
    pub busy: &'static str,
    /// Where it posts to.
    pub action: String,
    /// Where Cancel leads without a script.
    pub cancel_href: String,
    /// What that place is called.
    pub cancel_label: String,
    /// The reward's number, whose row is replaced.
    pub n: Option<i64>,
    /// Whether the link was in a row, to which one returns.
    pub from_profile: bool,
    /// Who has the coupon, or where it is in stock.
    pub owner: String,
    /// "Referrer reward, 20 off", or empty.
    pub reward: String,
    /// The code.
    pub code: String,
    /// State in words; all that holds.
    pub status: Vec<Status>,
    /// What the act means, in one or two sentences.
    pub means: String,
    /// What is asked for.
    pub fields: Vec<ActField>,
    /// How many uses were gone when the form was opened.
    pub uses_gone: Option<i64>,
}

/// One field.
#[derive(Clone, Debug)]
pub struct ActField {
    /// Its name, and its id.
    pub name: &'static str,
    /// Its label.
    pub label: &'static str,
    /// "text", or "datetime-local" where what it holds is such a time.
    pub kind: &'static str,
    /// What it holds.
    pub value: String,
    /// What to know before filling it in.
    pub hint: String,
    /// Whether it may not be left empty.
    pub required: bool,
    /// What is wrong with it.
    pub error: Option<String>,
    /// Whether the focus begins here.
    pub autofocus: bool,
}
