//! How the databases go about look-ups that once walked through all of a merchant's codes.

use diesel::{RunQueryDsl, sql_query, sql_types::Text};
use rewarddesk::db::{
    DbConn,
    imports::{codes::probe_on_postgres, redemptions as uses},
};

use crate::support::{
    Engine, TestDb, World,
    world::{noon, usable},
};

#[derive(diesel::QueryableByName)]
struct Step {
    #[diesel(sql_type = Text)]
    detail: String,
}

#[derive(diesel::QueryableByName)]
struct Line {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    line: String,
}

/// The plan of a statement, line by line.
pub fn plan(db: &TestDb, sql: &str) -> String {
    let lines: Vec<String> = match &mut db.connect() {
        DbConn::Sqlite(conn) => {
            let steps: Vec<Step> =
                sql_query(format!("EXPLAIN QUERY PLAN {sql}")).load(conn).unwrap();
            steps.into_iter().map(|step| step.detail).collect()
        }
        DbConn::Postgres(conn) => {
            let lines: Vec<Line> = sql_query(format!("EXPLAIN {sql}")).load(conn).unwrap();
            lines.into_iter().map(|line| line.line).collect()
        }
    };
    lines.join("; ")
}

/// Autovacuum after a killed import: the statistics say that there is no row, and the next import's
/// rows are not seen by them.
#[test]
fn after_a_killed_import_postgres_finds_a_code_by_one_look() {
    let world = World::new(TestDb::new(Engine::Postgres), noon());
    let rows = "INSERT INTO coupons (merchant_id, batch_id, code, valid_from, expires_at, \
        max_redemptions, state, created_at) \
                SELECT 1, 1, 'KILL-' || n, '1970-01-01', '2999-01-01', 1, 'available', now() FROM \
                generate_series(1, 20000) AS n";
    world.batch("Spring");
    world.exec(&format!("BEGIN; {rows}; ROLLBACK"));
    world.exec("ANALYZE coupons");
    for column in ["code", "folded_code"] {
        let steps = plan(
            &world.db,
            &probe_on_postgres(column)
                .replace("$1", "1")
                .replace("$2", "ARRAY['KILL-1', 'KILL-2']"),
        );
        assert!(steps.contains(&format!("Index Cond: ({column} = wanted.text)")), "{steps}");
    }
}

#[both]
fn many_ids_of_a_merchant_are_looked_up_and_not_walked_to(db: TestDb) {
    if !db.is_sqlite() {
        return;
    }
    let ids = (1..=1000).map(|id| id.to_string()).collect::<Vec<_>>().join(",");
    for (sql, way) in [
        (
            format!("SELECT code FROM coupons WHERE merchant_id = 1 AND id IN ({ids}) ORDER BY id"),
            "INTEGER PRIMARY KEY",
        ),
        (
            format!("SELECT id FROM coupons WHERE merchant_id = 1 AND reward IN ({ids})"),
            "coupons_of_reward",
        ),
        (
            "UPDATE coupons SET state = 'allocated' FROM json_each('[]') AS pair WHERE \
             coupons.merchant_id = 1 AND coupons.id = pair.value ->> 0"
                .to_owned(),
            "SEARCH coupons USING INTEGER PRIMARY KEY",
        ),
        (
            "SELECT id FROM coupons WHERE merchant_id = 1 AND batch_id = 1 AND (expires_at, id) > \
             ('x', 1) \
             AND state IN ('allocated', 'replaced') AND state = 'allocated' ORDER BY expires_at, \
             id LIMIT 25"
                .to_owned(),
            "coupons_handed_out",
        ),
    ] {
        let steps = plan(&db, &sql);
        assert!(steps.contains(way), "{way} is not in {steps:?} of {}", &sql[..90.min(sql.len())]);
    }
}

#[both]
fn recorded_uses_are_looked_up_one_by_one(db: TestDb) {
    if db.is_sqlite() {
        let set = |sql: &str, wanted: &str| sql.replace("?1", "1").replace("?2", wanted);
        for (sql, columns) in [
            (
                set(uses::RECORDED_ON_SQLITE, "'[[1,\"2026-01-01 00:00:00.000000\",\"\"]]'"),
                "merchant_id=? AND coupon_id=? AND redeemed_at=? AND order_id=?",
            ),
            (set(uses::COUNT_ON_SQLITE, "'[1]'"), "merchant_id=? AND coupon_id=?"),
        ] {
            let steps = plan(&db, &sql);
            assert!(
                steps.contains("USING COVERING INDEX sqlite_autoindex_redemptions_1")
                    && steps.contains(columns),
                "{steps}"
            );
        }
        let steps = plan(&db, &set(uses::RECORDED_ON_SQLITE, "'[]'"));
        assert!(
            steps.contains(
                "USING INDEX redemptions_one_per_order (merchant_id=? AND \
            coupon_id=? AND order_id=?)"
            ),
            "{steps}"
        );
        return;
    }
    // As after a killed import: nothing is known of any row.
    let rows = "INSERT INTO redemptions (merchant_id, coupon_id, redeemed_at, created_at) SELECT \
        1, c.id, now() - n * interval '1 s', now() \
                FROM coupons c, generate_series(1, 20000) AS n";
    let world = World::new(db, noon());
    let batch = world.batch("Spring");
    world.coupon(batch, &usable("USED-1"));
    world.exec(&format!("BEGIN; {rows}; ROLLBACK"));
    world.exec("ANALYZE redemptions");
    let set = |sql: &str| {
        sql.replace("$1", "1")
            .replace("$2", "ARRAY[1, 2]")
            .replace("$3", "ARRAY[now(), now()]")
            .replace("$4", "ARRAY['', '']")
    };
    for (sql, columns) in [
        (
            uses::RECORDED_ON_POSTGRES,
            [
                "coupon_id = wanted.coupon",
                "redeemed_at = wanted.at",
                "coupon_id = wanted_1.coupon",
                "order_id = wanted_1.order_id",
            ]
            .as_slice(),
        ),
        (uses::COUNT_ON_POSTGRES, &["coupon_id = wanted.id"]),
    ] {
        let steps = plan(&world.db, &set(sql));
        assert!(
            columns
                .iter()
                .all(|column| steps.split("Index Cond").skip(1).any(|cond| cond.contains(column))),
            "{steps}"
        );
        assert!(!steps.contains("Seq Scan"), "{steps}");
    }
}
