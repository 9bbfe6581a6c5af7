//! Every action leaves a record: every unsafe route of the router's own table is driven
//! with a good form (issue 4, point 5).

use Leaves::{Elsewhere, Nothing, Record};
use chrono::TimeDelta;
use rewarddesk::{app::users::set_up::open_the_door, domain::role::Role, web::server::router};

use super::{
    factors::{after_password, code, set_up as set_up_app},
    imports::{paste, shown},
    purges::confirmed,
    settings::settings,
    users::token,
};
use crate::support::{
    App, Client, Engine, Fixture,
    client::Fields,
    page::Page,
    world::{PASSWORD, barred, usable},
};

/// What a successful act leaves in the log.
#[derive(Debug, Clone, Copy)]
enum Leaves {
    /// A record of this action.
    Record(&'static str),
    /// Nothing, and why that is right.
    Nothing(&'static str),
    /// A record; it takes a real browser or a provider to get there, and the tests named look for
    /// it.
    Elsewhere(&'static str),
}

const QUESTION: &str = "hands out a question for an authenticator; the answer to it is the act";
const PREVIEW: &str = "only reads a file and shows what is in it; the confirmation is the act";
const PASSKEYS: &str = "browser::factors";

const TRACES: &[(&str, Leaves)] = &[
    ("/sign-in", Record("session.signed_in")),
    ("/sign-out", Record("session.signed_out")),
    ("/sign-in/factor", Record("session.signed_in")),
    ("/sign-in/factor/options", Nothing(QUESTION)),
    ("/sign-in/passkey", Elsewhere(PASSKEYS)),
    ("/sign-in/passkey/options", Nothing(QUESTION)),
    ("/setup", Record("user.added")),
    ("/welcome", Record("user.password_chosen")),
    ("/forgotten", Record("user.password_forgotten")),
    ("/offers/{merchant}/acceptance", Elsewhere("http::offers")),
    ("/offers/{merchant}/refusal", Elsewhere("http::offers")),
    ("/confirm", Record("session.confirmed")),
    ("/confirm/options", Nothing(QUESTION)),
    ("/account/password", Record("user.password_changed")),
    ("/account/sessions/end-others", Record("user.sessions_ended")),
    ("/account/sessions/{id}/end", Record("user.sessions_ended")),
    ("/account/app", Record("factor.app_added")),
    ("/account/app/removal", Record("factor.app_removed")),
    ("/account/recovery-codes", Record("factor.recovery_codes_made")),
    ("/account/passkeys/options", Nothing(QUESTION)),
    ("/account/passkeys", Elsewhere(PASSKEYS)),
    ("/account/passkeys/{id}/removal", Elsewhere(PASSKEYS)),
    ("/confirm/sso", Nothing("leads to the provider; coming back from there is the act")),
    (
        "/account/identity/start",
        Nothing("leads to the provider; the page that shows the account is the act"),
    ),
    ("/account/identity", Elsewhere("http::single_sign_on_links")),
    ("/account/identity/removal", Elsewhere("http::single_sign_on")),
    ("/m/{merchant}/customers/{id}/rewards/{reward}/reissue", Record("coupon.reissued")),
    ("/m/{merchant}/customers/{id}/rewards/{reward}/resend", Record("email.resent")),
    ("/m/{merchant}/customers/{id}/block", Record("customer.blocked")),
    ("/m/{merchant}/customers/{id}/unblock", Record("customer.unblocked")),
    ("/m/{merchant}/customers/{id}/emails-off", Record("customer.emails_chosen")),
    ("/m/{merchant}/customers/{id}/emails-on", Record("customer.emails_chosen")),
    ("/m/{merchant}/customers/{id}/purge", Record("customer.purged")),
    ("/m/{merchant}/batches", Nothing(PREVIEW)),
    ("/m/{merchant}/batches/{id}/vouchers", Nothing(PREVIEW)),
    ("/m/{merchant}/batches/{id}/validity", Record("batch.validity_adjusted")),
    ("/m/{merchant}/batches/{id}/lines", Record("batch.lines_drawn")),
    ("/m/{merchant}/batches/{id}/withdrawals", Record("vouchers.withdrawn")),
    ("/m/{merchant}/batches/{id}/export", Record("batch.codes_exported")),
    ("/m/{merchant}/imports/{id}/confirm", Record("vouchers.imported")),
    (
        "/m/{merchant}/imports/{id}/cancel",
        Nothing("takes back a file of which nothing came in; the list of imports keeps who did it"),
    ),
    ("/m/{merchant}/alerts", Record("user.alerts_chosen")),
    ("/m/{merchant}/alerts/rules", Record("merchant.stock_rules_drawn")),
    ("/m/{merchant}/redemptions", Nothing(PREVIEW)),
    ("/m/{merchant}/bars", Nothing(PREVIEW)),
    ("/m/{merchant}/coupons/{id}/bar", Record("coupon.barred")),
    ("/m/{merchant}/coupons/{id}/unbar", Record("coupon.unbarred")),
    ("/m/{merchant}/coupons/{id}/use", Record("coupon.marked_used")),
    (
        "/m/{merchant}/check",
        Nothing(
            "looks up the one code that was typed, as the search does; it is posted to keep the \
             code out of the address",
        ),
    ),
    ("/m/{merchant}/users", Record("user.invited")),
    ("/m/{merchant}/users/{id}/role", Record("role.changed")),
    ("/m/{merchant}/users/{id}/invitation", Record("user.invited")),
    ("/m/{merchant}/users/{id}/removal", Record("role.removed")),
    ("/m/{merchant}/users/{id}/disable", Record("user.disabled")),
    ("/m/{merchant}/users/{id}/enable", Record("user.enabled")),
    ("/m/{merchant}/users/{id}/unlock", Record("user.unlocked")),
    ("/m/{merchant}/users/{id}/sessions", Record("user.sessions_ended")),
    ("/m/{merchant}/users/{id}/factors", Record("user.factors_reset")),
    ("/m/{merchant}/settings", Record("merchant.settings_changed")),
    ("/m/{merchant}/audit/export", Record("audit.exported")),
];

fn unsafe_patterns() -> Vec<&'static str> {
    router::rules()
        .all()
        .iter()
        .filter(|rule| !matches!(rule.method.as_str(), "GET" | "HEAD"))
        .map(|rule| rule.pattern)
        .collect()
}

#[test]
fn every_unsafe_route_says_what_it_leaves_in_the_log() {
    let patterns = unsafe_patterns();
    for pattern in &patterns {
        assert!(
            TRACES.iter().any(|(known, _)| known == pattern),
            "no line says what POST {pattern} leaves in the audit log"
        );
    }
    assert_eq!(patterns.len(), TRACES.len(), "there are lines for routes that are gone");
    for (pattern, leaves) in TRACES {
        match leaves {
            Nothing(why) | Elsewhere(why) => assert!(!why.is_empty(), "{pattern}"),
            Record(action) => assert!(action.contains('.'), "{pattern}"),
        }
    }
}

fn nothing() -> Fields {
    Fields::default()
}

fn with(name: &str, value: &str) -> Fields {
    Fields::default().with(name, value)
}

/// An act on one's own account, or on the way in.
async fn act_of_one(app: &App, pattern: &str) -> Page {
    let password = with("email", "support@desk.example").with("password", PASSWORD);
    match pattern {
        "/setup" => {
            let link = open_the_door(&app.desk).unwrap().expect("nobody can sign in yet");
            let form = with("token", link.split("/setup?token=").nth(1).unwrap())
                .with("name", "Fay")
                .with("email", "fay@desk.example");
            app.client().post(pattern, &form.with("password", "anchor violin tulip 7")).await
        }
        "/sign-in" => {
            app.user(Role::Support);
            app.client().post(pattern, &password).await
        }
        "/sign-in/factor" => {
            let (phone, _) = set_up_app(app, &app.sign_in(Role::Support).await).await;
            after_password(app).await.post(pattern, &code(&phone.code(app, 0))).await
        }
        "/welcome" => {
            let ada = app.sign_in(Role::Administrator).await;
            ada.post(
                "/m/acme/users",
                &with("email", "ina@desk.example").with("name", "Ina").with("role", "support"),
            )
            .await
            .expect(303);
            let letter = app.mails(1).await.remove(0);
            app.client()
                .post(
                    pattern,
                    &with("token", &token(&letter.text)).with("password", "anchor violin tulip 7"),
                )
                .await
        }
        "/forgotten" => {
            app.user(Role::Support);
            let page = app.client().post(pattern, &with("email", "support@desk.example")).await;
            app.mails(1).await;
            page
        }
        _ => {
            let kim = app.sign_in(Role::Support).await;
            match pattern {
                "/sign-out" => kim.post(pattern, &nothing()).await,
                "/confirm" => kim.post(pattern, &with("password", PASSWORD)).await,
                "/account/password" => {
                    kim.post(pattern, &with("old", PASSWORD).with("new", "anchor violin tulip 7"))
                        .await
                }
                "/account/sessions/end-others" => {
                    app.sign_in(Role::Support).await;
                    kim.post(pattern, &nothing()).await
                }
                "/account/sessions/{id}/end" => {
                    app.sign_in(Role::Support).await;
                    let id = app.number("SELECT max(id) FROM sessions");
                    kim.post(&pattern.replace("{id}", &id.to_string()), &nothing()).await
                }
                "/account/app" => {
                    set_up_app(app, &kim).await;
                    kim.get("/account").await
                }
                "/account/app/removal" => {
                    set_up_app(app, &kim).await;
                    kim.post(pattern, &nothing()).await
                }
                "/account/recovery-codes" => {
                    let (phone, _) = set_up_app(app, &kim).await;
                    kim.post(pattern, &code(&phone.code(app, 0))).await
                }
                other => panic!("nobody knows a good form for POST {other}"),
            }
        }
    }
}

/// An act on a user, done by an administrator.
async fn act_on_user(app: &App, pattern: &str) -> Page {
    let (support, ada) = (app.user(Role::Support), app.sign_in(Role::Administrator).await);
    let path = pattern.replace("{merchant}", "acme").replace("{id}", &support.to_string());
    let form = match pattern.rsplit('/').next().unwrap_or_default() {
        "users" => with("email", "ina@desk.example").with("name", "Ina").with("role", "support"),
        "role" => with("role", "marketing"),
        "invitation" => {
            let asked = ada
                .post(
                    "/m/acme/users",
                    &with("email", "ina@desk.example").with("name", "Ina").with("role", "support"),
                )
                .await;
            let page = asked
                .expect(303)
                .header("Location")
                .split('?')
                .next()
                .unwrap_or_default()
                .to_owned();
            return ada.post(&format!("{page}/invitation"), &nothing()).await;
        }
        "enable" => {
            ada.post(&path.replace("enable", "disable"), &nothing()).await.expect(303);
            nothing()
        }
        "unlock" => {
            let long_ago = app.sql(app.now() - TimeDelta::days(90));
            app.exec(&format!(
                "UPDATE users SET created_at = {long_ago}, last_seen_at = \
                {long_ago} WHERE id = {support}"
            ));
            nothing()
        }
        "factors" => {
            set_up_app(app, &app.sign_in(Role::Support).await).await;
            nothing()
        }
        _ => nothing(),
    };
    ada.post(&path, &form).await
}

/// An act on a customer, a coupon, a batch or the merchant, done by an administrator.
async fn act_in_merchant(app: &App, pattern: &str) -> Page {
    let scene = app.scene(3);
    let ada = app.sign_in(Role::Administrator).await;
    let id = if pattern.contains("/batches/") { scene.batch } else { scene.customer };
    let path = pattern
        .replace("{merchant}", "acme")
        .replace("{id}", &id.to_string())
        .replace("{reward}", &scene.reward.to_string());
    let reason = with("reason", "a test");
    let coupon = |new| app.coupon(scene.batch, new);
    let form = match pattern.trim_start_matches("/m/{merchant}") {
        "/customers/{id}/rewards/{reward}/reissue" => ada.dialog(&path).await,
        "/customers/{id}/rewards/{reward}/resend" => {
            let dialog = app.reissue_path(scene.customer, scene.reward);
            ada.post(&dialog, &ada.dialog(&dialog).await.ticked()).await.expect(303);
            app.mails(1).await;
            nothing()
        }
        "/customers/{id}/block" => reason,
        "/customers/{id}/unblock" => {
            ada.post(&path.replace("unblock", "block"), &reason).await.expect(303);
            reason
        }
        "/customers/{id}/emails-off" => nothing(),
        "/customers/{id}/emails-on" => {
            ada.post(&path.replace("-on", "-off"), &nothing()).await.expect(303);
            nothing()
        }
        "/customers/{id}/purge" => confirmed(scene.customer),
        "/batches/{id}/validity" => {
            with("valid_from", "2026-10-01").with("valid_until", "2027-12-31")
        }
        "/batches/{id}/lines" => with("threshold", "4").with("reserve", "1"),
        "/batches/{id}/withdrawals" => reason.with("codes", "3"),
        "/batches/{id}/export" => with("codes", "all"),
        "/imports/{id}/confirm" => return import(&ada, scene.batch).await,
        "/alerts" => with("mode", "each"),
        "/alerts/rules" => with("threshold", "250").with("least_days", "14"),
        "/coupons/{id}/bar" => {
            return ada
                .post(&format!("/m/acme/coupons/{}/bar", coupon(&usable("C-1"))), &reason)
                .await;
        }
        "/coupons/{id}/unbar" => {
            return ada
                .post(&format!("/m/acme/coupons/{}/unbar", coupon(&barred("C-1"))), &reason)
                .await;
        }
        "/coupons/{id}/use" => {
            let (_, good) = app.reward_with(scene.customer, scene.batch, "R-2", &usable("GOOD-1"));
            let path = format!("/m/acme/coupons/{good}/use");
            return ada
                .post(&path, &ada.get(&path).await.fields(&path).with("order_id", "O-77"))
                .await;
        }
        "/settings" => settings().with("name", "ACME & Sons"),
        "/audit/export" => with("format", "csv"),
        other => panic!("nobody knows a good form for POST {other}"),
    };
    ada.post(&path, &form).await
}

async fn import(ada: &Client, batch: i64) -> Page {
    let preview = shown(
        ada,
        &paste(ada, &format!("/m/acme/batches/{batch}/vouchers"), "NEW-1\nNEW-2\n").await,
    )
    .await;
    let confirmed = ada.post(&format!("{}/confirm", preview.address.path()), &nothing()).await;
    shown(ada, &confirmed).await
}

/// Does each act of `which` routes in a desk of its own, and looks for its record.
async fn walk(engine: Engine, which: impl Fn(&str) -> bool) {
    for (pattern, leaves) in TRACES.iter().filter(|(pattern, _)| which(pattern)) {
        let Record(action) = leaves else { continue };
        let app = App::on(engine).await;
        let of_users = pattern.starts_with("/m/{merchant}/users");
        let page = match (of_users, pattern.starts_with("/m/")) {
            (true, _) => act_on_user(&app, pattern).await,
            (false, true) => act_in_merchant(&app, pattern).await,
            (false, false) => act_of_one(&app, pattern).await,
        };
        assert!(
            matches!(page.status, 200 | 303),
            "POST {pattern} was not done: {} {}",
            page.status,
            page.words()
        );
        let left = app.count(&format!("audit_records WHERE action = '{action}'"));
        assert!(left > 0, "POST {pattern} left no record {action}");
        app.overlook_mails();
    }
}

#[both]
async fn whatever_one_does_on_the_way_in_is_on_record(app: App) {
    walk(engine(&app), |pattern| !pattern.starts_with("/m/")).await;
}

#[both]
async fn whatever_one_does_to_users_is_on_record(app: App) {
    walk(engine(&app), |pattern| pattern.starts_with("/m/{merchant}/users")).await;
}

#[both]
async fn whatever_one_does_in_a_merchant_is_on_record(app: App) {
    walk(engine(&app), |pattern| {
        pattern.starts_with("/m/") && !pattern.starts_with("/m/{merchant}/users")
    })
    .await;
}

fn engine(app: &App) -> Engine {
    if app.is_sqlite() { Engine::Sqlite } else { Engine::Postgres }
}
