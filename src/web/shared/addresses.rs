//! The addresses of a merchant's pages. They are built here and nowhere else in `web`, so that a
//! link and the route it leads to can be compared on two screens.
//!
//! A query or an anchor is added by the page that needs it.

use crate::domain::{
    coupon_acts::CouponAct,
    customer_acts::CustomerAct,
    ids::{BatchId, CouponId, CustomerNo, ImportId, MailId, RewardNo, UserId},
    merchant::Merchant,
    reissue::RewardFile,
};

/// Everything of one merchant lies below `/m/{slug}`.
fn below(merchant: &Merchant, rest: &str) -> String {
    format!("/m/{}/{rest}", merchant.slug)
}

/// The customers list, which is also where a merchant begins.
pub fn customers(merchant: &Merchant) -> String {
    below(merchant, "customers")
}

/// A customer's profile.
pub fn customer(merchant: &Merchant, customer: CustomerNo) -> String {
    below(merchant, &format!("customers/{customer}"))
}

/// The form of an act on a customer, and where it posts to.
pub fn customer_act(merchant: &Merchant, customer: CustomerNo, act: CustomerAct) -> String {
    below(merchant, &format!("customers/{customer}/{}", customer_verb(act)))
}

/// The last part of the address of an act on a customer.
fn customer_verb(act: CustomerAct) -> &'static str {
    match act {
        CustomerAct::Block => "block",
        CustomerAct::Unblock => "unblock",
        CustomerAct::EmailsOff => "emails-off",
        CustomerAct::EmailsOn => "emails-on",
        CustomerAct::Purge => "purge",
    }
}

/// The act on a customer that a path ends with.
pub fn customer_act_of(path: &str) -> Option<CustomerAct> {
    let last = path.rsplit('/').next()?;
    CustomerAct::ALL.into_iter().find(|act| customer_verb(*act) == last)
}

/// A reward's row on its customer's profile.
pub fn reward_row(merchant: &Merchant, customer: CustomerNo, reward: RewardNo) -> String {
    below(merchant, &format!("customers/{customer}#reward-{reward}"))
}

/// The same row, with a word to the profile about what was done: "reissued-7".
pub fn reward_row_after(
    merchant: &Merchant,
    customer: CustomerNo,
    reward: RewardNo,
    done: &str,
) -> String {
    below(merchant, &format!("customers/{customer}?done={done}#reward-{reward}"))
}

/// The dialog "Reissue coupon", and where it posts to.
pub fn reissue(merchant: &Merchant, file: &RewardFile) -> String {
    reward(merchant, file.customer.no, file.reward.no, "reissue")
}

/// Where the fulfilment email is sent again.
pub fn resend(merchant: &Merchant, customer: CustomerNo, of: RewardNo) -> String {
    reward(merchant, customer, of, "resend")
}

/// How far a reward's newest email is.
pub fn mail_state(merchant: &Merchant, customer: CustomerNo, of: RewardNo) -> String {
    reward(merchant, customer, of, "mail")
}

fn reward(merchant: &Merchant, customer: CustomerNo, reward: RewardNo, act: &str) -> String {
    below(merchant, &format!("customers/{customer}/rewards/{reward}/{act}"))
}

/// One email to a customer.
pub fn mail(merchant: &Merchant, customer: CustomerNo, mail: MailId) -> String {
    below(merchant, &format!("customers/{customer}/mails/{mail}"))
}

/// The stored HTML of an email, for the frame on its page.
pub fn mail_html(merchant: &Merchant, customer: CustomerNo, mail: MailId) -> String {
    below(merchant, &format!("customers/{customer}/mails/{mail}/html"))
}

/// A coupon.
pub fn coupon(merchant: &Merchant, coupon: CouponId) -> String {
    below(merchant, &format!("coupons/{coupon}"))
}

/// The form of an act on a coupon, and where it posts to.
pub fn coupon_act(merchant: &Merchant, coupon: CouponId, act: CouponAct) -> String {
    below(merchant, &format!("coupons/{coupon}/{}", coupon_verb(act)))
}

/// The same form for a link in a reward's row, to which the act then leads back.
pub fn coupon_act_from_row(merchant: &Merchant, coupon: CouponId, act: CouponAct) -> String {
    format!("{}?from=profile", coupon_act(merchant, coupon, act))
}

/// The last part of the address of an act on a coupon.
fn coupon_verb(act: CouponAct) -> &'static str {
    match act {
        CouponAct::Bar => "bar",
        CouponAct::Unbar => "unbar",
        CouponAct::MarkUsed => "use",
    }
}

/// The act on a coupon that a path ends with.
pub fn coupon_act_of(path: &str) -> Option<CouponAct> {
    let last = path.rsplit('/').next()?;
    [CouponAct::Bar, CouponAct::Unbar, CouponAct::MarkUsed]
        .into_iter()
        .find(|act| coupon_verb(*act) == last)
}

/// Where a code is checked.
pub fn code_check(merchant: &Merchant) -> String {
    below(merchant, "check")
}

/// Redemptions that don't match the desk's records; redemptions are posted here, too.
pub fn redemptions(merchant: &Merchant) -> String {
    below(merchant, "redemptions")
}

/// The form for a file of redemptions.
pub fn new_redemptions(merchant: &Merchant) -> String {
    below(merchant, "redemptions/new")
}

/// Where a file of codes to bar is posted.
pub fn bars(merchant: &Merchant) -> String {
    below(merchant, "bars")
}

/// The form for a file of codes to bar.
pub fn new_bars(merchant: &Merchant) -> String {
    below(merchant, "bars/new")
}

/// The list of voucher batches.
pub fn batches(merchant: &Merchant) -> String {
    below(merchant, "batches")
}

/// The form of a new batch.
pub fn new_batch(merchant: &Merchant) -> String {
    below(merchant, "batches/new")
}

/// A voucher batch.
pub fn batch(merchant: &Merchant, batch: BatchId) -> String {
    below(merchant, &format!("batches/{batch}"))
}

/// "Add vouchers" on a batch's page.
pub fn add_vouchers(merchant: &Merchant, batch: BatchId) -> String {
    below(merchant, &format!("batches/{batch}#add-vouchers"))
}

/// "Adjust validity" on a batch's page.
pub fn adjust_validity(merchant: &Merchant, batch: BatchId) -> String {
    below(merchant, &format!("batches/{batch}#adjust-validity"))
}

/// Where a form on a batch's page posts to.
pub fn batch_form(merchant: &Merchant, batch: BatchId, form: BatchForm) -> String {
    let form = match form {
        BatchForm::Vouchers => "vouchers",
        BatchForm::Validity => "validity",
        BatchForm::Thresholds => "lines",
        BatchForm::Withdrawal => "withdrawals",
        BatchForm::Export => "export",
    };
    below(merchant, &format!("batches/{batch}/{form}"))
}

/// The forms on a batch's page.
#[derive(Debug, Clone, Copy)]
pub enum BatchForm {
    Vouchers,
    Validity,
    Thresholds,
    Withdrawal,
    Export,
}

/// The list of imports.
pub fn imports(merchant: &Merchant) -> String {
    below(merchant, "imports")
}

/// An import.
pub fn import(merchant: &Merchant, import: ImportId) -> String {
    below(merchant, &format!("imports/{import}"))
}

/// Stock alerts; how one is notified is posted here, too.
pub fn alerts(merchant: &Merchant) -> String {
    below(merchant, "alerts")
}

/// The users of a merchant; invitations are posted here, too.
pub fn users(merchant: &Merchant) -> String {
    below(merchant, "users")
}

/// The form of an invitation.
pub fn new_user(merchant: &Merchant) -> String {
    below(merchant, "users/new")
}

/// A user.
pub fn user(merchant: &Merchant, user: UserId) -> String {
    below(merchant, &format!("users/{user}"))
}

/// What each role can do.
pub fn permissions(merchant: &Merchant) -> String {
    below(merchant, "permissions")
}

/// The merchant's settings.
pub fn settings(merchant: &Merchant) -> String {
    below(merchant, "settings")
}

/// The audit log.
pub fn audit_log(merchant: &Merchant) -> String {
    below(merchant, "audit")
}

/// One customer's part of the audit log.
pub fn audit_log_of(merchant: &Merchant, customer: CustomerNo) -> String {
    below(merchant, &format!("audit?customer={customer}"))
}

/// The page where somebody wants to be back who was asked to confirm who they are: acts are done
/// from a profile, or from the page of a batch, coupon, import or user, or from one's own account.
pub fn landing(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').collect();
    let first = |n: usize| parts[..n].join("/");
    match parts.as_slice() {
        ["", "m", _, "customers" | "coupons" | "imports" | "users" | "batches", _, _, ..] => {
            first(5)
        }
        ["", "m", _, "audit" | "alerts", _, ..] => first(4),
        ["", "account", "app" | "identity"] | ["", "account", "passkeys", "new"] => path.to_owned(),
        ["", "account", "passkeys", "options"] => "/account/passkeys/new".to_owned(),
        ["", "account", ..] => "/account".to_owned(),
        _ => path.to_owned(),
    }
}
