//! Metrics have their own address, count what happens, and tell of nobody (guarantee S7).

use std::{net::TcpListener, time::Instant};

use reqwest::Method;

use super::{
    installation::Installation,
    load::{Load, ask},
};
use crate::support::TestDb;

#[both]
async fn metrics_count_answers_and_mail_and_hold_no_code_or_path(db: TestDb) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut house = Installation::new(db, 4, 4, "smtp://127.0.0.1:9");
    house.shell = house.shell.with("REWARDDESK_METRICS_LISTEN", &format!("127.0.0.1:{port}"));
    let server = house.serve_with(&["--hold-mail"]);
    let casey = house.sign_in(&server).await;
    let load = Load::of(&house.rewards);
    load.begin(&casey, 1).join_all().await;
    ask(casey.request(Method::GET, "/m/acme/customers?q=OLD-0001")).await.unwrap();
    ask(casey.request(Method::GET, "/m/acme/no-such-page/OLD-0002")).await.unwrap();
    let metrics = reqwest::get(format!("http://127.0.0.1:{port}/metrics"))
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let asked = house.db.count("mails");
    assert!(asked > 0);
    for line in [
        format!("rewarddesk_mails_waiting {asked}"),
        "rewarddesk_database_up 1".to_owned(),
        "rewarddesk_http_requests_total{method=\"GET\",route=\"/m/{merchant}/customers/{id}/rewards/{reward}/reissue\",status=\"200\"} 4"
            .to_owned(),
        "rewarddesk_http_requests_total{method=\"POST\",route=\"/sign-in\",status=\"303\"} 1".to_owned(),
        "# EOF".to_owned(),
    ] {
        assert!(metrics.lines().any(|said| said == line), "{line} is missing:\n{metrics}");
    }
    for secret in ["OLD-", "NEW-", "acme", "casey", "customer.example"] {
        assert!(!metrics.contains(secret), "{secret}:\n{metrics}");
    }
    let elsewhere = reqwest::Client::new()
        .get(format!("http://127.0.0.1:{port}/metrics"))
        .header("Host", "evil.example");
    assert_eq!(
        elsewhere.send().await.unwrap().status(),
        421,
        "a site that lets its name lead here"
    );
    // The desk's own address has no such page.
    assert_eq!(ask(casey.request(Method::GET, "/metrics")).await.unwrap().status, 404);
    server.terminate();
    let (status, _) = server.ended(Instant::now());
    assert_eq!(status, Some(0));
}
