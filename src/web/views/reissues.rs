//! Owns the dialog "Reissue coupon" and the answers to it.

use super::audit::Event;
use super::frame::Frame;
use super::mails::MailItem as Mail;
use super::rewards::RewardItem;
use super::ui::{Fact, Status, Toast};
use askama::Template;

/// `GET …/reissue` as a page, for those without a script.
#[derive(Debug, Template)]
#[template(path = "reissues/new.html")]
pub struct ReissuePage {
    /// Frame.
    pub frame: Frame,
    /// The form.
    pub form: ReissueForm,
}

/// `GET …/reissue` as a fragment, into `#dialog`.
#[derive(Debug, Template)]
#[template(path = "reissues/dialog.html")]
pub struct ReissueDialog {
    /// The form.
    pub form: ReissueForm,
}

/// 422 as a fragment: a fresh dialog (new token) takes the old one's place; `form.message` says
/// why.
#[derive(Debug, Template)]
#[template(path = "reissues/again.html")]
pub struct ReissueAgain {
    /// The form.
    pub form: ReissueForm,
}

/// 200 as a fragment: the fresh row, then the toast; the two sections below follow if given.
#[derive(Debug, Template)]
#[template(path = "reissues/create.html")]
pub struct ReissueDone {
    /// The row with the new code, `fresh`.
    pub row: RewardItem,
    /// Names the new code, and what becomes of the mail.
    pub toast: Toast,
    /// The whole Emails section again, or none to leave it.
    pub emails: Option<Vec<Mail>>,
    /// All of Activity again.
    pub activity: Vec<Event>,
    /// What the profile counts, again.
    pub facts: Vec<Fact>,
}

/// 409 as a fragment, for the POST and for the dialog's GET: the fresh row with its `refusal`, then
/// the toast.
#[derive(Debug, Template)]
#[template(path = "reissues/refused.html")]
pub struct ReissueRefused {
    /// The row as it is now, `fresh`, with `refusal`.
    pub row: RewardItem,
    /// The refusal in one sentence.
    pub toast: Toast,
}

/// What the dialog says and sends.
#[derive(Clone, Debug)]
pub struct ReissueForm {
    /// The reward's number, whose row is replaced.
    pub n: i64,
    /// Where it posts to.
    pub action: String,
    /// Where Cancel leads without a script: the profile.
    pub cancel_href: String,
    /// The customer's name, or e-mail.
    pub customer: String,
    /// "Referrer reward".
    pub kind: String,
    /// The reward's title.
    pub reward: String,
    /// The code that stops being the customer's.
    pub old_code: String,
    /// Why it does not work, as in the row.
    pub status: Vec<Status>,
    /// The batch's name.
    pub batch: String,
    /// "39 left".
    pub left: String,
    /// The address the mail would go to.
    pub email: String,
    /// Who else has the customer ID: "Customer ID C-1 also belongs to jo@new.example."
    pub also: Option<String>,
    /// Why no mail can be sent: "Jo has e-mails switched off." Disables the box.
    pub email_off: Option<String>,
    /// Whether the box is ticked, when the form comes back.
    pub send_email: bool,
    /// The idempotency token.
    pub token: String,
    /// Why the form came back.
    pub message: Option<Toast>,
}
