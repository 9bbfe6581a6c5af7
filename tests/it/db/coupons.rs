//! Coupons and rewards: the money rules that hold whatever the code above them does. Each is tried
//! with the SQL that would break it.

use chrono::TimeDelta;

use crate::{
    row,
    support::{
        World,
        engine::refused,
        world::{but, expired, usable},
    },
};

const STATES: [&str; 4] = ["available", "allocated", "replaced", "withdrawn"];
const ALLOWED: [(&str, &str); 3] =
    [("available", "allocated"), ("available", "withdrawn"), ("allocated", "replaced")];

/// A coupon that has come to `state` by the allowed road.
fn coupon_that_is(world: &World, scene: crate::support::world::Scene, state: &str) -> i64 {
    let code = format!("IS-{state}");
    match state {
        "available" => world.coupon(scene.batch, &usable(code)),
        "withdrawn" => {
            let id = world.coupon(scene.batch, &usable(code));
            world.exec(&format!("UPDATE coupons SET state = 'withdrawn' WHERE id = {id}"));
            id
        }
        _ => {
            let (_, id) = world.reward_with(scene.customer, scene.batch, &code, &usable(&code));
            if state == "replaced" {
                world.exec(&format!("UPDATE coupons SET state = 'replaced' WHERE id = {id}"));
            }
            id
        }
    }
}

#[both]
fn a_batch_publishes_nothing_that_is_not_counted(world: World) {
    world.scene(2);
    world.refuses("UPDATE batches SET imported = imported + 1", "batches_count_what_they_publish");
}

#[both]
fn a_coupons_state_is_one_way(world: World) {
    let scene = world.scene(0);
    let other = world.reward(scene.customer, scene.batch, "R-other");
    for from in STATES {
        let coupon = coupon_that_is(&world, scene, from);
        for to in STATES {
            if from == to || ALLOWED.contains(&(from, to)) {
                continue;
            }
            // Tried with the reward kept, given and removed: whichever suits the other rules.
            for reward in ["reward", "NULL", &other.to_string()] {
                let tried = world.run(&format!(
                    "UPDATE coupons SET state = '{to}', reward = {reward} WHERE id = {coupon}"
                ));
                assert!(tried.is_err(), "a coupon went from {from} to {to} (reward = {reward})");
            }
            let said = world
                .run(&format!("UPDATE coupons SET state = '{to}' WHERE id = {coupon}"))
                .unwrap_err();
            assert!(
                said.contains("coupons_state_is_one_way"),
                "{from} to {to} was refused by another rule: {said}"
            );
        }
        assert_eq!(
            world.text(&format!("SELECT state FROM coupons WHERE id = {coupon}")).as_deref(),
            Some(from)
        );
    }
}

#[both]
fn a_coupons_state_goes_the_allowed_ways(world: World) {
    let scene = world.scene(0);
    for state in STATES {
        let coupon = coupon_that_is(&world, scene, state);
        assert_eq!(
            world.text(&format!("SELECT state FROM coupons WHERE id = {coupon}")).as_deref(),
            Some(state)
        );
    }
}

#[both]
fn no_word_but_the_four_is_a_state(world: World) {
    let scene = world.scene(1);
    for word in ["free", "Available", ""] {
        world.refuses(
            &format!("UPDATE coupons SET state = '{word}' WHERE state = 'available'"),
            "coupons_state_is_one_way",
        );
        let row = but(world.coupon_row(scene.batch, &usable("LATE-1")), "state", word);
        refused(world.try_insert("coupons", &row), "coupons_start_unattached");
    }
    world.refuses(
        &format!("UPDATE coupons SET state = NULL WHERE id = {}", scene.old),
        "constraint",
    );
}

#[both]
fn a_coupon_once_handed_out_stays_with_its_reward(world: World) {
    let scene = world.scene(0);
    let other = world.reward(scene.customer, scene.batch, "R-2");
    for state in ["allocated", "replaced"] {
        if state == "replaced" {
            world.exec(&format!("UPDATE coupons SET state = 'replaced' WHERE id = {}", scene.old));
        }
        world.refuses(
            &format!("UPDATE coupons SET reward = {other} WHERE id = {}", scene.old),
            "coupons_keep_what_they_are",
        );
        world.refuses(
            &format!("UPDATE coupons SET reward = NULL WHERE id = {}", scene.old),
            "coupons_keep_what_they_are",
        );
    }
}

#[both]
fn a_coupon_keeps_its_code_batch_and_merchant(world: World) {
    let scene = world.scene(0);
    let (batch, merchant) = (world.batch("Summer"), world.another_merchant("globex"));
    for change in [
        "code = 'OTHER'".to_owned(),
        "folded_code = 'other'".to_owned(),
        "folded_code = NULL".to_owned(),
        "id = 4711".to_owned(),
        format!("batch_id = {batch}"),
        format!("merchant_id = {merchant}"),
    ] {
        world.refuses(
            &format!("UPDATE coupons SET {change} WHERE id = {}", scene.old),
            "coupons_keep_what_they_are",
        );
    }
}

#[both]
fn a_coupon_goes_only_to_a_reward_of_its_batch(world: World) {
    let mut world = world;
    let scene = world.scene(1);
    let (summer, external) =
        (world.batch("Summer"), world.external_reward(scene.customer, "runa", "R-3"));
    let of_summer = world.reward(scene.customer, summer, "R-2");
    let globex = world.another_merchant("globex");
    let of_globex =
        world.inside(globex, |w| w.reward(w.customer_number(9), w.batch("Spring"), "R-9"));
    for reward in [of_summer, external, of_globex, 4711] {
        world.refuses(
            &format!(
                "UPDATE coupons SET state = 'allocated', reward = {reward} WHERE state = \
                'available'"
            ),
            "coupons_go_to_rewards_of_their_batch",
        );
    }
}

#[both]
fn a_reward_holds_one_current_coupon(world: World) {
    let scene = world.scene(1);
    world.refuses(
        &format!(
            "UPDATE coupons SET state = 'allocated', reward = {} WHERE state = 'available'",
            scene.reward
        ),
        "constraint",
    );
}

#[both]
fn stock_holds_no_reward_and_handed_out_coupons_do(world: World) {
    let scene = world.scene(1);
    world.refuses(
        &format!("UPDATE coupons SET reward = {} WHERE state = 'available'", scene.reward),
        "constraint",
    );
    world.refuses("UPDATE coupons SET state = 'allocated' WHERE state = 'available'", "constraint");
    let withdrawn = format!(
        "UPDATE coupons SET state = 'withdrawn', reward = {} WHERE state = 'available'",
        scene.reward
    );
    world.refuses(&withdrawn, "constraint");
}

#[both]
fn a_coupon_starts_in_stock(world: World) {
    let scene = world.scene(0);
    let reward = world.reward(scene.customer, scene.batch, "R-2");
    for state in ["allocated", "replaced"] {
        let row = but(
            but(world.coupon_row(scene.batch, &usable("LATE-1")), "state", state),
            "reward",
            reward,
        );
        refused(world.try_insert("coupons", &row), "coupons_start_unattached");
    }
    let row = but(world.coupon_row(scene.batch, &usable("LATE-1")), "state", "withdrawn");
    refused(world.try_insert("coupons", &row), "coupons_start_unattached");
}

#[both]
fn the_same_code_is_there_once_per_merchant(world: World) {
    let mut world = world;
    let scene = world.scene(0);
    let summer = world.batch_that("Summer", true, rewarddesk::db::instant::no_end());
    for batch in [scene.batch, summer] {
        let again = world.try_insert("coupons", &world.coupon_row(batch, &usable("OLD-1")));
        refused(again, "constraint");
    }
    // Another merchant's codes are another matter.
    let globex = world.another_merchant("globex");
    world.inside(globex, |w| w.coupon(w.batch("Spring"), &usable("OLD-1")));
}

#[both]
fn batches_that_ignore_case_hold_the_same_letters_once(world: World) {
    let spring = world.batch("Spring");
    world.coupon(spring, &usable("Straße-1"));
    let again = world.try_insert("coupons", &world.coupon_row(spring, &usable("STRASSE-1")));
    let same =
        rewarddesk::domain::fold::code("Straße-1") == rewarddesk::domain::fold::code("STRASSE-1");
    assert_eq!(again.is_err(), same, "the database and the fold disagree");
    refused(
        world.try_insert("coupons", &world.coupon_row(spring, &usable("sTRAßE-1"))),
        "constraint",
    );
    let summer = world.batch("Summer");
    refused(
        world.try_insert("coupons", &world.coupon_row(summer, &usable("straße-1"))),
        "constraint",
    );
    let exact = world.batch_that("Exact", true, rewarddesk::db::instant::no_end());
    world.coupon(exact, &usable("straße-1"));
    world.coupon(exact, &usable("STRAßE-1"));
}

#[both]
fn redemptions_stay_within_bounds(world: World) {
    let scene = world.scene(0);
    for change in [
        "redemptions = 2",
        "redemptions = -1",
        "max_redemptions = 0",
        "redemptions = NULL",
        "redemptions = 1, max_redemptions = 0",
    ] {
        world.refuses(
            &format!("UPDATE coupons SET {change} WHERE id = {}", scene.old),
            "constraint",
        );
    }
    world.exec(&format!("UPDATE coupons SET redemptions = 1 WHERE id = {}", scene.old));
}

#[both]
fn a_bar_has_a_reason(world: World) {
    let scene = world.scene(0);
    let now = world.sql(world.now);
    world.refuses(
        &format!("UPDATE coupons SET barred_at = {now} WHERE id = {}", scene.old),
        "constraint",
    );
    world.refuses(
        &format!("UPDATE coupons SET barred_reason = 'stolen' WHERE id = {}", scene.old),
        "constraint",
    );
    world.exec(&format!(
        "UPDATE coupons SET barred_at = {now}, barred_reason = 'stolen' WHERE id = {}",
        scene.old
    ));
}

#[both]
fn a_code_has_3_to_255_characters(world: World) {
    let batch = world.batch("Spring");
    for code in ["ab".to_owned(), "é".repeat(256)] {
        refused(world.try_insert("coupons", &world.coupon_row(batch, &usable(code))), "constraint");
    }
    world.coupon(batch, &usable("abc"));
    world.coupon(batch, &usable("é".repeat(255)));
}

#[both]
fn published_coupons_are_kept(world: World) {
    let scene = world.scene(1);
    world.refuses("DELETE FROM coupons WHERE state = 'available'", "coupons_are_kept");
    world.refuses(&format!("DELETE FROM coupons WHERE id = {}", scene.old), "coupons_are_kept");
}

#[both]
fn leftovers_of_a_killed_import_can_go_unless_handed_out(world: World) {
    let scene = world.scene(1);
    let unpublished = world.insert("coupons", &world.coupon_row(scene.batch, &usable("LATE-1")));
    let handed_out = world.insert("coupons", &world.coupon_row(scene.batch, &usable("LATE-2")));
    world.allocate(handed_out, world.reward(scene.customer, scene.batch, "R-2"));
    world.exec(&format!("DELETE FROM coupons WHERE id = {unpublished}"));
    world.refuses(&format!("DELETE FROM coupons WHERE id = {handed_out}"), "coupons_are_kept");
}

#[both]
fn no_insert_of_the_desk_replaces_a_handed_out_coupon(world: World) {
    let scene = world.scene(0);
    if world.is_sqlite() {
        let row = but(world.coupon_row(scene.batch, &usable("OLD-1")), "id", scene.old);
        world.refuses(&world.insert_or_replace("coupons", &row), "coupons_are_kept");
    }
    assert_eq!(
        world.text(&format!("SELECT state FROM coupons WHERE id = {}", scene.old)).as_deref(),
        Some("allocated")
    );
}

#[both]
fn rewards_of_a_batch_name_it_and_others_do_not(world: World) {
    let scene = world.scene(0);
    world.refuses(
        &format!("UPDATE rewards SET batch_id = NULL WHERE id = {}", scene.reward),
        "constraint",
    );
    world.refuses(
        &format!("UPDATE rewards SET fulfilment = 'runa' WHERE id = {}", scene.reward),
        "constraint",
    );
    world.refuses(
        &format!("UPDATE rewards SET kind = 'gift' WHERE id = {}", scene.reward),
        "constraint",
    );
}

#[both]
fn a_merchants_rows_refer_to_its_own_rows_only(world: World) {
    let mut world = world;
    let scene = world.scene(0);
    let globex = world.another_merchant("globex");
    let (theirs, their_batch) = world.inside(globex, |w| (w.customer_number(9), w.batch("Spring")));
    let reward = |customer: i64, batch: i64| {
        world.try_insert(
            "rewards",
            row! {
                merchant_id: world.merchant, customer: customer, reward_id: "R-x", kind: "referee", title: "x", fulfilment: "batch",
                batch_id: batch, issued_at: world.now, created_at: world.now,
            },
        )
    };
    // a reward of another merchant's customer
    refused(reward(theirs, scene.batch), "constraint");
    // a reward of another merchant's batch
    refused(reward(scene.customer, their_batch), "constraint");
    refused(
        world.try_insert("coupons", &world.coupon_row(their_batch, &expired("X-1"))),
        "constraint",
    );
}

#[both]
fn the_same_person_and_reward_are_there_once_per_merchant(world: World) {
    let scene = world.scene(0);
    let person = world.db.try_insert("customers", row! {
        merchant_id: world.merchant, email: "jo@customer.example", search: "", first_key: "", last_key: "", id_key: "", created_at: world.now,
    });
    refused(person, "constraint");
    let reward = world.db.try_insert(
        "rewards",
        row! {
            merchant_id: world.merchant, customer: scene.customer, reward_id: "R-1", kind: "referee", title: "x", fulfilment: "runa",
            issued_at: world.now, created_at: world.now,
        },
    );
    refused(reward, "constraint");
}

#[both]
fn a_batch_starts_before_it_ends(world: World) {
    let batch = world.batch("Spring");
    let (now, before) = (world.sql(world.now), world.sql(world.now - TimeDelta::seconds(1)));
    world.refuses(
        &format!(
            "UPDATE batches SET valid_from = {now}, valid_until = {before} WHERE id = {batch}"
        ),
        "constraint",
    );
    world.refuses(
        &format!("UPDATE batches SET valid_from = {now}, valid_until = {now} WHERE id = {batch}"),
        "constraint",
    );
}
