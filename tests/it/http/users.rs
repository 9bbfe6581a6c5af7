//! Users: inviting, choosing a password, roles, leaving, and who may do what to whom.

use chrono::TimeDelta;
use rewarddesk::{domain::role::Role, mail::memory::Behaviour};

use crate::support::{App, client::Fields, world::PASSWORD};

const NEW_PASSWORD: &str = "anchor violin tulip 7";

fn invitation(email: &str, role: &str) -> Fields {
    Fields::default().with("email", email).with("name", "Ina Invited").with("role", role)
}

/// The token of the link in a mail.
pub fn token(text: &str) -> String {
    let after = text.split("/welcome?token=").nth(1).unwrap_or_else(|| panic!("no link in {text}"));
    after.split_whitespace().next().unwrap_or_default().to_owned()
}

fn password(token: &str, password: &str) -> Fields {
    Fields::default().with("token", token).with("password", password)
}

fn sign_in(email: &str, password: &str) -> Fields {
    Fields::default().with("email", email).with("password", password)
}

#[both]
async fn an_invitation_lets_one_person_in_once(app: App) {
    let ada = app.sign_in(Role::Administrator).await;
    let answer =
        ada.post("/m/acme/users", &invitation(" Ina@Desk.example ", "marketing")).await.expect(303);
    ada.get(answer.header("Location"))
        .await
        .says("Invitation on its way")
        .says("Invited")
        .says("Marketing")
        .says("Invitation ends");
    let mail = app.mails(1).await.remove(0);
    assert_eq!(
        (mail.recipient.as_str(), mail.subject.as_str()),
        ("ina@desk.example", "Your invitation to ACME Ltd")
    );
    assert!(
        mail.text.contains("Casey Administrator has given you the role Marketing in ACME Ltd."),
        "{}",
        mail.text
    );
    let token = token(&mail.text);
    let nobody = app.client();
    nobody.post("/sign-in", &sign_in("ina@desk.example", "")).await.expect(422);
    nobody
        .get(&format!("/welcome?token={token}"))
        .await
        .expect(200)
        .says("Choose a password for ina@desk.example");
    nobody.post("/welcome", &password(&token, "short")).await.expect(422).says("use 12 or more");
    nobody
        .post("/welcome", &password(&token, "ina.invited.2026"))
        .await
        .expect(422)
        .says("too easy to guess");
    nobody.post("/welcome", &password(&token, NEW_PASSWORD)).await.expect(303);
    nobody
        .post("/welcome", &password(&token, "another violin 88"))
        .await
        .expect(404)
        .says("This link can't be used");
    nobody.post("/sign-in", &sign_in("ina@desk.example", NEW_PASSWORD)).await.expect(303);
    assert_eq!(
        app.count("audit_records WHERE action IN ('user.invited', 'user.password_chosen')"),
        2
    );
    assert_eq!(
        app.count("mails WHERE text_body LIKE '%token%' OR html_body LIKE '%token%'"),
        0,
        "a link is a secret: it goes once it is sent"
    );
    assert_eq!(
        app.count(&format!("account_links WHERE token_hash = '{token}'")),
        0,
        "tokens are kept hashed"
    );
}

#[both]
async fn links_end_with_time_and_with_the_next_one(app: App) {
    let ada = app.sign_in(Role::Administrator).await;
    let answer =
        ada.post("/m/acme/users", &invitation("ina@desk.example", "support")).await.expect(303);
    let page = answer.header("Location").split('?').next().unwrap_or_default().to_owned();
    let first = token(&app.mails(1).await[0].text);
    ada.post(&format!("{page}/invitation"), &Fields::default()).await.expect(303);
    let second = token(&app.mails(2).await[1].text);
    app.client().get(&format!("/welcome?token={first}")).await.expect(404);
    app.desk.clock.advance(TimeDelta::days(7) - TimeDelta::seconds(1));
    app.client().get(&format!("/welcome?token={second}")).await.expect(200);
    app.desk.clock.advance(TimeDelta::seconds(1));
    app.client().get(&format!("/welcome?token={second}")).await.expect(404);
}

#[both]
async fn a_forgotten_password_is_told_to_its_owner_only(app: App) {
    let support = app.user(Role::Support);
    let client = app.client();
    let at_work = app.sign_in(Role::Support).await;
    for email in ["nobody@desk.example", "not an address", "support@desk.example"] {
        client.post("/forgotten", &Fields::default().with("email", email)).await.expect(303);
    }
    client.get("/forgotten?sent=yes").await.says("If that address belongs to a user");
    let mail = app.mails(1).await.remove(0);
    assert_eq!(mail.recipient, "support@desk.example");
    client.post("/welcome", &password(&token(&mail.text), NEW_PASSWORD)).await.expect(303);
    at_work.get("/m/acme/customers").await.expect(303);
    client.post("/sign-in", &sign_in("support@desk.example", PASSWORD)).await.expect(422);
    client.post("/sign-in", &sign_in("support@desk.example", NEW_PASSWORD)).await.expect(303);
    assert_eq!(app.mails(2).await[1].subject, "Your password was changed");
    assert_eq!(
        app.count(&format!("users WHERE id = {support} AND password_changed_at IS NOT NULL")),
        1
    );
}

#[both]
async fn who_manages_whom_is_as_the_table_says(app: App) {
    let (support, marketing) = (app.user(Role::Support), app.user(Role::Marketing));
    let role = |word: &str| Fields::default().with("role", word);
    let sue = app.sign_in(Role::Supervisor).await;
    sue.get(&format!("/m/acme/users/{marketing}")).await.says("Your role doesn't allow this");
    sue.post(&format!("/m/acme/users/{marketing}/role"), &role("support"))
        .await
        .expect(403)
        .says("Nothing was changed");
    sue.post(&format!("/m/acme/users/{support}/role"), &role("supervisor")).await.expect(403);
    sue.post("/m/acme/users", &invitation("x@desk.example", "marketing"))
        .await
        .expect(422)
        .says("your role doesn't allow you to give this role");
    sue.post(&format!("/m/acme/users/{support}/disable"), &Fields::default()).await.expect(403);
    sue.post(&format!("/m/acme/users/{support}/removal"), &Fields::default()).await.expect(303);
    let ada = app.sign_in(Role::Administrator).await;
    let done =
        ada.post(&format!("/m/acme/users/{marketing}/role"), &role("supervisor")).await.expect(303);
    ada.get(done.header("Location")).await.says("Role changed").says("Customer Support Supervisor");
    ada.post(&format!("/m/acme/users/{support}/role"), &role("support")).await.expect(404);
    assert_eq!(
        app.text("SELECT details FROM audit_records WHERE action = 'role.changed'").as_deref(),
        Some(
            format!(
                "{{\"user\":{marketing},\"role\":\"supervisor\",\"role_before\":\"marketing\"}}"
            )
            .as_str()
        )
    );
    ada.get("/m/acme/permissions")
        .await
        .says("Your role in ACME Ltd is Administrator.")
        .says("purge customers' data");
}

#[both]
async fn disabling_ends_every_session_after_asking_other_merchants(app: App) {
    let mut app = app;
    let globex = app.another_merchant("globex");
    let support = app.user(Role::Support);
    app.world.inside(globex, |w| w.insert_membership(support, Role::Support));
    let at_work = app.sign_in(Role::Support).await;
    let ada = app.sign_in(Role::Administrator).await;
    let act = |what: &str| format!("/m/acme/users/{support}/{what}");
    ada.get(&format!("/m/acme/users/{support}"))
        .await
        .says("This user also belongs to merchants where you're not an administrator.");
    ada.post(&act("disable"), &Fields::default()).await.expect(409);
    at_work.get("/m/acme/customers").await.expect(200);
    let own = app.number("SELECT id FROM users WHERE email = 'administrator@desk.example'");
    app.world.inside(globex, |w| w.insert_membership(own, Role::Administrator));
    ada.post(&act("disable"), &Fields::default()).await.expect(303);
    at_work.get("/m/acme/customers").await.expect(303);
    app.client().post("/sign-in", &sign_in("support@desk.example", PASSWORD)).await.expect(422);
    assert_eq!(
        app.count("audit_records WHERE action = 'user.disabled'"),
        2,
        "one in each merchant"
    );
    ada.post(&act("enable"), &Fields::default()).await.expect(303);
    let again = app.sign_in(Role::Support).await;
    ada.post(&act("sessions"), &Fields::default()).await.expect(303);
    again.get("/m/acme/customers").await.expect(303);
}

#[both]
async fn nobody_locks_themselves_out_and_the_last_administrator_stays(app: App) {
    let ada = app.sign_in(Role::Administrator).await;
    let own = app.number("SELECT id FROM users WHERE email = 'administrator@desk.example'");
    for what in ["removal", "disable"] {
        ada.post(&format!("/m/acme/users/{own}/{what}"), &Fields::default())
            .await
            .expect(409)
            .says("You can't do this to yourself");
    }
    let other = app.user_called("bo@desk.example", "Bo", Role::Administrator);
    let bo = app.client().signed_in("bo@desk.example").await;
    // Both at once: one of them stays.
    let path = |user: i64| format!("/m/acme/users/{user}/role");
    let role = Fields::default().with("role", "support");
    let (one, two) = (path(other), path(own));
    let answers = tokio::join!(ada.post(&one, &role), bo.post(&two, &role));
    let statuses = [answers.0.status, answers.1.status];
    assert!(
        statuses.contains(&303) && statuses.iter().any(|status| matches!(status, 403 | 404 | 409)),
        "{statuses:?}"
    );
    assert_eq!(app.count("memberships WHERE role = 'administrator'"), 1);
}

#[both]
async fn a_long_absence_locks_out_until_an_administrator_unlocks(app: App) {
    let support = app.user(Role::Support);
    app.exec(&format!(
        "UPDATE users SET created_at = {0}, last_seen_at = {0} WHERE id = {support}",
        app.sql(app.now() - TimeDelta::days(90))
    ));
    let client = app.client();
    client
        .post("/sign-in", &sign_in("support@desk.example", "wrong password 99"))
        .await
        .expect(422)
        .says("don't match an active user");
    client
        .post("/sign-in", &sign_in("support@desk.example", PASSWORD))
        .await
        .expect(422)
        .says("An administrator of your merchant can unlock it");
    let ada = app.sign_in(Role::Administrator).await;
    ada.get("/m/acme/users").await.says("Locked");
    ada.post(&format!("/m/acme/users/{support}/unlock"), &Fields::default()).await.expect(303);
    client.post("/sign-in", &sign_in("support@desk.example", PASSWORD)).await.expect(303);
    assert_eq!(app.count("audit_records WHERE action = 'user.unlocked'"), 1);
}

#[both]
async fn an_invitation_ends_with_the_role_and_its_wait_is_no_absence(app: App) {
    let ada = app.sign_in(Role::Administrator).await;
    let invite = async |email: &str| {
        let answer = ada.post("/m/acme/users", &invitation(email, "support")).await.expect(303);
        answer.header("Location").split('?').next().unwrap_or_default().to_owned()
    };
    let wrong = invite("typo@desk.example").await;
    let link = token(&app.mails(1).await[0].text);
    ada.post(&format!("{wrong}/removal"), &Fields::default()).await.expect(303);
    app.client().get(&format!("/welcome?token={link}")).await.expect(404);
    app.client().post("/welcome", &password(&link, NEW_PASSWORD)).await.expect(404);
    let page = invite("ina@desk.example").await;
    app.desk.clock.advance(TimeDelta::days(95));
    app.exec(&format!(
        "UPDATE users SET last_seen_at = {} WHERE email LIKE 'admin%'",
        app.sql(app.desk.clock.now())
    ));
    let ada = app.sign_in(Role::Administrator).await;
    ada.post(&format!("{page}/invitation"), &Fields::default()).await.expect(303);
    let link = token(&app.mails(3).await[2].text);
    app.client().post("/welcome", &password(&link, NEW_PASSWORD)).await.expect(303);
    app.client().post("/sign-in", &sign_in("ina@desk.example", NEW_PASSWORD)).await.expect(303);
}

#[both]
async fn two_invitations_of_one_person_at_once_are_one_user(app: App) {
    let ada = app.sign_in(Role::Administrator).await;
    let form = invitation("ina@desk.example", "support");
    let answers = tokio::join!(ada.post("/m/acme/users", &form), ada.post("/m/acme/users", &form));
    let mut statuses = [answers.0.status, answers.1.status];
    statuses.sort_unstable();
    assert_eq!((statuses, app.count("users WHERE email = 'ina@desk.example'")), ([303, 422], 1));
    app.mails(1).await;
}

#[both]
async fn whoever_asks_again_and_again_sends_one_mail(app: App) {
    app.user(Role::Support);
    let ask = Fields::default().with("email", "support@desk.example");
    for _ in 0..3 {
        app.client().post("/forgotten", &ask).await.expect(303);
        app.mails(1).await;
    }
    app.desk.clock.advance(TimeDelta::minutes(6));
    app.client().post("/forgotten", &ask).await.expect(303);
    app.mails(2).await;
}

#[both]
async fn what_became_of_the_mail_stands_on_the_users_page(app: App) {
    let ada = app.sign_in(Role::Administrator).await;
    app.memory.for_recipient("ina@desk.example", Behaviour::Permanent);
    let answer =
        ada.post("/m/acme/users", &invitation("ina@desk.example", "support")).await.expect(303);
    let page = answer.header("Location").split('?').next().unwrap_or_default().to_owned();
    app.mails(0).await;
    let failed = ada.get(&page).await.expect(200);
    failed.says("Email “Your invitation to ACME Ltd” failed: ");
    assert!(failed.body.contains(">Send again<"));
    app.memory.for_recipient("ina@desk.example", Behaviour::Deliver);
    ada.post(&format!("{page}/invitation"), &Fields::default()).await.expect(303);
    app.mails(1).await;
    let sent = ada.get(&page).await.expect(200);
    sent.says("Email “Your invitation to ACME Ltd” sent");
    assert!(!sent.body.contains(">Send again<"), "{}", sent.words());
    // Those of others are nobody's business here: Ada has had none.
    assert!(
        !ada.get(&format!("/m/acme/users/{}", app.number("SELECT min(id) FROM users")))
            .await
            .words()
            .contains("Email “")
    );
}
