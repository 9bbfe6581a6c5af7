//! Who may use which route (guarantee S1). A route without a line in the table below fails the
//! first test.

use reqwest::Method;
use rewarddesk::{
    domain::role::Role,
    web::server::{
        access::{Access, Rule},
        router,
    },
};

use crate::support::{App, Client, client::send, world::Scene};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Anyone,
    SignedIn,
    /// Members with this role or a higher one.
    From(Role),
}

/// Who may use each route.
const TABLE: &[(&str, &str, Who)] = &[
    ("GET", "/healthz", Who::Anyone),
    ("GET", "/readyz", Who::Anyone),
    ("GET", "/assets/{name}", Who::Anyone),
    ("GET", "/sign-in", Who::Anyone),
    ("POST", "/sign-in", Who::Anyone),
    ("POST", "/sign-out", Who::Anyone),
    ("GET", "/setup", Who::Anyone),
    ("POST", "/setup", Who::Anyone),
    ("GET", "/welcome", Who::Anyone),
    ("POST", "/welcome", Who::Anyone),
    ("GET", "/forgotten", Who::Anyone),
    ("POST", "/forgotten", Who::Anyone),
    ("GET", "/", Who::SignedIn),
    ("GET", "/sign-in/factor", Who::Anyone),
    ("POST", "/sign-in/factor", Who::Anyone),
    ("POST", "/sign-in/factor/options", Who::Anyone),
    ("POST", "/sign-in/passkey", Who::Anyone),
    ("POST", "/sign-in/passkey/options", Who::Anyone),
    ("GET", "/sign-in/sso", Who::Anyone),
    ("GET", "/sign-in/sso/callback", Who::Anyone),
    ("POST", "/confirm/sso", Who::SignedIn),
    ("POST", "/account/identity/start", Who::SignedIn),
    ("GET", "/account/identity", Who::SignedIn),
    ("POST", "/account/identity", Who::SignedIn),
    ("POST", "/account/identity/removal", Who::SignedIn),
    ("POST", "/offers/{merchant}/acceptance", Who::SignedIn),
    ("POST", "/offers/{merchant}/refusal", Who::SignedIn),
    ("GET", "/confirm", Who::SignedIn),
    ("POST", "/confirm", Who::SignedIn),
    ("POST", "/confirm/options", Who::SignedIn),
    ("GET", "/account", Who::SignedIn),
    ("POST", "/account/password", Who::SignedIn),
    ("POST", "/account/sessions/end-others", Who::SignedIn),
    ("POST", "/account/sessions/{id}/end", Who::SignedIn),
    ("GET", "/account/app", Who::SignedIn),
    ("POST", "/account/app", Who::SignedIn),
    ("POST", "/account/app/removal", Who::SignedIn),
    ("GET", "/account/recovery-codes", Who::SignedIn),
    ("POST", "/account/recovery-codes", Who::SignedIn),
    ("GET", "/account/passkeys/new", Who::SignedIn),
    ("POST", "/account/passkeys/options", Who::SignedIn),
    ("POST", "/account/passkeys", Who::SignedIn),
    ("POST", "/account/passkeys/{id}/removal", Who::SignedIn),
    ("GET", "/m/{merchant}/users", Who::From(Role::Supervisor)),
    ("GET", "/m/{merchant}/users/new", Who::From(Role::Supervisor)),
    ("POST", "/m/{merchant}/users", Who::From(Role::Supervisor)),
    ("GET", "/m/{merchant}/users/{id}", Who::From(Role::Supervisor)),
    ("POST", "/m/{merchant}/users/{id}/role", Who::From(Role::Supervisor)),
    ("POST", "/m/{merchant}/users/{id}/invitation", Who::From(Role::Supervisor)),
    ("POST", "/m/{merchant}/users/{id}/removal", Who::From(Role::Supervisor)),
    ("POST", "/m/{merchant}/users/{id}/disable", Who::From(Role::Supervisor)),
    ("POST", "/m/{merchant}/users/{id}/enable", Who::From(Role::Supervisor)),
    ("POST", "/m/{merchant}/users/{id}/unlock", Who::From(Role::Supervisor)),
    ("POST", "/m/{merchant}/users/{id}/sessions", Who::From(Role::Supervisor)),
    ("GET", "/m/{merchant}/settings", Who::From(Role::Administrator)),
    ("POST", "/m/{merchant}/settings", Who::From(Role::Administrator)),
    ("POST", "/m/{merchant}/users/{id}/factors", Who::From(Role::Supervisor)),
    ("GET", "/m/{merchant}/permissions", Who::From(Role::Support)),
    ("GET", "/m/{merchant}/customers", Who::From(Role::Support)),
    ("GET", "/m/{merchant}/customers/{id}", Who::From(Role::Support)),
    ("GET", "/m/{merchant}/customers/{id}/rewards/{reward}/reissue", Who::From(Role::Support)),
    ("POST", "/m/{merchant}/customers/{id}/rewards/{reward}/reissue", Who::From(Role::Support)),
    ("GET", "/m/{merchant}/customers/{id}/rewards/{reward}/mail", Who::From(Role::Support)),
    ("POST", "/m/{merchant}/customers/{id}/rewards/{reward}/resend", Who::From(Role::Support)),
    ("GET", "/m/{merchant}/customers/{id}/mails/{mail}", Who::From(Role::Support)),
    ("GET", "/m/{merchant}/customers/{id}/mails/{mail}/html", Who::From(Role::Support)),
    ("GET", "/m/{merchant}/customers/{id}/block", Who::From(Role::Supervisor)),
    ("POST", "/m/{merchant}/customers/{id}/block", Who::From(Role::Supervisor)),
    ("GET", "/m/{merchant}/customers/{id}/unblock", Who::From(Role::Supervisor)),
    ("POST", "/m/{merchant}/customers/{id}/unblock", Who::From(Role::Supervisor)),
    ("GET", "/m/{merchant}/customers/{id}/emails-off", Who::From(Role::Supervisor)),
    ("POST", "/m/{merchant}/customers/{id}/emails-off", Who::From(Role::Supervisor)),
    ("GET", "/m/{merchant}/customers/{id}/emails-on", Who::From(Role::Supervisor)),
    ("POST", "/m/{merchant}/customers/{id}/emails-on", Who::From(Role::Supervisor)),
    ("GET", "/m/{merchant}/customers/{id}/purge", Who::From(Role::Administrator)),
    ("POST", "/m/{merchant}/customers/{id}/purge", Who::From(Role::Administrator)),
    ("GET", "/m/{merchant}/batches", Who::From(Role::Support)),
    ("GET", "/m/{merchant}/batches/new", Who::From(Role::Marketing)),
    ("POST", "/m/{merchant}/batches", Who::From(Role::Marketing)),
    ("GET", "/m/{merchant}/batches/{id}", Who::From(Role::Support)),
    ("POST", "/m/{merchant}/batches/{id}/vouchers", Who::From(Role::Marketing)),
    ("POST", "/m/{merchant}/batches/{id}/validity", Who::From(Role::Marketing)),
    ("POST", "/m/{merchant}/batches/{id}/lines", Who::From(Role::Marketing)),
    ("POST", "/m/{merchant}/batches/{id}/withdrawals", Who::From(Role::Marketing)),
    ("POST", "/m/{merchant}/batches/{id}/export", Who::From(Role::Marketing)),
    ("GET", "/m/{merchant}/redemptions", Who::From(Role::Supervisor)),
    ("GET", "/m/{merchant}/redemptions/new", Who::From(Role::Marketing)),
    ("POST", "/m/{merchant}/redemptions", Who::From(Role::Marketing)),
    ("GET", "/m/{merchant}/bars/new", Who::From(Role::Marketing)),
    ("POST", "/m/{merchant}/bars", Who::From(Role::Marketing)),
    ("GET", "/m/{merchant}/alerts", Who::From(Role::Support)),
    ("POST", "/m/{merchant}/alerts", Who::From(Role::Support)),
    ("POST", "/m/{merchant}/alerts/rules", Who::From(Role::Marketing)),
    ("GET", "/m/{merchant}/imports", Who::From(Role::Marketing)),
    ("GET", "/m/{merchant}/imports/{id}", Who::From(Role::Marketing)),
    ("GET", "/m/{merchant}/imports/{id}/progress", Who::From(Role::Marketing)),
    ("GET", "/m/{merchant}/imports/{id}/rejects", Who::From(Role::Marketing)),
    ("POST", "/m/{merchant}/imports/{id}/confirm", Who::From(Role::Marketing)),
    ("POST", "/m/{merchant}/imports/{id}/cancel", Who::From(Role::Marketing)),
    ("GET", "/m/{merchant}/coupons/{id}", Who::From(Role::Support)),
    ("GET", "/m/{merchant}/coupons/{id}/bar", Who::From(Role::Supervisor)),
    ("POST", "/m/{merchant}/coupons/{id}/bar", Who::From(Role::Supervisor)),
    ("GET", "/m/{merchant}/coupons/{id}/unbar", Who::From(Role::Supervisor)),
    ("POST", "/m/{merchant}/coupons/{id}/unbar", Who::From(Role::Supervisor)),
    ("GET", "/m/{merchant}/coupons/{id}/use", Who::From(Role::Supervisor)),
    ("POST", "/m/{merchant}/coupons/{id}/use", Who::From(Role::Supervisor)),
    ("GET", "/m/{merchant}/check", Who::From(Role::Support)),
    ("POST", "/m/{merchant}/check", Who::From(Role::Support)),
    ("GET", "/m/{merchant}/audit", Who::From(Role::Supervisor)),
    ("POST", "/m/{merchant}/audit/export", Who::From(Role::Administrator)),
];

fn expected(rule: &Rule) -> Who {
    let line = TABLE
        .iter()
        .find(|(method, pattern, _)| *method == rule.method.as_str() && *pattern == rule.pattern);
    line.unwrap_or_else(|| panic!("no line says who may use {} {}", rule.method, rule.pattern)).2
}

#[test]
fn every_route_has_a_line_in_the_table_and_keeps_to_it() {
    let rules = router::rules();
    for rule in rules.all() {
        let declared = match rule.access {
            Access::Public => Who::Anyone,
            Access::SignedIn => Who::SignedIn,
            Access::Member(permission) => Who::From(Role::least_for(permission)),
        };
        assert_eq!(declared, expected(rule), "{} {}", rule.method, rule.pattern);
    }
    assert_eq!(rules.all().len(), TABLE.len(), "the table has lines for routes that are gone");
}

/// The route's address in a merchant, with numbers of that scene.
fn fill(pattern: &str, merchant: &str, scene: Scene) -> String {
    let id = match pattern.split('/').nth(3) {
        Some("batches") => scene.batch,
        Some("coupons") => scene.old,
        Some("users") => scene.reward,
        _ => scene.customer,
    };
    let pattern = pattern
        .replace("{merchant}", merchant)
        .replace("{id}", &id.to_string())
        .replace("{reward}", &scene.reward.to_string());
    pattern.replace("{mail}", "1").replace("{name}", "app.css")
}

fn method(rule: &Rule) -> Method {
    Method::from_bytes(rule.method.as_str().as_bytes()).expect("a method")
}

async fn status(client: &Client, rule: &Rule, path: &str) -> u16 {
    send(client.request(method(rule), path).form(&[("a", "b")])).await.status
}

/// The rules for members of a merchant.
fn of_members() -> Vec<Rule> {
    router::rules()
        .all()
        .iter()
        .filter(|rule| matches!(rule.access, Access::Member(_)))
        .cloned()
        .collect()
}

#[both]
async fn without_a_session_one_is_sent_to_sign_in(app: App) {
    let scene = app.scene(1);
    let nobody = app.client();
    for rule in router::rules().all().iter().filter(|rule| expected(rule) != Who::Anyone) {
        let path = fill(rule.pattern, "acme", scene);
        let page = send(nobody.request(method(rule), &format!("{path}?q=OLD-1"))).await.expect(303);
        assert!(
            page.header("Location").starts_with("/sign-in"),
            "{path}: {}",
            page.header("Location")
        );
        assert!(!page.header("Location").contains("OLD-1"), "a code went into an address");
        let fragment = send(nobody.request(method(rule), &path).header("HX-Request", "true"))
            .await
            .expect(401);
        assert!(fragment.header("HX-Redirect").starts_with("/sign-in"), "{path}");
        assert!(fragment.body.is_empty(), "nothing to swap into a row: {}", fragment.body);
    }
    assert_eq!(app.count("reissues"), 0);
}

#[both]
async fn a_role_below_is_refused_and_the_role_itself_is_not(app: App) {
    let scene = app.scene(1);
    for role in Role::ALL {
        let who = app.sign_in(role).await;
        for rule in of_members() {
            let Who::From(least) = expected(&rule) else { panic!("a member's route") };
            let status = status(&who, &rule, &fill(rule.pattern, "acme", scene)).await;
            assert_eq!(
                status == 403,
                role < least,
                "{role:?} at {} {}: {status}",
                rule.method,
                rule.pattern
            );
            assert!(status < 500, "{role:?} at {} {}: {status}", rule.method, rule.pattern);
        }
    }
    app.overlook_mails();
    assert_eq!(app.count("reissues"), 0);
}

#[both]
async fn another_merchants_things_do_not_exist(app: App) {
    let mut app = app;
    let own = app.scene(1);
    let globex = app.another_merchant("globex");
    let theirs = app.world.inside(globex, |w| {
        let (customer, batch) = (w.customer_number(9), w.batch("Spring"));
        let (reward, old) =
            w.reward_with(customer, batch, "R-9", &crate::support::world::expired("THEIRS-1"));
        w.fresh(batch, 1);
        Scene { customer, batch, reward, old }
    });
    let ann = app.sign_in(Role::Administrator).await;
    for rule in of_members() {
        for (merchant, scene) in [("globex", theirs), ("globex", own), ("nowhere", own)] {
            let path = fill(rule.pattern, merchant, scene);
            assert_eq!(status(&ann, &rule, &path).await, 404, "{} {path}", rule.method);
        }
        // Their numbers below our own merchant's address.
        if rule.pattern.contains("{id}") {
            for scene in [
                theirs,
                Scene { reward: theirs.reward, ..own },
                Scene { customer: theirs.customer, ..own },
            ] {
                let path = fill(rule.pattern, "acme", scene);
                if path != fill(rule.pattern, "acme", own) {
                    assert_eq!(status(&ann, &rule, &path).await, 404, "{} {path}", rule.method);
                }
            }
        }
    }
    assert_eq!(app.count("reissues"), 0);
}

#[both]
async fn nothing_changes_by_looking(app: App) {
    let scene = app.scene(3);
    let ann = app.sign_in(Role::Administrator).await;
    let state = |app: &App| {
        [
            "customers",
            "batches",
            "rewards",
            "coupons",
            "reissues",
            "mails",
            "audit_records",
            "users",
            "memberships",
            "merchants",
        ]
        .map(|table| app.count(table) + app.number(&format!("SELECT max(id) FROM {table}")))
    };
    let before = state(&app);
    for rule in router::rules().all().iter().filter(|rule| rule.method == "GET") {
        for _ in 0..2 {
            ann.get(&fill(rule.pattern, "acme", scene)).await;
            ann.get_fragment(&fill(rule.pattern, "acme", scene)).await;
        }
    }
    assert_eq!(state(&app), before);
    assert_eq!(app.count("coupons WHERE state = 'available'"), 3);
}

#[both]
async fn a_disabled_user_and_a_lost_role_end_at_once(app: App) {
    let scene = app.scene(3);
    let path = app.reissue_path(scene.customer, scene.reward);
    let ann = app.sign_in(Role::Support).await;
    let form = ann.dialog(&path).await;
    app.exec("DELETE FROM memberships");
    ann.post(&path, &form).await.expect(404);
    let user = app.number("SELECT id FROM users");
    app.insert_membership(user, Role::Support);
    app.exec(&format!("UPDATE users SET disabled_at = {}", app.sql(app.now())));
    let answer = ann.post(&path, &form).await.expect(303);
    assert!(answer.header("Location").starts_with("/sign-in"));
    assert_eq!(app.count("reissues"), 0);
}

#[both]
async fn sessions_end_by_rest_by_age_and_by_sign_out(app: App) {
    app.scene(1);
    let minutes = chrono::TimeDelta::minutes;
    let ann = app.sign_in(Role::Support).await;
    app.desk.clock.advance(minutes(29));
    ann.get("/m/acme/customers").await.expect(200);
    app.desk.clock.advance(minutes(31));
    ann.get("/m/acme/customers").await.expect(303);
    // Never at rest, but too old.
    let ann = app.sign_in(Role::Support).await;
    for _ in 0..23 {
        app.desk.clock.advance(minutes(20));
        ann.get("/m/acme/customers").await.expect(200);
    }
    app.desk.clock.advance(minutes(21));
    ann.get("/m/acme/customers").await.expect(303);
    let ann = app.sign_in(Role::Support).await;
    let thief = ann.clone();
    let left = ann.post("/sign-out", &crate::support::client::Fields::default()).await.expect(303);
    assert_eq!(
        left.header("Clear-Site-Data"),
        r#""cache", "storage""#,
        "this browser stays known by its cookie"
    );
    thief.get("/m/acme/customers").await.expect(303);
    assert_eq!(app.count("sessions WHERE token_hash LIKE '%-%'"), 0, "tokens are kept hashed");
}
