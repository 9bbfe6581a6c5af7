//! Purging by a file: all of it or none, each person once, rejects for people who can't be
//! identified.

use rewarddesk::domain::import::ImportKind;

use super::world::{Said, World};

const PEOPLE: &str = "email,customer_id,first_name\n\
                      jo@customer.example,C-1,Jo\n\
                      al@customer.example,C-2,Al\n\
                      bo@customer.example,c-2,Bo\n\
                      cy@customer.example,SAME,Cy\n\
                      di@customer.example,SAME,Di\n";

fn purged(world: &World, file: &str) -> Said {
    world.import(ImportKind::Purges, None, file).unwrap()
}

#[both]
fn the_named_are_purged_and_the_others_rejected(world: World) {
    world.customers(PEOPLE);
    let before = world.picture();
    let file = "email,customer_id\n\
                JO@Customer.Example,\n\
                ,C-2\n\
                nobody@customer.example,\n\
                ,SAME\n\
                cy@customer.example,SAME\n\
                di@customer.example,C-1\n\
                not an address,\n\
                jo@customer.example,C-1\n";
    let dry = world.dry(ImportKind::Purges, None, file).unwrap();
    assert_eq!(world.picture(), before, "a dry run");
    let said = purged(&world, file);
    assert_eq!((said.counts(), &said.rejects), (dry.counts(), &dry.rejects));
    assert_eq!(said.counts(), [0, 3, 1, 4]);
    let lines: Vec<u64> = said.reasons().iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [4, 5, 7, 8]);
    assert!(
        said.reasons()[1].1.contains("several customers have this customer ID"),
        "{:?}",
        said.reasons()
    );
    assert_eq!(
        world.texts("SELECT email AS t FROM customers WHERE purged_at IS NULL ORDER BY id"),
        ["bo@customer.example", "di@customer.example"]
    );
    assert_eq!(
        world.count(
            "customers WHERE purged_at IS NOT NULL AND purged_by IS NULL AND email IS NULL \
                AND customer_id IS NULL AND search = ''"
        ),
        3
    );
    assert_eq!(
        world.count(
            "audit_records WHERE action = 'customer.purged' AND actor_kind = 'cli' \
        AND customer IS NOT NULL"
        ),
        3
    );
    let record =
        world.texts("SELECT details AS t FROM audit_records WHERE action = 'customers.purged'");
    assert_eq!(record, ["{\"rows\":8,\"new\":0,\"updated\":3,\"unchanged\":1,\"rejected\":4}"]);
    // Run again, those who are gone are reported as such; nothing more is done to them.
    assert_eq!(
        purged(&world, "email,customer_id\njo@customer.example,\n,C-2\ncy@customer.example,SAME\n")
            .counts(),
        [0, 0, 0, 3]
    );
    assert_eq!(world.count("audit_records WHERE action = 'customer.purged'"), 3);
}

#[both]
fn each_row_must_name_somebody(world: World) {
    world.customers(PEOPLE);
    assert_eq!(
        purged(&world, "customer_id,email\n,jo@customer.example\n , \nNULL,\n").counts(),
        [0, 1, 0, 1]
    );
    assert_eq!(purged(&world, "customer_id\nC-2\n").counts(), [0, 1, 0, 0]);
    assert!(world.import(ImportKind::Purges, None, "name\nJo\n").is_err());
}

#[both]
fn a_run_that_is_stopped_has_purged_nobody(world: World) {
    world.customers(PEOPLE);
    let before = world.picture();
    let failpoints = fail::FailScenario::setup();
    fail::cfg("import::end", "panic").unwrap();
    let stopped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        world.import(ImportKind::Purges, None, "email\njo@customer.example\nal@customer.example\n")
    }));
    failpoints.teardown();
    assert!(stopped.is_err());
    assert_eq!(world.count("customers WHERE purged_at IS NOT NULL"), 0);
    assert_eq!(
        world.texts("SELECT details AS t FROM audit_records").len(),
        1,
        "the import of the people"
    );
    assert!(!before.is_empty());
}
