//! Acts on one coupon at the same time as each other and as a reissue (guarantee I9). The window
//! between check and write is held open by failpoints: a race test that passes without proves
//! nothing.

use std::{ops::ControlFlow, time::Duration};

use rewarddesk::{
    app::imports::{ImportRequest, ImportStreams, import_file},
    db::merchants,
    domain::{import::ImportKind, role::Role},
};

use crate::support::{
    App,
    client::Fields,
    engine::run_on,
    failpoints::pause_at,
    world::{NewCoupon, Person, barred, usable},
};

fn act(coupon: i64, act: &str) -> String {
    format!("/m/acme/coupons/{coupon}/{act}")
}

fn why(reason: &str) -> Fields {
    Fields::default().with("reason", reason)
}

/// Imports a file of redemptions beside everything else; answers how many are new and how many
/// unchanged.
fn import_redemptions(app: &App, file: String) -> tokio::task::JoinHandle<(u64, u64)> {
    let desk = app.desk.clone();
    tokio::task::spawn_blocking(move || {
        let (scope, merchant) =
            desk.db.read(|conn| merchants::for_operator(conn, "acme")).unwrap().unwrap();
        let order = ImportRequest::of_operator(scope, &merchant, ImportKind::Redemptions, None);
        let mut rejects = vec![];
        let done = import_file(
            &desk,
            &order,
            ImportStreams {
                source: &mut file.as_bytes(),
                rejects: &mut rejects,
                watch: &mut |_| ControlFlow::Continue(()),
            },
        );
        let report = done.unwrap();
        assert_eq!(report.rejected, 0, "{}", String::from_utf8_lossy(&rejects));
        (report.new, report.unchanged)
    })
}

/// Uses failpoints, which are the process's: `cargo test` runs these one after the other.
mod with_failpoints {
    use super::*;

    #[both]
    async fn an_unbar_waits_for_the_reissue_that_relies_on_the_bar(app: App) {
        let (customer, batch, ann) = (
            app.customer(&Person::default()),
            app.batch("Spring"),
            app.sign_in(Role::Supervisor).await,
        );
        let (reward, coupon) = app.reward_with(customer, batch, "R-1", &barred("BAD-1"));
        app.fresh(batch, 1);
        let path = app.reissue_path(customer, reward);
        let form = ann.dialog(&path).await;
        let failpoints = fail::FailScenario::setup();
        let mut pause = pause_at("reissue::checked", Duration::from_millis(800));
        let clicker = ann.clone();
        let click = tokio::spawn(async move { clicker.post(&path, &form).await });
        pause.reached().await;
        ann.post(&act(coupon, "unbar"), &why("found"))
            .await
            .expect(409)
            .says("This coupon was replaced");
        failpoints.teardown();
        click.await.unwrap().expect(303);
        let order = app.texts(
            "SELECT action AS v FROM audit_records WHERE action LIKE 'coupon.%' ORDER BY id",
        );
        assert_eq!(order, ["coupon.reissued"], "the old coupon stays unusable");
        assert_eq!(
            app.count(&format!(
                "coupons WHERE id = {coupon} AND state = 'replaced' AND barred_at IS NOT NULL"
            )),
            1
        );
    }

    #[both]
    async fn a_reissue_waits_for_the_unbar_that_takes_its_reason_away(app: App) {
        let (customer, batch, ann) = (
            app.customer(&Person::default()),
            app.batch("Spring"),
            app.sign_in(Role::Supervisor).await,
        );
        let (reward, coupon) = app.reward_with(customer, batch, "R-1", &barred("BAD-1"));
        app.fresh(batch, 1);
        let path = app.reissue_path(customer, reward);
        let form = ann.dialog(&path).await;
        let failpoints = fail::FailScenario::setup();
        let mut pause = pause_at("coupon_acts::checked", Duration::from_millis(800));
        let supervisor = ann.clone();
        let unbar =
            tokio::spawn(
                async move { supervisor.post(&act(coupon, "unbar"), &why("found")).await },
            );
        pause.reached().await;
        let answer = ann.post_fragment(&path, &form).await;
        failpoints.teardown();
        unbar.await.unwrap().expect(303);
        answer.expect(409).says("Coupon still has capacity");
        assert_eq!(app.count("reissues"), 0);
    }

    #[both]
    async fn of_two_who_bar_at_once_one_wins_and_the_other_sees_it(app: App) {
        let (scene, kim) = (app.scene(1), app.sign_in(Role::Supervisor).await);
        app.user_called("ann@desk.example", "Ann Lee", Role::Supervisor);
        let ann = app.client().signed_in("ann@desk.example").await;
        let failpoints = fail::FailScenario::setup();
        fail::cfg("coupon_acts::checked", "sleep(300)").unwrap();
        let path = act(scene.old, "bar");
        let form = why("leaked");
        let (first, second) = tokio::join!(kim.post(&path, &form), ann.post(&path, &form));
        failpoints.teardown();
        let mut statuses = [first.status, second.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 409], "{} {}", first.words(), second.words());
        let (loser, winner) = if first.status == 409 {
            (first, "Ann Lee")
        } else {
            (second, "Casey Customer Support Supervisor")
        };
        loser.says(&format!("Barred just now by {winner}"));
        assert_eq!(app.count("audit_records WHERE action = 'coupon.barred'"), 1);
    }

    #[both]
    async fn one_form_sent_many_times_at_once_counts_one_use(app: App) {
        let (scene, kim) = (app.scene(1), app.sign_in(Role::Supervisor).await);
        let coupon =
            app.coupon(scene.batch, &NewCoupon { max_redemptions: 5, ..usable("MULTI-1") });
        let path = act(coupon, "use");
        let form = kim.get(&path).await.fields(&path).with("order_id", "O-77");
        let failpoints = fail::FailScenario::setup();
        fail::cfg("coupon_acts::checked", "sleep(100)").unwrap();
        let sent: Vec<_> = (0..8)
            .map(|_| {
                let (kim, path, form) = (kim.clone(), path.clone(), form.clone());
                tokio::spawn(async move { kim.post(&path, &form).await })
            })
            .collect();
        for answer in sent {
            answer.await.unwrap().expect(303);
        }
        assert_eq!(
            (
                app.count("redemptions"),
                app.number(&format!("SELECT redemptions FROM coupons WHERE id = {coupon}"))
            ),
            (1, 1)
        );
        // Twelve orders for the four that are left.
        let sent: Vec<_> = (0..12)
            .map(|n| {
                let (kim, path) = (kim.clone(), path.clone());
                tokio::spawn(async move {
                    kim.post(&path, &Fields::default().with("order_id", &format!("N-{n}"))).await
                })
            })
            .collect();
        let mut statuses = vec![];
        for answer in sent {
            statuses.push(answer.await.unwrap().status);
        }
        failpoints.teardown();
        assert_eq!(
            (
                statuses.iter().filter(|s| **s == 303).count(),
                statuses.iter().filter(|s| **s == 409).count()
            ),
            (4, 8),
            "{statuses:?}"
        );
        assert_eq!(
            (
                app.count("redemptions"),
                app.count("audit_records WHERE action = 'coupon.marked_used'")
            ),
            (5, 5)
        );
    }

    #[both]
    async fn an_order_that_is_marked_and_imported_at_once_is_one_use(app: App) {
        let (scene, kim) = (app.scene(1), app.sign_in(Role::Supervisor).await);
        let codes = ["RACE-1", "RACE-2", "RACE-3"];
        let coupons = codes
            .map(|code| app.coupon(scene.batch, &NewCoupon { max_redemptions: 2, ..usable(code) }));
        let file =
            |code: &str, time: &str| format!("code,redeemed_at,order_id\n{code},{time},O-77\n");
        let form =
            Fields::default().with("order_id", "O-77").with("redeemed_at", "2026-11-20T10:00");
        let failpoints = fail::FailScenario::setup();
        // Marked first: the import waits for it, and finds the order.
        let mut pause = pause_at("coupon_acts::checked", Duration::from_millis(600));
        let (clicker, path, sent) = (kim.clone(), act(coupons[0], "use"), form.clone());
        let click = tokio::spawn(async move { clicker.post(&path, &sent).await });
        pause.reached().await;
        assert_eq!(
            import_redemptions(&app, file(codes[0], "2026-11-20T10:00:27Z")).await.unwrap(),
            (0, 1)
        );
        click.await.unwrap().expect(303);
        // Imported first: the click waits for it, and names it.
        let mut pause = pause_at("redemptions::judged", Duration::from_millis(600));
        let import = import_redemptions(&app, file(codes[1], "2026-11-20T10:00:27Z"));
        pause.reached().await;
        let refused = kim.post(&act(coupons[1], "use"), &form).await.expect(409);
        refused
            .says("Already counted")
            .says("order O-77, 20 Nov 2026, 10:00 GMT")
            .says("Each order counts once");
        assert_eq!(import.await.unwrap(), (1, 0));
        // Two files with other times.
        fail::cfg("redemptions::judged", "sleep(600)").unwrap();
        let files = ["2026-11-20T10:00:27Z", "2026-11-20"]
            .map(|time| import_redemptions(&app, file(codes[2], time)));
        let mut counts = vec![];
        for file in files {
            counts.push(file.await.unwrap());
        }
        failpoints.teardown();
        counts.sort_unstable();
        assert_eq!(counts, [(0, 1), (1, 0)]);
        for coupon in coupons {
            assert_eq!(
                app.number(&format!("SELECT redemptions FROM coupons WHERE id = {coupon}")),
                1
            );
            assert_eq!(app.count(&format!("redemptions WHERE coupon_id = {coupon}")), 1);
        }
    }

    #[both]
    async fn a_code_handed_out_meanwhile_is_barred_as_what_it_is_then(app: App) {
        let (scene, ann) = (app.scene(1), app.sign_in(Role::Supervisor).await);
        let fresh = app.number("SELECT id FROM coupons WHERE state = 'available'");
        let path = app.reissue_path(scene.customer, scene.reward);
        let form = ann.dialog(&path).await;
        let failpoints = fail::FailScenario::setup();
        // On SQLite the reissue waits for the bar to end.
        let mut pause = pause_at(
            "coupon_acts::locking",
            if app.is_sqlite() { Duration::from_millis(800) } else { Duration::from_mins(1) },
        );
        let supervisor = ann.clone();
        let bar =
            tokio::spawn(async move { supervisor.post(&act(fresh, "bar"), &why("leaked")).await });
        pause.reached().await;
        let reissue = ann.post(&path, &form).await;
        pause.end();
        failpoints.teardown();
        bar.await.unwrap().expect(303);
        assert_eq!(app.count(&format!("coupons WHERE id = {fresh} AND barred_at IS NOT NULL")), 1);
        // SQLite has one writer: the bar is first, and the code is handed to nobody.
        assert_eq!(reissue.status, if app.is_sqlite() { 409 } else { 303 });
        let of_the_reward =
            format!("audit_records WHERE action = 'coupon.barred' AND reward = {}", scene.reward);
        assert_eq!(app.count(&of_the_reward), i64::from(!app.is_sqlite()));
    }

    /// On SQLite nobody comes in between.
    #[test]
    fn a_coupon_handed_out_meanwhile_is_locked_after_its_reward() {
        crate::support::block_on(async {
            let app = <App as crate::support::Fixture>::on(crate::support::Engine::Postgres).await;
            let (customer, batch, ann) = (
                app.customer(&Person::default()),
                app.batch("Spring"),
                app.sign_in(Role::Supervisor).await,
            );
            let (reward, coupon) =
                (app.reward(customer, batch, "R-1"), app.coupon(batch, &barred("BAD-1")));
            app.fresh(batch, 1);
            let failpoints = fail::FailScenario::setup();
            let mut pause = pause_at("coupon_acts::locking", Duration::from_mins(1));
            let supervisor = ann.clone();
            let unbar =
                tokio::spawn(
                    async move { supervisor.post(&act(coupon, "unbar"), &why("found")).await },
                );
            pause.reached().await;
            // As an import of past rewards hands it out.
            app.allocate(coupon, reward);
            let path = app.reissue_path(customer, reward);
            let form = ann.dialog(&path).await;
            let mut held = pause_at("reissue::checked", Duration::from_millis(600));
            let reissue = tokio::spawn(async move { ann.post(&path, &form).await });
            held.reached().await;
            pause.end();
            reissue.await.unwrap().expect(303);
            failpoints.teardown();
            unbar.await.unwrap().expect(409).says("This coupon was replaced");
            let order = app.texts(
                "SELECT action AS v FROM audit_records WHERE action LIKE 'coupon.%' ORDER BY id",
            );
            assert_eq!(
                order,
                ["coupon.reissued"],
                "the bar stood until the reissue was done, and since"
            );
            assert_eq!(
                app.count(&format!(
                    "coupons WHERE id = {coupon} AND barred_at IS NOT NULL AND reward = {reward}"
                )),
                1
            );
        });
    }
}

#[both]
async fn a_role_that_is_lost_before_the_act_is_lost(app: App) {
    let (scene, kim) = (app.scene(1), app.sign_in(Role::Supervisor).await);
    let mut other = app.connect();
    run_on(&mut other, if app.is_sqlite() { "BEGIN IMMEDIATE" } else { "BEGIN" }).unwrap();
    run_on(&mut other, "UPDATE memberships SET role = 'support'").unwrap();
    // The gate lets it in: the change is not there yet. The act waits for it.
    let click = tokio::spawn(async move { kim.post(&act(scene.old, "bar"), &why("leaked")).await });
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!click.is_finished());
    run_on(&mut other, "COMMIT").unwrap();
    click.await.unwrap().expect(403);
    assert_eq!(app.count("coupons WHERE barred_at IS NOT NULL"), 0);
}
