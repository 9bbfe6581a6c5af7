//! Check a code: what it is, whose, what to do, and what to tell the customer; and codes that are
//! not there.

use chrono::TimeDelta;
use rewarddesk::domain::role::Role;

use crate::support::{
    App, Client,
    client::Fields,
    page::Page,
    world::{NewCoupon, Person, barred, not_started, redeemed, usable},
};

const CHECK: &str = "/m/acme/check";

async fn check(who: &Client, code: &str) -> Page {
    who.post(CHECK, &Fields::default().with("code", code)).await
}

/// The sentence for the customer.
fn sentence(page: &Page) -> String {
    let copies: Vec<_> = page
        .tags()
        .into_iter()
        .filter(|t| t.get("class").is_some_and(|c| c.contains("copy-words")))
        .collect();
    assert_eq!(copies.len(), 1, "one sentence to copy: {}", page.words());
    let sentence = copies[0].get("data-copy").unwrap_or_default().to_owned();
    assert!(page.words().contains(&sentence), "what is copied is what is shown: {sentence}");
    for secret in [
        "Jo",
        "Smith",
        "customer.example",
        "C-1",
        "R-1",
        "Spring",
        "FRESH",
        "Casey",
        "leaked",
        "stolen",
        "O-77",
    ] {
        assert!(!sentence.contains(secret), "{secret} is told to whoever asks: {sentence}");
    }
    sentence
}

#[both]
async fn a_code_is_told_in_full_to_support(app: App) {
    let (scene, sam) = (app.scene(2), app.sign_in(Role::Support).await);
    let page = sam.get(CHECK).await.expect(200);
    page.says("Check a code");
    assert!(
        page.body.contains("<title>Check a code · Reward Desk</title>")
            && page.body.contains("href=\"/m/acme/check\" aria-current=\"page\"")
    );
    let page = check(&sam, "OLD-1").await.expect(200);
    page.says("This code has expired")
        .says("Expired 23 Nov 2026, 11:00 GMT")
        .says("0 of 1 use gone")
        .says("Spring")
        .says("20 off (R-1)")
        .says("Jo Smith");
    page.says("Open the customer").says("Reissue it on the profile");
    for href in [
        format!("/m/acme/customers/{}#reward-{}", scene.customer, scene.reward),
        app.reissue_path(scene.customer, scene.reward),
        format!("/m/acme/batches/{}", scene.batch),
    ] {
        assert!(page.body.contains(&format!("href=\"{href}\"")), "{href}");
    }
    assert_eq!(
        sentence(&page),
        "I'm sorry, your code OLD-1 expired on 23 Nov 2026. I can replace it with a new one."
    );
    assert!(
        page.tags().iter().any(|t| t.get("id") == Some("code") && t.get("value") == Some("OLD-1")),
        "the field keeps what was typed"
    );
    let heading = page
        .tags()
        .into_iter()
        .find(|t| t.get("id") == Some("result"))
        .expect("a heading to go to");
    assert_eq!((heading.name.as_str(), heading.get("tabindex")), ("h2", Some("-1")));
    assert!(page.body.contains("action=\"/m/acme/check#result\""));
}

#[both]
async fn a_replaced_code_says_by_what_but_not_to_the_customer(app: App) {
    let (scene, sam) = (app.scene(2), app.sign_in(Role::Support).await);
    let path = app.reissue_path(scene.customer, scene.reward);
    let form = sam.dialog(&path).await.ticked();
    sam.post(&path, &form).await.expect(303);
    app.mails(1).await;
    let page = check(&sam, "OLD-1").await;
    page.says("This code was replaced")
        .says("Replaced by FRESH-1-1 23 Nov 2026, 12:00 GMT by you")
        .says("Open the customer");
    assert_eq!(
        sentence(&page),
        "The code OLD-1 was replaced on 23 Nov 2026, so please use the newer code we sent you then."
    );
    assert!(!page.words().contains("Email"), "the mail carried the other code");
    let page = check(&sam, "FRESH-1-1").await;
    page.says("This code works").says("Replaces OLD-1").says("Email sent");
}

#[both]
async fn every_state_has_its_words(app: App) {
    let (customer, batch, sam) =
        (app.customer(&Person::default()), app.batch("Spring"), app.sign_in(Role::Support).await);
    app.fresh(batch, 1);
    let tomorrow = app.now + TimeDelta::days(1);
    let mut n = 0;
    let mut give = |new: NewCoupon| {
        n += 1;
        app.reward_with(customer, batch, &format!("R-{n}"), &new).1
    };
    give(NewCoupon {
        max_redemptions: 5,
        redemptions: 1,
        expires_at: Some(tomorrow),
        ..usable("MULTI-1")
    });
    give(barred("BAD-1"));
    give(not_started("EARLY-1"));
    let used = give(redeemed("USED-1"));
    app.insert("redemptions", crate::row! { merchant_id: app.merchant, coupon_id: used, redeemed_at: app.now - TimeDelta::days(2), order_id: "O-77", created_at: app.now });
    give(usable("GOOD-1"));
    give(redeemed("USED-2"));
    for (code, words, said) in [
        (
            "MULTI-1",
            "1 of 5 uses gone",
            "Your code MULTI-1 is fine. You can use it until 24 Nov 2026, 12:00 GMT, 4 more times. \
             Please copy it exactly as written here.",
        ),
        (
            "BAD-1",
            "This code is barred",
            "I'm sorry, your code BAD-1 can no longer be used. I can replace it with a new one.",
        ),
        (
            "BAD-1",
            "Barred: reported stolen 23 Nov 2026, 12:00 GMT",
            "I'm sorry, your code BAD-1 can no longer be used. I can replace it with a new one.",
        ),
        (
            "EARLY-1",
            "This code does not work yet",
            "Your code EARLY-1 is fine. You can use it from 23 Nov 2026, 13:00 GMT.",
        ),
        (
            "USED-1",
            "Fully redeemed: order O-77, 21 Nov 2026, 12:00 GMT",
            "Your code USED-1 was already used, last on 21 Nov 2026. I can replace it with a new \
             one.",
        ),
        (
            "USED-2",
            "This code is fully redeemed",
            "Your code USED-2 was already used. I can replace it with a new one.",
        ),
        (
            "GOOD-1",
            "This code works",
            "Your code GOOD-1 is fine. You can use it. Please copy it exactly as written here.",
        ),
        (
            "FRESH-1-1",
            "This code was never handed out",
            "I can't see that we sent the code FRESH-1-1 to anyone. Could you tell me where you got \
             it?",
        ),
    ] {
        let page = check(&sam, code).await.expect(200);
        page.says(words);
        if code == "FRESH-1-1" {
            page.says("still in stock").says("In stock, not handed out");
            assert!(
                !page.words().contains("Open the customer")
                    && !page.words().contains("Bar this coupon")
            );
            continue;
        }
        assert_eq!(sentence(&page), said);
    }
    let kim = app.sign_in(Role::Supervisor).await;
    let stock = app.number("SELECT id FROM coupons WHERE state = 'available'");
    assert!(
        check(&kim, "FRESH-1-1")
            .await
            .body
            .contains(&format!("href=\"/m/acme/coupons/{stock}/bar\""))
    );
    app.exec("UPDATE coupons SET state = 'withdrawn' WHERE state = 'available'");
    let page = check(&sam, "FRESH-1-1").await;
    page.says("This code was withdrawn from stock").says("Ask where it came from.");
    // Nothing is left, so the next steps are those of the refusal.
    let page = check(&sam, "BAD-1").await;
    page.says("It can't be reissued: voucher batch empty.")
        .says("A user with the role Marketing or Administrator can add vouchers.");
    assert_eq!(
        sentence(&page),
        "I'm sorry, your code BAD-1 can no longer be used. I'll look into it and get back to you."
    );
    let page = check(&app.sign_in(Role::Marketing).await, "BAD-1").await;
    assert!(page.body.contains(&format!("href=\"/m/acme/batches/{batch}#add-vouchers\"")));
}

#[both]
async fn spaces_and_case_are_forgiven_as_the_batch_says(app: App) {
    let (scene, sam) = (app.scene(1), app.sign_in(Role::Support).await);
    let strict = app.batch_that("Strict", true, rewarddesk::db::instant::no_end());
    app.reward_with(scene.customer, strict, "R-2", &usable("AbC-77"));
    for text in [
        "  OLD-1\r\n",
        "\u{feff}OLD-1\u{200b}",
        "old-1",
        "OLD -1",
        "O L D - 1",
        "\u{a0}Old\t-\u{ad}1",
        "OLD-1\0",
    ] {
        check(&sam, text).await.expect(200).says("This code has expired");
    }
    check(&sam, " AbC-77").await.says("This code works");
    // In a batch that tells case apart it is another code, which may have been meant.
    let page = check(&sam, "abc-77").await.expect(200);
    page.says("Code not found")
        .says("Did they mean")
        .says("AbC-77")
        .says("the same letters in a different case; its batch is case-sensitive");
    assert_eq!(
        sentence(&page),
        "I'm sorry, I can't find the code abc-77. Could you copy it again, exactly as it appears in \
         the message you received?"
    );
    check(&sam, "ABC-77").await.says("Code not found").says("AbC-77");
}

#[both]
async fn look_alikes_are_suggested_and_one_click_checks_them(app: App) {
    let (scene, sam) = (app.scene(1), app.sign_in(Role::Support).await);
    let strict = app.batch_that("Strict", true, rewarddesk::db::instant::no_end());
    for code in ["GIFT-0I1", "S0LO-9", "0000-1111-0000"] {
        app.coupon(scene.batch, &usable(code));
    }
    app.coupon(strict, &usable("xO0l-I1"));
    for (typed, meant) in [
        ("GIFT-OI1", "GIFT-0I1"),
        ("gift-o1l", "GIFT-0I1"),
        ("SOLO-9", "S0LO-9"),
        ("S01O-9", "S0LO-9"),
        ("xO01-I1", "xO0l-I1"),
        ("OOOO-llll-OOOO", "0000-1111-0000"),
    ] {
        let page = check(&sam, typed).await.expect(200);
        page.says("Code not found").says("looks alike");
        let picks: Vec<_> = page
            .tags()
            .into_iter()
            .filter(|t| t.get("type") == Some("hidden") && t.get("name") == Some("code"))
            .collect();
        assert_eq!(
            picks.iter().filter_map(|t| t.get("value")).collect::<Vec<_>>(),
            [meant],
            "{typed}"
        );
        let form = Fields::default().with("code", meant).with("picked", "yes");
        let answer = sam.post_fragment(CHECK, &form).await.expect(200);
        answer.says("This code was never handed out");
        assert!(
            answer.body.contains("<hx-partial hx-target=\"#check\"")
                && answer.body.contains(&format!("value=\"{meant}\"")),
            "the field shows it"
        );
    }
    for typed in ["5OLO-9", "GIFT-0I11", "NOTHING"] {
        let page = check(&sam, typed).await.expect(200);
        page.says("Code not found").says("No voucher batch of ACME Ltd has this code.");
        assert!(!page.words().contains("Did they mean"), "{typed}: {}", page.words());
    }
    check(&sam, "5.57E+92").await.says("A spreadsheet has turned it into a number");
    // A code of zeros has more look-alikes than are tried.
    check(&sam, &"0O1lI".repeat(50)).await.expect(200).says("Code not found");
}

#[both]
async fn what_is_no_code_at_all_is_said_at_the_field(app: App) {
    let (_, sam) = (app.scene(1), app.sign_in(Role::Support).await);
    let long = "x".repeat(256);
    for (text, words) in [
        ("", "Type or paste the code the customer gave you."),
        (" \t\u{200b}\u{a0}", "Type or paste the code"),
        (long.as_str(), "This has 256 characters, but a code has at most 255."),
    ] {
        for page in [
            check(&sam, text).await,
            sam.post_fragment(CHECK, &Fields::default().with("code", text)).await,
        ] {
            let page = page.expect(422);
            page.says(words);
            let field =
                page.tags().into_iter().find(|t| t.get("id") == Some("code")).expect("the field");
            assert_eq!(
                (field.get("aria-invalid"), field.get("autofocus").is_some()),
                (Some("true"), true)
            );
            assert!(!page.body.contains("id=\"result\""));
        }
    }
    sam.post(CHECK, &Fields::default()).await.expect(422);
    check(&sam, &"é".repeat(255)).await.expect(200).says("Code not found");
    assert_eq!(check(&sam, &"x".repeat(17 * 1024)).await.status, 413);
}

#[both]
async fn a_fragment_is_the_result_alone(app: App) {
    let (_, sam) = (app.scene(1), app.sign_in(Role::Support).await);
    let answer =
        sam.post_fragment(CHECK, &Fields::default().with("code", "OLD-1")).await.expect(200);
    answer.says("This code has expired");
    assert!(!answer.body.contains("<html") && !answer.body.contains("id=\"check\""));
    assert_eq!(answer.body.matches("autofocus").count(), 1, "one place for the focus");
    assert!(
        !answer.body.contains("role=\"status\"") && !answer.body.contains("role=\"alert\""),
        "one announcement"
    );
}

#[both]
async fn other_merchants_and_unpublished_codes_are_not_known(app: App) {
    let (batch, sam) = (app.batch("Spring"), app.sign_in(Role::Support).await);
    app.insert("coupons", &app.coupon_row(batch, &usable("HIDDEN-1")));
    let mut app = app;
    let globex = app.another_merchant("globex");
    app.world.inside(globex, |w| {
        let batch = w.batch("Theirs");
        w.coupon(batch, &usable("THEIRS-1"))
    });
    for (code, alike) in [("HIDDEN-1", "H1DDEN-1"), ("THEIRS-1", "THE1RS-1")] {
        for text in [code, alike] {
            let page = check(&sam, text).await.expect(200);
            assert!(
                page.says("Code not found").words().find("Did they mean").is_none(),
                "{}",
                page.words()
            );
        }
    }
    sam.post("/m/globex/check", &Fields::default().with("code", "THEIRS-1")).await.expect(404);
}

#[both]
async fn the_code_is_in_no_title_and_no_address(app: App) {
    let (_, sam) = (app.scene(1), app.sign_in(Role::Support).await);
    for code in ["OLD-1", "OLD-l"] {
        let page = check(&sam, code).await.expect(200);
        let title = page.body.split("</title>").next().unwrap_or_default();
        assert!(!title.contains("OLD-"), "{title}");
        for tag in page.tags() {
            for name in ["href", "action", "hx-post", "hx-get"] {
                assert!(!tag.get(name).is_some_and(|address| address.contains("OLD-")), "{tag:?}");
            }
        }
        assert_eq!(page.header("Location"), "");
    }
    let log = crate::support::logs::text();
    assert!(
        !log.contains("OLD-l") && log.contains("/m/acme/check"),
        "what was typed is in the log, or nothing is"
    );
    let answer =
        app.client().post(CHECK, &Fields::default().with("code", "OLD-1")).await.expect(303);
    assert_eq!(answer.header("Location"), "/sign-in?return_to=/m/acme/check");
}
