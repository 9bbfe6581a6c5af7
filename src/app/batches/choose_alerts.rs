//! How a user is notified of a merchant's stock, and the thresholds for all of its batches.

use super::{
    set_thresholds::{MOST_CODES, whole_number},
    watch_stock::next_digest,
};
use crate::{
    app::{Desk, Error, InvalidForm, Member},
    db::{
        audit, memberships, merchants,
        stock_alerts::{self, Alert},
    },
    domain::{
        Invalid,
        audit::{Action, Actor, NewRecord},
        merchant::StockRules,
        role::Permission,
        stock_alert::AlertMode,
    },
};

const PAGE_ALERTS: usize = 30;

/// The merchant's alerts and this user's choice.
#[derive(Debug, Clone)]
pub struct AlertPage {
    pub mode: AlertMode,
    pub rules: StockRules,
    /// Newest first.
    pub alerts: Vec<Alert>,
    pub older: Option<i64>,
}

/// The alerts below `before`.
pub fn show_alerts(desk: &Desk, member: &Member, before: Option<i64>) -> Result<AlertPage, Error> {
    desk.db.read(|conn| {
        let mut alerts = stock_alerts::list(
            conn,
            member.scope,
            before,
            i64::try_from(PAGE_ALERTS + 1).unwrap_or(i64::MAX),
        )?;
        let more = alerts.len() > PAGE_ALERTS;
        alerts.truncate(PAGE_ALERTS);
        Ok(AlertPage {
            mode: stock_alerts::choice_of(conn, member.scope, member.user)?,
            rules: merchants::get(conn, member.scope)?.stock_rules,
            older: alerts.last().filter(|_| more).map(|alert| alert.id),
            alerts,
        })
    })
}

/// Sets how the member hears of the stock from now on. What was raised before is not told.
pub fn choose_alerts(desk: &Desk, member: &Member, mode: AlertMode) -> Result<(), Error> {
    desk.db.write(|tx| {
        memberships::lock_role(tx, member.scope, member.user)?.ok_or(Error::NotAllowed)?;
        let old = stock_alerts::choice_of(tx, member.scope, member.user)?;
        if old == mode {
            return Ok(());
        }
        let now = desk.clock.now();
        stock_alerts::choose(
            tx,
            member.scope,
            member.user,
            mode,
            next_digest(&member.merchant, now),
        )?;
        let mut record = NewRecord::new(
            Some(member.scope.merchant()),
            Action::AlertsChosen,
            Actor::User(member.user),
        )
        .detail("old_mode", old.as_str())
        .detail("mode", mode.as_str());
        record.request_id = Some(member.request_id.clone());
        audit::append(tx, &record, now)?;
        Ok(())
    })
}

/// The most days.
const MOST_DAYS: (i64, &str) = (3_650, "3650");

/// The thresholds as typed, or what is wrong with them.
pub(in crate::app) fn stock_rules(
    threshold: &str,
    least_days: &str,
) -> Result<StockRules, InvalidForm> {
    let needed = |typed: Result<Option<i64>, Invalid>| {
        typed.and_then(|n| {
            n.ok_or_else(|| {
                Invalid::because(
                    "enter a whole number; 0 means no \
                                                           threshold",
                )
            })
        })
    };
    match (needed(whole_number(threshold, MOST_CODES)), needed(whole_number(least_days, MOST_DAYS)))
    {
        (Ok(threshold), Ok(least_days)) => Ok(StockRules { threshold, least_days }),
        (threshold, days) => {
            Err(InvalidForm::of([("threshold", threshold.err()), ("least_days", days.err())]))
        }
    }
}

/// Sets the thresholds for all batches of the merchant that have none of their own.
///
/// Errors: [`Error::NotAllowed`] when the member's right is gone, [`Error::Invalid`] for what
/// can't be taken.
pub fn draw_stock_rules(
    desk: &Desk,
    member: &Member,
    threshold: &str,
    least_days: &str,
) -> Result<(), Error> {
    let rules = stock_rules(threshold, least_days)?;
    desk.db.write(|tx| {
        let allowed = memberships::lock_role(tx, member.scope, member.user)?
            .filter(|role| role.may(Permission::ManageBatches));
        allowed.ok_or(Error::NotAllowed)?;
        let old = merchants::get(tx, member.scope)?.stock_rules;
        if old == rules {
            return Ok(());
        }
        merchants::set_stock_rules(tx, member.scope, rules)?;
        let mut record = NewRecord::new(
            Some(member.scope.merchant()),
            Action::AlertRulesSet,
            Actor::User(member.user),
        )
        .detail("old_threshold", old.threshold)
        .detail("threshold", rules.threshold)
        .detail("old_least_days", old.least_days)
        .detail("least_days", rules.least_days);
        record.request_id = Some(member.request_id.clone());
        audit::append(tx, &record, desk.clock.now())?;
        Ok(())
    })
}
