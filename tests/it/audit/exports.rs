//! An exported log is proved by its file alone, and a file that somebody has changed is not.

use rewarddesk::{
    app::{
        Desk, Error,
        audit::{
            audit_export_file::export_audit, verify_audit::LogVerdict, verify_export::ExportedLog,
        },
    },
    domain::{audit_proof::ChainFault, audit_seal::ChainHead, clock::Clock},
};
use serde_json::{Value, json};

use super::{logs, record, unguard};
use crate::support::{Engine, TestDb, World, engine::run_on, world::noon};

fn export(db: &TestDb, merchant: Option<&str>) -> Vec<String> {
    let mut lines = vec![];
    let done: Result<(), Error> = export_audit(
        &Desk::for_operator(db.db.clone()).at(Clock::fixed(noon())),
        merchant,
        |line| {
            lines.push(line.to_owned());
            Ok(())
        },
    );
    done.unwrap();
    lines
}

/// The verdict, or what was said of a line that no export has.
fn prove(lines: &[String], heads: &[ChainHead]) -> Result<LogVerdict, String> {
    let mut export = ExportedLog::new(heads);
    for line in lines {
        if let Some(flaw) = export.line(line).map_err(|e| e.to_string())? {
            return Ok(export.verdict(Some(flaw)));
        }
    }
    Ok(export.end())
}

fn with(line: &str, change: impl Fn(&mut Value)) -> String {
    let mut value: Value = serde_json::from_str(line).unwrap();
    change(&mut value);
    value.to_string()
}

#[both]
fn each_logs_export_is_proved_alone(world: World) {
    logs(&world, 40);
    // What is not sealed yet is sealed by the export.
    record(&world, Some(world.merchant), 50);
    for merchant in [None, Some("acme"), Some("bolt")] {
        let lines = export(&world, merchant);
        let verdict = prove(&lines, &[]).unwrap();
        assert!(
            lines.len() > 5 && verdict.head.no == i64::try_from(lines.len()).unwrap(),
            "{verdict:?}"
        );
        assert_eq!((&verdict.flaw, verdict.unsealed), (&None, 0));
        assert_eq!(verdict.log, merchant.unwrap_or("the installation"));
        let earlier = prove(&lines[..4], &[]).unwrap();
        assert!(earlier.flaw.is_none(), "{earlier:?}");
        assert!(prove(&lines, std::slice::from_ref(&earlier.head)).unwrap().flaw.is_none());
        // A cut file against a remembered head.
        let cut = prove(&lines[..lines.len() - 1], std::slice::from_ref(&verdict.head)).unwrap();
        assert_eq!(cut.flaw.unwrap().wrong, ChainFault::Cut { remembered: verdict.head.no });
    }
    assert!(prove(&[], &[]).unwrap().flaw.is_none());
}

#[both]
fn a_changed_file_is_found_and_the_record_named(world: World) {
    logs(&world, 40);
    let lines = export(&world, Some("acme"));
    let id_of = |line: &str| serde_json::from_str::<Value>(line).unwrap()["id"].as_i64();
    let (target, n) = (id_of(&lines[4]), lines.len());
    let changed = |line: String| {
        let mut lines = lines.clone();
        lines[4] = line;
        prove(&lines, &[])
    };
    for (member, value) in [
        ("at", json!("2026-11-23T12:00:00Z")),
        ("action", json!("email.failed")),
        ("merchant", json!("bolt")),
        ("merchant", json!(null)),
        ("actor", json!("cli")),
        ("customer", json!(4711)),
        ("reissue_id", json!(4711)),
        ("request_id", json!("x")),
        ("old_code", json!("NEW")),
        ("new", json!("5")),
        ("one_more", json!(null)),
    ] {
        let flaw = changed(with(&lines[4], |line| line[member] = value.clone()))
            .unwrap()
            .flaw
            .expect(member);
        assert_eq!(
            flaw.record.as_ref().and_then(|r| Some(r.id).filter(|_| r.at.is_some())),
            target,
            "{flaw}"
        );
        assert_eq!(flaw.wrong, ChainFault::Disagrees { member: member.to_owned() });
    }
    let less =
        changed(with(&lines[4], |line| drop(line.as_object_mut().unwrap().remove("old_code"))))
            .unwrap()
            .flaw
            .unwrap();
    assert_eq!(less.wrong, ChainFault::Disagrees { member: "old_code".to_owned() });
    // A change of the content as well breaks the chain.
    let forged = with(&lines[4], |line| {
        line["action"] = json!("email.fooled");
        let content = line["seal"]["content"].as_str().unwrap();
        let action = content.split(',').nth(4).unwrap().to_owned();
        line["seal"]["content"] = json!(content.replacen(&action, "12:email.fooled", 1));
    });
    let flaw = changed(forged).unwrap().flaw.unwrap();
    assert_eq!(
        (flaw.record.unwrap().id, flaw.wrong),
        (target.unwrap(), ChainFault::Changed { no: 5 })
    );
    for (member, value) in [
        ("no", json!(6)),
        ("no", json!(1)),
        ("digest", json!("0".repeat(64))),
        ("at_us", json!(1)),
        ("content", json!("")),
        ("more", json!(1)),
    ] {
        let flaw =
            changed(with(&lines[4], |line| line["seal"][member] = value.clone())).unwrap().flaw;
        assert!(flaw.is_some(), "seal.{member}");
    }
    let without = |i: usize| {
        lines
            .iter()
            .enumerate()
            .filter(|(at, _)| *at != i)
            .map(|(_, line)| line.clone())
            .collect::<Vec<_>>()
    };
    for i in 0..n - 1 {
        let flaw = prove(&without(i), &[]).unwrap().flaw.expect("a removed line");
        assert_eq!(
            flaw.wrong,
            ChainFault::SealMissing {
                no: i64::try_from(i).unwrap() + 1,
                next: id_of(&lines[i + 1]).unwrap()
            }
        );
    }
    let unsealed =
        changed(with(&lines[4], |line| line["seal"] = Value::Null)).unwrap().flaw.unwrap();
    assert_eq!(
        (unsealed.record.unwrap().id, unsealed.wrong),
        (target.unwrap(), ChainFault::NotExported)
    );
    let mut swapped = lines.clone();
    swapped.swap(3, 4);
    assert!(prove(&swapped, &[]).unwrap_err().contains("line 5"));
    assert!(changed("no json".to_owned()).unwrap_err().contains("line 5"));
    assert!(changed(r#"{"id":1}"#.to_owned()).unwrap_err().contains("\"seal\""));
}

#[both]
fn what_cannot_be_sealed_is_exported_without_a_seal_and_found(world: World) {
    logs(&world, 12);
    let mut conn = world.stranger();
    run_on(&mut conn, "BEGIN").unwrap();
    unguard(&mut conn);
    run_on(
        &mut conn,
        "INSERT INTO audit_records (id, merchant_id, at, action, actor_kind, \
        details) VALUES (0, 1, '2026-11-23 12:00:00.000000', 'email.sent', 'cli', '{}')",
    )
    .unwrap();
    run_on(&mut conn, "COMMIT").unwrap();
    let lines = export(&world, Some("acme"));
    let verdict = prove(&lines, &[]).unwrap();
    let flaw = verdict.flaw.unwrap();
    assert_eq!((flaw.record.unwrap().id, flaw.wrong), (0, ChainFault::NotExported));
}

/// The export is in the order of ids, the chain in that of sealing.
#[test]
fn a_log_with_late_records_is_exported_by_id_and_proved() {
    let world = World::new(TestDb::new(Engine::Postgres), noon());
    logs(&world, 10);
    let insert = "INSERT INTO audit_records (merchant_id, at, action, actor_kind, details) VALUES \
        (1, now(), 'email.sent', 'system', '{}')";
    let mut late: Vec<_> = (0..3).map(|_| world.connect()).collect();
    for conn in &mut late {
        run_on(conn, &format!("BEGIN; {insert}")).unwrap();
        world.exec(insert);
        super::seal(&world);
    }
    for conn in late.iter_mut().rev() {
        run_on(conn, "COMMIT").unwrap();
        super::seal(&world);
    }
    let lines = export(&world, Some("acme"));
    let numbers: Vec<i64> = lines
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["seal"]["no"].as_i64().unwrap())
        .collect();
    assert!(!numbers.is_sorted(), "{numbers:?}");
    let verdict = prove(&lines, &[]).unwrap();
    assert!(
        verdict.flaw.is_none() && verdict.head.no == i64::try_from(lines.len()).unwrap(),
        "{verdict:?}"
    );
    super::is_proved(&world);
}
