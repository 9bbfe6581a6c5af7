//! Which hosts a request may name: the desk's own, and for machines that ask whether it is well,
//! any.

use rewarddesk::domain::role::Role;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::App;

/// Sends a head as it stands; answers what came back, to its end.
async fn answer(app: &App, head: &str) -> String {
    let mut line = TcpStream::connect(app.url.trim_start_matches("http://")).await.unwrap();
    line.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    line.read_to_string(&mut answer).await.unwrap();
    answer
}

#[track_caller]
fn has_status(answer: &str, status: u16, head: &str) {
    let (_, rest) =
        answer.split_once(' ').unwrap_or_else(|| panic!("no answer to {head:?}: {answer:?}"));
    assert!(rest.starts_with(&status.to_string()), "{head:?}: {}", answer.lines().next().unwrap());
}

#[both]
async fn pages_are_for_requests_that_name_the_desk(app: App) {
    let own = app.url.trim_start_matches("http://").to_owned();
    for (head, status) in [
        (format!("GET /sign-in HTTP/1.1\r\nHost: {own}\r\n"), 200),
        (format!("GET /sign-in HTTP/1.1\r\nhOST:{own}\r\n"), 200),
        ("GET /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\n".to_owned(), 200),
        ("GET /sign-in HTTP/1.1\r\nHost: localhost:8080\r\n".to_owned(), 200),
        ("GET /sign-in HTTP/1.1\r\nHost: evil.example\r\n".to_owned(), 421),
        (format!("GET /sign-in HTTP/1.1\r\nHost: {own}.evil.example\r\n"), 400),
        (
            format!("GET /sign-in HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: {own}\r\n"),
            421,
        ),
        ("GET /nothing HTTP/1.1\r\nHost: evil.example\r\n".to_owned(), 421),
        ("GET /assets/nothing HTTP/1.1\r\nHost: evil.example\r\n".to_owned(), 421),
        // Before the cross-site check.
        (
            "POST /sign-in HTTP/1.1\r\nHost: evil.example\r\nOrigin: \
            http://evil.example\r\nContent-Length: 0\r\n"
                .to_owned(),
            421,
        ),
        (
            "POST /sign-in HTTP/1.1\r\nHost: evil.example\r\nSec-Fetch-Site: \
            same-origin\r\nContent-Length: 0\r\n"
                .to_owned(),
            421,
        ),
        // A whole address as the target, as proxies are sent it.
        (format!("GET {}/sign-in HTTP/1.1\r\nHost: {own}\r\n", app.url), 200),
        (format!("GET http://evil.example/sign-in HTTP/1.1\r\nHost: {own}\r\n"), 421),
        (format!("GET {}/sign-in HTTP/1.1\r\nHost: evil.example\r\n", app.url), 421),
        // None, two, or no host at all.
        ("GET /sign-in HTTP/1.1\r\n".to_owned(), 400),
        ("GET /sign-in HTTP/1.0\r\n".to_owned(), 400),
        (format!("GET /sign-in HTTP/1.1\r\nHost: {own}\r\nHost: {own}\r\n"), 400),
        (format!("GET /sign-in HTTP/1.1\r\nHost: {own}\r\nHost: evil.example\r\n"), 400),
        ("GET /sign-in HTTP/1.1\r\nHost:\r\n".to_owned(), 400),
        ("GET /sign-in HTTP/1.1\r\nHost: a b\r\n".to_owned(), 400),
        ("GET /sign-in HTTP/1.1\r\nHost: [::1\r\n".to_owned(), 400),
        // Machines that ask whether this one is well.
        ("GET /healthz HTTP/1.1\r\nHost: evil.example\r\n".to_owned(), 200),
        ("GET /readyz HTTP/1.1\r\nHost: 10.1.2.3:8080\r\n".to_owned(), 200),
        ("GET /readyz HTTP/1.0\r\n".to_owned(), 200),
    ] {
        has_status(&answer(&app, &head).await, status, &head);
    }
    let refused = answer(&app, "GET /sign-in HTTP/1.1\r\nHost: evil.example\r\n").await;
    assert!(
        refused.contains("This isn&#39;t the desk&#39;s address")
            || refused.contains("This isn't the desk's address"),
        "{refused}"
    );
    assert!(
        refused.to_lowercase().contains("content-security-policy: default-src"),
        "a refusal keeps the headers: {refused}"
    );
}

#[both]
async fn a_signed_in_user_gets_nothing_by_another_name_either(app: App) {
    let (scene, ann) = (app.scene(1), app.sign_in(Role::Support).await);
    let path = format!("/m/acme/customers/{}", scene.customer);
    ann.get(&path).await.expect(200);
    let request = ann.request(reqwest::Method::GET, &path).header("Host", "evil.example");
    let page = crate::support::client::send(request).await.expect(421);
    page.says("The request was for a different host name.");
    assert!(!page.body.contains("acme"), "{}", page.body);
}
