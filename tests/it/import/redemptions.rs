//! Redemptions.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use proptest::{
    collection::vec,
    prelude::*,
    sample::select,
    test_runner::{Config, TestRunner},
};
use rewarddesk::domain::import::ImportKind;
use unicode_normalization::UnicodeNormalization;

use super::world::World;

/// Orders that differ, some with marks.
const ORDERS: [&str; 4] = ["O-77", "o-77", "Be\u{301}be\u{301}-1", "Ångström 9"];
/// One day, as exports write it.
const TIMES: [&str; 4] =
    ["2026-05-01", "2026-05-01T10:00:00Z", "2026-05-01T10:00:27Z", "2026-05-01T12:00:00+02:00"];

/// One report of one of [`ORDERS`] as a row: at any time, in either of Unicode's forms, with
/// anything around it.
fn report() -> impl Strategy<Value = (usize, String)> {
    let around = || select(vec!["", " ", "\u{a0}", "\u{200b}", "\u{feff} "]);
    (0..ORDERS.len(), select(TIMES.to_vec()), any::<bool>(), around(), around()).prop_map(
        |(order, at, composed, before, after)| {
            let text: String = if composed {
                ORDERS[order].nfc().collect()
            } else {
                ORDERS[order].nfd().collect()
            };
            (order, format!("{at},{before}{text}{after}"))
        },
    )
}

#[both]
fn a_redemption_is_recorded_and_counted_once(world: World) {
    world.vouchers("Autumn", "code\nTwo-Uses\n");
    let file = "code,redeemed_at,order_id\n two-uses \
        ,2026-11-01T10:00:00+01:00,O-1\nTWO-USES,2026-11-02,\n";
    assert_eq!(world.redemptions(file).counts(), [2, 0, 0, 0]);
    let before = world.picture();
    assert_eq!(world.redemptions(file).counts(), [0, 0, 2, 0]);
    assert_eq!(world.picture(), before);
    assert_eq!(
        world.texts(&format!(
            "SELECT {} || ' ' || order_id AS t FROM redemptions ORDER BY id",
            world.shown("redeemed_at")
        )),
        ["2026-11-01 09:00:00 O-1", "2026-11-02 00:00:00 "]
    );
    let said = world.redemptions(
        "code,redeemed_at\ntwo-uses,2026-11-03\nnone-such,2026-11-03\ntwo-uses,2026-11-02\n",
    );
    assert_eq!(said.counts(), [0, 0, 1, 2]);
    assert_eq!(
        said.reasons(),
        [
            (2, "the coupon is already fully redeemed (2 of 2)"),
            (3, "this merchant has no voucher with this code")
        ]
    );
    assert_eq!(world.count("coupons WHERE redemptions = 2"), 1);
}

#[both]
fn uses_counted_with_the_vouchers_get_details_and_count_once(world: World) {
    world.vouchers("Spring", "code,redemptions\nUSED-1,1\n");
    let file = "code,redeemed_at,order_id\nUSED-1,2026-11-01,O-1\nUSED-1,2026-11-02,O-2\n";
    let said = world.redemptions(file);
    assert_eq!(said.reasons(), [(3, "the coupon is already fully redeemed (1 of 1)")]);
    assert_eq!(world.redemptions(file).counts(), [0, 0, 1, 1]);
    assert_eq!(world.count("coupons WHERE redemptions = 1"), 1);
    assert_eq!(world.count("redemptions"), 1);
}

#[both]
fn a_use_is_counted_by_the_vouchers_file_unless_it_is_later(world: World) {
    world.vouchers("Exact", "code,max_redemptions,redemptions\nMANY-1,5,2\n");
    assert_eq!(
        world.redemptions("code,redeemed_at\nMANY-1,2001-02-01\nMANY-1,2001-02-02\n").counts(),
        [2, 0, 0, 0]
    );
    assert_eq!(world.count("coupons WHERE redemptions = 2"), 1);
    world.clock.advance(TimeDelta::days(2));
    assert_eq!(
        world.redemptions("code,redeemed_at\nMANY-1,2001-02-03\nMANY-1,2026-11-24\n").counts(),
        [2, 0, 0, 0]
    );
    assert_eq!(world.count("coupons WHERE redemptions = 4"), 1);
}

#[both]
fn the_same_row_twice_in_a_file_is_one_redemption(world: World) {
    world.vouchers("Autumn", "code\nAAA\n");
    assert_eq!(
        world.redemptions("code,redeemed_at\nAAA,2026-11-01\naaa,2026-11-01\n").counts(),
        [1, 0, 1, 0]
    );
    assert_eq!(world.count("coupons WHERE redemptions = 1"), 1);
}

#[both]
fn one_order_is_one_use_whatever_time_is_reported(world: World) {
    world.vouchers("Autumn", "code\nTWICE-1\nOTHER-1\n");
    assert_eq!(
        world
            .redemptions("code,redeemed_at,order_id\nTWICE-1,2026-05-01T10:00:27Z,O-77\n")
            .counts(),
        [1, 0, 0, 0]
    );
    let later = "code,redeemed_at,order_id\ntwice-1,2026-05-01T10:00:00Z,\u{feff}O-77\u{200b}\nTWICE-1,2026-05-01,O-77\n";
    assert_eq!(world.dry(ImportKind::Redemptions, None, later).unwrap().counts(), [0, 0, 2, 0]);
    let before = world.picture();
    assert_eq!(world.redemptions(later).counts(), [0, 0, 2, 0]);
    assert_eq!(world.picture(), before);
    // Another order, the same order on another code, and a use without an order are uses of their
    // own.
    let others = "code,redeemed_at,order_id\nTWICE-1,2026-05-01,O-78\nOTHER-1,2026-05-01,O-77\nOTHER-1,2026-05-01,\nOTHER-1,2026-05-01,\n";
    assert_eq!(world.redemptions(others).counts(), [3, 0, 1, 0]);
    assert_eq!(world.count("coupons WHERE redemptions = 2"), 2);
}

#[both]
fn any_reports_of_an_order_in_any_rows_are_one_use(world: World) {
    let mut runner =
        TestRunner::new(Config { cases: 24, failure_persistence: None, ..Config::default() });
    let next = std::cell::Cell::new(0);
    runner
        .run(&(vec(report(), 1..12), 0..12_usize), |(reports, cut)| {
            let n = next.replace(next.get() + 1);
            world.vouchers("Exact", &format!("code,max_redemptions\nANY-{n},100\n"));
            let orders: BTreeSet<usize> = reports.iter().map(|(order, _)| *order).collect();
            let (first, second) = reports.split_at(cut.min(reports.len()));
            let mut new = 0;
            for rows in [first, second].into_iter().filter(|rows| !rows.is_empty()) {
                let rows: Vec<String> =
                    rows.iter().map(|(_, row)| format!("ANY-{n},{row}\n")).collect();
                let file = format!("code,redeemed_at,order_id\n{}", rows.concat());
                let shown = world.dry(ImportKind::Redemptions, None, &file).unwrap().counts();
                let done = world.redemptions(&file).counts();
                prop_assert_eq!(shown, done, "the preview says what the import does");
                prop_assert_eq!(done[0] + done[2], rows.len() as u64);
                new += done[0];
            }
            prop_assert_eq!(new, orders.len() as u64);
            prop_assert_eq!(
                world.count(&format!("coupons WHERE code = 'ANY-{n}' AND redemptions = {new}")),
                1
            );
            Ok(())
        })
        .unwrap();
}

#[both]
fn a_use_in_the_future_is_a_reject(world: World) {
    world.vouchers("Autumn", "code\nAAA\n");
    let file = "code,redeemed_at,order_id\nAAA,2026-11-23T12:05:01Z,O-1\nAAA,2062-11-01,O-2\nAAA,2026-11-23T12:05:00Z,O-3\nNONE-1,2062-11-01,O-4\n";
    let why = "redeemed_at: this is in the future; it is now 23 Nov 2026, 12:00 GMT. Enter a use \
               once it has happened";
    for said in [world.dry(ImportKind::Redemptions, None, file).unwrap(), world.redemptions(file)] {
        assert_eq!(said.counts(), [1, 0, 0, 3]);
        assert_eq!(said.reasons(), [(2, why), (3, why), (5, why)]);
    }
    assert_eq!(world.texts("SELECT order_id AS t FROM redemptions"), ["O-3"]);
    assert_eq!(
        world.texts("SELECT order_id AS t FROM redemption_findings"),
        ["O-3"],
        "a wrong date is no mismatch"
    );
}

#[both]
fn a_use_before_the_hand_out_is_a_mismatch_in_either_order(world: World) {
    world.vouchers("Spring", "code\nLEAK-1\nLEAK-2\nDAY-1\nUNDATED-1\n");
    world.customers("email\njo@x.example\n");
    world.rewards(
        "reward_id,email,kind,title,fulfilment,batch,code,issued_at\n\
         L-1,jo@x.example,referrer,T,batch,Spring,LEAK-1,2026-03-01T15:00:00Z\nL-2,jo@x.example,referrer,T,batch,Spring,DAY-1,2026-03-01T15:00:00Z\n\
         L-3,jo@x.example,referrer,T,batch,Spring,UNDATED-1,\n",
    );
    let uses = "code,redeemed_at,order_id\nLEAK-1,2026-01-15T10:00:00Z,O-12\nLEAK-2,2026-01-15T10:05:00Z,O-13\nDAY-1,2026-03-01,O-14\nUNDATED-1,2026-01-15,O-15\n";
    assert_eq!(world.redemptions(uses).counts(), [4, 0, 0, 0]);
    let found = || {
        world.texts(
            "SELECT kind || ' ' || code || ' ' || order_id AS t FROM redemption_findings \
            ORDER BY id",
        )
    };
    // A day alone is no proof, and a reward without a date says nothing of its hand-out.
    assert_eq!(found(), ["not_issued LEAK-1 O-12", "not_issued LEAK-2 O-13"]);
}

#[both]
fn one_order_is_one_mismatch_whatever_its_time(world: World) {
    world.vouchers("Spring", "code\nFULL-1\n");
    let found =
        || world.texts("SELECT kind || ' ' || order_id AS t FROM redemption_findings ORDER BY id");
    assert_eq!(
        world.redemptions("code,redeemed_at,order_id\nFULL-1,2026-11-20,O-1\nfull-1,2026-11-20,O-2\nNONE-1,2026-11-20,O-3\n").counts(),
        [1, 0, 0, 2]
    );
    assert_eq!(found(), ["not_issued O-1", "not_issued O-2", "unknown O-3"]);
    let again = "code,redeemed_at,order_id\nFULL-1,2026-11-21,O-1\nFULL-1,2026-11-21, \
        O-2\u{a0}\nNONE-1,2026-11-21,O-3\nNONE-1,2026-11-22,O-3\n";
    world.redemptions(again);
    assert_eq!(found().len(), 3);
    // Without an order, the time tells them apart.
    world.redemptions("code,redeemed_at,order_id\nFULL-1,2026-11-21,O-1\nNONE-1,2026-11-21,\nNONE-1,2026-11-22,\nNONE-1,2026-11-22,\n");
    assert_eq!(found().len(), 5);
}

#[both]
fn what_is_no_redemption_is_a_reject(world: World) {
    world.vouchers("Autumn", "code\nAAA\n");
    let said = world.redemptions(
        "code,redeemed_at,order_id\nAAA,,\nAAA,now,\nAAA,2026-11-01,1.5E+9\nab,2026-11-01,\n",
    );
    assert_eq!(said.counts(), [0, 0, 0, 4]);
    assert_eq!(world.count("redemptions"), 0);
    assert_eq!(
        world
            .dry(ImportKind::Redemptions, None, "code,redeemed_at\nAAA,2026-11-01\n")
            .unwrap()
            .counts(),
        [1, 0, 0, 0]
    );
    assert_eq!(world.count("redemptions"), 0);
}

#[both]
fn what_the_shop_and_the_desk_disagree_on_is_noted_once(world: World) {
    world.vouchers("Spring", "code\nOLD-1\nNEW-1\nSTOCK-1\n");
    world.reissue("OLD-1", "NEW-1");
    let found = || {
        world.texts(
            "SELECT kind || ' ' || code || ' ' || order_id AS t FROM redemption_findings \
            ORDER BY id",
        )
    };
    // A file of which nothing can be taken changes nothing.
    world.redemptions("code,redeemed_at,order_id\nNOBODYS-1,2026-11-21,O-0\n");
    assert_eq!(found(), Vec::<String>::new());
    let file = "code,redeemed_at,order_id\nNEW-1,2026-11-21,O-1\nSTOCK-1,2026-11-21,O-2\nNOBODYS-1,2026-11-21,O-3\nOLD-1,2026-11-21,O-4\n";
    assert_eq!(world.redemptions(file).counts(), [3, 0, 0, 1]);
    assert_eq!(found(), ["not_issued STOCK-1 O-2", "unknown NOBODYS-1 O-3", "replaced OLD-1 O-4"]);
    world.redemptions(file);
    assert_eq!(found().len(), 3, "each is noted once");
    // Before it was replaced, its use was right.
    world.vouchers("Spring", "code\nOTHER-1\n");
    assert_eq!(
        world.redemptions("code,redeemed_at\nNEW-1,2026-11-21\nOLD-1,2026-11-19\n").reasons().len(),
        2
    );
    assert_eq!(found().len(), 3);
}
#[both]
fn a_use_of_the_new_code_before_its_reissue_is_a_mismatch(world: World) {
    world.vouchers("Spring", "code\nOLD-1\nNEW-1\n");
    world.reissue("OLD-1", "NEW-1");
    world.redemptions("code,redeemed_at,order_id\nNEW-1,2026-11-18,O-1\n");
    assert_eq!(
        world.texts("SELECT kind || ' ' || code AS t FROM redemption_findings"),
        ["not_issued NEW-1"]
    );
}
