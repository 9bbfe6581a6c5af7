//! Bar, unbar and mark as used: from the row and from the coupon's page, each with its record, and
//! every refusal.

use chrono::TimeDelta;
use rewarddesk::domain::role::Role;

use crate::support::{
    App, Client,
    client::Fields,
    page::Page,
    world::{NewCoupon, barred, usable},
};

pub(super) fn act(coupon: i64, act: &str) -> String {
    format!("/m/acme/coupons/{coupon}/{act}")
}

pub(super) fn why(reason: &str) -> Fields {
    Fields::default().with("reason", reason)
}

/// The profile's row of R-1.
pub(super) async fn row(who: &Client, customer: i64) -> String {
    crate::support::page::words(&who.get(&format!("/m/acme/customers/{customer}")).await.row("R-1"))
}

/// Jo Smith's reward R-1 with GOOD-1, of which `uses` are allowed, and two fresh codes in its
/// batch.
pub(super) fn with_capacity(app: &App, uses: i64) -> (i64, i64, i64) {
    let (customer, batch) =
        (app.customer(&crate::support::world::Person::default()), app.batch("Spring"));
    let (reward, coupon) = app.reward_with(
        customer,
        batch,
        "R-1",
        &NewCoupon { max_redemptions: uses, ..usable("GOOD-1") },
    );
    app.fresh(batch, 2);
    (customer, reward, coupon)
}

pub(super) fn details(app: &App, action: &str) -> Vec<String> {
    app.texts(&format!(
        "SELECT details AS v FROM audit_records WHERE action = '{action}' ORDER BY id"
    ))
}

/// The value in the field of that name.
pub(super) fn value(page: &Page, name: &str) -> String {
    let tags = page.tags();
    let field = tags
        .iter()
        .find(|t| t.name == "input" && t.get("name") == Some(name))
        .expect("the field is there");
    field.get("value").unwrap_or_default().to_owned()
}

#[both]
async fn barring_in_the_row_makes_a_reissue_available(app: App) {
    let ((customer, reward, coupon), kim) =
        (with_capacity(&app, 1), app.sign_in(Role::Supervisor).await);
    let profile = kim.get(&format!("/m/acme/customers/{customer}")).await;
    let link = format!("href=\"{}?from=profile\"", act(coupon, "bar"));
    assert_eq!(profile.row("R-1").matches(&link).count(), 1, "the refusal's next step, once");
    profile.says("Coupon still has capacity").says("View the coupon").says("Bar this coupon");
    let dialog =
        kim.get_fragment(&format!("{}?from=profile", act(coupon, "bar"))).await.expect(200);
    dialog.says("Jo Smith").says("20 off").says("GOOD-1").says("so the reward can be reissued");
    let form = dialog.fields(&act(coupon, "bar")).with("reason", "  leaked online ");
    let done = kim.post_fragment(&act(coupon, "bar"), &form).await.expect(200);
    assert!(done.body.contains("data-fresh"), "the row is fresh");
    done.says("Barred by Casey Customer Support Supervisor: leaked online 23 Nov 2026, 12:00 GMT")
        .says("Coupon barred");
    assert!(
        done.row("R-1").contains(&format!("href=\"{}\"", app.reissue_path(customer, reward))),
        "Reissue is a link now"
    );
    assert_eq!(
        app.text(&format!("SELECT barred_reason FROM coupons WHERE id = {coupon}")).as_deref(),
        Some("leaked online")
    );
    assert_eq!(
        app.count(&format!(
            "coupons WHERE id = {coupon} AND changed_at = barred_at AND barred_by IS NOT NULL"
        )),
        1
    );
    let record = details(&app, "coupon.barred").remove(0);
    assert!(
        record.contains("\"code\":\"GOOD-1\"") && record.contains("\"reason\":\"sealed1."),
        "{record}"
    );
    let who = format!(
        "audit_records WHERE action = 'coupon.barred' AND customer = {customer} AND reward = \
         {reward} AND request_id IS NOT NULL"
    );
    assert_eq!(app.count(&who), 1);
    let profile = kim.get(&format!("/m/acme/customers/{customer}")).await;
    profile.says("Coupon barred GOOD-1 Reward R-1, leaked online");
    kim.get("/m/acme/audit").await.says("Coupon barred GOOD-1");
    let path = app.reissue_path(customer, reward);
    let form = kim.dialog(&path).await;
    kim.post(&path, &form).await.expect(303);
    kim.get(&format!("/m/acme/coupons/{coupon}"))
        .await
        .says("Replaced by you")
        .says("Barred by Casey")
        .says("History")
        .says("Coupon barred Reward R-1, leaked online");
}

#[both]
async fn without_a_script_one_comes_back_to_where_the_link_was(app: App) {
    let ((customer, reward, coupon), kim) =
        (with_capacity(&app, 2), app.sign_in(Role::Supervisor).await);
    let path = act(coupon, "bar");
    let form = kim
        .get(&format!("{path}?from=profile"))
        .await
        .expect(200)
        .fields(&path)
        .with("reason", "leaked");
    let answer = kim.post(&path, &form).await.expect(303);
    let target = answer.header("Location").to_owned();
    assert!(
        target.starts_with(&format!("/m/acme/customers/{customer}?done=coupon-"))
            && target.ends_with(&format!("#reward-{reward}")),
        "{target}"
    );
    kim.get(&target).await.says("Coupon barred GOOD-1 counts as unusable from now on.");
    // Somebody else's browser is not told so.
    let ann = app.sign_in(Role::Administrator).await;
    assert!(!ann.get(&target).await.words().contains("counts as unusable"));
    for (verb, field, words) in [
        ("unbar", "reason", "GOOD-1 is no longer barred."),
        ("use", "order_id", "GOOD-1: 1 of 2 uses gone."),
    ] {
        let path = act(coupon, verb);
        let page = kim.get(&path).await.expect(200);
        assert!(page.body.contains("id=\"act-title\"") && !page.body.contains("name=\"from\""));
        let answer = kim.post(&path, &page.fields(&path).with(field, "O-77")).await.expect(303);
        assert!(
            answer.header("Location").starts_with(&format!("/m/acme/coupons/{coupon}?done=")),
            "{}",
            answer.header("Location")
        );
        kim.get(answer.header("Location")).await.expect(200).says(words);
    }
    kim.get(&format!("/m/acme/coupons/{coupon}"))
        .await
        .says("History")
        .says("order O-77, used on 23 Nov 2026, 12:00 GMT, 1 of 2 uses gone");
    let record = details(&app, "coupon.unbarred").remove(0);
    for part in [
        "\"barred_reason\":\"sealed1.",
        "\"barred_at\":\"2026-11-23T12:00:00Z\"",
        "\"barred_by\":",
        "\"reason\":\"sealed1.",
    ] {
        assert!(record.contains(part), "{part} is not in {record}");
    }
}

#[both]
async fn barring_twice_tells_the_facts_and_changes_nothing(app: App) {
    let ((customer, _, coupon), kim) =
        (with_capacity(&app, 1), app.sign_in(Role::Supervisor).await);
    app.user_called("ann@desk.example", "Ann Lee", Role::Supervisor);
    let ann = app.client().signed_in("ann@desk.example").await;
    kim.post(&act(coupon, "bar"), &why("leaked")).await.expect(303);
    app.desk.clock.advance(TimeDelta::seconds(8));
    for page in [
        ann.post(&act(coupon, "bar"), &why("stolen")).await,
        ann.post_fragment(&act(coupon, "bar"), &why("leaked")).await,
        ann.get(&act(coupon, "bar")).await,
        ann.get_fragment(&act(coupon, "bar")).await,
    ] {
        page.expect(409).says("Already barred").says(
            "Barred 8 seconds ago by Casey Customer Support Supervisor, on 23 Nov 2026, \
                12:00 GMT: leaked.",
        );
    }
    // The same form again, by the same user, at once: it went through. Later, or with another
    // reason: the facts.
    kim.post(&act(coupon, "bar"), &why(" leaked ")).await.expect(303);
    assert!(
        kim.post_fragment(&act(coupon, "bar"), &why("leaked").with("from", "profile"))
            .await
            .expect(200)
            .words()
            .contains("Coupon barred")
    );
    kim.post(&act(coupon, "bar"), &why("stolen")).await.expect(409);
    app.desk.clock.advance(TimeDelta::seconds(60));
    kim.post(&act(coupon, "bar"), &why("leaked"))
        .await
        .expect(409)
        .says("It went through the first time; nothing more was done.")
        .says("by you");
    assert_eq!(details(&app, "coupon.barred").len(), 1);
    assert!(row(&kim, customer).await.contains("leaked"));

    kim.post(&act(coupon, "unbar"), &why("a mistake")).await.expect(303);
    app.desk.clock.advance(TimeDelta::seconds(3));
    kim.post(&act(coupon, "unbar"), &why("a mistake")).await.expect(303);
    for page in [
        ann.post(&act(coupon, "unbar"), &why("a mistake")).await,
        ann.get_fragment(&act(coupon, "unbar")).await,
    ] {
        page.expect(409)
            .says("Not barred")
            .says("Unbarred 3 seconds ago by Casey Customer Support Supervisor")
            .says(": a mistake.");
    }
    assert_eq!(details(&app, "coupon.unbarred").len(), 1);
    assert_eq!(
        app.count(&format!(
            "coupons WHERE id = {coupon} AND barred_at IS NULL AND barred_by IS NULL AND \
             barred_reason IS NULL AND changed_at IS NOT NULL"
        )),
        1
    );
    let fresh = app.number("SELECT min(id) FROM coupons WHERE state = 'available'");
    ann.post(&act(fresh, "unbar"), &why("x"))
        .await
        .expect(409)
        .says("This coupon isn't barred, so there is nothing to undo.");
}

#[both]
async fn a_reason_is_one_line_of_255_characters_at_most(app: App) {
    let ((_, _, coupon), kim) = (with_capacity(&app, 1), app.sign_in(Role::Supervisor).await);
    let long = "x".repeat(256);
    for (reason, words) in [
        ("", "Enter a reason"),
        (" \t ", "Enter a reason"),
        (long.as_str(), "This has 256 characters; at most 255 are allowed"),
        ("a\nb", "one line"),
        ("a\0b", "one line"),
        ("a\u{202e}b", "one line"),
    ] {
        for page in [
            kim.post(&act(coupon, "bar"), &why(reason)).await,
            kim.post_fragment(&act(coupon, "bar"), &why(reason)).await,
        ] {
            let page = page.expect(422);
            page.says(words);
            assert!(page.body.contains("aria-invalid=\"true\" autofocus"), "{}", page.body);
            assert_eq!(value(&page, "reason").trim(), reason.trim(), "what was typed is kept");
        }
    }
    kim.post(&act(coupon, "bar"), &Fields::default()).await.expect(422);
    assert_eq!(app.count("coupons WHERE barred_at IS NOT NULL"), 0);
    kim.post(&act(coupon, "bar"), &why(&"é".repeat(255))).await.expect(303);
    kim.post(&act(coupon, "unbar"), &why("")).await.expect(422).says("Enter a reason");
    assert_eq!(app.count("coupons WHERE barred_at IS NOT NULL"), 1);
}

#[both]
async fn it_works_in_every_state_but_for_what_was_withdrawn(app: App) {
    let (scene, kim) = (app.scene(3), app.sign_in(Role::Supervisor).await);
    let path = app.reissue_path(scene.customer, scene.reward);
    let form = kim.dialog(&path).await;
    kim.post(&path, &form).await.expect(303);
    let withdrawn = app.number("SELECT max(id) FROM coupons WHERE state = 'available'");
    app.exec(&format!("UPDATE coupons SET state = 'withdrawn' WHERE id = {withdrawn}"));
    let in_stock = app.number("SELECT min(id) FROM coupons WHERE state = 'available'");
    for coupon in [scene.old, in_stock] {
        kim.post(&act(coupon, "bar"), &why("stolen")).await.expect(303);
        // Its customer has another code: a replaced one stays barred.
        let replaced = coupon == scene.old;
        kim.post(&act(coupon, "unbar"), &why("found")).await.expect(if replaced {
            409
        } else {
            303
        });
        let done = kim.post(&act(coupon, "use"), &Fields::default()).await.expect(303);
        let page = kim.get(done.header("Location")).await;
        page.says("1 of 1 use gone.").says("Coupon marked as used").says("Coupon barred");
        assert_eq!(page.words().contains("Coupon unbarred"), !replaced);
    }
    let of_the_old = format!(
        "audit_records WHERE action LIKE 'coupon.%' AND customer = {} AND reward = {}",
        scene.customer, scene.reward
    );
    assert_eq!(app.count(&of_the_old), 3, "the reissue and two acts on the replaced one");
    assert_eq!(
        app.count(
            "audit_records WHERE action = 'coupon.barred' AND customer IS NULL AND \
        batch_id IS NOT NULL"
        ),
        1
    );
    assert_eq!(app.count("coupons WHERE state = 'available' AND redemptions = 1"), 1);
    let page = kim.get(&format!("/m/acme/coupons/{withdrawn}")).await;
    assert!(!page.words().contains("Bar coupon") && !page.words().contains("Mark as used"));
    for verb in ["bar", "unbar", "use"] {
        kim.post(&act(withdrawn, verb), &why("x"))
            .await
            .expect(409)
            .says("Withdrawn from stock")
            .says("nobody can get or use it");
        kim.get(&act(withdrawn, verb)).await.expect(409);
    }
    // In stock there is no row to answer with.
    let other = app.coupon(scene.batch, &usable("STOCK-9"));
    let answer = kim.post_fragment(&act(other, "bar"), &why("x")).await.expect(200);
    assert!(answer.header("HX-Redirect").starts_with(&format!("/m/acme/coupons/{other}?done=")));
    kim.post_fragment(&act(other, "bar"), &why("y")).await.expect(409).says("Already barred");
    // The log leads to it.
    assert!(
        kim.get("/m/acme/audit").await.body.contains(&format!("href=\"/m/acme/coupons/{other}\""))
    );
}

#[both]
async fn support_sees_the_facts_and_no_act(app: App) {
    let (scene, sam) = (app.scene(1), app.sign_in(Role::Support).await);
    app.reward_with(scene.customer, scene.batch, "R-2", &usable("GOOD-1"));
    let (_, bad) = app.reward_with(scene.customer, scene.batch, "R-3", &barred("BAD-1"));
    for path in [format!("/m/acme/customers/{}", scene.customer), format!("/m/acme/coupons/{bad}")]
    {
        let page = sam.get(&path).await.expect(200);
        page.says("Barred: reported stolen");
        for word in [
            "Bar this coupon",
            "Bar coupon",
            "Unbar coupon",
            "Mark as used",
            "/unbar",
            "/bar",
            "/use",
        ] {
            assert!(!page.body.contains(word), "{word} is on {path}");
        }
    }
    for verb in ["bar", "unbar", "use"] {
        sam.get(&act(bad, verb)).await.expect(403);
        sam.post(&act(bad, verb), &why("x")).await.expect(403);
    }
    let kim = app.sign_in(Role::Supervisor).await;
    let profile = kim.get(&format!("/m/acme/customers/{}", scene.customer)).await;
    assert!(
        profile.row("R-3").contains("Unbar coupon") && !profile.row("R-3").contains("Bar coupon<")
    );
    assert!(
        profile.row("R-1").contains("Bar coupon") && profile.row("R-1").contains("Mark as used"),
        "also of an expired one"
    );
    // A role that is lost between the click and the act.
    app.exec("UPDATE memberships SET role = 'support'");
    kim.post(&act(bad, "unbar"), &why("x")).await.expect(403);
    assert_eq!(app.count("audit_records WHERE action LIKE 'coupon.%'"), 0);
}

#[both]
async fn who_is_signed_out_in_the_middle_comes_back_to_the_coupon(app: App) {
    let (scene, nobody) = (app.scene(1), app.client());
    let answer = nobody.get(&format!("{}?from=profile", act(scene.old, "bar"))).await.expect(303);
    assert_eq!(
        answer.header("Location"),
        format!("/sign-in?return_to=/m/acme/coupons/{}", scene.old)
    );
}

#[both]
async fn a_used_code_in_stock_and_a_barred_one_are_never_handed_out(app: App) {
    let (scene, kim) = (app.scene(2), app.sign_in(Role::Supervisor).await);
    let stock: Vec<i64> = app
        .texts("SELECT id AS v FROM coupons WHERE state = 'available' ORDER BY id")
        .iter()
        .map(|id| id.parse().unwrap())
        .collect();
    kim.post(&act(stock[0], "use"), &Fields::default()).await.expect(303);
    kim.post(&act(stock[1], "bar"), &why("seen in a forum")).await.expect(303);
    kim.get(&format!("/m/acme/batches/{}", scene.batch)).await.says("0 left");
    kim.get(&app.reissue_path(scene.customer, scene.reward))
        .await
        .expect(409)
        .says("2 codes left that can't be used: 1 barred, 1 already redeemed.");
    kim.post(&act(stock[1], "unbar"), &why("it was another one")).await.expect(303);
    kim.get(&format!("/m/acme/batches/{}", scene.batch)).await.says("1 left");
}

#[both]
async fn a_replaced_coupon_stays_barred(app: App) {
    let (customer, batch, kim) = (
        app.customer(&crate::support::world::Person::default()),
        app.batch("Spring"),
        app.sign_in(Role::Supervisor).await,
    );
    let (reward, coupon) = app.reward_with(customer, batch, "R-1", &barred("BAD-1"));
    app.fresh(batch, 1);
    let path = app.reissue_path(customer, reward);
    let form = kim.dialog(&path).await;
    kim.post(&path, &form).await.expect(303);
    let page = kim.get(&format!("/m/acme/coupons/{coupon}")).await;
    assert!(!page.body.contains(&act(coupon, "unbar")), "no way leads there");
    for page in [
        kim.get(&act(coupon, "unbar")).await,
        kim.get_fragment(&act(coupon, "unbar")).await,
        kim.post(&act(coupon, "unbar"), &why("x")).await,
        kim.post_fragment(&act(coupon, "unbar"), &why("x")).await,
    ] {
        page.expect(409)
            .says("Replaced")
            .says("This coupon was replaced and its customer has the new code.");
    }
    assert_eq!(app.count(&format!("coupons WHERE id = {coupon} AND barred_at IS NOT NULL")), 1);
    // Nor does a later end of its batch make it usable.
    app.exec(&format!(
        "UPDATE batches SET valid_until = {} WHERE id = {batch}",
        app.sql(rewarddesk::db::instant::no_end())
    ));
    assert!(!kim.get(&format!("/m/acme/coupons/{coupon}")).await.words().contains("Usable"));
}
