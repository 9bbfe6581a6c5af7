//! What people paste is found in every search box: addresses as mail programs copy them, codes with
//! other separators.

use rewarddesk::domain::role::Role;

use crate::support::{
    App, Client,
    client::Fields,
    world::{Person, usable},
};

fn query(term: &str) -> String {
    url::form_urlencoded::byte_serialize(term.as_bytes()).collect()
}

async fn leads_to(who: &Client, term: &str) -> String {
    let page = who.get(&format!("/m/acme/customers?q={}", query(term))).await;
    if page.status == 303 {
        page.header("Location").split('#').next().unwrap().to_owned()
    } else {
        format!("{} for {term:?}", page.status)
    }
}

const KIMS_CODE: [&str; 8] = [
    "ABCD-EFGH- 0001",
    "ABCD–EFGH–0001",
    "ABCD‑EFGH‑0001",
    "abcd efgh 0001",
    "ABCDEFGH0001",
    "\"ABCD-EFGH-0001\".",
    "ABCD-\r\nEFGH-0001",
    "(ABCD-EFGH-0001),",
];

#[both]
async fn addresses_and_codes_are_found_as_they_are_pasted(app: App) {
    let person = |email, id| {
        app.customer(&Person {
            email: Some(email),
            customer_id: Some(id),
            first_name: None,
            last_name: None,
            ..Person::default()
        })
    };
    let (jo, kim) =
        (person("jo+shop@customer.example", "C-1"), person("kim@xn--bcher-kva.example", "C-2"));
    let batch = app.batch("Spring");
    app.reward_with(jo, batch, "R-1", &usable("1234567890123456"));
    app.reward_with(kim, batch, "R-2", &usable("ABCD-EFGH-0001"));
    let sam = app.sign_in(Role::Supervisor).await;
    let jos = [
        "Jo Smith <jo+shop@customer.example>",
        "<jo+shop@customer.example>",
        "mailto:jo+shop@customer.example",
        "jo+shop@customer.example,",
        "\"Smith, Jo\" <Jo+Shop@customer.example>",
        "1234 5678 9012 3456",
        "1234-5678-9012-3456",
        "1234 5678\n9012 3456",
        "C-1.",
        "C‑1",
    ];
    for term in jos {
        assert_eq!(leads_to(&sam, term).await, format!("/m/acme/customers/{jo}"), "{term:?}");
    }
    for term in KIMS_CODE.iter().chain(&[
        "kim@bücher.example.",
        "KIM@BÜCHER.example",
        "kim@xn--bcher-kva.example",
    ]) {
        assert_eq!(leads_to(&sam, term).await, format!("/m/acme/customers/{kim}"), "{term:?}");
    }
    sam.get(&format!("/m/acme/customers/{kim}")).await.expect(200).says("kim@bücher.example");
}

#[both]
async fn a_pasted_code_is_found_in_the_other_boxes_too(app: App) {
    let (customer, batch) = (app.customer(&Person::default()), app.batch("Spring"));
    app.reward_with(customer, batch, "R-1", &usable("ABCD-EFGH-0001"));
    let ada = app.sign_in(Role::Administrator).await;
    for code in KIMS_CODE {
        ada.post("/m/acme/check", &Fields::default().with("code", code))
            .await
            .expect(200)
            .says("This code works");
        let page = ada.get(&format!("/m/acme/batches/{batch}?q={}", query(code))).await.expect(200);
        assert!(
            page.body.contains("ABCD-EFGH-0001")
                && page.body.contains(&format!("/m/acme/customers/{customer}")),
            "{code:?}: {}",
            page.words()
        );
        let page = ada.get(&format!("/m/acme/audit?q={}", query(code))).await.expect(200);
        assert!(!page.words().contains("No batch of this merchant has that code"), "{code:?}");
    }
    for who in ["Jo <jo@customer.example>", "mailto:jo@customer.example", "C-1."] {
        let page = ada.get(&format!("/m/acme/audit?customer={}", query(who))).await.expect(200);
        assert!(!page.words().contains("No customer has that number"), "{who:?}");
    }
}

#[both]
async fn a_term_as_it_is_comes_before_what_it_may_mean(app: App) {
    let person = |email| {
        app.customer(&Person {
            email: Some(email),
            customer_id: None,
            first_name: None,
            last_name: None,
            ..Person::default()
        })
    };
    let (plain, dashed) = (person("a@customer.example"), person("b@customer.example"));
    let batch = app.batch("Spring");
    app.reward_with(plain, batch, "R-1", &usable("AAAABBBB"));
    app.reward_with(dashed, batch, "R-2", &usable("AAAA-BBBB"));
    let sam = app.sign_in(Role::Support).await;
    assert_eq!(leads_to(&sam, "AAAA-BBBB").await, format!("/m/acme/customers/{dashed}"));
    assert_eq!(leads_to(&sam, "aaaabbbb").await, format!("/m/acme/customers/{plain}"));
}

#[both]
async fn whatever_a_pasted_term_may_mean_is_listed(app: App) {
    let person = |email, id, last| {
        app.customer(&Person {
            email: Some(email),
            customer_id: id,
            first_name: None,
            last_name: last,
            ..Person::default()
        })
    };
    let batch = app.batch("Spring");
    let (plain, dashed) =
        (person("a@customer.example", None, None), person("b@customer.example", None, None));
    app.reward_with(plain, batch, "R-1", &usable("AAAABBBB"));
    app.reward_with(dashed, batch, "R-2", &usable("AAAA-BBBB"));
    // One in stock and one that was handed out.
    app.coupon(batch, &usable("CCCCDDDD"));
    let handed = person("c@customer.example", None, None);
    app.reward_with(handed, batch, "R-3", &usable("CCCC-DDDD"));
    // An ID of one and a code of another.
    let (known, coded) = (
        person("d@customer.example", Some("C-1001"), None),
        person("e@customer.example", None, None),
    );
    app.reward_with(coded, batch, "R-4", &usable("C1001"));
    // Words that are a name and, joined, a code.
    let (holder, other) =
        (person("f@customer.example", None, None), person("g@customer.example", None, None));
    app.reward_with(holder, batch, "R-5", &usable("ANNLEE"));
    app.reward_with(other, batch, "R-6", &usable("JOXYZ"));
    let named = app.customer(&Person {
        email: Some("h@customer.example"),
        customer_id: None,
        first_name: Some("Ann"),
        last_name: Some("Lee"),
        ..Person::default()
    });

    let sam = app.sign_in(Role::Support).await;
    let listed = |term: &'static str| {
        let sam = &sam;
        async move {
            let page = sam.get(&format!("/m/acme/customers?q={}", query(term))).await.expect(200);
            let all = [plain, dashed, handed, known, coded, holder, other, named];
            all.into_iter()
                .filter(|no| page.body.contains(&format!("/m/acme/customers/{no}\"")))
                .collect::<Vec<_>>()
        }
    };
    assert_eq!(listed("AAAA BBBB").await, [plain, dashed]);
    assert_eq!(leads_to(&sam, "CCCC DDDD").await, format!("/m/acme/customers/{handed}"));
    for term in ["C-1001", "C-1001,", "(C-1001)"] {
        assert_eq!(listed(term).await, [known, coded], "{term:?}");
    }
    assert_eq!(listed("Ann Lee").await, [named]);
    assert_eq!(leads_to(&sam, "annlee").await, format!("/m/acme/customers/{holder}"));
    assert_eq!(
        leads_to(&sam, "JO XYZ").await,
        format!("/m/acme/customers/{other}"),
        "nobody is called that"
    );

    for (typed, codes) in
        [("AAAA BBBB", ["AAAABBBB", "AAAA-BBBB"]), ("cccc dddd", ["CCCCDDDD", "CCCC-DDDD"])]
    {
        let page =
            sam.post("/m/acme/check", &Fields::default().with("code", typed)).await.expect(200);
        page.says("More than one code matches");
        assert!(
            codes.iter().all(|code| page.body.contains(&format!("name=\"code\" value=\"{code}\""))),
            "{}",
            page.words()
        );
    }
    sam.post("/m/acme/check", &Fields::default().with("code", "AAAA-BBBB"))
        .await
        .expect(200)
        .says("This code works");
}

#[both]
async fn a_control_character_inside_a_term_is_no_outage(app: App) {
    let (customer, batch) = (app.customer(&Person::default()), app.batch("Spring"));
    app.reward_with(customer, batch, "R-1", &usable("ABCD"));
    let ada = app.sign_in(Role::Administrator).await;
    for typed in ["AB\0CD", "\u{1}AB\u{7f}CD\0"] {
        ada.post("/m/acme/check", &Fields::default().with("code", typed))
            .await
            .expect(200)
            .says("This code works");
        assert_eq!(
            leads_to(&ada, typed).await,
            format!("/m/acme/customers/{customer}"),
            "{typed:?}"
        );
        for box_ in [
            format!("batches/{batch}?q="),
            "audit?q=".to_owned(),
            "audit?customer=".to_owned(),
            "customers?view=list&q=".to_owned(),
        ] {
            ada.get(&format!("/m/acme/{box_}{}", query(typed))).await.expect(200);
        }
    }
    ada.post("/m/acme/check", &Fields::default().with("code", "NO\0NE"))
        .await
        .expect(200)
        .says("Code not found");
}

#[both]
async fn a_code_is_found_however_its_letters_were_typed_and_stored(app: App) {
    let (customer, batch) = (
        app.customer(&Person::default()),
        app.batch_that("Exact", true, rewarddesk::db::instant::no_end()),
    );
    let (composed, decomposed) = ("CAFÉ-1", "CAFE\u{301}-1");
    // As a version before stored it from a file that had it so.
    let (reward, _) = app.reward_with(customer, batch, "R-1", &usable(decomposed));
    let sam = app.sign_in(Role::Support).await;
    for typed in [composed, decomposed] {
        assert_eq!(
            leads_to(&sam, typed).await,
            format!("/m/acme/customers/{customer}"),
            "{typed:?}"
        );
    }
    assert!(reward > 0);
}

#[both]
async fn a_user_comes_in_by_either_spelling_of_their_domain(app: App) {
    app.user_called("lea@xn--bcher-kva.example", "Lea", Role::Support);
    for typed in ["lea@bücher.example", "lea@xn--bcher-kva.example", " LEA@BÜCHER.example\u{200b}"]
    {
        let form = Fields::default()
            .with("email", typed)
            .with("password", crate::support::world::PASSWORD);
        app.client().post("/sign-in", &form).await.expect(303);
    }
    let form = Fields::default()
        .with("email", "support@des\u{212a}.example")
        .with("password", crate::support::world::PASSWORD);
    app.user(Role::Support);
    app.client().post("/sign-in", &form).await.expect(422);
}

#[both]
async fn the_dialog_says_who_else_has_the_customer_id(app: App) {
    let scene = app.scene(1);
    let sam = app.sign_in(Role::Supervisor).await;
    let dialog = || async {
        sam.get(&app.reissue_path(scene.customer, scene.reward)).await.expect(200).words()
    };
    assert!(!dialog().await.contains("also belongs to"));
    app.customer(&Person { email: Some("jo@new.example"), ..Person::default() });
    assert!(
        dialog().await.contains("Customer ID C-1 also belongs to jo@new.example."),
        "{}",
        dialog().await
    );
}
