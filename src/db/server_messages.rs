//! What a PostgreSQL server calls the errors whose SQLSTATE diesel does not hand on, asked of that
//! server in whatever language it speaks.

use diesel::{
    PgConnection, QueryableByName, RunQueryDsl, connection::SimpleConnection, sql_query,
    sql_types::Text,
};

/// A time limit that the server reaches at once.
const ENDED_AT_ONCE: &str = "SET LOCAL statement_timeout = '10ms'";
const TAKES_LONGER: &str = "DO $provoked$ BEGIN PERFORM pg_sleep(60); EXCEPTION WHEN \
    query_canceled THEN \
    PERFORM set_config('rewarddesk.words', SQLERRM, true); END $provoked$";

/// Statements that are wrong whatever the server can do, each with the parts of its message that
/// depend on the statement.
const WRONG: [(&str, &[&str]); 18] = [
    ("SELECT 2147483647 + n FROM (VALUES (1)) AS v (n)", &[]),
    ("SELECT 9223372036854775807 + n FROM (VALUES (1)) AS v (n)", &[]),
    ("SELECT 32767::int2 + n::int2 FROM (VALUES (1)) AS v (n)", &[]),
    ("SELECT (10 ^ n)::numeric(3) FROM (VALUES (9)) AS v (n)", &[]),
    ("SELECT v::int4 FROM (VALUES ('99999999999')) AS t (v)", &["\"", "99999999999", "integer"]),
    ("SELECT 1 / n FROM (VALUES (0)) AS v (n)", &[]),
    ("SELECT convert_from('\\x00', 'UTF8')", &["0x00"]),
    ("SELECT chr(n) FROM (VALUES (0)) AS v (n)", &[]),
    ("SELECT v::int4 FROM (VALUES ('q9z')) AS t (v)", &["integer", "q9z"]),
    ("SELECT v::bool FROM (VALUES ('q9z')) AS t (v)", &["boolean", "q9z"]),
    ("SELECT v::timestamptz FROM (VALUES ('q9z')) AS t (v)", &["timestamp with time zone", "q9z"]),
    ("SELECT v::date FROM (VALUES ('2020-13-77')) AS t (v)", &["2020-13-77"]),
    ("SELECT timestamptz '294000-01-01' + v FROM (VALUES (interval '9999 years')) AS t (v)", &[]),
    ("SELECT to_timestamp(v) FROM (VALUES (1e300::float8)) AS t (v)", &["1e+300"]),
    ("SELECT exp(v) FROM (VALUES (1e300::float8)) AS t (v)", &[]),
    ("SELECT substring('q9z', 1, n) FROM (VALUES (-1)) AS v (n)", &[]),
    (
        "CREATE TEMP TABLE narrow ON COMMIT DROP AS SELECT 'q9z'::varchar(2) AS v; INSERT INTO \
         narrow VALUES ('q9z')",
        &["(2)"],
    ),
    ("SELECT (SELECT n FROM (VALUES (1), (2)) AS v (n))", &[]),
];

/// What the server says where a statement took too long, and where a value was wrong.
pub(super) struct ServerMessages {
    time_limit: String,
    wrong: Vec<Vec<String>>,
}

#[derive(QueryableByName)]
struct MessageRow {
    #[diesel(sql_type = Text)]
    v: String,
}

const SAID: &str = "SELECT coalesce(current_setting('rewarddesk.words', true), '') AS v";

impl ServerMessages {
    /// Asks the server, which notes none of it in its log: every error is caught there. Leaves no
    /// transaction.
    pub(super) fn learn(conn: &mut PgConnection) -> Option<Self> {
        let learnt = Self::provoke(conn);
        let ended = conn.batch_execute("ROLLBACK");
        learnt.filter(|_| ended.is_ok())
    }

    fn provoke(conn: &mut PgConnection) -> Option<Self> {
        let statements: Vec<String> =
            WRONG.iter().map(|(sql, _)| format!("$wrong${sql}$wrong$")).collect();
        conn.batch_execute(&format!(
            "BEGIN; DO $provoked$ DECLARE sql text; said text[] := '{{}}'; BEGIN FOREACH sql IN \
             ARRAY ARRAY[{}] LOOP \
             BEGIN EXECUTE sql; said := said || ''::text; EXCEPTION WHEN OTHERS THEN said := said \
             || SQLERRM; END; END LOOP; \
             PERFORM set_config('rewarddesk.words', to_json(said)::text, true); END $provoked$",
            statements.join(", ")
        ))
        .ok()?;
        let said: Vec<String> =
            serde_json::from_str(&sql_query(SAID).get_result::<MessageRow>(conn).ok()?.v).ok()?;
        conn.batch_execute(ENDED_AT_ONCE).ok()?;
        // It may be ended before it can catch that; what it says is the same.
        let time_limit = match conn.batch_execute(TAKES_LONGER) {
            Err(diesel::result::Error::DatabaseError(_, info)) => info.message().to_owned(),
            Err(_) => return None,
            Ok(()) => {
                conn.batch_execute("SET LOCAL statement_timeout = 0").ok()?;
                sql_query(SAID).get_result::<MessageRow>(conn).ok()?.v
            }
        };
        let wrong = said
            .iter()
            .zip(WRONG)
            .filter(|(said, _)| !said.is_empty())
            .map(|(said, (_, parts))| pieces(said, parts))
            .collect();
        Some(Self { time_limit, wrong })
    }

    /// What the server says where a lock was not obtained in time: asked on a connection beside one
    /// that holds `held`, an advisory lock.
    pub(super) fn of_lock_limit(conn: &mut PgConnection, held: i64) -> Option<String> {
        let asked = conn
            .batch_execute(&format!(
                "BEGIN; SET LOCAL lock_timeout = '10ms'; DO $provoked$ BEGIN PERFORM \
                 pg_advisory_xact_lock({held}); \
                 EXCEPTION WHEN lock_not_available THEN PERFORM set_config('rewarddesk.words', \
                 SQLERRM, true); END $provoked$"
            ))
            .and_then(|()| sql_query(SAID).get_result::<MessageRow>(conn));
        let ended = conn.batch_execute("ROLLBACK");
        asked.ok().filter(|said| ended.is_ok() && !said.v.is_empty()).map(|said| said.v)
    }

    pub(super) fn is_time_limit(&self, message: &str) -> bool {
        message == self.time_limit
    }

    /// Whether a value was wrong: no repetition would help.
    pub(super) fn is_wrong_value(&self, message: &str) -> bool {
        self.wrong.iter().any(|pieces| fits(message, pieces))
    }
}

/// What is left of a message without these parts of it.
fn pieces(message: &str, parts: &[&str]) -> Vec<String> {
    let mut text = message.to_owned();
    for part in parts {
        text = text.replace(part, "\0");
    }
    text.split('\0').map(ToOwned::to_owned).collect()
}

/// Whether the message consists of these pieces, with anything in between.
fn fits(message: &str, pieces: &[String]) -> bool {
    let [first, middle @ .., last] = pieces else {
        return pieces.first().is_some_and(|only| only == message);
    };
    let Some(mut rest) =
        message.strip_prefix(first.as_str()).and_then(|rest| rest.strip_suffix(last.as_str()))
    else {
        return false;
    };
    for piece in middle {
        let Some(at) = rest.find(piece.as_str()) else { return false };
        rest = &rest[at + piece.len()..];
    }
    // A message that is all parts would fit anything.
    pieces.iter().any(|piece| piece.chars().any(char::is_alphabetic))
}

#[cfg(test)]
mod tests {
    use super::{fits, pieces};

    #[test]
    fn a_message_is_known_whatever_its_parts_are() {
        let typed = pieces("ungültige Eingabesyntax für Typ integer: »q9z«", &["integer", "q9z"]);
        assert!(fits("ungültige Eingabesyntax für Typ uuid: »4711«", &typed));
        assert!(!fits("ungültige Eingabesyntax", &typed));
        assert!(!fits("kein Platz auf dem Gerät: »4711«", &typed));
        let whole = pieces("division by zero", &[]);
        assert!(fits("division by zero", &whole) && !fits("division by zero, again", &whole));
        assert!(!fits("anything at all", &pieces("q9z", &["q9z"])));
    }
}
