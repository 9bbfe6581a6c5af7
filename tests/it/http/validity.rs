//! Adjusting a batch's validity: days in the merchant's zone, both validities in the record, and no
//! reissue caught in between (guarantee I8).

use std::time::Duration;

use rewarddesk::domain::role::Role;

use crate::support::{App, client::Fields, failpoints::pause_at};

fn days(from: &str, until: &str) -> Fields {
    Fields::default().with("valid_from", from).with("valid_until", until)
}

fn validity_path(batch: i64) -> String {
    format!("/m/acme/batches/{batch}/validity")
}

/// The value in the field of that name.
fn value(page: &crate::support::page::Page, name: &str) -> String {
    let tags = page.tags();
    let field = tags
        .iter()
        .find(|t| t.name == "input" && t.get("name") == Some(name))
        .expect("the field is there");
    field.get("value").unwrap_or_default().to_owned()
}

#[both]
async fn days_come_back_as_typed_and_the_record_holds_both_validities(app: App) {
    let (batch, mia) = (app.batch("Spring"), app.sign_in(Role::Marketing).await);
    let path = validity_path(batch);
    let answer = mia.post(&path, &days("2026-10-01", "2026-12-31")).await.expect(303);
    let page = mia.get(answer.header("Location")).await.expect(200);
    page.says("Validity adjusted").says("Now: 1 Oct 2026 to 31 Dec 2026, 23:59 GMT.");
    assert_eq!(
        (value(&page, "valid_from"), value(&page, "valid_until")),
        ("2026-10-01".into(), "2026-12-31".into())
    );
    let answer = mia.post(&path, &days("2026-10-01", "2026-12-31")).await.expect(303);
    mia.get(answer.header("Location")).await.says("Nothing was changed");
    // A time of day is kept to the second when the form is sent as it was shown.
    mia.post(&path, &days("", "2026-12-24T18:00:00Z")).await.expect(303);
    let page = mia.get(&format!("/m/acme/batches/{batch}")).await;
    assert_eq!(
        (value(&page, "valid_from"), value(&page, "valid_until")),
        (String::new(), "2026-12-24T18:00:00Z".into())
    );
    mia.post(&path, &days("", &value(&page, "valid_until"))).await.expect(303);
    let records = app.texts(
        "SELECT details AS v FROM audit_records WHERE action = \
        'batch.validity_adjusted' ORDER BY id",
    );
    assert_eq!(records.len(), 2, "{records:?}");
    for part in [
        "\"old_valid_from\":\"2026-09-30T23:00:00Z\"",
        "\"old_valid_until\":\"2027-01-01T00:00:00Z\"",
        "\"valid_until\":\"2026-12-24T18:00:00Z\"",
    ] {
        assert!(records[1].contains(part), "{part} is not in {}", records[1]);
    }
    assert!(!records[0].contains("old_"), "an open end is left out: {}", records[0]);
    assert_eq!(
        app.count(&format!(
            "audit_records WHERE action = 'batch.validity_adjusted' AND actor_kind \
            = 'user' AND batch_id = {batch}"
        )),
        2
    );
    app.sign_in(Role::Supervisor)
        .await
        .get("/m/acme/audit")
        .await
        .says("Validity adjusted: Spring");
}

#[both]
async fn what_is_wrong_is_said_at_the_field_and_the_form_is_kept(app: App) {
    let (batch, mia) = (app.batch("Spring"), app.sign_in(Role::Marketing).await);
    let path = validity_path(batch);
    let page = mia.post(&path, &days("2026-12-31", "2026-12-01")).await.expect(422);
    page.says("The end must be after the start.");
    assert_eq!(
        (value(&page, "valid_from"), value(&page, "valid_until")),
        ("2026-12-31".into(), "2026-12-01".into())
    );
    mia.post(&path, &days("2026-12-01", "2026-12-01")).await.expect(303);
    let page = mia.post(&path, &days("soon", "0001-01-01")).await.expect(422);
    page.says("This isn't a date").says("The year must be between 1900 and 9998.");
    assert_eq!(value(&page, "valid_from"), "soon");
    mia.post(&path, &Fields::default()).await.expect(400);
    assert_eq!(app.count("audit_records WHERE action = 'batch.validity_adjusted'"), 1);
    app.sign_in(Role::Support).await.post(&path, &days("", "")).await.expect(403);
    let globex = app.another_merchant("globex");
    let mut app = app;
    let theirs = app.world.inside(globex, |w| w.batch("Theirs"));
    for (from, until) in [("", ""), ("", "2020-01-01"), ("soon", "")] {
        mia.post(&validity_path(theirs), &days(from, until)).await.expect(404);
    }
}

#[both]
async fn a_batch_that_ended_gives_codes_again_once_its_end_is_moved(app: App) {
    let (scene, mia) = (app.scene(1), app.sign_in(Role::Marketing).await);
    mia.post(&validity_path(scene.batch), &days("", "2026-11-01")).await.expect(303);
    let path = app.reissue_path(scene.customer, scene.reward);
    mia.get(&path).await.expect(409).says("Adjust validity");
    let list = mia.get("/m/acme/batches").await;
    assert!(
        list.says("Expired").words().find("Run out").is_none(),
        "the time alone says why: {}",
        list.words()
    );
    mia.post(&validity_path(scene.batch), &days("", "2026-12-31")).await.expect(303);
    mia.dialog(&path).await;
    app.exec("UPDATE coupons SET state = 'withdrawn' WHERE state = 'available'");
    mia.get("/m/acme/batches").await.says("Run out");
}

/// Uses failpoints, which are the process's: `cargo test` runs these one after the other.
mod with_failpoints {
    use super::*;

    #[both]
    async fn a_validity_waits_for_the_reissue_that_relies_on_it(app: App) {
        let (scene, ann) = (app.scene(2), app.sign_in(Role::Marketing).await);
        let path = app.reissue_path(scene.customer, scene.reward);
        let form = ann.dialog(&path).await;
        let failpoints = fail::FailScenario::setup();
        let mut pause = pause_at("reissue::checked", Duration::from_millis(800));
        let clicker = ann.clone();
        let click = tokio::spawn(async move { clicker.post(&path, &form).await });
        pause.reached().await;
        ann.post(&validity_path(scene.batch), &days("", "2026-11-01")).await.expect(303);
        failpoints.teardown();
        click.await.unwrap().expect(303);
        let order = app.texts(
            "SELECT action AS v FROM audit_records WHERE action LIKE 'coupon.%' \
            OR action LIKE 'batch.%' ORDER BY id",
        );
        assert_eq!(
            order,
            ["coupon.reissued", "batch.validity_adjusted"],
            "the code was usable when it was given"
        );
    }

    #[both]
    async fn a_reissue_waits_for_the_validity_that_is_being_set(app: App) {
        let (scene, ann) = (app.scene(2), app.sign_in(Role::Marketing).await);
        let path = app.reissue_path(scene.customer, scene.reward);
        let form = ann.dialog(&path).await;
        let failpoints = fail::FailScenario::setup();
        let mut pause = pause_at("validity::before_commit", Duration::from_millis(800));
        let adjuster = ann.clone();
        let adjust = tokio::spawn(async move {
            adjuster.post(&validity_path(scene.batch), &days("", "2026-11-01")).await
        });
        pause.reached().await;
        let answer = ann.post_fragment(&path, &form).await;
        failpoints.teardown();
        adjust.await.unwrap().expect(303);
        answer.expect(409).says("Voucher batch empty");
        assert_eq!(app.count("reissues"), 0);
    }
}
