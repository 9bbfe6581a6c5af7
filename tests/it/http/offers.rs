//! Roles that are offered: nobody gets a say over somebody else's account by inviting them, and who
//! invites can take it back.

use rewarddesk::domain::role::Role;

use crate::support::{App, Client, client::Fields, world::PASSWORD};

use super::users::token;

fn invitation(email: &str, role: &str) -> Fields {
    Fields::default().with("email", email).with("name", "Ina Invited").with("role", role)
}

fn nothing() -> Fields {
    Fields::default()
}

/// An administrator of another merchant than ACME, and of no other.
async fn administrator_of_globex(app: &mut App) -> Client {
    let globex = app.another_merchant("globex");
    app.world.inside(globex, |w| w.user_called("gus@desk.example", "Gus", Role::Administrator));
    app.client().signed_in("gus@desk.example").await
}

#[both]
async fn another_merchants_invitation_takes_nothing_from_ones_own(app: App) {
    let mut app = app;
    let (support, ada, kim) = (
        app.user(Role::Support),
        app.sign_in(Role::Administrator).await,
        app.sign_in(Role::Support).await,
    );
    let gus = administrator_of_globex(&mut app).await;
    gus.post("/m/globex/users", &invitation("support@desk.example", "support")).await.expect(303);
    let mail = app.mails(1).await.remove(0);
    assert_eq!(mail.subject, "GLOBEX Ltd offers you a role");
    assert!(
        mail.text.contains("Gus offers you the role Customer Support in GLOBEX Ltd."),
        "{}",
        mail.text
    );
    // Gus has no say over the account, and does not learn what its user does elsewhere.
    let theirs = format!("/m/globex/users/{support}");
    gus.get(&theirs)
        .await
        .expect(200)
        .says("Hasn't accepted yet")
        .says("Last seen Never")
        .says("Shown once they accept");
    for act in ["disable", "sessions", "factors", "unlock"] {
        gus.post(&format!("{theirs}/{act}"), &nothing())
            .await
            .expect(409)
            .says("where you're not an administrator");
    }
    kim.get("/m/globex/customers").await.expect(404);
    // Ada keeps hers.
    let ours = format!("/m/acme/users/{support}");
    for act in ["sessions", "disable", "enable"] {
        ada.post(&format!("{ours}/{act}"), &nothing()).await.expect(303);
    }
    kim.get("/m/acme/customers").await.expect(303);
    assert_eq!(
        app.count(
            "audit_records WHERE action = 'user.disabled' AND merchant_id = (SELECT id FROM \
            merchants WHERE slug = 'globex')"
        ),
        0
    );
    let kim = app.sign_in(Role::Support).await;
    kim.get("/m/acme/customers").await.expect(200);
    ada.post(&format!("{ours}/removal"), &nothing()).await.expect(303);
    kim.get("/m/acme/customers").await.expect(404);
    kim.get("/account").await.expect(200);
    assert_eq!(app.count("memberships WHERE offered_at IS NULL"), 2, "Ada and Gus");
}

#[both]
async fn an_offer_is_accepted_or_declined_on_the_account_page(app: App) {
    let mut app = app;
    let (support, kim) = (app.user(Role::Support), app.sign_in(Role::Support).await);
    let gus = administrator_of_globex(&mut app).await;
    kim.post("/offers/globex/acceptance", &nothing()).await.expect(404);
    let invite = async || {
        gus.post("/m/globex/users", &invitation("support@desk.example", "marketing"))
            .await
            .expect(303);
    };
    invite().await;
    kim.get("/m/globex/customers").await.expect(404);
    // The email leads to the offer; the way to one's own merchant stays as short as it was.
    assert!(
        app.mails(1).await[0].text.contains(&format!("{}/account", app.url)),
        "the email leads to the account page"
    );
    assert_eq!(kim.get("/").await.expect(303).header("Location"), "/m/acme/customers");
    let page = kim.get("/account").await.expect(200);
    page.says("Offers")
        .says("GLOBEX Ltd")
        .says("You've been offered the role Marketing")
        .says("also have to agree");
    for path in ["/offers/globex/acceptance", "/offers/globex/refusal"] {
        kim.get(path).await.expect(405);
        kim.bare(reqwest::Method::POST, path, &[("Sec-Fetch-Site", "cross-site")])
            .await
            .expect(403);
    }
    kim.post("/offers/nowhere/acceptance", &nothing()).await.expect(404);
    let other = app.sign_in(Role::Supervisor).await;
    other.post("/offers/globex/acceptance", &nothing()).await.expect(404);
    let declined = kim
        .post("/offers/globex/refusal", &page.fields("/offers/globex/refusal"))
        .await
        .expect(303);
    let page = kim.get(declined.header("Location")).await.expect(200);
    assert!(!page.says("Offer declined").body.contains("Offers"));
    assert_eq!(kim.get("/").await.expect(303).header("Location"), "/m/acme/customers");
    kim.post("/offers/globex/acceptance", &nothing()).await.expect(404);
    gus.get(&format!("/m/globex/users/{support}")).await.expect(404);
    // Invited once more, and again by hand; then accepted.
    invite().await;
    gus.post(&format!("/m/globex/users/{support}/invitation"), &nothing()).await.expect(303);
    gus.post(
        &format!("/m/globex/users/{support}/role"),
        &Fields::default().with("role", "supervisor"),
    )
    .await
    .expect(303);
    kim.get("/m/globex/customers").await.expect(404);
    let accepted = kim.post("/offers/globex/acceptance", &nothing()).await.expect(303);
    kim.get(accepted.header("Location")).await.expect(200).says("Role accepted");
    kim.get("/").await.expect(200).says("ACME Ltd").says("GLOBEX Ltd");
    kim.get("/m/globex/audit").await.expect(200);
    kim.post("/offers/globex/acceptance", &nothing()).await.expect(404);
    // From now on both merchants have a say.
    let ada = app.sign_in(Role::Administrator).await;
    ada.post(&format!("/m/acme/users/{support}/disable"), &nothing()).await.expect(409);
    let records = "SELECT action AS v FROM audit_records WHERE action LIKE 'role.%' ORDER BY id";
    assert_eq!(app.texts(records), ["role.removed", "role.changed", "role.added"]);
    app.mails(3).await;
}

#[both]
async fn an_offer_is_taken_back_at_once(app: App) {
    let mut app = app;
    let (support, kim) = (app.user(Role::Support), app.sign_in(Role::Support).await);
    let gus = administrator_of_globex(&mut app).await;
    gus.post("/m/globex/users", &invitation("support@desk.example", "support")).await.expect(303);
    gus.post(&format!("/m/globex/users/{support}/removal"), &nothing()).await.expect(303);
    kim.post("/offers/globex/acceptance", &nothing()).await.expect(404);
    kim.get("/m/globex/customers").await.expect(404);
    app.mails(1).await;
}

#[both]
async fn whoever_follows_a_link_accepts_one_offer_and_never_two(app: App) {
    let mut app = app;
    let ada = app.sign_in(Role::Administrator).await;
    let gus = administrator_of_globex(&mut app).await;
    let welcome = async |link: &str| {
        let form = Fields::default().with("token", link).with("password", "anchor violin tulip 7");
        app.client().post("/welcome", &form).await.expect(303);
    };
    let sign_in = async |email: &str| {
        let client = app.client();
        let form = Fields::default().with("email", email).with("password", "anchor violin tulip 7");
        client.post("/sign-in", &form).await.expect(303);
        client
    };
    ada.post("/m/acme/users", &invitation("one@desk.example", "support")).await.expect(303);
    welcome(&token(&app.mails(1).await[0].text)).await;
    assert_eq!(
        sign_in("one@desk.example").await.get("/").await.expect(303).header("Location"),
        "/m/acme/customers"
    );
    // Another merchant invites somebody who has not followed the first link: that gives it nothing
    // over the account.
    ada.post("/m/acme/users", &invitation("two@desk.example", "support")).await.expect(303);
    let two = app.number("SELECT id FROM users WHERE email = 'two@desk.example'");
    gus.post("/m/globex/users", &invitation("two@desk.example", "support")).await.expect(303);
    gus.post(&format!("/m/globex/users/{two}/disable"), &nothing()).await.expect(409);
    welcome(&token(&app.mails(3).await[2].text)).await;
    let client = sign_in("two@desk.example").await;
    client.get("/").await.expect(200).says("ACME Ltd").says("GLOBEX Ltd");
    for merchant in ["acme", "globex"] {
        client.get(&format!("/m/{merchant}/customers")).await.expect(404);
    }
    client.post("/offers/acme/acceptance", &nothing()).await.expect(303);
    client.get("/m/acme/customers").await.expect(200);
    client.get("/m/globex/customers").await.expect(404);
    ada.post(&format!("/m/acme/users/{two}/disable"), &nothing()).await.expect(303);
    app.client()
        .post(
            "/sign-in",
            &Fields::default().with("email", "two@desk.example").with("password", PASSWORD),
        )
        .await
        .expect(422);
}

#[both]
async fn a_link_that_was_left_over_accepts_no_second_offer(app: App) {
    let mut app = app;
    let ada = app.sign_in(Role::Administrator).await;
    let gus = administrator_of_globex(&mut app).await;
    ada.post("/m/acme/users", &invitation("ina@desk.example", "support")).await.expect(303);
    let link = token(&app.mails(1).await[0].text);
    let ina = app.number("SELECT id FROM users WHERE email = 'ina@desk.example'");
    // She has come in another way, and the version before left the link open.
    app.exec(&format!("UPDATE memberships SET offered_at = NULL WHERE user_id = {ina}"));
    app.exec(&format!(
        "INSERT INTO identities (user_id, issuer, subject, linked_at) VALUES ({ina}, 'i', 's', {})",
        app.sql(app.now())
    ));
    gus.post("/m/globex/users", &invitation("ina@desk.example", "support")).await.expect(303);
    assert_eq!(app.mails(2).await[1].subject, "GLOBEX Ltd offers you a role");
    let form = Fields::default().with("token", &link).with("password", "anchor violin tulip 7");
    app.client().post("/welcome", &form).await.expect(303);
    assert_eq!(
        app.count(&format!("memberships WHERE user_id = {ina} AND offered_at IS NOT NULL")),
        1,
        "nobody has accepted GLOBEX"
    );
    ada.post(&format!("/m/acme/users/{ina}/disable"), &nothing()).await.expect(303);
}

#[both]
async fn whoever_has_only_a_passkey_gets_an_offer_and_no_link(app: App) {
    let mut app = app;
    let support = app.user(Role::Support);
    let gus = administrator_of_globex(&mut app).await;
    app.exec(&format!("UPDATE users SET password_hash = '' WHERE id = {support}"));
    let passkey = format!("{support}, 'c', 'Phone', '{{}}', {}", app.sql(app.now()));
    app.exec(&format!(
        "INSERT INTO passkeys (user_id, credential_id, name, credential, \
        created_at) VALUES ({passkey})"
    ));
    gus.post("/m/globex/users", &invitation("support@desk.example", "support")).await.expect(303);
    assert_eq!(app.mails(1).await[0].subject, "GLOBEX Ltd offers you a role");
    assert_eq!(app.count("account_links"), 0, "who can sign in needs no link to come in");
}
