//! How the databases find what the audit log's page filters by: each filter has an index, and
//! without it the log is walked.

use rewarddesk::{
    db::{
        Scope,
        audit_log::{Direction, actors, places, places_sql},
        merchants,
    },
    domain::{
        audit::Action,
        audit_filter::{ActorFilter, AuditFilter, RecordPlace},
        ids::{AuditId, CouponId, CustomerNo, UserId},
        role::Role,
    },
};

use super::plans::plan;
use crate::support::{TestDb, World, world::noon};

const LENGTH: i64 = 20_000;

/// A log in which each filter lets few records through.
fn long_log(db: TestDb) -> (World, Scope, i64) {
    let world = World::new(db, noon());
    let (kim, sam) = (
        world.user_called("kim@desk.example", "Kim", Role::Support),
        world.user_called("sam@desk.example", "Sam", Role::Support),
    );
    let rows = if world.is_sqlite() {
        format!(
            "WITH RECURSIVE g (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < {LENGTH}) \
             SELECT n FROM g"
        )
    } else {
        format!("SELECT n FROM generate_series(1, {LENGTH}) AS g (n)")
    };
    let at = if world.is_sqlite() {
        "strftime('%Y-%m-%d %H:%M:%S', 1767225600 + n * 60, 'unixepoch') || '.000000'"
    } else {
        "to_timestamp(1767225600 + n * 60)"
    };
    world.exec(&format!(
        "INSERT INTO audit_records (merchant_id, at, action, actor_kind, user_id, customer, \
         details) \
         SELECT 1, {at}, CASE WHEN n % 1000 = 3 THEN 'coupon.barred' ELSE 'session.signed_in' END, \
         CASE WHEN n % 500 = 1 THEN 'cli' WHEN n % 500 = 2 THEN 'system' ELSE 'user' END, \
         CASE WHEN n % 500 IN (1, 2) THEN NULL WHEN n % 700 = 5 THEN {sam} ELSE {kim} END, n % \
         5000, \
         CASE WHEN n % 1000 = 3 THEN '{{\"coupon\":' || n || '}}' ELSE '{{\"reason\":\"a \
         \\\"coupon\\\":7 b\"}}' END FROM ({rows}) AS numbers"
    ));
    if !world.is_sqlite() {
        world.exec("ANALYZE audit_records");
    }
    let scope = merchants::for_operator(&mut world.connect(), "acme").unwrap().unwrap().0;
    (world, scope, sam)
}

fn with(change: impl FnOnce(&mut AuditFilter)) -> AuditFilter {
    let mut filter = AuditFilter::default();
    change(&mut filter);
    filter
}

/// Each filter with its index, and how many of the records it lets through.
fn filters(sam: i64) -> Vec<(AuditFilter, &'static str, usize)> {
    let from = chrono::DateTime::from_timestamp(1_767_225_600 + 600, 0);
    let until = chrono::DateTime::from_timestamp(1_767_225_600 + 1_200, 0);
    vec![
        (AuditFilter::default(), "audit_records_by_time", 20_000),
        (with(|f| (f.from, f.until) = (from, until)), "audit_records_by_time", 10),
        (with(|f| f.who = Some(ActorFilter::User(UserId(sam)))), "audit_records_of_user", 29),
        (with(|f| f.who = Some(ActorFilter::Cli)), "audit_records_of_no_user", 40),
        (with(|f| f.who = Some(ActorFilter::System)), "audit_records_of_no_user", 40),
        (with(|f| f.customer = Some(CustomerNo(7))), "audit_records_of_customer", 4),
        (with(|f| f.action = Some(Action::CouponBarred)), "audit_records_of_action", 20),
        (with(|f| f.coupon = Some(CouponId(1003))), "audit_records_of_coupon", 1),
        (with(|f| f.coupon = Some(CouponId(1003))), "audit_records_of_reissue", 1),
    ]
}

#[both]
fn every_filter_of_the_log_has_its_index(db: TestDb) {
    let (world, scope, sam) = long_log(db);
    for (filter, index, _) in filters(sam) {
        let place = RecordPlace {
            at: chrono::DateTime::from_timestamp(1_767_225_600 + 600_000, 0).unwrap(),
            id: AuditId(10_000),
        };
        for way in [
            Direction::Back(None),
            Direction::Back(Some(place)),
            Direction::Forth(None, AuditId(LENGTH)),
            Direction::Forth(Some(place), AuditId(LENGTH)),
        ] {
            let steps = plan(&world.db, &places_sql(world.is_sqlite(), scope, &filter, way, 51));
            assert!(steps.contains(index), "{index} is not used for {filter:?}, {way:?}: {steps}");
            assert!(!steps.contains("Seq Scan on audit_records"), "{filter:?}, {way:?}: {steps}");
            // Few rows may be put in order; the whole log must come in order.
            if filter.customer.is_none() && filter.coupon.is_none() {
                assert!(
                    !steps.contains("TEMP B-TREE") && !steps.contains("Sort"),
                    "{filter:?}, {way:?}: {steps}"
                );
            }
        }
    }
}

#[both]
fn a_filter_finds_all_of_its_records_page_by_page_and_no_other(db: TestDb) {
    let (world, scope, sam) = long_log(db);
    let mut conn = world.connect();
    for (filter, _, expected) in filters(sam) {
        let (mut seen, mut place) = (vec![], None);
        loop {
            let page = places(&mut conn, scope, &filter, Direction::Back(place), 997).unwrap();
            place = page.last().copied();
            seen.extend(page.iter().map(|place| (place.at, place.id)));
            if page.len() < 997 {
                break;
            }
        }
        assert_eq!(seen.len(), expected, "{filter:?}");
        assert!(seen.is_sorted_by(|a, b| a > b), "{filter:?}");
        let (mut forth, mut place) = (vec![], None);
        while let page @ [_, ..] =
            places(&mut conn, scope, &filter, Direction::Forth(place, AuditId(LENGTH)), 997)
                .unwrap()
                .as_slice()
        {
            place = page.last().copied();
            forth.extend(page.iter().map(|place| (place.at, place.id)));
        }
        forth.reverse();
        assert_eq!(forth, seen, "{filter:?}");
    }
    assert_eq!(actors(&mut conn, scope).unwrap().len(), 2);
}
