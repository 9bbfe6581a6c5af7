//! How records are sealed: each once, in an order without gaps, late ones too, and without anybody
//! waiting.

use std::time::{Duration, Instant};

use rewarddesk::{
    app::audit::seal_audit::{Sealer, seal_all},
    db::audit_seals,
    domain::clock::Clock,
};

use super::{is_proved, logs, record, seal, verify};
use crate::support::{
    Engine, TestDb, World,
    engine::{refused, run_on},
    world::noon,
};

fn clock() -> Clock {
    Clock::fixed(noon())
}

#[both]
fn every_record_has_one_seal_in_its_own_logs_chain(world: World) {
    logs(&world, 40);
    is_proved(&world);
    for (chain, of) in
        [("0", "merchant_id IS NULL"), ("1", "merchant_id = 1"), ("2", "merchant_id = 2")]
    {
        let seals = world
            .texts(&format!("SELECT no AS v FROM audit_seals WHERE chain = {chain} ORDER BY no"));
        let want: Vec<String> = (1..=world.count(&format!("audit_records WHERE {of}")))
            .map(|no| no.to_string())
            .collect();
        assert!(seals == want && seals.len() > 5, "{chain}: {seals:?}");
    }
    let mark = world.number("SELECT sealed_to FROM seal_marks");
    assert_eq!(mark, world.number("SELECT max(id) FROM audit_records"));
    assert!(!Sealer::default().round(&world.db.db, &clock()).unwrap().sealed > 0);
}

#[both]
fn a_log_from_before_there_were_seals_is_sealed_in_pieces(world: World) {
    let sql = if world.is_sqlite() {
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5500) INSERT \
         INTO audit_records (merchant_id, at, action, \
         actor_kind, details) SELECT 1, '2026-11-23 12:00:00.000000', 'email.sent', 'system', \
         '{}' FROM n"
    } else {
        "INSERT INTO audit_records (merchant_id, at, action, actor_kind, details) \
         SELECT 1, '2026-11-23 12:00Z', 'email.sent', 'system', '{}' FROM generate_series(1, 5500)"
    };
    world.exec(sql);
    let verdict = verify(&world).remove(1);
    assert!(
        verdict.flaw.is_none() && verdict.unsealed == 5500 && verdict.head.no == 0,
        "{verdict:?}"
    );
    let mut sealer = Sealer::default();
    let begun = Instant::now();
    let mut rounds = 0;
    while !sealer.round(&world.db.db, &clock()).unwrap().is_done {
        rounds += 1;
    }
    eprintln!("{:?}: 5,500 records sealed in {:.2?}", world.engine, begun.elapsed());
    assert_eq!(rounds, 5);
    assert!(!sealer.has_work(&world.db.db).unwrap());
    is_proved(&world);
}

#[both]
fn two_that_seal_at_once_leave_no_gap_and_seal_nothing_twice(world: World) {
    let other = world.another_merchant("bolt");
    for i in 1..=300 {
        record(&world, [Some(world.merchant), Some(other), None][i % 3], i64::try_from(i).unwrap());
    }
    // Each holds its seals back before they are committed.
    fail::cfg("audit::sealed", "sleep(20)").unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5 {
                    assert!(seal_all(&world.db.db, &clock(), Duration::from_secs(20)).unwrap());
                }
            });
        }
        for i in 301..400 {
            record(&world, Some(world.merchant), i);
        }
    });
    seal(&world);
    is_proved(&world);
}

#[both]
fn a_seal_never_changes_and_the_next_one_is_the_next_number(world: World) {
    logs(&world, 12);
    let last = world.number("SELECT max(no) FROM audit_seals WHERE chain = 1");
    let digest = "0".repeat(64);
    let insert = |record: i64, no: i64| {
        format!(
            "INSERT INTO audit_seals (record_id, chain, no, digest, at) VALUES ({record}, 1, \
             {no}, '{digest}', '2026-11-23 12:00:00.000000')"
        )
    };
    for conn in [&mut world.connect(), &mut world.stranger()] {
        for change in ["digest = digest", "no = no + 1", "record_id = 900", "at = at", "chain = 2"]
        {
            refused(
                run_on(conn, &format!("UPDATE audit_seals SET {change}")),
                "audit_seals_never_change",
            );
        }
        refused(run_on(conn, "DELETE FROM audit_seals"), "audit_seals_are_kept");
        for no in [last, last + 2, 0, -1] {
            refused(run_on(conn, &insert(900, no)), "audit_seals_are_gapless");
        }
        refused(run_on(conn, "UPDATE seal_marks SET sealed_to = 1"), "seal_marks_only_grow");
        refused(run_on(conn, "DELETE FROM seal_marks"), "seal_marks_are_kept");
        if world.is_sqlite() {
            for verb in ["INSERT", "INSERT OR REPLACE", "REPLACE"] {
                refused(
                    run_on(conn, &insert(1, last + 1).replacen("INSERT", verb, 1)),
                    "audit_seals_are_not_replaced",
                );
                refused(
                    run_on(conn, &format!("{verb} INTO seal_marks VALUES (1, 5)")),
                    "seal_marks_are_not_replaced",
                );
            }
        } else {
            refused(run_on(conn, &insert(1, last + 1)), "constraint");
            let conflict = format!(
                "{} ON CONFLICT (record_id) DO UPDATE SET digest = EXCLUDED.digest",
                insert(1, last + 1)
            );
            refused(run_on(conn, &conflict), "audit_seals_never_change");
            refused(run_on(conn, "TRUNCATE audit_seals"), "audit_seals_are_kept");
            refused(run_on(conn, "TRUNCATE seal_marks"), "seal_marks_are_kept");
        }
    }
    is_proved(&world);
}

#[both]
fn an_idle_look_is_a_look_at_one_index(world: World) {
    logs(&world, 12);
    let mut sealer = Sealer::default();
    sealer.round(&world.db.db, &clock()).unwrap();
    assert!(!sealer.has_work(&world.db.db).unwrap());
    record(&world, None, 50);
    assert!(sealer.has_work(&world.db.db).unwrap());
    assert_eq!(sealer.round(&world.db.db, &clock()).unwrap().sealed, 1);
    assert!(!sealer.has_work(&world.db.db).unwrap());
    // A sealing job that starts again does not look below the watermark.
    assert_eq!(
        world.db.db.read(audit_seals::watermark).unwrap(),
        world.number("SELECT max(id) FROM audit_records")
    );
}

/// A standby without the latest records takes over under a running server.
#[test]
fn a_sealer_whose_database_went_back_seals_what_is_there() {
    let (ahead, behind) = (
        World::new(TestDb::new(Engine::Postgres), noon()),
        World::new(TestDb::new(Engine::Postgres), noon()),
    );
    let mut sealer = Sealer::default();
    logs(&ahead, 40);
    let mut open = ahead.connect();
    run_on(&mut open, &format!("BEGIN; {INSERT} '{{}}')")).unwrap();
    record(&ahead, None, 50);
    // It waits for an open writer, and knows up to where.
    sealer.round(&ahead.db.db, &clock()).unwrap();
    let mut late = behind.connect();
    run_on(&mut late, &format!("BEGIN; {INSERT} '{{}}')")).unwrap();
    for n in 0..3 {
        record(&behind, None, n);
        assert!(sealer.has_work(&behind.db.db).unwrap());
        sealer.round(&behind.db.db, &clock()).unwrap();
    }
    run_on(&mut late, "COMMIT").unwrap();
    for _ in 0..2 {
        sealer.round(&behind.db.db, &clock()).unwrap();
    }
    is_proved(&behind);
    assert_eq!(behind.count("audit_seals"), behind.count("audit_records"));
}

const INSERT: &str = "INSERT INTO audit_records (merchant_id, at, action, actor_kind, details) \
    VALUES (1, now(), 'email.sent', 'system', ";

/// Plans are kept from when the tables were empty: no row may walk through all seals.
#[test]
fn a_busy_postgres_is_sealed_as_fast_in_its_first_minute() {
    let world = World::new(TestDb::new(Engine::Postgres), noon());
    let mut conn = world.connect();
    let mut sealer = Sealer::default();
    let begun = Instant::now();
    for _ in 0..30 {
        let many = "SELECT 1, now(), 'email.sent', 'system', '{}' FROM generate_series(1, 900)";
        run_on(
            &mut conn,
            &format!(
                "INSERT INTO audit_records (merchant_id, at, action, actor_kind, details) {many}"
            ),
        )
        .unwrap();
        assert_eq!(sealer.round(&world.db.db, &clock()).unwrap().sealed, 900);
    }
    let took = begun.elapsed();
    eprintln!("27,000 records written and sealed in {took:.2?}");
    // With a walk through all seals for each record it is minutes.
    assert!(took < Duration::from_mins(1), "{took:?}");
}

/// Ids are drawn before records can be seen: the higher one is committed first, by the transaction
/// that began later.
#[test]
fn a_record_committed_late_is_sealed_last_and_the_log_is_proved() {
    let world = World::new(TestDb::new(Engine::Postgres), noon());
    logs(&world, 10);
    let mut sealer = Sealer::default();
    let mut round = || sealer.round(&world.db.db, &clock()).unwrap().sealed;
    assert_eq!(round(), 0);
    let (mut late, mut quick) = (world.connect(), world.connect());
    run_on(&mut late, &format!("BEGIN; {INSERT} '{{}}')")).unwrap();
    run_on(&mut quick, &format!("{INSERT} '{{}}')")).unwrap();
    // The open one is not waited for, and does not wait.
    assert_eq!((round(), round()), (1, 0));
    let (late_id, quick_id) = (11, 12);
    let mark = || world.number("SELECT sealed_to FROM seal_marks");
    assert!(mark() < late_id, "the mark passed a record that nobody has seen");
    assert!(
        verify(&world).iter().all(|verdict| verdict.flaw.is_none()),
        "an honest late record is no flaw"
    );
    run_on(&mut late, "COMMIT").unwrap();
    assert!(verify(&world).iter().all(|verdict| verdict.flaw.is_none()));
    assert_eq!(round(), 1);
    let order = world
        .texts("SELECT record_id AS v FROM audit_seals WHERE chain = 1 ORDER BY no DESC LIMIT 2");
    assert_eq!(order, [late_id.to_string(), quick_id.to_string()]);
    round();
    assert_eq!(mark(), quick_id);
    is_proved(&world);
}

/// An INSERT draws the record's id before its transaction has an id at all: no snapshot knows of
/// it.
#[test]
fn a_record_of_an_unnumbered_transaction_is_not_passed_by() {
    let world = World::new(TestDb::new(Engine::Postgres), noon());
    logs(&world, 10);
    let mut gate = world.connect();
    run_on(&mut gate, "SELECT pg_advisory_lock(4711)").unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut conn = world.connect();
            // The id is drawn, and then the statement waits before it writes the row.
            run_on(
                &mut conn,
                &format!(
                    "{INSERT} (SELECT '{{}}' FROM (SELECT pg_advisory_lock_shared(4711)) AS gate))"
                ),
            )
        });
        let waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711 \
            AND NOT granted";
        while world.number(waiting) == 0 {
            std::thread::sleep(Duration::from_millis(10));
        }
        record(&world, Some(world.merchant), 20);
        let mut sealer = Sealer::default();
        for _ in 0..4 {
            sealer.round(&world.db.db, &clock()).unwrap();
        }
        let newest = world.number("SELECT max(id) FROM audit_records");
        assert_eq!(
            world.count(&format!("audit_seals WHERE record_id = {newest}")),
            1,
            "the newer one does not wait"
        );
        assert!(
            world.number("SELECT sealed_to FROM seal_marks") < newest - 1,
            "the mark passed a record that is still to come"
        );
        run_on(&mut gate, "SELECT pg_advisory_unlock(4711)").unwrap();
        writer.join().unwrap().unwrap();
        assert_eq!(
            world.number("SELECT max(id) FROM audit_records"),
            newest,
            "the late one has a lower id"
        );
        sealer.round(&world.db.db, &clock()).unwrap();
        assert!(!sealer.has_work(&world.db.db).unwrap());
    });
    is_proved(&world);
}

/// Sealing in the middle of everything: an open append and its lock are not touched, and the append
/// goes on meanwhile.
#[test]
fn sealing_and_appending_do_not_wait_for_each_other() {
    let world = World::new(TestDb::new(Engine::Postgres), noon());
    logs(&world, 10);
    let (mut sealing, mut writing) = (world.connect(), world.connect());
    record(&world, Some(world.merchant), 30);
    // A sealing job that has taken the lock and written, and does not end.
    let digest = "0".repeat(64);
    let no = world.number("SELECT max(no) + 1 FROM audit_seals WHERE chain = 1");
    run_on(&mut sealing, "BEGIN; SELECT pg_advisory_xact_lock(7235125)").unwrap();
    run_on(
        &mut sealing,
        &format!("INSERT INTO audit_seals VALUES (11, 1, {no}, '{digest}', now())"),
    )
    .unwrap();
    run_on(&mut writing, "SET lock_timeout = '60s'").unwrap();
    run_on(&mut writing, &format!("{INSERT} '{{}}')")).unwrap();
    // Another sealing job skips its round: the one at work does not end before this has.
    let round = Sealer::default().round(&world.db.db, &clock()).unwrap();
    assert!(round.sealed == 0 && !round.is_done, "{round:?}");
    run_on(&mut sealing, "ROLLBACK").unwrap();
    seal(&world);
    is_proved(&world);
}
