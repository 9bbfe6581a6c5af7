//! The audit log: it only grows, whichever client writes to it (guarantee R10).

use rewarddesk::domain::role::Role;

use crate::support::{
    World,
    engine::{refused, run_on},
    world::but,
};

/// A world with one reissue and its record.
fn with_a_record(world: &World) -> (i64, i64, i64) {
    let (scene, user) = (world.scene(2), world.user(Role::Support));
    let new = world.number("SELECT min(id) FROM coupons WHERE state = 'available'");
    let reissue = world.reissue(scene, new, user);
    (world.number("SELECT max(id) FROM audit_records"), reissue, user)
}

#[both]
fn a_record_never_changes(world: World) {
    let (record, ..) = with_a_record(&world);
    for change in [
        "details = '{}'",
        "at = at",
        "user_id = user_id",
        "action = 'x'",
        "id = id + 1",
        "merchant_id = NULL",
    ] {
        let sql = format!("UPDATE audit_records SET {change} WHERE id = {record}");
        for conn in [&mut world.connect(), &mut world.stranger()] {
            refused(run_on(conn, &sql), "audit_records_never_change");
        }
    }
}

#[both]
fn a_record_is_kept(world: World) {
    let (record, ..) = with_a_record(&world);
    for conn in [&mut world.connect(), &mut world.stranger()] {
        refused(
            run_on(conn, &format!("DELETE FROM audit_records WHERE id = {record}")),
            "audit_records_are_kept",
        );
        refused(run_on(conn, "DELETE FROM audit_records"), "audit_records_are_kept");
        if !world.is_sqlite() {
            refused(run_on(conn, "TRUNCATE audit_records"), "audit_records_are_kept");
            refused(run_on(conn, "TRUNCATE merchants CASCADE"), "_are_kept");
        }
    }
    assert_eq!(world.count("audit_records"), 1);
}

#[both]
fn a_record_cannot_be_written_over(world: World) {
    let (record, reissue, user) = with_a_record(&world);
    let row = but(world.audit_row(reissue, user), "details", r#"{"forged":true}"#);
    let (with_id, other) =
        (but(row.clone(), "id", record), but(but(row.clone(), "id", record), "action", "x"));
    if world.is_sqlite() {
        for row in [&row, &with_id, &other] {
            for verb in
                ["INSERT OR REPLACE", "REPLACE", "INSERT", "INSERT OR IGNORE", "INSERT OR ROLLBACK"]
            {
                let sql = world.insert_or_replace("audit_records", row).replacen(
                    "INSERT OR REPLACE",
                    verb,
                    1,
                );
                for conn in [&mut world.connect(), &mut world.stranger()] {
                    // IGNORE may skip the row in silence; what counts is that nothing was written
                    // over.
                    let tried = run_on(conn, &sql);
                    assert!(tried.is_err() || verb.ends_with("IGNORE"), "taken: {sql}");
                }
            }
        }
        // An UPDATE that would make room for itself.
        let sql = format!("UPDATE OR REPLACE audit_records SET id = {record}");
        refused(run_on(&mut world.stranger(), &sql), "audit_records_never_change");
    } else {
        let columns: Vec<&str> = with_id.iter().map(|(c, _)| *c).collect();
        let values: Vec<String> = with_id.iter().map(|(_, v)| world.sql(v.clone())).collect();
        let insert = format!(
            "INSERT INTO audit_records ({}) VALUES ({})",
            columns.join(", "),
            values.join(", ")
        );
        world.refuses(&insert, "constraint");
        world.refuses(
            &format!("{insert} ON CONFLICT (id) DO UPDATE SET details = EXCLUDED.details"),
            "audit_records_never_change",
        );
    }
    assert_eq!(world.texts("SELECT details AS v FROM audit_records"), ["{}"]);
}

#[both]
fn a_reissue_has_one_record(world: World) {
    let (_, reissue, user) = with_a_record(&world);
    assert!(world.try_insert("audit_records", &world.audit_row(reissue, user)).is_err());
    // What became of the mail has the same reissue_id and is welcome.
    world.insert("audit_records", &but(world.audit_row(reissue, user), "action", "email.sent"));
    assert_eq!(world.count("audit_records WHERE action = 'coupon.reissued'"), 1);
}

#[both]
fn a_record_of_a_reissue_names_it(world: World) {
    let (_, reissue, user) = with_a_record(&world);
    let row = world.audit_row(reissue, user);
    refused(
        world.try_insert("audit_records", &but(row.clone(), "reissue_id", None::<i64>)),
        "constraint",
    );
    refused(
        world.try_insert(
            "audit_records",
            &but(but(row.clone(), "merchant_id", None::<i64>), "reissue_id", 77),
        ),
        "constraint",
    );
    // A user's act names the user, and nobody else's does.
    let other = but(row, "action", "coupon.barred");
    refused(
        world.try_insert("audit_records", &but(other.clone(), "user_id", None::<i64>)),
        "constraint",
    );
    refused(world.try_insert("audit_records", &but(other, "actor_kind", "cli")), "constraint");
}
