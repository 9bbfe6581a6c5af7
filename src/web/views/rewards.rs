//! Owns a reward's row: the same partial in the profile and in every fragment that replaces it.

use super::ui::{Status, TextLink, When};
use askama::Template;

/// The row alone, as a fragment.
#[derive(Debug, Template)]
#[template(path = "rewards/row.html")]
pub struct RewardFragment {
    /// The row.
    pub row: RewardItem,
}

/// What became of a reward's mail, alone, as a fragment.
#[derive(Debug, Template)]
#[template(path = "rewards/mail.html")]
pub struct MailFragment {
    /// The mail's state.
    pub mail: MailBadge,
}

/// One reward.
#[derive(Clone, Debug)]
pub struct RewardItem {
    /// The desk's number, in `id="reward-{n}"`.
    pub n: i64,
    /// The imported reward id.
    pub reference: String,
    /// "Referrer reward", "Referee reward", "Drive-action reward".
    pub kind: String,
    /// Its title.
    pub title: String,
    /// When it was issued.
    pub issued: Option<When>,
    /// The linked code; none when the reward has no coupon, or the code is not ours to know.
    pub code: Option<String>,
    /// A code that does not work: the eye is to find this row first.
    pub broken: bool,
    /// State in words, most important first; several may hold.
    pub status: Vec<Status>,
    /// The voucher batch, or the provider.
    pub source: CodeSource,
    /// What happened to the newest mail of this reward.
    pub mail: Option<MailBadge>,
    /// The menu's first item.
    pub reissue: ReissueItem,
    /// Further items of the menu, for those who may.
    pub items: Vec<MenuItem>,
    /// Replaced codes, newest first.
    pub replaced: Vec<Replaced>,
    /// A refusal of just now, said at the row: one sentence each.
    pub refusal: Vec<String>,
    /// Just changed: flashes once and takes the focus. Only in a fragment.
    pub fresh: bool,
}

/// Where a reward's code comes from.
#[derive(Clone, Debug)]
pub struct CodeSource {
    /// The batch's name, or the provider's: "Spring 2026", "Runa (`WeGift`)".
    pub name: String,
    /// The batch's page.
    pub href: Option<String>,
    /// "39 left", or empty.
    pub left: String,
    /// Whether few or none are left.
    pub low: bool,
}

/// The state of a mail, in a row.
#[derive(Clone, Debug)]
pub struct MailBadge {
    /// "E-mail sent", "E-mail queued", "E-mail failed: mailbox is full", with the moment.
    pub status: Status,
    /// The mail itself.
    pub href: Option<String>,
    /// The reward's title, for the name of the link.
    pub title: String,
    /// Where Resend posts to, when it may be sent again.
    pub resend_action: Option<String>,
    /// Where to ask again shortly, while it is on its way.
    pub refresh_href: Option<String>,
}

/// The item "Reissue coupon" of the menu: a link, or the reason it is unavailable.
#[derive(Clone, Debug)]
pub struct ReissueItem {
    /// The dialog's address; none when unavailable.
    pub href: Option<String>,
    /// The reason in short: "Coupon still has capacity". Empty when available.
    pub label: String,
    /// The facts, one sentence each: "3 of 5 uses left, expires 3 Oct 2026, 23:59 BST."
    pub facts: Vec<String>,
    /// What to do instead; each an item of its own.
    pub next_steps: Vec<MenuItem>,
}

/// A further item of the menu: a link, or words.
#[derive(Clone, Debug)]
pub struct MenuItem {
    /// Its words.
    pub label: String,
    /// Where it leads; none for words only ("Dana Reed can add vouchers").
    pub href: Option<String>,
    /// Whether it opens in the dialog where there is a script.
    pub dialog: bool,
}

/// A code this reward had before.
#[derive(Clone, Debug)]
pub struct Replaced {
    /// The old code.
    pub old_code: String,
    /// The code that took its place.
    pub new_code: String,
    /// Who did it.
    pub who: String,
    /// When.
    pub when: When,
    /// The reissue's or old coupon's page, if there is one.
    pub link: Option<TextLink>,
}
