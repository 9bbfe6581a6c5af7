//! The seals over the audit log: made in order whatever is committed when, and proof against
//! whoever has the database in hand.

mod exports;
mod heads;
mod sealing;
mod tampering;

use std::time::Duration;

use rewarddesk::{
    app::audit::{
        seal_audit::seal_all,
        verify_audit::{LogVerdict, verify_audit},
    },
    db::DbConn,
    domain::{audit_seal::ChainHead, clock::Clock},
};
use serde_json::json;

use crate::{
    row,
    support::{TestDb, World, engine::run_on, world::noon},
};

/// A record with something in most columns; answers its id.
fn record(world: &World, merchant: Option<i64>, n: i64) -> i64 {
    let details = json!({ "old_code": format!("OLD-{n}"), "new": n, "reason": "Zoë said: \
        \"it's\\used\"\u{1F600}" });
    let actions = ["coupon.barred", "email.sent", "session.signed_in", "batch.added"];
    world.insert(
        "audit_records",
        row! {
            merchant_id: merchant, at: noon() + chrono::TimeDelta::microseconds(n * 1_000_001),
            action: actions[usize::try_from(n).unwrap() % actions.len()], actor_kind: "system", customer: (n % 2 == 0).then_some(n),
            reward: (n % 3 == 0).then_some(n), batch_id: (n % 5 == 0).then_some(n), reissue_id: (n % 7 == 0).then_some(n),
            details: details.to_string(), request_id: (n % 2 == 1).then(|| format!("0197-{n}")),
        },
    )
}

/// Two merchants' logs and the installation's own, `n` records in all, sealed a few at a time.
fn logs(world: &World, n: i64) {
    let other = world.another_merchant("bolt");
    for i in 1..=n {
        record(
            world,
            [Some(world.merchant), Some(other), None][usize::try_from(i * 7 / 3).unwrap() % 3],
            i,
        );
        if i % 7 == 0 {
            seal(world);
        }
    }
    seal(world);
}

fn seal(db: &TestDb) {
    assert!(
        seal_all(&db.db, &Clock::fixed(noon()), Duration::from_secs(20)).unwrap(),
        "there is more to seal"
    );
}

fn verify(db: &TestDb) -> Vec<LogVerdict> {
    verify_with(db, None, &[])
}

fn verify_with(db: &TestDb, merchant: Option<&str>, heads: &[ChainHead]) -> Vec<LogVerdict> {
    db.db.snapshot(|conn| verify_audit(conn, merchant, heads)).unwrap()
}

/// All is well, and everything is sealed.
#[track_caller]
fn is_proved(db: &TestDb) {
    for verdict in verify(db) {
        assert!(verdict.flaw.is_none() && verdict.unsealed == 0, "{verdict:?}");
    }
    assert_eq!(db.count("audit_records"), db.count("audit_seals"));
}

/// Takes the rules away for this transaction or connection, as the tables' owner could.
fn unguard(conn: &mut DbConn) {
    let sql = match conn {
        DbConn::Sqlite(_) => {
            "DROP TRIGGER audit_records_never_change; DROP TRIGGER audit_records_are_kept; DROP \
             TRIGGER audit_records_are_not_replaced; \
             DROP TRIGGER audit_records_one_per_reissue_is_kept; DROP TRIGGER \
             audit_seals_never_change; DROP TRIGGER audit_seals_are_kept; \
             DROP TRIGGER audit_seals_are_not_replaced; DROP TRIGGER audit_seals_are_gapless; \
             DROP TRIGGER seal_marks_only_grow; \
             PRAGMA ignore_check_constraints = ON"
        }
        DbConn::Postgres(_) => "SET LOCAL session_replication_role = replica",
    };
    run_on(conn, sql).unwrap();
}
