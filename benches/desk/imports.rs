//! Codes coming in: how quickly, what memory that takes, what others wait for meanwhile.

use std::{
    fmt::Write as _,
    fs,
    io::Write as _,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use hyper::Method;

use crate::{
    desk::{Desk, EMAIL, PASSWORD},
    http::{Connection, sign_in},
    load::{Figures, Median},
    reissues::{Stock, forms},
    report::Results,
    rows::numbers,
    world::Size,
};

const REPEATS: usize = 3;

/// How many rows a large file has. A part of a second tells nothing: small worlds get more than
/// their share.
fn rows(size: Size) -> usize {
    (1_000_000 / size.0 as usize).max(50_000)
}

/// Lines of a vouchers file that was never seen before, a hundredth of them twice.
fn lines(run: usize, codes: usize) -> impl Iterator<Item = String> {
    (0..codes).map(move |n| {
        let n = if n % 100 == 99 { n - 1 } else { n };
        format!("I{run}-{:08X},2031-01-01\n", (n as u32).wrapping_mul(0x9E37_79B1))
    })
}

/// Imports so many rows into a new batch; answers the most memory that took, in MiB. Each duplicate
/// must be told, in numbers and by line.
fn import(desk: &Desk, batch: &str, run: usize, rows: usize) -> f64 {
    desk.done(&["batch", "add", batch, "--merchant", "acme"]);
    let head = std::iter::once("code,expires_at\n".to_owned());
    let ended = desk.ended(
        &["import", "vouchers", "-", "--merchant", "acme", "--batch", batch],
        head.chain(lines(run, rows)),
    );
    let twice = rows / 100;
    let report =
        format!("{rows} rows: {} new, 0 updated, 0 unchanged, {twice} rejected", rows - twice);
    assert_eq!(
        (ended.status.code(), ended.said.trim()),
        (Some(1), report.as_str()),
        "{}",
        ended.refused
    );
    let rejects = fs::read_to_string(desk.file("import.rejects.csv")).expect("the rejects");
    assert_eq!(
        rejects.matches("the code is already in this file").count(),
        twice,
        "each duplicate stands among the rejects"
    );
    ended.most_memory
}

/// What the least import takes.
fn least_memory(desk: &Desk) -> f64 {
    import(desk, "A few", 1_000, 100)
}

/// A file of codes by the desk's import and by the shortest way into the same table, in turn.
pub fn measure(desk: &Desk, size: Size, results: &mut Results) {
    let codes = rows(size);
    let least = least_memory(desk);
    let (mut desks, mut limits, mut memory) = (vec![], vec![], vec![]);
    for repeat in 0..REPEATS {
        let name = format!("Import {repeat}");
        let begun = Instant::now();
        memory.push(import(desk, &name, 2 * repeat, codes) - least);
        desks.push(codes as f64 / begun.elapsed().as_secs_f64());
        let batch = numbers(
            &desk.url,
            &format!("SELECT id AS a, 0 AS b FROM batches WHERE name = '{name}'"),
        )[0]
        .0;
        let begun = Instant::now();
        if desk.is_sqlite() {
            bare_inserts(desk, batch, lines(2 * repeat + 1, codes));
        } else {
            copy(desk, batch, lines(2 * repeat + 1, codes));
        }
        limits.push(codes as f64 / begun.elapsed().as_secs_f64());
        println!("    {:.0} codes a second; the shortest way {:.0}", desks[repeat], limits[repeat]);
    }
    results.median("import, codes a second", Median::of(desks.iter().copied()));
    results.median("import, the shortest way", Median::of(limits.iter().copied()));
    results.median(
        "import / the shortest way",
        Median::of(desks.iter().zip(&limits).map(|(desk, limit)| desk / limit)),
    );
    results.median("import, memory growth", Median::of(memory));
}

/// Ten times as many rows, into a desk that holds nothing else.
pub fn measure_memory(desk: &Desk, size: Size, results: &mut Results) {
    let least = least_memory(desk);
    let begun = Instant::now();
    let codes = 10 * rows(size);
    results
        .set("import of ten times as many, memory growth", import(desk, "Large", 0, codes) - least);
    results.set(
        "import of ten times as many, codes a second",
        codes as f64 / begun.elapsed().as_secs_f64(),
    );
}

/// COPY into a table of its own, then INSERT SELECT, which passes over what is there; then it is
/// published.
fn copy(desk: &Desk, batch: i64, lines: impl Iterator<Item = String>) {
    let mut psql = Command::new("psql")
        .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", &desk.url])
        .stdin(Stdio::piped())
        .spawn()
        .expect("psql");
    {
        let mut to =
            std::io::BufWriter::with_capacity(1 << 20, psql.stdin.take().expect("its input"));
        to.write_all(
            b"BEGIN;\nCREATE TEMP TABLE staged (code TEXT, expires_at TIMESTAMPTZ) ON COMMIT \
                DROP;\nCOPY staged FROM STDIN (FORMAT csv);\n",
        )
        .expect("it reads");
        for line in lines {
            to.write_all(line.as_bytes()).expect("it reads");
        }
        let mut rest = String::from("\\.\n");
        let _ = write!(
            rest,
            "INSERT INTO coupons (merchant_id, batch_id, code, folded_code, valid_from, \
             expires_at, max_redemptions, state, created_at) \
             SELECT 1, {batch}, code, lower(code), '0001-01-01', expires_at, 1, 'available', \
             now() FROM staged ON CONFLICT DO NOTHING;\n\
             UPDATE batches SET published_to = (SELECT max(id) FROM coupons) WHERE id = \
             {batch};\nCOMMIT;\n"
        );
        to.write_all(rest.as_bytes()).expect("it reads");
    }
    assert!(psql.wait().expect("its end").success());
}

/// One statement that is prepared once, in one transaction.
fn bare_inserts(desk: &Desk, batch: i64, lines: impl Iterator<Item = String>) {
    let mut conn =
        rusqlite::Connection::open(desk.url.trim_start_matches("sqlite:")).expect("the file");
    conn.execute_batch(
        "PRAGMA busy_timeout = 30000; PRAGMA journal_mode = WAL; PRAGMA \
        synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -16384",
    )
    .expect("settings");
    let tx = conn.transaction().expect("a transaction");
    {
        let sql = "INSERT OR IGNORE INTO coupons (merchant_id, batch_id, code, folded_code, \
            valid_from, expires_at, max_redemptions, state, created_at) \
            VALUES (1, ?1, ?2, lower(?2), '0001-01-01 00:00:00.000000', ?3, 1, 'available', \
            '2026-01-01 00:00:00.000000')";
        let mut statement = tx.prepare(sql).expect("a statement");
        for line in lines {
            let (code, _) = line.split_once(',').expect("two cells");
            statement.execute((batch, code, "2031-01-02 00:00:00.000000")).expect("a row");
        }
    }
    tx.execute(
        "UPDATE batches SET published_to = (SELECT max(id) FROM coupons) WHERE id = ?1",
        [batch],
    )
    .expect("published");
    tx.commit().expect("a commit");
}

/// What other people wait for while a file comes in: one looks at pages, one reissues.
pub async fn measure_beside(desk: &Desk, size: Size, clicks: usize, results: &mut Results) {
    let server = desk.serve(&["--hold-mail"]);
    let cookie = sign_in(&server.address, EMAIL, PASSWORD).await;
    let clicks = forms(desk, &server.address, &cookie, Stock::Fifty, clicks).await;
    let over = Arc::new(AtomicBool::new(false));
    let (importing, ended, codes) = (desk.clone(), Arc::clone(&over), rows(size));
    let import = std::thread::spawn(move || {
        let _told = OnDrop(ended);
        import(&importing, "Beside", 900, codes);
    });
    let pages: Vec<(String, String)> =
        (0..100_000).map(|_| ("/m/acme/customers".to_owned(), String::new())).collect();
    let (pages, clicks) = tokio::join!(
        now_and_then(&server.address, &cookie, Method::GET, pages, &over),
        now_and_then(&server.address, &cookie, Method::POST, clicks, &over)
    );
    import.join().expect("the import came to its end");
    results.figures("a page beside an import", &[pages]);
    results.figures("a reissue beside an import", &[clicks]);
}

/// Says that it is over, whatever the end was.
struct OnDrop(Arc<AtomicBool>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Asks, takes a breath, asks again, until it is over or nothing is left to ask for.
async fn now_and_then(
    address: &str,
    cookie: &str,
    method: Method,
    asked: Vec<(String, String)>,
    over: &AtomicBool,
) -> Figures {
    let mut connection = Connection::open(address).await;
    let (mut took, begun) = (vec![], Instant::now());
    for (path, form) in asked {
        if over.load(Ordering::Relaxed) {
            break;
        }
        let asked = Instant::now();
        let answer =
            connection.ask(method.clone(), &path, cookie, &form, method == Method::POST).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        took.push(asked.elapsed().as_secs_f64() * 1000.0);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Figures::of(took, begun.elapsed())
}
