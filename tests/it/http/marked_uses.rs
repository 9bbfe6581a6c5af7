//! Mark as used: from the row and from the coupon's page, and what was counted twice or too early.

use chrono::TimeDelta;
use rewarddesk::domain::role::Role;

use super::coupon_acts::{act, details, row, value, with_capacity};
use crate::support::{App, client::Fields, world::usable};

#[both]
async fn marking_counts_one_use_and_writes_it_down(app: App) {
    let ((customer, reward, coupon), kim) =
        (with_capacity(&app, 2), app.sign_in(Role::Supervisor).await);
    let path = act(coupon, "use");
    let dialog = kim.get_fragment(&format!("{path}?from=profile")).await.expect(200);
    dialog.says("1 of 2 uses gone afterwards").says("In Europe/London");
    assert_eq!(value(&dialog, "redeemed_at"), "2026-11-23T12:00");
    let form =
        dialog.fields(&path).with("order_id", " O-77 ").with("redeemed_at", "2026-08-03T14:05");
    let done = kim.post_fragment(&path, &form).await.expect(200);
    done.says("Marked as used").says("GOOD-1: 1 of 2 uses gone.").says("Usable, 1 of 2 uses left");
    done.says("order O-77, used on 3 Aug 2026, 14:05 BST, 1 of 2 uses gone");
    assert_eq!(app.text("SELECT order_id FROM redemptions").as_deref(), Some("O-77"));
    assert_eq!(
        app.count(&format!(
            "redemptions WHERE redeemed_at = {}",
            app.sql(app.now - TimeDelta::days(112) + TimeDelta::minutes(65))
        )),
        1
    );
    // Sent twice, it counts once; opened again, it counts again, until no use is left.
    kim.post_fragment(&path, &form).await.expect(200);
    assert_eq!(app.number(&format!("SELECT redemptions FROM coupons WHERE id = {coupon}")), 1);
    app.desk.clock.advance(TimeDelta::seconds(30));
    kim.post_fragment(&path, &form)
        .await
        .expect(409)
        .says("Already counted")
        .says("order O-77, 3 Aug 2026, 14:05 BST");
    let other = form.clone().with("order_id", "O-79");
    kim.post_fragment(&path, &other)
        .await
        .expect(409)
        .says("Another use was counted after you opened this form: 1 of 2 uses gone.");
    let form = kim
        .get(&path)
        .await
        .fields(&path)
        .with("order_id", "O-77")
        .with("redeemed_at", "2026-08-03T14:05");
    // The same order at another time is the same use; so it is when somebody writes it otherwise,
    // or no use is left.
    for (order, at) in
        [("O-77", "2026-08-03T14:05"), ("O-77", "2026-08-04"), ("\u{200b}O-77\u{a0}", "")]
    {
        let form = form.clone().with("order_id", order).with("redeemed_at", at);
        kim.post(&path, &form)
            .await
            .expect(409)
            .says("Already counted")
            .says("order O-77, 3 Aug 2026, 14:05 BST")
            .says("Each order counts once");
    }
    kim.post(&path, &form.with("order_id", "O-78")).await.expect(303);
    kim.post(&path, &Fields::default().with("order_id", "O-77"))
        .await
        .expect(409)
        .says("order O-77, 3 Aug 2026, 14:05 BST");
    for page in [kim.post(&path, &Fields::default()).await, kim.get_fragment(&path).await] {
        page.expect(409).says("No uses left").says("2 of 2 uses gone.").says("Last use: order O-7");
    }
    assert_eq!(
        (
            app.count("redemptions"),
            app.number(&format!("SELECT redemptions FROM coupons WHERE id = {coupon}"))
        ),
        (2, 2)
    );
    let record = details(&app, "coupon.marked_used").remove(0);
    for part in [
        "\"code\":\"GOOD-1\"",
        "\"order_id\":\"O-77\"",
        "\"redeemed_at\":\"2026-08-03T13:05:00Z\"",
        "\"uses_gone\":1",
    ] {
        assert!(record.contains(part), "{part} is not in {record}");
    }
    assert_eq!(
        app.count(&format!(
            "audit_records WHERE action = 'coupon.marked_used' AND customer \
        = {customer} AND reward = {reward}"
        )),
        2
    );
    let profile = kim.get(&format!("/m/acme/customers/{customer}")).await;
    assert!(!profile.row("R-1").contains(&path), "nothing is left to mark");
    kim.dialog(&app.reissue_path(customer, reward)).await;
}

#[both]
async fn a_use_lies_not_in_the_future_and_left_empty_it_is_now(app: App) {
    let ((_, _, coupon), kim) = (with_capacity(&app, 9), app.sign_in(Role::Supervisor).await);
    let path = act(coupon, "use");
    let at = |text: &str| Fields::default().with("redeemed_at", text);
    for (text, words) in [
        ("2026-11-23T12:06", "This is in the future; it is now 23 Nov 2026, 12:00 GMT"),
        ("2027-01-01", "This is in the future"),
        ("2026-11-23T12:05:01Z", "This is in the future"),
        ("soon", "This isn't a date"),
        ("2026-03-29T01:30", "The clocks went forward at that moment"),
        ("0001-01-01T00:00", "The year must be between 1900 and 9998"),
        ("\0", "This isn't a date"),
    ] {
        for page in [kim.post(&path, &at(text)).await, kim.post_fragment(&path, &at(text)).await] {
            let page = page.expect(422);
            page.says(words);
            assert_eq!(value(&page, "redeemed_at"), text);
        }
    }
    kim.post(&path, &at("").with("order_id", "a\nb")).await.expect(422).says("one line");
    kim.post(&path, &at("").with("order_id", &"x".repeat(256)))
        .await
        .expect(422)
        .says("256 characters");
    assert_eq!(app.count("redemptions"), 0);
    app.desk.clock.advance(TimeDelta::seconds(17));
    for text in ["", "2026-11-23T12:00"] {
        kim.post(&path, &at(text).with("order_id", &format!("O{text}"))).await.expect(303);
    }
    kim.post(&path, &at("2026-11-22").with("order_id", "day")).await.expect(303);
    // Clocks differ by some minutes.
    kim.post(&path, &at("2026-11-23T12:05").with("order_id", "ahead")).await.expect(303);
    assert_eq!(
        app.count(&format!("redemptions WHERE redeemed_at = {}", app.sql(app.now()))),
        2,
        "this very minute is now"
    );
    assert_eq!(
        app.count(&format!(
            "redemptions WHERE redeemed_at = {}",
            app.sql(app.now - TimeDelta::hours(36))
        )),
        1
    );
}

#[both]
async fn a_use_before_the_hand_out_is_told_at_the_row_and_the_coupon(app: App) {
    let ((customer, _, coupon), kim) =
        (with_capacity(&app, 1), app.sign_in(Role::Supervisor).await);
    let path = act(coupon, "use");
    // R-1 was issued thirty days ago, on 24 October.
    kim.post(
        &path,
        &Fields::default().with("order_id", "O-12").with("redeemed_at", "2026-10-01T10:00"),
    )
    .await
    .expect(303);
    let said = "Used before the customer had it (order O-12, 1 Oct 2026, 10:00 BST), so someone \
                else had this code. Handed out 24 Oct 2026";
    assert!(row(&kim, customer).await.contains(said), "{}", row(&kim, customer).await);
    kim.get(&format!("/m/acme/coupons/{coupon}"))
        .await
        .says(said)
        .says("O-12 before it was handed out");
    // On the day before it may be the same day, told as a date.
    let (_, other) =
        app.reward_with(customer, app.number("SELECT id FROM batches"), "R-2", &usable("GOOD-2"));
    kim.post(&act(other, "use"), &Fields::default().with("redeemed_at", "2026-10-24"))
        .await
        .expect(303);
    assert!(!kim.get(&format!("/m/acme/coupons/{other}")).await.words().contains("before"));
}

#[both]
async fn an_order_counted_twice_before_is_told_at_row_and_coupon(app: App) {
    let ((customer, _, coupon), kim) =
        (with_capacity(&app, 2), app.sign_in(Role::Supervisor).await);
    let at = |days| app.now - TimeDelta::days(days);
    let first = app.insert(
        "redemptions",
        crate::row! { merchant_id: app.merchant, coupon_id: coupon, redeemed_at: at(3), order_id: "O-77", created_at: app.now },
    );
    // As an upgrade from an earlier version has left it.
    app.insert("repeated_redemptions", crate::row! { id: 900, merchant_id: app.merchant, coupon_id: coupon, first_id: first, redeemed_at: at(4), order_id: "O-77", created_at: app.now });
    app.exec(&format!("UPDATE coupons SET redemptions = 2 WHERE id = {coupon}"));
    let said = "1 use may have been counted twice: the same order was reported again.";
    let shown = row(&kim, customer).await;
    assert!(
        shown.contains(said) && shown.contains("Coupon still has capacity 1 of 2 uses left"),
        "{shown}"
    );
    let page = kim.get(&format!("/m/acme/coupons/{coupon}")).await;
    page.says(said)
        .says("Order O-77 the same order, reported again 19 Nov 2026")
        .says("Order O-77 20 Nov 2026");
    assert!(!page.words().contains("aren't recorded here"));
}
