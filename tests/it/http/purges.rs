//! Purging a customer (guarantee S12): what goes, what stays, and that nothing of the person is
//! found afterwards, wherever one looks.

use std::{path::Path, process::Command, time::Duration};

use chrono::TimeDelta;
use diesel::{QueryableByName, RunQueryDsl};
use rewarddesk::{
    app::{
        Desk,
        audit::audit_export_file::export_audit,
        imports::{ImportRequest, ImportStreams, import_file},
    },
    db::{DbConn, merchants},
    domain::{import::ImportKind, role::Role},
    mail::memory::Behaviour,
};

use super::customer_acts::{act, details, profile, why};
use crate::support::{
    App, Client, Engine,
    client::Fields,
    failpoints::pause_at,
    world::{Person, Scene},
};

/// A person whose every part is found nowhere else. The first letters of the names are in no other
/// word, so that the search index writes their trigrams out.
pub const PERSON: Person<'static> = Person {
    email: Some("wuvulax@vanish.example"),
    customer_id: Some("QJX-77-ZV"),
    first_name: Some("ǂwuvulax"),
    last_name: Some("ʬyvermox"),
    receives_emails: true,
    blocked: None,
};

/// What may be found nowhere after the purge; in lower case and as it was written.
pub const TRACES: [&str; 8] =
    ["wuvulax", "vanish.example", "qjx-77", "QJX-77", "yvermox", "grumblefoot", "ǂwu", "ʬyv"];

/// The person's reward R-1 with OLD-1, and fresh codes.
fn scene_of(app: &App, fresh: usize) -> Scene {
    let scene = app.scene(fresh);
    let customer = app.customer(&PERSON);
    let (reward, old) =
        app.reward_with(customer, scene.batch, "R-9", &crate::support::world::expired("OLD-9"));
    Scene { customer, reward, old, ..scene }
}

pub fn confirmed(customer: i64) -> Fields {
    Fields::default().with("confirmation", &customer.to_string())
}

async fn reissue(app: &App, who: &Client, scene: Scene, ticked: bool) {
    let path = app.reissue_path(scene.customer, scene.reward);
    let form = who.dialog(&path).await;
    who.post(&path, &if ticked { form.ticked() } else { form }).await.expect(303);
}

/// A customer about whom there is something in every place where there can be.
async fn a_life(app: &App, ada: &Client) -> Scene {
    let scene = scene_of(app, 3);
    app.memory.script([Behaviour::Permanent]);
    reissue(app, ada, scene, true).await;
    until(app, "mails WHERE state = 'failed'", 1).await;
    // What an older version, or another hand, may have kept there.
    app.exec("UPDATE mails SET last_error = 'no mailbox wuvulax@vanish.example (550)'");
    let resend = format!("/m/acme/customers/{}/rewards/{}/resend", scene.customer, scene.reward);
    ada.post(&resend, &Fields::default()).await.expect(303);
    until(app, "mails WHERE state = 'sent'", 1).await;
    let coupon =
        app.number("SELECT id FROM coupons WHERE state = 'allocated' AND code LIKE 'FRESH%'");
    for verb in ["bar", "unbar", "bar"] {
        ada.post(&format!("/m/acme/coupons/{coupon}/{verb}"), &why("Grumblefoot Wuvulax sold it"))
            .await
            .expect(303);
    }
    ada.post(&act(scene.customer, "block"), &why("grumblefoot: wuvulax@vanish.example"))
        .await
        .expect(303);
    ada.post(&act(scene.customer, "unblock"), &why("grumblefoot said sorry")).await.expect(303);
    ada.post(&act(scene.customer, "emails-off"), &Fields::default()).await.expect(303);
    ada.post(&act(scene.customer, "emails-on"), &Fields::default()).await.expect(303);
    ada.post(&act(scene.customer, "block"), &why("grumblefoot again")).await.expect(303);
    scene
}

async fn until(app: &App, what: &str, n: i64) {
    for _ in 0..400 {
        if app.count(what) == n {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("waited in vain for {n} {what}");
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = diesel::sql_types::Text)]
    v: String,
}

/// Where a trace of the person is, each with what was found.
pub fn traces(app: &App) -> Vec<String> {
    let mut found = Vec::new();
    let mut look = |place: &str, bytes: &[u8]| {
        for trace in TRACES {
            let lower = bytes.to_ascii_lowercase();
            if lower.windows(trace.len()).any(|part| part == trace.to_ascii_lowercase().as_bytes())
            {
                found.push(format!("{trace} in {place}"));
            }
        }
    };
    match app.engine {
        Engine::Sqlite => {
            let file = app.world.db.url.strip_prefix("sqlite:").expect("a file");
            for path in [file.to_owned(), format!("{file}-wal"), format!("{file}-journal")] {
                if Path::new(&path).exists() {
                    look(&path, &std::fs::read(&path).expect("a readable file"));
                }
            }
        }
        Engine::Postgres => {
            let mut conn = app.connect();
            let DbConn::Postgres(conn) = &mut conn else { panic!("PostgreSQL") };
            let tables: Vec<Line> = diesel::sql_query(
                "SELECT table_name::text AS v FROM information_schema.tables \
                    WHERE table_schema = 'public'",
            )
            .load(conn)
            .expect("the tables");
            assert!(tables.len() > 20);
            for Line { v: table } in tables {
                let rows: Vec<Line> =
                    diesel::sql_query(format!("SELECT row_to_json(t)::text AS v FROM {table} t"))
                        .load(conn)
                        .expect("its rows");
                look(&table, rows.iter().map(|row| row.v.as_str()).collect::<String>().as_bytes());
            }
            let dump =
                Command::new("pg_dump").arg(&app.world.db.url).output().expect("pg_dump is there");
            assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
            assert!(dump.stdout.len() > 10_000);
            look("a dump", &dump.stdout);
        }
    }
    found
}

#[both]
async fn nothing_of_the_person_is_found_afterwards(app: App) {
    let ada = app.sign_in(Role::Administrator).await;
    let scene = a_life(&app, &ada).await;
    for words in [
        "Coupon barred",
        "grumblefoot again",
        "Customer unblocked grumblefoot said sorry, it was blocked because: grumblefoot: wuvulax",
        "550",
    ] {
        profile(&ada, scene.customer).await.says(words);
    }
    assert_eq!(app.count("customer_keys"), 1);
    let seen = traces(&app);
    for trace in TRACES {
        assert!(
            seen.iter().any(|line| line.starts_with(trace)),
            "{trace} is to be found before the purge, or looking proves nothing: {seen:?}"
        );
    }
    let log = app.texts("SELECT details AS v FROM audit_records ORDER BY id");
    let path = act(scene.customer, "purge");
    let dialog = ada.get_fragment(&path).await.expect(200);
    dialog
        .says("Purge data")
        .says("wuvulax@vanish.example")
        .says("This can't be undone")
        .says(&format!("Type {} to confirm", scene.customer));
    let done = ada
        .post_fragment(
            &path,
            &dialog.fields(&path).with("confirmation", &format!(" {} ", scene.customer)),
        )
        .await
        .expect(200);
    assert_eq!(traces(&app), Vec::<String>::new());

    let page = ada.get(done.header("HX-Redirect")).await.expect(200);
    page.says("Data purged")
        .says("Purged on 23 Nov 2026, 12:00 GMT by Casey Administrator")
        .says(&format!("Purged customer {}", scene.customer));
    page.says("Customer blocked (purged)")
        .says("Customer unblocked (purged), it was blocked because: (purged)")
        .says("Emails turned off or on")
        .says("Barred by Casey Administrator: (purged)");
    assert_eq!(
        app.texts(
            "SELECT details AS v FROM audit_records WHERE action <> 'customer.purged' ORDER BY id"
        ),
        log,
        "the log is as it was"
    );
    assert_eq!(app.count("customer_keys"), 0);
    assert_eq!(details(&app, "customer.purged"), ["{\"mails_emptied\":2,\"mails_cancelled\":0}"]);
    assert_eq!(app.texts("SELECT state AS v FROM mails ORDER BY id"), ["failed", "sent"]);
    assert_eq!(
        app.count(
            "customers WHERE purged_by IS NOT NULL AND blocked_at IS NULL AND search \
        = '' AND first_key = '' AND last_key = '' AND id_key = ''"
        ),
        1
    );
    assert_eq!(app.count("reissues"), 1);
    page.says("Email (content purged)");
    assert!(!page.body.contains("/resend\""), "nothing can be sent again");
    ada.get(&format!("/m/acme/customers/{}/mails/2", scene.customer))
        .await
        .expect(200)
        .says("To (purged)");
    for term in ["wuvulax", "ǂw", "QJX-77-ZV", "wuvulax@vanish.example", "ʬyvermox", "y"] {
        let found = ada.get(&format!("/m/acme/customers?q={term}")).await.expect(200);
        assert!(
            !found.body.contains(&format!("/customers/{}\"", scene.customer)),
            "{term} finds them"
        );
    }
    // The others are found as before.
    ada.get("/m/acme/customers?q=smith&view=list").await.says("Jo Smith");
    if app.is_sqlite() {
        app.exec(
            "CREATE VIRTUAL TABLE temp.terms USING fts5vocab(main, customers_search, instance)",
        );
        assert_eq!(app.count(&format!("temp.terms WHERE doc = {}", scene.customer)), 0);
        app.exec("INSERT INTO customers_search (customers_search) VALUES ('integrity-check')");
    }
    for (path, form) in [
        (app.reissue_path(scene.customer, scene.reward), Fields::default()),
        (
            format!("/m/acme/customers/{}/rewards/{}/resend", scene.customer, scene.reward),
            Fields::default(),
        ),
        (act(scene.customer, "block"), why("x")),
        (act(scene.customer, "emails-off"), Fields::default()),
    ] {
        ada.post(&path, &form).await.expect(409).says("urged on 23 Nov 2026");
    }
    app.overlook_mails();
}

#[both]
async fn a_purge_is_confirmed_by_the_number_and_done_once(app: App) {
    let (scene, ada) = (scene_of(&app, 1), app.sign_in(Role::Administrator).await);
    let path = act(scene.customer, "purge");
    for typed in ["", "yes", "1", &format!("{}0", scene.customer)] {
        for page in [
            ada.post(&path, &Fields::default().with("confirmation", typed)).await,
            ada.post_fragment(&path, &Fields::default().with("confirmation", typed)).await,
        ] {
            page.expect(422).says(&format!("Type the customer number, {}", scene.customer));
        }
    }
    let kim = app.sign_in(Role::Supervisor).await;
    kim.post(&path, &confirmed(scene.customer)).await.expect(403);
    assert_eq!(app.count("customers WHERE purged_at IS NOT NULL"), 0);
    let first = ada.post(&path, &confirmed(scene.customer)).await.expect(303);
    let again = ada.post(&path, &confirmed(scene.customer)).await.expect(303);
    assert_eq!(first.header("Location"), again.header("Location"), "a double click");
    app.desk.clock.advance(TimeDelta::seconds(11));
    ada.post(&path, &confirmed(scene.customer))
        .await
        .expect(409)
        .says("Purged on 23 Nov 2026, 12:00 GMT by Casey Administrator. Nothing more can be done");
    assert_eq!(app.count("audit_records WHERE action = 'customer.purged'"), 1);
}

#[both]
async fn mails_that_wait_are_cancelled_and_never_sent(app: App) {
    let (scene, ada) = (scene_of(&app, 1), app.sign_in(Role::Administrator).await);
    app.memory.script([Behaviour::Temporary]);
    reissue(&app, &ada, scene, true).await;
    until(&app, "mails WHERE last_error IS NOT NULL", 1).await;
    let done =
        ada.post(&act(scene.customer, "purge"), &confirmed(scene.customer)).await.expect(303);
    ada.get(done.header("Location"))
        .await
        .says("1 email in the queue was cancelled")
        .says("Email cancelled");
    app.desk.clock.advance(TimeDelta::hours(1));
    app.desk.mail_wakeup.notify_one();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(app.memory.tries(), 1);
    assert_eq!(
        app.count(
            "mails WHERE state = 'cancelled' AND recipient = '' AND subject = '' AND \
        text_body = '' AND html_body = '' AND last_error IS NULL AND lease_holder IS NULL AND \
        ended_at IS NOT NULL"
        ),
        1
    );
    assert_eq!(details(&app, "customer.purged"), ["{\"mails_emptied\":1,\"mails_cancelled\":1}"]);
    app.overlook_mails();
}

#[both]
async fn a_mail_that_is_being_sent_writes_nobody_back(app: App) {
    let (scene, ada) = (scene_of(&app, 1), app.sign_in(Role::Administrator).await);
    for (n, behaviour) in
        [Behaviour::Deliver, Behaviour::Permanent, Behaviour::Temporary].into_iter().enumerate()
    {
        let person = Person { email: Some(&format!("wuvulax{n}@vanish.example")), ..PERSON };
        let customer = app.customer(&person);
        let (reward, old) = app.reward_with(
            customer,
            scene.batch,
            &format!("R-2{n}"),
            &crate::support::world::expired(format!("GONE-{n}")),
        );
        app.coupon(scene.batch, &crate::support::world::usable(format!("NEXT-{n}")));
        let failpoints = fail::FailScenario::setup();
        let mut pause = pause_at("mails::sent_not_marked", Duration::from_mins(1));
        app.memory.script([behaviour]);
        reissue(&app, &ada, Scene { customer, reward, old, ..scene }, true).await;
        until(&app, "mails WHERE lease_holder IS NOT NULL", 1).await;
        pause.reached().await;
        assert_eq!(app.memory.tries(), n + 1, "the relay has it, and the mark is yet to be made");
        ada.post(&act(customer, "purge"), &confirmed(customer)).await.expect(303);
        pause.end();
        tokio::time::sleep(Duration::from_millis(1500)).await;
        failpoints.teardown();
        assert_eq!(
            app.count(&format!(
                "mails WHERE customer = {customer} AND state = 'cancelled' AND \
                recipient = '' AND last_error IS NULL"
            )),
            1
        );
        assert_eq!(app.count("audit_records WHERE action IN ('email.sent', 'email.failed')"), 0);
    }
    app.exec(&format!("UPDATE customers SET search = 'x' WHERE id = {}", scene.customer));
    app.overlook_mails();
}

#[both]
async fn a_reissue_or_a_block_at_the_same_time_leaves_nothing_behind(app: App) {
    let ada = app.sign_in(Role::Administrator).await;
    let scene = scene_of(&app, 2);
    let path = app.reissue_path(scene.customer, scene.reward);
    let form = ada.dialog(&path).await.ticked();
    let failpoints = fail::FailScenario::setup();
    let mut pause = pause_at("reissue::before_commit", Duration::from_millis(700));
    let (other, at) = (ada.clone(), path.clone());
    let reissued = tokio::spawn(async move { other.post(&at, &form).await });
    pause.reached().await;
    let purged = ada.post(&act(scene.customer, "purge"), &confirmed(scene.customer)).await;
    failpoints.teardown();
    reissued.await.unwrap().expect(303);
    purged.expect(303);
    assert_eq!(app.count("mails WHERE recipient <> '' OR state = 'queued'"), 0);

    let second = app.customer(&PERSON);
    let failpoints = fail::FailScenario::setup();
    let mut pause = pause_at("customer_acts::checked", Duration::from_millis(700));
    let other = ada.clone();
    let blocked =
        tokio::spawn(async move { other.post(&act(second, "block"), &why("grumblefoot")).await });
    pause.reached().await;
    let purged = ada.post(&act(second, "purge"), &confirmed(second)).await;
    failpoints.teardown();
    blocked.await.unwrap().expect(303);
    purged.expect(303);
    assert_eq!(app.count("customers WHERE blocked_reason IS NOT NULL"), 0);
    assert_eq!(app.count("customer_keys"), 0);

    // The other way round: who comes after the purge is refused.
    let third = app.customer(&PERSON);
    let (reward, old) =
        app.reward_with(third, scene.batch, "R-3", &crate::support::world::expired("OLD-3"));
    let path = app.reissue_path(third, reward);
    let form = ada.dialog(&path).await.ticked();
    let failpoints = fail::FailScenario::setup();
    let mut pause = pause_at("purge::erased", Duration::from_millis(700));
    let other = ada.clone();
    let purged =
        tokio::spawn(async move { other.post(&act(third, "purge"), &confirmed(third)).await });
    pause.reached().await;
    let (reissued, barred) = tokio::join!(ada.post(&path, &form), async {
        ada.post(&format!("/m/acme/coupons/{old}/bar"), &why("leaked")).await
    });
    failpoints.teardown();
    purged.await.unwrap().expect(303);
    reissued.expect(409).says("Customer purged");
    barred.expect(303);
    assert_eq!(app.count("customer_keys"), 0, "nobody makes a key for one who is gone");
    assert_eq!(app.count("reissues"), 1);
    app.overlook_mails();
}

#[both]
async fn a_block_waits_for_a_reissue_that_is_under_way(app: App) {
    let (scene, ada) = (scene_of(&app, 1), app.sign_in(Role::Administrator).await);
    let path = app.reissue_path(scene.customer, scene.reward);
    let form = ada.dialog(&path).await;
    let failpoints = fail::FailScenario::setup();
    let mut pause = pause_at("reissue::before_commit", Duration::from_millis(700));
    let other = ada.clone();
    let reissued = tokio::spawn(async move { other.post(&path, &form).await });
    pause.reached().await;
    ada.post(&act(scene.customer, "block"), &why("chargeback")).await.expect(303);
    assert_eq!(
        app.count("reissues"),
        1,
        "nothing is reissued to a customer who is blocked already"
    );
    failpoints.teardown();
    reissued.await.unwrap().expect(303);
}

#[both]
async fn the_same_address_is_somebody_new_afterwards(app: App) {
    let (scene, ada) = (scene_of(&app, 0), app.sign_in(Role::Administrator).await);
    ada.post(&act(scene.customer, "purge"), &confirmed(scene.customer)).await.expect(303);
    let (scope, merchant) =
        app.desk.db.read(|conn| merchants::for_operator(conn, "acme")).unwrap().unwrap();
    let file = "email,first_name\nwuvulax@vanish.example,Anew\n";
    let report = import_file(
        &app.desk,
        &ImportRequest::of_operator(scope, &merchant, ImportKind::Customers, None),
        ImportStreams {
            source: &mut file.as_bytes(),
            rejects: &mut Vec::new(),
            watch: &mut |_| std::ops::ControlFlow::Continue(()),
        },
    )
    .unwrap();
    assert_eq!((report.new, report.updated), (1, 0));
    let anew = app.number("SELECT id FROM customers WHERE email = 'wuvulax@vanish.example'");
    assert_ne!(anew, scene.customer);
    let found = ada.get("/m/acme/customers?q=wuvulax@vanish.example").await.expect(303);
    assert_eq!(found.header("Location"), format!("/m/acme/customers/{anew}"));
    profile(&ada, anew).await.says("No rewards yet");
    // A new key, which opens nothing of the old person's.
    ada.post(&act(anew, "block"), &why("for a while")).await.expect(303);
    profile(&ada, anew).await.says("for a while");
}

#[both]
async fn an_export_keeps_what_was_written_and_says_what_it_means(app: App) {
    let (customer, ada) = (app.customer(&PERSON), app.sign_in(Role::Administrator).await);
    ada.post(&act(customer, "block"), &why("grumblefoot")).await.expect(303);
    let stored: serde_json::Value =
        serde_json::from_str(&details(&app, "customer.blocked").remove(0)).unwrap();
    let exported = |desk: &Desk| {
        let mut lines: Vec<serde_json::Value> = vec![];
        export_audit(desk, Some("acme"), |line| {
            lines.push(serde_json::from_str(line).unwrap());
            Ok::<_, rewarddesk::app::Error>(())
        })
        .unwrap();
        let line = lines.iter().find(|line| line["action"] == "customer.blocked").unwrap().clone();
        assert_eq!(line["reason"], stored["reason"], "as it was written, so that it can be proved");
        line["opened"]["reason"].as_str().unwrap_or_default().to_owned()
    };
    let without_key = Desk::for_operator(app.desk.db.clone());
    assert_eq!(
        (exported(&app.desk).as_str(), exported(&without_key).as_str()),
        ("grumblefoot", "(encrypted)")
    );
    let wrong_key = without_key.clone().with_secret("another secret than it was, 32 characters");
    assert_eq!(exported(&wrong_key), "(encrypted)");
    ada.post(&act(customer, "purge"), &confirmed(customer)).await.expect(303);
    assert_eq!(
        (exported(&app.desk).as_str(), exported(&without_key).as_str()),
        ("(purged)", "(purged)")
    );
}
