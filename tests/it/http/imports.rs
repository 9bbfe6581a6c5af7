//! Imports from the browser in each of their states: shown, said yes to once, cancelled, and nobody
//! else's business.

use std::ops::ControlFlow;

use rewarddesk::{
    app::imports::{ImportRequest, ImportRow, ImportStreams, import_file},
    db::merchants,
    domain::{import::ImportKind, role::Role},
};

use crate::support::{App, Client, client::Fields, page::Page, world::usable};

/// Pastes codes and chooses no file, as a browser sends it.
pub async fn paste(client: &Client, path: &str, codes: &str) -> Page {
    client.post_parts(path, &[("codes", None, codes.as_bytes()), ("file", Some(""), b"")]).await
}

pub async fn send_file(client: &Client, path: &str, name: &str, content: &[u8]) -> Page {
    client.post_parts(path, &[("codes", None, b""), ("file", Some(name), content)]).await
}

/// The import's page that an answer leads to, once nobody is at work on it.
pub async fn shown(client: &Client, answer: &Page) -> Page {
    assert_eq!(answer.status, 303, "{}", answer.words());
    at_rest(client, answer.header("Location")).await
}

/// The import's page, once nobody is at work on it.
pub async fn at_rest(client: &Client, path: &str) -> Page {
    for _ in 0..1600 {
        let page = client.get(path).await.expect(200);
        if !page.body.contains("<progress") {
            return page;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("the import at {path} goes on for ever")
}

/// Says yes to what is shown, and answers the page at its end.
pub async fn add(client: &Client, preview: &Page) -> Page {
    let path = preview.address.path().to_owned();
    shown(client, &client.post(&format!("{path}/confirm"), &Fields::default()).await).await
}

pub fn top_up(batch: i64) -> String {
    format!("/m/acme/batches/{batch}/vouchers")
}

fn utf16(text: &str) -> Vec<u8> {
    std::iter::once(0xFEFF).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

#[both]
async fn what_every_file_gives_is_shown(app: App) {
    let (batch, mia) = (app.batch("Spring"), app.sign_in(Role::Marketing).await);
    let rows: String = (0..3000).map(|n| format!("FILE-{n:05};2028-12-31\r\n")).collect();
    let long_numbers: String = (0..40).map(|n| format!("1234567890123{n:02}00\n")).collect();
    let digits: String = (1..200).map(|n| format!("{}\n", n * 4999)).collect();
    let ok: [(&str, Vec<u8>, &[&str]); 9] = [
        (
            "a BOM, semicolons and CRLF",
            format!("\u{feff}code;expires_at\r\n{rows}").into_bytes(),
            &["3,000 codes can be added", "Rejected 0"],
        ),
        ("UTF-16", utf16("code\tpin\r\nÄB-1\t0042\r\nÄB-2\t\r\n"), &["2 codes can be added"]),
        (
            "quotes, empty lines and spaces",
            b"\r\n\"Q-1\"\r\n\r\n  Q-2  \r\n\"Q\"\"3\"\r\n".to_vec(),
            &["3 codes can be added", "1 code had white space"],
        ),
        ("a heading", b"Code\nH-1\n".to_vec(), &["1 code can be added"]),
        (
            "spreadsheet damage",
            b"5.57E+92\n1.2E+15\nS-1\n".to_vec(),
            &["1 code can be added", "2 lines: damaged by a spreadsheet"],
        ),
        (
            "lost zeros",
            digits.into_bytes(),
            &["may have lost leading zeros", "Most codes have 6 digits"],
        ),
        ("rounded numbers", long_numbers.into_bytes(), &["40 long numbers may have been rounded"]),
        (
            "an end within a year and one past",
            b"code,expires_at\nE-1,2027-03-01\nE-2,2020-01-01\nE-3,2031-01-01\n".to_vec(),
            &[
                "3 codes can be added",
                "1 code ends within a year",
                "1 Mar 2027, 23:59 GMT",
                "1 code already expired",
            ],
        ),
        (
            "the same again",
            b"X-1\nx-1\n".to_vec(),
            &["1 code can be added", "1 line: twice in the file"],
        ),
    ];
    for (what, content, words) in ok {
        let page = shown(&mia, &send_file(&mia, &top_up(batch), "codes.csv", &content).await).await;
        for words in words {
            assert!(page.words().contains(words), "{what}: {words:?} is not in {}", page.words());
        }
    }
    for (what, content, words) in [
        ("an image", &b"\x89PNG\r\n\x1a\n\0\0\0"[..], "The file isn't text"),
        ("an unknown heading", b"Voucher\nABC-1\n", "looks like an unknown heading"),
        ("an unknown column", b"code,colour\nA-1,red\n", "The column \"colour\" is unknown"),
        ("a heading alone", b"code\n", "has a header and no rows"),
        (
            "an open quote",
            &[b"\"".as_slice(), &vec![b'x'; 2_000_000]].concat(),
            "longer than a million characters",
        ),
    ] {
        let page = shown(&mia, &send_file(&mia, &top_up(batch), "codes.csv", content).await).await;
        assert!(page.says("Nothing was added").words().contains(words), "{what}: {}", page.words());
        assert!(!page.body.contains("/confirm"), "{what}");
    }
    assert_eq!(app.count("coupons"), 0);
    mia.get("/m/acme/imports").await.says("Not added yet").says("Failed").says("3,000 new");
}

#[both]
async fn hostile_cells_and_names_do_nothing(app: App) {
    let (batch, mia) = (app.batch("Spring <b>"), app.sign_in(Role::Marketing).await);
    let file = "code,pin\n<script>alert(1)</script> x,1\n=1+1,2\nx\"><img/src=x>,3\n=cmd|' /C \
        calc'!A0,4\n";
    let name = "../..\\<img src=x onerror=alert(1)>;r\u{202e}.csv";
    let page = shown(&mia, &send_file(&mia, &top_up(batch), name, file.as_bytes()).await).await;
    assert!(!page.body.contains("<script>alert") && !page.body.contains("<img"), "{}", page.body);
    page.says("<script>alert(1)</script> x").says("2 codes can be added");
    let rejects = mia.get(&format!("{}/rejects", page.address.path())).await.expect(200);
    assert_eq!(rejects.header("Content-Type"), "text/csv; charset=utf-8");
    let disposition = rejects.header("Content-Disposition");
    assert!(
        disposition.starts_with("attachment; filename=\"imgsrcxonerroralert1r.csv.rejects.csv\""),
        "{disposition}"
    );
    assert!(
        rejects.body.contains("'=cmd|")
            && rejects.body.starts_with("\u{feff}line,reason,code,pin\n"),
        "{}",
        rejects.body
    );
    let list = mia.get("/m/acme/imports").await;
    assert!(!list.body.contains("<img"), "{}", list.body);
}

#[both]
async fn a_word_counts_once_whatever_is_pressed(app: App) {
    let (batch, mia) = (app.batch("Spring"), app.sign_in(Role::Marketing).await);
    let preview = shown(&mia, &paste(&mia, &top_up(batch), "A-1\nA-2\nA-3").await).await;
    let confirm = format!("{}/confirm", preview.address.path());
    let word = || async { mia.post(&confirm, &Fields::default()).await.expect(303) };
    let (first, second) = tokio::join!(word(), word());
    assert_eq!(first.header("Location"), second.header("Location"));
    shown(&mia, &first).await.says("3 codes added");
    word().await;
    mia.post(&format!("{}/cancel", preview.address.path()), &Fields::default()).await.expect(303);
    at_rest(&mia, preview.address.path()).await.says("3 codes added");
    assert_eq!(
        (app.count("coupons"), app.count("audit_records WHERE action = 'vouchers.imported'")),
        (3, 1)
    );
}

#[both]
async fn whoever_says_yes_stands_in_the_record(app: App) {
    let (batch, mia, ann) = (
        app.batch("Spring"),
        app.sign_in(Role::Marketing).await,
        app.sign_in(Role::Administrator).await,
    );
    let preview = shown(&mia, &paste(&mia, &top_up(batch), "A-1").await).await;
    add(&ann, &preview).await.says("1 code added");
    let actor = app.text(
        "SELECT u.email FROM audit_records a JOIN users u ON u.id = a.user_id \
        WHERE a.action = 'vouchers.imported'",
    );
    assert_eq!(actor.as_deref(), Some("administrator@desk.example"));
}

#[both]
async fn a_new_batch_is_made_by_the_word_and_not_before(app: App) {
    app.batch("Spring");
    let mia = app.sign_in(Role::Marketing).await;
    mia.get("/m/acme/batches").await.says("New batch");
    let form = |name: &'static str,
                codes: &'static str|
     -> Vec<(&'static str, Option<&'static str>, &'static [u8])> {
        vec![
            ("name", None, name.as_bytes()),
            ("valid_from", None, b""),
            ("valid_until", None, b"2028-01-31"),
            ("uses", None, b"3"),
            ("case_sensitive", None, b"yes"),
            ("codes", None, codes.as_bytes()),
            ("file", Some(""), b""),
        ]
    };
    let taken = mia.post_parts("/m/acme/batches", &form("Spring", "A-1")).await.expect(422);
    assert!(taken.says("There is already a batch \"Spring\"").body.contains("A-1</textarea>"));
    mia.post_parts("/m/acme/batches", &form(" ", "A-1"))
        .await
        .expect(422)
        .says("The name has 0 characters");
    mia.post_parts("/m/acme/batches", &form("Winter", ""))
        .await
        .expect(422)
        .says("Paste at least one code");
    let odd = [
        ("name", None, &b"X"[..]),
        ("valid_from", None, b"2027-01-02"),
        ("valid_until", None, b"2027-01-01"),
        ("uses", None, b"0"),
        ("codes", None, b"A-1"),
    ];
    mia.post_parts("/m/acme/batches", &odd)
        .await
        .expect(422)
        .says("can't be before the first")
        .says("a whole number, 1 or more");
    let preview =
        shown(&mia, &mia.post_parts("/m/acme/batches", &form("Winter", "A-1\na-1")).await).await;
    preview
        .says("2 codes can be added to Winter")
        .says("The batch is created when you add them.")
        .says("Yes")
        .says("Until 31 Jan 2028");
    assert_eq!(app.count("batches"), 1);
    let second =
        shown(&mia, &mia.post_parts("/m/acme/batches", &form("Winter", "B-1")).await).await;
    add(&mia, &preview).await.says("2 codes added to Winter");
    assert_eq!(
        app.count("batches WHERE name = 'Winter' AND uses_per_code = 3 AND imported = 2"),
        1
    );
    assert_eq!(app.count("audit_records WHERE action = 'batch.added' AND actor_kind = 'user'"), 1);
    let late = mia
        .post(&format!("{}/confirm", second.address.path()), &Fields::default())
        .await
        .expect(409);
    late.says("Nothing was added").says("There is already a batch \"Winter\"");
    mia.post(&format!("{}/cancel", second.address.path()), &Fields::default()).await.expect(303);
    at_rest(&mia, second.address.path()).await.says("Cancelled").says("Nothing was added.");
}

#[both]
async fn the_recent_pace_says_how_long_the_codes_last(app: App) {
    let (batch, mia) = (app.batch("Spring"), app.sign_in(Role::Marketing).await);
    let customer = app.customer(&crate::support::world::Person::default());
    for n in 0..14 {
        app.reward_with(customer, batch, &format!("R-{n}"), &usable(format!("GONE-{n}")));
    }
    // A batch that is younger than that is measured over the days it has.
    let young = shown(&mia, &paste(&mia, &top_up(batch), "B-1").await).await;
    young.says("14 codes from this batch went out in the last 1 day.");
    app.exec(&format!(
        "UPDATE batches SET created_at = {}",
        app.sql(app.now() - chrono::TimeDelta::days(60))
    ));
    let preview = shown(&mia, &paste(&mia, &top_up(batch), "A-1\nA-2\nA-3").await).await;
    preview
        .says("Running low: these last about 6 days at the recent rate")
        .says("14 codes from this batch went out in the last 28 days");
}

#[both]
async fn other_merchants_and_lower_roles_see_none_of_it(app: App) {
    let (batch, mia, sam) = (
        app.batch("Spring"),
        app.sign_in(Role::Marketing).await,
        app.sign_in(Role::Supervisor).await,
    );
    let preview = shown(&mia, &paste(&mia, &top_up(batch), "A-1\nAB").await).await;
    let (path, globex) = (preview.address.path().to_owned(), app.another_merchant("globex"));
    let mut app = app;
    app.world.inside(globex, |w| w.user_called("gus@desk.example", "Gus", Role::Administrator));
    let gus = app.client().signed_in("gus@desk.example").await;
    for rest in ["", "/progress", "/rejects"] {
        sam.get(&format!("{path}{rest}")).await.expect(403);
        gus.get(&format!("{path}{rest}").replace("acme", "globex")).await.expect(404);
    }
    for rest in ["/confirm", "/cancel"] {
        sam.post(&format!("{path}{rest}"), &Fields::default()).await.expect(403);
        gus.post(&format!("{path}{rest}").replace("acme", "globex"), &Fields::default())
            .await
            .expect(404);
    }
    assert!(!gus.get("/m/globex/imports").await.expect(200).words().contains("Pasted"));
    at_rest(&mia, &path).await.says("1 code can be added");
    assert_eq!(app.count("coupons"), 0);
}

#[both]
async fn a_fragment_tells_how_far_it_is_and_then_the_news(app: App) {
    let (batch, mia) = (app.batch("Spring"), app.sign_in(Role::Marketing).await);
    fail::cfg("import::looked", "pause").unwrap();
    let sent = paste(&mia, &top_up(batch), "A-1").await.expect(303);
    let path = sent.header("Location").to_owned();
    mia.get(&path)
        .await
        .says("Checking the file")
        .says("Nothing is added until you confirm.")
        .says("Reload to see progress");
    let far = mia.get_fragment(&format!("{path}/progress?was=checking")).await.expect(200);
    assert!(far.body.contains("<progress") && !far.body.contains("hx-partial"), "{}", far.body);
    fail::remove("import::looked");
    at_rest(&mia, &path).await;
    let news = mia.get_fragment(&format!("{path}/progress?was=checking")).await.expect(200);
    assert!(
        news.body.contains("hx-target=\"#import\"") && news.body.contains("hx-target=\"#say\""),
        "{}",
        news.body
    );
    assert!(
        !mia.get_fragment(&format!("{path}/progress?was=checked"))
            .await
            .body
            .contains("hx-partial")
    );
}

/// Imports by command into the first merchant.
async fn by_command(app: &App, kind: ImportKind, batch: Option<&'static str>, file: &'static str) {
    let desk = app.desk.clone();
    let import = move || {
        let (scope, merchant) =
            desk.db.read(|conn| merchants::for_operator(conn, "acme")).unwrap().unwrap();
        let request = ImportRequest {
            row: ImportRow::New { file_name: "from-the-shop.csv" },
            ..ImportRequest::of_operator(scope, &merchant, kind, batch)
        };
        let streams = ImportStreams {
            source: &mut file.as_bytes(),
            rejects: &mut std::io::sink(),
            watch: &mut |_| ControlFlow::Continue(()),
        };
        import_file(&desk, &request, streams).unwrap();
    };
    tokio::task::spawn_blocking(import).await.unwrap();
}

#[both]
async fn imports_by_command_are_in_the_list_too(app: App) {
    let (batch, mia) = (app.batch("Spring"), app.sign_in(Role::Marketing).await);
    add(&mia, &shown(&mia, &paste(&mia, &top_up(batch), "B-1\nB-2").await).await).await;
    by_command(&app, ImportKind::Vouchers, Some("Spring"), "code\nC-1\nC-2\nC-3\nB-1\nx\n").await;
    by_command(&app, ImportKind::Customers, None, "email,first_name\na@b.example,A\n").await;
    by_command(&app, ImportKind::Customers, None, "email,first_name\na@b.example,Z\n").await;
    by_command(&app, ImportKind::Purges, None, "email\na@b.example\n").await;
    let list = mia.get("/m/acme/imports").await.expect(200);
    list.says("Customers to purge 1 purged The command line")
        .says("from-the-shop.csv Done Customers 1 updated The command line")
        .says("from-the-shop.csv Done Customers 1 new The command line")
        .says("Spring 3 new, 1 already in the batch, 1 rejected The command line")
        .says("Pasted lines Done Spring 2 new Casey Marketing");
    let ranges = app.texts(
        "SELECT (SELECT c.code FROM coupons c WHERE c.id = i.first_coupon) || ' ' || \
         (SELECT c.code FROM coupons c WHERE c.id = i.last_coupon) AS v FROM imports i \
         WHERE i.kind = 'vouchers' ORDER BY i.id",
    );
    assert_eq!(ranges, ["B-1 B-2", "C-1 C-3"]);
    let page = |id: i64| format!("/m/acme/imports/{id}");
    let first = app.number("SELECT min(id) FROM imports");
    mia.get(&page(first + 1))
        .await
        .expect(200)
        .says("3 codes added to Spring")
        .says("The command line")
        .says("1 line rejected")
        .says("Send another file");
    let customers = mia.get(&page(first + 3)).await.expect(200);
    customers.says("1 customer imported").says("Updated 1");
    assert!(!customers.words().contains("Send another file"), "{}", customers.words());
    mia.get(&page(first + 4)).await.expect(200).says("1 customer purged").says("Purged 1");
    mia.post(&format!("{}/cancel", page(first + 1)), &Fields::default()).await.expect(303);
    mia.post(&format!("{}/confirm", page(first + 1)), &Fields::default()).await.expect(303);
    assert_eq!(app.count("imports WHERE state = 'done'"), 5);
}
