//! The dialog: what changes, in names and numbers.

use chrono::{DateTime, Utc};

use super::{left, rewards};
use crate::{
    app::{Member, reissue_coupon::Prepared},
    domain::email::EmailAddress,
    web::views::reissues::ReissueForm,
};

/// The form of a reissue.
pub fn form(member: &Member, prepared: &Prepared, now: DateTime<Utc>) -> ReissueForm {
    let file = &prepared.file;
    let problems = file.coupon.as_ref().map(|coupon| coupon.problems(now)).unwrap_or_default();
    let customer = file.customer.display_name();
    ReissueForm {
        n: file.reward.no.0,
        action: rewards::reissue_address(member, file),
        cancel_href: format!(
            "/m/{}/customers/{}#reward-{}",
            member.merchant.slug, file.customer.no, file.reward.no
        ),
        kind: rewards::kind(file.reward.kind).to_owned(),
        reward: file.reward.title.clone(),
        old_code: file.coupon.as_ref().map(|coupon| coupon.code.to_string()).unwrap_or_default(),
        status: rewards::status(member, file, &problems),
        batch: file.batch.as_ref().map(|(batch, _)| batch.name.clone()).unwrap_or_default(),
        left: left(&prepared.codes_left),
        email: file.customer.email.as_ref().map(EmailAddress::shown).unwrap_or_default(),
        also: also(prepared),
        email_off: (!file.customer.receives_emails)
            .then(|| format!("{customer}'s emails are turned off.")),
        customer,
        send_email: false,
        token: prepared.token.clone(),
        message: None,
    }
}

/// "Customer ID C-1 also belongs to jo@new.example.": the customer may have another address by now.
fn also(prepared: &Prepared) -> Option<String> {
    let id = prepared.file.customer.customer_id.as_ref()?;
    let others: Vec<String> = prepared.other_addresses.iter().map(EmailAddress::shown).collect();
    (!others.is_empty()).then(|| format!("Customer ID {id} also belongs to {}.", others.join(", ")))
}
