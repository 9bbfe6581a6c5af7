//! Customers.

use rewarddesk::domain::import::ImportKind;

use super::world::{Said, World};

#[both]
fn customers_are_new_then_unchanged_then_updated(world: World) {
    let file = "email,customer_id,first_name,last_name,locale,receives_emails\n\
                Jo@Customer.Example,C-1,Jo,Smith,en-GB,no\n\
                al@customer.example,,,,,\n";
    assert_eq!(world.customers(file).counts(), [2, 0, 0, 0]);
    let before = world.picture();
    assert_eq!(world.customers(file).counts(), [0, 0, 2, 0]);
    assert_eq!(world.picture(), before);
    assert_eq!(
        world.texts("SELECT email AS t FROM customers ORDER BY id"),
        ["jo@customer.example", "al@customer.example"]
    );
    assert_eq!(world.count("customers WHERE receives_emails AND email = 'al@customer.example'"), 1);
    assert_eq!(
        world.count("customers WHERE NOT receives_emails AND email = 'jo@customer.example'"),
        1
    );
    let said = world.customers("email,first_name\nJO@customer.example,Zoë\nal@customer.example,\n");
    assert_eq!(said.counts(), [0, 1, 1, 0]);
    // Columns that the file leaves out stay, the e-mail switch too; the search follows.
    assert_eq!(
        world.texts(
            "SELECT first_name || '|' || last_name || '|' || customer_id || '|' || locale \
            || '|' || search || '|' || first_key AS t FROM customers WHERE NOT receives_emails"
        ),
        ["Zoë|Smith|C-1|en-GB|zoe smith\njo@customer.example\nc-1|zoe"]
    );
    assert_eq!(
        world.texts("SELECT details AS t FROM audit_records ORDER BY id DESC LIMIT 1")[0]
            .matches("customer.example")
            .count(),
        0
    );
}

#[both]
fn an_international_domain_is_one_mailbox_in_either_spelling(world: World) {
    let said = world.customers("email,first_name\nkim@bücher.example,Kim\nkim@xn--bcher-kva.example,Kim\nKIM@BÜCHER.example,Kim\n");
    assert_eq!(said.counts(), [1, 0, 2, 0]);
    assert_eq!(world.texts("SELECT email AS t FROM customers"), ["kim@xn--bcher-kva.example"]);
    world.rewards(
        "reward_id,email,kind,title,fulfilment\nR-1,kim@bücher.example,referrer,T,other\n",
    );
    assert_eq!(world.count("rewards"), 1);
}

#[both]
fn the_invisible_is_trimmed_around_an_address_and_named_inside(world: World) {
    let said =
        world.customers("email,first_name\n\u{feff}jo@x.example\u{200b},J\u{200b}o\nal\u{200b}x@x.example,Al\n\u{212a}im@x.example,Kim\n");
    assert_eq!(said.counts(), [1, 0, 0, 2]);
    assert_eq!(
        said.reasons(),
        [
            (
                3,
                "the email address has an invisible character inside (U+200B, a zero-width space); \
                 retype the address"
            ),
            (
                4,
                "the email address has the character U+212A, which only looks like K; retype the \
                 address"
            ),
        ]
    );
    assert_eq!(world.texts("SELECT email || first_name AS t FROM customers"), ["jo@x.exampleJo"]);
}

#[both]
fn names_are_compared_by_their_composed_form(world: World) {
    assert_eq!(
        world.customers("email,first_name\njo@x.example,Zoe\u{308}\n").counts(),
        [1, 0, 0, 0]
    );
    assert_eq!(world.customers("email,first_name\njo@x.example,Zoë\n").counts(), [0, 0, 1, 0]);
    assert_eq!(world.texts("SELECT first_name AS t FROM customers"), ["Zoë"]);
}

#[both]
fn a_customer_id_that_comes_with_another_address_is_reported(world: World) {
    let count = |said: &Said| said.report.findings.second_addresses.count;
    let first = world.customers("email,customer_id\njo@old.example,C-1\nal@x.example,C-2\n");
    assert_eq!((first.counts(), count(&first)), ([2, 0, 0, 0], 0));
    let file = "email,customer_id\njo@new.example,C-1\nal@x.example,C-2\na@y.example,C-9\nb@y.example,C-9\n";
    let second = world.customers(file);
    assert_eq!(
        (second.counts(), count(&second)),
        ([3, 0, 1, 0], 2),
        "C-1 of before, and C-9 of this file"
    );
    let again = world.customers(file);
    assert_eq!((again.counts(), count(&again)), ([0, 0, 4, 0], 0), "it is reported once");
    // An ID given later to somebody who is there.
    let later = world.customers("email,customer_id\nal@x.example,C-9\n");
    assert_eq!((later.counts(), count(&later)), ([0, 1, 0, 0], 1));
}

#[both]
fn an_empty_cell_clears_a_name_but_never_switches_mails(world: World) {
    world.customers("email,first_name,receives_emails\njo@customer.example,Jo,no\n");
    assert_eq!(
        world.customers("email,first_name,receives_emails\njo@customer.example,,\n").counts(),
        [0, 1, 0, 0]
    );
    assert_eq!(world.count("customers WHERE first_name IS NULL AND NOT receives_emails"), 1);
    assert_eq!(
        world.customers("email,receives_emails\njo@customer.example,YES\n").counts(),
        [0, 1, 0, 0]
    );
}

#[both]
fn an_address_that_comes_again_is_unchanged_or_a_reject(world: World) {
    let file = "email,first_name\njo@x.example,Jo\nJO@X.example,Jo\njo@x.example,Joan\n";
    for expected in [[1, 0, 1, 1], [0, 0, 2, 1]] {
        let said = world.customers(file);
        assert_eq!(said.counts(), expected);
        assert_eq!(
            said.reasons(),
            [(4, "this address is already in the file, on line 2, with different content")]
        );
    }
    assert_eq!(world.texts("SELECT first_name AS t FROM customers"), ["Jo"]);
}

#[both]
fn what_is_no_customer_is_a_reject(world: World) {
    let long = "x".repeat(256);
    let said = world.customers(&format!(
        "email,first_name,receives_emails,locale,customer_id\n\
         jo,,,,\n\
         a@b.example,{long},,,\n\
         a@b.example,\"J\no\",,,\n\
         a@b.example,,maybe,,\n\
         a@b.example,,,not a language,\n\
         a@b.example,,,,1.5E+10\n\
         \"a@b.example\nBcc: c@d.example\",,,,\n\
         ok@b.example,<script>alert(1)</script>,yes,pt_BR,'@cmd\n"
    ));
    assert_eq!(said.counts(), [1, 0, 0, 7]);
    assert_eq!(said.rejects[2][1], "first_name has 256 characters; at most 255 are allowed");
    assert_eq!(
        world.texts("SELECT first_name || customer_id AS t FROM customers"),
        ["<script>alert(1)</script>@cmd"]
    );
}

#[both]
fn a_purged_customer_is_not_brought_back(world: World) {
    world.customers("email,first_name\njo@x.example,Jo\n");
    world.run(&format!(
        "UPDATE customers SET purged_at = {}, first_name = NULL",
        world.at_time("2026-11-01")
    ));
    let said = world.customers("email,first_name\njo@x.example,Jo\njo@x.example,Jo\n");
    assert_eq!(said.reasons(), [(2, "this customer was purged"), (3, "this customer was purged")]);
    assert_eq!(world.count("customers WHERE first_name IS NULL"), 1);
}

#[both]
fn a_dry_run_of_customers_changes_nothing(world: World) {
    world.customers("email,first_name\njo@x.example,Jo\n");
    let before = world.picture();
    let file = "email,first_name\njo@x.example,Joan\nnew@x.example,\nbad,\n";
    assert_eq!(world.dry(ImportKind::Customers, None, file).unwrap().counts(), [1, 1, 0, 1]);
    assert_eq!(world.picture(), before);
    assert_eq!(world.customers(file).counts(), [1, 1, 0, 1]);
}

#[both]
fn thousands_of_customers_cross_the_chunks(world: World) {
    let file: String = std::iter::once("email,first_name\n".to_owned())
        .chain((0..2500).map(|n| format!("p{:04}@x.example,N{n}\n", (n * 7) % 2500)))
        .collect();
    assert_eq!(world.customers(&file).counts(), [2500, 0, 0, 0]);
    assert_eq!(world.customers(&file).counts(), [0, 0, 2500, 0]);
    assert_eq!(world.customers(&file.replace(",N", ",M")).counts(), [0, 2500, 0, 0]);
}
