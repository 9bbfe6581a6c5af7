//! The users of a merchant, and one of them.

use chrono::{DateTime, Utc};

use super::manage_users::{UserAct, barrier, is_administrator_everywhere};
use crate::{
    app::{Desk, Error, Member, sign_in::sessions::SessionLimits},
    db::{account_links, mails, sessions, users},
    domain::{
        account_link::LinkPurpose,
        ids::UserId,
        role::Role,
        user::{Barrier, Standing, User},
    },
};

pub use mails::AccountMail;

const PAGE_ROWS: usize = 50;

/// A user in the list.
#[derive(Debug, Clone)]
pub struct UserOverview {
    pub user: User,
    pub role: Role,
    pub standing: Standing,
    /// Whether the role is only offered: the user has not accepted it.
    pub is_offer: bool,
}

/// A page of users, by name.
#[derive(Debug, Clone)]
pub struct UserList {
    pub rows: Vec<UserOverview>,
    pub next: Option<UserId>,
}

/// The users of the merchant after that one.
pub fn list_users(
    desk: &Desk,
    member: &Member,
    after: Option<UserId>,
    limits: SessionLimits,
) -> Result<UserList, Error> {
    let now = desk.clock.now();
    desk.db.read(|conn| {
        let mut found = users::list_members(
            conn,
            member.scope,
            after,
            i64::try_from(PAGE_ROWS + 1).unwrap_or(i64::MAX),
        )?;
        let more = found.len() > PAGE_ROWS;
        found.truncate(PAGE_ROWS);
        let row = |users::MerchantUser { user, role, is_offer }| UserOverview {
            standing: user.standing(limits.absence, now),
            user,
            role,
            is_offer,
        };
        let rows: Vec<UserOverview> = found.into_iter().map(row).collect();
        Ok(UserList { next: rows.last().filter(|_| more).map(|row| row.user.id), rows })
    })
}

/// One user of the merchant.
#[derive(Debug, Clone)]
pub struct UserFile {
    pub row: UserOverview,
    /// How many sessions are open.
    pub sessions: usize,
    /// Until when the invitation can be followed; it may be past.
    pub invited_until: Option<DateTime<Utc>>,
    /// The newest mail to them about their account.
    pub mail: Option<AccountMail>,
    /// What the member may not do to this user, and why.
    pub barriers: Vec<(UserAct, Barrier)>,
    pub now: DateTime<Utc>,
}

/// One user of the merchant; [`Error::NotFound`] for those of others.
pub fn show_user(
    desk: &Desk,
    member: &Member,
    id: UserId,
    limits: SessionLimits,
) -> Result<UserFile, Error> {
    let now = desk.clock.now();
    desk.db.read(|conn| {
        let users::MerchantUser { user, role, is_offer } =
            users::find_member(conn, member.scope, id)?.ok_or(Error::NotFound)?;
        let everywhere = is_administrator_everywhere(conn, member.user, id)?;
        let acts = [
            UserAct::Remove,
            UserAct::Disable,
            UserAct::Enable,
            UserAct::Unlock,
            UserAct::EndSessions,
            UserAct::ResetFactors,
        ]
        .into_iter()
        .chain(Role::ALL.map(UserAct::ChangeRole));
        let barriers = acts
            .filter_map(|act| {
                barrier(member, (&user, role, is_offer), act, everywhere)
                    .map(|barrier| (act, barrier))
            })
            .collect();
        Ok(UserFile {
            // Whether somebody who has not accepted is at work elsewhere is no business of this
            // merchant.
            sessions: if is_offer {
                0
            } else {
                sessions::list_of_user(conn, id, now - limits.idle, now - limits.absolute)?.len()
            },
            invited_until: account_links::newest(conn, LinkPurpose::Invite, id)?
                .map(|link| link.expires_at),
            mail: mails::newest_to_user(conn, member.scope, id)?,
            row: UserOverview {
                standing: user.standing(limits.absence, now),
                user,
                role,
                is_offer,
            },
            barriers,
            now,
        })
    })
}
