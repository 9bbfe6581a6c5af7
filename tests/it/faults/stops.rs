//! SIGTERM (guarantee R11): what was accepted is answered, what was done was told, and the process
//! is gone in time.

use std::time::{Duration, Instant};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    installation::{Installation, Server},
    load::{Form, Heard, Load},
};
use crate::{
    cli::files_in,
    mail::relay_server::{Answer, Server as Relay},
    support::{Engine, TestDb, block_on, engine::run_on},
};

/// The desk's own limits add up to less than 20 seconds (guarantee R11); the rest is for a busy
/// machine.
const LIMIT: Duration = Duration::from_mins(1);

/// Ended well and in time, and the SQLite file holds everything alone.
#[track_caller]
fn ended_well(house: &Installation, server: Server, begun: Instant) -> Duration {
    let (status, took) = server.ended(begun);
    assert!(status == Some(0) && took < LIMIT, "status {status:?} after {took:?}");
    if let Some(path) = house.db.url.strip_prefix("sqlite:") {
        let left = files_in(std::path::Path::new(path).parent().unwrap());
        assert_eq!(left, ["desk.db"]);
    }
    took
}

#[both]
async fn what_was_accepted_before_the_signal_is_answered_after_it(db: TestDb) {
    let house = Installation::new(db, 20, 20, "file:mails");
    let server = house.serve();
    let client = house.sign_in(&server).await;
    let mut forms = vec![];
    for (n, reward) in house.rewards.iter().enumerate() {
        forms.push(Form::open(&client, reward, n).await.unwrap());
    }
    // Nobody can write: all of them are on their way when the signal comes.
    let mut other = house.db.connect();
    run_on(
        &mut other,
        if house.db.is_sqlite() {
            "BEGIN IMMEDIATE"
        } else {
            "BEGIN; LOCK TABLE reissues IN EXCLUSIVE MODE"
        },
    )
    .unwrap();
    let sending: Vec<_> = forms
        .into_iter()
        .map(|form| {
            let client = client.clone();
            tokio::spawn(async move { form.send(&client).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(2)).await;
    server.terminate();
    let begun = Instant::now();
    tokio::time::sleep(Duration::from_secs(2)).await;
    run_on(&mut other, "ROLLBACK").unwrap();
    drop(other);
    for task in sending {
        let heard = task.await.unwrap();
        assert!(matches!(heard, Heard::Success(_)), "{heard:?}");
    }
    let took = ended_well(&house, server, begun);
    assert_eq!(house.exported().len(), 20);
    house.is_sound();
    eprintln!("{:?}: 20 forms answered after the signal, ended after {took:.1?}", house.db.engine);
}

#[both]
async fn whatever_was_done_around_the_signal_was_told(db: TestDb) {
    let house = Installation::new(db, 300, 300, "file:mails");
    let load = Load::of(&house.rewards);
    let mut server = house.serve();
    let client = house.sign_in(&server).await;
    let people = load.begin(&client, 16);
    load.until(30).await;
    server.terminate();
    let begun = Instant::now();
    people.join_all().await;
    let took = ended_well(&house, server, begun);
    load.had_no_surprise();
    let told = load.told.lock().unwrap().clone();
    let exported = house.keeps_its_word(&told);
    let untold: Vec<&String> =
        exported.keys().filter(|reward| !told.contains_key(*reward)).collect();
    assert!(untold.is_empty(), "done and not told: {untold:?}");
    server = house.serve();
    server.terminate();
    ended_well(&house, server, Instant::now());
    eprintln!(
        "{:?}: {} told, {} turned away, ended after {took:.1?}",
        house.db.engine,
        told.len(),
        load.open.lock().unwrap().len()
    );
}

#[test]
fn no_idle_client_or_silent_relay_holds_up_the_end() {
    block_on(async {
        let relay = Relay::start(&[("CONTENT", Answer::Silence)]).await;
        let house = Installation::new(TestDb::new(Engine::Sqlite), 8, 8, &relay.url());
        let server = house.serve();
        let client = house.sign_in(&server).await;
        for reward in &house.rewards {
            // Ticked: each mail hangs at the relay.
            let form = Form::open(&client, reward, 2).await.unwrap();
            assert!(matches!(form.send(&client).await, Heard::Success(_)));
        }
        while relay.said("CONTENT").len() < 4 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let address = server.url.strip_prefix("http://").unwrap();
        let mut idle = TcpStream::connect(address).await.unwrap();
        idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").await.unwrap();
        assert!(idle.read(&mut [0; 1024]).await.unwrap() > 0);
        let mut half = TcpStream::connect(address).await.unwrap();
        half.write_all(b"POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n")
            .await
            .unwrap();
        let mut slow = TcpStream::connect(address).await.unwrap();
        let head = "POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nSec-Fetch-Site: \
            same-origin\r\nContent-Type: application/x-www-form-urlencoded\r\n";
        slow.write_all(format!("{head}Content-Length: 100\r\n\r\nemail=").as_bytes())
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        server.terminate();
        let took = ended_well(&house, server, Instant::now());
        // The mails were given back: the next start sends them again, and none is lost.
        assert_eq!(house.db.count("mails WHERE state = 'queued'"), 8);
        eprintln!(
            "with idle, half-sent and slow connections and a silent relay: ended after {took:.1?}"
        );
    });
}

#[test]
fn a_lock_that_another_process_keeps_does_not_hold_up_the_end() {
    block_on(async {
        let house = Installation::new(TestDb::new(Engine::Sqlite), 8, 8, "file:mails")
            .with("FAILPOINTS", "db::lock_limit=return");
        let server = house.serve();
        let client = house.sign_in(&server).await;
        let mut forms = vec![];
        for (n, reward) in house.rewards.iter().enumerate() {
            forms.push(Form::open(&client, reward, n).await.unwrap());
        }
        let mut other = house.db.connect();
        run_on(&mut other, "BEGIN IMMEDIATE").unwrap();
        let sending: Vec<_> = forms
            .into_iter()
            .map(|form| {
                let client = client.clone();
                tokio::spawn(async move { form.send(&client).await })
            })
            .collect();
        tokio::time::sleep(Duration::from_secs(1)).await;
        server.terminate();
        // The lock is held until after the end, and nobody in the server gives up waiting for it:
        // if the end waited for one of them, it would never come. How soon it comes is a sum of
        // limits, which a test in `startup` adds up.
        let (status, took) = server.ended(Instant::now());
        assert_eq!(status, Some(0), "after {took:?}");
        for task in sending {
            // Cut off, or told that nothing was saved: never a success.
            let heard = task.await.unwrap();
            assert!(matches!(heard, Heard::Nothing | Heard::NotSaved), "{heard:?}");
        }
        run_on(&mut other, "ROLLBACK").unwrap();
        assert!(house.exported().is_empty());
        eprintln!("with the database locked by another process: ended after {took:.1?}");
    });
}

#[test]
fn a_worker_that_waits_for_a_lock_does_not_hold_up_the_end() {
    block_on(async {
        let house = Installation::new(TestDb::new(Engine::Sqlite), 8, 8, "file:mails")
            .with("FAILPOINTS", "db::lock_limit=return");
        let server = house.serve();
        let mut other = house.db.connect();
        // The sealing job looks four times a second, and finds this record.
        let record = "INSERT INTO audit_records (merchant_id, at, action, actor_kind, details) \
            VALUES (1, '2026-11-23 12:00:00.000000', 'email.sent', 'system', '{}')";
        run_on(&mut other, record).unwrap();
        run_on(&mut other, "BEGIN IMMEDIATE").unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        server.terminate();
        // The lock is held until after the end, and the sealing job never gives up waiting for it.
        let (status, took) = server.ended(Instant::now());
        assert_eq!(status, Some(0), "after {took:?}");
        run_on(&mut other, "ROLLBACK").unwrap();
        assert_eq!(house.db.count("audit_records WHERE action = 'email.sent'"), 1);
        eprintln!("with the sealing job waiting for a lock: ended after {took:.1?}");
    });
}
