//! The one dangerous button: a spent coupon gives way to the next usable code of the same batch, in
//! one transaction.

use chrono::{DateTime, Utc};

use crate::{
    app::{Desk, Error, Member, mails::fulfilment_email::FulfilmentMail, tokens},
    db::{
        self, WriteTx,
        coupons::{self, Allocated},
        customers, locked_files,
        reissues::{self, NewReissue},
        rewards, stock_counts,
    },
    domain::{
        Invalid,
        batch::{Batch, StockLeft},
        code::CouponCode,
        email::EmailAddress,
        ids::{CustomerNo, ReissueId, RewardNo},
        mail::MailOrigin,
        reissue::{EarlierReissue, Refusal, Reissuable, RewardFile, check_email, check_reissue},
        role::{Permission, Role},
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
    desk.db.write(|tx| {
        let scope = member.scope;
        let reward = (command.customer, command.reward);
        let begun = desk.clock.now();
        let (role, file) = locked_files::lock(tx, scope, member.user, reward, begun)?
            .filter(|(role, _)| role.may(Permission::ReissueCoupons))
            .ok_or(Error::NotAllowed)?;
        let file = file.ok_or(Error::NotFound)?;
        // The clock is read after the locks: what counts is the moment of the decision, not of the
        // click.
        let now = desk.clock.now();
        let click = Click { desk, member, command, role, file: &file, now };

        if let Some(first) = click.is_repeat_of() {
            return click.first_answer(first);
        }
        let reissuable = check_reissue(&file, now)?;
        click.check_form(tx, reissuable.batch)?;
        fail::fail_point!("reissue::checked");

        let new = click.exchange(tx, reissuable)?;
        let id = click.record(tx, reissuable, &new)?;
        let email_to = click.queue_email(tx, id, &new)?;
        fail::fail_point!("reissue::before_commit");
        Ok(Reissued { id, new_code: new.code, email_to, replayed: false })
    })
}

/// One request for a reissue, with what its transaction has locked.
struct Click<'a> {
    desk: &'a Desk,
    member: &'a Member,
    command: &'a ReissueCoupon,
    role: Role,
    file: &'a RewardFile,
    /// The moment of the decision.
    now: DateTime<Utc>,
}

impl<'a> Click<'a> {
    /// The reissue that the same form has brought about already.
    fn is_repeat_of(&self) -> Option<&'a EarlierReissue> {
        let token_hash = tokens::hash(&self.command.token);
        self.file
            .reissued
            .as_ref()
            .filter(|first| first.token_hash == token_hash && first.by == self.member.user)
    }

    /// The first answer again, if it is the same form; another tick is another form.
    fn first_answer(&self, first: &EarlierReissue) -> Result<Reissued, Error> {
        if first.email_requested != self.command.email_requested {
            return Err(Error::from(Invalid::because(
                "This form was already sent with the email box set differently. The first one \
                 counts. Nothing more was done.",
            )));
        }
        let email_to = if first.email_requested {
            self.file.customer.email.as_ref().map(ToString::to_string)
        } else {
            None
        };
        Ok(Reissued { id: first.id, new_code: first.new_code.clone(), email_to, replayed: true })
    }

    /// Whether the email may be asked for, and the token is one for this reward.
    fn check_form(&self, tx: &mut WriteTx<'_>, batch: &Batch) -> Result<(), Error> {
        let scope = self.member.scope;
        let binding = tokens::Binding {
            merchant: scope.merchant(),
            user: self.member.user,
            reward: self.command.reward,
        };
        check_email(self.file, self.command.email_requested)
            .map_err(Error::from)
            .and_then(|()| tokens::check(self.desk, binding, &self.command.token, self.now))
            .or_else(|invalid| {
                // An empty batch comes first: the allocation, which would find out, is not reached.
                Err(match stock_counts::count_one(tx, scope, batch, self.now)?.left() {
                    StockLeft::Short(shortage) => Refusal::BatchEmpty(shortage).into(),
                    StockLeft::Usable(_) => invalid,
                })
            })
    }

    /// Puts the next code of the batch in the place of the old one, which goes first: a reward has
    /// one current coupon at most, and the schema holds us to it.
    fn exchange(
        &self,
        tx: &mut WriteTx<'_>,
        Reissuable { old, batch }: Reissuable<'_>,
    ) -> Result<Allocated, Error> {
        let (scope, reward, now) = (self.member.scope, self.file.reward.no, self.now);
        if !coupons::replace(tx, scope, old.id, reward, now)? {
            return Err(db::Error::overtaken("the coupon changed under a locked reward").into());
        }
        let next_codes = &self.desk.next_codes;
        let behind = next_codes.behind(batch.id);
        let Some(new) = coupons::allocate_next(tx, scope, batch, behind, reward, now)? else {
            let shortage = stock_counts::count_one(tx, scope, batch, now)?.set_aside();
            return Err(Refusal::BatchEmpty(shortage).into());
        };
        let taken = next_codes.taken(batch.id, new.place);
        tx.after_commit(move || taken.went_out());
        Ok(new)
    }

    fn record(
        &self,
        tx: &mut WriteTx<'_>,
        Reissuable { old, batch }: Reissuable<'_>,
        new: &Allocated,
    ) -> Result<ReissueId, Error> {
        let reissue = NewReissue {
            reward: &self.file.reward,
            batch,
            old,
            new,
            by: self.member.user,
            role: self.role,
            email_requested: self.command.email_requested,
            token_hash: &tokens::hash(&self.command.token),
            request_id: Some(&self.member.request_id),
        };
        Ok(reissues::record(tx, self.member.scope, &reissue, self.now)?)
    }

    /// Queues the email if one was asked for; answers the address it goes to.
    fn queue_email(
        &self,
        tx: &mut WriteTx<'_>,
        reissue: ReissueId,
        new: &Allocated,
    ) -> Result<Option<String>, Error> {
        if !self.command.email_requested {
            return Ok(None);
        }
        let mail = FulfilmentMail {
            merchant: &self.member.merchant,
            customer: &self.file.customer,
            reward: &self.file.reward,
            coupon: new.id,
            code: &new.code,
            pin: new.pin.as_deref(),
            starts_at: None,
            expires_at: Some(new.expires_at).filter(|at| *at < db::instant::no_end()),
            reissue: Some(reissue),
            origin: MailOrigin::Reissue,
            asked_by: self.member.user,
        };
        let queued = mail.enqueue(tx, self.desk, self.member.scope, self.now)?;
        Ok(Some(queued.recipient))
    }
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
