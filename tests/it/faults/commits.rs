//! A commit whose answer is lost, and a database that goes away right after it (guarantee R7):
//! no answer says that nothing was saved.

use diesel::connection::SimpleConnection;
use rewarddesk::domain::role::Role;

use crate::support::{App, Engine, Fixture, block_on, postgres};

/// Uses failpoints, which are the process's: `cargo test` runs these one after the other.
mod with_failpoints {
    use super::*;

    const UNSURE: &str =
        "We can't tell yet whether it was saved. Try again; it can't be reissued twice.";

    #[both]
    async fn an_unheard_commit_is_answered_when_the_form_comes_again(app: App) {
        let (scene, ann) = (app.scene(2), app.sign_in(Role::Support).await);
        let path = app.reissue_path(scene.customer, scene.reward);
        let form = ann.dialog(&path).await.ticked();
        let failpoints = fail::FailScenario::setup();
        fail::cfg("db::committed", "1*return->off").unwrap();
        ann.post_fragment(&path, &form).await.expect(503).says(UNSURE);
        failpoints.teardown();
        assert_eq!(app.count("reissues"), 1, "it was saved");
        for _ in 0..2 {
            let again = ann.post_fragment(&path, &form).await.expect(200);
            assert!(again.row("R-1").contains("FRESH-1-1"));
            ann.post(&path, &form).await.expect(303);
        }
        assert_eq!((app.count("reissues"), app.count("coupons WHERE state = 'available'")), (1, 1));
        app.mails(1).await;
    }

    #[test]
    fn a_database_lost_right_after_the_commit_has_saved_it() {
        block_on(async {
            let app = <App as Fixture>::on(Engine::Postgres).await;
            let (scene, ann) = (app.scene(2), app.sign_in(Role::Support).await);
            let path = app.reissue_path(scene.customer, scene.reward);
            let form = ann.dialog(&path).await;
            let name = app.text("SELECT current_database()").unwrap();
            let failpoints = fail::FailScenario::setup();
            let cut = name.clone();
            fail::cfg_callback("db::committed", move || {
                let mut admin = postgres::admin();
                admin
                    .batch_execute(&format!("ALTER DATABASE {cut} ALLOW_CONNECTIONS false"))
                    .unwrap();
                admin
                    .batch_execute(&format!(
                        "SELECT pg_terminate_backend(pid) FROM \
                    pg_stat_activity WHERE datname = '{cut}'"
                    ))
                    .unwrap();
            })
            .unwrap();
            let answer = ann.post_fragment(&path, &form).await;
            failpoints.teardown();
            postgres::admin()
                .batch_execute(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true"))
                .unwrap();
            assert_eq!(app.count("reissues"), 1, "it was saved");
            answer.expect(503).says(UNSURE);
            ann.post_fragment(&path, &form).await.expect(200);
            assert_eq!(app.count("reissues"), 1);
        });
    }
}
