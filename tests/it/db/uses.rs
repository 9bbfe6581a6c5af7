//! Uses of coupons: the money rules of the database itself.

use chrono::{DateTime, TimeDelta, Utc};
use rewarddesk::db::invariants::Invariant::{I9, I12};

use super::breakages::{FIRST, each_breaks, filled_and_bare};
use crate::{
    row,
    support::{
        World,
        engine::refused,
        world::{NewCoupon, barred},
    },
};

fn used(world: &World, coupon: i64, at: DateTime<Utc>, order: &str) -> Result<i64, String> {
    let row = row! { merchant_id: world.merchant, coupon_id: coupon, redeemed_at: at, order_id: order, created_at: world.now };
    world.try_insert("redemptions", row)
}

#[both]
fn an_order_is_one_use_of_a_coupon(world: World) {
    let scene = world.scene(1);
    let (one, other) = (scene.old, world.number("SELECT max(id) FROM coupons"));
    let day = |n| world.now - TimeDelta::days(n);
    used(&world, one, day(3), "O-1").unwrap();
    refused(used(&world, one, day(2), "O-1"), "constraint");
    used(&world, one, day(3), "O-2").unwrap();
    used(&world, other, day(2), "O-1").unwrap();
    used(&world, one, day(3), "").unwrap();
    used(&world, one, day(2), "").unwrap();
    refused(used(&world, one, day(2), ""), "constraint");
}

#[both]
fn a_use_has_happened(world: World) {
    let scene = world.scene(0);
    let ahead = |seconds| world.now + TimeDelta::seconds(seconds);
    used(&world, scene.old, ahead(300), "O-1").unwrap();
    refused(used(&world, scene.old, ahead(301), "O-2"), "redemptions_have_happened");
    refused(
        used(&world, scene.old, world.now + TimeDelta::days(9000), ""),
        "redemptions_have_happened",
    );
}

#[both]
fn a_replaced_coupon_never_becomes_usable_again(world: World) {
    let scene = world.scene(1);
    let (reward, bad) = world.reward_with(
        scene.customer,
        scene.batch,
        "R-2",
        &NewCoupon { max_redemptions: 3, redemptions: 2, ..barred("BAD-1") },
    );
    let later = world.sql(world.now + TimeDelta::days(30));
    let changes =
        ["barred_at = NULL, barred_reason = NULL", "redemptions = 1", "max_redemptions = 4"];
    // Before it is replaced, all of this is allowed.
    for change in
        changes.iter().map(|change| (*change).to_owned()).chain([format!("expires_at = {later}")])
    {
        world.exec(&format!("BEGIN; UPDATE coupons SET {change} WHERE id = {bad}; ROLLBACK"));
    }
    world.exec(&format!(
        "UPDATE coupons SET expires_at = {} WHERE id = {bad}",
        world.sql(world.now)
    ));
    world.exec(&format!(
        "UPDATE coupons SET state = 'replaced' WHERE id = {bad} AND reward = {reward}"
    ));
    for change in
        changes.iter().map(|change| (*change).to_owned()).chain([format!("expires_at = {later}")])
    {
        world.refuses(
            &format!("UPDATE coupons SET {change} WHERE id = {bad}"),
            "coupons_replaced_stay_unusable",
        );
    }
    // What makes it less usable goes through.
    world.exec(&format!(
        "UPDATE coupons SET redemptions = 3, barred_reason = 'stolen' WHERE id = {bad}"
    ));
}

#[both]
fn i9_a_replaced_coupon_that_lives_again(world: World) {
    let world = filled_and_bare(world);
    each_breaks(
        &world,
        &[
            (&[I9], &format!("UPDATE reissues SET old_barred = TRUE WHERE {FIRST}")),
            (&[I9], "UPDATE coupons SET redemptions = 0 WHERE code = 'OLD-2'"),
        ],
    );
    // Barred then and now.
    each_breaks(
        &world,
        &[(
            &[],
            &format!(
                "UPDATE reissues SET old_barred = TRUE WHERE {FIRST}; \
             UPDATE coupons SET barred_at = created_at, barred_reason = 'lost' WHERE id = (SELECT \
             old_coupon_id FROM reissues WHERE {FIRST})"
            ),
        )],
    );
}

#[both]
fn i12_an_order_that_is_more_than_one_use(world: World) {
    let world = filled_and_bare(world);
    let used = |uses: &[(&str, i64)]| -> String {
        let row = |((order, days), id): (&(&str, i64), usize)| {
            let at = world.sql(world.now - chrono::TimeDelta::days(*days));
            format!(
                "INSERT INTO redemptions (id, merchant_id, coupon_id, redeemed_at, order_id, \
                 created_at) VALUES ({id}, 1, 1, {at}, '{order}', {at});"
            )
        };
        uses.iter().zip(1..).map(row).collect()
    };
    each_breaks(
        &world,
        &[
            (&[I12], &used(&[("O-1", 9), ("O-1", 8)])),
            (&[I12], &used(&[("", 9), ("", 9)])),
            (&[I12], &used(&[("Be\u{301}-1", 9)])),
            (&[I12], &used(&[("O-1\u{200b}", 9)])),
            (&[I12], &used(&[("\u{200b}", 9)])),
            (&[], &used(&[("O-1", 9), ("O-2", 9), ("", 9), ("", 8), ("B\u{e9}-1", 9)])),
        ],
    );
}
