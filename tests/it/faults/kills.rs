//! kill -9 under load (guarantee R5): nothing acknowledged is lost, nothing is done by half, every
//! mail arrives.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use super::{
    installation::Installation,
    load::{Heard, Load, new_code},
};
use crate::{
    mail::relay_server::Server as Relay,
    support::{Client, TestDb},
};

const KILLS: usize = 10;
const PEOPLE: usize = 8;
/// More rewards than codes: that the stock has run out is reported truly, too.
const REWARDS: usize = 400;
const CODES: usize = 260;
/// How many mails are in flight at once, in each process that was killed.
const SENDERS: usize = 4;

#[both]
async fn nothing_told_is_lost_by_ten_kills_and_every_mail_arrives(db: TestDb) {
    let relay = Relay::start(&[]).await;
    let house = Installation::new(db, REWARDS, CODES, &relay.url());
    let load = Load::of(&house.rewards);
    let mut server = house.serve();
    let casey = house.sign_in(&server).await;
    let mut seed = 20_261_123;
    for _ in 0..KILLS {
        let client = Client { base: server.url.clone(), ..casey.clone() };
        load.send_again(&client).await;
        let people = load.begin(&client, PEOPLE);
        let goal = load.successes() + 3 + random(&mut seed, 10);
        load.until(goal).await;
        tokio::time::sleep(Duration::from_millis(random(&mut seed, 40) as u64)).await;
        server.kill();
        people.join_all().await;
        server = house.serve();
        house.is_sound();
    }
    let restarted = Instant::now();
    let client = Client { base: server.url.clone(), ..casey.clone() };
    let in_doubt = load.open.lock().unwrap().len();
    load.send_again(&client).await;
    load.begin(&client, PEOPLE).join_all().await;
    load.had_no_surprise();
    assert_eq!((load.successes(), load.refused.lock().unwrap().len()), (CODES, REWARDS - CODES));
    // What was answered once is answered again.
    let told = load.told.lock().unwrap().clone();
    for (form, code) in told.values().step_by(20) {
        let again = form.send(&client).await;
        assert!(matches!(&again, Heard::Success(now) if now == code), "{code:?}, then {again:?}");
    }
    while house.db.count("mails WHERE state = 'queued'") > 0 {
        assert!(restarted.elapsed() < Duration::from_secs(90), "mails wait for ever");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let waited = restarted.elapsed();
    server.terminate();
    assert_eq!(server.ended(Instant::now()).0, Some(0));
    let exported = house.keeps_its_word(&told);
    assert_eq!(exported.len(), CODES);
    let (arrived, distinct) = letters(&relay);
    let asked = house.db.texts(
        "SELECT m.message_id || ' ' || c.code AS v FROM mails m JOIN \
        coupons c ON c.id = m.coupon_id",
    );
    assert_eq!(distinct, asked.into_iter().collect::<BTreeSet<_>>());
    assert_eq!(
        distinct.len(),
        exported.values().filter(|record| record["email_requested"] == true).count()
    );
    let twice = arrived - distinct.len();
    assert!(twice <= KILLS * SENDERS, "{twice} mails arrived twice");
    eprintln!(
        "{:?}: {KILLS} kills, {} told, {in_doubt} in doubt at the end, {} mails, {twice} of them \
         twice, all out {waited:.1?} after the last start",
        house.db.engine,
        told.len(),
        distinct.len()
    );
}

/// How many mails with a code arrived, and each one's Message-ID with the code in it. One
/// Message-ID is one mail, however often it comes.
pub fn letters(relay: &Relay) -> (usize, BTreeSet<String>) {
    let mut letters: BTreeMap<String, String> = BTreeMap::new();
    let contents: Vec<String> =
        relay.said("CONTENT").into_iter().filter(|content| new_code(content).is_some()).collect();
    for content in &contents {
        let id = content
            .lines()
            .find_map(|line| line.strip_prefix("Message-ID: <")?.strip_suffix('>'))
            .expect("a Message-ID");
        let code = new_code(content).expect("a code");
        assert_eq!(
            *letters.entry(id.to_owned()).or_insert_with(|| code.clone()),
            code,
            "{id} came with two codes"
        );
    }
    (contents.len(), letters.into_iter().map(|(id, code)| format!("{id} {code}")).collect())
}

/// Below `bound` (splitmix64).
fn random(seed: &mut u64, bound: usize) -> usize {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (*seed ^ (*seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    usize::try_from((x ^ (x >> 31)) >> 1).unwrap_or_default() % bound
}
