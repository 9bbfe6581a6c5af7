//! Requests that wait: those whose client has gone are dropped, there is a bound, and known
//! browsers go before strangers. The tests hold the permits of a queue themselves, so that no
//! verdict depends on how fast the machine is.

use std::{sync::mpsc, time::Duration};

use reqwest::Method;
use rewarddesk::{
    app::{
        Desk,
        desk::{QueueLengths, QueueLimits},
        sign_in::queue::{Caller, Limits},
    },
    domain::{clock::Clock, role::Role},
};
use tokio::{io::AsyncWriteExt, net::TcpStream, sync::mpsc::unbounded_channel};

use crate::support::{
    App, World,
    client::{Client, Fields, send},
    world::{PASSWORD, noon},
};

const OWNER: &str = "support@desk.example";

#[derive(Clone, Copy)]
enum Queue {
    Reads,
    Writes,
    PasswordChecks,
}

/// Work that fills a queue's permits; each ends when its sender is dropped.
async fn hold(desk: &Desk, queue: Queue) -> Vec<mpsc::Sender<()>> {
    let (writers, readers) = desk.db.capacity();
    let permits = match queue {
        Queue::Reads => readers,
        Queue::Writes => writers,
        Queue::PasswordChecks => 2,
    };
    let (begun, mut begins) = unbounded_channel();
    let mut held = vec![];
    for _ in 0..permits {
        let (sender, released) = mpsc::channel::<()>();
        let (desk, begun) = (desk.clone(), begun.clone());
        tokio::spawn(async move {
            let work = move |_: &Desk| {
                let _ = begun.send(());
                let _ = released.recv();
                Ok(())
            };
            match queue {
                Queue::Reads => desk.reading(work).await,
                Queue::Writes => desk.writing(work).await,
                Queue::PasswordChecks => desk.checking_password(work).await,
            }
        });
        held.push(sender);
        begins.recv().await.expect("the work begins");
    }
    held
}

/// Waits until this is so; a minute is for a machine under load, and the verdict is the same
/// however long it takes.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..6_000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}

/// What is to end by itself, though every permit is held.
async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_mins(1), work).await.expect("it does not wait for a permit")
}

async fn wait_for(desk: &Desk, what: &str, n: usize, of: impl Fn(QueueLengths) -> usize) {
    until(&format!("{what} = {n}"), || of(desk.waiting()) == n).await;
}

/// Sends a request and does not wait for an answer. Dropping it closes the connection.
async fn sent(app: &App, method: &str, path: &str, cookie: &str, body: &str) -> TcpStream {
    let host = app.url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).await.expect("a connection");
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nSec-Fetch-Site: same-origin\r\nCookie: \
         {cookie}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.expect("it is sent");
    stream
}

async fn wrong_sign_ins(app: &App, n: usize) -> Vec<TcpStream> {
    let mut all = vec![];
    for n in 0..n {
        all.push(
            sent(
                app,
                "POST",
                "/sign-in",
                "",
                &format!("email=nobody-{n}%40desk.example&password=not+this+one"),
            )
            .await,
        );
    }
    all
}

fn limited(world: World, limits: Limits) -> App {
    let limits = QueueLimits {
        writes: limits,
        reads: limits,
        password_checks: limits,
        provider_calls: limits,
    };
    App::start_with(world, Clock::fixed(noon()), "127.0.0.1", |desk, _| {
        desk.with_queue_limits(limits)
    })
}

async fn is_refused_as_busy(client: &Client, method: Method, path: &str) {
    for headers in [&[][..], &[("HX-Request", "true")]] {
        let mut request = client.request(method.clone(), path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = in_time(send(request)).await.expect(503);
        assert_eq!(answer.header("Retry-After"), "5");
        answer.says("The desk is busy");
        answer.says("Nothing was saved");
        answer.says("Try again");
    }
}

const WRONG: &str = "audit_records WHERE action = 'session.sign_in_failed'";

#[both]
async fn work_whose_client_has_gone_is_never_done(app: App) {
    app.user(Role::Support);
    let held = hold(&app.desk, Queue::PasswordChecks).await;
    let clients = wrong_sign_ins(&app, 20).await;
    wait_for(&app.desk, "sign-ins that wait", 20, |waiting| waiting.password_checks).await;
    drop(clients);
    wait_for(&app.desk, "sign-ins that wait", 0, |waiting| waiting.password_checks).await;
    drop(held);
    // An honest one is served, and it was the only one.
    let cookie = app.client().signed_in_cookie(OWNER).await;
    assert_eq!(app.count(WRONG), 0);

    let cookie = cookie.split(';').next().expect("a cookie");
    let held = hold(&app.desk, Queue::Reads).await;
    let mut clients = vec![];
    for _ in 0..20 {
        clients.push(sent(&app, "GET", "/m/acme/customers?q=smith", cookie, "").await);
    }
    wait_for(&app.desk, "searches that wait", 20, |waiting| waiting.reads).await;
    drop(clients);
    wait_for(&app.desk, "searches that wait", 0, |waiting| waiting.reads).await;
    drop(held);
}

#[both]
async fn a_full_queue_answers_that_the_desk_is_busy(world: World) {
    let app = limited(world, Limits { max_waiting: 1, timeout: Duration::from_mins(10) });
    let kim = app.sign_in(Role::Supervisor).await;
    let cookie = kim.signed_in_cookie("supervisor@desk.example").await;
    let cookie = cookie.split(';').next().expect("a cookie");
    kim.get("/m/acme/customers").await.expect(200);

    let held = hold(&app.desk, Queue::Reads).await;
    let first = sent(&app, "GET", "/m/acme/customers?q=smith", cookie, "").await;
    wait_for(&app.desk, "searches that wait", 1, |waiting| waiting.reads).await;
    is_refused_as_busy(&kim, Method::GET, "/m/acme/customers?q=smith").await;
    drop((first, held));
    wait_for(&app.desk, "searches that wait", 0, |waiting| waiting.reads).await;
    kim.get("/m/acme/customers?q=smith").await.expect(200);

    let held = hold(&app.desk, Queue::Writes).await;
    let first = sent(&app, "POST", "/sign-out", cookie, "").await;
    wait_for(&app.desk, "writes that wait", 1, |waiting| waiting.writes).await;
    is_refused_as_busy(&kim, Method::POST, "/sign-out").await;
    drop(first);
    wait_for(&app.desk, "writes that wait", 0, |waiting| waiting.writes).await;
    drop(held);
    kim.get("/m/acme/customers").await.expect(200);
}

#[both]
async fn a_full_queue_takes_back_no_sign_in_and_no_promised_link(world: World) {
    let app = limited(world, Limits { max_waiting: 0, timeout: Duration::from_mins(10) });
    app.user(Role::Support);
    let held = hold(&app.desk, Queue::Reads).await;
    let signing_in = app.client();
    let answer = in_time(
        signing_in
            .post("/sign-in", &Fields::default().with("email", OWNER).with("password", PASSWORD)),
    )
    .await
    .expect(303);
    assert!(answer.header("Set-Cookie").starts_with("rewarddesk="), "the session's cookie");
    drop(held);
    let held = hold(&app.desk, Queue::Writes).await;
    in_time(app.client().post("/forgotten", &Fields::default().with("email", OWNER)))
        .await
        .expect(303);
    // Time for it to be refused, were it refused.
    tokio::time::sleep(Duration::from_millis(300)).await;
    drop(held);
    assert_eq!(app.mails(1).await[0].recipient, OWNER);
}

#[both]
async fn nobody_waits_for_longer_than_the_limit(app: App) {
    let held = hold(&app.desk, Queue::PasswordChecks).await;
    let limits = Limits { max_waiting: 1_000, timeout: Duration::from_millis(1) };
    let hurried = QueueLimits { password_checks: limits, ..QueueLimits::default() };
    let hurried = app.desk.clone().with_queue_limits(hurried);
    let refused = in_time(Caller::SignedIn.runs(hurried.checking_password(|_| Ok(())))).await;
    assert!(matches!(refused, Err(rewarddesk::app::Error::Busy)));
    drop(held);
}

#[both]
async fn a_known_browser_signs_in_before_strangers_who_came_first(app: App) {
    app.user(Role::Support);
    let known = app.client().signed_in(OWNER).await;
    let mut held = hold(&app.desk, Queue::PasswordChecks).await;
    let strangers = wrong_sign_ins(&app, 5).await;
    wait_for(&app.desk, "sign-ins that wait", 5, |waiting| waiting.password_checks).await;
    let signing_in = tokio::spawn(async move {
        known
            .post("/sign-in", &Fields::default().with("email", OWNER).with("password", PASSWORD))
            .await
            .expect(303);
    });
    wait_for(&app.desk, "sign-ins that wait", 6, |waiting| waiting.password_checks).await;
    // One at a time, so that the order of the records is the order of the checks.
    held.pop();
    signing_in.await.expect("a known browser gets in");
    until("all are judged", || app.count(WRONG) == 5).await;
    let latest = app.number("SELECT max(id) FROM audit_records WHERE action = 'session.signed_in'");
    assert_eq!(app.count(&format!("{WRONG} AND id < {latest}")), 0, "strangers were served first");
    drop((held, strangers));
}

#[test]
fn writes_are_the_last_to_be_refused() {
    let QueueLimits { writes, reads, password_checks, provider_calls } = QueueLimits::default();
    assert!(writes.max_waiting >= 5 * 200, "two hundred at the button at once, and more");
    for other in [reads, password_checks, provider_calls] {
        assert!(other.max_waiting < writes.max_waiting && other.timeout < writes.timeout);
    }
}
