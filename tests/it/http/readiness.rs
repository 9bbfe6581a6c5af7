//! `/readyz`: what makes the desk unfit, what it only mentions, and that a busy desk is no unfit
//! one.

use std::{
    sync::{
        Arc, Barrier, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

use futures_util::FutureExt;
use rewarddesk::{
    app::sign_in::queue::Caller,
    db::{DbConn, Error},
    domain::role::Role,
};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::{App, Engine, Fixture, block_on, engine::run_on, postgres};

/// More than a busy machine takes for an answer that waits for nobody.
const READY_TIMEOUT: Duration = Duration::from_secs(20);

async fn asked(app: &App) -> (u16, Value) {
    // An answer counts for a moment.
    tokio::time::sleep(rewarddesk::app::operation::readiness::KEPT * 2).await;
    let client = app.client();
    let page = timeout(READY_TIMEOUT, client.bare(reqwest::Method::GET, "/readyz", &[]))
        .await
        .expect("an answer while the desk is busy");
    (page.status, serde_json::from_str(&page.body).expect("JSON"))
}

#[both]
async fn a_desk_that_can_work_says_so_and_how_long_mail_has_waited(app: App) {
    let sound = |age: Value| json!({"ready": true, "writable": true, "database": "ok", "schema": "ok", "mail_queue_oldest_seconds": age});
    assert_eq!(asked(&app).await, (200, sound(Value::Null)));
}

#[both]
async fn an_older_schema_is_unfit(app: App) {
    assert_eq!(asked(&app).await.0, 200);
    let newest = app.text("SELECT max(version) FROM __diesel_schema_migrations").unwrap();
    app.exec(&format!("DELETE FROM __diesel_schema_migrations WHERE version = '{newest}'"));
    let (status, said) = asked(&app).await;
    assert_eq!((status, &said["ready"]), (503, &json!(false)));
    assert!(said["schema"].as_str().unwrap().contains("rewarddesk migrate"), "{said}");
}

#[both]
async fn a_busy_desk_answers_all_the_same(app: App) {
    let busy = app.desk.db.capacity().1;
    let (taken, done) = (Barrier::new(busy + 1), Barrier::new(busy + 1));
    let said = std::thread::scope(|scope| {
        for _ in 0..busy {
            scope.spawn(|| {
                let hold = |_: &mut DbConn| {
                    taken.wait();
                    done.wait();
                    Ok::<_, Error>(())
                };
                // A busy machine may take longer to connect than the pool waits.
                while app.desk.db.read(hold).is_err() {}
            });
        }
        tokio::task::block_in_place(|| {
            taken.wait();
            let said = tokio::runtime::Handle::current().block_on(asked(&app));
            done.wait();
            said
        })
    });
    assert_eq!((said.0, &said.1["writable"]), (200, &json!(true)), "{said:?}");
}

#[test]
fn a_server_that_may_only_be_read_is_unfit_and_heals() {
    block_on(async {
        let app = <App as Fixture>::on(Engine::Postgres).await;
        let name = app.text("SELECT current_database()").unwrap();
        for (setting, status) in [("on", 503), ("off", 200)] {
            let mut admin = postgres::admin();
            let set =
                format!("ALTER DATABASE {name} SET default_transaction_read_only = {setting}");
            diesel::connection::SimpleConnection::batch_execute(&mut admin, &set).unwrap();
            let ended = format!(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
            );
            diesel::connection::SimpleConnection::batch_execute(&mut admin, &ended).unwrap();
            let (found, said) = asked(&app).await;
            assert_eq!(
                (found, said["database"].as_str()),
                (status, Some(if status == 200 { "ok" } else { "read-only" })),
                "{said}"
            );
        }
    });
}

/// Uses failpoints, which are the process's: `cargo test` runs these one after the other.
mod with_failpoints {
    use super::*;

    #[both]
    async fn many_who_ask_at_once_are_answered_by_one_look(app: App) {
        let failpoints = fail::FailScenario::setup();
        let (release, released) = mpsc::channel::<()>();
        let (released, looks) = (Mutex::new(released), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&looks);
        fail::cfg_callback("db::probe", move || {
            counted.fetch_add(1, Ordering::Relaxed);
            let _ = released.lock().unwrap().recv();
        })
        .unwrap();
        let mut asking: Vec<_> = (0..500)
            .map(|_| Box::pin(Caller::Stranger.runs(app.desk.looks.ask(&app.desk))))
            .collect();
        for ask in &mut asking {
            assert!(ask.as_mut().now_or_never().is_none(), "the look is held");
        }
        drop(release);
        for ask in asking {
            assert!(ask.await.is_ok());
        }
        failpoints.teardown();
        assert_eq!(looks.load(Ordering::Relaxed), 1);
    }

    #[both]
    async fn a_lock_that_another_holds_says_nothing_about_room(app: App) {
        let (scene, ann) = (app.scene(2), app.sign_in(Role::Support).await);
        let path = app.reissue_path(scene.customer, scene.reward);
        let form = ann.dialog(&path).await;
        let failpoints = fail::FailScenario::setup();
        fail::cfg("db::commit", "return").unwrap();
        ann.post(&path, &form).await.expect(503);
        failpoints.teardown();
        let mut other = app.connect();
        run_on(
            &mut other,
            if app.is_sqlite() {
                "BEGIN IMMEDIATE"
            } else {
                "BEGIN; LOCK TABLE stock_marks IN SHARE MODE"
            },
        )
        .unwrap();
        assert_eq!(asked(&app).await.1["writable"], json!(true), "nobody could try");
        run_on(&mut other, "ROLLBACK").unwrap();
        assert_eq!(asked(&app).await.1["writable"], json!(true));
    }

    #[both]
    async fn a_disk_without_room_is_mentioned_until_a_write_succeeds(app: App) {
        let (scene, ann) = (app.scene(2), app.sign_in(Role::Support).await);
        let path = app.reissue_path(scene.customer, scene.reward);
        let form = ann.dialog(&path).await;
        let failpoints = fail::FailScenario::setup();
        fail::cfg("db::commit", "return").unwrap();
        fail::cfg("db::probe_write", "return").unwrap();
        ann.post(&path, &form).await.expect(503);
        let (status, said) = asked(&app).await;
        assert_eq!(
            (status, &said["ready"], &said["writable"]),
            (200, &json!(true), &json!(false)),
            "{said}"
        );
        fail::cfg("db::commit", "off").unwrap();
        assert_eq!(asked(&app).await.1["writable"], json!(false), "nothing was written since");
        fail::cfg("db::probe_write", "off").unwrap();
        assert_eq!(asked(&app).await.1["writable"], json!(true));
        failpoints.teardown();
        ann.post(&path, &form).await.expect(303);
    }
}
