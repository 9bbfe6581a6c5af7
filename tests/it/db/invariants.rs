//! `check` finds what somebody has broken by hand: in a copy of the data without constraints,
//! triggers or keys, each breakage is reported under its own invariant, and under no other that
//! still holds.

use rewarddesk::{
    app::operation::check_invariants::check_invariants, db::invariants::Invariant::*,
};

use super::breakages::*;
use crate::support::World;

#[both]
fn healthy_data_pass_with_and_without_their_constraints(world: World) {
    let mut world = world;
    fill(&mut world);
    for stage in ["with", "without"] {
        let verdicts = check_invariants(&world.db.db).unwrap();
        assert_eq!(verdicts.len(), 10);
        let broken: Vec<String> =
            verdicts.iter().filter(|v| !v.holds()).map(ToString::to_string).collect();
        assert!(broken.is_empty(), "{stage} constraints: {broken:?}");
        bare(&world);
    }
}

#[both]
fn an_empty_database_passes(world: World) {
    assert!(
        check_invariants(&world.db.db)
            .unwrap()
            .iter()
            .all(rewarddesk::app::operation::check_invariants::InvariantVerdict::holds)
    );
}

#[both]
fn what_is_broken_is_one_line_with_numbers_and_without_codes(world: World) {
    let world = filled_and_bare(world);
    world.exec("UPDATE coupons SET state = 'available' WHERE state = 'allocated'");
    let verdicts = check_invariants(&world.db.db).unwrap();
    let first = verdicts[0].to_string();
    assert!(
        first.starts_with(
            "I1 BROKEN: 4 coupons that are in stock and attached to a reward, \
        or handed out to none (ids "
        ),
        "{first}"
    );
    assert!(
        verdicts.iter().all(|v| !v.to_string().contains("FRESH") && !v.to_string().contains('\n'))
    );
    assert_eq!(verdicts[1].to_string(), "I2 ok: a reward is reissued at most once");
}

#[both]
fn i1_a_coupon_attached_twice(world: World) {
    let world = filled_and_bare(world);
    each_breaks(
        &world,
        &[
            (
                &[I1],
                &copied(
                    "coupons",
                    "code = 'KEPT-É'",
                    &[("id", "900"), ("state", "'available'"), ("reward", "NULL")],
                ),
            ),
            (
                &[I1],
                "UPDATE coupons SET code = 'abc' WHERE code = 'AbC'; UPDATE coupons SET code = \
                 'abc' WHERE code = 'aBc'",
            ),
            (
                &[I1],
                "UPDATE coupons SET code = 'kept-É', folded_code = 'fresh-1-3' WHERE code = \
                 'KEPT-É'",
            ),
            (&[I1], "UPDATE coupons SET folded_code = 'something else' WHERE code = 'FRESH-1-4'"),
            (&[I1], "UPDATE coupons SET folded_code = 'kept-É' WHERE code = 'KEPT-É'"),
            (&[I1], "UPDATE coupons SET folded_code = NULL WHERE code = 'FRESH-1-4'"),
            (&[I1], "UPDATE coupons SET folded_code = 'abc' WHERE code = 'AbC'"),
            (&[I1], "UPDATE coupons SET state = 'available' WHERE code = 'KEPT-É'"),
            (&[I1], "UPDATE coupons SET state = 'withdrawn' WHERE code = 'KEPT-É'"),
            (&[I1], "UPDATE coupons SET state = 'allocated' WHERE code = 'FRESH-1-4'"),
            (&[I1], "UPDATE coupons SET reward = 999 WHERE code = 'KEPT-É'"),
            (
                &[I1],
                &format!(
                    "UPDATE coupons SET state = 'allocated', reward = {R3} WHERE code = 'AbC'; \
                     UPDATE coupons SET state = 'available', reward = NULL WHERE code = 'KEPT-É'"
                ),
            ),
            (
                &[I1],
                "UPDATE rewards SET batch_id = NULL, fulfilment = 'runa' WHERE reward_id = 'R-3'",
            ),
            // The new coupon of a reissue goes to another reward: attached to two, and the reissue
            // tells a tale.
            (
                &[I1, I2, I3, I6],
                &format!("UPDATE coupons SET reward = {R3} WHERE code = 'FRESH-1-1'"),
            ),
        ],
    );
}

#[both]
fn i2_a_reward_reissued_twice(world: World) {
    let world = filled_and_bare(world);
    let second = copied(
        "reissues",
        FIRST,
        &[
            ("id", "900"),
            ("old_coupon_id", "new_coupon_id"),
            ("new_coupon_id", "(SELECT id FROM coupons WHERE code = 'FRESH-1-4')"),
            ("email_requested", "FALSE"),
        ],
    );
    each_breaks(
        &world,
        &[
            (
                &[I2],
                &format!(
                    "UPDATE coupons SET state = 'allocated', reward = {R3} WHERE code = 'FRESH-1-4'"
                ),
            ),
            (&[I2, I3, I5], &second),
        ],
    );
}

#[both]
fn i3_a_reissue_that_does_not_match_its_coupons(world: World) {
    let world = filled_and_bare(world);
    each_breaks(
        &world,
        &[
            (
                &[I3, I5, I6],
                &format!(
                    "UPDATE reissues SET new_coupon_id = old_coupon_id, email_requested = FALSE \
                     WHERE {FIRST}"
                ),
            ),
            (
                &[I3],
                "UPDATE coupons SET state = 'withdrawn', reward = NULL WHERE code = 'FRESH-1-2'",
            ),
            (&[I3], "UPDATE coupons SET state = 'available', reward = NULL WHERE code = 'OLD-2'"),
            (&[I3], "UPDATE coupons SET state = 'replaced' WHERE code = 'FRESH-1-2'"),
            (&[I3], "UPDATE coupons SET state = 'replaced' WHERE code = 'KEPT-É'"),
            (&[I2, I3], "UPDATE coupons SET state = 'allocated' WHERE code = 'OLD-2'"),
            (&[I3, I5, I6, I10], &format!("UPDATE reissues SET merchant_id = 2 WHERE {FIRST}")),
            (&[I3, I5], &format!("UPDATE reissues SET batch_id = 2 WHERE {FIRST}")),
            (&[I3, I4, I5], "DELETE FROM coupons WHERE code = 'OLD-2'"),
            (&[I3, I5], &format!("UPDATE reissues SET customer = 999 WHERE {FIRST}")),
        ],
    );
}

#[both]
fn i4_a_batch_that_does_not_add_up(world: World) {
    let world = filled_and_bare(world);
    each_breaks(
        &world,
        &[
            (&[I4], "DELETE FROM coupons WHERE code = 'FRESH-1-4'"),
            (&[I4], "UPDATE batches SET imported = imported + 1 WHERE id = 1"),
            (
                &[I4],
                &copied(
                    "coupons",
                    "code = 'FRESH-1-4'",
                    &[("id", "0"), ("code", "'EXTRA'"), ("folded_code", "'extra'")],
                ),
            ),
            (&[I4], "UPDATE coupons SET state = 'lost' WHERE code = 'FRESH-1-4'"),
            (&[I4], "DELETE FROM stock_movements WHERE clean = 1"),
            (
                &[I4],
                "INSERT INTO stock_by_window SELECT merchant_id, batch_id, valid_from, \
                 expires_at, 0, 0, 0, 1, -1, 0 FROM coupons WHERE code = 'FRESH-1-4'",
            ),
            (&[I4], "UPDATE coupons SET batch_id = 999 WHERE code = 'FRESH-1-4'"),
            (&[I4], "UPDATE coupons SET state = 'withdrawn' WHERE code = 'LEFTOVER'"),
            (&[I4], "UPDATE batches SET published_to = 999 WHERE name = 'Strict'"),
            (&[I4], &imports_of(&[("min(id)", "999")])),
            (&[I4], &imports_of(&[("min(id)", "NULL")])),
            (&[I4], &imports_of(&[("max(id)", "min(id)")])),
            (&[I4], &imports_of(&[("min(id)", "min(id)"), ("min(id)", "max(id)")])),
        ],
    );
    each_breaks(
        &world,
        &[
            (&[], "DELETE FROM coupons WHERE code = 'LEFTOVER'"),
            (&[], "UPDATE coupons SET state = 'withdrawn' WHERE code = 'FRESH-1-4'"),
            (&[], &imports_of(&[("min(id)", "max(id)")])),
            (&[], &imports_of(&[("min(id)", "min(id)"), ("max(id)", "max(id)")])),
        ],
    );
}

/// Imports into the first batch, each from and to a coupon of its.
fn imports_of(ranges: &[(&str, &str)]) -> String {
    let each = |(n, (first, last)): (usize, &(&str, &str))| {
        format!(
            "INSERT INTO imports (id, merchant_id, batch_id, first_coupon, last_coupon) SELECT {n}, \
             1, 1, {first}, {last} FROM coupons WHERE merchant_id = 1 AND batch_id = 1;"
        )
    };
    ranges.iter().enumerate().map(each).collect()
}

#[both]
fn i5_a_reissue_or_its_record_without_the_other(world: World) {
    let world = filled_and_bare(world);
    let record = format!("{FIRST} AND action = 'coupon.reissued'");
    let says = |from: &str, to: &str| {
        format!(
            "UPDATE audit_records SET details = replace(details, '{from}', '{to}') WHERE {record}"
        )
    };
    each_breaks(
        &world,
        &[
            (&[I5], &format!("DELETE FROM audit_records WHERE {record}")),
            (&[I5], &copied("audit_records", &record, &[("id", "900")])),
            (&[I5], &copied("audit_records", &record, &[("id", "900"), ("reissue_id", "999")])),
            (&[I5], &copied("audit_records", &record, &[("id", "900"), ("reissue_id", "NULL")])),
            (&[I5], &format!("UPDATE audit_records SET merchant_id = 2 WHERE {record}")),
            (&[I5], &says("OLD-1", "OLD-9")),
            (&[I5], &says("FRESH-1-1", "FRESH-1-3")),
            (&[I5], &says("R-1", "R-2")),
            (&[I5], &says("true", "false")),
            (&[I5], &says("true", "\"true\"")),
            (&[I5], &format!("UPDATE audit_records SET details = 'no json' WHERE {record}")),
            (&[I5], &format!("UPDATE audit_records SET user_id = 2 WHERE {record}")),
            (
                &[I5],
                &format!(
                    "UPDATE audit_records SET actor_kind = 'system', user_id = NULL WHERE {record}"
                ),
            ),
            (&[I5], &format!("UPDATE audit_records SET customer = 999 WHERE {record}")),
            (
                &[I5],
                &format!("UPDATE audit_records SET action = 'coupon.looked_at' WHERE {record}"),
            ),
            (
                &[I3, I5],
                "DELETE FROM reissues WHERE new_coupon_id = (SELECT id FROM coupons WHERE code = \
                 'FRESH-1-2')",
            ),
        ],
    );
}

#[both]
fn i6_a_mail_too_many_too_few_or_to_somebody_else(world: World) {
    let world = filled_and_bare(world);
    let mail = |origin: &str| format!("{FIRST} AND origin = '{origin}'");
    let (asked, resent) = (mail("reissue"), mail("resend"));
    each_breaks(
        &world,
        &[
            (&[I6], &format!("DELETE FROM mails WHERE {asked}")),
            (&[I6], &copied("mails", &asked, &[("id", "900")])),
            (&[I6], &copied("mails", &asked, &[("id", "900"), ("reissue_id", "NULL")])),
            (
                &[I6],
                &format!(
                    "UPDATE mails SET coupon_id = (SELECT id FROM coupons WHERE code = \
                     'FRESH-1-2') WHERE {asked}"
                ),
            ),
            (
                &[I6],
                &format!(
                    "UPDATE mails SET coupon_id = (SELECT id FROM coupons WHERE merchant_id = 1 \
                     AND code = 'OLD-1'), text_body = 'OLD-1' WHERE {asked}"
                ),
            ),
            (
                &[I6],
                &format!("UPDATE mails SET text_body = 'Your new code is OLD-1.' WHERE {asked}"),
            ),
            (&[I6], &format!("UPDATE mails SET customer = 2 WHERE {asked}")),
            (&[I6], &format!("UPDATE mails SET customer = 2, reward = {R3} WHERE {asked}")),
            (&[I6], &format!("UPDATE mails SET asked_by = NULL WHERE {resent}")),
            (&[I6], &format!("UPDATE mails SET customer = 2 WHERE {resent}")),
            (
                &[I6],
                &format!(
                    "UPDATE mails SET coupon_id = (SELECT id FROM coupons WHERE code = \
                     'FRESH-1-2'), text_body = 'FRESH-1-2' WHERE {resent}"
                ),
            ),
            (&[I6], &format!("UPDATE mails SET origin = 'reissue' WHERE {resent}")),
            (&[I6], &format!("UPDATE mails SET origin = 'resend' WHERE {asked}")),
            (&[I5, I6], &format!("UPDATE reissues SET email_requested = FALSE WHERE {FIRST}")),
        ],
    );
    // A resend may carry the old code, to look at it again; a purge empties what was written.
    each_breaks(
        &world,
        &[
            (
                &[],
                &format!(
                    "UPDATE mails SET coupon_id = (SELECT id FROM coupons WHERE merchant_id = 1 \
                     AND code = 'OLD-1'), text_body = 'OLD-1' WHERE {resent}"
                ),
            ),
            (
                &[],
                &format!(
                    "UPDATE mails SET text_body = '' WHERE {FIRST}; UPDATE customers SET \
                     purged_at = created_at WHERE id = 1"
                ),
            ),
        ],
    );
}

#[both]
fn i8_a_new_coupon_that_was_not_usable(world: World) {
    let world = filled_and_bare(world);
    each_breaks(
        &world,
        &[
            (&[I8], &format!("UPDATE reissues SET new_expires_at = at WHERE {FIRST}")),
            (&[I8], &format!("UPDATE reissues SET new_valid_from = new_expires_at WHERE {FIRST}")),
            (&[I8], &format!("UPDATE reissues SET new_valid_from = NULL WHERE {FIRST}")),
            (
                &[I8],
                &format!(
                    "UPDATE coupons SET barred_at = (SELECT old_expires_at FROM reissues WHERE \
                     {FIRST}), barred_reason = 'lost' WHERE code = 'FRESH-1-1'"
                ),
            ),
        ],
    );
}

#[both]
fn i9_an_old_coupon_that_was_usable(world: World) {
    let world = filled_and_bare(world);
    each_breaks(
        &world,
        &[
            (&[I9], &format!("UPDATE reissues SET old_expires_at = new_expires_at WHERE {FIRST}")),
            (&[I9], "UPDATE reissues SET old_redemptions = 0 WHERE old_redemptions = 1"),
            (
                &[I9],
                &format!(
                    "UPDATE reissues SET old_max_redemptions = 0, old_expires_at = new_expires_at \
                     WHERE {FIRST}"
                ),
            ),
        ],
    );
}

#[both]
fn i10_an_actor_who_was_not_active_or_not_allowed(world: World) {
    let world = filled_and_bare(world);
    let earlier = format!("(SELECT old_expires_at FROM reissues WHERE {FIRST})");
    each_breaks(
        &world,
        &[
            (&[I10], &format!("UPDATE users SET disabled_at = {earlier} WHERE id = 1")),
            (
                &[I10],
                &format!(
                    "UPDATE users SET created_at = (SELECT new_expires_at FROM reissues WHERE \
                     {FIRST}) WHERE id = 1"
                ),
            ),
            (&[I5, I10], &format!("UPDATE reissues SET user_id = 999 WHERE {FIRST}")),
            (&[I5, I10], &format!("UPDATE reissues SET user_id = 2 WHERE {FIRST}")),
            (&[I10], &format!("UPDATE reissues SET actor_role = 'visitor' WHERE {FIRST}")),
            (&[I10], "DELETE FROM memberships WHERE user_id = 1"),
            (
                &[I6, I10],
                "DELETE FROM memberships WHERE user_id = 1; DELETE FROM users WHERE id = 1",
            ),
        ],
    );
    // Disabled or without the role since: the log tells that there was one.
    let told = "INSERT INTO audit_records (id, merchant_id, at, action, actor_kind, details) \
                SELECT 900, 1, created_at, 'role.added', 'cli', \
                '{\"user\":1,\"role\":\"support\"}' FROM users WHERE id = 1";
    each_breaks(
        &world,
        &[
            (&[], &format!("DELETE FROM memberships WHERE user_id = 1; {told}")),
            (
                &[],
                &format!(
                    "UPDATE users SET disabled_at = (SELECT new_expires_at FROM reissues WHERE \
                     {FIRST}) WHERE id = 1"
                ),
            ),
        ],
    );
}
