//! What a search for a customer answers: while typing the list, at Enter the one person whom the
//! term names exactly.

use rewarddesk::{
    db::{customer_lookups::MAX_ROWS, customer_search, merchants},
    domain::role::Role,
};

use crate::support::{App, world::Person};

/// Customers with the same last name, two of three of them called Even, numbered in steps of three.
/// The oldest has a sign in the name that nobody else has, and the newest has another one.
fn many_alike(app: &App) -> i64 {
    let last = 2 * MAX_ROWS;
    let row = |n: i64| {
        let sign = if n == 0 {
            " ☃"
        } else if n == last {
            " ☄"
        } else {
            ""
        };
        let first = if n % 3 == 2 { "odd" } else { "even" };
        let email = format!("{n}@mail.example");
        let text = format!("{first} common{sign} {email}");
        format!(
            "({}, {}, '{email}', '{text}', '{first}', 'common', '', {})",
            3 * n + 1,
            app.merchant,
            app.sql(app.world.now)
        )
    };
    // The oldest comes last: PostgreSQL's index gives those first who were written first.
    let numbers: Vec<i64> = (1..=last).chain([0]).collect();
    for numbers in numbers.chunks(500) {
        let rows: Vec<String> = numbers.iter().map(|n| row(*n)).collect();
        app.exec(&format!(
            "INSERT INTO customers (id, merchant_id, email, search, first_key, last_key, id_key, \
             created_at) VALUES {}",
            rows.join(", ")
        ));
    }
    last
}

#[both]
async fn an_exact_address_leads_to_its_person_and_lists_those_with_it(app: App) {
    let person = |email, id| {
        app.customer(&Person {
            email: Some(email),
            customer_id: Some(id),
            first_name: None,
            last_name: None,
            ..Person::default()
        })
    };
    let (ann, joann) =
        (person("ann@customer.example", "C-1"), person("joann@customer.example", "C-2"));
    let kim = app.sign_in(Role::Supervisor).await;
    let search = "/m/acme/customers?q=ann@customer.example";
    let links = |page: &crate::support::page::Page| {
        let at = |no: i64| page.body.find(&format!("/m/acme/customers/{no}\""));
        (at(ann), at(joann))
    };

    let straight = kim.get(search).await.expect(303);
    assert_eq!(straight.header("Location"), format!("/m/acme/customers/{ann}"));
    for list in [kim.get_fragment(search).await, kim.get(&format!("{search}&view=list")).await] {
        let (Some(ann), Some(joann)) = links(&list.expect(200)) else {
            panic!("both have it in their address")
        };
        assert!(ann < joann, "who has exactly this stands first, though the other is newer");
    }
    // Nobody has exactly this: Enter shows the list.
    let (found, other) = links(&kim.get("/m/acme/customers?q=ann@customer").await.expect(200));
    assert!(found.is_some() && other.is_some());
}

#[both]
async fn who_begins_so_is_one_page_and_what_occurs_anywhere_goes_on(app: App) {
    for n in 0..51 {
        let (email, id) = (format!("qx-{n}@customer.example"), format!("QX-{n}"));
        app.customer(&Person {
            email: Some(&email),
            customer_id: Some(&id),
            first_name: None,
            last_name: None,
            ..Person::default()
        });
    }
    let kim = app.sign_in(Role::Supervisor).await;
    let two = kim.get("/m/acme/customers?q=qx&view=list").await.expect(200);
    two.says("type a third letter to search everywhere");
    assert!(!two.body.contains("before="), "a page that nobody can be on");
    let three = kim.get("/m/acme/customers?q=qx-&view=list").await.expect(200);
    assert!(three.body.contains("before="));
}

#[both]
async fn a_search_reads_a_bounded_number_of_customers_and_says_so(app: App) {
    many_alike(&app);
    let kim = app.sign_in(Role::Supervisor).await;
    let conn = &mut app.connect();
    let (scope, _) = merchants::for_operator(conn, "acme").unwrap().unwrap();
    // A beginning of names, a word that everybody has, and one that an index is asked for: who has
    // the sign is further away than anybody looks.
    for term in ["c ☄", "common ☃", "even ☃"] {
        let found = customer_search::words(conn, scope, term, None, 51).unwrap();
        assert!(found.is_cut && found.customers.is_empty(), "{term}: {found:?}");
        let page = kim.get(&format!("/m/acme/customers?q={term}&view=list")).await.expect(200);
        page.says("More people match. Type another letter or the surname.");
        assert!(!page.words().contains("Nobody matches"), "{term}");
    }
    // What is rare is found however old it is, and a page that is full is no end.
    for (term, n) in [
        ("19999@mail ☄", 0),
        ("20000@mail ☄", 1),
        ("common 20000@", 1),
        ("even common", 51),
        ("c", 51),
    ] {
        let found = customer_search::words(conn, scope, term, None, 51).unwrap();
        assert!(!found.is_cut, "{term}");
        assert_eq!(found.customers.len(), n, "{term}");
    }
}

#[both]
async fn other_merchants_customers_hide_nobody(app: App) {
    let other = app.another_merchant("globex");
    let add = |merchant: i64, numbers: std::ops::Range<i64>, name: &str| {
        for numbers in numbers.collect::<Vec<_>>().chunks(500) {
            let row = |n: &i64| {
                format!(
                    "({n}, {merchant}, '{n}@x.example', '{name} {n}@x.example', '{name}', '', '', \
                     {})",
                    app.sql(app.world.now)
                )
            };
            let rows: Vec<String> = numbers.iter().map(row).collect();
            app.exec(&format!(
                "INSERT INTO customers (id, merchant_id, email, search, first_key, last_key, \
                 id_key, created_at) VALUES {}",
                rows.join(", ")
            ));
        }
    };
    // More than an index is read for, between the one who is looked for and the newest of the same
    // merchant.
    add(other, 100..100 + 2 * MAX_ROWS + 10, "kestrel");
    add(app.merchant, 50_000..50_000 + customer_search::NEWEST + 1, "other");
    add(app.merchant, 1..2, "kestrel");
    let conn = &mut app.connect();
    let (scope, _) = merchants::for_operator(conn, "acme").unwrap().unwrap();
    let found = customer_search::words(conn, scope, "kestrel", None, 51).unwrap();
    assert!(!found.is_cut && found.customers.len() == 1, "{found:?}");
    assert!(
        !customer_search::words(conn, scope, "kestrels", None, 51).unwrap().is_cut,
        "all were looked through"
    );
}

#[both]
async fn odd_terms_are_no_error(app: App) {
    let kim = app.sign_in(Role::Supervisor).await;
    let long = "☃".repeat(16_000);
    let many = (0..1_000).map(|n| format!("w{n}")).collect::<Vec<_>>().join(" ");
    for term in [
        "☃",
        "% _ \\",
        "\"\"\"",
        "a b c d e f g h i j k l m n o p q r s t u v w x y z",
        "''",
        "(",
        "NEAR(a b)",
        &long[..3_000],
        &many,
    ] {
        let term: String = url::form_urlencoded::byte_serialize(term.as_bytes()).collect();
        kim.get_fragment(&format!("/m/acme/customers?q={term}")).await.expect(200);
    }
}
