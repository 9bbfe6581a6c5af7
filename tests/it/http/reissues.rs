//! The one button: what it answers, once and again.

use chrono::TimeDelta;
use rewarddesk::domain::role::Role;

use crate::support::{
    App,
    client::Fields,
    world::{Person, Scene, barred, expired, redeemed, usable},
};

fn path(app: &App, scene: Scene) -> String {
    app.reissue_path(scene.customer, scene.reward)
}

#[both]
async fn a_reissue_without_a_script_goes_back_to_the_profile(app: App) {
    let (scene, ann) = (app.scene(2), app.sign_in(Role::Support).await);
    let form = ann.dialog(&path(&app, scene)).await;
    let answer = ann.post(&path(&app, scene), &form.ticked()).await.expect(303);
    let profile =
        ann.get(answer.header("Location").split('#').next().unwrap_or_default()).await.expect(200);
    profile.says("FRESH-1-1");
    assert!(profile.row("R-1").contains("FRESH-1-1"));
    let mail = app.mails(1).await.remove(0);
    assert_eq!(mail.recipient, "jo@customer.example");
    assert!(
        mail.text.contains("FRESH-1-1")
            && mail.html.contains("FRESH-1-1")
            && !mail.text.contains("OLD-1")
    );
}

#[both]
async fn a_reissue_with_htmx_answers_the_row_and_a_toast(app: App) {
    let (scene, ann) = (app.scene(1), app.sign_in(Role::Support).await);
    let form = ann.dialog(&path(&app, scene)).await;
    let answer = ann.post_fragment(&path(&app, scene), &form).await.expect(200);
    assert!(answer.body.trim_start().starts_with("<tr"), "the row comes first: {}", answer.body);
    assert!(answer.row("R-1").contains("FRESH-1-1"));
    assert!(
        answer
            .tags()
            .iter()
            .any(|t| t.name == "hx-partial" && t.get("hx-target") == Some("#toasts")),
        "no toast"
    );
    assert_eq!(app.count("mails"), 0);
    assert_eq!(app.count("audit_records WHERE action = 'coupon.reissued'"), 1);
}

#[both]
async fn the_same_form_again_gets_the_same_answer(app: App) {
    let (scene, ann) = (app.scene(3), app.sign_in(Role::Support).await);
    let form = ann.dialog(&path(&app, scene)).await.ticked();
    ann.post_fragment(&path(&app, scene), &form).await.expect(200);
    for _ in 0..3 {
        let again = ann.post_fragment(&path(&app, scene), &form).await.expect(200);
        assert!(again.row("R-1").contains("FRESH-1-1"));
        ann.post(&path(&app, scene), &form).await.expect(303);
    }
    assert_eq!(app.count("reissues"), 1);
    app.mails(1).await;
}

#[both]
async fn the_same_token_with_another_tick_is_another_form(app: App) {
    let (scene, ann) = (app.scene(3), app.sign_in(Role::Support).await);
    let form = ann.dialog(&path(&app, scene)).await;
    ann.post_fragment(&path(&app, scene), &form).await.expect(200);
    ann.post(&path(&app, scene), &form.clone().ticked()).await.expect(422);
    ann.post_fragment(&path(&app, scene), &form.ticked()).await.expect(422);
    assert_eq!((app.count("reissues"), app.count("mails")), (1, 0));
}

#[both]
async fn a_token_of_another_reward_or_user_or_of_nobody_is_not_taken(app: App) {
    let (scene, ann) = (app.scene(3), app.sign_in(Role::Support).await);
    let (other, _) = app.reward_with(scene.customer, scene.batch, "R-2", &expired("OLD-2"));
    let bob = app.sign_in(Role::Supervisor).await;
    let tokens = [
        ann.dialog(&app.reissue_path(scene.customer, other)).await,
        bob.dialog(&path(&app, scene)).await,
        Fields::default(),
        Fields::default().with("idempotency_token", ""),
        Fields::default().with("idempotency_token", "AAAA"),
        Fields::default().with("idempotency_token", &"é".repeat(100)),
    ];
    for token in tokens {
        ann.post(&path(&app, scene), &token).await.expect(422);
        ann.post_fragment(&path(&app, scene), &token).await.expect(422);
    }
    // One letter changed anywhere.
    let good = ann.dialog(&path(&app, scene)).await;
    let token = good.0[0].1.clone();
    for at in [0, token.len() / 2, token.len() - 2] {
        let letter = if token.as_bytes()[at] == b'A' { "B" } else { "A" };
        let changed = format!("{}{letter}{}", &token[..at], &token[at + 1..]);
        ann.post(&path(&app, scene), &Fields::default().with("idempotency_token", &changed))
            .await
            .expect(422);
    }
    assert_eq!(app.count("reissues"), 0);
}

#[both]
async fn a_token_lives_a_day(app: App) {
    let (scene, ann) = (app.scene(3), app.sign_in(Role::Support).await);
    let form = ann.dialog(&path(&app, scene)).await;
    app.desk.clock.advance(TimeDelta::hours(24) - TimeDelta::seconds(1));
    let ann = app.sign_in(Role::Support).await;
    let late = ann.dialog(&path(&app, scene)).await;
    app.desk.clock.advance(TimeDelta::seconds(1));
    ann.post(&path(&app, scene), &form).await.expect(422);
    assert_eq!(app.count("reissues"), 0);
    ann.post(&path(&app, scene), &late).await.expect(303);
    // A used token gets its first answer for as long as anybody asks.
    app.desk.clock.advance(TimeDelta::hours(48));
    let ann = app.sign_in(Role::Support).await;
    ann.post_fragment(&path(&app, scene), &late).await.expect(200);
}

#[both]
async fn a_second_dialog_gets_a_409_with_the_winners_result(app: App) {
    let (scene, ann, bob) =
        (app.scene(3), app.sign_in(Role::Support).await, app.sign_in(Role::Supervisor).await);
    let (first, second) =
        (ann.dialog(&path(&app, scene)).await, bob.dialog(&path(&app, scene)).await);
    ann.post(&path(&app, scene), &first).await.expect(303);
    app.desk.clock.advance(TimeDelta::seconds(8));
    let late = bob.post_fragment(&path(&app, scene), &second).await.expect(409);
    late.says("Already reissued once").says("8 seconds ago").says("Casey Customer Support");
    assert!(late.row("R-1").contains("FRESH-1-1"), "the fresh row comes along");
    let page = bob.post(&path(&app, scene), &second).await.expect(409);
    page.says("Already reissued once").says("FRESH-1-1");
    assert_eq!(app.count("reissues"), 1);
}

#[both]
async fn the_rule_is_asked_before_the_token(app: App) {
    let (scene, ann) = (app.scene(1), app.sign_in(Role::Support).await);
    let form = ann.dialog(&path(&app, scene)).await;
    ann.post(&path(&app, scene), &form).await.expect(303);
    ann.post(&path(&app, scene), &Fields::default()).await.expect(409);
    ann.post(&app.reissue_path(scene.customer, 4711), &Fields::default()).await.expect(404);
    ann.post(&app.reissue_path(4711, scene.reward), &Fields::default()).await.expect(404);
}

#[both]
async fn a_refused_token_is_judged_anew(app: App) {
    let (scene, ann) = (app.scene(1), app.sign_in(Role::Support).await);
    let form = ann.dialog(&path(&app, scene)).await;
    app.exec("UPDATE coupons SET state = 'withdrawn' WHERE state = 'available'");
    ann.post(&path(&app, scene), &form).await.expect(409).says("Voucher batch empty");
    app.coupon(scene.batch, &usable("LATE-1"));
    ann.post(&path(&app, scene), &form).await.expect(303);
    assert!(
        ann.get(&format!("/m/acme/customers/{}", scene.customer))
            .await
            .row("R-1")
            .contains("LATE-1")
    );
}

#[both]
async fn a_tick_for_a_customer_with_emails_off_does_nothing(app: App) {
    let batch = app.batch("Spring");
    let customer = app.customer(&Person { receives_emails: false, ..Person::default() });
    let (reward, _) = app.reward_with(customer, batch, "R-1", &expired("OLD-1"));
    app.fresh(batch, 1);
    let (ann, path) = (app.sign_in(Role::Support).await, app.reissue_path(customer, reward));
    let form = ann.dialog(&path).await;
    ann.post(&path, &form.clone().ticked()).await.expect(409);
    ann.post_fragment(&path, &form.clone().ticked()).await.expect(409);
    assert_eq!(
        (app.count("reissues"), app.count("mails"), app.count("coupons WHERE state = 'available'")),
        (0, 0, 1)
    );
    ann.post(&path, &form).await.expect(303);
}

#[both]
async fn every_refusal_is_said_in_the_menu_and_by_the_post_alike(app: App) {
    let (batch, dry) = (app.batch("Spring"), app.batch("Dry"));
    app.fresh(batch, 3);
    let jo = app.customer(&Person::default());
    let ann = app.sign_in(Role::Support).await;
    let cases = [
        (app.external_reward(jo, "runa", "R-runa"), "Non-batch reward", "Runa (WeGift)"),
        (app.external_reward(jo, "giftcloud", "R-gift"), "Non-batch reward", "GiftCloud"),
        (
            app.reward_with(jo, batch, "R-good", &usable("GOOD-1")).0,
            "Coupon still has capacity",
            "1 of 1",
        ),
        (app.reward_with(jo, dry, "R-dry", &expired("DRY-1")).0, "Voucher batch empty", "0 left"),
        (app.reward(jo, batch, "R-none"), "No coupon yet", ""),
    ];
    let profile = ann.get(&format!("/m/acme/customers/{jo}")).await.expect(200);
    for (reward, label, fact) in cases {
        let reference = app
            .text(&format!("SELECT reward_id FROM rewards WHERE id = {reward}"))
            .unwrap_or_default();
        let menu = crate::support::page::words(&profile.row(&reference));
        assert!(
            menu.contains(label) && menu.contains(fact),
            "the menu of {reference} says: {menu}"
        );
        let refused = ann.post(&app.reissue_path(jo, reward), &Fields::default()).await.expect(409);
        refused.says(label).says(fact);
        ann.post_fragment(&app.reissue_path(jo, reward), &Fields::default())
            .await
            .expect(409)
            .says(label);
        ann.get(&app.reissue_path(jo, reward)).await.expect(409).says(label);
    }
    assert_eq!(app.count("reissues"), 0);
}

#[both]
async fn a_click_answers_activity_and_counts_as_a_reload_shows_them(app: App) {
    let (scene, ann) = (app.scene(2), app.sign_in(Role::Support).await);
    let profile = format!("/m/acme/customers/{}", scene.customer);
    ann.get(&profile).await.expect(200).says("Nothing has happened yet");
    let path = app.reissue_path(scene.customer, scene.reward);
    let form = ann.dialog(&path).await;
    let answer = ann.post_fragment(&path, &form).await.expect(200);
    assert!(!answer.words().contains("Nothing has happened yet"), "{}", answer.words());
    let reloaded = ann.get(&profile).await.expect(200);
    for part in ["<div id=\"activity\">", "<div id=\"facts\">"] {
        let of = |body: &str| {
            body.split_once(part).map(|(_, rest)| {
                rest.split_once("</div>\n").map_or(rest, |(inner, _)| inner).to_owned()
            })
        };
        assert!(of(&answer.body).is_some(), "{part} is not in {}", answer.body);
        assert_eq!(of(&answer.body), of(&reloaded.body));
    }
}

#[both]
async fn each_kind_of_spent_coupon_can_be_reissued(app: App) {
    let (batch, jo) = (app.batch("Spring"), app.customer(&Person::default()));
    app.fresh(batch, 3);
    let ann = app.sign_in(Role::Support).await;
    for (reference, old) in
        [("R-1", expired("OLD-1")), ("R-2", barred("OLD-2")), ("R-3", redeemed("OLD-3"))]
    {
        let (reward, _) = app.reward_with(jo, batch, reference, &old);
        let path = app.reissue_path(jo, reward);
        let form = ann.dialog(&path).await;
        ann.post(&path, &form).await.expect(303);
    }
    assert_eq!(app.count("reissues"), 3);
}

#[both]
async fn expiry_turns_at_its_very_instant(app: App) {
    let batch = app.batch("Spring");
    let jo = app.customer(&Person::default());
    let (reward, coupon) = app.reward_with(jo, batch, "R-1", &usable("OLD-1"));
    app.fresh(batch, 1);
    app.exec(&format!(
        "UPDATE coupons SET expires_at = {} WHERE id = {coupon}",
        app.sql(app.now() + TimeDelta::seconds(1))
    ));
    let (ann, path) = (app.sign_in(Role::Support).await, app.reissue_path(jo, reward));
    ann.get(&path).await.expect(409).says("Coupon still has capacity");
    app.desk.clock.advance(TimeDelta::seconds(1));
    let form = ann.dialog(&path).await;
    ann.post(&path, &form).await.expect(303);
}
