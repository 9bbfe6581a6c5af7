//! Second factors: setting them up, the second step of signing in, recovery codes, and who can
//! reset them.

use chrono::TimeDelta;
use rewarddesk::{
    app::{
        factors::second_factors::FactorProof,
        sign_in::{
            finish_sign_in::{self, Finished},
            sessions::{self, Device, SessionLimits, SignInOutcome},
        },
    },
    domain::role::Role,
};

use crate::support::{App, Client, client::Fields, page::Page, world::PASSWORD};

/// An authenticator app with the secret of a page.
pub struct Phone(totp_rs::Totp);

impl Phone {
    /// As somebody types the secret that the page shows.
    pub fn of(page: &Page) -> Self {
        let letters = page
            .body
            .split("app-setup__letters\" translate=\"no\">")
            .nth(1)
            .unwrap()
            .split('<')
            .next()
            .unwrap();
        let secret = totp_rs::Secret::try_from_base32(letters.replace(' ', "")).unwrap();
        Self(
            totp_rs::Builder::new()
                .with_algorithm(totp_rs::Algorithm::SHA1)
                .with_secret(secret)
                .build()
                .unwrap(),
        )
    }

    /// The code of this moment, or of some steps later or earlier.
    pub fn code(&self, app: &App, steps: i64) -> String {
        let at = app.now().timestamp() + steps * 30;
        self.0.generate(u64::try_from(at).unwrap()).to_string()
    }
}

pub fn code(code: &str) -> Fields {
    Fields::default().with("code", code)
}

fn password() -> Fields {
    Fields::default().with("email", "support@desk.example").with("password", PASSWORD)
}

/// Sets up an authenticator app; answers it with the recovery codes.
pub async fn set_up(app: &App, who: &Client) -> (Phone, Vec<String>) {
    let page = who.get("/account/app").await.expect(200);
    let phone = Phone::of(&page);
    let form = page.fields("/account/app").with("code", &phone.code(app, 0));
    let done = who.post("/account/app", &form).await.expect(200);
    done.says("Your recovery codes");
    let codes: Vec<String> = done
        .body
        .split("translate=\"no\">")
        .skip(1)
        .map(|rest| rest.split('<').next().unwrap().to_owned())
        .collect();
    assert_eq!(codes.len(), 10);
    // The code that proved it is used up.
    app.desk.clock.advance(TimeDelta::seconds(90));
    app.overlook_mails();
    (phone, codes)
}

/// The password was right: now for the factor.
pub async fn after_password(app: &App) -> Client {
    let client = app.client();
    let answer =
        client.post("/sign-in", &password().with("return_to", "/m/acme/check")).await.expect(303);
    assert_eq!(answer.header("Location"), "/sign-in/factor?return_to=/m/acme/check");
    client
}

async fn is_in(client: &Client) -> bool {
    client.get("/m/acme/customers").await.status == 200
}

#[both]
async fn a_code_is_asked_for_after_the_password(app: App) {
    let kim = app.sign_in(Role::Support).await;
    kim.get("/account").await.expect(200).says("Set up an app");
    let (phone, _) = set_up(&app, &kim).await;
    kim.get("/account").await.says("Set up on").says("10 codes left");
    let client = after_password(&app).await;
    assert!(!is_in(&client).await);
    let page = client.get("/sign-in/factor?return_to=/m/acme/check").await.expect(200);
    page.says("Second factor").says("support@desk.example");
    let form = page.fields("/sign-in/factor");
    let answer = client
        .post("/sign-in/factor", &form.clone().with("code", &phone.code(&app, 0)))
        .await
        .expect(303);
    assert_eq!(answer.header("Location"), "/m/acme/check");
    assert!(is_in(&client).await);
    // The half sign-in is used up.
    client.post("/sign-in/factor", &form.with("code", &phone.code(&app, 1))).await.expect(303);
    assert_eq!(app.count("half_sign_ins"), 0);
    // The email about it is sent at any time.
    let records =
        app.texts("SELECT action AS v FROM audit_records WHERE action <> 'email.sent' ORDER BY id");
    assert_eq!(
        records,
        [
            "session.signed_in",
            "factor.app_added",
            "factor.recovery_codes_made",
            "session.password_accepted",
            "session.signed_in"
        ]
    );
    let last = app
        .text(
            "SELECT details FROM audit_records WHERE action <> 'email.sent' ORDER BY \
        id DESC LIMIT 1",
        )
        .unwrap();
    assert_eq!(last, r#"{"factor":"app"}"#);
}

#[both]
async fn the_first_factor_ends_sessions_that_never_showed_one(app: App) {
    let kim = app.sign_in(Role::Support).await;
    let thief = app.sign_in(Role::Support).await;
    let (phone, _) = set_up(&app, &kim).await;
    assert!(is_in(&kim).await && !is_in(&thief).await);
    let elsewhere = after_password(&app).await;
    elsewhere.post("/sign-in/factor", &code(&phone.code(&app, 0))).await.expect(303);
    app.desk.clock.advance(TimeDelta::seconds(90));
    let page = kim.get("/account/app").await.expect(200);
    let again = page.fields("/account/app").with("code", &Phone::of(&page).code(&app, 0));
    kim.post("/account/app", &again).await.expect(303);
    assert!(is_in(&elsewhere).await, "it has shown one");
    app.overlook_mails();
}

#[both]
async fn secrets_are_kept_sealed_or_hashed(app: App) {
    let kim = app.sign_in(Role::Support).await;
    let page = kim.get("/account/app").await;
    let before = app.count("users WHERE totp_secret IS NOT NULL");
    assert_eq!(before, 0, "looking keeps nothing");
    let letters = page
        .body
        .split("app-setup__letters\" translate=\"no\">")
        .nth(1)
        .unwrap()
        .split('<')
        .next()
        .unwrap()
        .replace(' ', "");
    let (_, codes) = set_up(&app, &kim).await;
    after_password(&app).await;
    let kept = app.text("SELECT totp_secret FROM users WHERE totp_secret IS NOT NULL").unwrap();
    assert!(!kept.contains(&letters) && kept.len() > 50, "{kept}");
    for code in &codes {
        for plain in [code.clone(), code.replace('-', "")] {
            assert_eq!(app.count(&format!("recovery_codes WHERE code_hash LIKE '%{plain}%'")), 0);
            assert_eq!(app.count(&format!("audit_records WHERE details LIKE '%{plain}%'")), 0);
        }
    }
    // Another's secret does not open for this user, nor does one that was changed.
    let other = app.sign_in(Role::Marketing).await;
    let theirs = other.get("/account/app").await.fields("/account/app");
    kim.post("/account/app", &theirs.with("code", "123456"))
        .await
        .expect(422)
        .says("isn't the current code");
    kim.post("/account/app", &code("123456").with("sealed", "nonsense")).await.expect(422);
}

#[both]
async fn a_code_signs_in_once_and_only_near_its_time(app: App) {
    let kim = app.sign_in(Role::Support).await;
    let (phone, _) = set_up(&app, &kim).await;
    let far = after_password(&app).await;
    for steps in [-2, 2] {
        far.post("/sign-in/factor", &code(&phone.code(&app, steps)))
            .await
            .expect(422)
            .says("isn't correct");
    }
    let first = after_password(&app).await;
    first.post("/sign-in/factor", &code(&phone.code(&app, -1))).await.expect(303);
    assert!(is_in(&first).await);
    let again = after_password(&app).await;
    again
        .post("/sign-in/factor", &code(&phone.code(&app, -1)))
        .await
        .expect(422)
        .says("already been used");
    let later = phone.code(&app, 1);
    again
        .post("/sign-in/factor", &code(&format!(" {} {} ", &later[..3], &later[3..])))
        .await
        .expect(303);
    assert!(is_in(&again).await);
    // A code of an earlier step than the last that was used is as good as used.
    let earlier = after_password(&app).await;
    earlier.post("/sign-in/factor", &code(&phone.code(&app, 0))).await.expect(422);
    assert_eq!(app.count("audit_records WHERE action = 'factor.failed'"), 4);
}

#[both]
async fn one_code_twice_at_once_makes_one_session(app: App) {
    let kim = app.sign_in(Role::Support).await;
    let (phone, codes) = set_up(&app, &kim).await;
    for shown in [phone.code(&app, 0), codes[0].clone()] {
        let before = app.count("sessions");
        let (one, two) = (after_password(&app).await, after_password(&app).await);
        let form = code(&shown);
        let answers =
            tokio::join!(one.post("/sign-in/factor", &form), two.post("/sign-in/factor", &form));
        let mut statuses = [answers.0.status, answers.1.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 422]);
        assert_eq!(app.count("sessions"), before + 1);
        assert!(is_in(&one).await != is_in(&two).await);
    }
    // The same half sign-in twice at once, with two codes that are right.
    let before = app.count("sessions");
    let client = after_password(&app).await;
    let (one, two) = (code(&codes[1]), code(&codes[2]));
    tokio::join!(client.post("/sign-in/factor", &one), client.post("/sign-in/factor", &two));
    assert_eq!(app.count("sessions"), before + 1);
}

#[both]
async fn five_wrong_factors_end_it(app: App) {
    let kim = app.sign_in(Role::Support).await;
    let (phone, _) = set_up(&app, &kim).await;
    let client = after_password(&app).await;
    for left in ["4 tries", "3 tries", "2 tries", "1 try"] {
        client
            .post("/sign-in/factor", &code("000000"))
            .await
            .expect(422)
            .says(&format!("{left} left"));
    }
    let over = client.post("/sign-in/factor", &code("000000")).await.expect(303);
    client.get(over.header("Location")).await.says("Sign in again.");
    client.post("/sign-in/factor", &code(&phone.code(&app, 0))).await.expect(303);
    assert!(!is_in(&client).await);
    assert_eq!(app.count("audit_records WHERE action = 'factor.failed'"), 5);
}

#[both]
async fn guesses_are_throttled_and_counted_over_all_sign_ins(app: App) {
    let kim = app.sign_in(Role::Support).await;
    let (phone, codes) = set_up(&app, &kim).await;
    let client = after_password(&app).await;
    let (other, third) = (after_password(&app).await, after_password(&app).await);
    let statuses = async |client: &Client, n: usize| {
        let mut all = vec![];
        for _ in 0..n {
            all.push(client.post("/sign-in/factor", &code("000000")).await.status);
        }
        all
    };
    assert_eq!(statuses(&client, 5).await, [422, 422, 422, 422, 303]);
    assert_eq!(statuses(&other, 5).await, [422, 422, 422, 422, 303]);
    third.post("/sign-in/factor", &code("000000")).await.expect(429).says("Wait a minute");
    // From elsewhere there would be tries left, but the user's codes are not looked at for a while.
    app.exec("UPDATE half_sign_ins SET failures = 15 WHERE failures = 5");
    let from_elsewhere = |code: String| {
        let (limits, device) = (SessionLimits::default(), Device::default());
        let half =
            sessions::sign_in(&app.desk, "support@desk.example", PASSWORD, limits, &device, "")
                .unwrap();
        let SignInOutcome::NeedsSecondFactor { token } = half else { panic!("{half:?}") };
        finish_sign_in::finish(&app.desk, &token, &FactorProof::Code(code), limits, &device, "")
            .unwrap()
    };
    for shown in [phone.code(&app, 0), codes[0].clone()] {
        assert!(matches!(from_elsewhere(shown), Finished::TooMany));
    }
    // Somebody who begins early and guesses at the last moment gains nothing: what failed within
    // ten minutes counts, whenever it began.
    app.desk.clock.advance(TimeDelta::minutes(10));
    assert!(matches!(from_elsewhere(codes[0].clone()), Finished::TooMany));
    app.desk.clock.advance(TimeDelta::minutes(11));
    assert!(matches!(from_elsewhere(codes[0].clone()), Finished::In { .. }));
}

#[both]
async fn a_recovery_code_works_once(app: App) {
    let kim = app.sign_in(Role::Support).await;
    let (_, codes) = set_up(&app, &kim).await;
    let client = after_password(&app).await;
    client
        .post("/sign-in/factor", &code(&codes[3].to_uppercase().replace('-', " ")))
        .await
        .expect(303);
    assert!(is_in(&client).await);
    client.get("/account").await.says("9 codes left");
    let again = after_password(&app).await;
    again.post("/sign-in/factor", &code(&codes[3])).await.expect(422);
    assert!(!is_in(&again).await);
    // Another's code is none of this user's.
    let mia = app.sign_in(Role::Marketing).await;
    let (_, theirs) = set_up(&app, &mia).await;
    again.post("/sign-in/factor", &code(&theirs[0])).await.expect(422);
    assert_eq!(app.count("audit_records WHERE action = 'factor.recovery_code_used'"), 1);
}

#[both]
async fn new_recovery_codes_take_a_factor_and_end_the_old(app: App) {
    let kim = app.sign_in(Role::Support).await;
    kim.get("/account/recovery-codes").await.says("you don't have one yet");
    kim.post("/account/recovery-codes", &code("000000")).await.expect(422);
    assert_eq!(app.count("recovery_codes"), 0);
    let (phone, old) = set_up(&app, &kim).await;
    kim.post("/account/recovery-codes", &code("000000"))
        .await
        .expect(422)
        .says("Nothing was changed");
    kim.post("/account/recovery-codes", &Fields::default()).await.expect(422);
    kim.post("/account/recovery-codes", &code(&phone.code(&app, 0)))
        .await
        .expect(200)
        .says("Your recovery codes");
    assert_eq!(app.count("recovery_codes"), 10);
    after_password(&app).await.post("/sign-in/factor", &code(&old[0])).await.expect(422);
    app.overlook_mails();
}

#[both]
async fn half_a_sign_in_opens_nothing_and_ends(app: App) {
    let kim = app.sign_in(Role::Support).await;
    let (phone, _) = set_up(&app, &kim).await;
    let client = after_password(&app).await;
    for rule in rewarddesk::web::server::router::rules()
        .all()
        .iter()
        .filter(|rule| rule.access != rewarddesk::web::server::access::Access::Public)
    {
        let path = rule
            .pattern
            .replace("{merchant}", "acme")
            .replace("{id}", "1")
            .replace("{reward}", "1")
            .replace("{mail}", "1");
        let method = reqwest::Method::from_bytes(rule.method.as_str().as_bytes()).unwrap();
        let answer = crate::support::client::send(client.request(method, &path)).await.expect(303);
        assert!(answer.header("Location").starts_with("/sign-in"), "{path}");
    }
    // Its token is none of a session's, under whichever name it comes.
    let set = app.client().post("/sign-in", &password()).await;
    let token = set.header("Set-Cookie").split(['=', ';']).nth(1).unwrap().to_owned();
    assert!(
        set.header("Set-Cookie").contains("Max-Age=600")
            && set.header("Set-Cookie").contains("HttpOnly")
    );
    let forged = app
        .client()
        .bare(
            reqwest::Method::GET,
            "/m/acme/customers",
            &[("Cookie", &format!("rewarddesk={token}"))],
        )
        .await;
    assert_eq!(forged.status, 303);
    assert_eq!(
        app.count(&format!("half_sign_ins WHERE token_hash = '{token}'")),
        0,
        "tokens are kept hashed"
    );
    app.desk.clock.advance(TimeDelta::minutes(10));
    client.post("/sign-in/factor", &code(&phone.code(&app, 0))).await.expect(303);
    assert!(!is_in(&client).await);
    client.get("/sign-in/factor").await.expect(303);
    app.client().get("/sign-in/factor").await.expect(303);
    app.client().post("/sign-in/factor/options", &Fields::default()).await.expect(404);
}

#[both]
async fn a_session_that_a_browser_brings_along_is_not_taken_over(app: App) {
    let kim = app.sign_in(Role::Support).await;
    let (phone, _) = set_up(&app, &kim).await;
    let before = app.texts("SELECT token_hash AS v FROM sessions");
    // The browser already has a session's cookie, and a half's, both known to somebody else.
    let client = kim.clone();
    client.post("/sign-in", &password()).await.expect(303);
    client.post("/sign-in/factor", &code(&phone.code(&app, 0))).await.expect(303);
    let after = app.texts("SELECT token_hash AS v FROM sessions");
    assert_eq!(after.len(), before.len() + 1, "a new session, with a token of its own");
}

#[both]
async fn a_change_of_standing_ends_half_a_sign_in(app: App) {
    let kim = app.sign_in(Role::Support).await;
    let support = app.number("SELECT id FROM users WHERE email = 'support@desk.example'");
    let (phone, _) = set_up(&app, &kim).await;
    let ada = app.sign_in(Role::Administrator).await;
    for act in ["disable", "sessions", "factors"] {
        let client = after_password(&app).await;
        ada.post(&format!("/m/acme/users/{support}/{act}"), &Fields::default()).await.expect(303);
        client.post("/sign-in/factor", &code(&phone.code(&app, 0))).await.expect(303);
        assert!(!is_in(&client).await, "{act}");
        ada.post(&format!("/m/acme/users/{support}/enable"), &Fields::default()).await.expect(303);
    }
    app.overlook_mails();
}

#[both]
async fn an_administrator_resets_a_lost_factor_and_nobody_else(app: App) {
    let mut app = app;
    let kim = app.sign_in(Role::Support).await;
    let support = app.number("SELECT id FROM users WHERE email = 'support@desk.example'");
    set_up(&app, &kim).await;
    let path = format!("/m/acme/users/{support}/factors");
    let sue = app.sign_in(Role::Supervisor).await;
    sue.post(&path, &Fields::default()).await.expect(403).says("Nothing was changed");
    let globex = app.another_merchant("globex");
    app.world.inside(globex, |w| w.insert_membership(support, Role::Support));
    let ada = app.sign_in(Role::Administrator).await;
    ada.post(&path, &Fields::default()).await.expect(409).says("where you're not an administrator");
    let own = app.number("SELECT id FROM users WHERE email = 'administrator@desk.example'");
    ada.post(&format!("/m/acme/users/{own}/factors"), &Fields::default())
        .await
        .expect(409)
        .says("can't do this to yourself");
    app.world.inside(globex, |w| w.insert_membership(own, Role::Administrator));
    let done = ada.post(&path, &Fields::default()).await.expect(303);
    ada.get(done.header("Location")).await.says("Second factors reset");
    assert!(!is_in(&kim).await, "whoever has the device may be in a session");
    app.client().signed_in("support@desk.example").await;
    assert_eq!(app.count("recovery_codes"), 0);
    assert_eq!(
        app.count("audit_records WHERE action = 'user.factors_reset'"),
        2,
        "one in each merchant"
    );
    app.overlook_mails();
}

#[both]
async fn a_merchant_can_require_a_factor(app: App) {
    let mut app = app;
    let kim = app.sign_in(Role::Support).await;
    let support = app.number("SELECT id FROM users WHERE email = 'support@desk.example'");
    let globex = app.another_merchant("globex");
    app.world.inside(globex, |w| w.insert_membership(support, Role::Support));
    app.exec("UPDATE merchants SET requires_second_factor = TRUE WHERE slug = 'acme'");
    let shut = kim.get("/m/acme/customers").await.expect(403);
    shut.says("This merchant requires a second factor").says("Set up a second factor");
    kim.get_fragment("/m/acme/customers?q=jo").await.expect(403).says("second factor");
    kim.post("/m/acme/check", &code("X")).await.expect(403);
    kim.get("/m/globex/customers").await.expect(200);
    kim.get("/account").await.expect(200).says("ACME Ltd opens only with a second factor");
    let (phone, _) = set_up(&app, &kim).await;
    kim.get("/m/acme/customers").await.expect(200);
    kim.post("/account/app/removal", &Fields::default()).await.expect(303);
    kim.get("/m/acme/customers").await.expect(403);
    assert_eq!(app.count("recovery_codes"), 0, "they recover nothing any more");
    kim.post("/account/app/removal", &Fields::default()).await.expect(404);
    // Without a factor one still signs in, and is led to set one up.
    let again = app.client().signed_in("support@desk.example").await;
    again.get("/m/acme/customers").await.expect(403);
    drop(phone);
    app.overlook_mails();
}

#[both]
async fn passkeys_need_a_host_name_and_answers_of_nobody_are_refused(app: App) {
    let kim = app.sign_in(Role::Support).await;
    kim.get("/account/passkeys/new").await.expect(200).says("which this desk doesn't have");
    kim.post("/account/passkeys/options", &Fields::default()).await.expect(422);
    let made = Fields::default().with("name", "Phone").with("passkey", "{}");
    kim.post("/account/passkeys", &made).await.expect(422);
    kim.post("/account/passkeys", &Fields::default().with("passkey", "{}")).await.expect(422);
    kim.post("/account/passkeys/1/removal", &Fields::default()).await.expect(404);
    let nobody = app.client();
    for answer in [
        "",
        "{}",
        "[]",
        "\u{0}",
        "{\"id\":\"AA\",\"rawId\":\"AA\",\"type\":\"public-key\",\"response\":{},\"extensions\":{}}",
    ] {
        let form = Fields::default().with("passkey", answer).with("sealed", "x");
        nobody.post("/sign-in/passkey", &form).await.expect(422).says("isn't registered here");
        kim.post("/confirm", &form).await.expect(422);
    }
    assert_eq!(app.count("passkeys"), 0);
}
