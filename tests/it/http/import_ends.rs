//! How imports end that are not simply done: cancelled, broken off, killed, taken over, forgotten.

use std::{ops::ControlFlow, time::Duration};

use chrono::TimeDelta;
use rewarddesk::{
    app::imports::{ImportRequest, ImportStreams, import_file},
    db::merchants,
    domain::{import::ImportKind, role::Role},
};

use super::imports::{add, at_rest, paste, send_file, shown, top_up};
use crate::support::{App, Client, client::Fields, page::Page, world::usable};

/// Enough codes for several slices.
fn many() -> String {
    (0..12_000).map(|n| format!("M-{n:06}\n")).collect()
}

async fn cancel(client: &Client, page: &str) -> Page {
    client.post(&format!("{page}/cancel"), &Fields::default()).await.expect(303);
    at_rest(client, page).await
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..600 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("waited in vain for {what}");
}

/// Sends many codes and says yes to them; answers the page's path.
async fn begin(client: &Client, batch: i64) -> String {
    let preview =
        shown(client, &send_file(client, &top_up(batch), "many.csv", many().as_bytes()).await)
            .await;
    preview.says("12,000 codes can be added");
    let path = preview.address.path().to_owned();
    client.post(&format!("{path}/confirm"), &Fields::default()).await.expect(303);
    path
}

/// Codes that the desk may show and allocate.
fn visible(app: &App) -> i64 {
    app.count("coupons c JOIN batches b ON b.id = c.batch_id WHERE c.id <= b.published_to")
}

#[both]
async fn a_cancelled_import_leaves_nothing_in_any_state(app: App) {
    let (batch, mia) = (app.batch("Spring"), app.sign_in(Role::Marketing).await);
    fail::cfg("import::looked", "pause").unwrap();
    let sent = paste(&mia, &top_up(batch), "A-1").await.expect(303);
    let checking = sent.header("Location").to_owned();
    cancel(&mia, &checking)
        .await
        .says("Cancelled")
        .says("Nothing was added.")
        .says("Send another file");
    fail::remove("import::looked");
    let checked = shown(&mia, &paste(&mia, &top_up(batch), "A-1").await).await;
    cancel(&mia, checked.address.path()).await.says("Cancelled");
    let late = mia.post(&format!("{}/confirm", checked.address.path()), &Fields::default()).await;
    shown(&mia, &late).await.says("Cancelled");
    at_rest(&mia, &checking).await.says("Cancelled");
    // At work until the cancellation is there; slow afterwards, so that it is seen before the end.
    fail::cfg("import::slice", "pause").unwrap();
    let importing = begin(&mia, batch).await;
    mia.get(&importing).await.says("Adding 12,000 codes to Spring").says("You can leave this page");
    mia.post(&format!("{importing}/cancel"), &Fields::default()).await.expect(303);
    fail::cfg("import::slice", "sleep(900)").unwrap();
    at_rest(&mia, &importing).await.says("Cancelled").says("Nothing was added.");
    fail::remove("import::slice");
    assert_eq!(
        (visible(&app), app.count("audit_records WHERE action = 'vouchers.imported'")),
        (0, 0)
    );
    until("the files to be gone", || app.count("import_pieces WHERE part = 'file'") == 0).await;
    // It can simply be sent again.
    let again = begin(&mia, batch).await;
    at_rest(&mia, &again).await.says("12,000 codes added");
    assert_eq!((visible(&app), app.count("coupons")), (12_000, 12_000));
}

#[both]
async fn a_new_batch_stays_when_its_import_is_cancelled(app: App) {
    let mia = app.sign_in(Role::Marketing).await;
    let form =
        [("name", None, &b"Winter"[..]), ("file", Some("many.csv"), many().leak().as_bytes())];
    let preview = shown(&mia, &mia.post_parts("/m/acme/batches", &form).await).await;
    let path = preview.address.path().to_owned();
    fail::cfg("import::slice", "pause").unwrap();
    mia.post(&format!("{path}/confirm"), &Fields::default()).await.expect(303);
    mia.post(&format!("{path}/cancel"), &Fields::default()).await.expect(303);
    fail::cfg("import::slice", "sleep(900)").unwrap();
    at_rest(&mia, &path)
        .await
        .says("Cancelled")
        .says("The batch Winter was created and is empty.")
        .says("Go to Winter");
    fail::remove("import::slice");
    mia.get("/m/acme/batches").await.says("Winter Never filled").says("Nothing has been added yet");
    assert_eq!(
        (app.count("batches WHERE name = 'Winter' AND imported = 0"), visible(&app)),
        (1, 0)
    );
}

#[both]
async fn a_stopped_import_goes_on_at_the_next_start(app: App) {
    let mut app = app;
    let (batch, mia) = (app.batch("Spring"), app.sign_in(Role::Marketing).await);
    fail::cfg("import::slice", "pause").unwrap();
    let path = begin(&mia, batch).await;
    app.stop_importer();
    fail::cfg("import::slice", "sleep(900)").unwrap();
    until("the import to be given back", || {
        app.count("imports WHERE state = 'importing' AND lease_holder IS NULL") == 1
    })
    .await;
    fail::remove("import::slice");
    mia.get(&path).await.says("Adding 12,000 codes");
    assert_eq!(visible(&app), 0);
    app.start_importer();
    at_rest(&mia, &path).await.says("12,000 codes added to Spring");
    assert_eq!((visible(&app), app.count("coupons")), (12_000, 12_000));
    assert_eq!(app.count("audit_records WHERE action = 'vouchers.imported'"), 1);
}

#[both]
async fn a_dead_workers_import_is_taken_over_when_its_lease_ends(app: App) {
    let mut app = app;
    let (batch, mia) = (app.batch("Spring"), app.sign_in(Role::Marketing).await);
    let preview = shown(&mia, &paste(&mia, &top_up(batch), "A-1\nA-2").await).await;
    app.stop_importer();
    // As a killed worker leaves it.
    let until = app.sql(app.now() + TimeDelta::seconds(30));
    app.exec(&format!(
        "UPDATE imports SET state = 'importing', lease_holder = 'dead', lease_until \
        = {until}, cancel_asked = FALSE"
    ));
    app.start_importer();
    tokio::time::sleep(Duration::from_millis(300)).await;
    mia.get(preview.address.path()).await.says("Adding 2 codes");
    app.desk.clock.advance(TimeDelta::seconds(31));
    app.desk.import_wakeup.notify_one();
    at_rest(&mia, preview.address.path()).await.says("2 codes added");
    assert_eq!(app.count("audit_records WHERE action = 'vouchers.imported'"), 1);
}

#[both]
async fn a_worker_that_was_taken_over_brings_nothing(app: App) {
    let (batch, mia) = (app.batch("Spring"), app.sign_in(Role::Marketing).await);
    let preview = shown(&mia, &paste(&mia, &top_up(batch), "A-1\nA-2").await).await;
    fail::cfg("import::slice", "pause").unwrap();
    mia.post(&format!("{}/confirm", preview.address.path()), &Fields::default()).await.expect(303);
    let until = app.sql(app.now() + TimeDelta::hours(1));
    app.exec(&format!(
        "UPDATE imports SET lease_holder = 'thief', lease_until = {until} WHERE state = 'importing'"
    ));
    fail::remove("import::slice");
    tokio::time::sleep(Duration::from_millis(800)).await;
    assert_eq!(
        (visible(&app), app.count("imports WHERE state = 'importing' AND lease_holder = 'thief'")),
        (0, 1)
    );
    app.desk.clock.advance(TimeDelta::hours(2));
    let mia = app.sign_in(Role::Marketing).await;
    app.desk.import_wakeup.notify_one();
    at_rest(&mia, preview.address.path()).await.says("2 codes added");
}

#[both]
async fn two_workers_do_each_import_once(app: App) {
    let mut app = app;
    let mia = app.sign_in(Role::Marketing).await;
    let first = std::mem::take(&mut app.importer);
    app.start_importer();
    let mut pages = vec![];
    for n in 0..4 {
        let batch = app.batch(&format!("Batch {n}"));
        let preview =
            shown(&mia, &paste(&mia, &top_up(batch), &format!("W-{n}-1\nW-{n}-2")).await).await;
        pages.push(preview.address.path().to_owned());
    }
    for page in &pages {
        let (client, path) = (mia.clone(), format!("{page}/confirm"));
        tokio::spawn(async move { client.post(&path, &Fields::default()).await });
    }
    for page in &pages {
        until("its end", || app.count("imports WHERE state = 'done'") == 4).await;
        at_rest(&mia, page).await.says("2 codes added");
    }
    assert_eq!(
        (app.count("coupons"), app.count("audit_records WHERE action = 'vouchers.imported'")),
        (8, 4)
    );
    drop(first);
}

#[both]
async fn a_failure_is_told_and_blocks_nobody(app: App) {
    let (batch, mia) = (app.batch("Spring"), app.sign_in(Role::Marketing).await);
    let preview = shown(&mia, &paste(&mia, &top_up(batch), "A-1").await).await;
    fail::cfg("import::slice", "1*panic").unwrap();
    add(&mia, &preview)
        .await
        .says("Nothing was added")
        .says("Something went wrong on our side")
        .says("Send another file");
    fail::remove("import::slice");
    if app.count("import_leases") > 0 {
        app.desk.clock.advance(TimeDelta::seconds(11));
    }
    let preview = shown(&mia, &paste(&mia, &top_up(batch), "A-1").await).await;
    add(&mia, &preview).await.says("1 code added");
}

#[both]
async fn so_many_wait_and_no_more(app: App) {
    let (batch, mia) = (app.batch("Spring"), app.sign_in(Role::Marketing).await);
    shown(&mia, &paste(&mia, &top_up(batch), "A-1").await).await;
    for _ in 0..19 {
        app.exec(
            "INSERT INTO imports (merchant_id, kind, batch_id, user_id, state, file_name, \
             lease_until, created_at) \
             SELECT merchant_id, kind, batch_id, user_id, state, file_name, lease_until, \
             created_at FROM imports ORDER BY id LIMIT 1",
        );
    }
    paste(&mia, &top_up(batch), "A-1")
        .await
        .expect(409)
        .says("20 imports of this merchant are already waiting");
    paste(&mia, "/m/acme/batches", "A-1").await.expect(422);
}

#[both]
async fn the_rejects_are_those_of_the_command_line(app: App) {
    let (batch, mia) = (app.batch("Spring"), app.sign_in(Role::Marketing).await);
    app.coupon(batch, &usable("HERE-1"));
    let file = "\u{feff}code;pin\r\nHERE-1;1\r\nA-1;2\r\na-1;3\r\n=x;\"4\r\n5\"\r\nAB;6;7\r\n";
    let desk = app.desk.clone();
    let expected = tokio::task::spawn_blocking(move || {
        let (scope, merchant) =
            desk.db.read(|conn| merchants::for_operator(conn, "acme")).unwrap().unwrap();
        let order = ImportRequest {
            dry_run: true,
            ..ImportRequest::of_operator(scope, &merchant, ImportKind::Vouchers, Some("Spring"))
        };
        let mut rejects = vec![];
        import_file(
            &desk,
            &order,
            ImportStreams {
                source: &mut file.as_bytes(),
                rejects: &mut rejects,
                watch: &mut |_| ControlFlow::Continue(()),
            },
        )
        .unwrap();
        String::from_utf8(rejects).unwrap()
    });
    // A spreadsheet opens what is downloaded.
    let expected = format!("\u{feff}{}", expected.await.unwrap());
    let preview =
        shown(&mia, &send_file(&mia, &top_up(batch), "codes.csv", file.as_bytes()).await).await;
    let rejects = format!("{}/rejects", preview.address.path());
    assert_eq!(mia.get(&rejects).await.expect(200).body, expected);
    add(&mia, &preview).await.says("1 code added").says("Download all as CSV");
    assert_eq!(mia.get(&rejects).await.expect(200).body, expected);
    app.desk.clock.advance(TimeDelta::days(8));
    app.desk.import_wakeup.notify_one();
    until("the rejects to be gone", || app.count("import_pieces") == 0).await;
    let mia = app.sign_in(Role::Marketing).await;
    mia.get(&rejects).await.expect(404);
}

#[both]
async fn what_nobody_comes_back_for_is_thrown_away(app: App) {
    let mut app = app;
    let (batch, mia) = (app.batch("Spring"), app.sign_in(Role::Marketing).await);
    shown(&mia, &paste(&mia, &top_up(batch), "A-1").await).await;
    let receiving = app.number("SELECT max(id) FROM imports") + 1;
    let (user, now) = (app.number("SELECT max(id) FROM users"), app.sql(app.now()));
    app.exec(&format!(
        "INSERT INTO imports (merchant_id, kind, batch_id, user_id, state, file_name, \
         lease_until, created_at) \
         VALUES ({}, 'vouchers', {batch}, {user}, 'receiving', '', {now}, {now})",
        app.merchant
    ));
    for (hours, unfinished) in [(0, 2), (2, 1), (24 * 8, 0)] {
        app.stop_importer();
        app.desk.clock.advance(TimeDelta::hours(hours));
        app.start_importer();
        until("the unfinished ones", || app.count("imports WHERE ended_at IS NULL") == unfinished)
            .await;
    }
    until("the pieces to be gone", || app.count("import_pieces") == 0).await;
    assert_eq!(app.count(&format!("imports WHERE id = {receiving} AND state = 'cancelled'")), 1);
}

#[both]
async fn a_sender_that_breaks_off_or_trickles_leaves_nothing(app: App) {
    let (batch, mia) = (app.batch("Spring"), app.sign_in(Role::Marketing).await);
    let half = format!(
        "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\n{}",
        "A-1234567\n".repeat(80_000)
    );
    let request = mia
        .request(reqwest::Method::POST, &top_up(batch))
        .header("Content-Type", "multipart/form-data; boundary=b");
    crate::support::client::send(request.body(half.clone())).await.expect(400);
    assert_eq!(app.count("imports WHERE state = 'cancelled'"), 1);
    until("the pieces to be gone", || app.count("import_pieces") == 0).await;
    let address = mia.base.trim_start_matches("http://").to_owned();
    let cookie = mia.signed_in_cookie("marketing@desk.example").await;
    fail::cfg("connections::body", "return(200)").unwrap();
    // Silence inside a field, in a part's head, in what comes before the first part, and after a
    // part.
    for begun in [
        &half[..600],
        "--b\r\nContent-Disposition: form-",
        "before the first part",
        "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\ny\r\n",
    ] {
        let answer =
            trickle(&address, &top_up(batch), cookie.split(';').next().unwrap(), begun).await;
        assert!(answer.starts_with("HTTP/1.1 408"), "after {begun:?}: {answer}");
    }
    fail::remove("connections::body");
    assert_eq!(app.count("coupons") + app.count("imports WHERE ended_at IS NULL"), 0);
}

/// Sends the beginning of a form and then nothing for a while; answers what came back.
async fn trickle(address: &str, path: &str, cookie: &str, begun: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut line = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nCookie: {cookie}\r\nSec-Fetch-Site: \
         same-origin\r\n\
         Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 100000\r\n\r\n{begun}"
    );
    line.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 512];
    let n = tokio::time::timeout(Duration::from_secs(30), line.read(&mut answer))
        .await
        .expect("an answer in time")
        .unwrap();
    String::from_utf8_lossy(&answer[..n]).into_owned()
}
