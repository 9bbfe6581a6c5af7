//! A commit is on disk when it is confirmed, whatever the server, the database or the role says of
//! commits (guarantee R6).

use diesel::{QueryableByName, RunQueryDsl, sql_query, sql_types::Text};
use rewarddesk::db::{Database, DatabaseUrl, Error, Pooler};

use crate::{
    cli::Shell,
    faults::cluster::Cluster,
    support::{Engine, TestDb},
};

#[derive(QueryableByName)]
struct Said {
    #[diesel(sql_type = Text)]
    v: String,
}

/// What holds in a transaction that writes.
fn in_a_write(url: &DatabaseUrl) -> String {
    let db = Database::open(url).unwrap();
    db.write(|tx| {
        Ok::<_, Error>(
            sql_query("SELECT current_setting('synchronous_commit') AS v")
                .get_result::<Said>(&mut **tx)?
                .v,
        )
    })
    .unwrap()
}

#[test]
fn commits_wait_for_the_disk_on_a_server_that_does_not() {
    let cluster = Cluster::start();
    let db = TestDb::elsewhere(Engine::Postgres, cluster.url());
    let url = || DatabaseUrl::parse(&db.url).unwrap();
    for (usual, wanted) in [
        ("off", "on"),
        ("local", "on"),
        ("remote_write", "on"),
        ("on", "on"),
        ("remote_apply", "remote_apply"),
    ] {
        db.exec(&format!("ALTER DATABASE postgres SET synchronous_commit = {usual}"));
        assert_eq!(in_a_write(&url()), wanted, "{usual}");
        assert_eq!(
            in_a_write(&url().behind(Pooler::Transaction)),
            wanted,
            "{usual}, with a pooler"
        );
        for pooler in ["none", "transaction"] {
            let out =
                Shell::on(&db).with("REWARDDESK_DATABASE_POOLER", pooler).run(&["doctor"]).out;
            let safety = out
                .lines()
                .find(|line| line.contains("  safety: "))
                .unwrap_or_else(|| panic!("nothing about safety in\n{out}"));
            assert!(
                safety.starts_with("ok")
                    && safety.contains(&format!("synchronous_commit={wanted}")),
                "{pooler}: {safety}"
            );
            assert_eq!(safety.contains(&format!(" is {usual})")), usual != wanted, "{safety}");
        }
    }
}
