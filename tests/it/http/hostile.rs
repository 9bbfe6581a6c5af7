//! Hostile text does nothing (guarantee S8), and no input makes a 500 (S9).

use reqwest::Method;
use rewarddesk::{domain::role::Role, web::server::router};

use crate::support::{
    App,
    client::{Fields, send},
    page::Page,
    world::{NewCoupon, Person, expired, usable},
};

const SCRIPT: &str = "<script>alert(1)</script>";
const IMAGE: &str = "\"><img src=x onerror=alert(1)>";
const QUOTES: &str = "' onmouseover='alert(1)' x='";
const TEMPLATE: &str = "{{ 7 * 7 }}</textarea></title>";

/// No tag and no attribute on the page came out of a text.
#[track_caller]
fn is_harmless(page: &Page) {
    for tag in page.tags() {
        assert!(
            !matches!(tag.name.as_str(), "img" | "iframe" | "object" | "embed" | "base"),
            "<{}> on {}",
            tag.name,
            page.address.path()
        );
        assert!(
            tag.name != "script" || tag.get("src").is_some_and(|src| src.starts_with("/assets/")),
            "a script on {}",
            page.address.path()
        );
        let handler = tag
            .attributes
            .iter()
            .find(|(name, _)| name.starts_with("on") || name.starts_with("hx-on"));
        assert!(handler.is_none(), "{handler:?} on {}", page.address.path());
    }
    assert!(!page.body.contains("<script>alert"), "{}", page.address.path());
}

#[both]
async fn hostile_text_in_every_field_does_nothing(app: App) {
    let batch = app.batch(&format!("Spring {IMAGE}"));
    let customer = app.customer(&Person {
        email: Some("jo+<b>@customer.example"),
        customer_id: Some(QUOTES),
        first_name: Some(SCRIPT),
        last_name: Some(IMAGE),
        ..Person::default()
    });
    let old = NewCoupon {
        pin: Some(SCRIPT.into()),
        barred_reason: Some(IMAGE.into()),
        ..expired("OLD<b>\"'&-1")
    };
    let (reward, _) = app.reward_with(customer, batch, IMAGE, &old);
    app.exec(&format!("UPDATE rewards SET title = {}", app.sql(format!("{SCRIPT}{TEMPLATE}"))));
    app.exec(&format!(
        "UPDATE merchants SET name = {}, account_manager_name = {}",
        app.sql(SCRIPT),
        app.sql(IMAGE)
    ));
    app.external_reward(customer, "other", QUOTES);
    app.coupon(batch, &usable("NEW<script>\"'&-1"));
    app.user_called("ann@desk.example", SCRIPT, Role::Administrator);
    let ann = app.client().signed_in("ann@desk.example").await;

    let (profile, dialog) =
        (format!("/m/acme/customers/{customer}"), app.reissue_path(customer, reward));
    for path in [
        "/m/acme/customers",
        &profile,
        &dialog,
        "/m/acme/batches",
        &format!("/m/acme/batches/{batch}"),
        "/m/acme/audit",
    ] {
        for page in [ann.get(path).await, ann.get_fragment(path).await] {
            assert_eq!(page.status, 200, "{path}");
            is_harmless(&page);
        }
    }
    ann.get(&profile).await.says(SCRIPT).says(IMAGE).says(TEMPLATE).says("OLD<b>\"'&-1");
    for path in [
        format!("/m/acme/customers?q={}", urlencode(IMAGE)),
        format!("/m/acme/batches/{batch}?q={}", urlencode(SCRIPT)),
        format!("/sign-in?return_to={}", urlencode(IMAGE)),
        format!("{profile}?done={}", urlencode(SCRIPT)),
    ] {
        is_harmless(&ann.get(&path).await);
        is_harmless(&ann.get_fragment(&path).await);
    }
    let form = ann.dialog(&dialog).await.ticked();
    let done = ann.post_fragment(&dialog, &form).await.expect(200);
    is_harmless(&done);
    is_harmless(&ann.post_fragment(&dialog, &Fields::default()).await.expect(409));
    is_harmless(&ann.post(&dialog, &Fields::default()).await.expect(409));
    let letter = app.mails(1).await.remove(0);
    for text in [&letter.sender, &letter.recipient, &letter.subject] {
        assert!(!text.contains(['\r', '\n']), "{text:?}");
    }
    assert!(!letter.html.contains("<script>") && !letter.html.contains("<img"), "{}", letter.html);
    is_harmless(&ann.get(&profile).await);
}

#[both]
async fn hostile_reasons_orders_and_codes_do_nothing(app: App) {
    let scene = app.scene(1);
    app.coupon(scene.batch, &usable("NEW<script>\"'&-O"));
    let ann = app.sign_in(Role::Administrator).await;
    let coupon = format!("/m/acme/coupons/{}", scene.old);
    let profile = format!("/m/acme/customers/{}", scene.customer);
    let from_row =
        |name: &str, value: &str| Fields::default().with("from", "profile").with(name, value);
    is_harmless(
        &ann.post_fragment(
            &format!("{coupon}/bar"),
            &from_row("reason", &format!("{SCRIPT}{TEMPLATE}")),
        )
        .await
        .expect(200),
    );
    is_harmless(
        &ann.post_fragment(&format!("{coupon}/bar"), &from_row("reason", IMAGE)).await.expect(409),
    );
    is_harmless(&ann.post(&format!("{coupon}/bar"), &from_row("reason", IMAGE)).await.expect(409));
    is_harmless(
        &ann.post_fragment(
            &format!("{coupon}/unbar"),
            &from_row("reason", &format!("{QUOTES}\nx")),
        )
        .await
        .expect(422),
    );
    is_harmless(
        &ann.post_fragment(&format!("{coupon}/unbar"), &from_row("reason", QUOTES))
            .await
            .expect(200),
    );
    is_harmless(
        &ann.post(
            &format!("{coupon}/use"),
            &Fields::default().with("order_id", IMAGE).with("redeemed_at", SCRIPT),
        )
        .await
        .expect(422),
    );
    is_harmless(
        &ann.post_fragment(&format!("{coupon}/use"), &from_row("order_id", IMAGE))
            .await
            .expect(200),
    );
    is_harmless(&ann.get(&format!("{coupon}/bar?from={}", urlencode(IMAGE))).await.expect(200));
    for path in [
        &profile,
        &coupon,
        "/m/acme/audit",
        &format!("{coupon}?done={}", urlencode(IMAGE)),
        &format!("{profile}?done=coupon-{}", urlencode(SCRIPT)),
    ] {
        is_harmless(&ann.get(path).await.expect(200));
    }
    ann.get(&coupon).await.says(SCRIPT).says(TEMPLATE).says(QUOTES).says(IMAGE);
    for code in [
        SCRIPT,
        IMAGE,
        QUOTES,
        TEMPLATE,
        "NEW<script>\"'&-O",
        "NEW<script>\"'&-0",
        "OLD-1",
        "%00",
        "'; --",
        "\0",
        "\u{202e}OLD-1",
    ] {
        let form = Fields::default().with("code", code);
        for page in [
            ann.post("/m/acme/check", &form).await,
            ann.post_fragment("/m/acme/check", &form).await,
        ] {
            assert!(matches!(page.status, 200 | 422), "{code:?}: {}", page.status);
            is_harmless(&page);
        }
    }
}

#[both]
async fn no_number_in_an_address_makes_a_500(app: App) {
    let scene = app.scene(1);
    let ann = app.sign_in(Role::Administrator).await;
    let odd = [
        "0",
        "-1",
        "1.5",
        "1e3",
        "abc",
        "9223372036854775807",
        "9223372036854775808",
        "99999999999999999999999",
        "%00",
        "%FF",
        "%27",
        "%3Cscript%3E",
        "1%20",
        "%D9%A1",
        "null",
    ];
    for rule in router::rules().all().iter().filter(|rule| rule.pattern.contains('{')) {
        for odd in odd {
            for hole in ["{merchant}", "{id}", "{reward}", "{mail}", "{name}"]
                .iter()
                .filter(|hole| rule.pattern.contains(**hole))
            {
                let path = rule
                    .pattern
                    .replace(hole, odd)
                    .replace("{merchant}", "acme")
                    .replace("{id}", &scene.customer.to_string())
                    .replace("{reward}", &scene.reward.to_string())
                    .replace("{mail}", "1")
                    .replace("{name}", "app.css");
                let method = Method::from_bytes(rule.method.as_str().as_bytes()).unwrap();
                let page = send(ann.request(method, &path).form(&[("a", "b")])).await;
                assert!(
                    matches!(page.status, 400 | 404),
                    "{path}: {} {}",
                    page.status,
                    page.words()
                );
            }
        }
    }
}

#[both]
async fn no_query_makes_a_500(app: App) {
    app.scene(1);
    let ann = app.sign_in(Role::Administrator).await;
    let odd = [
        "%00",
        "%FF%FE",
        "a%00b",
        "%25",
        "_",
        "%27%22%3B--",
        "*",
        "%22",
        "(",
        "NEAR(a b)",
        "a AND",
        "-1",
        "9223372036854775808",
        &"x".repeat(4000),
        "%F0%9F%8E%81",
        "%E2%80%8B",
        "%EF%BF%BD",
        "++++",
        "%0D%0ASet-Cookie%3A%20a%3Db",
    ];
    for path in [
        "/m/acme/customers",
        "/m/acme/batches/1",
        "/m/acme/audit",
        "/m/acme/customers/1",
        "/sign-in",
        "/m/acme/batches",
        "/",
    ] {
        for name in [
            "q",
            "after",
            "before",
            "sort",
            "rewards",
            "activity",
            "from",
            "done",
            "return_to",
            "page",
            "state",
            "customer",
            "dir",
        ] {
            for odd in odd {
                let status = ann.get(&format!("{path}?{name}={odd}")).await.status;
                assert!(status < 500, "{path}?{name}={odd}: {status}");
            }
        }
    }
}

#[both]
async fn no_form_makes_a_500_and_long_ones_are_refused(app: App) {
    let scene = app.scene(1);
    let ann = app.sign_in(Role::Administrator).await;
    let path = app.reissue_path(scene.customer, scene.reward);
    let long = "x".repeat(17 * 1024);
    let bar = format!("/m/acme/coupons/{}/bar", scene.old);
    for (path, field) in [
        (path.as_str(), "idempotency_token"),
        ("/sign-in", "password"),
        ("/m/acme/check", "code"),
        (&bar, "reason"),
    ] {
        for kind in [
            "application/x-www-form-urlencoded",
            "text/plain",
            "application/json",
            "multipart/form-data; boundary=x",
            "",
        ] {
            for body in [
                "",
                "%",
                "%FF=%FF",
                "a=b&a=b",
                "\0\0",
                "idempotency_token=%00",
                "email=%00&password=%00",
                "{\"a\":1}",
                "--x\r\n",
            ] {
                let page =
                    send(ann.request(Method::POST, path).header("Content-Type", kind).body(body))
                        .await;
                assert!(
                    (400..500).contains(&page.status),
                    "{path} {kind} {body:?}: {}",
                    page.status
                );
            }
        }
        let page = ann
            .post(path, &Fields::default().with(field, &long).with("email", "a@b.example"))
            .await;
        assert_eq!(page.status, 413, "{path}");
    }
    assert_eq!(app.count("reissues"), 0);
}

#[both]
async fn headers_do_not_make_a_500(app: App) {
    app.scene(1);
    let ann = app.sign_in(Role::Support).await;
    for (name, value) in [
        ("Cookie", "rewarddesk=%FF"),
        ("Cookie", "rewarddesk="),
        ("HX-Current-URL", "nonsense"),
        ("HX-Request", "maybe"),
        ("Accept-Language", "\u{fffd}"),
        ("If-None-Match", "*"),
        ("Range", "bytes=0-1"),
        ("Accept-Encoding", "zstd;q=nonsense"),
    ] {
        for path in ["/m/acme/customers", "/sign-in", "/healthz"] {
            let value = reqwest::header::HeaderValue::from_bytes(value.as_bytes()).unwrap();
            let status = send(app.client().request(Method::GET, path).header(name, value.clone()))
                .await
                .status;
            assert!(status < 500, "{path} with {name}: {status}");
            let status = send(ann.request(Method::GET, path).header(name, value)).await.status;
            assert!(status < 500, "{path} with {name}: {status}");
        }
    }
}

fn urlencode(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
