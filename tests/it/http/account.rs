//! One's own account: password and sessions; and proving again to be there before dangerous acts.

use chrono::TimeDelta;
use rewarddesk::{domain::role::Role, web::server::router};

use crate::support::{
    App,
    client::{Fields, send},
    world::PASSWORD,
};

const NEW_PASSWORD: &str = "anchor violin tulip 7";

fn change(old: &str, new: &str) -> Fields {
    Fields::default().with("old", old).with("new", new)
}

fn password(password: &str) -> Fields {
    Fields::default().with("password", password)
}

#[both]
async fn a_password_is_changed_with_the_old_one(app: App) {
    let kim = app.sign_in(Role::Support).await;
    let elsewhere = app.sign_in(Role::Support).await;
    kim.get("/account")
        .await
        .expect(200)
        .says("Your account")
        .says("Casey Customer Support, support@desk.example");
    kim.post("/account/password", &change("wrong password 99", NEW_PASSWORD))
        .await
        .expect(422)
        .says("This isn't your current password. Nothing was changed. Try again.");
    kim.post("/account/password", &change(PASSWORD, "short"))
        .await
        .expect(422)
        .says("use 12 or more");
    kim.post("/account/password", &change(PASSWORD, "support@desk.example"))
        .await
        .expect(422)
        .says("too easy to guess");
    elsewhere.get("/m/acme/customers").await.expect(200);
    let done = kim.post("/account/password", &change(PASSWORD, NEW_PASSWORD)).await.expect(303);
    kim.get(done.header("Location")).await.says("Password changed");
    elsewhere.get("/m/acme/customers").await.expect(303);
    let mail = app.mails(1).await.remove(0);
    assert_eq!(
        (mail.recipient.as_str(), mail.subject.as_str()),
        ("support@desk.example", "Your password was changed")
    );
    let nobody = app.client();
    let sign_in = |password: &str| {
        Fields::default().with("email", "support@desk.example").with("password", password)
    };
    nobody.post("/sign-in", &sign_in(PASSWORD)).await.expect(422);
    nobody.post("/sign-in", &sign_in(NEW_PASSWORD)).await.expect(303);
    let records =
        "audit_records WHERE action = 'user.password_changed' OR action = 'session.confirm_failed'";
    assert_eq!(app.count(records), 2, "one change, one wrong password");
}

#[both]
async fn proving_to_be_there_again_makes_copies_of_the_cookie_stale(app: App) {
    let kim = app.sign_in(Role::Support).await;
    let token = || app.text("SELECT token_hash AS v FROM sessions").unwrap();
    let first = token();
    kim.post("/confirm", &password("not the password")).await.expect(422);
    assert_eq!(token(), first);
    kim.post("/confirm", &password(PASSWORD)).await.expect(303);
    let second = token();
    assert_ne!(second, first);
    kim.get("/m/acme/customers").await.expect(200);
    app.client()
        .post("/forgotten", &Fields::default().with("email", "support@desk.example"))
        .await
        .expect(303);
    app.mails(1).await;
    assert_eq!(app.count("account_links"), 1);
    kim.post("/account/password", &change(PASSWORD, NEW_PASSWORD)).await.expect(303);
    assert_ne!(token(), second);
    kim.get("/m/acme/customers").await.expect(200);
    assert_eq!(
        app.count("account_links"),
        0,
        "a link that was asked for before sets no other password"
    );
    app.mails(2).await;
}

#[both]
async fn two_changes_at_once_make_one(app: App) {
    let kim = app.sign_in(Role::Support).await;
    let (one, two) = (change(PASSWORD, NEW_PASSWORD), change(PASSWORD, "another violin 88"));
    let answers =
        tokio::join!(kim.post("/account/password", &one), kim.post("/account/password", &two));
    let mut statuses = [answers.0.status, answers.1.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 422]);
    app.mails(1).await;
}

#[both]
async fn own_sessions_are_listed_and_ended_and_others_are_not(app: App) {
    let kim = app.sign_in(Role::Support).await;
    let sessions = || app.texts("SELECT CAST(id AS TEXT) AS v FROM sessions ORDER BY id");
    let own = sessions().remove(0);
    let (second, third) = (app.sign_in(Role::Support).await, app.sign_in(Role::Support).await);
    let other = app.sign_in(Role::Marketing).await;
    let all = sessions();
    let page = kim.get("/account").await.expect(200);
    page.says("This session").says("127.0.0.1").says("End all other sessions");
    assert!(
        !page.body.contains(&format!("/account/sessions/{own}/end")),
        "this one ends by signing out"
    );
    for id in [all[3].as_str(), &own, "0", "-1", "9223372036854775807", "x", "99"] {
        kim.post(&format!("/account/sessions/{id}/end"), &Fields::default()).await.expect(404);
    }
    other.get("/m/acme/customers").await.expect(200);
    kim.post(&format!("/account/sessions/{}/end", all[1]), &Fields::default()).await.expect(303);
    second.get("/m/acme/customers").await.expect(303);
    third.get("/m/acme/customers").await.expect(200);
    kim.post("/account/sessions/end-others", &Fields::default()).await.expect(303);
    third.get("/m/acme/customers").await.expect(303);
    kim.get("/m/acme/customers").await.expect(200);
    other.get("/m/acme/customers").await.expect(200);
    assert_eq!(app.count("audit_records WHERE action = 'user.sessions_ended'"), 2);
}

#[both]
async fn dangerous_acts_ask_again_after_a_quarter_of_an_hour(app: App) {
    let ada = app.sign_in(Role::Administrator).await;
    let support = app.user(Role::Support);
    let user = format!("/m/acme/users/{support}");
    let disable = format!("{user}/disable");
    app.desk.clock.advance(TimeDelta::minutes(15));
    let asked = ada.post(&disable, &Fields::default()).await.expect(303);
    assert_eq!(asked.header("Location"), format!("/confirm?return_to={user}"));
    let fragment = ada.post_fragment(&disable, &Fields::default()).await.expect(401);
    assert!(fragment.header("HX-Redirect").starts_with("/confirm") && fragment.body.is_empty());
    assert_eq!(app.count("users WHERE disabled_at IS NOT NULL"), 0);
    // Looking around asks nothing.
    ada.get(&user).await.expect(200);
    let page = ada.get(asked.header("Location")).await.expect(200);
    let form = page.fields("/confirm");
    ada.post("/confirm", &form.clone().with("password", "wrong password 99"))
        .await
        .expect(422)
        .says("That's not correct");
    ada.post("/confirm", &form).await.expect(422);
    ada.post(&disable, &Fields::default()).await.expect(303);
    assert_eq!(app.count("users WHERE disabled_at IS NOT NULL"), 0);
    let back = ada.post("/confirm", &form.with("password", PASSWORD)).await.expect(303);
    assert_eq!(back.header("Location"), format!("{user}?confirmed=yes#message"));
    ada.get(back.header("Location")).await.says("Nothing has been done yet");
    ada.post(&disable, &Fields::default()).await.expect(303);
    assert_eq!(app.count("users WHERE disabled_at IS NOT NULL"), 1);
    assert_eq!(app.count("audit_records WHERE action = 'session.confirm_failed'"), 2);
    assert_eq!(app.count("audit_records WHERE action = 'session.confirmed'"), 1);
}

#[both]
async fn one_comes_back_to_the_page_with_the_form(app: App) {
    let ada = app.sign_in(Role::Administrator).await;
    let scene = app.scene(1);
    app.desk.clock.advance(TimeDelta::minutes(15));
    let location = async |path: &str, referer: &str| {
        let request =
            ada.request(reqwest::Method::POST, path).header("Referer", referer).form(&[("a", "b")]);
        send(request).await.expect(303).header("Location").to_owned()
    };
    let form = format!("{}/m/acme/users/new?x=CODE-1", app.url);
    assert_eq!(location("/m/acme/users", &form).await, "/confirm?return_to=/m/acme/users/new");
    assert_eq!(location("/m/acme/users", "nonsense").await, "/confirm?return_to=/m/acme/users");
    let batch = format!("/m/acme/batches/{}", scene.batch);
    assert_eq!(
        location(&format!("{batch}/export"), "").await,
        format!("/confirm?return_to={batch}")
    );
    // The form itself asks before anything is typed.
    let asked = ada.get("/m/acme/users/new").await.expect(303);
    assert_eq!(asked.header("Location"), "/confirm?return_to=/m/acme/users/new");
    for target in ["https://evil.example/", "//evil.example", "/confirm"] {
        let back =
            ada.post("/confirm", &password(PASSWORD).with("return_to", target)).await.expect(303);
        assert_eq!(back.header("Location"), "/?confirmed=yes#message");
    }
}

#[both]
async fn every_change_of_users_and_every_export_asks_again(app: App) {
    let ada = app.sign_in(Role::Administrator).await;
    let support = app.user(Role::Support);
    let scene = app.scene(1);
    app.desk.clock.advance(TimeDelta::minutes(15));
    let rules = router::rules();
    let dangerous = |pattern: &str| {
        let users = pattern.starts_with("/m/{merchant}/users");
        let factors = ["/account/app", "/account/passkeys", "/account/identity"]
            .iter()
            .any(|one| pattern.starts_with(one));
        users || factors || pattern.contains("export") || pattern.contains("purge")
    };
    let unsafe_ones: Vec<_> = rules
        .all()
        .iter()
        .filter(|rule| rule.method == "POST" && dangerous(rule.pattern))
        .collect();
    assert!(unsafe_ones.len() >= 14, "{}", unsafe_ones.len());
    for rule in unsafe_ones {
        assert!(rule.asks_again, "{} does not ask again", rule.pattern);
        let id = if rule.pattern.contains("batches") { scene.batch } else { support };
        let path = rule.pattern.replace("{merchant}", "acme").replace("{id}", &id.to_string());
        let answer =
            ada.post(&path, &Fields::default().with("role", "marketing")).await.expect(303);
        assert!(
            answer.header("Location").starts_with("/confirm"),
            "{path}: {}",
            answer.header("Location")
        );
    }
    assert_eq!(app.count("audit_records WHERE action <> 'session.signed_in'"), 0);
}

#[both]
async fn a_role_below_is_told_so_before_anything_is_asked(app: App) {
    let kim = app.sign_in(Role::Support).await;
    app.desk.clock.advance(TimeDelta::minutes(15));
    kim.post("/m/acme/users", &Fields::default()).await.expect(403);
    kim.post("/m/nowhere/users", &Fields::default()).await.expect(404);
}

#[both]
async fn guesses_in_a_session_are_throttled(app: App) {
    let kim = app.sign_in(Role::Support).await;
    for _ in 0..10 {
        kim.post("/confirm", &password("wrong password 99")).await.expect(422);
    }
    for _ in 0..2 {
        let told = kim.post("/confirm", &password(PASSWORD)).await.expect(429);
        assert_eq!(told.header("Retry-After"), "60");
        kim.post("/account/password", &change(PASSWORD, NEW_PASSWORD)).await.expect(429);
    }
    kim.post("/account/recovery-codes", &Fields::default().with("code", "000000"))
        .await
        .expect(429);
}
