//! A desk at work in a database that can be broken by hand: a copy without constraints, triggers or
//! keys.

use rewarddesk::{
    db::invariants::{Invariant, contradictions},
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

/// A desk at work: two merchants, two reissues in the first (the first one with a mail, and a
/// resend of it), one in the other.
pub fn fill(world: &mut World) {
    let scene = world.scene(4);
    let user = world.user(Role::Support);
    let fresh = |world: &World, n: usize| {
        world.number(&format!("SELECT id FROM coupons WHERE code = 'FRESH-{}-{n}'", scene.batch))
    };
    reissue(world, scene, fresh(world, 1), user, true);
    let customer = world.customer_number(2);
    let (reward, old) = world.reward_with(customer, scene.batch, "R-2", &redeemed("OLD-2"));
    reissue(
        world,
        Scene { customer, batch: scene.batch, reward, old },
        fresh(world, 2),
        user,
        false,
    );
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
pub fn reissue(world: &World, scene: Scene, new: i64, user: i64, email: bool) {
    world.relink(scene, new);
    let row = but(world.reissue_row(scene, new, user), "email_requested", email);
    let row = if world.number(&format!("SELECT redemptions FROM coupons WHERE id = {}", scene.old))
        == 1
    {
        but(but(row, "old_redemptions", 1), "old_expires_at", rewarddesk::db::instant::no_end())
    } else {
        row
    };
    let id = world.insert("reissues", &row);
    let code = |id: i64| world.text(&format!("SELECT code FROM coupons WHERE id = {id}")).unwrap();
    let reward_id =
        world.text(&format!("SELECT reward_id FROM rewards WHERE id = {}", scene.reward)).unwrap();
    let details = serde_json::json!({ "old_code": code(scene.old), "new_code": code(new), "reward_id": reward_id, "email_requested": email });
    let record = but(world.audit_row(id, user), "details", details.to_string());
    let record = but(
        but(but(record, "customer", scene.customer), "reward", scene.reward),
        "batch_id",
        scene.batch,
    );
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

/// Takes every key, check, trigger and index away, as somebody could who has the file or the
/// owner's password.
pub fn bare(world: &World) {
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
        "imports",
    ];
    let cascade = if world.is_sqlite() { "" } else { "CASCADE" };
    let each = |statement: fn(&str, &str) -> String| {
        tables.iter().map(|t| statement(t, cascade)).collect::<String>()
    };
    let sql = [
        each(|t, _| format!("CREATE TABLE bare_{t} AS SELECT * FROM {t};")),
        each(|t, cascade| format!("DROP TABLE {t} {cascade};")),
        each(|t, _| format!("ALTER TABLE bare_{t} RENAME TO {t};")),
    ]
    .concat();
    run_on(&mut world.stranger(), &sql).unwrap();
}

/// Counts the stock again, as the triggers would have: what breaks an invariant need not break the
/// counts as well.
pub const RECOUNT: &str = "DELETE FROM stock_movements; DELETE FROM stock_by_window;
    INSERT INTO stock_by_window SELECT c.merchant_id, c.batch_id, c.valid_from, c.expires_at,
        count(CASE WHEN c.state = 'available' AND c.barred_at IS NULL AND c.redemptions = 0 THEN \
        1 END),
        count(CASE WHEN c.state = 'available' AND c.barred_at IS NOT NULL THEN 1 END),
        count(CASE WHEN c.state = 'available' AND c.barred_at IS NULL AND c.redemptions > 0 THEN \
        1 END),
        count(CASE WHEN c.state = 'allocated' THEN 1 END), count(CASE WHEN c.state = 'replaced' \
        THEN 1 END),
        count(CASE WHEN c.state = 'withdrawn' THEN 1 END)
    FROM coupons c JOIN batches b ON b.id = c.batch_id AND c.id <= b.published_to
    GROUP BY c.merchant_id, c.batch_id, c.valid_from, c.expires_at";

/// What is broken after `sql`, which is taken back.
pub fn broken_after(world: &World, sql: &str) -> Vec<Invariant> {
    let mut conn = world.stranger();
    let recount = if sql.contains("stock_") { "SELECT 1" } else { RECOUNT };
    each!(&mut conn, |c| {
        use diesel::connection::SimpleConnection;
        c.batch_execute("BEGIN")
            .and_then(|()| c.batch_execute(sql))
            .and_then(|()| c.batch_execute(recount))
            .unwrap_or_else(|e| panic!("{e}\nin: {sql}"));
    });
    let broken = Invariant::ALL
        .into_iter()
        .filter(|invariant| !contradictions(&mut conn, *invariant).unwrap().is_empty())
        .collect();
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
pub fn copied(table: &str, from: &str, set: &[(&str, &str)]) -> String {
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
        "audit_records" => &[
            "id",
            "merchant_id",
            "at",
            "action",
            "actor_kind",
            "user_id",
            "customer",
            "reward",
            "batch_id",
            "reissue_id",
            "details",
        ],
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
    let value = |column: &&str| {
        set.iter().find(|(name, _)| name == column).map_or(*column, |(_, value)| *value).to_owned()
    };
    let values: Vec<String> = columns.iter().map(value).collect();
    format!(
        "INSERT INTO {table} ({}) SELECT {} FROM {table} WHERE {from}",
        columns.join(", "),
        values.join(", ")
    )
}

pub const FIRST: &str = "merchant_id = 1 AND reward = (SELECT id FROM rewards WHERE merchant_id = \
    1 AND reward_id = 'R-1')";
pub const R3: &str = "(SELECT id FROM rewards WHERE reward_id = 'R-3')";
