//! The pages that people look at, beside one row read by its key through the same server.

use std::{rc::Rc, time::Duration};

use crate::{
    desk::{Desk, EMAIL, PASSWORD},
    http::{Connection, sign_in},
    load::{Figures, Median, Until, run},
    reference,
    report::Results,
    rows::numbers,
    world::{Size, email},
};

/// As many as a busy office has in flight at once.
const CONNECTIONS: usize = 8;
const REPEATS: usize = 5;

type Path = Box<dyn Fn(usize) -> String>;

/// What is asked for: a name for the table, the way to the `n`th address, the status of a good
/// answer.
struct Subject {
    name: &'static str,
    path: Path,
    status: u16,
}

fn subjects(desk: &Desk, size: Size) -> Vec<Subject> {
    let people = size.customers() as usize;
    let some = move |n: usize| n.wrapping_mul(7_919) % people;
    // The customers with ten rewards are the first tenth.
    let first = numbers(&desk.url, "SELECT min(id) AS a, 0 AS b FROM customers")[0].0;
    let code = numbers(&desk.url, "SELECT id AS a, 0 AS b FROM batches WHERE name = 'Hot'")[0].0;
    let to = |name, status, path: Path| Subject { name, path, status };
    let search = |q: String| {
        format!(
            "/m/acme/customers?q={}",
            url::form_urlencoded::byte_serialize(q.as_bytes()).collect::<String>()
        )
    };
    let shared = |terms: &'static [&'static str]| -> Path {
        Box::new(move |n| search(terms[n % terms.len()].to_owned()))
    };
    vec![
        to("customers, first page", 200, Box::new(|_| "/m/acme/customers".to_owned())),
        to(
            "profile, ten rewards",
            200,
            Box::new(move |n| {
                format!("/m/acme/customers/{}", first + (some(n) % (people / 10)) as i64)
            }),
        ),
        to(
            "search, start of a name",
            200,
            shared(&["aoife", "bergs", "okaf", "kei", "grace p", "lindg"]),
        ),
        to(
            "search, middle of a word",
            200,
            shared(&["ergstr", "akamu", "owals", "onta", "iam", "kafor"]),
        ),
        to("search, one character", 200, shared(&["a", "k", "z", "1", "ø"])),
        to("search, two characters", 200, shared(&["ao", "ke", "zz", "c-", "be"])),
        to("search, nothing found", 200, shared(&["zzzzqq", "nobody at all", "xyxyxy"])),
        to("search, exact email", 303, Box::new(move |n| search(email(some(n) as u64)))),
        to(
            "search, exact code",
            303,
            Box::new(move |n| {
                search(format!("HOT-OLD-{:07}", n.wrapping_mul(7_919) % size.ready() as usize))
            }),
        ),
        to("voucher batches", 200, Box::new(|_| "/m/acme/batches".to_owned())),
        to("a batch", 200, Box::new(move |_| format!("/m/acme/batches/{code}"))),
        to("audit log", 200, Box::new(|_| "/m/acme/audit".to_owned())),
    ]
}

/// Measures every page in turn, and again, each beside the limit.
pub async fn measure(desk: &Desk, size: Size, seconds: f64, results: &mut Results) {
    let server = desk.serve(&["--hold-mail"]);
    results.set("memory at rest", server.memory());
    let cookie = sign_in(&server.address, EMAIL, PASSWORD).await;
    let limit = reference::serve(&desk.url);
    let subjects: Vec<Subject> = subjects(desk, size);
    let people = size.customers() as usize;
    let until = Until::Time(Duration::from_secs_f64(seconds));
    let (mut rows, mut empties) = (vec![], vec![]);
    let mut pages: Vec<Vec<Figures>> = subjects.iter().map(|_| vec![]).collect();
    let bare = [limit];
    let desks = [server.address.clone()];
    for repeat in 0..REPEATS {
        let empty = |mut connection: Connection, _| async move {
            assert_eq!(connection.get("/empty", "").await.status, 200);
            connection
        };
        empties.push(run(&bare, CONNECTIONS, until, empty).await);
        for (at, subject) in subjects.iter().enumerate() {
            // Beside each page its own limit: what the machine does meanwhile falls on both.
            let row = move |mut connection: Connection, n: usize| async move {
                let answer = connection
                    .get(&format!("/row/{}", 1 + n.wrapping_mul(7_919) % people), "")
                    .await;
                assert_eq!(answer.status, 200);
                connection
            };
            rows.push(run(&bare, CONNECTIONS, until, row).await);
            pages[at].push(ask(&desks, CONNECTIONS, until, subject, repeat * 256, &cookie).await);
        }
    }
    results.figures("an empty handler", &empties);
    results.figures("one row by its key", &rows);
    let count = subjects.len();
    for (at, subject) in subjects.iter().enumerate() {
        results.figures(subject.name, &pages[at]);
        // Row and page of one repeat stand side by side.
        let beside =
            (0..REPEATS).map(|repeat| pages[at][repeat].rate / rows[repeat * count + at].rate);
        results.median(&format!("{} / one row", subject.name), Median::of(beside));
        // Alone on the machine: what one person waits.
        let one = ask(&desks, 1, Until::Count(200), subject, 7_000, &cookie).await;
        results.figures(&format!("{}, alone", subject.name), &[one]);
    }
    results.set("memory after the pages", server.memory());
}

/// Asks for 256 addresses of a page in turn, from the `first` on.
async fn ask(
    desks: &[String],
    connections: usize,
    until: Until,
    subject: &Subject,
    first: usize,
    cookie: &str,
) -> Figures {
    let paths: Rc<[String]> = (0..256).map(|n| (subject.path)(first + n)).collect();
    let (cookie, status): (Rc<str>, u16) = (cookie.into(), subject.status);
    let one = move |mut connection: Connection, n: usize| {
        let (paths, cookie) = (Rc::clone(&paths), Rc::clone(&cookie));
        async move {
            let path = &paths[n % paths.len()];
            let answer = connection.get(path, &cookie).await;
            assert_eq!(answer.status, status, "{path}");
            connection
        }
    };
    run(desks, connections, until, one).await
}
