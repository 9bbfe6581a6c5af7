//! A click starts after the last code that was handed out; what is before it is found all the same
//! (guarantees R3, R4).

use std::time::Duration;

use rewarddesk::domain::role::Role;

use crate::support::{
    App, Client,
    failpoints::pause_at,
    world::{Scene, barred, expired, usable},
};

/// The code that the reward got.
async fn reissue(app: &App, client: &Client, customer: i64, reward: i64) -> String {
    let path = app.reissue_path(customer, reward);
    let form = client.dialog(&path).await;
    client.post(&path, &form).await.expect(303);
    app.text(&format!(
        "SELECT code AS v FROM coupons WHERE reward = {reward} AND state = 'allocated'"
    ))
    .expect("a coupon")
}

/// Another reward of the scene's customer whose code has expired.
fn another(app: &App, scene: Scene, name: &str) -> i64 {
    app.reward_with(
        scene.customer,
        scene.batch,
        &format!("R-{name}"),
        &expired(format!("OLD-{name}")),
    )
    .0
}

#[both]
async fn codes_before_the_last_one_that_went_out_are_not_forgotten(app: App) {
    let (scene, ann) = (app.scene(0), app.sign_in(Role::Support).await);
    let back = app.coupon(scene.batch, &barred("BACK-1"));
    app.coupon(scene.batch, &usable("LAST-1"));
    assert_eq!(reissue(&app, &ann, scene.customer, scene.reward).await, "LAST-1");
    let second = another(&app, scene, "2");
    let path = app.reissue_path(scene.customer, second);
    ann.get(&path).await.expect(409).says("Voucher batch empty");
    // Unbarred: it stands before the one that went out last.
    app.exec(&format!(
        "UPDATE coupons SET barred_at = NULL, barred_by = NULL, barred_reason = \
        NULL WHERE id = {back}"
    ));
    assert_eq!(reissue(&app, &ann, scene.customer, second).await, "BACK-1");
    let third = another(&app, scene, "3");
    ann.get(&app.reissue_path(scene.customer, third)).await.expect(409).says("Voucher batch empty");
}

/// Uses failpoints, which are the process's: `cargo test` runs these one after the other.
mod with_failpoints {
    use super::*;

    #[both]
    async fn a_code_that_a_rollback_gave_back_is_the_next_to_go_out(app: App) {
        // With one writer nobody else can have gone further.
        if app.is_sqlite() {
            return;
        }
        let (scene, ann) = (app.scene(0), app.sign_in(Role::Support).await);
        for n in 1..=4 {
            app.coupon(scene.batch, &usable(format!("NEXT-{n}")));
        }
        let rewards = [2, 3, 4].map(|n| another(&app, scene, &n.to_string()));
        let slow = app.reissue_path(scene.customer, scene.reward);
        let form = ann.dialog(&slow).await;
        let failpoints = fail::FailScenario::setup();
        // The first one waits with NEXT-1 in hand; it is the second to commit, and fails.
        let mut pause = pause_at("reissue::before_commit", Duration::from_mins(1));
        fail::cfg("db::commit", "1*off->1*return->off").unwrap();
        let sleeper = ann.clone();
        let failing = tokio::spawn(async move { sleeper.post(&slow, &form).await });
        pause.reached().await;
        assert_eq!(reissue(&app, &ann, scene.customer, rewards[0]).await, "NEXT-2");
        pause.end();
        failing.await.unwrap().expect(503);
        failpoints.teardown();
        assert_eq!(reissue(&app, &ann, scene.customer, rewards[1]).await, "NEXT-1");
        assert_eq!(reissue(&app, &ann, scene.customer, rewards[2]).await, "NEXT-3");
    }
}
