//! Reissues: the record that the database takes only when it is true, once, and never lets go.

use chrono::TimeDelta;
use rewarddesk::domain::role::Role;

use crate::support::{
    World,
    engine::{refused, run_on},
    world::{Scene, but, expired},
};

/// A world in which reward R-1 has its old coupon replaced and a new one, but no record of it yet.
fn relinked(world: &World) -> (Scene, i64, i64) {
    let (scene, user) = (world.scene(3), world.user(Role::Support));
    let new = world.number("SELECT min(id) FROM coupons WHERE state = 'available'");
    world.relink(scene, new);
    (scene, new, user)
}

/// SQLite needs a guard that speaks before its unique keys do.
fn twice(world: &World) -> &'static str {
    if world.is_sqlite() { "reissues_are_not_replaced" } else { "constraint" }
}

#[both]
fn a_true_reissue_is_taken(world: World) {
    let (scene, new, user) = relinked(&world);
    world.insert("reissues", &world.reissue_row(scene, new, user));
    assert_eq!(world.count("reissues"), 1);
}

#[both]
fn a_reward_is_reissued_once(world: World) {
    let (scene, new, user) = relinked(&world);
    world.insert("reissues", &world.reissue_row(scene, new, user));
    // Even when somebody moves the coupons on by hand.
    let third = world.number("SELECT min(id) FROM coupons WHERE state = 'available'");
    let again = Scene { old: new, ..scene };
    world.relink(again, third);
    let row = but(world.reissue_row(again, third, user), "token_hash", "another");
    refused(world.try_insert("reissues", &row), twice(&world));
}

#[both]
fn a_token_serves_one_reissue(world: World) {
    let (scene, new, user) = relinked(&world);
    world.insert("reissues", &world.reissue_row(scene, new, user));
    let (reward, old) = world.reward_with(scene.customer, scene.batch, "R-2", &expired("OLD-2"));
    let other = Scene { reward, old, ..scene };
    let next = world.number("SELECT min(id) FROM coupons WHERE state = 'available'");
    world.relink(other, next);
    let row = world.reissue_row(other, next, user);
    refused(
        world.try_insert(
            "reissues",
            &but(row.clone(), "token_hash", format!("token of {}", scene.reward)),
        ),
        twice(&world),
    );
    world.insert("reissues", &row);
}

#[both]
fn a_reissue_matches_its_coupons(world: World) {
    let (scene, user) = (world.scene(2), world.user(Role::Support));
    let new = world.number("SELECT min(id) FROM coupons WHERE state = 'available'");
    let row = world.reissue_row(scene, new, user);
    // Nothing has moved yet.
    refused(world.try_insert("reissues", &row), "reissues_match_their_coupons");
    world.exec(&format!("UPDATE coupons SET state = 'replaced' WHERE id = {}", scene.old));
    refused(world.try_insert("reissues", &row), "reissues_match_their_coupons");
    world.allocate(new, scene.reward);
    // Another reward's coupons, or these two the wrong way round.
    let (reward, old) = world.reward_with(scene.customer, scene.batch, "R-2", &expired("OLD-2"));
    refused(
        world.try_insert("reissues", &but(row.clone(), "reward", reward)),
        "reissues_match_their_coupons",
    );
    refused(
        world.try_insert("reissues", &but(row.clone(), "old_coupon_id", old)),
        "reissues_match_their_coupons",
    );
    refused(
        world.try_insert("reissues", &but(row.clone(), "new_coupon_id", old)),
        "reissues_match_their_coupons",
    );
    let turned = but(but(row.clone(), "old_coupon_id", new), "new_coupon_id", scene.old);
    refused(world.try_insert("reissues", &turned), "reissues_match_their_coupons");
    refused(
        world.try_insert("reissues", &but(row.clone(), "new_coupon_id", scene.old)),
        "reissues_match_their_coupons",
    );
    world.insert("reissues", &row);
}

#[both]
fn a_reissue_stays_in_one_batch_merchant_and_customer(world: World) {
    let (scene, new, user) = relinked(&world);
    let row = world.reissue_row(scene, new, user);
    let (summer, merchant) = (world.batch("Summer"), world.another_merchant("globex"));
    let stranger = world.customer_number(2);
    refused(world.try_insert("reissues", &but(row.clone(), "batch_id", summer)), "constraint");
    refused(world.try_insert("reissues", &but(row.clone(), "merchant_id", merchant)), "constraint");
    refused(world.try_insert("reissues", &but(row.clone(), "customer", stranger)), "constraint");
    refused(world.try_insert("reissues", &but(row, "user_id", 4711)), "constraint");
}

#[both]
fn the_old_coupon_was_unusable(world: World) {
    let (scene, new, user) = relinked(&world);
    let fit = but(
        world.reissue_row(scene, new, user),
        "old_expires_at",
        world.now + TimeDelta::microseconds(1),
    );
    refused(world.try_insert("reissues", &fit), "constraint");
    // Each of the three reasons is enough; an end at this very instant has passed.
    for row in [
        but(fit.clone(), "old_barred", true),
        but(fit.clone(), "old_redemptions", 1),
        but(fit.clone(), "old_expires_at", world.now),
    ] {
        world.insert("reissues", &row);
        if world.is_sqlite() {
            world.exec("DROP TRIGGER reissues_are_kept; DELETE FROM reissues");
            world.exec(
                "CREATE TRIGGER reissues_are_kept BEFORE DELETE ON reissues BEGIN SELECT \
                RAISE(ABORT, 'reissues_are_kept'); END",
            );
        } else {
            world.exec(
                "SET session_replication_role = replica; DELETE FROM reissues; RESET \
                session_replication_role",
            );
        }
    }
}

#[both]
fn the_new_coupon_was_usable(world: World) {
    let (scene, new, user) = relinked(&world);
    let row = world.reissue_row(scene, new, user);
    let moment = TimeDelta::microseconds(1);
    refused(
        world.try_insert("reissues", &but(row.clone(), "new_valid_from", world.now + moment)),
        "constraint",
    );
    refused(
        world.try_insert("reissues", &but(row.clone(), "new_expires_at", world.now)),
        "constraint",
    );
    let just = but(but(row, "new_valid_from", world.now), "new_expires_at", world.now + moment);
    world.insert("reissues", &just);
}

#[both]
fn a_reissue_never_changes_and_is_kept(world: World) {
    let (scene, new, user) = relinked(&world);
    let id = world.insert("reissues", &world.reissue_row(scene, new, user));
    for change in
        ["email_requested = TRUE", "actor_role = 'administrator'", "token_hash = 'x'", "at = at"]
    {
        world.refuses(
            &format!("UPDATE reissues SET {change} WHERE id = {id}"),
            "reissues_never_change",
        );
    }
    world.refuses("DELETE FROM reissues", "reissues_are_kept");
    if !world.is_sqlite() {
        world.refuses("TRUNCATE reissues CASCADE", "_are_kept");
    }
}

#[both]
fn a_stranger_with_the_file_cannot_write_over_a_reissue(world: World) {
    let (scene, new, user) = relinked(&world);
    let row = world.reissue_row(scene, new, user);
    let id = world.insert("reissues", &row);
    let before = world.text("SELECT actor_role FROM reissues");
    let forged = but(row, "actor_role", "administrator");
    if world.is_sqlite() {
        for forged in [forged.clone(), but(forged, "id", id)] {
            refused(
                run_on(&mut world.stranger(), &world.insert_or_replace("reissues", &forged)),
                "reissues",
            );
        }
    } else {
        refused(world.try_insert("reissues", &but(forged, "id", id)), "constraint");
    }
    assert_eq!(world.text("SELECT actor_role FROM reissues"), before);
}

#[both]
fn one_mail_of_a_reissue_and_resends_as_rows_of_their_own(world: World) {
    let (scene, new, user) = relinked(&world);
    let reissue = world.insert("reissues", &world.reissue_row(scene, new, user));
    let mail = |origin: &str, reissue: Option<i64>, id: &str| {
        world.try_insert("mails", &but(world.mail_row(scene, new, reissue, id), "origin", origin))
    };
    mail("reissue", Some(reissue), "m1").unwrap();
    refused(mail("reissue", Some(reissue), "m2"), "constraint");
    refused(mail("reissue", None, "m3"), "constraint");
    mail("resend", Some(reissue), "m4").unwrap();
    refused(mail("resend", Some(reissue), "m4"), "constraint");
}
