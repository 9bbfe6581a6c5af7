//! Reads plans: which indexes a statement uses, and what is wrong with how it goes about a large
//! table.

use std::collections::BTreeSet;

use diesel::{
    PgConnection, QueryableByName, RunQueryDsl, SqliteConnection,
    connection::SimpleConnection,
    sql_query,
    sql_types::{Integer, Text},
};
use rewarddesk::{db::DbConn, each};
use serde_json::Value;

use super::lists::{LARGE, QUEUES, RULES, is_id_range, is_narrow};
use crate::support::{TestDb, statements::Statement};

/// How a statement is gone about.
#[derive(Debug, Default, Clone)]
pub struct Plan {
    pub indexes: BTreeSet<String>,
    /// Walks through a large table, to its end or past rows that nobody asked for.
    pub faults: Vec<String>,
    /// Walks that end with the rows that are asked for, and may meet others on the way.
    pub detours: usize,
    /// PostgreSQL's estimate.
    pub cost: f64,
}

impl Plan {
    /// Whether this is a worse way than `before`.
    fn is_worse_than(&self, before: &Self) -> bool {
        self.faults.len() > before.faults.len()
            || self.detours > before.detours
            || self.cost > before.cost * 1.3
    }
}

/// Statements that read no table.
pub fn has_plan(sql: &str) -> bool {
    let first = sql.split_whitespace().next().unwrap_or_default().to_uppercase();
    !["BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "SET", "PRAGMA", "ANALYZE", "VACUUM"]
        .contains(&first.trim_end_matches(';'))
}

/// A connection on which plans are read.
pub struct Planner {
    conn: DbConn,
    prepared: Vec<(String, bool, usize)>,
    /// SQLite's indexes that hold some of the rows alone.
    partial: Vec<String>,
}

impl Planner {
    pub fn new(db: &TestDb) -> Self {
        let mut conn = db.connect();
        if let DbConn::Postgres(conn) = &mut conn {
            conn.batch_execute("SET jit = off").expect("settings");
        }
        let partial = if db.is_sqlite() {
            db.texts(
                "SELECT name AS v FROM sqlite_master WHERE type = 'index' AND sql LIKE '% WHERE %'",
            )
        } else {
            vec![]
        };
        Self { conn, prepared: vec![], partial }
    }

    pub fn run(&mut self, sql: &str) -> Result<(), String> {
        each!(&mut self.conn, |c| c.batch_execute(sql)).map_err(|e| e.to_string())
    }

    /// The plan as it is now.
    pub fn plan(&mut self, statement: &Statement) -> Result<Plan, String> {
        match &mut self.conn {
            DbConn::Sqlite(conn) => on_sqlite(conn, &self.partial, &statement.sql),
            DbConn::Postgres(conn) => on_postgres(conn, &mut self.prepared, statement),
        }
    }
}

impl Planner {
    /// Whether PostgreSQL plans this statement, whose plan was read before, again at each call, for
    /// values like those that were sent.
    pub fn plans_anew(&mut self, statement: &Statement) -> bool {
        let DbConn::Postgres(conn) = &mut self.conn else { return false };
        let Some(at) = self.prepared.iter().position(|(sql, ..)| *sql == statement.sql) else {
            panic!("its plan was not read: {}", statement.sql);
        };
        let text = |conn: &mut PgConnection, sql: &str| {
            sql_query(sql).get_result::<Word>(conn).expect("an answer").v
        };
        let made = text(
            conn,
            &format!("SELECT statement AS v FROM pg_prepared_statements WHERE name = 'p{at}'"),
        );
        let values = values(&statement.binds).join(", ");
        let again = made.replacen(&format!("p{at}"), "again", 1);
        conn.batch_execute(&format!(
            "SET plan_cache_mode = auto; SET enable_seqscan = on; {again}"
        ))
        .expect("it was prepared before");
        // PostgreSQL looks at the first five calls with their values before it judges a plan for
        // any.
        for _ in 0..8 {
            conn.batch_execute(&format!(
                "EXPLAIN EXECUTE again{}",
                if values.is_empty() { values.clone() } else { format!("({values})") }
            ))
            .unwrap_or_else(|e| panic!("{e}: {made} {values}"));
        }
        let anew = text(
            conn,
            "SELECT (generic_plans = 0)::text AS v FROM pg_prepared_statements WHERE name = \
             'again'",
        );
        conn.batch_execute("DEALLOCATE again").expect("it is there");
        anew == "true"
    }
}

#[derive(QueryableByName)]
struct Word {
    #[diesel(sql_type = Text)]
    v: String,
}

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = Integer)]
    parent: i32,
    #[diesel(sql_type = Text)]
    detail: String,
}

/// What an index that holds some of the rows alone is walked for, is what it holds.
fn on_sqlite(conn: &mut SqliteConnection, partial: &[String], sql: &str) -> Result<Plan, String> {
    let steps: Vec<Step> =
        sql_query(format!("EXPLAIN QUERY PLAN {sql}")).load(conn).map_err(|e| e.to_string())?;
    let names = names(sql);
    let mut plan = Plan::default();
    for step in &steps {
        let mut words = step.detail.split(' ');
        let (verb, name) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let index = step
            .detail
            .split("INDEX ")
            .nth(1)
            .and_then(|rest| rest.split(' ').next())
            .unwrap_or_default();
        if !index.is_empty() && step.detail.contains("USING") {
            plan.indexes.insert(index.to_owned());
        }
        let table = names.iter().find(|(alias, _)| alias == name).map_or("", |(_, table)| *table);
        if step.detail.contains("VIRTUAL TABLE") {
            // The trigram index is asked for words or for one row, or all of it is read.
            if table == "customers_search"
                && !step.detail.contains(":M")
                && !step.detail.ends_with(":=")
            {
                plan.faults.push(step.detail.clone());
            }
            continue;
        }
        if !LARGE.contains(&table) || !["SCAN", "SEARCH"].contains(&verb) {
            continue;
        }
        let columns = step
            .detail
            .split_once('(')
            .and_then(|(_, rest)| rest.rsplit_once(')'))
            .map_or("", |(columns, _)| columns);
        let held: Vec<&str> =
            columns.split(" AND ").filter_map(|term| term.strip_suffix("=?")).collect();
        let between = |column: &str| {
            columns.contains(&format!("{column}>?")) && columns.contains(&format!("{column}<?"))
        };
        let id_range = columns
            .split(" AND ")
            .filter_map(|term| term.strip_suffix(">?"))
            .any(|column| is_id_range(table, column) && between(column));
        let is_found = id_range || held.iter().any(|column| is_narrow(table, column));
        let sorts = steps
            .iter()
            .any(|other| other.parent == step.parent && other.detail.contains("TEMP B-TREE"));
        let ends_early = sql.contains("LIMIT") && !sorts && !step.detail.contains("AUTOMATIC");
        let edge =
            ["select min(", "select max("].iter().any(|start| sql.to_lowercase().contains(start));
        if is_found || QUEUES.contains(&index) {
            continue;
        }
        if ends_early || (edge && verb == "SEARCH") {
            plan.detours +=
                if partial.iter().any(|name| name == index) { 0 } else { 10 - held.len() };
        } else {
            plan.faults.push(step.detail.clone());
        }
    }
    Ok(plan)
}

/// The names that large tables go by in the statement.
fn names(sql: &str) -> Vec<(String, &'static str)> {
    let tokens: Vec<&str> = sql
        // With its dot a column such as `c.redemptions` is not taken for a table.
        .split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'))
        .filter(|token| !token.is_empty())
        .collect();
    let mut found = vec![];
    for (at, token) in tokens.iter().enumerate() {
        if let Some(table) = LARGE.iter().chain(&["customers_search"]).find(|table| *table == token)
        {
            found.push(((*table).to_owned(), *table));
            let next = tokens
                .get(at + 1)
                .filter(|next| !next.eq_ignore_ascii_case("AS"))
                .or_else(|| tokens.get(at + 2));
            found.extend(next.map(|alias| ((*alias).to_owned(), *table)));
        }
    }
    found
}

#[derive(QueryableByName)]
struct Json {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    plan: String,
}

fn on_postgres(
    conn: &mut PgConnection,
    prepared: &mut Vec<(String, bool, usize)>,
    statement: &Statement,
) -> Result<Plan, String> {
    let Statement { sql, walks_last, .. } = statement;
    let known = prepared.iter().position(|(other, walks, _)| other == sql && walks == walks_last);
    let at = if let Some(at) = known {
        at
    } else {
        let parameters = (1..=99).take_while(|n| holds_parameter(sql, *n)).count();
        let name = prepared.len();
        let said = conn.batch_execute(&format!("PREPARE p{name} AS {sql}"));
        if said.is_err() {
            let types = types(&statement.binds).join(", ");
            conn.batch_execute(&format!("PREPARE p{name} ({types}) AS {sql}"))
                .or_else(|_| {
                    conn.batch_execute(&format!(
                        "PREPARE p{name} ({}) AS {sql}",
                        types.replace("text[]", "bigint[]")
                    ))
                })
                .map_err(|e| format!("{e} ({})", statement.binds))?;
        }
        prepared.push((sql.clone(), *walks_last, parameters));
        name
    };
    // What is not kept is planned for its values each time; and what a pattern matches is worth a
    // plan of its own each time.
    let custom = !statement.is_kept || sql.contains(" LIKE ");
    let values =
        if custom { values(&statement.binds) } else { vec!["NULL".to_owned(); prepared[at].2] }
            .join(", ");
    let values = if values.is_empty() { values } else { format!("({values})") };
    let (walks, mode) =
        (if *walks_last { "off" } else { "on" }, if custom { "custom" } else { "generic" });
    conn.batch_execute(&format!(
        "SET enable_seqscan = {walks}; SET plan_cache_mode = force_{mode}_plan"
    ))
    .map_err(|e| e.to_string())?;
    let read: Json = sql_query(format!("EXPLAIN (FORMAT JSON) EXECUTE p{at}{values}"))
        .get_result(conn)
        .map_err(|e| e.to_string())?;
    let tree: Value = serde_json::from_str(&read.plan).map_err(|e| e.to_string())?;
    let mut plan = Plan {
        cost: tree[0]["Plan"]["Total Cost"].as_f64().unwrap_or_default(),
        ..Plan::default()
    };
    visit(&tree[0]["Plan"], sql, false, "", &mut plan);
    Ok(plan)
}

fn holds_parameter(sql: &str, n: usize) -> bool {
    let mark = format!("${n}");
    sql.match_indices(&mark)
        .any(|(at, _)| !sql[at + mark.len()..].starts_with(|c: char| c.is_ascii_digit()))
}

/// What stood in for each parameter, as diesel shows it.
fn shown(binds: &str) -> Vec<String> {
    let (mut parts, mut depth, mut quoted, mut part) = (vec![], 0, false, String::new());
    for c in binds
        .strip_prefix('[')
        .and_then(|binds| binds.strip_suffix(']'))
        .unwrap_or_default()
        .chars()
    {
        match c {
            '"' => quoted = !quoted,
            '[' | '(' | '{' if !quoted => depth += 1,
            ']' | ')' | '}' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                parts.push(std::mem::take(&mut part));
                continue;
            }
            _ => {}
        }
        part.push(c);
    }
    parts.push(part.clone());
    parts.into_iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

/// The same as values.
fn values(binds: &str) -> Vec<String> {
    let quoted = |text: Option<String>| {
        text.map_or("NULL".to_owned(), |text| format!("'{}'", text.replace('\'', "''")))
    };
    shown(binds).iter().map(|part| quoted(value(part))).collect()
}

/// One value, or a list of them, as PostgreSQL reads it from a text.
fn value(part: &str) -> Option<String> {
    let inner = ["Some(", "At("].iter().fold(part, |part, name| {
        part.strip_prefix(name).and_then(|rest| rest.strip_suffix(')')).unwrap_or(part)
    });
    if inner.starts_with('[') {
        let of = |part: &String| {
            value(part).map_or("NULL".to_owned(), |text| {
                format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
            })
        };
        return Some(format!("{{{}}}", shown(inner).iter().map(of).collect::<Vec<_>>().join(",")));
    }
    (inner != "None").then(|| inner.trim_matches('"').replace("\\\\", "\\"))
}

/// The types of parameters that PostgreSQL cannot tell from the text, by what stood in for them.
fn types(binds: &str) -> Vec<&'static str> {
    let of = |text: &str| {
        let text = text.trim().trim_start_matches("Some(");
        match text.chars().next() {
            Some('"') => ["text", "text[]"],
            Some('0'..='9' | '-') => ["bigint", "bigint[]"],
            Some('t' | 'f') => ["boolean", "boolean[]"],
            Some('A') => ["timestamptz", "timestamptz[]"],
            _ => ["unknown", "text[]"],
        }
    };
    shown(binds)
        .iter()
        .map(|part| if let Some(list) = part.strip_prefix('[') { of(list)[1] } else { of(part)[0] })
        .collect()
}

/// Walks down a plan. `ends_early`: no more rows than are asked for are read here.
fn visit(node: &Value, sql: &str, ends_early: bool, heap: &str, plan: &mut Plan) {
    let text = |key: &str| node[key].as_str().unwrap_or_default();
    let kind = text("Node Type");
    let table = if text("Relation Name").is_empty() { heap } else { text("Relation Name") };
    if !text("Index Name").is_empty() {
        plan.indexes.insert(text("Index Name").to_owned());
    }
    let reads = matches!(kind, "Seq Scan" | "Index Scan" | "Index Only Scan" | "Bitmap Index Scan");
    if reads && LARGE.contains(&table) {
        let condition = text("Index Cond");
        let held = columns(condition, " = ");
        let below = columns(condition, " < ");
        let id_range = columns(condition, " >= ")
            .iter()
            .any(|column| is_id_range(table, column) && below.contains(column));
        let is_found = id_range
            || held.iter().any(|column| is_narrow(table, column))
            || condition.contains("search ~~");
        if is_found || QUEUES.contains(&text("Index Name")) {
        } else if ends_early {
            plan.detours +=
                if kind == "Seq Scan" || !text("Filter").is_empty() { 10 - held.len() } else { 0 };
        } else {
            plan.faults.push(format!(
                "{kind} of {table} by {} {condition} {}",
                text("Index Name"),
                text("Filter")
            ));
        }
    }
    let children: Vec<&Value> = node["Plans"].as_array().into_iter().flatten().collect();
    for (at, child) in children.iter().enumerate() {
        let relation = child["Parent Relationship"].as_str().unwrap_or_default();
        let stops = match (relation, kind) {
            ("InitPlan" | "SubPlan", _) => sql.contains("EXISTS"),
            (_, "Limit") => true,
            (
                _,
                "Append" | "Merge Append" | "Subquery Scan" | "Result" | "LockRows" | "ProjectSet"
                | "Unique" | "Incremental Sort",
            ) => ends_early,
            (_, "Nested Loop") => {
                (ends_early && at == 0)
                    || (at == 1 && ["Semi", "Anti"].contains(&text("Join Type")))
            }
            (_, "Hash Join" | "Merge Join") => ends_early && at == 0,
            _ => false,
        };
        let heap = if kind.starts_with("Bitmap") { table } else { "" };
        visit(child, sql, stops, heap, plan);
    }
}

/// The columns that an index condition compares in this way.
fn columns(condition: &str, comparison: &str) -> Vec<String> {
    let mut found = vec![];
    for (at, _) in condition.match_indices(comparison) {
        let before = &condition[..at];
        let name: String = before
            .chars()
            .rev()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .collect();
        found.push(if name.is_empty() { "<expr>".to_owned() } else { name });
    }
    found
}

#[derive(QueryableByName)]
struct Index {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    drop: String,
}

/// Indexes of large tables without which no statement's plan gets worse. Each is dropped and comes
/// back.
pub fn idle_indexes(
    db: &TestDb,
    planner: &mut Planner,
    plans: &[(&Statement, Plan)],
) -> Vec<String> {
    let tables = LARGE.iter().map(|table| format!("'{table}'")).collect::<Vec<_>>().join(", ");
    let list = if db.is_sqlite() {
        // What belongs to a UNIQUE can't be dropped there.
        format!(
            "SELECT name, 'DROP INDEX ' || name AS \"drop\" FROM sqlite_master WHERE type = \
             'index' AND tbl_name IN ({tables}) ORDER BY name"
        )
    } else {
        format!(
            "SELECT i.relname::text AS name, CASE WHEN c.oid IS NULL THEN 'DROP INDEX ' || \
             i.relname \
                 ELSE 'ALTER TABLE ' || t.relname || ' DROP CONSTRAINT ' || c.conname || ' \
                 CASCADE' END AS drop \
             FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = \
             x.indrelid \
             LEFT JOIN pg_constraint c ON c.conindid = i.oid AND c.contype = 'u' \
             WHERE t.relname IN ({tables}) AND NOT x.indisprimary ORDER BY 1"
        )
    };
    let indexes: Vec<Index> =
        each!(&mut planner.conn, |c| sql_query(list).load(c)).expect("the indexes");
    let mut complaints = vec![];
    for Index { name, drop } in indexes {
        let users: Vec<_> = plans.iter().filter(|(_, plan)| plan.indexes.contains(&name)).collect();
        let needed = if name.starts_with("sqlite_autoindex") {
            !users.is_empty()
        } else {
            planner.run(&format!("BEGIN; {drop}")).expect("an index can be dropped");
            let is_worse = users.iter().any(|(statement, before)| {
                planner.plan(statement).is_ok_and(|now| now.is_worse_than(before))
            });
            planner.run("ROLLBACK").expect("it comes back");
            is_worse
        };
        if !needed && !RULES.iter().any(|(rule, _)| *rule == name) {
            complaints.push(format!("{name} is missed by nobody; {} plans use it", users.len()));
        }
    }
    complaints
}
