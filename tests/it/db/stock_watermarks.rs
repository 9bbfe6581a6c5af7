//! The watermark below which nothing is left to be added up: never past a movement that nobody has
//! seen yet.

use rewarddesk::app::{
    Desk,
    batches::keep_stock::{self, Keeper},
    operation::check_invariants::check_invariants,
};

use crate::support::{Engine, TestDb, World, engine::run_on, world::noon};

/// This many movements of one code each, which add up to nothing.
pub fn to_and_fro(merchant: i64, batch: i64, pairs: usize) -> String {
    let row = |clean: i64| {
        format!(
            "({merchant}, {batch}, '0001-01-01 00:00:00.000000', '2099-01-01 00:00:00.000000', \
             '2026-01-01', {clean}, 0, 0, 0, 0, 0)"
        )
    };
    let rows: Vec<String> = (0..pairs).flat_map(|_| [row(1), row(-1)]).collect();
    format!(
        "INSERT INTO stock_movements (merchant_id, batch_id, valid_from, expires_at, day, clean, \
         barred, redeemed, allocated, replaced, withdrawn) \
         VALUES {}",
        rows.join(", ")
    )
}

#[test]
fn the_mark_waits_for_a_movement_that_is_committed_late() {
    let world = World::new(TestDb::new(Engine::Postgres), noon());
    let scene = world.scene(5);
    let desk = Desk::for_operator(world.db.db.clone());
    let mut keeper = Keeper::default();
    let mut round = || {
        let settled = keep_stock::settle(&desk).unwrap();
        keeper.advance(&desk).unwrap();
        settled
    };
    let mark = || world.number("SELECT settled_to FROM stock_marks");
    let moves = |pairs| to_and_fro(world.merchant, scene.batch, pairs);
    round();
    let drawn = world.number("SELECT last_value FROM stock_movements_id_seq");
    let (mut late, mut other) = (world.connect(), world.connect());
    run_on(&mut late, &format!("BEGIN; {}", moves(1))).unwrap();
    run_on(&mut other, &moves(1500)).unwrap();
    assert_eq!((round(), round(), round()), (3000, 0, 0));
    assert!(mark() <= drawn, "the mark passed a movement that nobody has seen");
    // Somebody else writes all the time: the watermark does not wait for them.
    run_on(&mut other, &format!("BEGIN; {}", moves(1))).unwrap();
    run_on(&mut late, "COMMIT").unwrap();
    assert_eq!(round(), 2, "the late one is added up");
    round();
    assert!(mark() >= drawn + 3000, "{} of {drawn}", mark());
    assert!(mark() <= drawn + 3002, "the mark passed what is still being written");
    run_on(&mut other, "COMMIT").unwrap();
    assert_eq!((round(), world.count("stock_movements")), (2, 0));
}

#[test]
fn numbers_that_were_set_back_are_counted_again() {
    let world = World::new(TestDb::new(Engine::Postgres), noon());
    let scene = world.scene(5);
    let desk = Desk::for_operator(world.db.db.clone());
    let mut keeper = Keeper::default();
    world.exec(&to_and_fro(world.merchant, scene.batch, 1_000));
    keep_stock::settle(&desk).unwrap();
    keeper.advance(&desk).unwrap();
    let mark = || world.number("SELECT settled_to FROM stock_marks");
    assert!(mark() >= 2_000, "{}", mark());
    // As scripts do it that set sequences past the largest number: there is none in an empty
    // table.
    world.exec("SELECT setval('stock_movements_id_seq', 1, false)");
    world.exec(&to_and_fro(world.merchant, scene.batch, 1));
    let findings = || -> Vec<&str> {
        let verdicts = check_invariants(&world.db.db).unwrap();
        verdicts.iter().flat_map(|verdict| &verdict.findings).map(|finding| finding.what).collect()
    };
    assert_eq!(
        findings(),
        ["movements of stock that no count looks at, since all below were added up"]
    );
    keeper.advance(&desk).unwrap();
    assert_eq!((mark(), findings()), (0, vec![]));
    assert_eq!((keep_stock::settle(&desk).unwrap(), world.count("stock_movements")), (2, 0));
}
