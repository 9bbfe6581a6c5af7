//! `audit export`: the envelope, the order, any length of log, and a reader who leaves early.

use serde_json::{Value, json};

use super::{Ended, Shell};
use crate::{
    row,
    support::{TestDb, World, world::but},
};
use rewarddesk::domain::role::Role;

fn lines(shell: &Shell, args: &[&str]) -> Vec<Value> {
    shell
        .done(&[&["audit", "export"], args].concat())
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[both]
fn a_reissue_is_exported_as_the_contract_says(world: World) {
    let scene = world.scene(1);
    let user = world.user(Role::Support);
    let details = json!({ "old_code": "OLD-1", "new_code": "FRESH-1-1", "reward_id": "R-1", "email_requested": true, "id": "not an id" });
    let record = but(world.audit_row(7, user), "details", details.to_string());
    let record = but(
        but(but(record, "customer", scene.customer), "reward", scene.reward),
        "request_id",
        "0197-a",
    );
    let id = world.insert("audit_records", &record);
    let shell = Shell::on(&world.db);
    let expected = json!({
        "id": id, "at": "2026-11-23T12:00:00Z", "action": "coupon.reissued", "merchant": "acme", "actor": "support@desk.example",
        "customer": scene.customer, "customer_id": "C-1", "reward_id": "R-1", "reissue_id": 7, "old_code": "OLD-1",
        "new_code": "FRESH-1-1", "email_requested": true, "request_id": "0197-a",
    });
    let mut line = lines(&shell, &["--merchant", "acme"]).remove(0);
    let seal = line.as_object_mut().unwrap().remove("seal").unwrap();
    assert_eq!(line, expected);
    assert_eq!((&seal["no"], seal["digest"].as_str().map(str::len)), (&json!(1), Some(64)));
    world.exec("UPDATE customers SET purged_at = created_at, email = NULL");
    assert_eq!(lines(&shell, &["--merchant", "acme"])[0]["customer_id"], Value::Null);
    assert_eq!(lines(&shell, &[]), [Value::Null; 0], "the installation's own log is another one");
}

#[both]
fn every_action_has_the_whole_envelope(db: TestDb) {
    let shell = Shell::on(&db);
    shell.done(&["merchant", "add", "acme", "--name", "Acme"]);
    let line = &lines(&shell, &["--merchant", "acme"])[0];
    for key in [
        "id",
        "at",
        "action",
        "merchant",
        "actor",
        "customer",
        "customer_id",
        "reward_id",
        "reissue_id",
        "request_id",
        "seal",
    ] {
        assert!(line.get(key).is_some(), "{key} is missing in {line}");
    }
    assert_eq!((&line["actor"], &line["reward_id"]), (&json!("cli"), &Value::Null));
}

#[both]
fn a_long_log_comes_whole_and_oldest_first(world: World) {
    for n in 0..1_001 {
        world.insert(
            "audit_records",
            row! {
                merchant_id: world.merchant, at: world.now, action: "email.sent", actor_kind: "system", details: format!("{{\"n\":{n}}}"),
            },
        );
    }
    let shell = Shell::on(&world.db);
    let all = lines(&shell, &["--merchant", "acme"]);
    assert_eq!(all.len(), 1_001);
    assert!(
        all.iter().enumerate().all(|(n, line)| line["n"] == json!(n) && line["actor"] == "system")
    );
    // A reader who leaves after the first line is no fault of the desk's.
    let mut child = shell.command(&["audit", "export", "--merchant", "acme"]).spawn().unwrap();
    drop(child.stdout.take());
    let ended = Ended::from(child.wait_with_output().unwrap());
    assert_eq!((ended.status, ended.err.as_str()), (0, ""));
}

#[both]
fn a_log_is_proved_and_the_first_bad_record_named(db: TestDb) {
    let shell = Shell::on(&db);
    shell.done(&["merchant", "add", "acme", "--name", "Acme"]);
    for n in 1..=3 {
        shell.done(&["batch", "add", &format!("Batch {n}"), "--merchant", "acme"]);
    }
    // The commands have sealed what they wrote.
    let said = shell.done(&["audit", "verify"]);
    let (own, acme) = said.split_once('\n').unwrap();
    assert_eq!(own, "the installation: nothing sealed");
    let head = acme.trim().strip_prefix("acme: 4 records sealed, head ").unwrap().to_owned();
    assert_eq!(shell.done(&["audit", "verify", "--merchant", "acme", "--head", &head]), acme);
    shell.refused(&["audit", "verify", "--merchant", "nobody"], "there is no merchant");
    assert_eq!(shell.run(&["audit", "verify", "--head", "12"]).status, 2);
    let other = format!("4:{}", "a".repeat(64));
    shell.refused(&["audit", "verify", "--merchant", "acme", "--head", &other], "acme: record 4 (");
    shell.refused(&["audit", "verify", "--head", &other], "no log has the head 4:aaaa");

    let file = shell.dir.path().join("acme.jsonl");
    std::fs::write(&file, shell.done(&["audit", "export", "--merchant", "acme"])).unwrap();
    // No database is asked.
    let alone = Shell::new();
    let path = file.to_str().unwrap();
    assert_eq!(alone.done(&["audit", "verify", "--file", path, "--head", &head]), acme);
    assert_eq!(
        alone
            .piped(&["audit", "verify", "--file", "-"], &std::fs::read_to_string(&file).unwrap())
            .out,
        acme
    );
    alone.refused(&["audit", "verify", "--file", path, "--head", &other], "was resealed");
    alone.refused(&["audit", "verify", "--file", "nowhere"], "can't read nowhere");
    std::fs::write(
        &file,
        std::fs::read_to_string(&file).unwrap().replacen("Batch 2", "Batch 9", 1),
    )
    .unwrap();
    alone.refused(&["audit", "verify", "--file", path], "acme: record 3 (");

    let sql = if db.is_sqlite() {
        "DROP TRIGGER audit_records_never_change"
    } else {
        "ALTER TABLE audit_records DISABLE TRIGGER USER"
    };
    db.exec(sql);
    db.exec("UPDATE audit_records SET action = 'batch.lost' WHERE id = 2");
    let ended = shell.run(&["audit", "verify"]);
    assert_eq!(ended.out, "the installation: nothing sealed\n");
    ended.is_refused("acme: record 2 (");
    ended.is_refused("batch.lost) was changed");
    shell.refused(&["audit", "verify", "--merchant", "acme"], "number 2");
}
