//! Fifty writers at once on SQLite (guarantee R8): all are served, and nobody is shown "database
//! is locked".

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::Method;

use super::{
    installation::{Installation, Reward, file},
    load::ask,
};
use crate::support::{Client, Engine, TestDb, block_on};

const WRITERS: usize = 50;
const SPAN: Duration = Duration::from_secs(20);
const REWARDS: usize = 1500;

#[derive(Default)]
struct Seen {
    next: AtomicUsize,
    took: Mutex<Vec<Duration>>,
    bad: Mutex<Vec<String>>,
}

#[test]
fn fifty_writers_and_an_import_get_no_error_and_see_no_lock() {
    block_on(async {
        let house = Installation::new(TestDb::new(Engine::Sqlite), REWARDS, REWARDS, "file:mails");
        let server = house.serve();
        let client = house.sign_in(&server).await;
        let (seen, rewards, begun) =
            (Arc::new(Seen::default()), Arc::new(house.rewards.clone()), Instant::now());
        let writing: Vec<_> = (0..WRITERS)
            .map(|_| {
                let (seen, rewards, client) =
                    (Arc::clone(&seen), Arc::clone(&rewards), client.clone());
                tokio::spawn(async move {
                    while begun.elapsed() < SPAN {
                        write_one(&seen, &rewards, &client).await;
                    }
                })
            })
            .collect();
        // One more writer, in another process.
        let more = house.shell.dir.path().join("more.csv");
        std::fs::write(&more, file("code", 0..5_000, |n| format!("MORE-{n:04}"))).unwrap();
        house.shell.done(&[
            "import",
            "vouchers",
            more.to_str().unwrap(),
            "--merchant",
            "acme",
            "--batch",
            "Spring",
        ]);
        for writer in writing {
            writer.await.unwrap();
        }
        let bad = seen.bad.lock().unwrap().clone();
        assert!(
            bad.is_empty(),
            "{} bad answers, such as {:?}",
            bad.len(),
            &bad[..bad.len().min(5)]
        );
        house.is_sound();
        let mut took = seen.took.lock().unwrap().clone();
        took.sort_unstable();
        let done = house.db.count("reissues");
        assert!(done > 0);
        eprintln!(
            "{WRITERS} writers for {SPAN:?}: {} forms, {done} reissues; p50 {:.0?}, p99 {:.0?}, \
             slowest {:.0?}",
            took.len(),
            took[took.len() / 2],
            took[took.len() * 99 / 100],
            took[took.len() - 1]
        );
        server.terminate();
        assert_eq!(server.ended(Instant::now()).0, Some(0));
    });
}

/// Opens the next reward's dialog and sends it twice: the act, and its first answer again. Both
/// take the write lock.
async fn write_one(seen: &Seen, rewards: &[Reward], client: &Client) {
    let reward = &rewards[seen.next.fetch_add(1, Ordering::Relaxed) % rewards.len()];
    let dialog = ask(client.request(Method::GET, &reward.path)).await;
    let Some(dialog) = dialog else {
        return seen.bad.lock().unwrap().push("no dialog came".into());
    };
    // A reward that was done already has no dialog: its refusal is asked for inside a transaction.
    let fields = if dialog.status == 200 {
        dialog.fields(&reward.path).ticked()
    } else {
        crate::support::client::Fields::default()
    };
    for _ in 0..2 {
        let sent = Instant::now();
        let answer = ask(client
            .request(Method::POST, &reward.path)
            .header("HX-Request", "true")
            .form(&fields.0))
        .await;
        seen.took.lock().unwrap().push(sent.elapsed());
        match answer {
            Some(page) if matches!(page.status, 200 | 409) && !page.words().contains("locked") => {}
            Some(page) => {
                seen.bad.lock().unwrap().push(format!("{}: {}", page.status, page.words()));
            }
            None => seen.bad.lock().unwrap().push("no answer came".into()),
        }
    }
}
