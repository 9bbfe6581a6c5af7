//! The database away (guarantee R7): said clearly, never a false word about saving, healed by
//! itself.

use std::time::{Duration, Instant};

use reqwest::Method;

use super::{
    cluster::Cluster,
    installation::Installation,
    load::{Form, Heard, Load, ask},
};
use crate::support::{Client, Engine, TestDb, block_on, engine::run_on};

const PEOPLE: usize = 8;
/// The desk itself tries every few seconds (guarantee R7 grants it ten); the rest is for a busy
/// machine.
const HEALS: Duration = Duration::from_mins(1);

#[test]
fn a_database_that_is_cut_off_under_load_is_said_and_heals() {
    block_on(async {
        let cluster = Cluster::start();
        let mails = tempfile::tempdir().unwrap();
        let house = Installation::new(
            TestDb::elsewhere(Engine::Postgres, cluster.url()),
            200,
            200,
            &format!("file:{}", mails.path().display()),
        );
        let mut server = house.serve();
        let client = house.sign_in(&server).await;
        let load = Load::of(&house.rewards);
        for outage in 1..=2 {
            let people = load.begin(&client, PEOPLE);
            load.until(outage * 20).await;
            cluster.break_off();
            // All get an answer; each stops at the first that is neither yes nor no.
            people.join_all().await;
            let fresh = house.rewards.last().unwrap();
            says_that_it_is_away(&client, &fresh.profile, &load).await;
            cluster.start_again();
            let back = Instant::now();
            nothing_unsaved_was_saved(&house, &load);
            while client.get(&fresh.profile).await.status != 200 {
                assert!(back.elapsed() < HEALS, "it did not heal");
            }
            let healed = back.elapsed();
            let words: Vec<Heard> =
                load.open.lock().unwrap().iter().map(|(_, heard)| heard.clone()).collect();
            let unsure = words.iter().filter(|heard| **heard == Heard::Unsure).count();
            assert!(!words.contains(&Heard::Nothing), "a request was left without an answer");
            load.send_again(&client).await;
            load.had_no_surprise();
            assert!(load.open.lock().unwrap().is_empty(), "sent again, and still not answered");
            eprintln!(
                "outage {outage}: {} unanswered, {unsure} of them unsure, healed after \
                 {healed:.1?}",
                words.len()
            );
        }
        load.begin(&client, PEOPLE).join_all().await;
        load.had_no_surprise();
        let told = load.told.lock().unwrap().clone();
        assert_eq!(told.len(), 200);
        for (form, code) in told.values().step_by(20) {
            assert_eq!(form.send(&client).await, Heard::Success(code.clone()));
        }
        while house.db.count("mails WHERE state = 'queued'") > 0 {
            assert!(server.is_running(), "the server went away");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        server.terminate();
        let (status, took) = server.ended(Instant::now());
        assert!(status == Some(0) && took < HEALS, "{status:?} after {took:?}");
        assert_eq!(house.keeps_its_word(&told).len(), 200);
    });
}

/// Pages, forms and machines get an answer that says so.
async fn says_that_it_is_away(client: &Client, profile: &str, load: &Load) {
    let form = load.open.lock().unwrap().first().map(|(form, _)| form.clone());
    let sending = async {
        if let Some(form) = form {
            assert_eq!(form.send(client).await, Heard::NotSaved);
        }
    };
    let living = async {
        ask(client.request(Method::GET, "/healthz")).await.unwrap().expect(200);
    };
    let (page, ready, (), ()) =
        tokio::join!(client.get(profile), client.get("/readyz"), sending, living);
    page.expect(503).says("Not saved, safe to retry.");
    ready.expect(503);
}

/// "Not saved" was always the truth.
pub fn nothing_unsaved_was_saved(house: &Installation, load: &Load) {
    let saved =
        house.db.texts("SELECT w.reward_id AS v FROM reissues r JOIN rewards w ON w.id = r.reward");
    for (form, heard) in
        load.open.lock().unwrap().iter().filter(|(_, heard)| *heard == Heard::NotSaved)
    {
        assert!(
            !saved.contains(&form.reward.id),
            "{} was saved, but {heard:?} was said",
            form.reward.id
        );
    }
}

#[test]
fn a_writer_of_another_process_is_waited_for() {
    block_on(async {
        let mails = tempfile::tempdir().unwrap();
        let house = Installation::new(
            TestDb::new(Engine::Sqlite),
            20,
            20,
            &format!("file:{}", mails.path().display()),
        );
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
        for _ in 0..25 {
            // The writer goes on until this loop has ended: a page that waited for it would not
            // come.
            client.get(&house.rewards[0].profile).await.expect(200);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        assert!(
            sending.iter().all(|task| !task.is_finished()),
            "answered while another process was writing"
        );
        run_on(&mut other, "ROLLBACK").unwrap();
        for task in sending {
            let heard = task.await.unwrap();
            assert!(matches!(heard, Heard::Success(_)), "{heard:?}");
        }
        assert_eq!(house.exported().len(), 20);
    });
}
