//! stub until the mail branch lands
//! stub
use super::{DbConn, Error, Scope};
use crate::domain::{
    ids::{CustomerNo, MailId, RewardNo},
    mail::{Letter, MailSummary},
};
use chrono::{DateTime, Utc};
pub fn latest_of_rewards(_: &mut DbConn, _: Scope, _: &[RewardNo]) -> Result<Vec<MailSummary>, Error> {
    Ok(vec![])
}
pub fn list_of_customer(_: &mut DbConn, _: Scope, _: CustomerNo, _: Option<MailId>, _: i64) -> Result<Vec<MailSummary>, Error> {
    Ok(vec![])
}
pub fn find(_: &mut DbConn, _: Scope, _: CustomerNo, _: MailId) -> Result<Option<(MailSummary, Letter)>, Error> {
    Ok(None)
}
pub fn oldest_due(_: &mut DbConn, _: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, Error> {
    Ok(None)
}
