//! The outbox: mails as they were asked for, and what became of them.

use chrono::{DateTime, Utc};
use diesel::{
    ExpressionMethods, JoinOnDsl, NullableExpressionMethods, OptionalExtension, QueryDsl,
    Queryable, RunQueryDsl, Selectable, SelectableHelper,
};

use super::{
    DbConn, Error, Scope, WriteTx,
    among::among,
    instant::At,
    schema::{mails as m, users},
};
use crate::domain::{
    ids::{CouponId, CustomerNo, MailId, ReissueId, RewardNo, UserId},
    mail::{Letter, MailOrigin, MailState, MailSummary, Notice},
};

/// A mail about to be queued; its letter is final.
#[derive(Debug)]
pub struct NewMail<'a> {
    pub customer: CustomerNo,
    pub reward: RewardNo,
    pub coupon: CouponId,
    pub reissue: Option<ReissueId>,
    pub origin: MailOrigin,
    pub asked_by: Option<UserId>,
    pub letter: &'a Letter,
}

/// Puts a mail in the outbox, due at once. In the transaction of what caused it, so that neither is
/// without the other.
pub fn enqueue(
    tx: &mut WriteTx<'_>,
    scope: Scope,
    new: &NewMail<'_>,
    now: DateTime<Utc>,
) -> Result<MailId, Error> {
    let id: i64 = diesel::insert_into(m::table)
        .values((
            m::merchant_id.eq(scope.merchant().0),
            m::customer.eq(new.customer.0),
            m::reward.eq(new.reward.0),
            m::coupon_id.eq(new.coupon.0),
            m::reissue_id.eq(new.reissue.map(|id| id.0)),
            m::origin.eq(new.origin.as_str()),
            m::asked_by.eq(new.asked_by.map(|id| id.0)),
            m::message_id.eq(&new.letter.message_id),
            m::sender.eq(&new.letter.sender),
            m::recipient.eq(&new.letter.recipient),
            m::subject.eq(&new.letter.subject),
            m::text_body.eq(&new.letter.text),
            m::html_body.eq(&new.letter.html),
            m::state.eq(MailState::Queued.as_str()),
            m::attempts.eq(0),
            m::next_attempt_at.eq(At(now)),
            m::queued_at.eq(At(now)),
        ))
        .returning(m::id)
        .get_result(&mut **tx)?;
    Ok(MailId(id))
}

/// Puts a mail to a user in the outbox, due at once.
pub fn enqueue_for_user(
    tx: &mut WriteTx<'_>,
    scope: Scope,
    user: UserId,
    notice: Notice,
    letter: &Letter,
    now: DateTime<Utc>,
) -> Result<MailId, Error> {
    let id: i64 = diesel::insert_into(m::table)
        .values((
            m::merchant_id.eq(scope.merchant().0),
            m::user_id.eq(user.0),
            m::origin.eq(notice.as_str()),
            m::message_id.eq(&letter.message_id),
            m::sender.eq(&letter.sender),
            m::recipient.eq(&letter.recipient),
            m::subject.eq(&letter.subject),
            m::text_body.eq(&letter.text),
            m::html_body.eq(&letter.html),
            m::state.eq(MailState::Queued.as_str()),
            m::attempts.eq(0),
            m::next_attempt_at.eq(At(now)),
            m::queued_at.eq(At(now)),
        ))
        .returning(m::id)
        .get_result(&mut **tx)?;
    Ok(MailId(id))
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = m)]
struct SummaryRow {
    id: i64,
    /// Mails to customers, which are all that is read here, have one.
    #[diesel(select_expression = m::reward.assume_not_null())]
    reward: i64,
    reissue_id: Option<i64>,
    origin: String,
    recipient: String,
    subject: String,
    state: String,
    attempts: i64,
    next_attempt_at: At,
    last_error: Option<String>,
    queued_at: At,
    ended_at: Option<At>,
    #[diesel(select_expression = users::name.nullable())]
    asked_by: Option<String>,
}

impl TryFrom<SummaryRow> for MailSummary {
    type Error = Error;

    fn try_from(row: SummaryRow) -> Result<Self, Error> {
        Ok(Self {
            id: MailId(row.id),
            reward: RewardNo(row.reward),
            reissue: row.reissue_id.map(ReissueId),
            origin: row.origin.parse()?,
            recipient: row.recipient,
            subject: row.subject,
            state: row.state.parse()?,
            attempts: row.attempts,
            next_attempt_at: row.next_attempt_at.0,
            last_error: row.last_error,
            queued_at: row.queued_at.0,
            ended_at: row.ended_at.map(|at| at.0),
            asked_by: row.asked_by,
        })
    }
}

/// The newest mail of each of these rewards of the customer, where there is one.
pub fn latest_of_rewards(
    conn: &mut DbConn,
    scope: Scope,
    customer: CustomerNo,
    of: &[RewardNo],
) -> Result<Vec<MailSummary>, Error> {
    let of_these = among(conn, m::reward, of.iter().map(|no| no.0));
    // By way of the customer: that is what the index is on.
    let newest_first: Vec<SummaryRow> = m::table
        .left_join(users::table.on(users::id.nullable().eq(m::asked_by)))
        .filter(m::merchant_id.eq(scope.merchant().0))
        .filter(m::customer.eq(customer.0))
        .filter(of_these)
        .order(m::id.desc())
        .select(SummaryRow::as_select())
        .load(conn)?;
    let mut latest: Vec<MailSummary> = Vec::new();
    for row in newest_first {
        if latest.iter().all(|mail| mail.reward.0 != row.reward) {
            latest.push(row.try_into()?);
        }
    }
    Ok(latest)
}

/// The newest mail that carries this coupon.
pub fn latest_of_coupon(
    conn: &mut DbConn,
    scope: Scope,
    customer: CustomerNo,
    coupon: CouponId,
) -> Result<Option<MailSummary>, Error> {
    let row: Option<SummaryRow> = m::table
        .left_join(users::table.on(users::id.nullable().eq(m::asked_by)))
        .filter(m::merchant_id.eq(scope.merchant().0))
        .filter(m::customer.eq(customer.0))
        .filter(m::coupon_id.eq(coupon.0))
        .order(m::id.desc())
        .select(SummaryRow::as_select())
        .first(conn)
        .optional()?;
    row.map(TryInto::try_into).transpose()
}

/// The customer's mails below `before`, newest first.
pub fn list_of_customer(
    conn: &mut DbConn,
    scope: Scope,
    customer: CustomerNo,
    before: Option<MailId>,
    limit: i64,
) -> Result<Vec<MailSummary>, Error> {
    let rows: Vec<SummaryRow> = m::table
        .left_join(users::table.on(users::id.nullable().eq(m::asked_by)))
        .filter(m::merchant_id.eq(scope.merchant().0))
        .filter(m::customer.eq(customer.0))
        .filter(m::id.lt(before.map_or(i64::MAX, |id| id.0)))
        .order(m::id.desc())
        .limit(limit)
        .select(SummaryRow::as_select())
        .load(conn)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// One of the customer's mails, as it was rendered.
pub fn find(
    conn: &mut DbConn,
    scope: Scope,
    customer: CustomerNo,
    mail: MailId,
) -> Result<Option<(MailSummary, Letter)>, Error> {
    let row: Option<(SummaryRow, super::mail_leases::LetterRow)> = m::table
        .left_join(users::table.on(users::id.nullable().eq(m::asked_by)))
        .filter(m::merchant_id.eq(scope.merchant().0))
        .filter(m::customer.eq(customer.0))
        .filter(m::id.eq(mail.0))
        .select((SummaryRow::as_select(), super::mail_leases::LETTER))
        .first(conn)
        .optional()?;
    row.map(|(row, letter)| Ok((row.try_into()?, letter.into()))).transpose()
}

/// What became of a mail to a user about their account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountMail {
    pub subject: String,
    pub state: MailState,
    pub queued_at: DateTime<Utc>,
    pub next_attempt_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    pub last_error: Option<String>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = m)]
struct AccountMailRow {
    subject: String,
    state: String,
    queued_at: At,
    next_attempt_at: At,
    ended_at: Option<At>,
    last_error: Option<String>,
}

/// The newest mail to the user about their account that went out in this merchant's name.
pub fn newest_to_user(
    conn: &mut DbConn,
    scope: Scope,
    user: UserId,
) -> Result<Option<AccountMail>, Error> {
    let row: Option<AccountMailRow> = m::table
        .filter(m::merchant_id.eq(scope.merchant().0))
        .filter(m::user_id.eq(user.0))
        .filter(m::origin.eq(Notice::Account.as_str()))
        .order(m::id.desc())
        .select(AccountMailRow::as_select())
        .first(conn)
        .optional()?;
    row.map(|row| {
        Ok(AccountMail {
            subject: row.subject,
            state: row.state.parse()?,
            queued_at: row.queued_at.0,
            next_attempt_at: row.next_attempt_at.0,
            ended_at: row.ended_at.map(|at| at.0),
            last_error: row.last_error,
        })
    })
    .transpose()
}

/// A mail that makes another one needless: of the same coupon to the same address, and still
/// waiting, or resent since `since` by the same user. Answered by a second click.
pub fn find_twin(
    conn: &mut DbConn,
    scope: Scope,
    (customer, coupon): (CustomerNo, CouponId),
    (user, recipient): (UserId, &str),
    since: DateTime<Utc>,
) -> Result<Option<MailId>, Error> {
    use diesel::BoolExpressionMethods;
    let id: Option<i64> = m::table
        .filter(m::merchant_id.eq(scope.merchant().0))
        .filter(m::customer.eq(customer.0))
        .filter(m::coupon_id.eq(coupon.0))
        .filter(m::recipient.eq(recipient))
        .filter(
            m::state.eq(MailState::Queued.as_str()).or(m::state
                .eq(MailState::Sent.as_str())
                .and(m::origin.eq(MailOrigin::Resend.as_str()))
                .and(m::asked_by.eq(user.0))
                .and(m::queued_at.gt(At(since)))),
        )
        .order(m::id.desc())
        .select(m::id)
        .first(conn)
        .optional()?;
    Ok(id.map(MailId))
}
