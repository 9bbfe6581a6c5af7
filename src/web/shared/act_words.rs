//! The words for every act on a coupon and every refusal of one, for the dialog, the row and the
//! toast.

use chrono::{DateTime, Utc};

use crate::{
    app::Member,
    domain::{
        coupon::Redemption,
        coupon_acts::{ActRefusal, CouponAct},
        ids::UserId,
        zone,
    },
    web::shared::format::grouped,
};

/// "Bar coupon": the menu's item, the dialog's name and its button.
pub fn title(act: CouponAct) -> &'static str {
    match act {
        CouponAct::Bar => "Bar coupon",
        CouponAct::Unbar => "Unbar coupon",
        CouponAct::MarkUsed => "Mark as used",
    }
}

/// "2 of 5 uses gone".
pub fn uses_gone(gone: i64, allowed: i64) -> String {
    format!(
        "{} of {} {} gone",
        grouped(gone),
        grouped(allowed),
        if allowed == 1 { "use" } else { "uses" }
    )
}

/// What a refusal is called, and its facts, one sentence each. `barred_by` is who barred the
/// coupon, where known.
pub fn of_refusal(
    member: &Member,
    refusal: &ActRefusal,
    barred_by: Option<UserId>,
    now: DateTime<Utc>,
) -> (&'static str, Vec<String>) {
    let zone = member.merchant.zone;
    let happened = |what: &str, at: DateTime<Utc>, by: &str, reason: &str| {
        let ago = zone::show_age(now - at);
        format!(
            "{what} {ago} by {by}, on {}: {}.",
            zone::show(at, zone),
            reason.trim_end_matches('.')
        )
    };
    let who = |user: Option<UserId>, name: Option<&str>| {
        if user == Some(member.user) {
            "you".to_owned()
        } else {
            name.unwrap_or("an import").to_owned()
        }
    };
    match refusal {
        ActRefusal::Withdrawn => (
            "Withdrawn from stock",
            vec![
                "This code was permanently removed from stock, so nobody can get or use it."
                    .to_owned(),
            ],
        ),
        ActRefusal::AlreadyBarred(barred) => (
            "Already barred",
            vec![happened(
                "Barred",
                barred.at,
                &who(barred_by, barred.by.as_deref()),
                &barred.reason,
            )],
        ),
        ActRefusal::NotBarred(Some(last)) => (
            "Not barred",
            vec![happened(
                "Unbarred",
                last.at,
                &who(Some(last.by), Some(&last.by_name)),
                &last.reason,
            )],
        ),
        ActRefusal::NotBarred(None) => (
            "Not barred",
            vec!["This coupon isn't barred, so there is nothing to undo.".to_owned()],
        ),
        ActRefusal::NoUsesLeft { allowed, last } => {
            let mut facts = vec![format!("{}.", uses_gone(*allowed, *allowed))];
            facts.extend(
                last.as_ref().map(|last| format!("Last use: {}.", redemption(member, last))),
            );
            ("No uses left", facts)
        }
        ActRefusal::UsedMeanwhile { gone, allowed } => (
            "Used in the meantime",
            vec![
                format!(
                    "Another use was counted after you opened this form: {}.",
                    uses_gone(*gone, *allowed)
                ),
                "If yours is still missing, open the form again.".to_owned(),
            ],
        ),
        ActRefusal::SameUse(same) => {
            let apart = match same.order_id {
                Some(_) => {
                    "Each order counts once, whatever its time. A different use needs a different \
                     order reference."
                }
                None => "A different use needs an order reference or a different time.",
            };
            (
                "Already counted",
                vec![
                    format!("This use is already recorded: {}.", redemption(member, same)),
                    apart.to_owned(),
                ],
            )
        }
        ActRefusal::Replaced => (
            "Replaced",
            vec![
                "This coupon was replaced and its customer has the new code. If it were unbarred, \
                 both codes would count as usable."
                    .to_owned(),
                "It stays barred permanently.".to_owned(),
            ],
        ),
    }
}

/// "order O-12, 15 Jan 2026, 10:00 GMT".
pub fn redemption(member: &Member, one: &Redemption) -> String {
    let at = zone::show(one.at, member.merchant.zone);
    match &one.order_id {
        Some(order) => format!("order {order}, {at}"),
        None => format!("unknown order, {at}"),
    }
}
