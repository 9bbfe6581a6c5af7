//! Several servers on one PostgreSQL: one desk to its users, whichever of them dies.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::task::JoinSet;

use super::{
    balancer,
    installation::{Installation, Server, file},
    kills::letters,
    load::{Form, Heard, Load},
};
use crate::{
    http::imports::{at_rest, send_file, shown, top_up},
    mail::relay_server::{Answer, Server as Relay},
    support::{App, Client, Engine, Fixture, TestDb, block_on, client::Fields, world::PASSWORD},
};

const PEOPLE: usize = 18;
const REWARDS: usize = 321;
const CODES: usize = 201;
/// How many mails are in flight at once in the server that is killed.
const SENDERS: usize = 4;

fn to(server: &Server, client: &Client) -> Client {
    Client { base: server.url.clone(), ..client.clone() }
}

#[test]
fn three_servers_are_one_desk_though_one_is_killed() {
    block_on(async {
        let relay = Relay::start(&[("CONTENT", Answer::Late(250))]).await;
        let house = Installation::new(TestDb::new(Engine::Postgres), REWARDS, CODES, &relay.url())
            .with("REWARDDESK_AUDIT_HEAD_MAIL", "auditor@elsewhere.example");
        house.db.exec(
            "INSERT INTO alert_choices (merchant_id, user_id, mode, digest_due_at) \
            SELECT 1, id, 'each', now() FROM users",
        );
        let servers = [house.serve(), house.serve(), house.serve()];
        let door = balancer::before(&servers.each_ref()).await;
        // The session is good on all of them, and so is a form.
        let casey = Client { base: door, ..house.sign_in(&servers[0]).await };
        let form = Form::open(&to(&servers[0], &casey), &house.rewards[0], 0).await.unwrap();
        let first = form.send(&to(&servers[2], &casey)).await;
        assert!(matches!(first, Heard::Success(_)), "{first:?}");
        assert_eq!(form.send(&to(&servers[1], &casey)).await, first);
        only_one_of_many_wins(&house, &servers, &casey).await;

        let load = Load::of(&house.rewards[2..]);
        let people = load.begin(&casey, PEOPLE);
        load.until(60).await;
        let begun = Instant::now();
        while house.db.count(
            "(SELECT DISTINCT lease_holder FROM mails WHERE lease_holder IS NOT NULL) AS holders",
        ) < 3
        {
            assert!(begun.elapsed() < Duration::from_mins(1), "not every server sends mail");
        }
        let [dying, second, third] = servers;
        dying.kill();
        let killed = Instant::now();
        let taken = BTreeSet::from_iter(
            house.db.texts("SELECT lease_holder AS v FROM mails WHERE lease_holder IS NOT NULL"),
        );
        assert!(taken.len() == 3, "the killed one had mail in hand: {taken:?}");
        people.join_all().await;
        let in_doubt = load.send_again(&casey).await;
        load.begin(&casey, PEOPLE).join_all().await;
        load.had_no_surprise();
        assert_eq!(
            (load.successes(), load.refused.lock().unwrap().len()),
            (CODES - 2, REWARDS - CODES)
        );
        while house.db.count("mails WHERE state = 'queued'") > 0
            || house.db.count("stock_alerts WHERE kind = 'run_out'") == 0
        {
            assert!(killed.elapsed() < Duration::from_mins(3), "a dead server's mail waits");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let waited = killed.elapsed();
        let told = load.told.lock().unwrap().clone();
        for (form, code) in told.values().step_by(20) {
            assert_eq!(form.send(&to(&second, &casey)).await, Heard::Success(code.clone()));
        }
        for server in [second, third] {
            server.terminate();
            assert_eq!(server.ended(Instant::now()).0, Some(0));
        }
        assert_eq!(house.keeps_its_word(&told).len(), CODES);
        let (arrived, distinct) = letters(&relay);
        let asked = house.db.texts(
            "SELECT m.message_id || ' ' || c.code AS v FROM mails m JOIN \
            coupons c ON c.id = m.coupon_id",
        );
        assert_eq!(distinct, asked.into_iter().collect::<BTreeSet<_>>());
        let twice = arrived - distinct.len();
        assert!(twice <= SENDERS, "{twice} mails arrived twice");
        every_job_was_done_once(&house);
        eprintln!(
            "{} told, {in_doubt} in doubt, {} mails, {twice} twice, all out {waited:.1?} after \
             the kill",
            told.len(),
            distinct.len()
        );
    });
}

/// 200 tokens for one reward, sent to three servers at once (guarantee R1).
async fn only_one_of_many_wins(house: &Installation, servers: &[Server; 3], casey: &Client) {
    let (reward, mut forms, mut sending) = (&house.rewards[1], vec![], JoinSet::new());
    for n in 0..200 {
        forms.push((n, Form::open(&to(&servers[n % 3], casey), reward, 0).await.unwrap()));
    }
    for (n, form) in forms {
        let client = to(&servers[n % 3], casey);
        sending.spawn(async move { form.send(&client).await });
    }
    let heard = sending.join_all().await;
    let won = heard.iter().filter(|heard| matches!(heard, Heard::Success(_))).count();
    let refused = heard.iter().filter(|heard| matches!(heard, Heard::Refused(_))).count();
    assert_eq!(
        (won, refused),
        (1, 199),
        "{:?}",
        heard.iter().find(|heard| !matches!(heard, Heard::Success(_) | Heard::Refused(_)))
    );
    assert_eq!(house.db.count("reissues"), 2);
    assert_eq!(house.db.count("mails WHERE origin = 'reissue'"), 2);
}

/// Alerts, the mail of the chain heads, and seals: each server would have done them.
fn every_job_was_done_once(house: &Installation) {
    let doubled = house
        .db
        .texts("SELECT kind AS v FROM stock_alerts GROUP BY batch_id, kind HAVING count(*) > 1");
    assert_eq!(doubled, Vec::<String>::new(), "alerts raised twice");
    let subjects = house.db.texts("SELECT subject AS v FROM mails WHERE origin = 'alert'");
    let distinct: BTreeSet<&String> = subjects.iter().collect();
    assert!(!subjects.is_empty() && subjects.len() == distinct.len(), "{subjects:?}");
    assert_eq!(house.db.count("mails WHERE origin = 'heads'"), 1);
    let said = house.shell.done(&["audit", "verify"]);
    assert!(said.contains("acme: ") && !said.contains("not sealed"), "{said}");
}

/// During a deploy a page of the new version asks a server of the old one for its style, and the
/// other way round.
#[test]
fn a_page_finds_its_files_at_a_server_of_another_version() {
    block_on(async {
        let app = <App as Fixture>::on(Engine::Sqlite).await;
        let page = Client::new(&app.url).get("/sign-in").await;
        let path = page
            .body
            .split('"')
            .find(|part| part.starts_with("/assets/app.") && part.contains(".css"))
            .unwrap();
        let own = Client::new(&app.url).get(path).await.expect(200);
        assert!(own.header("Cache-Control").ends_with("immutable"));
        let other = Client::new(&app.url).get("/assets/app.0123456789ab.css").await.expect(200);
        assert_eq!((other.header("Cache-Control"), &other.body), ("no-store", &own.body));
        for unknown in [
            "app.0123456789ab.js.map",
            "app.css",
            "app.0123456789zz.css",
            "ape.0123456789ab.css",
            "app.0123456789ab.c",
        ] {
            Client::new(&app.url).get(&format!("/assets/{unknown}")).await.expect(404);
        }
    });
}

#[test]
fn an_import_whose_server_is_killed_is_taken_over_by_another() {
    block_on(async {
        const ROWS: i64 = 60_000;
        let house = Installation::new(TestDb::new(Engine::Postgres), 1, 1, "smtp://127.0.0.1:1");
        let user = [
            "user",
            "add",
            "mia@desk.example",
            "--name",
            "Mia",
            "--role",
            "marketing",
            "--merchant",
            "acme",
            "--password-stdin",
        ];
        assert_eq!(house.shell.piped(&user, PASSWORD).status, 0);
        let first = house.serve();
        let mut mia = Client::new(&first.url).signed_in("mia@desk.example").await;
        let codes = file("code", 0..usize::try_from(ROWS).unwrap(), |n| format!("OVER-{n:06}"));
        let preview =
            shown(&mia, &send_file(&mia, &top_up(1), "codes.csv", codes.as_bytes()).await).await;
        let path = preview.address.path().to_owned();
        // An import of this size may be over before anybody could look at it.
        house.db.exec(
            "CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM \
             pg_sleep(10); RETURN NULL; END $$;
            CREATE TRIGGER linger BEFORE INSERT ON coupons FOR EACH STATEMENT EXECUTE FUNCTION \
            linger()",
        );
        mia.post(&format!("{path}/confirm"), &Fields::default()).await.expect(303);
        let at_work = "imports WHERE state = 'importing' AND lease_holder IS NOT NULL";
        let begun = Instant::now();
        while house.db.count(at_work) == 0 {
            assert!(begun.elapsed() < Duration::from_mins(1), "nobody saw it at work");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let second = house.serve();
        assert_eq!(house.db.count(at_work), 1, "it was done before its server could be killed");
        first.kill();
        house.db.exec("DROP TRIGGER linger ON coupons");
        assert_eq!(
            house.db.count(
                "coupons c JOIN batches b ON b.id = c.batch_id WHERE c.id <= \
                b.published_to AND c.code LIKE 'OVER-%'"
            ),
            0
        );
        // Half a minute's patience, which need not be waited for here.
        house.db.exec("UPDATE imports SET lease_until = created_at");
        mia = to(&second, &mia);
        at_rest(&mia, &path).await.says("60,000 codes added to Spring").says("New 60,000");
        assert_eq!(house.db.count("coupons WHERE code LIKE 'OVER-%'"), ROWS);
        assert_eq!(
            house
                .db
                .count("audit_records WHERE action = 'vouchers.imported' AND actor_kind = 'user'"),
            1
        );
        house.is_sound();
    });
}

/// Waits until every one of these answers a page, and says how long that took.
pub async fn healed(clients: &[Client], page: &str, limit: Duration) -> Duration {
    let begun = Instant::now();
    for client in clients {
        while client.get(page).await.status != 200 {
            assert!(begun.elapsed() < limit, "it did not heal");
        }
    }
    begun.elapsed()
}

/// Sets people to work at each of these.
pub fn begin(load: &Arc<Load>, clients: &[Client], people: usize) -> Vec<JoinSet<()>> {
    clients.iter().map(|client| load.begin(client, people)).collect()
}
