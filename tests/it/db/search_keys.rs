//! Keys and addresses that an earlier version made are made again: all of them, in slices, whoever
//! else writes meanwhile.

use rewarddesk::{
    app::{
        customers::keep_search::{renew_keys, renew_users},
        operation::check_invariants::check_invariants,
    },
    db::{Scope, customer_search, merchants, search_keys},
    domain::{customer::SearchKeys, role::Role},
};

use crate::support::{
    World,
    engine::run_on,
    world::{Person, usable},
};

const COLUMNS: &str = "merchant_id, email, first_name, last_name, search, first_key, last_key, \
    id_key, customer_id, created_at";

/// A row as the version before wrote it: it knew neither the column nor these rules.
fn old_row(world: &World, email: &str, first: &str, last: &str) {
    let (search, key) = (
        format!("{} {}\n{email}", first.to_lowercase(), last.to_lowercase()),
        first.to_lowercase(),
    );
    let texts = [email, first, last, &search, &key, &last.to_lowercase()]
        .map(|text| world.sql(text))
        .join(", ");
    world.exec(&format!(
        "INSERT INTO customers ({COLUMNS}) VALUES ({}, {texts}, '', NULL, {})",
        world.merchant,
        world.sql(world.now)
    ));
}

fn old_ones(world: &World) -> i64 {
    search_keys::count_old(&mut world.connect()).unwrap()
}

fn found(world: &World, term: &str) -> Vec<i64> {
    let conn = &mut world.connect();
    let (scope, _): (Scope, _) = merchants::for_operator(conn, "acme").unwrap().unwrap();
    customer_search::words(conn, scope, term, None, 50)
        .unwrap()
        .customers
        .into_iter()
        .map(|customer| customer.no.0)
        .collect()
}

#[both]
fn a_code_that_is_another_one_typed_otherwise_is_reported(world: World) {
    let batch = world.batch_that("Exact", true, rewarddesk::db::instant::no_end());
    for code in ["CAFÉ-1", "CAFE\u{301}-1", "THE\u{301}-2"] {
        world.coupon(batch, &usable(code));
    }
    let first = || check_invariants(&world.db.db).unwrap()[0].to_string();
    let said = first();
    assert!(
        said.starts_with("I1 BROKEN: 1 coupons whose code is another usable coupon's too")
            && said.contains("bar one of the two"),
        "{said}"
    );
    world.exec("UPDATE coupons SET barred_at = created_at, barred_reason = 'twice' WHERE id = 1");
    assert!(first().starts_with("I1 ok"), "one of the two is barred: {}", first());
}

#[both]
fn keys_of_an_earlier_version_are_made_again(world: World) {
    for (n, (first, last)) in
        [("Łukasz", "Wałęsa"), ("Siobhán", "O’Brien"), ("太郎", "山田")].into_iter().enumerate()
    {
        old_row(&world, &format!("p{n}@x.example"), first, last);
    }
    assert!(
        found(&world, "lukasz").is_empty()
            && found(&world, "o'brien").is_empty()
            && found(&world, "山田太郎").is_empty()
    );
    assert_eq!(old_ones(&world), 3);
    assert_eq!(renew_keys(&world.db.db, |_| true).unwrap(), 3);
    assert_eq!(old_ones(&world), 0);
    assert_eq!(
        (
            found(&world, "lukasz"),
            found(&world, "o'brien"),
            found(&world, "山田太郎"),
            found(&world, "太郎 山田")
        ),
        (vec![1], vec![2], vec![3], vec![3])
    );
    let keys = SearchKeys::of("p0@x.example", None, Some("Łukasz"), Some("Wałęsa"));
    assert_eq!(world.text("SELECT search AS v FROM customers WHERE id = 1"), Some(keys.search));
    assert_eq!(world.text("SELECT first_key AS v FROM customers WHERE id = 1"), Some(keys.first));
}

#[both]
fn a_change_of_keys_by_an_earlier_version_alone_is_noticed(world: World) {
    let jo = world.customer(&Person::default());
    assert_eq!(old_ones(&world), 0);
    world.exec(&format!(
        "UPDATE customers SET last_name = 'Łoś', search = 'jo łoś', last_key = \
        'łoś' WHERE id = {jo}"
    ));
    assert_eq!(old_ones(&world), 1, "the version before changed the name");
    renew_keys(&world.db.db, |_| true).unwrap();
    assert_eq!((found(&world, "los"), old_ones(&world)), (vec![jo], 0));
    world.exec(&format!(
        "UPDATE customers SET blocked_reason = 'x', blocked_at = created_at WHERE id = {jo}"
    ));
    assert_eq!(old_ones(&world), 0, "a change beside the keys is none");
    // Two changes in turn by this version.
    for name in ["A", "B"] {
        world.exec(&format!(
            "UPDATE customers SET search = '{name}', keys_version = CASE keys_version WHEN 2 THEN \
             -2 ELSE 2 END WHERE id = {jo}"
        ));
        assert_eq!(old_ones(&world), 0);
    }
    world.exec(&format!("UPDATE customers SET search = '' WHERE id = {jo}"));
    assert_eq!(old_ones(&world), 0, "a purged customer has no keys");
}

#[both]
fn it_may_be_stopped_and_goes_on(world: World) {
    for n in 0..1_203 {
        old_row(
            &world,
            &format!("p{n}@x.example"),
            if n % 2 == 0 { "Søren" } else { "Ann" },
            "Lee",
        );
    }
    let mut seen = vec![];
    assert_eq!(
        renew_keys(&world.db.db, |done| {
            seen.push(done);
            false
        })
        .unwrap(),
        500
    );
    assert_eq!((seen, old_ones(&world)), (vec![500], 703));
    assert_eq!(renew_keys(&world.db.db, |_| true).unwrap(), 703);
    assert_eq!(
        (renew_keys(&world.db.db, |_| true).unwrap(), found(&world, "soren").len()),
        (0, 50)
    );
}

#[both]
fn addresses_get_their_form_and_nobody_is_made_one_with_another(world: World) {
    old_row(&world, "kim@bücher.example", "Kim", "Lee");
    old_row(&world, "lea@bücher.example", "Lea", "One");
    old_row(&world, "lea@xn--bcher-kva.example", "Lea", "Two");
    let (user, other) = (
        world.user_called("ann@bücher.example", "Ann", Role::Support),
        world.user_called("bo@bücher.example", "Bo", Role::Support),
    );
    let taken = world.user_called("bo@xn--bcher-kva.example", "Bo", Role::Support);
    renew_keys(&world.db.db, |_| true).unwrap();
    renew_users(&world.db.db).unwrap();
    let emails = world.texts("SELECT email AS v FROM customers ORDER BY id");
    assert_eq!(
        emails,
        ["kim@xn--bcher-kva.example", "lea@bücher.example", "lea@xn--bcher-kva.example"]
    );
    let emails = world.texts(&format!(
        "SELECT email AS v FROM users WHERE id IN ({user}, {other}, {taken}) ORDER BY id"
    ));
    assert_eq!(
        emails,
        ["ann@xn--bcher-kva.example", "bo@bücher.example", "bo@xn--bcher-kva.example"]
    );
    let left = search_keys::earlier_addresses(&mut world.connect()).unwrap();
    assert_eq!((left.customers, left.users), (vec![2], vec![other]), "doctor names them");
    assert_eq!(old_ones(&world), 0);
}

#[both]
fn a_customer_whom_somebody_holds_is_left_for_the_next_time(world: World) {
    if world.is_sqlite() {
        return;
    }
    old_row(&world, "a@x.example", "Łu", "A");
    old_row(&world, "b@x.example", "Łu", "B");
    let mut other = world.connect();
    run_on(&mut other, "BEGIN; SELECT 1 FROM customers WHERE id = 1 FOR UPDATE").unwrap();
    assert_eq!(renew_keys(&world.db.db, |_| true).unwrap(), 1);
    run_on(&mut other, "ROLLBACK").unwrap();
    assert_eq!((renew_keys(&world.db.db, |_| true).unwrap(), old_ones(&world)), (1, 0));
}
