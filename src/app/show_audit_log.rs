//! The merchant's audit log, newest first.
//! Must not know words or screens.

use super::{Desk, Error, Member, private_details};
use crate::{
    db::audit,
    domain::{audit::AuditRecord, ids::AuditId},
};

const PAGE: usize = 50;

/// A page of the log and where the next one begins.
pub fn show_audit_log(desk: &Desk, member: &Member, before: Option<AuditId>) -> Result<(Vec<AuditRecord>, Option<AuditId>), Error> {
    desk.db.read(|conn| {
        let slice = audit::Slice::Before(before.map_or(i64::MAX, |id| id.0));
        let mut records = private_details::list(conn, desk, member.scope, None, slice, i64::try_from(PAGE + 1).unwrap_or(i64::MAX))?;
        let older = (records.len() > PAGE).then(|| records.get(PAGE - 1).map(|record| record.id)).flatten();
        records.truncate(PAGE);
        Ok((records, older))
    })
}
