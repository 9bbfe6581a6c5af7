//! A primary that dies and its synchronous standby that takes over: nothing that was told is lost.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use diesel::{
    QueryableByName, RunQueryDsl, connection::SimpleConnection, sql_query, sql_types::Text,
};
use rewarddesk::db::{
    Database, DatabaseUrl, DbConn, Error, Pooler, Scope,
    database::PAGE_STATEMENT_LIMIT,
    imports::exclusive::{ImportAccess, LockRequest},
    merchants::{self, NewMerchant},
    migrate::migrate,
};
use rewarddesk::domain::{clock::Clock, merchant::Slug};

use super::{
    cluster::Cluster,
    installation::Installation,
    kills::letters,
    load::{Form, Heard, Load},
    many::{begin, healed},
    outages::nothing_unsaved_was_saved,
};
use crate::{
    mail::relay_server::Server as Relay,
    support::{Client, Engine, TestDb, block_on, postgres},
};

const PEOPLE: usize = 8;
const REWARDS: usize = 240;
/// How many mails are in flight at once in each of the two servers.
const SENDERS: usize = 4;

#[test]
fn nothing_told_is_lost_when_the_standby_takes_over() {
    block_on(async {
        let primary = Cluster::start();
        let standby = primary.with_standby();
        let relay = Relay::start(&[]).await;
        let house = Installation::new(
            TestDb::elsewhere(Engine::Postgres, primary.url_with(&standby)),
            REWARDS,
            REWARDS,
            &relay.url(),
        );
        let servers = [house.serve(), house.serve()];
        let casey = house.sign_in(&servers[0]).await;
        let clients =
            servers.each_ref().map(|server| Client { base: server.url.clone(), ..casey.clone() });
        let load = Load::of(&house.rewards);
        let people = begin(&load, &clients, PEOPLE);
        load.until(REWARDS / 3).await;
        // From here on the primary alone has what is committed, and nobody may be told.
        standby.stop_following();
        tokio::time::sleep(Duration::from_millis(500)).await;
        primary.kill();
        // Each of them stops at the first answer that is neither yes nor no.
        for some in people {
            some.join_all().await;
        }
        let told_before = load.told.lock().unwrap().clone();
        standby.promote();
        let profile = &house.rewards[0].profile;
        let healing = healed(&clients, profile, Duration::from_secs(10)).await;
        nothing_unsaved_was_saved(&house, &load);
        house.keeps_its_word(&told_before);
        let words: Vec<Heard> =
            load.open.lock().unwrap().iter().map(|(_, heard)| heard.clone()).collect();
        assert!(!words.contains(&Heard::Nothing), "a request was left without an answer");
        let unsure = words.iter().filter(|heard| **heard == Heard::Unsure).count();
        load.send_again(&clients[1]).await;
        assert!(load.open.lock().unwrap().is_empty(), "sent again, and still not answered");
        for some in begin(&load, &clients, PEOPLE) {
            some.join_all().await;
        }
        load.had_no_surprise();
        let promoted = Instant::now();
        while house.db.count("mails WHERE state = 'queued'") > 0 {
            assert!(promoted.elapsed() < Duration::from_mins(1), "mails wait for ever");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        for server in servers {
            server.terminate();
            assert_eq!(server.ended(Instant::now()).0, Some(0));
        }
        let told = load.told.lock().unwrap().clone();
        assert_eq!(told.len(), REWARDS);
        assert_eq!(house.keeps_its_word(&told).len(), REWARDS);
        let said = house.shell.done(&["audit", "verify"]);
        assert!(!said.contains("not sealed"), "{said}");
        let (arrived, distinct) = letters(&relay);
        let asked = house.db.texts(
            "SELECT m.message_id || ' ' || c.code AS v FROM mails m JOIN \
            coupons c ON c.id = m.coupon_id",
        );
        // What arrived is what is kept: no mail tells of a reissue that went with the primary.
        assert_eq!(distinct, asked.into_iter().collect::<BTreeSet<_>>());
        let twice = arrived - distinct.len();
        assert!(twice <= 2 * SENDERS, "{twice} mails arrived twice");
        eprintln!(
            "{} told before the kill; {} in doubt, {unsure} of them unsure; healed {healing:.1?} \
             after the promotion; {twice} mails twice",
            told_before.len(),
            words.len()
        );
    });
}

const WAITING: &str = "pg_stat_activity WHERE wait_event = 'SyncRep'";

/// Waits until commits wait for the standby, and long enough that they may be cancelled.
async fn commits_wait(house: &Installation) {
    let begun = Instant::now();
    while house.db.count(WAITING) == 0 {
        assert!(begun.elapsed() < Duration::from_mins(1), "no commit waits for the standby");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(Duration::from_millis(400)).await;
}

#[test]
fn no_success_is_told_that_the_standby_has_not() {
    block_on(async {
        let primary = Cluster::start();
        let standby = primary.with_standby();
        let house = Installation::new(
            TestDb::elsewhere(Engine::Postgres, primary.url_with(&standby)),
            3,
            3,
            "file:mails",
        );
        let said = house.shell.run(&["doctor"]).out;
        assert!(
            said.contains("on the disks of this machine and of a standby")
                && said.contains("ok    clock: "),
            "{said}"
        );
        let server = house.serve();
        let casey = house.sign_in(&server).await;
        let mut forms = vec![];
        for reward in &house.rewards {
            forms.push(Form::open(&casey, reward, 1).await.unwrap());
        }
        let send = |form: &Form| {
            let (form, client) = (form.clone(), casey.clone());
            tokio::spawn(async move { form.send(&client).await })
        };
        standby.break_off();
        // A wait that is cancelled: PostgreSQL says that it is committed, which holds on the
        // primary alone.
        let cancelled = send(&forms[0]);
        for round in 0..4 {
            commits_wait(&house).await;
            assert!(!cancelled.is_finished(), "told after {round} waits were cancelled");
            house.db.exec(&format!("SELECT pg_cancel_backend(pid) FROM {WAITING}"));
        }
        assert_eq!(cancelled.await.unwrap(), Heard::Unsure);
        // A wait that is broken off, as a crash would.
        let broken = send(&forms[1]);
        commits_wait(&house).await;
        house.db.exec(&format!("SELECT pg_terminate_backend(pid) FROM {WAITING}"));
        assert_eq!(broken.await.unwrap(), Heard::Unsure);
        // Both can be seen by now; sent again they are not said to be done before the standby has
        // them.
        assert_eq!(house.db.count("reissues"), 2);
        let again = [send(&forms[0]), send(&forms[1]), send(&forms[2])];
        commits_wait(&house).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(again.iter().all(|task| !task.is_finished()), "told while the standby was away");
        standby.start_again();
        for task in again {
            let heard = task.await.unwrap();
            assert!(matches!(heard, Heard::Success(_)), "{heard:?}");
        }
        assert_eq!(house.exported().len(), 3);
        house.is_sound();
    });
}

#[derive(QueryableByName)]
struct Setting {
    #[diesel(sql_type = Text)]
    v: String,
}

fn limit_on(conn: &mut DbConn) -> Result<String, Error> {
    let DbConn::Postgres(conn) = conn else { panic!("not PostgreSQL") };
    let said: Setting =
        sql_query("SELECT current_setting('statement_timeout') AS v").get_result(conn)?;
    Ok(said.v)
}

/// The limit in a read, a snapshot, a transaction that writes and an import, on a connection of its
/// own and where each transaction says it.
fn limits(cluster: &Cluster, scope: Scope) -> Vec<String> {
    let mut all = vec![];
    for pooler in [Pooler::None, Pooler::Transaction] {
        let url = DatabaseUrl::parse(&cluster.url()).unwrap().behind(pooler);
        let db = Database::open_limited(&url, Some(PAGE_STATEMENT_LIMIT)).unwrap();
        all.push(db.read(limit_on).unwrap());
        all.push(db.snapshot(limit_on).unwrap());
        all.push(db.write(|tx| limit_on(tx)).unwrap());
        let wait = LockRequest {
            db: &db,
            clock: &Clock::System,
            scope,
            holder: "a test",
            waiting: &mut || Ok::<_, Error>(()),
        };
        all.push(
            wait.take(|access: &mut ImportAccess<'_, '_>| access.read(limit_on), |_| Ok(()))
                .unwrap(),
        );
    }
    all
}

#[test]
fn no_statement_limit_ends_a_commit_waiting_for_the_standby() {
    let cluster = Cluster::start();
    let db = Database::open(&DatabaseUrl::parse(&cluster.url()).unwrap()).unwrap();
    migrate(&db).unwrap();
    let slug = Slug::parse("acme").unwrap();
    let new = NewMerchant {
        slug: &slug,
        name: "Ltd",
        zone: chrono_tz::UTC,
        ticket_url: None,
        account_manager: None,
        mail_from: None,
    };
    let scope = db.write(|tx| merchants::add(tx, &new, Clock::System.now())).unwrap();
    assert_eq!(limits(&cluster, scope), ["15s", "15s", "15s", "10min"].repeat(2));
    let mut conn = postgres::open(&cluster.url());
    conn.batch_execute("ALTER SYSTEM SET synchronous_standby_names = '*'").unwrap();
    conn.batch_execute("SELECT pg_reload_conf()").unwrap();
    let begun = Instant::now();
    let standbys = "SELECT current_setting('synchronous_standby_names') AS v";
    while sql_query(standbys)
        .get_result::<Setting>(&mut postgres::open(&cluster.url()))
        .unwrap()
        .v
        .is_empty()
    {
        assert!(begun.elapsed() < Duration::from_mins(1), "the setting does not take effect");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(limits(&cluster, scope), ["0"; 8]);
}
