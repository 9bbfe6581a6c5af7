//! Codes and people stay off logs, titles, addresses and error pages (guarantee S7). That no log
//! holds one is asked whenever an [`App`] ends; here everything is done that could put one there.

use rewarddesk::domain::role::Role;

use crate::support::{App, client::Fields, logs};

#[both]
async fn codes_and_people_stay_off_logs_titles_and_addresses(app: App) {
    let scene = app.scene(2);
    let ann = app.sign_in(Role::Administrator).await;
    let dialog = app.reissue_path(scene.customer, scene.reward);
    let form = ann.dialog(&dialog).await.ticked();
    ann.post(&dialog, &form).await.expect(303);
    ann.post(&dialog, &Fields::default()).await.expect(409);
    app.mails(1).await;
    for query in ["OLD-1", "FRESH-1-1", "jo@customer.example", "Smith", "nobody-has-this"] {
        for path in [
            "/m/acme/customers",
            "/m/acme/batches/1",
            "/m/acme/audit",
            "/m/acme/nowhere",
            "/sign-in",
            "/healthz",
        ] {
            for page in [
                ann.get(&format!("{path}?q={query}")).await,
                ann.get_fragment(&format!("{path}?q={query}")).await,
            ] {
                let location = format!("{}{}", page.header("Location"), page.header("HX-Redirect"));
                assert!(!location.contains(query), "{path}?q={query} leads to {location}");
                if let Some((_, rest)) = page.body.split_once("<title>") {
                    let title = rest.split("</title>").next().unwrap_or_default();
                    assert!(!title.contains(query) || query == "Smith", "a title says {title}");
                }
                if page.status >= 400 {
                    assert!(
                        !page.body.contains(query),
                        "{path}?q={query}: an error page repeats it"
                    );
                }
            }
        }
        let out = app.client().get(&format!("/m/acme/customers?q={query}")).await.expect(303);
        assert!(!out.header("Location").contains(query));
    }
    let wrong = Fields::default()
        .with("email", "stranger@customer.example")
        .with("password", "wrong wrong wrong");
    app.client().post("/sign-in", &wrong).await.expect(422);
    assert!(!logs::text().contains("stranger@"), "an address that was typed is in the log");
    assert!(!logs::text().contains("wrong wrong"), "a password is in the log");
    assert!(logs::text().contains("/m/"), "the log was kept at all");
    assert!(!logs::text().contains("q="), "the log keeps queries");
}

#[both]
async fn every_answer_carries_the_headers_that_keep_it_in(app: App) {
    let scene = app.scene(1);
    let ann = app.sign_in(Role::Administrator).await;
    for path in [
        "/m/acme/customers",
        &format!("/m/acme/customers/{}", scene.customer),
        "/m/acme/nowhere",
        "/m/nowhere/customers",
        "/sign-in",
        "/",
    ] {
        for page in
            [ann.get(path).await, ann.get_fragment(path).await, app.client().get(path).await]
        {
            let policy = page.header("Content-Security-Policy").to_owned();
            assert!(
                policy.contains("default-src 'none'") && !policy.contains("unsafe"),
                "{path}: {policy}"
            );
            assert!(policy.contains("frame-ancestors"), "{path}: {policy}");
            assert_eq!(page.header("X-Content-Type-Options"), "nosniff", "{path}");
            assert_eq!(page.header("Referrer-Policy"), "same-origin", "{path}");
            assert!(
                page.header("Cache-Control").contains("no-store"),
                "{path}: {:?}",
                page.header("Cache-Control")
            );
        }
    }
    let cookie = app.client().signed_in_cookie("administrator@desk.example").await;
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.contains("Path=/"),
        "{cookie}"
    );
    assert!(!cookie.contains("Secure") && !cookie.contains("__Host-"), "plain http: {cookie}");
}

#[both]
async fn sign_in_says_the_same_to_unknown_disabled_and_mistaken(app: App) {
    app.user_called("ann@desk.example", "Ann", Role::Support);
    app.user_called("bob@desk.example", "Bob", Role::Support);
    app.exec(&format!(
        "UPDATE users SET disabled_at = {} WHERE email = 'bob@desk.example'",
        app.sql(app.now())
    ));
    let mut answers = vec![];
    for (email, password) in [
        ("ann@desk.example", "wrong wrong wrong"),
        ("bob@desk.example", crate::support::world::PASSWORD),
        ("eve@desk.example", "x"),
    ] {
        let page = app
            .client()
            .post("/sign-in", &Fields::default().with("email", email).with("password", password))
            .await;
        answers.push((page.status, page.body.replace(email, "")));
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0], answers[2]);
    assert_eq!(answers[0].0, 422);
}
