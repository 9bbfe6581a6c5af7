//! Batches that run dry, and what exact counting costs.

use std::time::Instant;

use diesel::{RunQueryDsl, sql_query};

use crate::{
    desk::Desk,
    load::{Figures, Median},
    reissues::{REPEATS, Stock, over_http},
    report::Results,
    rows::{execute, numbers, postgres, sqlite},
    world::{Size, email},
};

/// A batch with so many codes in stock and so many rewards that can be reissued from it.
fn stock_up(desk: &Desk, name: &str, size: Size, stock: usize, ready: usize) {
    desk.done(&["batch", "add", name, "--merchant", "acme"]);
    let head = |head: &str| std::iter::once(format!("{head}\n"));
    let expired = (0..ready).map(|n| format!("{name}-OLD-{n:07},2020-01-01\n"));
    let good = (0..stock).map(|n| format!("{name}-{n:07},2030-{:02}-01\n", n % 12 + 1));
    let vouchers = head("code,expires_at").chain(expired).chain(good);
    desk.fed(&["import", "vouchers", "-", "--merchant", "acme", "--batch", name], vouchers);
    let rewards = (0..ready).map(|n| {
        let email = email(n as u64 % size.customers());
        format!(
            "{name}-{n:07},{email},referrer,£20 off for inviting a \
            friend,batch,{name},{name}-OLD-{n:07}\n"
        )
    });
    let rewards = head("reward_id,email,kind,title,fulfilment,batch,code").chain(rewards);
    desk.fed(&["import", "rewards", "-", "--merchant", "acme"], rewards);
}

/// Half a million codes go out of one batch, nobody vacuums, and somebody keeps an old snapshot
/// open: the head of every index on free codes is full of dead entries then, and so is what counts
/// them. Before that the button takes from a fresh batch; after it from both, in turn: what slows
/// down all batches alike would not show beside the fresh one alone.
pub async fn measure_drain(desk: &Desk, size: Size, results: &mut Results) {
    let (drained, count) = (500_000 / size.0 as usize, 992);
    let ready = 2 * REPEATS * count + 160;
    for name in ["Drained", "Fresh"] {
        stock_up(desk, name, size, drained + 2 * ready, ready);
    }
    let server = desk.serve(&["--hold-mail"]);
    let addresses = [server.address.clone()];
    over_http(desk, &addresses, Stock::Fresh, 160).await;
    let mut before = vec![];
    for _ in 0..REPEATS {
        before.push(over_http(desk, &addresses, Stock::Fresh, count).await);
    }
    let _snapshot = if desk.is_sqlite() {
        let mut snapshot = sqlite(&desk.url).expect("SQLite");
        sql_query("BEGIN").execute(&mut snapshot).expect("a transaction");
        sql_query("SELECT count(*) FROM batches").execute(&mut snapshot).expect("a snapshot");
        (Some(snapshot), None)
    } else {
        execute(
            &desk.url,
            "ALTER TABLE coupons SET (autovacuum_enabled = off); ALTER TABLE stock_movements SET \
             (autovacuum_enabled = off)",
        );
        let mut snapshot = postgres(&desk.url);
        sql_query("BEGIN ISOLATION LEVEL REPEATABLE READ")
            .execute(&mut snapshot)
            .expect("a transaction");
        sql_query("SELECT count(*) FROM batches").execute(&mut snapshot).expect("a snapshot");
        (None, Some(snapshot))
    };
    let begun = Instant::now();
    let slice = 5_000.min(drained);
    for _ in 0..drained / slice {
        execute(&desk.url, &take_out(desk, slice));
    }
    // The desk adds up what has moved while it goes on; here it all moved at once.
    while numbers(&desk.url, "SELECT count(*) AS a, 0 AS b FROM stock_movements")[0].0 > 0 {
        assert!(begun.elapsed().as_secs() < 600, "what has moved is not added up");
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    println!("    {drained} codes went out in {} s", begun.elapsed().as_secs());
    let mut all: [(Stock, Vec<Figures>); 2] = [(Stock::Drained, vec![]), (Stock::Fresh, vec![])];
    over_http(desk, &addresses, Stock::Drained, 160).await;
    for _ in 0..REPEATS {
        for (stock, runs) in &mut all {
            runs.push(over_http(desk, &addresses, *stock, count).await);
        }
    }
    let [(_, behind), (_, fresh)] = &all;
    results.figures("reissue, from a fresh batch", &before);
    results.figures("reissue, behind half a million", behind);
    results.figures("reissue, from a fresh batch beside it", fresh);
    let median = |runs: &[Figures]| Median::of(runs.iter().map(|run| run.rate));
    let (before, after) = (median(&before), median(behind));
    let ratio = after.middle / before.middle;
    results.median(
        "reissue, behind half a million / fresh",
        Median { middle: ratio, least: after.least / before.most, most: after.most / before.least },
    );
}

/// Takes the next codes out of stock, in the order in which they would be handed out and one by
/// one, as clicks do: the same dead entries and the same movements, without half a million rewards.
fn take_out(desk: &Desk, codes: usize) -> String {
    let next = format!(
        "SELECT id FROM coupons WHERE merchant_id = 1 AND batch_id = (SELECT id FROM batches \
         WHERE name = 'Drained') \
         AND state = 'available' AND barred_at IS NULL AND redemptions = 0 AND expires_at > \
         '2021-01-01' ORDER BY expires_at, id LIMIT {codes}"
    );
    if desk.is_sqlite() {
        let now = "strftime('%Y-%m-%d %H:%M:%f000', 'now')";
        format!("UPDATE coupons SET state = 'withdrawn', changed_at = {now} WHERE id IN ({next})")
    } else {
        format!(
            "DO $$ DECLARE next bigint; BEGIN FOR next IN {next} LOOP \
             UPDATE coupons SET state = 'withdrawn', changed_at = now() WHERE id = next; END \
             LOOP; END $$"
        )
    }
}

/// The button with the trigger that counts and without it, in turn; the server adds up meanwhile
/// what has moved.
pub async fn measure_counting(desk: &Desk, count: usize, results: &mut Results) {
    let server = desk.serve(&["--hold-mail"]);
    let addresses = [server.address.clone()];
    over_http(desk, &addresses, Stock::Fifty, 160).await;
    let (mut with, mut without) = (vec![], vec![]);
    let (off, on) = switch(desk);
    // More often than the others: a small difference is looked for.
    for _ in 0..9 {
        with.push(over_http(desk, &addresses, Stock::Fifty, count).await);
        execute(&desk.url, &off);
        without.push(over_http(desk, &addresses, Stock::Fifty, count).await);
        execute(&desk.url, &on);
    }
    results.figures("reissue, counted", &with);
    results.figures("reissue, not counted", &without);
    results.median(
        "counted / not counted",
        Median::of(with.iter().zip(&without).map(|(with, without)| with.rate / without.rate)),
    );
}

/// The statements that switch counting off and on.
fn switch(desk: &Desk) -> (String, String) {
    let trigger = "coupons_move_stock";
    let Some(path) = desk.url.strip_prefix("sqlite:") else {
        return (
            format!("ALTER TABLE coupons DISABLE TRIGGER {trigger}"),
            format!("ALTER TABLE coupons ENABLE TRIGGER {trigger}"),
        );
    };
    let conn = rusqlite::Connection::open(path).expect("the file");
    let made: String = conn
        .query_row("SELECT sql FROM sqlite_master WHERE name = ?1", [trigger], |row| row.get(0))
        .expect("the trigger that counts");
    (format!("DROP TRIGGER {trigger}"), made)
}
