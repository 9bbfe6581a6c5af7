//! What just happened, as a toast or as a message in the page.

use chrono::{DateTime, Utc};

use crate::{
    app::{Member, customers::show_customer::Profile, rewards::reissue_coupon::Reissued},
    domain::{
        audit::{AuditRecord, ShownActor},
        reissue::Refusal,
        zone,
    },
    web::shared::{
        request,
        ui::{Toast, Tone},
    },
};

/// A toast of two sentences.
pub fn plain(tone: Tone, title: &str, text: &str) -> Toast {
    Toast {
        tone,
        title: title.to_owned(),
        text: text.to_owned(),
        code: None,
        links: vec![],
        request_id: None,
    }
}

/// A reissue that went through.
pub fn reissued(_member: &Member, reissued: &Reissued) -> Toast {
    let text = match &reissued.email_to {
        Some(address) => format!("Email on its way to {address}."),
        None => "No email was sent.".to_owned(),
    };
    Toast {
        code: Some(reissued.new_code.to_string()),
        ..plain(Tone::Good, "Coupon reissued", &text)
    }
}

/// A mail that is queued again.
pub fn resent(recipient: &str) -> Toast {
    plain(Tone::Good, "Email queued again", &format!("It is on its way to {recipient}."))
}

/// A reissue that was refused, in one sentence; the row says the rest.
pub fn refused(member: &Member, refusal: &Refusal, now: DateTime<Utc>) -> Toast {
    // The same form was sent before and went through: say so, not that nothing happened.
    if let Refusal::AlreadyReissued(earlier) = refusal
        && earlier.by == member.user
    {
        let toast = plain(
            Tone::Good,
            "This coupon has been reissued",
            &format!(
                "{} It went through the first time; nothing more was done.",
                sentence(member, refusal, now)
            ),
        );
        return Toast { code: Some(earlier.new_code.to_string()), ..toast };
    }
    plain(Tone::Bad, "Nothing was reissued", &sentence(member, refusal, now))
}

/// A mail that was not sent again.
pub fn not_resent(member: &Member, refusal: &Refusal, now: DateTime<Utc>) -> Toast {
    plain(Tone::Bad, "No email was sent", &sentence(member, refusal, now))
}

fn sentence(member: &Member, refusal: &Refusal, now: DateTime<Utc>) -> String {
    let zone = member.merchant.zone;
    match refusal {
        Refusal::CustomerPurged { at } => {
            format!("The customer's data was purged on {}.", zone::show(*at, zone))
        }
        Refusal::CustomerBlocked(_) => "The customer is blocked.".to_owned(),
        Refusal::NonBatchReward(provider) => {
            format!("This reward is fulfilled by {}.", provider.label())
        }
        Refusal::AlreadyReissued(earlier) => {
            let by = if earlier.by == member.user { "you" } else { &earlier.by_name };
            format!("Reissued {} by {by}.", zone::show_age(now - earlier.at))
        }
        Refusal::NoCouponYet => "This reward has no coupon yet.".to_owned(),
        Refusal::StillHasCapacity(_) => "Coupon still has capacity.".to_owned(),
        Refusal::BatchEmpty(_) => "Voucher batch empty: no usable code is left.".to_owned(),
        Refusal::EmailsOff => {
            "This customer's emails are turned off, so no email can be sent.".to_owned()
        }
    }
}

/// The message of a page that was reached after an act without a script. `done` comes from the
/// address: it names only what happened, and everything shown is read from the data.
pub fn after(done: &str, member: &Member, profile: &Profile) -> Option<Toast> {
    let (act, number) = done.rsplit_once('-')?;
    let number = request::number(number)?;
    if matches!(act, "coupon" | "customer") {
        let mine = |event: &&AuditRecord| matches!(event.actor, ShownActor::User { id, .. } if id == member.user);
        let record = profile.events.iter().filter(mine).find(|event| event.id.0 == number)?;
        return if act == "coupon" {
            crate::web::coupons::act_forms::told(record)
        } else {
            crate::web::customers::customer_acts::told(record)
        };
    }
    let row = profile.rewards.iter().find(|row| row.file.reward.no.0 == number)?;
    match act {
        "reissued" => {
            let earlier = row.file.reissued.as_ref().filter(|earlier| earlier.by == member.user)?;
            let text = match (&profile.customer.email, earlier.email_requested) {
                (Some(address), true) => format!("Email on its way to {address}."),
                _ => "No email was sent.".to_owned(),
            };
            Some(Toast {
                code: Some(earlier.new_code.to_string()),
                ..plain(Tone::Good, "Coupon reissued", &text)
            })
        }
        "resent" => {
            let mail = row.mail.as_ref()?;
            Some(resent(&mail.recipient))
        }
        _ => None,
    }
}
