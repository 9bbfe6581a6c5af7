//! The one dangerous button: a spent coupon gives way to the next usable code of the same batch, in
//! one transaction.

use std::cell::Cell;

use crate::{
    app::{Desk, Error, Member, mails::fulfilment_email, tokens},
    db::{
        WriteTx,
        coupons::{self, CodePlace},
        customers, locked_files, reissues, rewards, stock_counts,
    },
    domain::{
        batch::StockLeft,
        code::CouponCode,
        email::EmailAddress,
        ids::{BatchId, CustomerNo, ReissueId, RewardNo},
        mail::MailOrigin,
        reissue::{EarlierReissue, Refusal, Reissuable, RewardFile, check_email, check_reissue},
        role::Permission,
    },
};

/// What was asked for.
#[derive(Debug, Clone)]
pub struct ReissueCoupon {
    pub customer: CustomerNo,
    pub reward: RewardNo,
    /// The box "Send notification email".
    pub email_requested: bool,
    pub token: String,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reissued {
    pub id: ReissueId,
    pub new_code: CouponCode,
    /// Where the mail goes, if one was asked for.
    pub email_to: Option<String>,
    /// This is the first answer again: the same form was sent twice.
    pub replayed: bool,
}

/// Reissues the coupon of a reward.
///
/// Errors: [`Error::NotFound`] outside the member's merchant, [`Error::NotAllowed`] when the
/// member's right is gone, [`Error::Refused`] by the rule, [`Error::Invalid`] for a token of
/// another form. Nothing is done then.
pub fn reissue_coupon(
    desk: &Desk,
    member: &Member,
    command: &ReissueCoupon,
) -> Result<Reissued, Error> {
    let taken = Cell::new(None);
    let outcome = desk.db.write(|tx| {
        taken.set(None);
        reissue_in(tx, desk, member, command, &taken)
    });
    match (taken.get(), &outcome) {
        (Some((batch, place)), Ok(_)) => desk.next_codes.went_out(batch, place),
        (Some((batch, _)), Err(_)) => desk.next_codes.came_back(batch),
        (None, _) => {}
    }
    let done = outcome?;
    if done.email_to.is_some() && !done.replayed {
        desk.mail_wakeup.notify_one();
    }
    Ok(done)
}

/// `taken`: the code that goes out if the transaction is committed, and of which batch.
fn reissue_in(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    member: &Member,
    command: &ReissueCoupon,
    taken: &Cell<Option<(BatchId, CodePlace)>>,
) -> Result<Reissued, Error> {
    let scope = member.scope;
    let reward = (command.customer, command.reward);
    let (role, file) = locked_files::lock(tx, scope, member.user, reward, desk.clock.now())?
        .filter(|(role, _)| role.may(Permission::ReissueCoupons))
        .ok_or(Error::NotAllowed)?;
    let file = file.ok_or(Error::NotFound)?;
    // The clock is read after the lock: what counts is the moment of the decision, not of the
    // click.
    let now = desk.clock.now();

    let token_hash = tokens::hash(&command.token);
    if let Some(first) = file
        .reissued
        .as_ref()
        .filter(|earlier| earlier.token_hash == token_hash && earlier.by == member.user)
    {
        return replay(first, &file, command);
    }
    let Reissuable { old, batch } = check_reissue(&file, now)?;
    let binding =
        tokens::Binding { merchant: scope.merchant(), user: member.user, reward: command.reward };
    let fit = check_email(&file, command.email_requested)
        .map_err(Error::from)
        .and_then(|()| tokens::check(desk, binding, &command.token, now));
    if let Err(invalid) = fit {
        // An empty batch comes first: the allocation, which would find out, is not reached.
        return Err(match stock_counts::count_one(tx, scope, batch, now)?.left() {
            StockLeft::Short(shortage) => Refusal::BatchEmpty(shortage).into(),
            StockLeft::Usable(_) => invalid,
        });
    }
    fail::fail_point!("reissue::checked");

    // The old one goes first: a reward has one current coupon at most, and the schema holds us to
    // it.
    if !coupons::replace(tx, scope, old.id, file.reward.no, now)? {
        return Err(db::Error::overtaken("the coupon changed under a locked reward").into());
    }
    let Some(new) = coupons::allocate_next(
        tx,
        scope,
        batch,
        desk.next_codes.behind(batch.id),
        file.reward.no,
        now,
    )?
    else {
        let shortage = stock_counts::count_one(tx, scope, batch, now)?.set_aside();
        return Err(Refusal::BatchEmpty(shortage).into());
    };
    taken.set(Some((batch.id, new.place)));
    let id = reissues::record(
        tx,
        scope,
        &reissues::NewReissue {
            reward: &file.reward,
            batch,
            old,
            new: &new,
            by: member.user,
            role,
            email_requested: command.email_requested,
            token_hash: &token_hash,
            request_id: Some(&member.request_id),
        },
        now,
    )?;
    let email_to = if command.email_requested {
        let fulfilment = fulfilment_email::FulfilmentMail {
            merchant: &member.merchant,
            customer: &file.customer,
            reward: &file.reward,
            coupon: new.id,
            code: &new.code,
            pin: new.pin.as_deref(),
            expires_at: Some(new.expires_at).filter(|at| *at < crate::db::instant::no_end()),
            reissue: Some(id),
            origin: MailOrigin::Reissue,
            asked_by: member.user,
        };
        Some(fulfilment_email::enqueue(tx, desk, scope, &fulfilment, now)?)
    } else {
        None
    };
    fail::fail_point!("reissue::before_commit");
    Ok(Reissued { id, new_code: new.code, email_to, replayed: false })
}

/// The first answer again, if it is the same form; another tick is another form.
fn replay(
    first: &EarlierReissue,
    file: &RewardFile,
    command: &ReissueCoupon,
) -> Result<Reissued, Error> {
    if first.email_requested != command.email_requested {
        return Err(Error::Invalid(crate::domain::Invalid::because(
            "This form was already sent with the email box set differently. The first one counts. \
             Nothing more was done.",
        )));
    }
    let email_to = if first.email_requested {
        file.customer.email.as_ref().map(ToString::to_string)
    } else {
        None
    };
    Ok(Reissued { id: first.id, new_code: first.new_code.clone(), email_to, replayed: true })
}

/// What the dialog shows before anything is done.
#[derive(Debug, Clone)]
pub struct Prepared {
    pub file: RewardFile,
    pub codes_left: StockLeft,
    pub token: String,
    /// Addresses of other customers with the same customer ID, the newest first.
    pub other_addresses: Vec<EmailAddress>,
}

/// More would be no help.
const OTHER_ADDRESSES: i64 = 3;

/// The dialog: the same rule as the guard, and a fresh token. Stores nothing.
///
/// Errors: as [`reissue_coupon`].
pub fn prepare_reissue(
    desk: &Desk,
    member: &Member,
    customer: CustomerNo,
    reward: RewardNo,
) -> Result<Prepared, Error> {
    let now = desk.clock.now();
    let file = desk
        .db
        .read(|conn| rewards::find_file(conn, member.scope, customer, reward, now))?
        .ok_or(Error::NotFound)?;
    check_reissue(&file, now)?;
    let codes_left = file.batch.as_ref().map(|(_, left)| *left).ok_or(Error::NotFound)?;
    let token = tokens::issue(
        desk,
        tokens::Binding { merchant: member.scope.merchant(), user: member.user, reward },
    )?;
    let other_addresses = desk.db.read(|conn| {
        customers::other_addresses(conn, member.scope, &file.customer, OTHER_ADDRESSES)
    })?;
    Ok(Prepared { file, codes_left, token, other_addresses })
}
