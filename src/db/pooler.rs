//! Whether a pooler of transactions stands between the desk and `PostgreSQL`, such as pgbouncer in
//! transaction mode.

use std::collections::HashSet;

use diesel::{
    Connection, PgConnection, QueryableByName, RunQueryDsl, sql_query, sql_types::Integer,
};

use super::{DatabaseUrl, Error};

#[derive(QueryableByName)]
struct Process {
    #[diesel(sql_type = Integer)]
    pid: i32,
}

/// Whether two sessions there can be the same server process, or one can be two: then a session is
/// not a server's session. `false` for SQLite, and for a pooler that gives each session a process
/// of its own.
///
/// A pooler that is busy just then may pass unseen; one that is not seen to be there is no proof
/// that there is none.
pub fn is_between(url: &DatabaseUrl) -> Result<bool, Error> {
    let Some(address) = url.postgres_url() else { return Ok(false) };
    let open = || PgConnection::establish(address).map_err(|e| Error::Unavailable(e.to_string()));
    let mut sessions = [open()?, open()?];
    let mut seen: [HashSet<i32>; 2] = Default::default();
    // No rhythm: a pooler that takes turns must not fall in step.
    for which in [0, 0, 1, 0, 1, 1, 0] {
        // Not cached, so in one message: see `conn`.
        let process: Process =
            sql_query("SELECT pg_backend_pid() AS pid").get_result(&mut sessions[which])?;
        seen[which].insert(process.pid);
    }
    Ok(seen.iter().any(|pids| pids.len() > 1) || !seen[0].is_disjoint(&seen[1]))
}
