//! `check` finds what somebody has broken by hand: in a copy of the data without constraints, triggers or keys, each breakage
//! is reported under its own invariant, and under no other that still holds.

use rewarddesk::{
    app::check_invariants::check_invariants,
    db::invariants::{Invariant, Invariant::*, contradictions},
    domain::role::Role,
    each,
};

use crate::{
    row,
    support::{
        World,
        engine::run_on,
        world::{Scene, but, expired, redeemed, usable},
    },
};

/// A desk at work: two merchants, two reissues in the first (the first one with a mail, and a resend of it), one in the other.
fn fill(world: &mut World) {
    let scene = world.scene(4);
    let user = world.user(Role::Support);
    let fresh = |world: &World, n: usize| world.number(&format!("SELECT id FROM coupons WHERE code = 'FRESH-{}-{n}'", scene.batch));
    reissue(world, scene, fresh(world, 1), user, true);
    let customer = world.customer_number(2);
    let (reward, old) = world.reward_with(customer, scene.batch, "R-2", &redeemed("OLD-2"));
    reissue(world, Scene { customer, batch: scene.batch, reward, old }, fresh(world, 2), user, false);
    world.reward_with(customer, scene.batch, "R-3", &usable("KEPT-É"));
    let strict = world.batch_that("Strict", true, rewarddesk::db::instant::no_end());
    world.coupon(strict, &usable("aBc"));
    world.coupon(strict, &usable("AbC"));
    // What a dead import left: not published, not counted.
    let leftover = world.coupon_row(strict, &usable("LEFTOVER"));
    world.insert("coupons", &leftover);
    let other = world.another_merchant("beta");
    world.inside(other, |world| {
        let (customer, batch) = (world.customer_number(9), world.batch("Spring"));
        let (reward, old) = world.reward_with(customer, batch, "R-1", &expired("OLD-1"));
        let new = world.coupon(batch, &usable("NEW-1"));
        let user = world.user_called("kim@desk.example", "Kim", Role::Administrator);
        reissue(world, Scene { customer, batch, reward, old }, new, user, true);
    });
}

/// A reissue as the desk does it, with its record and its mail; a mail is resent too.
fn reissue(world: &World, scene: Scene, new: i64, user: i64, email: bool) {
    world.relink(scene, new);
    let row = but(world.reissue_row(scene, new, user), "email_requested", email);
    let row = if world.number(&format!("SELECT redemptions FROM coupons WHERE id = {}", scene.old)) == 1 {
        but(but(row, "old_redemptions", 1), "old_expires_at", rewarddesk::db::instant::no_end())
    } else {
        row
    };
    let id = world.insert("reissues", &row);
    let code = |id: i64| world.text(&format!("SELECT code FROM coupons WHERE id = {id}")).unwrap();
    let reward_id = world.text(&format!("SELECT reward_id FROM rewards WHERE id = {}", scene.reward)).unwrap();
    let details =
        serde_json::json!({ "old_code": code(scene.old), "new_code": code(new), "reward_id": reward_id, "email_requested": email });
    let record = but(world.audit_row(id, user), "details", details.to_string());
    let record = but(but(but(record, "customer", scene.customer), "reward", scene.reward), "batch_id", scene.batch);
    world.insert("audit_records", &record);
    if email {
        for origin in ["reissue", "resend"] {
            world.insert(
                "mails",
                row! {
                    merchant_id: world.merchant, customer: scene.customer, reward: scene.reward, coupon_id: new, reissue_id: id,
                    origin: origin, asked_by: (origin == "resend").then_some(user), message_id: format!("{origin}-{id}@desk.example"),
                    sender: "rewards@desk.example", recipient: "jo@customer.example", subject: "Your coupon",
                    text_body: format!("Your new code is {}.", code(new)), html_body: "", state: "queued",
                    next_attempt_at: world.now, queued_at: world.now,
                },
            );
        }
    }
}

/// Takes every key, check, trigger and index away, as somebody could who has the file or the owner's password.
fn bare(world: &World) {
    let tables = [
        "merchants",
        "users",
        "memberships",
        "customers",
        "batches",
        "rewards",
        "coupons",
        "reissues",
        "redemptions",
        "mails",
        "audit_records",
        "stock_by_window",
        "stock_movements",
    ];
    let cascade = if world.is_sqlite() { "" } else { "CASCADE" };
    let each = |statement: fn(&str, &str) -> String| tables.iter().map(|t| statement(t, cascade)).collect::<String>();
    let sql = [
        each(|t, _| format!("CREATE TABLE bare_{t} AS SELECT * FROM {t};")),
        each(|t, cascade| format!("DROP TABLE {t} {cascade};")),
        each(|t, _| format!("ALTER TABLE bare_{t} RENAME TO {t};")),
    ]
    .concat();
    run_on(&mut world.stranger(), &sql).unwrap();
}

/// Counts the stock anew, as the triggers would have: what breaks an invariant need not break the counts as well.
const RECOUNT: &str = "DELETE FROM stock_movements; DELETE FROM stock_by_window;
    INSERT INTO stock_by_window SELECT c.merchant_id, c.batch_id, c.valid_from, c.expires_at,
        count(CASE WHEN c.state = 'available' AND c.barred_at IS NULL AND c.redemptions = 0 THEN 1 END),
        count(CASE WHEN c.state = 'available' AND c.barred_at IS NOT NULL THEN 1 END),
        count(CASE WHEN c.state = 'available' AND c.barred_at IS NULL AND c.redemptions > 0 THEN 1 END),
        count(CASE WHEN c.state = 'allocated' THEN 1 END), count(CASE WHEN c.state = 'replaced' THEN 1 END),
        count(CASE WHEN c.state = 'withdrawn' THEN 1 END)
    FROM coupons c JOIN batches b ON b.id = c.batch_id AND c.id <= b.published_to
    GROUP BY c.merchant_id, c.batch_id, c.valid_from, c.expires_at";

/// What is broken after `sql`, which is taken back.
fn broken_after(world: &World, sql: &str) -> Vec<Invariant> {
    let mut conn = world.stranger();
    let recount = if sql.contains("stock_") { "SELECT 1" } else { RECOUNT };
    each!(&mut conn, |c| {
        use diesel::connection::SimpleConnection;
        c.batch_execute("BEGIN")
            .and_then(|()| c.batch_execute(sql))
            .and_then(|()| c.batch_execute(recount))
            .unwrap_or_else(|e| panic!("{e}\nin: {sql}"));
    });
    let broken = Invariant::ALL.into_iter().filter(|invariant| !contradictions(&mut conn, *invariant).unwrap().is_empty()).collect();
    run_on(&mut conn, "ROLLBACK").unwrap();
    broken
}

#[track_caller]
pub fn each_breaks(world: &World, cases: &[(&[Invariant], &str)]) {
    assert_eq!(broken_after(world, "SELECT 1"), [], "healthy data are called broken");
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|(expected, sql)| {
            let broken = broken_after(world, sql);
            (broken != *expected).then(|| format!("{broken:?} instead of {expected:?} after {sql}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

pub fn filled_and_bare(mut world: World) -> World {
    fill(&mut world);
    bare(&world);
    world
}

/// A row copied with some columns set.
fn copied(table: &str, from: &str, set: &[(&str, &str)]) -> String {
    let columns: &[&str] = match table {
        "coupons" => &[
            "id",
            "merchant_id",
            "batch_id",
            "code",
            "folded_code",
            "valid_from",
            "expires_at",
            "max_redemptions",
            "redemptions",
            "state",
            "reward",
            "created_at",
        ],
        "reissues" => &[
            "id",
            "merchant_id",
            "customer",
            "reward",
            "batch_id",
            "old_coupon_id",
            "new_coupon_id",
            "user_id",
            "actor_role",
            "at",
            "email_requested",
            "token_hash",
            "old_expires_at",
            "old_barred",
            "old_redemptions",
            "old_max_redemptions",
            "new_valid_from",
            "new_expires_at",
        ],
        "audit_records" => {
            &["id", "merchant_id", "at", "action", "actor_kind", "user_id", "customer", "reward", "batch_id", "reissue_id", "details"]
        }
        _ => &[
            "id",
            "merchant_id",
            "customer",
            "reward",
            "coupon_id",
            "reissue_id",
            "origin",
            "asked_by",
            "message_id",
            "sender",
            "recipient",
            "subject",
            "text_body",
            "html_body",
            "state",
            "attempts",
            "next_attempt_at",
            "queued_at",
        ],
    };
    let value = |column: &&str| set.iter().find(|(name, _)| name == column).map_or(*column, |(_, value)| *value).to_owned();
    let values: Vec<String> = columns.iter().map(value).collect();
    format!("INSERT INTO {table} ({}) SELECT {} FROM {table} WHERE {from}", columns.join(", "), values.join(", "))
}

pub const FIRST: &str = "merchant_id = 1 AND reward = (SELECT id FROM rewards WHERE merchant_id = 1 AND reward_id = 'R-1')";
const R3: &str = "(SELECT id FROM rewards WHERE reward_id = 'R-3')";

both! {
    fn healthy_data_pass_with_and_without_their_constraints(world: World) {
        let mut world = world;
        fill(&mut world);
        for stage in ["with", "without"] {
            let verdicts = check_invariants(&world.db.db).unwrap();
            assert_eq!(verdicts.len(), 10);
            let broken: Vec<String> = verdicts.iter().filter(|v| !v.holds()).map(ToString::to_string).collect();
            assert!(broken.is_empty(), "{stage} constraints: {broken:?}");
            bare(&world);
        }
    }

    fn an_empty_database_passes(world: World) {
        assert!(check_invariants(&world.db.db).unwrap().iter().all(rewarddesk::app::check_invariants::Verdict::holds));
    }

    fn what_is_broken_is_said_in_one_line_with_numbers_and_without_codes(world: World) {
        let world = filled_and_bare(world);
        world.exec("UPDATE coupons SET state = 'available' WHERE state = 'allocated'");
        let verdicts = check_invariants(&world.db.db).unwrap();
        let first = verdicts[0].to_string();
        assert!(first.starts_with("I1 BROKEN: 4 coupons that are in stock and attached to a reward, or handed out to none (ids "), "{first}");
        assert!(verdicts.iter().all(|v| !v.to_string().contains("FRESH") && !v.to_string().contains('\n')));
        assert_eq!(verdicts[1].to_string(), "I2 ok: a reward is reissued at most once");
    }

    fn i1_a_coupon_attached_twice(world: World) {
        let world = filled_and_bare(world);
        each_breaks(&world, &[
            (&[I1], &copied("coupons", "code = 'KEPT-É'", &[("id", "900"), ("state", "'available'"), ("reward", "NULL")])),
            (&[I1], "UPDATE coupons SET code = 'abc' WHERE code = 'AbC'; UPDATE coupons SET code = 'abc' WHERE code = 'aBc'"),
            (&[I1], "UPDATE coupons SET code = 'kept-É', folded_code = 'fresh-1-3' WHERE code = 'KEPT-É'"),
            (&[I1], "UPDATE coupons SET folded_code = 'something else' WHERE code = 'FRESH-1-4'"),
            (&[I1], "UPDATE coupons SET folded_code = 'kept-É' WHERE code = 'KEPT-É'"),
            (&[I1], "UPDATE coupons SET folded_code = NULL WHERE code = 'FRESH-1-4'"),
            (&[I1], "UPDATE coupons SET folded_code = 'abc' WHERE code = 'AbC'"),
            (&[I1], "UPDATE coupons SET state = 'available' WHERE code = 'KEPT-É'"),
            (&[I1], "UPDATE coupons SET state = 'withdrawn' WHERE code = 'KEPT-É'"),
            (&[I1], "UPDATE coupons SET state = 'allocated' WHERE code = 'FRESH-1-4'"),
            (&[I1], "UPDATE coupons SET reward = 999 WHERE code = 'KEPT-É'"),
            (&[I1], &format!("UPDATE coupons SET state = 'allocated', reward = {R3} WHERE code = 'AbC'; UPDATE coupons SET state = 'available', reward = NULL WHERE code = 'KEPT-É'")),
            (&[I1], "UPDATE rewards SET batch_id = NULL, fulfilment = 'runa' WHERE reward_id = 'R-3'"),
            // The new coupon of a reissue goes to another reward: attached to two, and the reissue tells a tale.
            (&[I1, I2, I3, I6], &format!("UPDATE coupons SET reward = {R3} WHERE code = 'FRESH-1-1'")),
        ]);
    }

    fn i2_a_reward_reissued_twice(world: World) {
        let world = filled_and_bare(world);
        let second = copied("reissues", FIRST, &[("id", "900"), ("old_coupon_id", "new_coupon_id"), ("new_coupon_id", "(SELECT id FROM coupons WHERE code = 'FRESH-1-4')"), ("email_requested", "FALSE")]);
        each_breaks(&world, &[
            (&[I2], &format!("UPDATE coupons SET state = 'allocated', reward = {R3} WHERE code = 'FRESH-1-4'")), (&[I2, I3, I5], &second),
        ]);
    }

    fn i3_a_reissue_that_does_not_match_its_coupons(world: World) {
        let world = filled_and_bare(world);
        each_breaks(&world, &[
            (&[I3, I5, I6], &format!("UPDATE reissues SET new_coupon_id = old_coupon_id, email_requested = FALSE WHERE {FIRST}")),
            (&[I3], "UPDATE coupons SET state = 'withdrawn', reward = NULL WHERE code = 'FRESH-1-2'"),
            (&[I3], "UPDATE coupons SET state = 'available', reward = NULL WHERE code = 'OLD-2'"),
            (&[I3], "UPDATE coupons SET state = 'replaced' WHERE code = 'FRESH-1-2'"),
            (&[I3], "UPDATE coupons SET state = 'replaced' WHERE code = 'KEPT-É'"),
            (&[I2, I3], "UPDATE coupons SET state = 'allocated' WHERE code = 'OLD-2'"),
            (&[I3, I5, I6, I10], &format!("UPDATE reissues SET merchant_id = 2 WHERE {FIRST}")),
            (&[I3, I5], &format!("UPDATE reissues SET batch_id = 2 WHERE {FIRST}")),
            (&[I3, I4, I5], "DELETE FROM coupons WHERE code = 'OLD-2'"),
            (&[I3, I5], &format!("UPDATE reissues SET customer = 999 WHERE {FIRST}")),
        ]);
    }

    fn i4_a_batch_that_does_not_add_up(world: World) {
        let world = filled_and_bare(world);
        each_breaks(&world, &[
            (&[I4], "DELETE FROM coupons WHERE code = 'FRESH-1-4'"),
            (&[I4], "UPDATE batches SET imported = imported + 1 WHERE id = 1"),
            (&[I4], &copied("coupons", "code = 'FRESH-1-4'", &[("id", "0"), ("code", "'EXTRA'"), ("folded_code", "'extra'")])),
            (&[I4], "UPDATE coupons SET state = 'lost' WHERE code = 'FRESH-1-4'"),
            (&[I4], "DELETE FROM stock_movements WHERE clean = 1"),
            (&[I4], "INSERT INTO stock_by_window SELECT merchant_id, batch_id, valid_from, expires_at, 0, 0, 0, 1, -1, 0 FROM coupons WHERE code = 'FRESH-1-4'"),
            (&[I4], "UPDATE coupons SET batch_id = 999 WHERE code = 'FRESH-1-4'"),
            (&[I4], "UPDATE coupons SET state = 'withdrawn' WHERE code = 'LEFTOVER'"),
            (&[I4], "UPDATE batches SET published_to = 999 WHERE name = 'Strict'"),
        ]);
        each_breaks(&world, &[(&[], "DELETE FROM coupons WHERE code = 'LEFTOVER'"), (&[], "UPDATE coupons SET state = 'withdrawn' WHERE code = 'FRESH-1-4'")]);
    }

    fn i5_a_reissue_without_its_record_or_a_record_without_its_reissue(world: World) {
        let world = filled_and_bare(world);
        let record = format!("{FIRST} AND action = 'coupon.reissued'");
        let says = |from: &str, to: &str| format!("UPDATE audit_records SET details = replace(details, '{from}', '{to}') WHERE {record}");
        each_breaks(&world, &[
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
            (&[I5], &format!("UPDATE audit_records SET actor_kind = 'system', user_id = NULL WHERE {record}")),
            (&[I5], &format!("UPDATE audit_records SET customer = 999 WHERE {record}")),
            (&[I5], &format!("UPDATE audit_records SET action = 'coupon.looked_at' WHERE {record}")),
            (&[I3, I5], "DELETE FROM reissues WHERE new_coupon_id = (SELECT id FROM coupons WHERE code = 'FRESH-1-2')"),
        ]);
    }

    fn i6_a_mail_too_many_too_few_or_to_somebody_else(world: World) {
        let world = filled_and_bare(world);
        let mail = |origin: &str| format!("{FIRST} AND origin = '{origin}'");
        let (asked, resent) = (mail("reissue"), mail("resend"));
        each_breaks(&world, &[
            (&[I6], &format!("DELETE FROM mails WHERE {asked}")),
            (&[I6], &copied("mails", &asked, &[("id", "900")])),
            (&[I6], &copied("mails", &asked, &[("id", "900"), ("reissue_id", "NULL")])),
            (&[I6], &format!("UPDATE mails SET coupon_id = (SELECT id FROM coupons WHERE code = 'FRESH-1-2') WHERE {asked}")),
            (&[I6], &format!("UPDATE mails SET coupon_id = (SELECT id FROM coupons WHERE merchant_id = 1 AND code = 'OLD-1'), text_body = 'OLD-1' WHERE {asked}")),
            (&[I6], &format!("UPDATE mails SET text_body = 'Your new code is OLD-1.' WHERE {asked}")),
            (&[I6], &format!("UPDATE mails SET customer = 2 WHERE {asked}")),
            (&[I6], &format!("UPDATE mails SET customer = 2, reward = {R3} WHERE {asked}")),
            (&[I6], &format!("UPDATE mails SET asked_by = NULL WHERE {resent}")),
            (&[I6], &format!("UPDATE mails SET customer = 2 WHERE {resent}")),
            (&[I6], &format!("UPDATE mails SET coupon_id = (SELECT id FROM coupons WHERE code = 'FRESH-1-2'), text_body = 'FRESH-1-2' WHERE {resent}")),
            (&[I6], &format!("UPDATE mails SET origin = 'reissue' WHERE {resent}")),
            (&[I6], &format!("UPDATE mails SET origin = 'resend' WHERE {asked}")),
            (&[I5, I6], &format!("UPDATE reissues SET email_requested = FALSE WHERE {FIRST}")),
        ]);
        // A resend may carry the old code, to look at it again; a purge empties what was written.
        each_breaks(&world, &[
            (&[], &format!("UPDATE mails SET coupon_id = (SELECT id FROM coupons WHERE merchant_id = 1 AND code = 'OLD-1'), text_body = 'OLD-1' WHERE {resent}")),
            (&[], &format!("UPDATE mails SET text_body = '' WHERE {FIRST}; UPDATE customers SET purged_at = created_at WHERE id = 1")),
        ]);
    }

    fn i8_a_new_coupon_that_was_not_usable(world: World) {
        let world = filled_and_bare(world);
        each_breaks(&world, &[
            (&[I8], &format!("UPDATE reissues SET new_expires_at = at WHERE {FIRST}")),
            (&[I8], &format!("UPDATE reissues SET new_valid_from = new_expires_at WHERE {FIRST}")),
            (&[I8], &format!("UPDATE reissues SET new_valid_from = NULL WHERE {FIRST}")),
            (&[I8], &format!("UPDATE coupons SET barred_at = (SELECT old_expires_at FROM reissues WHERE {FIRST}), barred_reason = 'lost' WHERE code = 'FRESH-1-1'")),
        ]);
    }

    fn i9_an_old_coupon_that_was_usable(world: World) {
        let world = filled_and_bare(world);
        each_breaks(&world, &[
            (&[I9], &format!("UPDATE reissues SET old_expires_at = new_expires_at WHERE {FIRST}")),
            (&[I9], "UPDATE reissues SET old_redemptions = 0 WHERE old_redemptions = 1"),
            (&[I9], &format!("UPDATE reissues SET old_max_redemptions = 0, old_expires_at = new_expires_at WHERE {FIRST}")),
        ]);
    }

    fn i10_an_actor_who_was_not_active_or_not_allowed(world: World) {
        let world = filled_and_bare(world);
        let earlier = format!("(SELECT old_expires_at FROM reissues WHERE {FIRST})");
        each_breaks(&world, &[
            (&[I10], &format!("UPDATE users SET disabled_at = {earlier} WHERE id = 1")),
            (&[I10], &format!("UPDATE users SET created_at = (SELECT new_expires_at FROM reissues WHERE {FIRST}) WHERE id = 1")),
            (&[I5, I10], &format!("UPDATE reissues SET user_id = 999 WHERE {FIRST}")),
            (&[I5, I10], &format!("UPDATE reissues SET user_id = 2 WHERE {FIRST}")),
            (&[I10], &format!("UPDATE reissues SET actor_role = 'visitor' WHERE {FIRST}")),
            (&[I10], "DELETE FROM memberships WHERE user_id = 1"),
            (&[I6, I10], "DELETE FROM memberships WHERE user_id = 1; DELETE FROM users WHERE id = 1"),
        ]);
        // Disabled or without the role since: the log tells that there was one.
        let told = "INSERT INTO audit_records (id, merchant_id, at, action, actor_kind, details) \
                    SELECT 900, 1, created_at, 'role.added', 'cli', '{\"user\":1,\"role\":\"support\"}' FROM users WHERE id = 1";
        each_breaks(&world, &[
            (&[], &format!("DELETE FROM memberships WHERE user_id = 1; {told}")),
            (&[], &format!("UPDATE users SET disabled_at = (SELECT new_expires_at FROM reissues WHERE {FIRST}) WHERE id = 1")),
        ]);
    }
}
