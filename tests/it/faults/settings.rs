//! Settings whose effect only a running server shows: when dangerous acts ask again, and cookies
//! behind https (guarantee S3).

use chrono::{TimeDelta, Utc};
use reqwest::Method;

use super::{installation::Installation, load::ask};
use crate::support::{Client, TestDb, client::Fields, world::PASSWORD};

#[both]
async fn dangerous_acts_ask_again_after_the_minutes_that_are_set(db: TestDb) {
    let mut house = Installation::new(db, 1, 1, "smtp://127.0.0.1:9");
    for (minutes, asked) in [("15", false), ("1", true)] {
        house = house.with("REWARDDESK_CONFIRMATION_MINUTES", minutes);
        let server = house.serve();
        let casey = house.sign_in(&server).await;
        let earlier = house.db.sql(Utc::now() - TimeDelta::minutes(2));
        house.db.exec(&format!("UPDATE sessions SET confirmed_at = {earlier}"));
        let page = ask(casey.request(Method::GET, "/account/app")).await.unwrap();
        assert_eq!(
            (page.status == 303, page.status == 200),
            (asked, !asked),
            "{minutes} minutes: {}",
            page.status
        );
        house.db.let_go();
    }
}

#[both]
async fn behind_https_every_cookie_is_secure_and_bound_to_the_host(db: TestDb) {
    let house = Installation::new(db, 1, 1, "smtp://127.0.0.1:9")
        .with("REWARDDESK_BASE_URL", "https://desk.example");
    let server = house.serve();
    let form = Fields::default().with("email", "casey@desk.example").with("password", PASSWORD);
    let visitor = Client::new(&server.url);
    let page = ask(visitor
        .request(Method::POST, "/sign-in")
        .header("Sec-Fetch-Site", "same-origin")
        .header("Host", "desk.example")
        .form(&form.0))
    .await
    .unwrap();
    assert_eq!(page.status, 303);
    let cookies: Vec<_> =
        page.headers.get_all("Set-Cookie").iter().map(|cookie| cookie.to_str().unwrap()).collect();
    for name in ["__Host-rewarddesk=", "__Host-rewarddesk-device="] {
        assert!(cookies.iter().any(|cookie| cookie.starts_with(name)), "{name}: {cookies:?}");
    }
    for cookie in cookies {
        let is_bound = cookie.starts_with("__Host-")
            && cookie.contains("Path=/")
            && !cookie.contains("Domain");
        assert!(
            is_bound
                && ["Secure", "HttpOnly", "SameSite=Lax"].iter().all(|word| cookie.contains(word)),
            "{cookie}"
        );
    }
}
