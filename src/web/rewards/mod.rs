//! A reward's row: its code, its state in words, its menu. The same in the profile and in every
//! fragment that replaces it. Asks the one rule what the menu's first item is; decides nothing
//! itself.

pub mod reissues;

use askama::Template;
use chrono::{DateTime, Utc};

use crate::{
    app::{Member, customers::show_customer::RewardWithMail},
    domain::{
        batch::StockLeft,
        coupon::{Coupon, Problem},
        coupon_acts::acts_on,
        reissue::{EarlierReissue, Refusal, RewardFile, check_reissue},
        reward::{Fulfilment, RewardKind},
        role::Permission,
    },
    web::shared::{
        act_words, addresses,
        format::{day, grouped, left, when, when_end},
        ui::{Status, TextLink, Tone, When},
        words::{self, NextStep},
    },
};

/// The row of one reward. `who_can` names users who may add vouchers.
pub fn row(
    member: &Member,
    found: &RewardWithMail,
    who_can: &[String],
    now: DateTime<Utc>,
) -> RewardItem {
    let file = &found.file;
    let problems = file.coupon.as_ref().map(|coupon| coupon.problems(now)).unwrap_or_default();
    let reissue = reissue_item(member, file, who_can, now);
    RewardItem {
        n: file.reward.no.0,
        reference: file.reward.reward_id.clone(),
        kind: kind(file.reward.kind).to_owned(),
        title: file.reward.title.clone(),
        issued: Some(day(member, file.reward.issued_at)),
        code: file.coupon.as_ref().map(|coupon| coupon.code.to_string()),
        broken: file.coupon.as_ref().is_some_and(|coupon| coupon.capacity(now).is_none()),
        status: status(member, file, &problems),
        source: source(member, file),
        mail: found.mail.as_ref().map(|mail| crate::web::mails::mail_state(member, file, mail, 0)),
        items: items(member, found, &reissue),
        reissue,
        replaced: file.reissued.iter().map(|earlier| replaced(member, earlier)).collect(),
        refusal: vec![],
        fresh: false,
    }
}

/// "Referrer reward".
pub fn kind(kind: RewardKind) -> &'static str {
    match kind {
        RewardKind::Referrer => "Referrer reward",
        RewardKind::Referee => "Referee reward",
        RewardKind::DriveAction => "Drive-action reward",
    }
}

/// Everything that holds, the gravest first; a coupon that can be used says how far.
pub fn status(member: &Member, file: &RewardFile, problems: &[Problem]) -> Vec<Status> {
    if let Fulfilment::External(provider) = file.reward.fulfilment {
        return vec![Status {
            tone: Tone::Quiet,
            text: format!("Fulfilled by {}", provider.label()),
            when: None,
        }];
    }
    let Some(coupon) = &file.coupon else {
        return vec![Status { tone: Tone::Notice, text: "No coupon yet".to_owned(), when: None }];
    };
    coupon_lines(member, coupon, problems)
}

/// Everything that holds of a coupon by itself.
pub fn coupon_status(member: &Member, coupon: &Coupon, now: DateTime<Utc>) -> Vec<Status> {
    coupon_lines(member, coupon, &coupon.problems(now))
}

fn coupon_lines(member: &Member, coupon: &Coupon, problems: &[Problem]) -> Vec<Status> {
    let mut lines: Vec<Status> =
        problems.iter().map(|problem| problem_line(member, problem)).collect();
    if problems.iter().all(|p| matches!(p, Problem::NotStarted { .. })) {
        lines.push(usable_line(member, coupon));
    }
    lines.extend(use_doubts(member, coupon));
    lines
}

/// What to know before the uses are taken for the customer's own.
fn use_doubts(member: &Member, coupon: &Coupon) -> Vec<Status> {
    let mut doubts = vec![];
    if let (Some(first), Some(handed_out)) = (coupon.use_before_hand_out(), coupon.handed_out_at) {
        let used = act_words::redemption(member, first);
        let text = format!(
            "Used before the customer had it ({used}), so someone else had this code. Handed out"
        );
        doubts.push(Status { tone: Tone::Notice, text, when: Some(when(member, handed_out)) });
    }
    if coupon.repeats > 0 {
        let counted = match coupon.repeats {
            1 => "1 use may have been counted twice".to_owned(),
            n => format!("{} uses may have been counted more than once", grouped(n)),
        };
        let text = format!(
            "{counted}: the same order was reported again. The shop may still accept this code; \
             bar it before you reissue"
        );
        doubts.push(Status { tone: Tone::Notice, text, when: None });
    }
    doubts
}

fn problem_line(member: &Member, problem: &Problem) -> Status {
    match problem {
        Problem::Barred(barred) => {
            let by = barred.by.as_ref().map(|name| format!(" by {name}")).unwrap_or_default();
            Status {
                tone: Tone::Bad,
                text: format!("Barred{by}: {}", barred.reason),
                when: Some(when(member, barred.at)),
            }
        }
        Problem::Expired { at } => Status {
            tone: Tone::Bad,
            text: "Expired".to_owned(),
            when: Some(when_end(member, *at)),
        },
        Problem::FullyRedeemed { last } => {
            let order = last
                .as_ref()
                .and_then(|r| r.order_id.as_ref())
                .map(|order| format!(": order {order},"))
                .unwrap_or_default();
            Status {
                tone: Tone::Quiet,
                text: format!("Fully redeemed{order}"),
                when: last.as_ref().map(|r| when(member, r.at)),
            }
        }
        Problem::NotStarted { from } => Status {
            tone: Tone::Notice,
            text: "Not valid until".to_owned(),
            when: Some(when(member, *from)),
        },
    }
}

fn usable_line(member: &Member, coupon: &Coupon) -> Status {
    let uses = if coupon.max_redemptions == 1 {
        "Usable".to_owned()
    } else {
        format!(
            "Usable, {} of {} uses left",
            coupon.max_redemptions - coupon.redemptions,
            coupon.max_redemptions
        )
    };
    match coupon.window.until {
        Some(at) => Status {
            tone: Tone::Good,
            text: format!("{uses} until"),
            when: Some(when_end(member, at)),
        },
        None => Status { tone: Tone::Good, text: format!("{uses}, no expiry"), when: None },
    }
}

fn source(member: &Member, file: &RewardFile) -> CodeSource {
    match (&file.batch, file.reward.fulfilment) {
        (Some((batch, stock)), _) => CodeSource {
            name: batch.name.clone(),
            href: member
                .role
                .may(Permission::LookAtBatches)
                .then(|| addresses::batch(&member.merchant, batch.id)),
            left: left(stock),
            low: match stock {
                StockLeft::Usable(count) => *count < 10,
                StockLeft::Short(_) => true,
            },
        },
        (None, Fulfilment::External(provider)) => CodeSource {
            name: provider.label().to_owned(),
            href: None,
            left: String::new(),
            low: false,
        },
        (None, Fulfilment::Batch(_)) => CodeSource {
            name: "Voucher batch".to_owned(),
            href: None,
            left: String::new(),
            low: false,
        },
    }
}

fn reissue_item(
    member: &Member,
    file: &RewardFile,
    who_can: &[String],
    now: DateTime<Utc>,
) -> ReissueItem {
    match check_reissue(file, now) {
        Ok(_) => ReissueItem {
            href: Some(addresses::reissue(&member.merchant, file)),
            label: String::new(),
            facts: vec![],
            next_steps: vec![],
        },
        Err(refusal) => {
            let words = words::of_refusal(member, &refusal, file, who_can, now);
            ReissueItem {
                href: None,
                label: words.label.to_owned(),
                facts: words.facts,
                next_steps: words
                    .next_steps
                    .into_iter()
                    .map(|NextStep { label, href, dialog }| MenuItem { label, href, dialog })
                    .collect(),
            }
        }
    }
}

fn items(member: &Member, found: &RewardWithMail, reissue: &ReissueItem) -> Vec<MenuItem> {
    // The next step of a refusal may lead there already.
    let is_new = |item: &MenuItem| reissue.next_steps.iter().all(|step| step.href != item.href);
    let view =
        |coupon: &Coupon| link("View coupon", addresses::coupon(&member.merchant, coupon.id));
    let coupon = found.file.coupon.as_ref().map(view).filter(is_new);
    let acts =
        found.file.coupon.iter().filter(|_| member.role.may(Permission::BarCoupons)).flat_map(
            |coupon| {
                let item = |act| MenuItem {
                    dialog: true,
                    ..link(
                        act_words::title(act),
                        addresses::coupon_act_from_row(&member.merchant, coupon.id, act),
                    )
                };
                acts_on(coupon).into_iter().map(item)
            },
        );
    let mail = found.mail.as_ref().map(|mail| {
        link("View email", addresses::mail(&member.merchant, found.file.customer.no, mail.id))
    });
    let batch =
        found.file.batch.as_ref().filter(|_| member.role.may(Permission::LookAtBatches)).map(
            |(batch, _)| link("View voucher batch", addresses::batch(&member.merchant, batch.id)),
        );
    acts.filter(is_new).chain([coupon, mail, batch].into_iter().flatten()).collect()
}

fn link(label: &str, href: String) -> MenuItem {
    MenuItem { label: label.to_owned(), href: Some(href), dialog: false }
}

fn replaced(member: &Member, earlier: &EarlierReissue) -> Replaced {
    Replaced {
        old_code: earlier.old_code.to_string(),
        new_code: earlier.new_code.to_string(),
        who: if earlier.by == member.user { "you".to_owned() } else { earlier.by_name.clone() },
        when: when(member, earlier.at),
        link: None,
    }
}

/// A refusal of just now, as sentences at the row.
pub fn refusal_lines(
    member: &Member,
    refusal: &Refusal,
    file: &RewardFile,
    now: DateTime<Utc>,
) -> Vec<String> {
    let words = words::of_refusal(member, refusal, file, &[], now);
    std::iter::once(format!("{}.", words.label)).chain(words.facts).collect()
}

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
