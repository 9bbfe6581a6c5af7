//! The button under load, beside the same statements without a desk.

use std::{cell::RefCell, fs, path::Path, process::Command, rc::Rc, time::Instant};

use hyper::Method;

use crate::{
    desk::{Desk, EMAIL, PASSWORD, Server, root},
    http::{Connection, sign_in},
    load::{Figures, Median, Until, run},
    report::Results,
    rows::numbers,
    world::{FIFTY, HOT, Ready, count_ready, every_ready, ready},
};

const CONNECTIONS: usize = 16;
pub const REPEATS: usize = 5;

/// Where the reissues take their codes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stock {
    Hot,
    Fifty,
    /// The two of [`crate::stock::measure_drain`].
    Drained,
    Fresh,
}

impl Stock {
    /// A condition on the names of its batches.
    pub fn batches(self) -> &'static str {
        match self {
            Self::Hot => HOT,
            Self::Fifty => FIFTY,
            Self::Drained => "= 'Drained'",
            Self::Fresh => "= 'Fresh'",
        }
    }
}

/// How many clicks a run of the button alone is, so that all parts find rewards: ten such runs, and
/// twenty-nine of half as many.
pub fn clicks(desk: &Desk) -> usize {
    let left = count_ready(desk, HOT).min(count_ready(desk, FIFTY));
    let clicks = (left.saturating_sub(480) / 25).min(4_000);
    assert!(
        clicks >= 2 * CONNECTIONS,
        "{left} rewards are left to reissue, too few; make the data anew with --fresh"
    );
    clicks / (2 * CONNECTIONS) * (2 * CONNECTIONS)
}

/// Opens the dialogs of up to `count` rewards and answers address and form of each; not measured.
pub async fn forms(
    desk: &Desk,
    address: &str,
    cookie: &str,
    stock: Stock,
    count: usize,
) -> Vec<(String, String)> {
    let rewards: Rc<Ready> = ready(desk, stock.batches(), count).into();
    let forms = Rc::new(RefCell::new(vec![(String::new(), String::new()); count]));
    let (asked, cookie): (_, Rc<str>) = (Rc::clone(&forms), cookie.into());
    let one = move |mut connection: Connection, n: usize| {
        let (rewards, forms, cookie) = (Rc::clone(&rewards), Rc::clone(&asked), Rc::clone(&cookie));
        async move {
            let (customer, reward) = rewards[n];
            let path = format!("/m/acme/customers/{customer}/rewards/{reward}/reissue");
            let dialog = connection.ask(Method::GET, &path, &cookie, "", true).await;
            let token = dialog
                .field("idempotency_token")
                .unwrap_or_else(|| panic!("{path}: {} {}", dialog.status, dialog.text()));
            forms.borrow_mut()[n] =
                (path, format!("idempotency_token={token}&send_notification_email=on"));
            connection
        }
    };
    run(&[address.to_owned()], 8, Until::Count(count), one).await;
    forms.take()
}

/// Clicks once for each form, as htmx does.
async fn click(addresses: &[String], cookie: &str, forms: Vec<(String, String)>) -> Figures {
    let (forms, cookie): (Rc<[(String, String)]>, Rc<str>) = (forms.into(), cookie.into());
    let count = forms.len();
    let one = move |mut connection: Connection, n: usize| {
        let (forms, cookie) = (Rc::clone(&forms), Rc::clone(&cookie));
        async move {
            let (path, form) = &forms[n];
            let answer = connection.ask(Method::POST, path, &cookie, form, true).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            connection
        }
    };
    run(addresses, CONNECTIONS, Until::Count(count), one).await
}

/// A run of the button over HTTP on servers that share the clicks.
pub async fn over_http(desk: &Desk, addresses: &[String], stock: Stock, count: usize) -> Figures {
    let cookie = sign_in(&addresses[0], EMAIL, PASSWORD).await;
    let forms = forms(desk, &addresses[0], &cookie, stock, count).await;
    click(addresses, &cookie, forms).await
}

/// The same statements by pgbench, on the rewards at the other end.
pub fn by_pgbench(desk: &Desk, stock: Stock, count: usize, scratch: &Path) -> Figures {
    let sql = format!("{} ORDER BY r.id DESC LIMIT {count}", every_ready(stock.batches()));
    let ids: Vec<i64> = numbers(&desk.url, &sql).into_iter().map(|(_, id)| id).collect();
    let (last, first) = (ids[0], ids[ids.len() - 1]);
    assert_eq!(last - first + 1, count as i64, "the rewards of a run stand in a row");
    let log = scratch.join("pgbench");
    for old in fs::read_dir(scratch).expect("the folder").flatten() {
        if old.file_name().to_string_lossy().starts_with("pgbench.") {
            let _ = fs::remove_file(old.path());
        }
    }
    let script = root().join("benches/reissue.postgres.sql");
    let each = count / CONNECTIONS;
    let out = Command::new("pgbench")
        .args([
            "-n",
            "-M",
            "prepared",
            "-j",
            "2",
            "-c",
            &CONNECTIONS.to_string(),
            "-t",
            &each.to_string(),
        ])
        .args([
            "-D",
            &format!("base={first}"),
            "-D",
            &format!("per={each}"),
            "-D",
            "i=0",
            "-D",
            &format!("session={}", token_hash(desk)),
        ])
        .args(["-l", "--log-prefix", &log.to_string_lossy(), "-f"])
        .arg(script)
        .arg(&desk.url)
        .output()
        .expect("pgbench");
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(
        out.status.success() && said.contains("number of failed transactions: 0"),
        "{said}{}",
        String::from_utf8_lossy(&out.stderr)
    );
    let rate = said
        .lines()
        .find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse::<f64>().ok())
        .expect("a rate");
    let mut took = vec![];
    for file in fs::read_dir(scratch)
        .expect("the folder")
        .flatten()
        .filter(|file| file.file_name().to_string_lossy().starts_with("pgbench."))
    {
        let text = fs::read_to_string(file.path()).expect("a log");
        took.extend(
            text.lines()
                .filter_map(|line| line.split(' ').nth(2)?.parse::<f64>().ok())
                .map(|us| us / 1000.0),
        );
    }
    assert_eq!(took.len(), count, "pgbench told of every transaction");
    Figures { rate, ..Figures::of(took, std::time::Duration::from_secs(1)) }
}

/// The hash of a session that lives, for pgbench to look up.
fn token_hash(desk: &Desk) -> String {
    use diesel::{QueryableByName, RunQueryDsl, sql_query, sql_types::Text};
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        token_hash: String,
    }
    let row: Row = sql_query("SELECT token_hash FROM sessions ORDER BY last_used_at DESC LIMIT 1")
        .get_result(&mut crate::rows::postgres(&desk.url))
        .expect("somebody has signed in");
    row.token_hash
}

/// The same transaction by the bare library on SQLite: one writer, its statements prepared once.
pub fn by_library(desk: &Desk, stock: Stock, count: usize) -> Figures {
    let rewards = ready(desk, stock.batches(), count);
    let script = include_str!("../reissue.sqlite.sql");
    let conn =
        rusqlite::Connection::open(desk.url.trim_start_matches("sqlite:")).expect("the file");
    conn.execute_batch(
        "PRAGMA busy_timeout = 30000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
         PRAGMA foreign_keys = ON; \
         PRAGMA recursive_triggers = ON; PRAGMA cache_size = -16384; PRAGMA secure_delete = ON",
    )
    .expect("settings");
    conn.set_prepared_statement_cache_capacity(32);
    let statements: Vec<&str> =
        script.lines().filter(|line| !line.starts_with("--") && !line.is_empty()).collect();
    let begun = Instant::now();
    let mut took = vec![];
    for (customer, reward) in rewards {
        let asked = Instant::now();
        for sql in &statements {
            let mut statement = conn.prepare_cached(sql).expect("a statement");
            for at in 1..=statement.parameter_count() {
                // With ?2 alone there are two parameters as well, the first of which nothing asks
                // for.
                statement
                    .raw_bind_parameter(at, if at == 1 { customer } else { reward })
                    .expect("a number");
            }
            let mut rows = statement.raw_query();
            while rows.next().unwrap_or_else(|error| panic!("{sql}: {error}")).is_some() {}
        }
        took.push(asked.elapsed().as_secs_f64() * 1000.0);
    }
    Figures::of(took, begun.elapsed())
}

/// The button on one hot batch and on fifty, in turn, each beside the limit.
pub async fn measure(desk: &Desk, count: usize, scratch: &Path, results: &mut Results) {
    let server = desk.serve(&["--hold-mail"]);
    let addresses = [server.address.clone()];
    let limit = if desk.is_sqlite() { "the bare library" } else { "pgbench" };
    // The first clicks open connections and prepare statements.
    over_http(desk, &addresses, Stock::Fifty, 160).await;
    let mut all: Vec<(Stock, Vec<Figures>, Vec<Figures>)> =
        vec![(Stock::Hot, vec![], vec![]), (Stock::Fifty, vec![], vec![])];
    for _ in 0..REPEATS {
        for (stock, desks, limits) in &mut all {
            desks.push(over_http(desk, &addresses, *stock, count).await);
            limits.push(if desk.is_sqlite() {
                by_library(desk, *stock, count)
            } else {
                by_pgbench(desk, *stock, count, scratch)
            });
        }
    }
    for (stock, desks, limits) in &all {
        let name =
            if *stock == Stock::Hot { "reissue, one hot batch" } else { "reissue, fifty batches" };
        results.figures(name, desks);
        results.figures(&format!("{name}, {limit}"), limits);
        let pairs = || desks.iter().zip(limits);
        results.median(
            &format!("{name} / {limit}"),
            Median::of(pairs().map(|(desk, limit)| desk.rate / limit.rate)),
        );
        results.median(
            &format!("{name}, p99 / {limit}"),
            Median::of(pairs().map(|(desk, limit)| desk.p99 / limit.p99)),
        );
    }
    let hot_to_fifty = all[0].1.iter().zip(&all[1].1).map(|(hot, fifty)| hot.rate / fifty.rate);
    results.median("reissue, hot / fifty", Median::of(hot_to_fifty));
    results.set("memory after the reissues", server.memory());
}

/// Three servers on one database beside one, at the same number of connections in all; then all
/// that must hold is proved.
pub async fn measure_three(desk: &Desk, count: usize, results: &mut Results) {
    let servers: Vec<Server> = (0..3).map(|_| desk.serve(&["--hold-mail"])).collect();
    let addresses: Vec<String> = servers.iter().map(|server| server.address.clone()).collect();
    over_http(desk, &addresses, Stock::Fifty, 160).await;
    let (mut one, mut three) = (vec![], vec![]);
    for _ in 0..REPEATS {
        one.push(over_http(desk, &addresses[..1], Stock::Fifty, count).await);
        three.push(over_http(desk, &addresses, Stock::Fifty, count).await);
    }
    drop(servers);
    desk.done(&["check"]);
    results.figures("reissue, three servers", &three);
    results.figures("reissue, one of three servers", &one);
    results.median(
        "reissue, three servers / one",
        Median::of(three.iter().zip(&one).map(|(three, one)| three.rate / one.rate)),
    );
}
