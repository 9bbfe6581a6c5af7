//! Blocking and unblocking a customer, their e-mails off and on: from the profile, each with its
//! record, and every refusal.

use chrono::TimeDelta;
use rewarddesk::domain::role::Role;

use crate::support::{App, Client, client::Fields, page::Page, world::Person};

pub fn act(customer: i64, verb: &str) -> String {
    format!("/m/acme/customers/{customer}/{verb}")
}

pub fn why(reason: &str) -> Fields {
    Fields::default().with("reason", reason)
}

pub async fn profile(who: &Client, customer: i64) -> Page {
    who.get(&format!("/m/acme/customers/{customer}")).await.expect(200)
}

pub fn details(app: &App, action: &str) -> Vec<String> {
    app.texts(&format!(
        "SELECT details AS v FROM audit_records WHERE action = '{action}' ORDER BY id"
    ))
}

#[both]
async fn a_blocked_customers_coupons_stay_until_they_are_unblocked(app: App) {
    let (scene, kim) = (app.scene(1), app.sign_in(Role::Supervisor).await);
    let (block, path) =
        (act(scene.customer, "block"), app.reissue_path(scene.customer, scene.reward));
    let page = profile(&kim, scene.customer).await;
    assert!(
        page.body.contains(&format!("href=\"{block}\" hx-get=\"{block}\"")),
        "a link, and a dialog with a script"
    );
    let dialog = kim.get_fragment(&block).await.expect(200);
    dialog.says("Block customer").says("Jo Smith").says("can't be reissued");
    let done = kim
        .post_fragment(&block, &dialog.fields(&block).with("reason", "  chargeback "))
        .await
        .expect(200);
    assert!(
        done.header("HX-Redirect")
            .starts_with(&format!("/m/acme/customers/{}?done=customer-", scene.customer))
    );
    kim.get(done.header("HX-Redirect"))
        .await
        .says("Customer blocked Their coupons")
        .says("Blocked on 23 Nov 2026, 12:00 GMT by Casey Customer Support Supervisor: chargeback.")
        .says("Unblock customer")
        .says("Customer blocked chargeback");
    kim.post(&path, &Fields::default()).await.expect(409).says("Customer blocked");
    kim.get("/m/acme/audit").await.says("Customer blocked").says("chargeback");
    let record = details(&app, "customer.blocked").remove(0);
    assert!(
        record.contains("\"old_blocked\":false,\"blocked\":true") && !record.contains("chargeback"),
        "{record}"
    );

    let form = kim
        .get(&act(scene.customer, "unblock"))
        .await
        .expect(200)
        .fields(&act(scene.customer, "unblock"))
        .with("reason", "a mistake");
    let done = kim.post(&act(scene.customer, "unblock"), &form).await.expect(303);
    kim.get(done.header("Location"))
        .await
        .says("Customer unblocked Their coupons")
        .says("Customer unblocked a mistake, it was blocked because: chargeback");
    let record = details(&app, "customer.unblocked").remove(0);
    assert!(
        record.contains("\"old_blocked\":true,\"blocked\":false")
            && record.contains("\"blocked_at\":\"2026-11-23T12:00:00Z\""),
        "{record}"
    );
    assert!(!record.contains("chargeback") && !record.contains("mistake"), "{record}");
    assert_eq!(
        app.count(
            "customers WHERE blocked_at IS NULL AND blocked_by IS NULL AND blocked_reason IS NULL"
        ),
        1
    );
    let form = kim.dialog(&path).await;
    kim.post(&path, &form).await.expect(303);
    assert_eq!(
        app.count(&format!(
            "audit_records WHERE action LIKE 'customer.%' AND customer = {} AND user_id IS NOT \
             NULL AND request_id IS NOT NULL",
            scene.customer
        )),
        2
    );
}

#[both]
async fn e_mails_are_switched_off_and_on_with_old_and_new_value(app: App) {
    let (scene, kim) = (app.scene(1), app.sign_in(Role::Supervisor).await);
    let (off, on) = (act(scene.customer, "emails-off"), act(scene.customer, "emails-on"));
    kim.get_fragment(&off).await.expect(200).says("Turn emails off").says("but without an email");
    let done = kim.post_fragment(&off, &Fields::default()).await.expect(200);
    kim.get(done.header("HX-Redirect"))
        .await
        .says("Emails turned off")
        .says("Emails are turned off. Coupons can be reissued");
    let path = app.reissue_path(scene.customer, scene.reward);
    kim.post(&path, &Fields::default().ticked()).await.expect(409);
    kim.post(&on, &Fields::default()).await.expect(303);
    assert_eq!(app.count("customers WHERE receives_emails"), 1);
    profile(&kim, scene.customer).await.says("Emails turned on").says("Emails turned off");
    for record in details(&app, "customer.emails_chosen") {
        assert!(
            record.starts_with("{\"old_receives_emails\":\"sealed1.")
                && record.contains("\"receives_emails\":\"sealed1."),
            "{record}"
        );
    }
}

#[both]
async fn what_is_so_already_is_told_and_changes_nothing(app: App) {
    let (customer, kim) = (app.customer(&Person::default()), app.sign_in(Role::Supervisor).await);
    app.user_called("ann@desk.example", "Ann Lee", Role::Supervisor);
    let ann = app.client().signed_in("ann@desk.example").await;
    kim.post(&act(customer, "block"), &why("chargeback")).await.expect(303);
    app.desk.clock.advance(TimeDelta::seconds(8));
    for page in [
        ann.post(&act(customer, "block"), &why("chargeback")).await,
        ann.post_fragment(&act(customer, "block"), &why("x")).await,
        ann.get(&act(customer, "block")).await,
        ann.get_fragment(&act(customer, "block")).await,
    ] {
        page.expect(409).says("Nothing was changed").says(
            "Already blocked, on 23 Nov 2026, 12:00 GMT by Casey Customer Support Supervisor: \
             chargeback.",
        );
    }
    // The same form again, by the same user, at once: it went through. Later, or with another
    // reason: the facts.
    kim.post(&act(customer, "block"), &why(" chargeback ")).await.expect(303);
    kim.post(&act(customer, "block"), &why("stolen")).await.expect(409);
    app.desk.clock.advance(TimeDelta::seconds(60));
    kim.post(&act(customer, "block"), &why("chargeback")).await.expect(409);
    kim.post(&act(customer, "emails-on"), &Fields::default())
        .await
        .expect(409)
        .says("Emails are already on");
    for _ in 0..2 {
        kim.post(&act(customer, "emails-off"), &Fields::default()).await.expect(303);
    }
    app.desk.clock.advance(TimeDelta::seconds(11));
    kim.post(&act(customer, "emails-off"), &Fields::default())
        .await
        .expect(409)
        .says("Emails are already off");
    kim.post(&act(customer, "unblock"), &why("a mistake")).await.expect(303);
    ann.post(&act(customer, "unblock"), &why("a mistake"))
        .await
        .expect(409)
        .says("This customer is not blocked");
    assert_eq!(app.count("audit_records WHERE action LIKE 'customer.%'"), 3);
}

#[both]
async fn a_reason_is_needed_and_what_was_typed_is_kept(app: App) {
    let (customer, kim) = (app.customer(&Person::default()), app.sign_in(Role::Supervisor).await);
    let long = "x".repeat(256);
    for (reason, words) in
        [("", "Enter a reason"), (long.as_str(), "This has 256 characters"), ("a\nb", "one line")]
    {
        for page in [
            kim.post(&act(customer, "block"), &why(reason)).await,
            kim.post_fragment(&act(customer, "block"), &why(reason)).await,
        ] {
            let page = page.expect(422);
            page.says(words);
            assert!(
                page.body.contains("aria-invalid=\"true\" autofocus")
                    && page.body.contains(reason.trim()),
                "{}",
                page.body
            );
        }
    }
    kim.post(&act(customer, "block"), &why("<b>\"'&")).await.expect(303);
    let page = profile(&kim, customer).await;
    assert!(!page.body.contains("<b>\"") && page.words().contains("<b>\"'&"));
    assert_eq!(app.count("audit_records WHERE action = 'customer.blocked'"), 1);
}

#[both]
async fn those_who_may_not_see_the_facts_and_no_acts(app: App) {
    let customer = app.customer(&Person {
        receives_emails: false,
        blocked: Some("chargeback"),
        ..Person::default()
    });
    for (role, acts) in [
        (Role::Support, vec![]),
        (Role::Supervisor, vec!["Unblock customer", "Turn emails on"]),
        (Role::Administrator, vec!["Unblock customer", "Turn emails on", "Purge data"]),
    ] {
        let who = app.sign_in(role).await;
        let page = profile(&who, customer).await;
        page.says("Blocked on").says("chargeback").says("Emails are turned off");
        for words in [
            "Block customer",
            "Unblock customer",
            "Turn emails on",
            "Turn emails off",
            "Purge data",
        ] {
            assert_eq!(
                page.body.contains(&format!(">{words}</a>")),
                acts.contains(&words),
                "{role:?}: {words}"
            );
        }
    }
}

#[both]
async fn a_record_from_before_there_were_keys_stays_readable(app: App) {
    let (customer, kim) = (app.customer(&Person::default()), app.sign_in(Role::Supervisor).await);
    let row = crate::row! { merchant_id: app.merchant, at: app.now(), action: "customer.blocked", actor_kind: "cli", customer: customer, details: "{\"reason\":\"said so\"}" };
    app.insert("audit_records", row);
    profile(&kim, customer).await.says("Customer blocked said so");
}
