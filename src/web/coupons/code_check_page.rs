//! What the page "Check a code" says of one: the verdict, the facts it rests on, what to do, and
//! what to tell the customer.

use askama::Template;

use crate::{
    app::{
        Member,
        coupons::{
            check_code::{self, Checked, KnownCode},
            show_coupon::ReissuePart,
        },
    },
    domain::{
        Invalid,
        coupon::{CouponState, Problem},
        coupon_acts::CouponAct,
        damage::Damage,
        reissue::check_reissue,
        role::Permission,
        zone,
    },
    web::{
        coupons::{self, LabelledLink, Reissue},
        mails,
        rewards::MenuItem,
        shared::{
            act_words, addresses,
            format::sentence,
            frame::Frame,
            ui::{Fact, Status, Tone},
            words::{self, NextStep},
        },
    },
};

/// The one field, with what is wrong with what was typed.
pub fn form(member: &Member, value: &str, wrong: Option<&Invalid>) -> CodeCheckForm {
    CodeCheckForm {
        action: addresses::code_check(&member.merchant),
        value: value.to_owned(),
        error: wrong.map(|why| sentence(&why.0)),
    }
}

/// What is known of the code.
pub fn result(member: &Member, checked: &Checked) -> CodeFacts {
    match checked {
        Checked::Found(known) => found(member, known),
        Checked::Unknown { code, suggestions } => unknown(member, code, suggestions),
        Checked::Several { code, suggestions } => several(member, code, suggestions),
        Checked::Invalid(_) => unknown(member, "", &[]),
    }
}

fn found(member: &Member, known: &KnownCode) -> CodeFacts {
    let shown = &known.shown;
    let coupon = &shown.file.coupon;
    let (tone, title) = verdict(known);
    let (notes, next) = what_next(member, known);
    CodeFacts {
        tone,
        title: title.to_owned(),
        code: coupon.code.to_string(),
        status: coupons::status(member, shown),
        facts: facts(member, known),
        places: std::iter::once(coupons::itself(member, shown))
            .chain(coupons::places(member, shown))
            .collect(),
        reissue: shown.reissue.as_ref().map(|part| coupons::reissue(member, part)),
        mail: known.mail.as_ref().and_then(|mail| mails::steps(member, mail).pop()),
        notes,
        next: next
            .into_iter()
            .map(|NextStep { label, href, dialog: _ }| MenuItem { label, href, dialog: false })
            .collect(),
        suggestions: vec![],
        action: addresses::code_check(&member.merchant),
        sentence: for_the_customer(member, known),
    }
}

fn problems(known: &KnownCode) -> Vec<Problem> {
    known.shown.file.coupon.problems(known.shown.now)
}

fn verdict(known: &KnownCode) -> (Tone, &'static str) {
    match known.shown.file.coupon.state {
        CouponState::Available => (Tone::Notice, "This code was never handed out"),
        CouponState::Withdrawn => (Tone::Bad, "This code was withdrawn from stock"),
        CouponState::Replaced => (Tone::Bad, "This code was replaced"),
        CouponState::Allocated => match problems(known).first() {
            Some(Problem::Barred(_)) => (Tone::Bad, "This code is barred"),
            Some(Problem::Expired { .. }) => (Tone::Bad, "This code has expired"),
            Some(Problem::FullyRedeemed { .. }) => (Tone::Quiet, "This code is fully redeemed"),
            Some(Problem::NotStarted { .. }) => (Tone::Notice, "This code does not work yet"),
            None => (Tone::Good, "This code works"),
        },
    }
}

/// As on the coupon's page, but uses are worded as people ask for them.
fn facts(member: &Member, known: &KnownCode) -> Vec<Fact> {
    let file = &known.shown.file;
    let mut facts = coupons::facts(member, &known.shown);
    // The state says it already, right under the verdict.
    facts.retain(|fact| fact.label != "Barred");
    if let Some(uses) = facts.iter_mut().find(|fact| fact.label == "Uses") {
        uses.text = act_words::uses_gone(file.coupon.redemptions, file.coupon.max_redemptions);
    }
    if let (CouponState::Withdrawn, Some(at)) = (file.coupon.state, file.changed_at) {
        facts.push(Fact {
            label: "Withdrawn".to_owned(),
            text: String::new(),
            when: Some(crate::web::shared::format::when(member, at)),
        });
    }
    facts
}

fn link(label: &str, href: String) -> NextStep {
    NextStep { label: label.to_owned(), href: Some(href), dialog: false }
}

fn what_next(member: &Member, known: &KnownCode) -> (Vec<String>, Vec<NextStep>) {
    let shown = &known.shown;
    let coupon = &shown.file.coupon;
    let open = shown.file.reward.as_ref().map(|to| {
        link("Open the customer", addresses::reward_row(&member.merchant, to.customer, to.no))
    });
    let mut next: Vec<NextStep> = open.into_iter().collect();
    match (coupon.state, &known.file) {
        (CouponState::Available, _) => {
            if coupon.barred.is_none() && member.role.may(Permission::BarCoupons) {
                next.push(link(
                    "Bar this coupon",
                    addresses::coupon_act(&member.merchant, coupon.id, CouponAct::Bar),
                ));
            }
            (
                vec![
                    "It's still in stock, so this desk hasn't given it to anybody. Ask where it \
                     came from."
                        .to_owned(),
                ],
                next,
            )
        }
        (CouponState::Withdrawn, _) => (
            vec![
                "It was removed from stock before anybody had it. Ask where it came from."
                    .to_owned(),
            ],
            next,
        ),
        (CouponState::Replaced, _) => {
            (vec!["It was replaced by a newer code, which the customer has.".to_owned()], next)
        }
        (CouponState::Allocated, Some(file)) if coupon.capacity(shown.now).is_none() => {
            match check_reissue(file, shown.now) {
                Ok(_) => {
                    next.push(link(
                        "Reissue it on the profile",
                        addresses::reissue(&member.merchant, file),
                    ));
                    (vec![], next)
                }
                Err(refusal) => {
                    let words =
                        words::of_refusal(member, &refusal, file, &known.who_can, shown.now);
                    next.extend(words.next_steps);
                    (
                        std::iter::once(format!("It can't be reissued: {}.", lower(words.label)))
                            .chain(words.facts)
                            .collect(),
                        next,
                    )
                }
            }
        }
        (CouponState::Allocated, _) => (vec![], next),
    }
}

/// "Already reissued once" -> "already reissued once", to go on with.
fn lower(label: &str) -> String {
    let mut rest = label.chars();
    let first: String = rest.next().map(|c| c.to_lowercase().collect()).unwrap_or_default();
    format!("{first}{}", rest.as_str())
}

/// One or two sentences that can be sent as they are. Whoever quotes a code need not be who it
/// belongs to: nothing of the customer, of other codes, of orders or of why it was barred.
fn for_the_customer(member: &Member, known: &KnownCode) -> String {
    let shown = &known.shown;
    let coupon = &shown.file.coupon;
    let code = &coupon.code;
    let day = |at| zone::show_day(at, member.merchant.zone);
    let last_day = |at: chrono::DateTime<chrono::Utc>| day(at - chrono::TimeDelta::seconds(1));
    let replaceable =
        known.file.as_ref().is_some_and(|file| check_reissue(file, shown.now).is_ok());
    let then = if replaceable {
        "I can replace it with a new one."
    } else {
        "I'll look into it and get back to you."
    };
    match (coupon.state, problems(known).first()) {
        (CouponState::Available, _) => {
            format!(
                "I can't see that we sent the code {code} to anyone. Could you tell me where you \
                 got it?"
            )
        }
        (CouponState::Withdrawn, _) => {
            format!("The code {code} can't be used. Could you tell me where you got it?")
        }
        (CouponState::Replaced, _) => match &shown.reissue {
            Some(ReissuePart::ReplacedBy(earlier, _)) => {
                format!(
                    "The code {code} was replaced on {}, so please use the newer code we sent you \
                     then.",
                    day(earlier.at)
                )
            }
            _ => format!("The code {code} was replaced, so please use the newer code we sent you."),
        },
        (_, Some(Problem::Barred(_))) => {
            format!("I'm sorry, your code {code} can no longer be used. {then}")
        }
        (_, Some(Problem::Expired { at })) => {
            format!("I'm sorry, your code {code} expired on {}. {then}", last_day(*at))
        }
        (_, Some(Problem::FullyRedeemed { last: Some(last) })) => {
            format!("Your code {code} was already used, last on {}. {then}", day(last.at))
        }
        (_, Some(Problem::FullyRedeemed { last: None })) => {
            format!("Your code {code} was already used. {then}")
        }
        (_, Some(Problem::NotStarted { from })) => {
            format!(
                "Your code {code} is fine. You can use it from {}.",
                zone::show(*from, member.merchant.zone)
            )
        }
        (_, None) => {
            let until = coupon
                .window
                .until
                .map(|at| format!(" until {}", zone::show_end(at, member.merchant.zone)))
                .unwrap_or_default();
            let left = coupon.max_redemptions - coupon.redemptions;
            let uses = if coupon.max_redemptions == 1 {
                String::new()
            } else {
                format!(", {}", times(left))
            };
            format!(
                "Your code {code} is fine. You can use it{until}{uses}. Please copy it exactly as \
                 written here."
            )
        }
    }
}

fn times(left: i64) -> String {
    if left == 1 {
        "one more time".to_owned()
    } else {
        format!("{} more times", crate::web::shared::format::grouped(left))
    }
}

/// Which code is meant has to be said first.
fn several(member: &Member, code: &str, suggestions: &[check_code::CodeSuggestion]) -> CodeFacts {
    let suggestions = suggestions
        .iter()
        .map(|one| SuggestionItem {
            code: one.code.to_string(),
            why: "the same letters and digits",
        })
        .collect();
    CodeFacts {
        title: "More than one code matches".to_owned(),
        notes: vec![
            "Choose the code that is exactly as the customer wrote it, with or without hyphens."
                .to_owned(),
        ],
        suggestions,
        sentence: "Could you copy the code again, exactly as it appears in the message you \
                   received?"
            .to_owned(),
        ..unknown(member, code, &[])
    }
}

fn unknown(member: &Member, code: &str, suggestions: &[check_code::CodeSuggestion]) -> CodeFacts {
    let mut notes = vec![format!("No voucher batch of {} has this code.", member.merchant.name)];
    if Damage::of(code).is_some_and(Damage::is_number) {
        notes.push(
            "A spreadsheet has turned it into a number. Ask for the message it came in.".to_owned(),
        );
    }
    CodeFacts {
        tone: Tone::Bad,
        title: "Code not found".to_owned(),
        code: code.to_owned(),
        status: vec![],
        facts: vec![],
        places: vec![],
        reissue: None,
        mail: None,
        notes,
        next: vec![],
        suggestions: suggestions
            .iter()
            .map(|one| SuggestionItem {
                code: one.code.to_string(),
                why: if one.other_case {
                    "the same letters in a different case; its batch is case-sensitive"
                } else {
                    "looks alike"
                },
            })
            .collect(),
        action: addresses::code_check(&member.merchant),
        sentence: format!(
            "I'm sorry, I can't find the code {code}. Could you copy it again, exactly as it \
             appears in the message you received?"
        ),
    }
}

/// `GET` and `POST /m/{merchant}/check`.
#[derive(Debug, Template)]
#[template(path = "code_checks/index.html")]
pub struct CodeCheckPage {
    /// Frame. Its title never holds the code.
    pub frame: Frame,
    /// The one field.
    pub form: CodeCheckForm,
    /// What is known of the code that was sent.
    pub result: Option<CodeFacts>,
}

/// 200 as a fragment: what is known of the code.
#[derive(Debug, Template)]
#[template(path = "code_checks/result.html")]
pub struct CodeCheckResult {
    /// What is known.
    pub result: CodeFacts,
    /// The field again, where it is to show another code than was typed.
    pub form: Option<CodeCheckForm>,
}

/// 422 as a fragment: the field with what is wrong with it.
#[derive(Debug, Template)]
#[template(path = "code_checks/again.html")]
pub struct CodeCheckAgain {
    /// The field.
    pub form: CodeCheckForm,
}

/// The one field.
#[derive(Clone, Debug)]
pub struct CodeCheckForm {
    /// Where it posts to.
    pub action: String,
    /// What was typed.
    pub value: String,
    /// What is wrong with it.
    pub error: Option<String>,
}

/// What is known of a code.
#[derive(Clone, Debug)]
pub struct CodeFacts {
    /// Its meaning.
    pub tone: Tone,
    /// "This code has expired".
    pub title: String,
    /// The code as the desk has it, or as it was typed.
    pub code: String,
    /// State in words; all that holds.
    pub status: Vec<Status>,
    /// Validity, uses, and so on.
    pub facts: Vec<Fact>,
    /// Batch, reward, customer.
    pub places: Vec<LabelledLink>,
    /// The other coupon of a reissue.
    pub reissue: Option<Reissue>,
    /// What became of the mail with this code.
    pub mail: Option<Status>,
    /// What else is to be known, one sentence each.
    pub notes: Vec<String>,
    /// What to do next.
    pub next: Vec<MenuItem>,
    /// Codes that look like it; each posts itself to `action`.
    pub suggestions: Vec<SuggestionItem>,
    /// Where suggestions post to.
    pub action: String,
    /// What can be said to the customer as it is: polite, and nothing that is not theirs to know.
    pub sentence: String,
}

/// A code that may have been meant.
#[derive(Clone, Debug)]
pub struct SuggestionItem {
    /// The code.
    pub code: String,
    /// How it differs.
    pub why: &'static str,
}
