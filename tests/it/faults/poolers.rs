//! pgbouncer in transaction mode between the desk and PostgreSQL: two connections for everybody,
//! and nothing goes astray.

use std::{
    fs,
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Command},
    time::{Duration, Instant},
};

use super::{
    balancer,
    cluster::{Place, free_port},
    installation::{Installation, file},
    kills::letters,
    load::Load,
};
use crate::{
    cli::Shell,
    mail::relay_server::Server as Relay,
    support::{Client, Engine, TestDb, block_on, postgres},
};

const SERVER_CONNECTIONS: usize = 2;
const PEOPLE: usize = 48;
const REWARDS: usize = 400;
const CODES: usize = 300;

/// The real pgbouncer before the tests' PostgreSQL.
struct Bouncer {
    child: Child,
    port: u16,
    _place: Place,
}

impl Bouncer {
    fn start() -> Self {
        let program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer"]
            .into_iter()
            .find(|path| Path::new(path).exists());
        let program =
            Path::new(program.expect("this test needs pgbouncer: scripts/test installs it"));
        let (place, port) = (Place::new(), free_port());
        let there = url::Url::parse(postgres::admin_url()).unwrap();
        let (users, settings) = (place.path().join("users"), place.path().join("pgbouncer.ini"));
        fs::write(&users, "\"postgres\" \"\"\n").unwrap();
        let text = format!(
            "[databases]\n* = host={} port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port \
             = {port}\nunix_socket_dir =\n\
             auth_type = trust\nauth_file = {}\npool_mode = transaction\ndefault_pool_size = \
             {SERVER_CONNECTIONS}\n\
             max_client_conn = 300\nmax_prepared_statements = 0\n",
            there.host_str().unwrap(),
            there.port().unwrap_or(5432),
            users.display(),
        );
        // Before 1.21 there was no such setting, nor such statements.
        let said = Command::new(program).arg("--version").output().unwrap().stdout;
        let knows = !String::from_utf8_lossy(&said).contains(" 1.1")
            && !String::from_utf8_lossy(&said).contains(" 1.20");
        fs::write(
            &settings,
            if knows { text } else { text.replace("max_prepared_statements = 0\n", "") },
        )
        .unwrap();
        for path in [&users, &settings] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
        }
        let child = place.command(program).arg(&settings).spawn().unwrap();
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_mins(1), "pgbouncer does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { child, port, _place: place }
    }

    /// The same database, by way of the pooler.
    fn url(&self, db: &TestDb) -> String {
        let mut url = url::Url::parse(&db.url).unwrap();
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(self.port)).unwrap();
        url.into()
    }
}

impl Drop for Bouncer {
    fn drop(&mut self) {
        // SIGTERM: it is runuser's child where the tests run as root, and is stopped by it.
        let _ = Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

#[test]
fn two_pgbouncer_connections_carry_three_servers_and_an_import() {
    block_on(async {
        let (bouncer, relay) = (Bouncer::start(), Relay::start(&[]).await);
        let house = Installation::new(TestDb::new(Engine::Postgres), REWARDS, CODES, &relay.url());
        let address = bouncer.url(&house.db);
        let house =
            house.with("DATABASE_URL", &address).with("REWARDDESK_DATABASE_POOLER", "transaction");
        house.db.db.clone().close();
        let servers = [house.serve(), house.serve(), house.serve()];
        let door = balancer::before(&servers.each_ref()).await;
        let casey = Client { base: door, ..house.sign_in(&servers[0]).await };
        let load = Load::of(&house.rewards);
        let begun = Instant::now();
        let people = load.begin(&casey, PEOPLE);
        load.until(20).await;
        let (more, jos) =
            (house.shell.dir.path().join("more.csv"), house.shell.dir.path().join("jos.csv"));
        fs::write(&more, file("code", 0..5_000, |n| format!("MORE-{n:04}"))).unwrap();
        fs::write(
            &jos,
            file("email,customer_id", 0..2_000, |n| {
                format!("new-{n:04}@customer.example,N-{n:04}")
            }),
        )
        .unwrap();
        let (shell, more, jos) = (&house.shell, more.to_str().unwrap(), jos.to_str().unwrap());
        shell.done(&["batch", "add", "Autumn", "--merchant", "acme"]);
        tokio::task::block_in_place(|| {
            std::thread::scope(|scope| {
                // Two of one merchant: one of them waits for the other, and holds no connection
                // meanwhile.
                scope.spawn(|| {
                    shell.done(&[
                        "import",
                        "vouchers",
                        more,
                        "--merchant",
                        "acme",
                        "--batch",
                        "Autumn",
                    ])
                });
                scope.spawn(|| shell.done(&["import", "customers", jos, "--merchant", "acme"]));
            });
        });
        people.join_all().await;
        let took = begun.elapsed();
        load.had_no_surprise();
        assert_eq!(
            (load.successes(), load.refused.lock().unwrap().len()),
            (CODES, REWARDS - CODES)
        );
        let told = load.told.lock().unwrap().clone();
        while house.db.count("mails WHERE state = 'queued'") > 0 {
            assert!(begun.elapsed() < Duration::from_mins(5), "mails wait for ever");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        for server in servers {
            server.terminate();
            assert_eq!(server.ended(Instant::now()).0, Some(0));
        }
        assert_eq!(house.keeps_its_word(&told).len(), CODES);
        let said = house.shell.done(&["audit", "verify"]);
        assert!(!said.contains("not sealed"), "{said}");
        let (arrived, distinct) = letters(&relay);
        assert_eq!(
            (arrived, distinct.len()),
            (
                distinct.len(),
                usize::try_from(house.db.count("mails WHERE origin = 'reissue'")).unwrap()
            )
        );
        assert_eq!(house.db.count("coupons WHERE code LIKE 'MORE-%'"), 5_000);
        assert_eq!(house.db.count("customers WHERE email LIKE 'new-%'"), 2_000);
        eprintln!(
            "{CODES} reissues by {PEOPLE} people over {SERVER_CONNECTIONS} connections, beside \
             two imports, in {took:.1?}"
        );
    });
}

#[test]
fn an_undeclared_pooler_is_found_before_anything_is_written() {
    let (bouncer, empty) = (Bouncer::start(), TestDb::empty(Engine::Postgres));
    let address = bouncer.url(&empty);
    let shell = || Shell::new().with("DATABASE_URL", &address);
    let told = shell().with("REWARDDESK_DATABASE_POOLER", "transaction");
    // Before anybody else has set it for the pooler's connections.
    assert!(told.run(&["doctor"]).out.contains("warn  jit: "));
    shell().refused(&["migrate"], "REWARDDESK_DATABASE_POOLER=transaction");
    assert!(told.done(&["migrate"]).contains("applied "));
    assert_eq!(told.done(&["migrate"]), "the schema is up to date\n");
    shell().refused(&["check"], "REWARDDESK_DATABASE_POOLER=transaction");
    let line = |shell: &Shell| {
        let said = shell.run(&["doctor"]).out;
        said.lines()
            .find(|line| line.contains("  pooler: "))
            .unwrap_or_else(|| panic!("nothing about poolers in\n{said}"))
            .to_owned()
    };
    assert!(
        line(&shell()).starts_with("bad   pooler: ") && line(&told).starts_with("ok    pooler: ")
    );
    assert!(line(&Shell::on(&empty)).starts_with("ok    pooler: no transaction-mode pooler"));
    assert!(told.done(&["check"]).lines().all(|line| line.contains(" ok: ")));
}
