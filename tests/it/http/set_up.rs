//! The first user of all: by a link that only the operator sees, once, and never beside another
//! user.

use rewarddesk::app::users::set_up::open_the_door;

use crate::support::{App, client::Fields};

const PASSWORD: &str = "anchor violin tulip 7";

fn token(app: &App) -> String {
    let link = open_the_door(&app.desk).unwrap().expect("nobody can sign in yet");
    link.split("/setup?token=").nth(1).expect("a token").to_owned()
}

fn first(token: &str) -> Fields {
    let pairs = [
        ("token", token),
        ("name", "Fay First"),
        ("email", "fay@desk.example"),
        ("password", PASSWORD),
    ];
    pairs.into_iter().fold(Fields::default(), |fields, (name, value)| fields.with(name, value))
}

#[both]
async fn the_first_user_comes_in_by_the_link_and_is_administrator(app: App) {
    let (client, token) = (app.client(), token(&app));
    client.get(&format!("/setup?token={token}")).await.expect(200).says("You're the first user");
    client
        .post("/setup", &first(&token).with("password", "short"))
        .await
        .expect(422)
        .says("use 12 or more");
    client.post("/setup", &first(&token)).await.expect(303);
    client.get(&format!("/setup?token={token}")).await.expect(404);
    client.post("/setup", &first(&token).with("email", "second@desk.example")).await.expect(404);
    let fay = Fields::default().with("email", "fay@desk.example").with("password", PASSWORD);
    client.post("/sign-in", &fay).await.expect(303);
    assert_eq!(
        app.count("memberships WHERE role = 'administrator'"),
        1,
        "in the merchant that is there"
    );
    assert_eq!(app.count("audit_records WHERE action = 'user.added' AND actor_kind = 'user'"), 1);
    assert_eq!(open_the_door(&app.desk).unwrap(), None, "there is somebody now");
}

#[both]
async fn an_empty_desk_gets_its_first_merchant_too(app: App) {
    app.exec("DELETE FROM merchants");
    let (client, token) = (app.client(), token(&app));
    client.get(&format!("/setup?token={token}")).await.says("Your first merchant");
    let typed = first(&token).with("merchant", "Acme UK").with("timezone", "Europe/London");
    client
        .post("/setup", &typed.clone().with("slug", "Acme UK"))
        .await
        .expect(422)
        .says("use lowercase letters, digits and hyphens");
    client.post("/setup", &typed.with("slug", "acme-uk")).await.expect(303);
    assert_eq!(app.text("SELECT slug FROM merchants").as_deref(), Some("acme-uk"));
    assert_eq!(app.count("audit_records WHERE action = 'merchant.added'"), 1);
}

#[both]
async fn two_with_one_link_are_one_user(app: App) {
    let (client, token) = (app.client(), token(&app));
    let (one, two) = (first(&token), first(&token).with("email", "second@desk.example"));
    let answers = tokio::join!(client.post("/setup", &one), client.post("/setup", &two));
    let mut statuses = [answers.0.status, answers.1.status];
    statuses.sort_unstable();
    assert_eq!((statuses, app.count("users")), ([303, 404], 1));
}

#[both]
async fn a_newer_link_ends_the_older(app: App) {
    let (older, newer) = (token(&app), token(&app));
    app.client().get(&format!("/setup?token={older}")).await.expect(404);
    app.client().get(&format!("/setup?token={newer}")).await.expect(200);
    app.client().get(&format!("/welcome?token={newer}")).await.expect(404);
}
