//! Codes coming in, batches running dry, and what exact counting costs.
//! Must not know pages.

use std::{
    fmt::Write as _,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use diesel::{RunQueryDsl, sql_query};

use crate::{
    desk::Desk,
    load::{Figures, Median, Until, run},
    reissues::{Stock, by_pgbench, over_http},
    report::Results,
    rows::{execute, numbers, postgres},
    world::Size,
};

/// Lines of a vouchers file that was never seen before, a hundredth of them twice.
fn lines(run: usize, codes: usize) -> impl Iterator<Item = String> {
    (0..codes).map(move |n| {
        let n = if n % 100 == 99 { n - 1 } else { n };
        format!("I{run}-{:08X},2031-01-01\n", (n as u32).wrapping_mul(0x9E37_79B1))
    })
}

/// A file of codes by the desk's import and by the shortest way into the same table, in turn.
pub fn measure_imports(desk: &Desk, size: Size, results: &mut Results) {
    let codes = (1_000_000 / size.0 as usize).max(50_000);
    let (mut desks, mut limits, mut memory) = (vec![], vec![], vec![]);
    let known = numbers(&desk.url, "SELECT count(*) AS a, 0 AS b FROM batches WHERE name LIKE 'Import%'")[0].0 as usize;
    for repeat in known..known + 3 {
        let name = format!("Import {repeat}");
        desk.done(&["batch", "add", &name, "--merchant", "acme"]);
        let begun = Instant::now();
        let head = std::iter::once("code,expires_at\n".to_owned());
        memory.push(desk.fed(&["import", "vouchers", "-", "--merchant", "acme", "--batch", &name], head.chain(lines(2 * repeat, codes))));
        desks.push(codes as f64 / begun.elapsed().as_secs_f64());
        let batch = numbers(&desk.url, &format!("SELECT id AS a, 0 AS b FROM batches WHERE name = '{name}'"))[0].0;
        let begun = Instant::now();
        if desk.is_sqlite() {
            bare_inserts(desk, batch, lines(2 * repeat + 1, codes));
        } else {
            copy(desk, batch, lines(2 * repeat + 1, codes));
        }
        limits.push(codes as f64 / begun.elapsed().as_secs_f64());
    }
    results.median("import, codes a second", Median::of(desks.iter().copied()));
    results.median("import, the shortest way", Median::of(limits.iter().copied()));
    results.median("import / the shortest way", Median::of(desks.iter().zip(&limits).map(|(desk, limit)| desk / limit)));
    results.median("import, memory", Median::of(memory));
}

/// COPY into a table of its own, then INSERT SELECT, which passes over what is there; then it is published.
fn copy(desk: &Desk, batch: i64, lines: impl Iterator<Item = String>) {
    let mut psql = Command::new("psql").args(["-X", "-q", "-v", "ON_ERROR_STOP=1", &desk.url]).stdin(Stdio::piped()).spawn().expect("psql");
    {
        let mut to = std::io::BufWriter::with_capacity(1 << 20, psql.stdin.take().expect("its input"));
        to.write_all(
            b"BEGIN;\nCREATE TEMP TABLE staged (code TEXT, expires_at TIMESTAMPTZ) ON COMMIT DROP;\nCOPY staged FROM STDIN (FORMAT csv);\n",
        )
        .expect("it reads");
        for line in lines {
            to.write_all(line.as_bytes()).expect("it reads");
        }
        let mut rest = String::from("\\.\n");
        let _ = write!(
            rest,
            "INSERT INTO coupons (merchant_id, batch_id, code, folded_code, valid_from, expires_at, max_redemptions, state, created_at) \
             SELECT 1, {batch}, code, lower(code), '0001-01-01', expires_at, 1, 'available', now() FROM staged ON CONFLICT DO NOTHING;\n\
             UPDATE batches SET published_to = (SELECT max(id) FROM coupons) WHERE id = {batch};\nCOMMIT;\n"
        );
        to.write_all(rest.as_bytes()).expect("it reads");
    }
    assert!(psql.wait().expect("its end").success());
}

/// One statement that is prepared once, in one transaction.
fn bare_inserts(desk: &Desk, batch: i64, lines: impl Iterator<Item = String>) {
    let mut conn = rusqlite::Connection::open(desk.url.trim_start_matches("sqlite:")).expect("the file");
    conn.execute_batch("PRAGMA busy_timeout = 30000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -16384")
        .expect("settings");
    let tx = conn.transaction().expect("a transaction");
    {
        let sql = "INSERT OR IGNORE INTO coupons (merchant_id, batch_id, code, folded_code, valid_from, expires_at, max_redemptions, state, created_at) \
            VALUES (1, ?1, ?2, lower(?2), '0001-01-01 00:00:00.000000', ?3, 1, 'available', '2026-01-01 00:00:00.000000')";
        let mut statement = tx.prepare(sql).expect("a statement");
        for line in lines {
            let (code, _) = line.split_once(',').expect("two cells");
            statement.execute((batch, code, "2031-01-02 00:00:00.000000")).expect("a row");
        }
    }
    tx.execute("UPDATE batches SET published_to = (SELECT max(id) FROM coupons) WHERE id = ?1", [batch]).expect("published");
    tx.commit().expect("a commit");
}

/// Half a million codes go out of one batch, nobody vacuums, and somebody keeps an old snapshot open: the head of every index on
/// free codes is full of dead entries then. Before and after, the button is pressed.
pub async fn measure_drain(desk: &Desk, drained: usize, count: usize, results: &mut Results) {
    execute(&desk.url, "ALTER TABLE coupons SET (autovacuum_enabled = off)");
    let server = desk.serve(&["--hold-mail"]);
    let addresses = [server.address.clone()];
    over_http(desk, &addresses, Stock::Hot, 160).await;
    let mut fresh = vec![];
    for _ in 0..3 {
        fresh.push(over_http(desk, &addresses, Stock::Hot, count).await);
    }
    let mut snapshot = postgres(&desk.url);
    sql_query("BEGIN ISOLATION LEVEL REPEATABLE READ").execute(&mut snapshot).expect("a transaction");
    sql_query("SELECT count(*) FROM batches").execute(&mut snapshot).expect("a snapshot");
    // Taken out of stock in the order in which they would be handed out: the same dead entries, without half a million rewards.
    let slice = 10_000;
    for _ in 0..drained.div_ceil(slice) {
        execute(
            &desk.url,
            &format!(
                "UPDATE coupons SET state = 'withdrawn', changed_at = now() WHERE id IN (SELECT id FROM coupons WHERE merchant_id = 1 \
                 AND batch_id = (SELECT id FROM batches WHERE name = 'Hot') AND state = 'available' AND barred_at IS NULL AND redemptions = 0 \
                 AND expires_at > now() ORDER BY expires_at, id LIMIT {slice})"
            ),
        );
    }
    let mut after = vec![];
    for _ in 0..3 {
        after.push(over_http(desk, &addresses, Stock::Hot, count).await);
    }
    drop(snapshot);
    results.figures("reissue, before half a million went", &fresh);
    results.figures("reissue, after half a million went", &after);
    let (before, behind) = (Median::of(fresh.iter().map(|run| run.rate)), Median::of(after.iter().map(|run| run.rate)));
    let ratio = behind.middle / before.middle;
    results.median(
        "reissue, behind dead rows / fresh",
        Median { middle: ratio, least: behind.least / before.most, most: behind.most / before.least },
    );
}

/// The button's statements with the triggers that count and without them, in turn.
pub fn measure_counting(desk: &Desk, count: usize, scratch: &Path, results: &mut Results) {
    let triggers = |what: &str| {
        let sql = format!(
            "DO $$ DECLARE t text; BEGIN FOR t IN SELECT tgname FROM pg_trigger WHERE tgrelid = 'coupons'::regclass AND tgname = 'coupons_move_stock' LOOP EXECUTE 'ALTER TABLE coupons {what} TRIGGER ' || quote_ident(t); END LOOP; END $$"
        );
        execute(&desk.url, &sql);
    };
    let (mut with, mut without) = (vec![], vec![]);
    for _ in 0..5 {
        with.push(by_pgbench(desk, Stock::Fifty, count, scratch));
        triggers("DISABLE");
        without.push(by_pgbench(desk, Stock::Fifty, count, scratch));
        triggers("ENABLE");
    }
    results.figures("reissue's statements, counted", &with);
    results.figures("reissue's statements, not counted", &without);
    results.median("counted / not counted", Median::of(with.iter().zip(&without).map(|(with, without)| with.rate / without.rate)));
}

/// What other people wait for a page while a file comes in.
pub async fn measure_beside_import(desk: &Desk, size: Size, results: &mut Results) {
    let server = desk.serve(&["--hold-mail"]);
    let cookie = crate::http::sign_in(&server.address, crate::desk::EMAIL, crate::desk::PASSWORD).await;
    let codes = (1_000_000 / size.0 as usize).max(50_000);
    desk.done(&["batch", "add", "Beside", "--merchant", "acme"]);
    let importing = desk.clone();
    let import = std::thread::spawn(move || {
        let head = std::iter::once("code,expires_at\n".to_owned());
        importing.fed(&["import", "vouchers", "-", "--merchant", "acme", "--batch", "Beside"], head.chain(lines(900, codes)))
    });
    let mut all: Vec<Figures> = vec![];
    let addresses = [server.address.clone()];
    while !import.is_finished() {
        let cookie = cookie.clone();
        let one = move |mut connection: crate::http::Connection, _| {
            let cookie = cookie.clone();
            async move {
                assert_eq!(connection.get("/m/acme/customers", &cookie).await.status, 200);
                connection
            }
        };
        all.push(run(&addresses, 1, Until::Time(Duration::from_millis(500)), one).await);
    }
    let _ = import.join();
    results.median("a page beside an import, p99", Median::of(all.iter().map(|run| run.p99)));
}
