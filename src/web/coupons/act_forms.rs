//! The dialogs that act on a coupon: the form, and what is said after it.
//! Owns the dialogs "Bar coupon", "Unbar coupon" and "Mark as used", and the answers to them.

use askama::Template;

use crate::{
    app::{
        InvalidForm, Member,
        coupons::{coupon_acts::PreparedCouponAct, show_coupon::ShownCoupon},
    },
    domain::{
        audit::{Action, AuditRecord},
        coupon::CouponState,
        coupon_acts::{ActRefusal, CouponAct},
        zone,
    },
    web::{
        audit::records::Event,
        coupons::coupon_acts::CouponActFields,
        rewards::{self, RewardItem},
        shared::{
            act_words, addresses, flash,
            format::sentence,
            frame::Frame,
            ui::{Fact, Status, Toast, Tone},
        },
    },
};

/// What is kept of a reason or an order.
const ONE_LINE: &str = "Up to 255 characters.";

/// The form: empty, or as it was sent with what is wrong in it.
pub fn form(
    member: &Member,
    prepared: &PreparedCouponAct,
    fields: &CouponActFields,
    invalid: &InvalidForm,
) -> CouponActForm {
    let (shown, act) = (&prepared.shown, prepared.act);
    let coupon = &shown.file.coupon;
    let handed_to = shown.file.reward.as_ref();
    let customer = shown.customer.as_ref().map(crate::domain::customer::Customer::display_name);
    let back = handed_to.zip(customer.clone()).filter(|_| fields.from_profile).map(|(to, name)| {
        let href = addresses::reward_row(&member.merchant, to.customer, to.no);
        (href, name)
    });
    let (cancel_href, cancel_label) = back
        .unwrap_or_else(|| (addresses::coupon(&member.merchant, coupon.id), "Coupon".to_owned()));
    CouponActForm {
        title: act_words::title(act),
        busy: match act {
            CouponAct::Bar => "Barring…",
            CouponAct::Unbar => "Unbarring…",
            CouponAct::MarkUsed => "Counting…",
        },
        action: addresses::coupon_act(&member.merchant, coupon.id, act),
        cancel_href,
        cancel_label,
        n: handed_to.map(|to| to.no.0),
        from_profile: fields.from_profile,
        owner: customer.unwrap_or_else(|| format!("In stock in batch {}", shown.file.batch_name)),
        reward: handed_to.map(|to| to.title.clone()).unwrap_or_default(),
        code: coupon.code.to_string(),
        status: rewards::coupon_status(member, coupon, shown.now),
        means: means(act, shown),
        fields: with_focus(asked(member, act, shown, fields, invalid)),
        uses_gone: (act == CouponAct::MarkUsed)
            .then_some(fields.gone.unwrap_or(coupon.redemptions)),
    }
}

fn means(act: CouponAct, shown: &ShownCoupon) -> String {
    let coupon = &shown.file.coupon;
    match (act, coupon.state) {
        (CouponAct::Bar, CouponState::Allocated) => {
            "A barred code counts as unusable here, so the reward can be reissued. The shop isn't \
             notified. You can unbar it later."
                .to_owned()
        }
        (CouponAct::Bar, CouponState::Available) => {
            "A barred code is never handed out. It stays in the batch, and you can unbar it \
             later."
                .to_owned()
        }
        (CouponAct::Bar, _) => {
            "It remains the customer's old code and is barred permanently: a replaced coupon can't \
             be unbarred. The shop isn't notified."
                .to_owned()
        }
        (CouponAct::Unbar, CouponState::Available) => {
            "The code can be handed out again, unless something else makes it unusable.".to_owned()
        }
        (CouponAct::Unbar, _) => "The code counts as usable again, unless something else makes it \
                                  unusable."
            .to_owned(),
        (CouponAct::MarkUsed, _) => {
            let after = act_words::uses_gone(coupon.redemptions + 1, coupon.max_redemptions);
            format!("Counts one use: {after} afterwards. This can't be undone.")
        }
    }
}

fn asked(
    member: &Member,
    act: CouponAct,
    shown: &ShownCoupon,
    fields: &CouponActFields,
    invalid: &InvalidForm,
) -> Vec<ActField> {
    let error = |field: &str| invalid.get(field).map(|why| sentence(&why.0));
    let text = |name, label, value: &str, hint: String, required, error| ActField {
        name,
        label,
        kind: "text",
        value: value.to_owned(),
        hint,
        required,
        error,
        autofocus: false,
    };
    if act != CouponAct::MarkUsed {
        let hint = format!(
            "Shown with the code and kept in the audit log permanently, so don't include names. \
             {ONE_LINE}"
        );
        return vec![text("reason", "Reason", &fields.reason, hint, true, error("reason"))];
    }
    let zone = member.merchant.zone;
    let at = fields.at.clone().unwrap_or_else(|| zone::on_the_clock(shown.now, zone));
    let is_clock =
        at.is_empty() || at.len() == 16 && zone::parse_clock(&at, zone, shown.now).is_ok();
    vec![
        text(
            "order_id",
            "Order reference (optional)",
            &fields.order,
            ONE_LINE.to_owned(),
            false,
            error("order_id"),
        ),
        ActField {
            kind: if is_clock { "datetime-local" } else { "text" },
            ..text(
                "redeemed_at",
                "Used at",
                &at,
                format!("In {}. Leave empty for now.", zone.name()),
                false,
                error("redeemed_at"),
            )
        },
    ]
}

/// The focus begins at the first field that is wrong, else at the first.
pub fn with_focus(mut fields: Vec<ActField>) -> Vec<ActField> {
    let at = fields.iter().position(|field| field.error.is_some()).unwrap_or_default();
    if let Some(field) = fields.get_mut(at) {
        field.autofocus = true;
    }
    fields
}

/// What is said after an act, from its record.
pub fn told(record: &AuditRecord) -> Option<Toast> {
    let code = record.text("code")?;
    let action = Action::ALL.iter().find(|action| action.as_str() == record.action)?;
    let (title, text) = match action {
        Action::CouponBarred => {
            ("Coupon barred", format!("{code} counts as unusable from now on."))
        }
        Action::CouponUnbarred => ("Coupon unbarred", format!("{code} is no longer barred.")),
        Action::CouponMarkedUsed => {
            let uses =
                act_words::uses_gone(record.number("uses_gone")?, record.number("uses_allowed")?);
            ("Marked as used", format!("{code}: {uses}."))
        }
        _ => return None,
    };
    Some(flash::plain(Tone::Good, title, &text))
}

/// What is said where the record can't be shown any more.
pub fn just_done() -> Toast {
    flash::plain(Tone::Good, "Done", "The row shows the coupon's current state.")
}

/// An act that was refused, in short.
pub fn refused(member: &Member, shown: &ShownCoupon, refusal: &ActRefusal) -> Toast {
    let (label, facts) = act_words::of_refusal(member, refusal, shown.file.barred_by, shown.now);
    let mine = match refusal {
        ActRefusal::AlreadyBarred(_) => shown.file.barred_by == Some(member.user),
        ActRefusal::NotBarred(Some(last)) => last.by == member.user,
        _ => false,
    };
    // The same form was sent before and went through: say so.
    if mine {
        return flash::plain(
            Tone::Good,
            label,
            &format!("{} It went through the first time; nothing more was done.", facts.join(" ")),
        );
    }
    flash::plain(Tone::Bad, "Nothing was changed", &format!("{label}. {}", facts.join(" ")))
}

/// The refusal as sentences at the row.
pub fn refusal_lines(member: &Member, shown: &ShownCoupon, refusal: &ActRefusal) -> Vec<String> {
    let (label, facts) = act_words::of_refusal(member, refusal, shown.file.barred_by, shown.now);
    std::iter::once(format!("{label}.")).chain(facts).collect()
}

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
