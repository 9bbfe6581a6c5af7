//! The server with a role that owns nothing and may do what docs/operating.md grants it: the
//! database itself keeps the audit log from it.

use std::time::{Duration, Instant};

use super::{cluster::Cluster, installation::Installation, load::Load};
use crate::{
    mail::relay_server::Server as Relay,
    support::{Engine, TestDb, block_on},
};

/// The blocks of SQL under "PostgreSQL with two roles".
fn grants() -> Vec<String> {
    let page = include_str!("../../../docs/operating.md");
    let section = page
        .split("### PostgreSQL with two roles\n")
        .nth(1)
        .and_then(|rest| rest.split("\n#").next())
        .expect("the section");
    let blocks: Vec<String> = section
        .split("```")
        .skip(1)
        .step_by(2)
        .filter_map(|block| block.strip_prefix("sql\n"))
        .map(str::to_owned)
        .collect();
    assert_eq!(blocks.len(), 2, "{section}");
    blocks
}

#[test]
fn what_readme_grants_to_a_role_of_its_own_is_enough_to_serve() {
    block_on(async {
        let cluster = Cluster::start();
        let relay = Relay::start(&[]).await;
        let house = Installation::new(
            TestDb::elsewhere(Engine::Postgres, cluster.url()),
            12,
            10,
            &relay.url(),
        );
        house.db.exec("CREATE ROLE desk_app LOGIN");
        for block in grants() {
            house.db.exec(&block);
        }
        // Enough for the keeper of the stock to advance its watermark.
        house.db.exec("SELECT setval('stock_movements_id_seq', 5000)");
        let house = house.with("DATABASE_URL", &cluster.url().replace("postgres@", "desk_app@"));
        assert!(
            house
                .shell
                .done(&["doctor"])
                .contains("the role desk_app can read it and add to it, but can't change it")
        );
        let server = house.serve();
        let casey = house.sign_in(&server).await;
        let load = Load::of(&house.rewards);
        load.begin(&casey, 3).join_all().await;
        load.had_no_surprise();
        assert_eq!((load.successes(), load.refused.lock().unwrap().len()), (10, 2));
        casey.get("/m/acme/customers?q=jo-0003").await.expect(200).says("jo-0003@customer.example");
        // What the workers do.
        let begun = Instant::now();
        for undone in [
            "customer_stretch_changes",
            "stock_marks WHERE settled_to = 0",
            "mails WHERE state = 'queued'",
            "audit_records r WHERE NOT EXISTS (SELECT FROM audit_seals s WHERE s.record_id = r.id)",
        ] {
            while house.db.count(undone) > 0 {
                assert!(begun.elapsed() < Duration::from_mins(1), "left undone: {undone}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        let (file, columns) = (house.shell.dir.path().join("more.csv"), "code\nMORE-01\nMORE-02\n");
        std::fs::write(&file, columns).unwrap();
        house.shell.done(&[
            "import",
            "vouchers",
            file.to_str().unwrap(),
            "--merchant",
            "acme",
            "--batch",
            "Spring",
        ]);
        let errors: Vec<_> = house
            .said()
            .into_iter()
            .filter(|line| line["level"] == "ERROR" || line["level"] == "WARN")
            .collect();
        assert!(errors.is_empty(), "{errors:?}");
        house.keeps_its_word(&load.told.lock().unwrap());
        let app =
            TestDb::elsewhere(Engine::Postgres, cluster.url().replace("postgres@", "desk_app@"));
        for forbidden in [
            "UPDATE audit_records SET action = action",
            "DELETE FROM audit_seals",
            "TRUNCATE reissues",
        ] {
            assert!(app.run(forbidden).unwrap_err().contains("permission denied"), "{forbidden}");
        }
    });
}
