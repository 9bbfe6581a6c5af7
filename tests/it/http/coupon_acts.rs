//! Bar, unbar and mark as used: from the row and from the coupon's page, each with its record, and every refusal.

use chrono::TimeDelta;
use rewarddesk::domain::role::Role;

use crate::support::{
    App, Client,
    client::Fields,
    page::Page,
    world::{NewCoupon, barred, usable},
};

fn act(coupon: i64, act: &str) -> String {
    format!("/m/acme/coupons/{coupon}/{act}")
}

fn why(reason: &str) -> Fields {
    Fields::default().with("reason", reason)
}

/// The profile's row of R-1.
async fn row(who: &Client, customer: i64) -> String {
    crate::support::page::words(&who.get(&format!("/m/acme/customers/{customer}")).await.row("R-1"))
}

/// Jo Smith's reward R-1 with GOOD-1, of which `uses` are allowed, and two fresh codes in its batch.
fn with_capacity(app: &App, uses: i64) -> (i64, i64, i64) {
    let (customer, batch) = (app.customer(&crate::support::world::Person::default()), app.batch("Spring"));
    let (reward, coupon) = app.reward_with(customer, batch, "R-1", &NewCoupon { max_redemptions: uses, ..usable("GOOD-1") });
    app.fresh(batch, 2);
    (customer, reward, coupon)
}

fn details(app: &App, action: &str) -> Vec<String> {
    app.texts(&format!("SELECT details AS v FROM audit_records WHERE action = '{action}' ORDER BY id"))
}

/// The value in the field of that name.
fn value(page: &Page, name: &str) -> String {
    let tags = page.tags();
    let field = tags.iter().find(|t| t.name == "input" && t.get("name") == Some(name)).expect("the field is there");
    field.get("value").unwrap_or_default().to_owned()
}

both! {
    async fn barring_in_the_row_makes_a_reissue_available(app: App) {
        let ((customer, reward, coupon), kim) = (with_capacity(&app, 1), app.sign_in(Role::Supervisor).await);
        let profile = kim.get(&format!("/m/acme/customers/{customer}")).await;
        let link = format!("href=\"{}?from=profile\"", act(coupon, "bar"));
        assert_eq!(profile.row("R-1").matches(&link).count(), 1, "the refusal's next step, once");
        profile.says("Coupon still has capacity").says("View the coupon").says("Bar this coupon");
        let dialog = kim.get_fragment(&format!("{}?from=profile", act(coupon, "bar"))).await.expect(200);
        dialog.says("Jo Smith").says("20 off").says("GOOD-1").says("so the reward can be reissued");
        let form = dialog.fields(&act(coupon, "bar")).with("reason", "  leaked online ");
        let done = kim.post_fragment(&act(coupon, "bar"), &form).await.expect(200);
        assert!(done.body.contains("data-fresh"), "the row is fresh");
        done.says("Barred by Casey Customer Support Supervisor: leaked online 23 Nov 2026, 12:00 GMT").says("Coupon barred");
        assert!(done.row("R-1").contains(&format!("href=\"{}\"", app.reissue_path(customer, reward))), "Reissue is a link now");
        assert_eq!(app.text(&format!("SELECT barred_reason FROM coupons WHERE id = {coupon}")).as_deref(), Some("leaked online"));
        assert_eq!(app.count(&format!("coupons WHERE id = {coupon} AND changed_at = barred_at AND barred_by IS NOT NULL")), 1);
        let record = details(&app, "coupon.barred").remove(0);
        assert!(record.contains("\"code\":\"GOOD-1\"") && record.contains("\"reason\":\"sealed1."), "{record}");
        let who = format!("audit_records WHERE action = 'coupon.barred' AND customer = {customer} AND reward = {reward} AND request_id IS NOT NULL");
        assert_eq!(app.count(&who), 1);
        let profile = kim.get(&format!("/m/acme/customers/{customer}")).await;
        profile.says("Coupon barred GOOD-1 Reward R-1, leaked online");
        kim.get("/m/acme/audit").await.says("Coupon barred GOOD-1");
        let path = app.reissue_path(customer, reward);
        let form = kim.dialog(&path).await;
        kim.post(&path, &form).await.expect(303);
        kim.get(&format!("/m/acme/coupons/{coupon}")).await.says("Replaced by you").says("Barred by Casey").says("History").says("Coupon barred Reward R-1, leaked online");
    }

    async fn without_a_script_one_comes_back_to_where_the_link_was(app: App) {
        let ((customer, reward, coupon), kim) = (with_capacity(&app, 2), app.sign_in(Role::Supervisor).await);
        let path = act(coupon, "bar");
        let form = kim.get(&format!("{path}?from=profile")).await.expect(200).fields(&path).with("reason", "leaked");
        let answer = kim.post(&path, &form).await.expect(303);
        let target = answer.header("Location").to_owned();
        assert!(target.starts_with(&format!("/m/acme/customers/{customer}?done=coupon-")) && target.ends_with(&format!("#reward-{reward}")), "{target}");
        kim.get(&target).await.says("Coupon barred GOOD-1 counts as unusable from now on.");
        // Somebody else's browser is not told so.
        let ann = app.sign_in(Role::Administrator).await;
        assert!(!ann.get(&target).await.words().contains("counts as unusable"));
        for (verb, field, words) in [("unbar", "reason", "GOOD-1 is no longer barred."), ("use", "order_id", "GOOD-1: 1 of 2 uses gone.")] {
            let path = act(coupon, verb);
            let page = kim.get(&path).await.expect(200);
            assert!(page.body.contains("id=\"act-title\"") && !page.body.contains("name=\"from\""));
            let answer = kim.post(&path, &page.fields(&path).with(field, "O-77")).await.expect(303);
            assert!(answer.header("Location").starts_with(&format!("/m/acme/coupons/{coupon}?done=")), "{}", answer.header("Location"));
            kim.get(answer.header("Location")).await.expect(200).says(words);
        }
        kim.get(&format!("/m/acme/coupons/{coupon}")).await.says("History").says("order O-77, used on 23 Nov 2026, 12:00 GMT, 1 of 2 uses gone");
        let record = details(&app, "coupon.unbarred").remove(0);
        for part in ["\"barred_reason\":\"sealed1.", "\"barred_at\":\"2026-11-23T12:00:00Z\"", "\"barred_by\":", "\"reason\":\"sealed1."] {
            assert!(record.contains(part), "{part} is not in {record}");
        }
    }

    async fn barring_what_is_barred_is_told_with_the_facts_and_changes_nothing(app: App) {
        let ((customer, _, coupon), kim) = (with_capacity(&app, 1), app.sign_in(Role::Supervisor).await);
        app.user_called("ann@desk.example", "Ann Lee", Role::Supervisor);
        let ann = app.client().signed_in("ann@desk.example").await;
        kim.post(&act(coupon, "bar"), &why("leaked")).await.expect(303);
        app.desk.clock.advance(TimeDelta::seconds(8));
        for page in [ann.post(&act(coupon, "bar"), &why("stolen")).await, ann.post_fragment(&act(coupon, "bar"), &why("leaked")).await, ann.get(&act(coupon, "bar")).await, ann.get_fragment(&act(coupon, "bar")).await] {
            page.expect(409).says("Already barred").says("Barred 8 seconds ago by Casey Customer Support Supervisor, on 23 Nov 2026, 12:00 GMT: leaked.");
        }
        // The same form again, by the same user, at once: it went through. Later, or with another reason: the facts.
        kim.post(&act(coupon, "bar"), &why(" leaked ")).await.expect(303);
        assert!(kim.post_fragment(&act(coupon, "bar"), &why("leaked").with("from", "profile")).await.expect(200).words().contains("Coupon barred"));
        kim.post(&act(coupon, "bar"), &why("stolen")).await.expect(409);
        app.desk.clock.advance(TimeDelta::seconds(60));
        kim.post(&act(coupon, "bar"), &why("leaked")).await.expect(409).says("It went through; nothing more was done.").says("by you");
        assert_eq!(details(&app, "coupon.barred").len(), 1);
        assert!(row(&kim, customer).await.contains("leaked"));

        kim.post(&act(coupon, "unbar"), &why("a mistake")).await.expect(303);
        app.desk.clock.advance(TimeDelta::seconds(3));
        kim.post(&act(coupon, "unbar"), &why("a mistake")).await.expect(303);
        for page in [ann.post(&act(coupon, "unbar"), &why("a mistake")).await, ann.get_fragment(&act(coupon, "unbar")).await] {
            page.expect(409).says("Not barred").says("Unbarred 3 seconds ago by Casey Customer Support Supervisor").says(": a mistake.");
        }
        assert_eq!(details(&app, "coupon.unbarred").len(), 1);
        assert_eq!(app.count(&format!("coupons WHERE id = {coupon} AND barred_at IS NULL AND barred_by IS NULL AND barred_reason IS NULL AND changed_at IS NOT NULL")), 1);
        let fresh = app.number("SELECT min(id) FROM coupons WHERE state = 'available'");
        ann.post(&act(fresh, "unbar"), &why("x")).await.expect(409).says("Nothing keeps this coupon barred.");
    }

    async fn a_reason_is_one_line_of_255_characters_at_most(app: App) {
        let ((_, _, coupon), kim) = (with_capacity(&app, 1), app.sign_in(Role::Supervisor).await);
        let long = "x".repeat(256);
        for (reason, words) in [("", "Give a reason"), (" \t ", "Give a reason"), (long.as_str(), "This has 256 characters; 255 at most"), ("a\nb", "one line"), ("a\0b", "one line"), ("a\u{202e}b", "one line")] {
            for page in [kim.post(&act(coupon, "bar"), &why(reason)).await, kim.post_fragment(&act(coupon, "bar"), &why(reason)).await] {
                let page = page.expect(422);
                page.says(words);
                assert!(page.body.contains("aria-invalid=\"true\" autofocus"), "{}", page.body);
                assert_eq!(value(&page, "reason").trim(), reason.trim(), "what was typed is kept");
            }
        }
        kim.post(&act(coupon, "bar"), &Fields::default()).await.expect(422);
        assert_eq!(app.count("coupons WHERE barred_at IS NOT NULL"), 0);
        kim.post(&act(coupon, "bar"), &why(&"é".repeat(255))).await.expect(303);
        kim.post(&act(coupon, "unbar"), &why("")).await.expect(422).says("Give a reason");
        assert_eq!(app.count("coupons WHERE barred_at IS NOT NULL"), 1);
    }

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
            kim.post(&act(coupon, "unbar"), &why("found")).await.expect(if replaced { 409 } else { 303 });
            let done = kim.post(&act(coupon, "use"), &Fields::default()).await.expect(303);
            let page = kim.get(done.header("Location")).await;
            page.says("1 of 1 use gone.").says("Coupon marked as used").says("Coupon barred");
            assert_eq!(page.words().contains("Coupon unbarred"), !replaced);
        }
        let of_the_old = format!("audit_records WHERE action LIKE 'coupon.%' AND customer = {} AND reward = {}", scene.customer, scene.reward);
        assert_eq!(app.count(&of_the_old), 3, "the reissue and two acts on the replaced one");
        assert_eq!(app.count("audit_records WHERE action = 'coupon.barred' AND customer IS NULL AND batch_id IS NOT NULL"), 1);
        assert_eq!(app.count("coupons WHERE state = 'available' AND redemptions = 1"), 1);
        let page = kim.get(&format!("/m/acme/coupons/{withdrawn}")).await;
        assert!(!page.words().contains("Bar coupon") && !page.words().contains("Mark as used"));
        for verb in ["bar", "unbar", "use"] {
            kim.post(&act(withdrawn, verb), &why("x")).await.expect(409).says("Withdrawn from stock").says("nobody can have or use it");
            kim.get(&act(withdrawn, verb)).await.expect(409);
        }
        // In stock there is no row to answer with.
        let other = app.coupon(scene.batch, &usable("STOCK-9"));
        let answer = kim.post_fragment(&act(other, "bar"), &why("x")).await.expect(200);
        assert!(answer.header("HX-Redirect").starts_with(&format!("/m/acme/coupons/{other}?done=")));
        kim.post_fragment(&act(other, "bar"), &why("y")).await.expect(409).says("Already barred");
        // The log leads to it.
        assert!(kim.get("/m/acme/audit").await.body.contains(&format!("href=\"/m/acme/coupons/{other}\"")));
    }

    async fn marking_counts_one_use_and_writes_it_down(app: App) {
        let ((customer, reward, coupon), kim) = (with_capacity(&app, 2), app.sign_in(Role::Supervisor).await);
        let path = act(coupon, "use");
        let dialog = kim.get_fragment(&format!("{path}?from=profile")).await.expect(200);
        dialog.says("1 of 2 uses gone after it").says("In Europe/London");
        assert_eq!(value(&dialog, "redeemed_at"), "2026-11-23T12:00");
        let form = dialog.fields(&path).with("order_id", " O-77 ").with("redeemed_at", "2026-08-03T14:05");
        let done = kim.post_fragment(&path, &form).await.expect(200);
        done.says("Marked as used").says("GOOD-1: 1 of 2 uses gone.").says("Usable, 1 of 2 uses left");
        done.says("order O-77, used on 3 Aug 2026, 14:05 BST, 1 of 2 uses gone");
        assert_eq!(app.text("SELECT order_id FROM redemptions").as_deref(), Some("O-77"));
        assert_eq!(app.count(&format!("redemptions WHERE redeemed_at = {}", app.sql(app.now - TimeDelta::days(112) + TimeDelta::minutes(65)))), 1);
        // Sent twice, it counts once; opened again, it counts again, until no use is left.
        kim.post_fragment(&path, &form).await.expect(200);
        assert_eq!(app.number(&format!("SELECT redemptions FROM coupons WHERE id = {coupon}")), 1);
        app.desk.clock.advance(TimeDelta::seconds(30));
        kim.post_fragment(&path, &form).await.expect(409).says("Counted already").says("order O-77, 3 Aug 2026, 14:05 BST");
        let other = form.clone().with("order_id", "O-79");
        kim.post_fragment(&path, &other).await.expect(409).says("Another use was counted since this form was opened: 1 of 2 uses gone.");
        let form = kim.get(&path).await.fields(&path).with("order_id", "O-77").with("redeemed_at", "2026-08-03T14:05");
        // The same order at another time is the same use; so it is when somebody writes it otherwise, or no use is left.
        for (order, at) in [("O-77", "2026-08-03T14:05"), ("O-77", "2026-08-04"), ("\u{200b}O-77\u{a0}", "")] {
            let form = form.clone().with("order_id", order).with("redeemed_at", at);
            kim.post(&path, &form).await.expect(409).says("Counted already").says("order O-77, 3 Aug 2026, 14:05 BST").says("One order counts once");
        }
        kim.post(&path, &form.with("order_id", "O-78")).await.expect(303);
        kim.post(&path, &Fields::default().with("order_id", "O-77")).await.expect(409).says("order O-77, 3 Aug 2026, 14:05 BST");
        for page in [kim.post(&path, &Fields::default()).await, kim.get_fragment(&path).await] {
            page.expect(409).says("No uses left").says("2 of 2 uses gone.").says("The last: order O-7");
        }
        assert_eq!((app.count("redemptions"), app.number(&format!("SELECT redemptions FROM coupons WHERE id = {coupon}"))), (2, 2));
        let record = details(&app, "coupon.marked_used").remove(0);
        for part in ["\"code\":\"GOOD-1\"", "\"order_id\":\"O-77\"", "\"redeemed_at\":\"2026-08-03T13:05:00Z\"", "\"uses_gone\":1"] {
            assert!(record.contains(part), "{part} is not in {record}");
        }
        assert_eq!(app.count(&format!("audit_records WHERE action = 'coupon.marked_used' AND customer = {customer} AND reward = {reward}")), 2);
        let profile = kim.get(&format!("/m/acme/customers/{customer}")).await;
        assert!(!profile.row("R-1").contains(&path), "nothing is left to mark");
        kim.dialog(&app.reissue_path(customer, reward)).await;
    }

    async fn a_use_lies_not_in_the_future_and_left_empty_it_is_now(app: App) {
        let ((_, _, coupon), kim) = (with_capacity(&app, 9), app.sign_in(Role::Supervisor).await);
        let path = act(coupon, "use");
        let at = |text: &str| Fields::default().with("redeemed_at", text);
        for (text, words) in [
            ("2026-11-23T12:06", "This lies in the future: it is 23 Nov 2026, 12:00 GMT now"), ("2027-01-01", "This lies in the future"),
            ("2026-11-23T12:05:01Z", "This lies in the future"), ("soon", "This is not a date"), ("2026-03-29T01:30", "The clocks were put forward then"),
            ("0001-01-01T00:00", "The year must lie between 1900 and 9998"), ("\0", "This is not a date"),
        ] {
            for page in [kim.post(&path, &at(text)).await, kim.post_fragment(&path, &at(text)).await] {
                let page = page.expect(422);
                page.says(words);
                assert_eq!(value(&page, "redeemed_at"), text);
            }
        }
        kim.post(&path, &at("").with("order_id", "a\nb")).await.expect(422).says("one line");
        kim.post(&path, &at("").with("order_id", &"x".repeat(256))).await.expect(422).says("256 characters");
        assert_eq!(app.count("redemptions"), 0);
        app.desk.clock.advance(TimeDelta::seconds(17));
        for text in ["", "2026-11-23T12:00"] {
            kim.post(&path, &at(text).with("order_id", &format!("O{text}"))).await.expect(303);
        }
        kim.post(&path, &at("2026-11-22").with("order_id", "day")).await.expect(303);
        // Clocks differ by some minutes.
        kim.post(&path, &at("2026-11-23T12:05").with("order_id", "ahead")).await.expect(303);
        assert_eq!(app.count(&format!("redemptions WHERE redeemed_at = {}", app.sql(app.now()))), 2, "this very minute is now");
        assert_eq!(app.count(&format!("redemptions WHERE redeemed_at = {}", app.sql(app.now - TimeDelta::hours(36)))), 1);
    }

    async fn support_sees_the_facts_and_no_act(app: App) {
        let (scene, sam) = (app.scene(1), app.sign_in(Role::Support).await);
        app.reward_with(scene.customer, scene.batch, "R-2", &usable("GOOD-1"));
        let (_, bad) = app.reward_with(scene.customer, scene.batch, "R-3", &barred("BAD-1"));
        for path in [format!("/m/acme/customers/{}", scene.customer), format!("/m/acme/coupons/{bad}")] {
            let page = sam.get(&path).await.expect(200);
            page.says("Barred: reported stolen");
            for word in ["Bar this coupon", "Bar coupon", "Unbar coupon", "Mark as used", "/unbar", "/bar", "/use"] {
                assert!(!page.body.contains(word), "{word} is on {path}");
            }
        }
        for verb in ["bar", "unbar", "use"] {
            sam.get(&act(bad, verb)).await.expect(403);
            sam.post(&act(bad, verb), &why("x")).await.expect(403);
        }
        let kim = app.sign_in(Role::Supervisor).await;
        let profile = kim.get(&format!("/m/acme/customers/{}", scene.customer)).await;
        assert!(profile.row("R-3").contains("Unbar coupon") && !profile.row("R-3").contains("Bar coupon<"));
        assert!(profile.row("R-1").contains("Bar coupon") && profile.row("R-1").contains("Mark as used"), "also of an expired one");
        // A role that is lost between the click and the act.
        app.exec("UPDATE memberships SET role = 'support'");
        kim.post(&act(bad, "unbar"), &why("x")).await.expect(403);
        assert_eq!(app.count("audit_records WHERE action LIKE 'coupon.%'"), 0);
    }

    async fn who_is_signed_out_in_the_middle_comes_back_to_the_coupon(app: App) {
        let (scene, nobody) = (app.scene(1), app.client());
        let answer = nobody.get(&format!("{}?from=profile", act(scene.old, "bar"))).await.expect(303);
        assert_eq!(answer.header("Location"), format!("/sign-in?return_to=/m/acme/coupons/{}", scene.old));
    }

    async fn a_used_code_in_stock_and_a_barred_one_are_never_handed_out(app: App) {
        let (scene, kim) = (app.scene(2), app.sign_in(Role::Supervisor).await);
        let stock: Vec<i64> = app.texts("SELECT id AS v FROM coupons WHERE state = 'available' ORDER BY id").iter().map(|id| id.parse().unwrap()).collect();
        kim.post(&act(stock[0], "use"), &Fields::default()).await.expect(303);
        kim.post(&act(stock[1], "bar"), &why("seen in a forum")).await.expect(303);
        kim.get(&format!("/m/acme/batches/{}", scene.batch)).await.says("0 left");
        kim.get(&app.reissue_path(scene.customer, scene.reward)).await.expect(409).says("2 codes left that can't be used: 1 barred, 1 already redeemed.");
        kim.post(&act(stock[1], "unbar"), &why("it was another one")).await.expect(303);
        kim.get(&format!("/m/acme/batches/{}", scene.batch)).await.says("1 left");
    }

    async fn a_replaced_coupon_stays_barred(app: App) {
        let (customer, batch, kim) = (app.customer(&crate::support::world::Person::default()), app.batch("Spring"), app.sign_in(Role::Supervisor).await);
        let (reward, coupon) = app.reward_with(customer, batch, "R-1", &barred("BAD-1"));
        app.fresh(batch, 1);
        let path = app.reissue_path(customer, reward);
        let form = kim.dialog(&path).await;
        kim.post(&path, &form).await.expect(303);
        let page = kim.get(&format!("/m/acme/coupons/{coupon}")).await;
        assert!(!page.body.contains(&act(coupon, "unbar")), "no way leads there");
        for page in [kim.get(&act(coupon, "unbar")).await, kim.get_fragment(&act(coupon, "unbar")).await, kim.post(&act(coupon, "unbar"), &why("x")).await, kim.post_fragment(&act(coupon, "unbar"), &why("x")).await] {
            page.expect(409).says("Replaced").says("This coupon was replaced, and its customer has the new code.");
        }
        assert_eq!(app.count(&format!("coupons WHERE id = {coupon} AND barred_at IS NOT NULL")), 1);
        // Nor does a later end of its batch make it usable.
        app.exec(&format!("UPDATE batches SET valid_until = {} WHERE id = {batch}", app.sql(rewarddesk::db::instant::no_end())));
        assert!(!kim.get(&format!("/m/acme/coupons/{coupon}")).await.words().contains("Usable"));
    }

    async fn a_use_older_than_the_hand_out_is_told_at_the_row_and_at_the_coupon(app: App) {
        let ((customer, _, coupon), kim) = (with_capacity(&app, 1), app.sign_in(Role::Supervisor).await);
        let path = act(coupon, "use");
        // R-1 was issued thirty days ago, on 24 October.
        kim.post(&path, &Fields::default().with("order_id", "O-12").with("redeemed_at", "2026-10-01T10:00")).await.expect(303);
        let said = "Used before the customer had it (order O-12, 1 Oct 2026, 10:00 BST), so somebody else had this code. Handed out 24 Oct 2026";
        assert!(row(&kim, customer).await.contains(said), "{}", row(&kim, customer).await);
        kim.get(&format!("/m/acme/coupons/{coupon}")).await.says(said).says("O-12 before it was handed out");
        // On the day before it may be the same day, told as a date.
        let (_, other) = app.reward_with(customer, app.number("SELECT id FROM batches"), "R-2", &usable("GOOD-2"));
        kim.post(&act(other, "use"), &Fields::default().with("redeemed_at", "2026-10-24")).await.expect(303);
        assert!(!kim.get(&format!("/m/acme/coupons/{other}")).await.words().contains("before"));
    }

    async fn an_order_that_was_counted_twice_before_is_told_at_the_row_and_at_the_coupon(app: App) {
        let ((customer, _, coupon), kim) = (with_capacity(&app, 2), app.sign_in(Role::Supervisor).await);
        let at = |days| app.now - TimeDelta::days(days);
        let first = app.insert("redemptions", crate::row! { merchant_id: app.merchant, coupon_id: coupon, redeemed_at: at(3), order_id: "O-77", created_at: app.now });
        // As the migration leaves it.
        app.insert("repeated_redemptions", crate::row! { id: 900, merchant_id: app.merchant, coupon_id: coupon, first_id: first, redeemed_at: at(4), order_id: "O-77", created_at: app.now });
        app.exec(&format!("UPDATE coupons SET redemptions = 2 WHERE id = {coupon}"));
        let said = "1 use may have been counted twice: the same order was reported again.";
        let shown = row(&kim, customer).await;
        assert!(shown.contains(said) && shown.contains("Coupon still has capacity 1 of 2 uses left"), "{shown}");
        let page = kim.get(&format!("/m/acme/coupons/{coupon}")).await;
        page.says(said).says("Order O-77 the same order, reported again 19 Nov 2026").says("Order O-77 20 Nov 2026");
        assert!(!page.words().contains("order and date are not known here"));
    }
}
