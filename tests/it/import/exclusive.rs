//! One import at a time, and what a stopped or dead one leaves.

use std::{
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
};

use chrono::TimeDelta;
use diesel::{Connection, PgConnection, connection::SimpleConnection};
use rewarddesk::{
    app::imports::{ImportError, ImportProgress, ImportStreams, import_file},
    domain::import::ImportKind,
};

use super::world::World;

/// Enough codes for several slices.
fn many(prefix: &str) -> String {
    (0..30_000).map(|n| format!("{prefix}-{:06}\n", (n * 7919) % 1_000_000)).collect()
}

pub fn die_in_the_middle(world: &World, file: &str) {
    let died = catch_unwind(AssertUnwindSafe(|| {
        let _ = world.ordered(
            &world.order(ImportKind::Vouchers, Some("Spring")),
            file.as_bytes(),
            &mut |progress| match progress {
                ImportProgress::Applying { done, .. } if done > 5_000 => {
                    panic!("killed here on purpose")
                }
                _ => ControlFlow::Continue(()),
            },
        );
    }));
    assert!(died.is_err());
}

#[both]
fn a_killed_import_leaves_nothing_visible_and_can_be_run_again(world: World) {
    let file = many("K");
    world.vouchers("Autumn", "code\nBEFORE-1\n");
    die_in_the_middle(&world, &file);
    assert_eq!(world.visible(), 1);
    assert_eq!(
        world.count("coupons") > 1,
        world.is_sqlite(),
        "slices are in the table on SQLite, and nobody sees them"
    );
    // The dead one's lease runs out.
    world.clock.advance(TimeDelta::seconds(11));
    assert_eq!(world.vouchers("Spring", &file).counts(), [30_000, 0, 0, 0]);
    assert_eq!(
        (world.visible(), world.count("coupons"), world.count("import_leases")),
        (30_001, 30_001, 0)
    );
    assert_eq!(
        world.texts("SELECT CAST(imported AS text) AS t FROM batches ORDER BY id"),
        ["30000", "0", "1", "0"]
    );
}

#[both]
fn an_import_into_another_batch_removes_what_a_killed_one_left(world: World) {
    die_in_the_middle(&world, &many("K"));
    world.clock.advance(TimeDelta::seconds(11));
    assert_eq!(world.vouchers("Autumn", "code\nK-000000\n").counts(), [1, 0, 0, 0]);
    assert_eq!(world.count("coupons"), 1);
}

#[both]
fn a_stopped_import_cleans_up_behind_itself(world: World) {
    let file = many("S");
    let before = world.picture();
    let stopped = world.ordered(
        &world.order(ImportKind::Vouchers, Some("Spring")),
        file.as_bytes(),
        &mut |progress| match progress {
            ImportProgress::Applying { done, .. } if done > 5_000 => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        },
    );
    assert!(matches!(stopped, Err(ImportError::Stopped)));
    assert_eq!(world.picture(), before);
}

#[both]
fn rejects_that_cannot_be_written_stop_the_import(world: World) {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let before = world.picture();
    for (kind, batch, file) in [
        (ImportKind::Vouchers, Some("Spring"), "code\nGOOD-1\nab\n"),
        (ImportKind::Customers, None, "email\na@b.example\nx\n"),
    ] {
        let outcome = import_file(
            &world.desk,
            &world.order(kind, batch),
            ImportStreams {
                source: &mut file.as_bytes(),
                rejects: &mut Full,
                watch: &mut |_| ControlFlow::Continue(()),
            },
        );
        assert!(matches!(outcome, Err(ImportError::Rejects(_))), "{outcome:?}");
        assert_eq!(world.picture(), before);
    }
}

#[both]
fn a_second_import_waits_for_the_first(world: World) {
    for (kind, batch, file) in [
        (ImportKind::Vouchers, Some("Spring"), "code\nAAA\n"),
        (ImportKind::Customers, None, "email\na@b.example\n"),
    ] {
        let mut other = None;
        if world.is_sqlite() {
            let until =
                (world.clock.now() + TimeDelta::seconds(10)).format("%Y-%m-%d %H:%M:%S.000000");
            world.run(&format!(
                "INSERT INTO import_leases (merchant_id, holder, expires_at) \
                VALUES (1, 'other', '{until}')"
            ));
        } else {
            let mut conn = PgConnection::establish(&world.url).unwrap();
            conn.batch_execute("SELECT pg_advisory_lock((7235118::bigint << 32) # 1)").unwrap();
            other = Some(conn);
        }
        let mut waited = 0;
        let said = world.ordered(&world.order(kind, batch), file.as_bytes(), &mut |progress| {
            if progress == ImportProgress::Waiting {
                waited += 1;
                if waited == 2 {
                    // The first one ends; on SQLite by dying, so that its lease runs out.
                    drop(other.take());
                    world.clock.advance(TimeDelta::seconds(11));
                }
            }
            ControlFlow::Continue(())
        });
        assert_eq!(said.unwrap().counts(), [1, 0, 0, 0]);
        assert!((2..10).contains(&waited), "waited {waited} times");
        assert_eq!(world.count("import_leases"), 0);
    }
}

#[both]
fn whoever_waits_can_be_stopped(world: World) {
    if world.is_sqlite() {
        world.run(
            "INSERT INTO import_leases (merchant_id, holder, expires_at) VALUES (1, \
            'other', '2026-11-23 12:00:10.000000')",
        );
        let stopped = world.ordered(
            &world.order(ImportKind::Vouchers, Some("Spring")),
            b"code\nAAA\n",
            &mut |progress| {
                if progress == ImportProgress::Waiting {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            },
        );
        assert!(matches!(stopped, Err(ImportError::Stopped)));
        assert_eq!(world.texts("SELECT holder AS t FROM import_leases"), ["other"]);
    }
}

#[both]
fn an_import_that_lost_its_turn_stops(world: World) {
    if world.is_sqlite() {
        let outcome = world.ordered(
            &world.order(ImportKind::Vouchers, Some("Spring")),
            many("L").as_bytes(),
            &mut |progress| {
                if matches!(progress, ImportProgress::Applying { done, .. } if done > 5_000) {
                    world.run("UPDATE import_leases SET holder = 'thief'");
                }
                ControlFlow::Continue(())
            },
        );
        assert!(matches!(outcome, Err(ImportError::Fault(_))), "{outcome:?}");
        assert_eq!(world.visible(), 0);
        assert_eq!(world.texts("SELECT holder AS t FROM import_leases"), ["thief"]);
    }
}
