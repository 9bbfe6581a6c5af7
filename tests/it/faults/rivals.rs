//! Role changes beside what those users do, on PostgreSQL in two languages: nobody hears of a
//! deadlock.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use reqwest::Method;
use tokio::task::JoinSet;

use super::{
    cluster::Cluster,
    installation::Installation,
    load::{Load, ask},
};
use crate::support::{Client, Engine, TestDb, block_on, client::Fields, world::PASSWORD};

const ADMINISTRATOR: &str = "ada@desk.example";

/// How many role changes run beside as many reissues; the acceptance run asks for 1,000.
fn rounds() -> usize {
    std::env::var("REWARDDESK_TEST_RIVALS").ok().and_then(|text| text.parse().ok()).unwrap_or(150)
}

/// Gives the roles in turn until nobody has anything left to do; answers what was not a success.
async fn change_roles(ada: Client, path: String, left: Arc<AtomicUsize>) -> Vec<String> {
    let mut failures = vec![];
    while let Ok(n) = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1))
    {
        let role = ["support", "supervisor"][n % 2];
        let answer =
            ask(ada.request(Method::POST, &path).form(&Fields::default().with("role", role).0))
                .await;
        match answer {
            Some(page) if page.status == 303 => {}
            Some(page) => failures.push(format!("{}: {}", page.status, page.words())),
            None => failures.push("no answer".to_owned()),
        }
    }
    failures
}

async fn roles_change_while_their_user_works(cluster: &Cluster) {
    let rounds = rounds();
    let db = TestDb::elsewhere(Engine::Postgres, cluster.url());
    let house = match std::env::var_os("REWARDDESK_OLD_PROGRAM") {
        Some(program) => {
            Installation::of_version(program.as_ref(), db, rounds, rounds, "file:mails")
        }
        None => Installation::new(db, rounds, rounds, "file:mails"),
    };
    let user = [
        "user",
        "add",
        ADMINISTRATOR,
        "--name",
        "Ada",
        "--role",
        "administrator",
        "--merchant",
        "acme",
        "--password-stdin",
    ];
    assert_eq!(house.shell.piped(&user, PASSWORD).status, 0);
    let casey = house.db.number("SELECT id FROM users WHERE email LIKE 'casey@%'");
    let server = house.serve();
    let (client, ada) =
        (house.sign_in(&server).await, Client::new(&server.url).signed_in(ADMINISTRATOR).await);
    let (load, left) = (Load::of(&house.rewards), Arc::new(AtomicUsize::new(rounds)));
    let mut changing = JoinSet::new();
    for _ in 0..4 {
        changing.spawn(change_roles(
            ada.clone(),
            format!("/m/acme/users/{casey}/role"),
            Arc::clone(&left),
        ));
    }
    let mut unanswered = vec![];
    loop {
        load.begin(&client, 6).join_all().await;
        // Each person stops at the first answer that is neither yes nor no: all is said again,
        // until everybody was answered.
        let heard: Vec<_> = load.open.lock().unwrap().drain(..).collect();
        if heard.is_empty() {
            break;
        }
        for (form, heard) in heard {
            unanswered.push(format!("{heard:?}"));
            form.send(&client).await;
        }
    }
    let failed: Vec<String> = changing.join_all().await.into_iter().flatten().collect();
    let surprises = load.surprises.lock().unwrap().clone();
    let deadlocks = house
        .db
        .number("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()");
    eprintln!(
        "{rounds} role changes beside {rounds} reissues: {} changes and {} reissues failed, {} \
         other answers; {deadlocks} deadlocks",
        failed.len(),
        unanswered.len(),
        surprises.len()
    );
    assert_eq!((failed, unanswered, surprises), (vec![], vec![], vec![]));
    assert_eq!(load.successes(), rounds);
    house.keeps_its_word(&load.told.lock().unwrap());
}

#[test]
fn nobody_hears_of_a_deadlock_when_roles_change() {
    block_on(async { roles_change_while_their_user_works(&Cluster::start()).await });
}

#[test]
fn nobody_hears_of_a_deadlock_on_a_server_that_speaks_german() {
    block_on(async { roles_change_while_their_user_works(&Cluster::speaking("de_DE")).await });
}
