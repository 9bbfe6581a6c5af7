//! What the budgets let through.

use super::*;

const ANN: &str = "ann@desk.example";

/// Guesses on Ann's account, each from another address.
fn from_many_addresses(throttle: &Throttle, guesses: u32) -> usize {
    let address = |n: u32| Ipv6Addr::from_bits(u128::from(n) << 64).to_string();
    (0..guesses).filter(|n| throttle.spend(&throttle.stranger(&address(*n), ANN)).is_ok()).count()
}

#[test]
fn ten_failures_stop_one_account_from_one_address_alone() {
    let throttle = Throttle::new();
    let spend = |address, email| throttle.spend(&throttle.stranger(address, email));
    assert!((0..10).all(|_| spend("10.0.0.1", "Ann@desk.example ").is_ok()));
    assert_eq!(spend("10.0.0.1", ANN), Err(Spent::Here));
    assert_eq!(
        spend("::ffff:10.0.0.1", ANN),
        Err(Spent::Here),
        "the same address, written as IPv6"
    );
    assert_eq!(spend("10.0.0.2", ANN), Ok(()));
    assert_eq!(spend("10.0.0.1", "kim@desk.example"), Ok(()));
}

#[test]
fn of_1000_guesses_from_1000_addresses_thirty_are_judged() {
    let throttle = Throttle::new();
    assert_eq!(from_many_addresses(&throttle, 1_000), 30);
    let told = throttle.spend(&throttle.stranger("10.0.0.1", ANN));
    assert_eq!(told, Err(Spent::Everywhere));
    assert_eq!(
        throttle.spend(&throttle.stranger("10.0.0.1", "kim@desk.example")),
        Ok(()),
        "another account"
    );
}

#[test]
fn a_known_browser_is_not_kept_out_and_has_ten_tries_of_its_own() {
    let throttle = Throttle::new();
    from_many_addresses(&throttle, 1_000);
    let known = throttle.known("a browser", ANN);
    assert!((0..10).all(|_| throttle.spend(&known).is_ok()));
    assert_eq!(throttle.spend(&known), Err(Spent::Here));
    assert_eq!(throttle.spend(&throttle.known("another browser", ANN)), Ok(()));
}

#[test]
fn an_attack_keeps_nobody_from_a_link_or_a_passkey() {
    let throttle = Throttle::new();
    from_many_addresses(&throttle, 1_000);
    assert_eq!(throttle.spend(&throttle.link("10.0.0.1", ANN)), Ok(()));
    assert_eq!(throttle.spend(&throttle.nobody("10.0.0.1")), Ok(()));
}

#[test]
fn a_network_of_64_bits_counts_as_one_address() {
    assert_eq!(network("2001:db8:1:2:3:4:5:6"), network("2001:db8:1:2::"));
    assert_ne!(network("2001:db8:1:2::"), network("2001:db8:1:3::"));
    assert_eq!(network("::ffff:192.0.2.7"), "192.0.2.7");
    assert_eq!(network(""), "");
}

#[test]
fn tries_that_succeed_cost_nothing() {
    let throttle = Throttle::new();
    let ann = throttle.stranger("10.0.0.1", ANN);
    for n in 0..1000 {
        assert_eq!(throttle.spend(&ann), Ok(()), "try {n}");
        throttle.refund(&ann);
    }
}

#[test]
fn made_up_names_neither_fill_the_memory_nor_free_an_account() {
    let throttle = Throttle::new();
    from_many_addresses(&throttle, 30);
    for n in 0..150_000_u32 {
        let address = std::net::Ipv4Addr::from_bits(n).to_string();
        let _ = throttle.spend(&throttle.stranger(&address, &format!("nobody-{n}@desk.example")));
    }
    let kept = throttle.table.lock().unwrap_or_else(PoisonError::into_inner).full_again.len();
    assert!(kept <= MAX_TRACKED + 3, "{kept} keys are kept");
    assert_eq!(throttle.spend(&throttle.stranger("10.0.0.1", ANN)), Err(Spent::Everywhere));
}
