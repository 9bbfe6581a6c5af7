//! How SQLite goes about the look-ups that once walked through all of a merchant's codes; the migration's statistics keep it from that.

use crate::support::TestDb;

#[derive(diesel::QueryableByName)]
struct Step {
    #[diesel(sql_type = diesel::sql_types::Text)]
    detail: String,
}

/// The plan of a statement, line by line.
fn plan(db: &TestDb, sql: &str) -> String {
    let mut conn = db.connect();
    let rewarddesk::db::DbConn::Sqlite(conn) = &mut conn else { panic!("not SQLite") };
    let steps: Vec<Step> = diesel::RunQueryDsl::load(diesel::sql_query(format!("EXPLAIN QUERY PLAN {sql}")), conn).unwrap();
    steps.into_iter().map(|step| step.detail).collect::<Vec<_>>().join("; ")
}

both! {
    fn many_ids_of_a_merchant_are_looked_up_and_not_walked_to(db: TestDb) {
        if !db.is_sqlite() {
            return;
        }
        let ids = (1..=1000).map(|id| id.to_string()).collect::<Vec<_>>().join(",");
        for (sql, way) in [
            (format!("SELECT code FROM coupons WHERE merchant_id = 1 AND id IN ({ids}) ORDER BY id"), "INTEGER PRIMARY KEY"),
            (format!("SELECT id FROM coupons WHERE merchant_id = 1 AND reward IN ({ids})"), "coupons_of_reward"),
            (
                "UPDATE coupons SET state = 'allocated' FROM json_each('[]') AS pair WHERE coupons.merchant_id = 1 AND coupons.id = pair.value ->> 0"
                    .to_owned(),
                "SEARCH coupons USING INTEGER PRIMARY KEY",
            ),
            (
                "SELECT id FROM coupons WHERE merchant_id = 1 AND batch_id = 1 AND (expires_at, id) > ('x', 1) \
                 AND state IN ('allocated', 'replaced') AND state = 'allocated' ORDER BY expires_at, id LIMIT 25"
                    .to_owned(),
                "coupons_handed_out",
            ),
        ] {
            let steps = plan(&db, &sql);
            assert!(steps.contains(way), "{way} is not in {steps:?} of {}", &sql[..90.min(sql.len())]);
        }
    }
}
