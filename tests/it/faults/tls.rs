//! TLS to PostgreSQL, in the build that has it (feature `pg-tls`): a server that takes nothing in
//! the clear, an authority of the test's own, and what is said when either is not the one that was
//! meant.

use std::{fs, path::Path, process::Command, time::Instant};

use super::{
    cluster::Cluster,
    installation::Installation,
    load::{Form, Heard},
};
use crate::{
    cli::Shell,
    support::{Engine, TestDb, block_on},
};

/// Runs `openssl` in `dir`, its arguments divided by spaces.
fn openssl(dir: &Path, args: &str) {
    let said = Command::new("openssl")
        .args(args.split(' '))
        .current_dir(dir)
        .output()
        .expect("openssl: scripts/test installs it");
    assert!(said.status.success(), "{args}: {}", String::from_utf8_lossy(&said.stderr));
}

/// Two authorities, of which the first has signed a server's certificate for the name `localhost`.
fn certificates() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let new = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";
    for authority in ["ours", "other"] {
        openssl(
            dir.path(),
            &format!("{new} -subj /CN=authority -keyout {authority}.key -out {authority}.crt"),
        );
    }
    let name = "-subj /CN=localhost -addext subjectAltName=DNS:localhost";
    openssl(
        dir.path(),
        &format!("{new} {name} -keyout server.key -out server.crt -CA ours.crt -CAkey ours.key"),
    );
    dir
}

/// From now on the cluster takes connections over the network with TLS only.
fn demand_tls(cluster: &Cluster, certificates: &Path) {
    let db = TestDb::elsewhere(Engine::Postgres, cluster.url());
    let data = db.text("SELECT setting FROM pg_settings WHERE name = 'data_directory'").unwrap();
    for file in ["server.crt", "server.key"] {
        let there = Path::new(&data).join(file);
        fs::copy(certificates.join(file), &there).unwrap();
        // PostgreSQL takes no key that others can read or that is not its own.
        let yielded =
            Command::new("chown").arg(format!("--reference={data}")).arg(&there).status().unwrap();
        let private = Command::new("chmod").arg("600").arg(&there).status().unwrap();
        assert!(yielded.success() && private.success());
    }
    fs::write(Path::new(&data).join("pg_hba.conf"), "hostssl all all all trust\n").unwrap();
    db.exec("ALTER SYSTEM SET ssl = on");
    cluster.break_off();
    cluster.start_again();
}

#[test]
fn the_desk_speaks_tls_to_the_meant_server_and_to_no_other() {
    let (cluster, certificates) = (Cluster::start(), certificates());
    demand_tls(&cluster, certificates.path());
    let by_name = cluster.url().replace("127.0.0.1", "localhost");
    let authority = |name: &str| certificates.path().join(name).display().to_string();
    let address =
        |url: &str, authority: &str| format!("{url}?sslmode=verify-full&sslrootcert={authority}");
    let refused = |url: &str, what: &str, cure: &str| {
        for command in [["check"], ["migrate"]] {
            let ended = Shell::new().with("DATABASE_URL", url).run(&command);
            ended.is_refused(what);
            ended.is_refused(cure);
        }
        let doctor = Shell::new().with("DATABASE_URL", url).run(&["doctor"]).out;
        let line =
            doctor.lines().find(|line| line.starts_with("bad   database: ")).expect("a line");
        assert!(line.contains(what) && line.contains(cure), "{line}");
    };
    let whose = "set sslrootcert in DATABASE_URL to the file of the authority";
    let which = "set sslrootcert in DATABASE_URL to the PEM file of the authority";
    refused(&address(&by_name, &authority("other.crt")), "certificate verify failed", whose);
    refused(&address(&by_name, &authority("nowhere.crt")), "does not exist", which);
    refused(&address(&by_name, "system"), "certificate verify failed", whose);
    refused(
        &address(&cluster.url(), &authority("ours.crt")),
        "does not match host name",
        "use the host name from the server's certificate in DATABASE_URL",
    );
    refused(
        &format!("{by_name}?sslmode=disable"),
        "no encryption",
        "doesn't accept unencrypted connections",
    );
    block_on(async {
        let house = Installation::new(
            TestDb::elsewhere(Engine::Postgres, address(&by_name, &authority("ours.crt"))),
            2,
            2,
            "file:mails",
        );
        let doctor = house.shell.run(&["doctor"]).out;
        assert!(
            doctor.contains(
                "ok    tls to the database: encrypted, TLSv1.3; the server's \
                certificate and name are checked"
            ),
            "{doctor}"
        );
        let server = house.serve();
        let client = house.sign_in(&server).await;
        for (n, reward) in house.rewards.iter().enumerate() {
            let heard = Form::open(&client, reward, n).await.unwrap().send(&client).await;
            assert!(matches!(heard, Heard::Success(_)), "{heard:?}");
        }
        let clear = house.db.count(
            "pg_stat_activity a JOIN pg_stat_ssl s USING (pid) WHERE \
            a.datname = current_database() AND NOT s.ssl",
        );
        assert!(clear == 0 && house.db.count("pg_stat_ssl WHERE ssl") > 1, "{clear} in the clear");
        server.terminate();
        assert_eq!(server.ended(Instant::now()).0, Some(0));
        house.is_sound();
    });
}

#[test]
fn a_server_without_tls_is_refused_where_tls_is_asked_for() {
    let cluster = Cluster::start();
    let ended = Shell::new()
        .with("DATABASE_URL", &format!("{}?sslmode=require", cluster.url()))
        .run(&["check"]);
    ended.is_refused("server does not support SSL");
    ended.is_refused("set ssl = on in the server's postgresql.conf");
}
