//! Whatever is in a file, the counts add up and the second time brings nothing new.

use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, TestRunner},
};
use rewarddesk::domain::import::ImportKind;

use super::world::World;

fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "[a-cA-C]{3}",
        2 => "[A-Z]{3}-[0-9]{2}",
        1 => Just("5.57E+92".to_owned()),
        1 => Just("x y".to_owned()),
        1 => Just(String::new()),
        1 => Just("=cmd|' /C calc'!A0".to_owned()),
        1 => Just("Ünï-😀\u{202e}".to_owned()),
        1 => Just("=\"AAA\"".to_owned()),
        1 => Just("code".to_owned()),
        1 => Just("#REF!".to_owned()),
    ]
}

fn number() -> impl Strategy<Value = String> {
    prop_oneof![4 => Just(String::new()), 2 => "[0-3]", 1 => Just("-1".to_owned()), 1 => Just("many".to_owned())]
}

#[both]
fn counts_add_up_for_any_vouchers(world: World) {
    let rows = vec((cell(), number(), number(), any::<bool>()), 1..60);
    let mut runner =
        TestRunner::new(Config { cases: 40, failure_persistence: None, ..Config::default() });
    runner
        .run(
            &(rows, prop_oneof![Just("Spring"), Just("Exact"), Just("Autumn")]),
            |(rows, batch)| {
                let mut csv = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
                csv.write_record(["code", "max_redemptions", "redemptions"]).unwrap();
                for (code, max, used, ragged) in &rows {
                    let cells = [code.as_str(), max, used];
                    csv.write_record(if *ragged && max.is_empty() {
                        &cells[..2]
                    } else {
                        &cells[..]
                    })
                    .unwrap();
                }
                let file = csv.into_inner().unwrap();
                let first = world.import(ImportKind::Vouchers, Some(batch), &file).unwrap();
                let empty = rows
                    .iter()
                    .filter(|(code, max, used, _)| {
                        code.is_empty() && max.is_empty() && used.is_empty()
                    })
                    .count();
                let ragged_empty = rows
                    .iter()
                    .filter(|(code, max, used, ragged)| {
                        code.is_empty() && max.is_empty() && *ragged && !used.is_empty()
                    })
                    .count();
                prop_assert_eq!(first.report.rows, (rows.len() - empty - ragged_empty) as u64);
                let before = world.picture();
                let second = world.import(ImportKind::Vouchers, Some(batch), &file).unwrap();
                prop_assert_eq!(second.report.new, 0);
                prop_assert_eq!(second.report.unchanged, first.report.new + first.report.unchanged);
                prop_assert_eq!(second.rejects, first.rejects);
                prop_assert_eq!(world.picture(), before);
                Ok(())
            },
        )
        .unwrap();
    // Never the same letters twice where case does not count, and every count is that of the table.
    prop_assert_eq_all(&world);
}

fn prop_assert_eq_all(world: &super::world::World) {
    assert_eq!(
        world.count(
            "(SELECT folded_code FROM coupons WHERE folded_code IS NOT NULL GROUP BY merchant_id, \
             folded_code HAVING count(*) > 1) AS twice"
        ),
        0
    );
    assert_eq!(
        world.count(
            "batches b WHERE imported <> (SELECT count(*) FROM coupons c WHERE c.batch_id \
            = b.id AND c.id <= b.published_to)"
        ),
        0
    );
}
