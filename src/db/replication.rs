//! With a synchronous standby: no success that only one machine has, but where the wait for it is
//! cancelled within [`SLOW`].
//!
//! `PostgreSQL` holds a COMMIT until the standby has it. But where such a wait is cancelled
//! (`pg_cancel_backend`, a `statement_timeout`), it says "done" with a warning that nobody sees,
//! and where it is broken off (the backend is ended, the server crashes and starts again) the work
//! can be seen though nobody was told of it. The log goes to the standby in order: once it has a
//! later commit, it has the earlier ones. So somebody who sends a form again is not told of its
//! first answer sooner either: a locked row is a change, and its COMMIT waits, too.

use std::time::{Duration, Instant};

use diesel::{
    PgConnection, QueryableByName, RunQueryDsl, connection::SimpleConnection, sql_query,
    sql_types::Bool,
};

/// A commit that is cancelled sooner goes unnoticed: there is no way to tell it from a quick one.
/// One that took longer is followed by another, which costs nothing in comparison.
pub(super) const SLOW: Duration = Duration::from_millis(250);

/// How many later commits are tried before the answer is "we can't tell".
const MAX_ATTEMPTS: usize = 3;

/// A commit that changes nothing: a message in the log that nobody reads.
const LATER: &str = "SELECT pg_logical_emit_message(true, 'rewarddesk', '')";

#[derive(QueryableByName)]
struct Standby {
    #[diesel(sql_type = Bool)]
    expected: bool,
}

/// After a commit that took long: waits until the standby has a later one, where there is to be a
/// standby.
///
/// Errors: it can't be told whether the standby has it; the words say why.
pub(super) fn confirm(conn: &mut PgConnection) -> Result<(), String> {
    let words = |error: diesel::result::Error| error.to_string();
    let standby: Standby =
        sql_query("SELECT current_setting('synchronous_standby_names') <> '' AS expected")
            .get_result(conn)
            .map_err(words)?;
    if !standby.expected {
        return Ok(());
    }
    for _ in 0..MAX_ATTEMPTS {
        let begun = Instant::now();
        conn.batch_execute(LATER).map_err(words)?;
        if begun.elapsed() < SLOW {
            return Ok(());
        }
    }
    Err("the synchronous standby is slow, or a wait for it was cancelled".to_owned())
}
