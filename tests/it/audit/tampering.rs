//! The owner of the database drops its rules and changes the log: `audit verify` finds it and
//! names the record.

use std::collections::BTreeMap;

use rewarddesk::{
    app::audit::verify_audit::{LogVerdict, verify_audit},
    db::{
        DbConn, audit_seals,
        invariants::{Invariant, contradictions},
    },
    domain::{
        audit_proof::{ChainFault, Flaw},
        audit_seal::ChainHead,
    },
};

use super::{is_proved, logs, record, seal, unguard, verify, verify_with};
use crate::support::{World, engine::run_on};

/// What is found once `sql` was run without the rules; nothing of it stays.
fn after(
    conn: &mut DbConn,
    sql: &str,
    merchant: Option<&str>,
    heads: &[ChainHead],
) -> Result<Vec<LogVerdict>, String> {
    run_on(conn, "BEGIN").unwrap();
    unguard(conn);
    if let DbConn::Postgres(_) = conn {
        run_on(
            conn,
            "ALTER TABLE audit_records DROP CONSTRAINT audit_records_check, DROP \
            CONSTRAINT audit_records_check1",
        )
        .unwrap();
    }
    run_on(conn, sql).unwrap_or_else(|e| panic!("{e}\nin: {sql}"));
    let found = verify_audit(conn, merchant, heads).map_err(|e| e.to_string());
    run_on(conn, "ROLLBACK").unwrap();
    found
}

fn flaw(found: Result<Vec<LogVerdict>, String>) -> Flaw {
    found.unwrap().into_iter().find_map(|verdict| verdict.flaw).expect("a flaw")
}

fn named(flaw: &Flaw) -> Option<i64> {
    flaw.record.as_ref().map(|record| record.id)
}

fn head_of(world: &World, chain: i64) -> ChainHead {
    world.db.db.read(|conn| audit_seals::head(conn, chain)).unwrap()
}

/// SQL that makes two rows of `table` change places: each takes the other's key.
fn swap(table: &str, key: &str, (a, b): (i64, i64)) -> String {
    let put = |from: i64, to: i64| format!("UPDATE {table} SET {key} = {to} WHERE {key} = {from};");
    [put(a, -77_777_777), put(b, a), put(-77_777_777, b)].concat()
}

const COLUMNS: [(&str, &str); 12] = [
    ("merchant_id", "2"),
    ("at", "'2026-11-23 12:00:00.000001'"),
    ("action", "'email.failed'"),
    ("actor_kind", "'cli'"),
    ("user_id", "1"),
    ("customer", "4711"),
    ("reward", "4711"),
    ("batch_id", "4711"),
    ("reissue_id", "4711"),
    ("details", "details || ' '"),
    ("request_id", "''"),
    ("id", "id + 1000"),
];

#[both]
fn a_change_of_any_column_is_found_and_the_record_named(world: World) {
    logs(&world, 30);
    let conn = &mut world.stranger();
    let target = world.number("SELECT record_id FROM audit_seals WHERE chain = 1 AND no = 5");
    for (column, value) in COLUMNS {
        let found = flaw(after(
            conn,
            &format!("UPDATE audit_records SET {column} = {value} WHERE id = {target}"),
            None,
            &[],
        ));
        assert_eq!(named(&found), Some(target), "{column}: {found}");
        let wrong = if column == "id" {
            ChainFault::Removed { no: 5 }
        } else {
            ChainFault::Changed { no: 5 }
        };
        assert_eq!(found.wrong, wrong, "{column}");
    }
    let seal = [("digest", "'ab' || substr(digest, 3)"), ("at", "'2026-11-23 12:00:00.000009'")];
    for (column, value) in seal {
        let found = flaw(after(
            conn,
            &format!("UPDATE audit_seals SET {column} = {value} WHERE record_id = {target}"),
            None,
            &[],
        ));
        assert_eq!(named(&found), Some(target), "{column}: {found}");
    }
    for (column, value) in [("record_id", "4711"), ("no", "4711"), ("chain", "4711")] {
        let sql = format!("UPDATE audit_seals SET {column} = {value} WHERE record_id = {target}");
        let found = flaw(after(conn, &sql, None, &[]));
        assert!(
            matches!(
                found.wrong,
                ChainFault::Removed { .. }
                    | ChainFault::Unsealed { .. }
                    | ChainFault::SealMissing { .. }
            ),
            "{column}: {found}"
        );
    }
    is_proved(&world);
}

#[both]
fn what_sqlite_alone_would_take_is_found_too(world: World) {
    if !world.is_sqlite() {
        return;
    }
    logs(&world, 30);
    let conn = &mut world.stranger();
    let target = world.number(
        "SELECT record_id FROM audit_seals s JOIN audit_records r ON r.id = \
            record_id WHERE chain = 1 AND r.customer > 0",
    );
    for change in [
        "customer = customer + 0.5",
        "details = CAST(details AS BLOB)",
        "details = x'ff'",
        "at = replace(at, ' ', '  ')",
        "at = substr(at, 1, length(at) - 1)",
        "action = NULLIF(1, 1) || ''",
        "merchant_id = 'one'",
    ] {
        let sql = format!(
            "PRAGMA writable_schema = 1; UPDATE audit_records SET {change} WHERE id = {target}"
        );
        run_on(conn, "BEGIN").unwrap();
        unguard(conn);
        if run_on(conn, &sql).is_err() {
            // NOT NULL holds whatever was dropped.
            run_on(conn, "ROLLBACK").unwrap();
            continue;
        }
        let found = flaw(verify_audit(conn, None, &[]).map_err(|e| e.to_string()));
        run_on(conn, "ROLLBACK").unwrap();
        assert_eq!(named(&found), Some(target), "{change}: {found}");
    }
}

#[both]
fn what_is_removed_inserted_or_moved_is_named(world: World) {
    logs(&world, 30);
    let conn = &mut world.stranger();
    let of = |no: i64| {
        world.number(&format!("SELECT record_id FROM audit_seals WHERE chain = 1 AND no = {no}"))
    };
    let (third, fourth, last) =
        (of(3), of(4), of(world.number("SELECT max(no) FROM audit_seals WHERE chain = 1")));
    let remove =
        |table: &str, key: &str, id: i64| format!("DELETE FROM {table} WHERE {key} = {id};");
    let (record_gone, seal_gone) =
        (remove("audit_records", "id", third), remove("audit_seals", "record_id", third));
    let found = flaw(after(conn, &record_gone, None, &[]));
    assert_eq!(
        (named(&found), &found.wrong),
        (Some(third), &ChainFault::Removed { no: 3 }),
        "{found}"
    );
    let found = flaw(after(conn, &seal_gone, None, &[]));
    assert_eq!(
        (named(&found), &found.wrong),
        (Some(third), &ChainFault::Unsealed { missing: Some(3) }),
        "{found}"
    );
    let found = flaw(after(conn, &format!("{record_gone}{seal_gone}"), None, &[]));
    assert_eq!(
        (named(&found), &found.wrong),
        (None, &ChainFault::SealMissing { no: 3, next: fourth }),
        "{found}"
    );
    // With the gap in the numbers closed, the next one does not follow.
    let close_up = format!(
        "{record_gone}{seal_gone} UPDATE audit_seals SET no = no + 1000 WHERE chain = 1 AND no > \
         3; UPDATE audit_seals SET no = no - 1001 WHERE no > 1000"
    );
    let found = flaw(after(conn, &close_up, None, &[]));
    assert_eq!(
        (named(&found), &found.wrong),
        (Some(fourth), &ChainFault::Changed { no: 3 }),
        "{found}"
    );
    let insert = "INSERT INTO audit_records (id, merchant_id, at, action, actor_kind, details) \
        VALUES (-5, 1, '2026-11-23 12:00:00.000000', 'email.sent', 'cli', '{}')";
    let found = flaw(after(conn, insert, None, &[]));
    assert_eq!(
        (named(&found), &found.wrong),
        (Some(-5), &ChainFault::Unsealed { missing: None }),
        "{found}"
    );
    let found = flaw(after(conn, &swap("audit_records", "id", (third, last)), None, &[]));
    assert_eq!(
        (named(&found), &found.wrong),
        (Some(third), &ChainFault::Swapped { no: 3, with: last }),
        "{found}"
    );
    let found = flaw(after(conn, &swap("audit_seals", "record_id", (third, last)), None, &[]));
    assert_eq!(
        (named(&found), &found.wrong),
        (Some(last), &ChainFault::Reordered { no: 3, instead_of: third }),
        "{found}"
    );
    let found = flaw(after(
        conn,
        &swap("audit_seals", "no", (3, 6)).replace(" WHERE", " WHERE chain = 1 AND"),
        None,
        &[],
    ));
    assert_eq!(
        (named(&found), &found.wrong),
        (Some(of(6)), &ChainFault::Reordered { no: 3, instead_of: third }),
        "{found}"
    );
    let words = flaw(after(conn, &record_gone, None, &[])).to_string();
    assert!(
        words.contains(&format!("record {third} (2026-11-23T12:00"))
            && words.contains("was removed"),
        "{words}"
    );
    is_proved(&world);
}

#[both]
fn a_cut_or_rewritten_log_is_found_by_a_remembered_head(world: World) {
    logs(&world, 30);
    let (acme, bolt) = (head_of(&world, 1), head_of(&world, 2));
    assert!(
        verify_with(&world, None, &[acme.clone(), bolt.clone()])
            .iter()
            .all(|verdict| verdict.flaw.is_none())
    );
    assert!(verify_with(&world, Some("acme"), std::slice::from_ref(&acme))[0].flaw.is_none());
    let conn = &mut world.stranger();
    let cut = |from: i64| {
        format!(
            "DELETE FROM audit_records WHERE id IN (SELECT record_id FROM audit_seals WHERE chain \
             = 1 AND no >= {from}); \
             DELETE FROM audit_seals WHERE chain = 1 AND no >= {from}"
        )
    };
    let found = flaw(after(conn, &cut(acme.no), Some("acme"), std::slice::from_ref(&acme)));
    let before = world.number(&format!(
        "SELECT record_id FROM audit_seals WHERE chain = 1 AND no = {}",
        acme.no - 1
    ));
    assert_eq!(
        (named(&found), &found.wrong),
        (Some(before), &ChainFault::Cut { remembered: acme.no }),
        "{found}"
    );
    let said = after(conn, &cut(acme.no - 2), None, &[bolt.clone(), acme.clone()]);
    assert!(
        said.as_ref().is_err_and(|said| said.contains(&acme.to_string()))
            || said.unwrap().iter().any(|v| v.flaw.is_some())
    );
    // The newest of all logs cannot be cut without being missed, even by somebody who remembers
    // nothing.
    let newest = world.number("SELECT max(id) FROM audit_records");
    let sql = format!(
        "DELETE FROM audit_records WHERE id = {newest}; DELETE FROM audit_seals WHERE record_id = \
         {newest}"
    );
    assert_eq!(flaw(after(conn, &sql, None, &[])).wrong, ChainFault::CutAtMark);
    // Another merchant's head is not this one's.
    assert!(verify_with(&world, Some("acme"), &[bolt])[0].flaw.is_some());
    // Somebody changes a record and seals everything again: only the remembered head tells.
    let target = world.number("SELECT record_id FROM audit_seals WHERE chain = 1 AND no = 2");
    run_on(conn, "BEGIN").unwrap();
    unguard(conn);
    run_on(
        conn,
        &format!(
            "UPDATE audit_records SET action = 'email.failed' WHERE id = {target}; \
        DELETE FROM audit_seals; UPDATE seal_marks SET sealed_to = 0"
        ),
    )
    .unwrap();
    run_on(conn, "COMMIT").unwrap();
    seal(&world);
    is_proved(&world);
    let found = verify_with(&world, Some("acme"), std::slice::from_ref(&acme))
        .remove(0)
        .flaw
        .expect("a flaw");
    assert_eq!(found.wrong, ChainFault::Rewritten { remembered: acme.no });
}

#[both]
fn check_finds_unsealed_records_seals_without_records_and_gaps(world: World) {
    logs(&world, 12);
    let conn = &mut world.stranger();
    let target = world.number("SELECT record_id FROM audit_seals WHERE chain = 1 AND no = 2");
    for (sql, what) in [
        (format!("DELETE FROM audit_seals WHERE record_id = {target}"), "should be sealed"),
        (format!("DELETE FROM audit_records WHERE id = {target}"), "not there"),
        (
            format!("UPDATE audit_seals SET no = no + 100 WHERE record_id = {target}"),
            "without a gap",
        ),
    ] {
        run_on(conn, "BEGIN").unwrap();
        unguard(conn);
        run_on(conn, &sql).unwrap();
        let findings = contradictions(conn, Invariant::I5).unwrap();
        run_on(conn, "ROLLBACK").unwrap();
        assert!(findings.iter().any(|finding| finding.what.contains(what)), "{sql}: {findings:?}");
    }
    assert!(contradictions(conn, Invariant::I5).unwrap().is_empty());
}

#[both]
fn two_hundred_tamperings_are_all_found(world: World) {
    many(&world, 200);
}

#[ignore = "prints the counts of a thousand; takes a while"]
#[both]
fn a_thousand_tamperings_are_all_found(world: World) {
    many(&world, 1_000);
}

/// Below `bound` (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: i64) -> i64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        i64::try_from((x ^ (x >> 31)) >> 1).unwrap() % bound
    }
}

/// One thing that somebody does to a sealed log, and the records and seal numbers that it touches.
struct Deed {
    what: &'static str,
    sql: String,
    records: Vec<i64>,
    numbers: Vec<i64>,
}

fn deed(random: &mut Random, seals: &[(i64, i64, i64)], engine_is_sqlite: bool) -> Deed {
    let pick = usize::try_from(random.below(seals.len() as i64)).unwrap();
    let (chain, no, id) = seals[pick];
    let of_chain: Vec<_> = seals.iter().filter(|seal| seal.0 == chain && seal.2 != id).collect();
    let (_, other_no, other) =
        *of_chain[usize::try_from(random.below(of_chain.len() as i64)).unwrap()];
    let record_gone = format!("DELETE FROM audit_records WHERE id = {id};");
    let seal_gone = format!("DELETE FROM audit_seals WHERE record_id = {id};");
    let now = if engine_is_sqlite { "'2026-11-23 12:00:00.000000'" } else { "now()" };
    let (what, sql) = match random.below(10) {
        0 | 1 => {
            let (column, value) =
                COLUMNS[usize::try_from(random.below(COLUMNS.len() as i64)).unwrap()];
            // A value that differs whatever was there.
            let value =
                if column == "merchant_id" { if chain == 1 { "2" } else { "1" } } else { value };
            (
                "field changed",
                format!("UPDATE audit_records SET {column} = {value} WHERE id = {id}"),
            )
        }
        2 => {
            let digit = random.below(60) + 1;
            let changed = format!("CASE substr(digest, {digit}, 1) WHEN 'a' THEN 'b' ELSE 'a' END");
            let digest = format!(
                "substr(digest, 1, {digit} - 1) || {changed} || substr(digest, {digit} + 1)"
            );
            (
                "seal changed",
                format!("UPDATE audit_seals SET digest = {digest} WHERE record_id = {id}"),
            )
        }
        3 => ("record removed", record_gone),
        4 => ("record and seal removed", format!("{record_gone}{seal_gone}")),
        5 => ("seal removed", seal_gone),
        6 => ("records swapped", swap("audit_records", "id", (id, other))),
        7 => ("seals swapped", swap("audit_seals", "record_id", (id, other))),
        8 => {
            let merchant = if chain == 0 { "NULL".to_owned() } else { chain.to_string() };
            let at = -1 - random.below(1_000_000);
            let sql = format!(
                "INSERT INTO audit_records (id, merchant_id, at, action, actor_kind, details) \
                 VALUES ({at}, {merchant}, {now}, 'email.sent', 'cli', '{{}}')"
            );
            return Deed { what: "record inserted", sql, records: vec![at], numbers: vec![] };
        }
        _ => {
            let records: Vec<i64> = seals
                .iter()
                .filter(|seal| seal.0 == chain && seal.1 >= no)
                .map(|seal| seal.2)
                .collect();
            let list = records.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let sql = format!(
                "DELETE FROM audit_records WHERE id IN ({list}); DELETE FROM audit_seals WHERE \
                 record_id IN ({list})"
            );
            // The record that is now the last one is named.
            let last = seals
                .iter()
                .filter(|seal| seal.0 == chain && seal.1 < no)
                .map(|seal| seal.2)
                .next_back();
            return Deed {
                what: "tail cut",
                sql,
                records: last.into_iter().chain(records).collect(),
                numbers: vec![no],
            };
        }
    };
    Deed { what, sql, records: vec![id, other], numbers: vec![no, other_no] }
}

fn many(world: &World, n: usize) {
    let seed = std::env::var("TAMPERING_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(20_261_124);
    eprintln!("seed {seed} (TAMPERING_SEED chooses another)");
    logs(world, 90);
    let rows = world.texts(
        "SELECT chain || ' ' || no || ' ' || record_id AS v FROM audit_seals ORDER BY chain, no",
    );
    let seals: Vec<(i64, i64, i64)> = rows
        .iter()
        .map(|row| row.split(' ').map(|n| n.parse().unwrap()).collect::<Vec<i64>>())
        .map(|row| (row[0], row[1], row[2]))
        .collect();
    let heads = [0, 1, 2].map(|chain| head_of(world, chain));
    let mut random = Random(seed);
    let conn = &mut world.stranger();
    let mut counts: BTreeMap<(&str, String), usize> = BTreeMap::new();
    for i in 0..n {
        let deed = deed(&mut random, &seals, world.is_sqlite());
        let context = format!("number {i} of seed {seed}: {}: {}", deed.what, deed.sql);
        let found = match after(conn, &deed.sql, None, &heads) {
            Err(said) => {
                assert!(
                    deed.what.contains("removed") || deed.what == "tail cut",
                    "{context}: {said}"
                );
                "a remembered head is missing".to_owned()
            }
            Ok(verdicts) => {
                let flaws: Vec<Flaw> =
                    verdicts.into_iter().filter_map(|verdict| verdict.flaw).collect();
                assert!(!flaws.is_empty(), "not found: {context}");
                for flaw in &flaws {
                    let is_right = match &flaw.wrong {
                        ChainFault::SealMissing { no, .. } => deed.numbers.contains(no),
                        _ => named(flaw).is_some_and(|id| deed.records.contains(&id)),
                    };
                    assert!(is_right, "{flaw}\n{context}");
                }
                let wrong = format!("{:?}", flaws[0].wrong);
                format!("named: {}", wrong.split([' ', '{']).next().unwrap())
            }
        };
        *counts.entry((deed.what, found)).or_default() += 1;
    }
    eprintln!("{:?}: {n} tamperings, all found:", world.engine);
    for ((what, found), count) in counts {
        eprintln!("  {count:>4}  {what:<24} {found}");
    }
    is_proved(world);
    assert!(verify(world).len() == 3 && record(world, None, 99) > 0);
}
