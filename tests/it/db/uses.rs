//! Uses of coupons: the money rules of the database itself, and what the migration that brought
//! them makes of older data.

use chrono::{DateTime, TimeDelta, Utc};
use diesel_migrations::{FileBasedMigrations, MigrationHarness};
use rewarddesk::{
    app::operation::check_invariants::check_invariants,
    db::{
        DbConn,
        invariants::Invariant::{I9, I12},
        migrate::migrate,
    },
    domain::redemption::OrderNumber,
};

use super::breakages::{FIRST, each_breaks, filled_and_bare};
use crate::{
    row,
    support::{
        World,
        engine::refused,
        world::{NewCoupon, barred, usable},
    },
};

const MIGRATION: &str = "2026-11-30-000001_uses";

fn used(world: &World, coupon: i64, at: DateTime<Utc>, order: &str) -> Result<i64, String> {
    let row = row! { merchant_id: world.merchant, coupon_id: coupon, redeemed_at: at, order_id: order, created_at: world.now };
    world.try_insert("redemptions", row)
}

/// Back to the schema of the version before.
fn go_back(world: &World) {
    let folder = |engine: &str| {
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(engine)
    };
    let names = std::fs::read_dir(folder("sqlite"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let later = names.filter(|name| name.as_str() >= MIGRATION);
    let mut conn = world.connect();
    for _ in later {
        match &mut conn {
            DbConn::Sqlite(c) => c
                .revert_last_migration(FileBasedMigrations::from_path(folder("sqlite")).unwrap())
                .map(drop),
            DbConn::Postgres(c) => c
                .revert_last_migration(FileBasedMigrations::from_path(folder("postgres")).unwrap())
                .map(drop),
        }
        .unwrap();
    }
}

/// Orders of the recorded uses of the coupon, each with its day of November.
fn uses(world: &World, table: &str, coupon: i64) -> Vec<String> {
    let day = if world.is_sqlite() {
        "substr(redeemed_at, 9, 2)"
    } else {
        "to_char(redeemed_at AT TIME ZONE 'UTC', 'DD')"
    };
    world.texts(&format!(
        "SELECT {day} || ' ' || order_id AS v FROM {table} WHERE coupon_id = {coupon} ORDER BY id"
    ))
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
fn orders_that_were_counted_twice_are_kept_and_shown_for_what_they_are(world: World) {
    let scene = world.scene(0);
    let coupon = |code: &str| {
        world.coupon(scene.batch, &NewCoupon { max_redemptions: 5, redemptions: 2, ..usable(code) })
    };
    let (twice, forms, single) = (coupon("TWICE-1"), coupon("FORMS-1"), coupon("SINGLE-1"));
    go_back(&world);
    let day = |n: i64| world.now - TimeDelta::days(23 - n);
    for (of, n, order) in [
        (twice, 3, "O-77"),
        (twice, 2, "O-77"),
        (twice, 3, ""),
        (twice, 2, ""),
        (single, 2, "O-77"),
        (twice, 4, "O-77"),
        // At one time in both of Unicode's forms, and trimmed less.
        (forms, 2, "Be\u{301}-1"),
        (forms, 2, "B\u{e9}-1"),
        (forms, 2, "\u{200b}B\u{e9}-1\u{a0}"),
        (forms, 2, "\u{200b}"),
        (forms, 3, "\u{200b}"),
    ] {
        used(&world, of, day(n), order).unwrap();
    }
    // Counted in the version before, years ahead.
    used(&world, single, world.now + TimeDelta::days(9000), "O-9").unwrap();
    let find = |kind: &str, code: &str, coupon: Option<i64>, n: i64, order: &str| {
        world.insert("redemption_findings", row! { merchant_id: world.merchant, kind: kind, code: code, coupon_id: coupon, redeemed_at: day(n), order_id: order, found_at: world.now })
    };
    find("unknown", "NONE-1", None, 2, "O-1");
    find("unknown", "NONE-1", None, 3, "O-1");
    find("unknown", "NONE-1", None, 3, "B\u{e9}-1");
    find("unknown", "NONE-1", None, 3, "Be\u{301}-1");
    find("unknown", "NONE-1", None, 2, "");
    find("unknown", "NONE-1", None, 3, "");
    find("not_issued", "TWICE-1", Some(twice), 2, "O-77");
    find("not_issued", "twice-1", Some(twice), 3, "O-77");
    let counted = world.texts("SELECT redemptions AS v FROM coupons ORDER BY id");
    assert!(!migrate(&world.db.db).unwrap().is_empty());

    assert_eq!(uses(&world, "redemptions", twice), ["03 O-77", "03 ", "02 "]);
    assert_eq!(uses(&world, "repeated_redemptions", twice), ["02 O-77", "04 O-77"]);
    assert_eq!(uses(&world, "redemptions", forms), ["02 B\u{e9}-1", "02 ", "03 "]);
    assert_eq!(
        uses(&world, "repeated_redemptions", forms),
        ["02 B\u{e9}-1", "02 \u{200b}B\u{e9}-1\u{a0}"],
        "as they were reported"
    );
    assert_eq!(world.count(&format!("redemptions WHERE coupon_id = {single}")), 2);
    assert_eq!(
        world.count(
            "repeated_redemptions p JOIN redemptions r ON r.id = p.first_id AND \
        r.coupon_id = p.coupon_id"
        ),
        4
    );
    assert_eq!(
        world.texts("SELECT redemptions AS v FROM coupons ORDER BY id"),
        counted,
        "nothing that was counted is taken back"
    );
    assert_eq!(
        world.texts("SELECT code || ' ' || order_id AS v FROM redemption_findings ORDER BY id"),
        ["NONE-1 O-1", "NONE-1 B\u{e9}-1", "NONE-1 ", "NONE-1 ", "TWICE-1 O-77"]
    );
    let broken: Vec<String> = check_invariants(&world.db.db)
        .unwrap()
        .iter()
        .filter(|v| !v.holds())
        .map(ToString::to_string)
        .collect();
    assert!(broken.is_empty(), "{broken:?}");

    // There and back again.
    go_back(&world);
    assert_eq!(world.count(&format!("redemptions WHERE coupon_id = {twice}")), 5);
    migrate(&world.db.db).unwrap();
    assert_eq!(
        world.count("repeated_redemptions"),
        3,
        "but for the one that the older key refuses"
    );
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

#[both]
fn the_migration_has_the_programs_own_form_of_an_order(world: World) {
    let scene = world.scene(0);
    go_back(&world);
    // Everything that goes from around an order, at the edges of PostgreSQL's ranges and beyond
    // them.
    let around = [
        '\u{85}',
        '\u{a0}',
        '\u{a1}',
        '\u{ad}',
        '\u{ae}',
        '\u{34f}',
        '\u{61c}',
        '\u{115f}',
        '\u{1160}',
        '\u{1161}',
        '\u{1680}',
        '\u{17b4}',
        '\u{17b5}',
        '\u{180a}',
        '\u{180b}',
        '\u{180f}',
        '\u{1810}',
        '\u{1fff}',
        '\u{2000}',
        '\u{200f}',
        '\u{2010}',
        '\u{2028}',
        '\u{202f}',
        '\u{2030}',
        '\u{205e}',
        '\u{205f}',
        '\u{206f}',
        '\u{2070}',
        '\u{27ff}',
        '\u{2800}',
        '\u{3000}',
        '\u{3001}',
        '\u{3164}',
        '\u{fe00}',
        '\u{fe0f}',
        '\u{fe10}',
        '\u{feff}',
        '\u{ffa0}',
        '\u{ffa1}',
        '\u{fff0}',
        '\u{fffb}',
        '\u{fffc}',
        '\u{1bca0}',
        '\u{1bca3}',
        '\u{1d159}',
        '\u{1d173}',
        '\u{1d17a}',
        '\u{1d17b}',
        '\u{e0000}',
        '\u{e0fff}',
        '\u{e1000}',
        '\u{301}',
    ];
    let mut wanted = vec![];
    for (c, n) in around.iter().zip(1..) {
        let order = format!("{c} {n}e\u{301}{c}");
        used(&world, scene.old, world.now - TimeDelta::days(1), &order).unwrap();
        wanted.push(OrderNumber::of(&order).unwrap().as_str().to_owned());
    }
    // What is around a number in files, and words for none; each at a time of its own.
    let dressed = [
        "=\"2001\"",
        "\"2002\"",
        "'2003'",
        "'2004",
        "2005,",
        "20\u{200b}06",
        "=(\"2007\")",
        "=T(\"2008\")",
        "“2009”",
        " 2010 ;",
        "'=2011",
        "NULL",
        "n/a",
        "None",
        "-",
        "—",
        "O-1,2",
        "#12",
        "A",
        "Null-7",
        "12E45",
        "'12E46",
        "{null}",
        "x'",
        "(A)",
        "=A1",
    ];
    for (order, n) in dressed.iter().zip(2..) {
        used(&world, scene.old, world.now - TimeDelta::days(n), order).unwrap();
        wanted.push(OrderNumber::of(order).map(|one| one.as_str().to_owned()).unwrap_or_default());
    }
    migrate(&world.db.db).unwrap();
    assert_eq!(world.texts("SELECT order_id AS v FROM redemptions ORDER BY id"), wanted);
}
