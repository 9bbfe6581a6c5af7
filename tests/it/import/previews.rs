//! Previews of redemptions and of bars: they say what the import will, change nothing, and wait for
//! nobody.

use std::{sync::mpsc, thread, time::Duration};

use rewarddesk::{app::imports::Report, domain::import::ImportKind};

use super::world::{Said, World};

/// A coupon of every kind.
fn stock(world: &World) {
    world.vouchers(
        "Spring",
        "code,barred_reason\nOLD-1,\nNEW-1,\nSTOCK-1,\nGONE-1,\nBARRED-1,lost\n",
    );
    world.vouchers("Autumn", "code\nTwo-Uses\n");
    world.vouchers("Exact", "code,max_redemptions,redemptions\nMANY-1,5,2\nabc,5,0\nABC,1,0\n");
    world.reissue("OLD-1", "NEW-1");
    world.run("UPDATE coupons SET state = 'withdrawn' WHERE code = 'GONE-1'");
}

/// Previews the file and imports it: both say the same, and the preview has changed nothing.
fn both_say(world: &World, kind: ImportKind, file: &str) -> Said {
    let (before, records) = (world.picture(), world.count("audit_records"));
    let preview = world.dry(kind, None, file).unwrap();
    assert_eq!(
        (world.picture(), world.count("audit_records")),
        (before, records),
        "the preview has changed something"
    );
    let said = world.import(kind, None, file).unwrap();
    assert_eq!(preview.report, Report { record: None, ..said.report.clone() });
    assert_eq!(preview.rejects, said.rejects);
    said
}

const NO_SUCH_CODE: &str = "this merchant has no voucher with this code";

#[both]
fn a_preview_of_redemptions_says_what_the_import_will(world: World) {
    stock(&world);
    // Some of the uses are later than the vouchers file, and none is in the future.
    world.clock.advance(chrono::TimeDelta::days(4));
    world.redemptions("code,redeemed_at,order_id\nNEW-1,2026-11-21,BEFORE\n");
    let file = "code,redeemed_at,order_id\n\
        two-uses,2026-11-01,O-1\nTWO-USES,2026-11-01,O-1\nnone-such,2026-11-01,O-2\nTwo-Uses,2026-11-02,\ntwo-uses,2026-11-03,\n\
        MANY-1,2001-02-01,\nMANY-1,2001-02-02,\nmany-1,2001-02-02,\nMANY-1,2001-02-03,\nMANY-1,2026-11-24,\nMANY-1,2026-11-25,\n\
        MANY-1,2026-11-26,\nABC,2026-11-01,\nAbc,2026-11-01,\nabc,2026-11-01,\nABC,2026-11-02,\nabc,2026-11-02,\n\
        STOCK-1,2026-11-21,O-3\nOLD-1,2026-11-19,O-4\nOLD-1,2026-11-21,O-5\nGONE-1,2026-11-21,O-6\nBARRED-1,2026-11-21,O-7\n\
        new-1,2026-11-21,BEFORE\nab,2026-11-21,\nNEW-1,2026-11-22,\nnone-such,2026-11-01,O-2\n";
    let said = both_say(&world, ImportKind::Redemptions, file);
    assert_eq!(said.counts(), [14, 0, 2, 10]);
    let (one, two, five) = (
        "the coupon is already fully redeemed (1 of 1)",
        "the coupon is already fully redeemed (2 of 2)",
        "the coupon is already fully redeemed (5 of 5)",
    );
    assert_eq!(
        said.reasons(),
        [
            (4, NO_SUCH_CODE),
            (6, two),
            (9, NO_SUCH_CODE),
            (13, five),
            (15, NO_SUCH_CODE),
            (17, one),
            (21, one),
            (25, "the code has 2 characters; use 3 to 255"),
            (26, one),
            (27, NO_SUCH_CODE),
        ]
    );
    assert_eq!(
        world.texts("SELECT code || ' ' || redemptions AS t FROM coupons ORDER BY id"),
        [
            "OLD-1 1",
            "NEW-1 1",
            "STOCK-1 1",
            "GONE-1 1",
            "BARRED-1 1",
            "Two-Uses 2",
            "MANY-1 5",
            "abc 2",
            "ABC 1"
        ]
    );
    assert_eq!(
        world.texts(
            "SELECT kind || ' ' || code || ' ' || order_id AS t FROM redemption_findings \
            ORDER BY id LIMIT 4"
        ),
        [
            "not_issued two-uses O-1",
            "unknown none-such O-2",
            "not_issued Two-Uses ",
            "not_issued \
            two-uses "
        ],
        "as the file has them"
    );
    assert_eq!(
        world.texts(
            "SELECT kind || ' ' || code || ' ' || order_id AS t FROM redemption_findings \
            WHERE order_id > 'O-2' ORDER BY id"
        ),
        [
            "not_issued STOCK-1 O-3",
            "replaced OLD-1 O-5",
            "not_issued GONE-1 O-6",
            "not_issued \
            BARRED-1 O-7"
        ]
    );
    assert_eq!(both_say(&world, ImportKind::Redemptions, file).counts(), [0, 0, 16, 10]);
}

#[both]
fn a_preview_of_bars_says_what_the_import_will(world: World) {
    stock(&world);
    let file = "code,reason\nSTOCK-1,stolen\nstock-1,again\nnew-1,stolen\nGONE-1,stolen\nBARRED-1,stolen\nABC,one\nAbc,two\nabc,three\n\
        none-such,stolen\nNEW-1,twice\nOLD-1,\nold-1,stolen\n";
    let said = both_say(&world, ImportKind::Bars, file);
    assert_eq!(said.counts(), [5, 0, 3, 4]);
    assert_eq!(
        said.reasons(),
        [
            (5, "the code was withdrawn, so nobody can use it anyway"),
            (8, NO_SUCH_CODE),
            (10, NO_SUCH_CODE),
            (12, "reason is empty")
        ]
    );
    assert_eq!(
        world.texts(
            "SELECT code || ' ' || barred_reason AS t FROM coupons WHERE barred_at IS NOT \
            NULL ORDER BY id"
        ),
        ["OLD-1 stolen", "NEW-1 stolen", "STOCK-1 stolen", "BARRED-1 lost", "abc three", "ABC one"]
    );
    assert_eq!(
        world.texts(
            "SELECT coalesce(reward, 0) || ' ' || coalesce(customer, 0) AS t FROM \
            audit_records WHERE action = 'coupon.barred'"
        ),
        ["1 1", "1 1"],
        "what the customer has, and no more"
    );
    assert_eq!(both_say(&world, ImportKind::Bars, file).counts(), [0, 0, 8, 4]);
}

// More rows of one code than are looked at together.
#[both]
fn a_preview_remembers_a_code_that_fills_the_file(world: World) {
    world.vouchers("Exact", "code,max_redemptions,redemptions\nMASS-1,1500,700\n");
    let row =
        |n: u32| format!("MASS-1,{}-02-01,O-{}\n", if n < 2_200 { 2001 } else { 2098 }, n % 2_000);
    let file = format!("code,redeemed_at,order_id\n{}", (0..3_300).map(row).collect::<String>());
    // 700 were counted when the code came; of the others 800 have room. 200 come again, far behind.
    assert_eq!(both_say(&world, ImportKind::Redemptions, &file).counts(), [1_500, 0, 200, 1_600]);
    assert_eq!(world.count("coupons WHERE redemptions = 1500"), 1);
    let rows: String = (0..3_300).map(|n| format!("MASS-1,reason {n}\n")).collect();
    assert_eq!(
        both_say(&world, ImportKind::Bars, &format!("code,reason\n{rows}")).counts(),
        [1, 0, 3_299, 0]
    );
    assert_eq!(world.texts("SELECT barred_reason AS t FROM coupons"), ["reason 0"]);
}

#[both]
fn a_preview_knows_a_code_again_wherever_it_stands(world: World) {
    world.vouchers("Autumn", "code\nTwo-Uses\n");
    let others = |more: &str| (0..1_500).map(|n| format!("OTHER-{n},{more}\n")).collect::<String>();
    let file = format!(
        "code,redeemed_at\nTWO-USES,2026-11-01\n{}two-uses,2026-11-01\nTwo-Uses,2026-11-02\ntwo-uses,2026-11-03\n",
        others("2026-11-01")
    );
    assert_eq!(both_say(&world, ImportKind::Redemptions, &file).counts(), [2, 0, 1, 1_501]);
    let file = format!("code,reason\nTWO-USES,one\n{}two-uses,two\n", others("none"));
    assert_eq!(both_say(&world, ImportKind::Bars, &file).counts(), [1, 0, 1, 1_500]);
}

#[both]
fn a_preview_waits_for_nobody(world: World) {
    let world = &world;
    stock(world);
    world.run(if world.is_sqlite() {
        "BEGIN IMMEDIATE"
    } else {
        "BEGIN; SELECT pg_advisory_xact_lock((7235118::bigint << 32) # 1); SELECT id FROM coupons \
         FOR UPDATE"
    });
    let files = [
        (
            ImportKind::Redemptions,
            "code,redeemed_at\nSTOCK-1,2026-11-21\nOLD-1,2026-11-21\n",
            [2, 0, 0, 0],
        ),
        (ImportKind::Bars, "code,reason\nSTOCK-1,stolen\n", [1, 0, 0, 0]),
    ];
    thread::scope(|scope| {
        let (say, said) = mpsc::channel();
        scope.spawn(move || {
            files.map(|(kind, file, _)| {
                say.send(world.dry(kind, None, file).map(|said| said.counts())).unwrap();
            })
        });
        let heard = files.map(|_| said.recv_timeout(Duration::from_secs(20)));
        // Whoever waits after all can come to an end.
        world.run("ROLLBACK");
        for (heard, (kind, _, counts)) in heard.into_iter().zip(files) {
            assert_eq!(
                heard.unwrap_or_else(|_| panic!("the preview of {kind:?} waits")).unwrap(),
                counts
            );
        }
    });
}
