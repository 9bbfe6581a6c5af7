//! `audit export`: the envelope, the order, any length of log, and a reader who leaves early.

use serde_json::{Value, json};

use super::{Ended, Shell};
use crate::{
    row,
    support::{TestDb, World, world::but},
};
use rewarddesk::domain::role::Role;

fn lines(shell: &Shell, args: &[&str]) -> Vec<Value> {
    shell.done(&[&["audit", "export"], args].concat()).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

both! {
    fn a_reissue_is_exported_as_the_contract_says(world: World) {
        let scene = world.scene(1);
        let user = world.user(Role::Support);
        let details = json!({ "old_code": "OLD-1", "new_code": "FRESH-1-1", "reward_id": "R-1", "email_requested": true, "id": "not an id" });
        let record = but(world.audit_row(7, user), "details", details.to_string());
        let record = but(but(but(record, "customer", scene.customer), "reward", scene.reward), "request_id", "0197-a");
        let id = world.insert("audit_records", &record);
        let shell = Shell::on(&world.db);
        let expected = json!({
            "id": id, "at": "2026-11-23T12:00:00Z", "action": "coupon.reissued", "merchant": "acme", "actor": "support@desk.example",
            "customer": scene.customer, "customer_id": "C-1", "reward_id": "R-1", "reissue_id": 7, "old_code": "OLD-1",
            "new_code": "FRESH-1-1", "email_requested": true, "request_id": "0197-a",
        });
        assert_eq!(lines(&shell, &["--merchant", "acme"]), [expected]);
        world.exec("UPDATE customers SET purged_at = created_at, email = NULL");
        assert_eq!(lines(&shell, &["--merchant", "acme"])[0]["customer_id"], Value::Null);
        assert_eq!(lines(&shell, &[]), [Value::Null; 0], "the installation's own log is another one");
    }

    fn every_action_has_the_whole_envelope(db: TestDb) {
        let shell = Shell::on(&db);
        shell.done(&["merchant", "add", "acme", "--name", "Acme"]);
        let line = &lines(&shell, &["--merchant", "acme"])[0];
        for key in ["id", "at", "action", "merchant", "actor", "customer", "customer_id", "reward_id", "reissue_id", "request_id"] {
            assert!(line.get(key).is_some(), "{key} is missing in {line}");
        }
        assert_eq!((&line["actor"], &line["reward_id"]), (&json!("cli"), &Value::Null));
    }

    fn a_long_log_comes_whole_and_oldest_first(world: World) {
        for n in 0..1_001 {
            world.insert("audit_records", row! {
                merchant_id: world.merchant, at: world.now, action: "email.sent", actor_kind: "system", details: format!("{{\"n\":{n}}}"),
            });
        }
        let shell = Shell::on(&world.db);
        let all = lines(&shell, &["--merchant", "acme"]);
        assert_eq!(all.len(), 1_001);
        assert!(all.iter().enumerate().all(|(n, line)| line["n"] == json!(n) && line["actor"] == "system"));
        // A reader who leaves after the first line is no fault of the desk's.
        let mut child = shell.command(&["audit", "export", "--merchant", "acme"]).spawn().unwrap();
        drop(child.stdout.take());
        let ended = Ended::from(child.wait_with_output().unwrap());
        assert_eq!((ended.status, ended.err.as_str()), (0, ""));
    }
}
