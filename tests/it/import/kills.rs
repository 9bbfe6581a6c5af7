//! kill -9 at any moment: all of a file or none of it.

use std::{
    ops::ControlFlow,
    process::{Command, Stdio},
    time::Duration,
};

use chrono::TimeDelta;
use rewarddesk::{
    app::{
        Desk,
        imports::{ImportRequest, ImportStreams, import_file},
    },
    db::{Database, DatabaseUrl, merchants},
    domain::{clock::Clock, email::Mailbox, import::ImportKind},
};

use super::world::{World, noon};

const ROWS: usize = 60_000;

fn file() -> String {
    (0..ROWS).map(|n| format!("KILL-{:06}\n", (n * 7919) % 1_000_000)).collect()
}

/// Not a test: what the tests below start and kill.
#[test]
#[ignore = "run by the kill tests in a process of its own"]
fn child() {
    let Ok(url) = std::env::var("REWARDDESK_TEST_CHILD") else { return };
    let db = Database::open(&DatabaseUrl::parse(&url).unwrap()).unwrap();
    let desk = Desk::new(
        db,
        Clock::fixed(noon()),
        Mailbox::parse("rewards@desk.example").unwrap(),
        "0123456789abcdef0123456789abcdef",
    );
    let (scope, merchant) =
        desk.db.read(|conn| merchants::for_operator(conn, "acme")).unwrap().unwrap();
    let order = ImportRequest::of_operator(scope, &merchant, ImportKind::Vouchers, Some("Spring"));
    let report = import_file(
        &desk,
        &order,
        ImportStreams {
            source: &mut file().as_bytes(),
            rejects: &mut Vec::new(),
            watch: &mut |_| ControlFlow::Continue(()),
        },
    );
    assert_eq!(report.unwrap().rejected, 0);
}

#[both]
fn a_kill_at_any_moment_leaves_all_or_nothing(world: World) {
    let mut finished = 0;
    for attempt in 0..12_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["import::kills::child", "--exact", "--ignored", "--test-threads=1"])
            .env("REWARDDESK_TEST_CHILD", &world.url)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(100 + attempt * 150));
        let _ = child.kill();
        finished += u32::from(child.wait().unwrap().success());
        let all = i64::try_from(ROWS).unwrap();
        let mut visible = world.visible();
        for _ in 0..50 {
            // PostgreSQL may still be busy with a client that is gone.
            if world.is_sqlite() || (world.count("pg_locks WHERE locktype = 'advisory'") == 0) {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
            visible = world.visible();
        }
        assert!(
            visible == 0 || visible == all,
            "{visible} codes are visible after attempt {attempt}"
        );
        // Its row comes and goes with them.
        assert_eq!(world.count("imports"), i64::from(visible == all));
        // The child's clock stands still: its lease must not.
        world.run("DELETE FROM import_leases");
        if visible == all {
            break;
        }
    }
    world.clock.advance(TimeDelta::seconds(11));
    let said = world.vouchers("Spring", &file());
    assert_eq!(said.report.new + said.report.unchanged, ROWS as u64);
    assert_eq!((world.visible(), world.count("coupons")), (ROWS as i64, ROWS as i64));
    let of_all = "first_coupon = (SELECT min(id) FROM coupons) AND last_coupon = (SELECT max(id) \
                  FROM coupons)";
    assert_eq!(world.count(&format!("imports WHERE {of_all}")), 1);
    eprintln!("{finished} of the imports ended before they were killed");
}
