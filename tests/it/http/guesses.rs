//! Passwords guessed from many addresses: how many guesses are judged, and who still gets in
//! meanwhile.

use futures_util::future::join_all;
use reqwest::Method;
use rewarddesk::domain::role::Role;

use crate::support::{
    App, Client,
    client::{Fields, send},
    page::Page,
    world::PASSWORD,
};

const OWNER: &str = "support@desk.example";
const NEW_PASSWORD: &str = "anchor violin tulip 7";

fn credentials(email: &str, password: &str) -> Fields {
    Fields::default().with("email", email).with("password", password)
}

async fn post_from(client: &Client, address: &str, path: &str, fields: &Fields) -> Page {
    send(client.request(Method::POST, path).header("X-Forwarded-For", address).form(&fields.0))
        .await
}

/// Makes this many guesses, each from another address; returns how many were judged.
async fn attack(app: &App, email: &str, guesses: usize) -> usize {
    let client = app.client();
    let mut judged = 0;
    for first in (0..guesses).step_by(50) {
        let guess = async |n: usize| {
            let address = format!("198.51.{}.{}", n / 250, n % 250 + 1);
            post_from(
                &client,
                &address,
                "/sign-in",
                &credentials(email, &format!("a wrong guess {n}")),
            )
            .await
            .status
        };
        judged += join_all((first..first + 50).map(guess))
            .await
            .iter()
            .filter(|status| **status == 422)
            .count();
    }
    judged
}

/// The cookie that makes a browser a known one.
fn mark(answer: &Page) -> &str {
    let mut cookies =
        answer.headers.get_all("Set-Cookie").iter().filter_map(|cookie| cookie.to_str().ok());
    cookies.find(|cookie| cookie.starts_with("rewarddesk-device=")).expect("a mark")
}

async fn is_in(client: &Client) -> bool {
    client.get("/m/acme/customers").await.status == 200
}

#[both]
async fn of_1000_guesses_from_1000_addresses_thirty_are_judged(app: App) {
    let owner = app.sign_in(Role::Support).await;
    owner.post("/sign-out", &Fields::default()).await.expect(303);
    assert_eq!(attack(&app, OWNER, 1_000).await, 30);
    assert_eq!(app.count("audit_records WHERE action = 'session.sign_in_failed'"), 30);
    // A browser that is known gets in at once, from wherever; so does one in a session that has to
    // prove it again.
    owner.post("/sign-in", &credentials(OWNER, "a slip of the fingers")).await.expect(422);
    post_from(&owner, "203.0.113.9", "/sign-in", &credentials(OWNER, PASSWORD)).await.expect(303);
    assert!(is_in(&owner).await);
    owner.post("/confirm", &Fields::default().with("password", PASSWORD)).await.expect(303);
    // One that is not known cannot be told from the others, and hears what to do.
    let stranger = app.client();
    let told = stranger.post("/sign-in", &credentials(OWNER, PASSWORD)).await.expect(429);
    told.says("browser you've signed in with before").says("link by email").says("ten minutes");
    assert_eq!(told.header("Retry-After"), "600");
    // Nobody else is slowed.
    app.user(Role::Marketing);
    assert!(is_in(&app.client().signed_in("marketing@desk.example").await).await);
}

#[both]
async fn unknown_users_are_answered_alike(app: App) {
    app.user(Role::Support);
    let (known, unknown) =
        (attack(&app, OWNER, 50).await, attack(&app, "nobody@desk.example", 50).await);
    assert_eq!((known, unknown), (30, 30));
    let client = app.client();
    let answer = async |email: &str| {
        client
            .post("/sign-in", &credentials(email, PASSWORD))
            .await
            .expect(429)
            .body
            .replace(email, "…")
    };
    assert_eq!(answer(OWNER).await, answer("nobody@desk.example").await);
}

#[both]
async fn a_link_by_mail_lets_the_owner_in_meanwhile(app: App) {
    let lost = app.sign_in(Role::Support).await;
    attack(&app, OWNER, 50).await;
    let owner = app.client();
    owner.post("/sign-in", &credentials(OWNER, PASSWORD)).await.expect(429);
    owner.post("/forgotten", &Fields::default().with("email", OWNER)).await.expect(303);
    let mail = app.mails(1).await.remove(0);
    let token = mail
        .text
        .split("/welcome?token=")
        .nth(1)
        .and_then(|rest| rest.split_whitespace().next())
        .expect("a link")
        .to_owned();
    let chosen = Fields::default().with("token", &token).with("password", NEW_PASSWORD);
    owner.post("/welcome", &chosen).await.expect(303);
    owner.post("/sign-in", &credentials(OWNER, NEW_PASSWORD)).await.expect(303);
    assert!(is_in(&owner).await);
    // With another password, browsers from before are as unknown as any.
    lost.post("/sign-in", &credentials(OWNER, NEW_PASSWORD)).await.expect(429);
    app.mails(2).await;
}

#[both]
async fn a_browser_is_known_for_its_user_and_for_half_a_year(app: App) {
    let known = app.sign_in(Role::Support).await;
    app.user(Role::Marketing);
    attack(&app, "marketing@desk.example", 50).await;
    known.post("/sign-in", &credentials("marketing@desk.example", PASSWORD)).await.expect(429);
    attack(&app, OWNER, 50).await;
    app.user(Role::Administrator);
    let of_another = app
        .client()
        .post("/sign-in", &credentials("administrator@desk.example", PASSWORD))
        .await
        .expect(303);
    let cookie = mark(&of_another).split(['=', ';']).nth(1).expect("a value").to_owned();
    for made_up in [cookie.as_str(), "", "x", &cookie.to_uppercase(), &"A".repeat(75)] {
        let forged = app.client();
        let request = forged
            .request(Method::POST, "/sign-in")
            .header("Cookie", format!("rewarddesk-device={made_up}"));
        send(request.form(&credentials(OWNER, PASSWORD).0)).await.expect(429);
    }
    app.desk.clock.advance(chrono::TimeDelta::days(89));
    known.post("/sign-in", &credentials(OWNER, PASSWORD)).await.expect(303);
    app.desk.clock.advance(chrono::TimeDelta::days(180));
    known.post("/sign-in", &credentials(OWNER, PASSWORD)).await.expect(429);
}

#[both]
async fn the_mark_is_for_no_script_and_no_other_site(app: App) {
    app.user(Role::Support);
    let answer = app.client().post("/sign-in", &credentials(OWNER, PASSWORD)).await.expect(303);
    let mark = mark(&answer);
    for part in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=15552000"] {
        assert!(mark.contains(part), "{mark}");
    }
    let failed =
        app.client().post("/sign-in", &credentials(OWNER, "a wrong guess 1")).await.expect(422);
    assert!(failed.headers.get("Set-Cookie").is_none());
}
