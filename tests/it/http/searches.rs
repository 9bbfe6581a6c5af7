//! What a search for a customer answers: while typing the list, at Enter the one person whom the term names exactly.

use rewarddesk::domain::role::Role;

use crate::support::{App, world::Person};

both! {
    async fn an_exact_address_leads_to_its_person_and_lists_whoever_has_it_in_theirs(app: App) {
        let person = |email, id| app.customer(&Person { email: Some(email), customer_id: Some(id), first_name: None, last_name: None, ..Person::default() });
        let (ann, joann) = (person("ann@customer.example", "C-1"), person("joann@customer.example", "C-2"));
        let kim = app.sign_in(Role::Supervisor).await;
        let search = "/m/acme/customers?q=ann@customer.example";
        let links = |page: &crate::support::page::Page| {
            let at = |no: i64| page.body.find(&format!("/m/acme/customers/{no}\""));
            (at(ann), at(joann))
        };

        let straight = kim.get(search).await.expect(303);
        assert_eq!(straight.header("Location"), format!("/m/acme/customers/{ann}"));
        for list in [kim.get_fragment(search).await, kim.get(&format!("{search}&view=list")).await] {
            let (Some(ann), Some(joann)) = links(&list.expect(200)) else { panic!("both have it in their address") };
            assert!(ann < joann, "who has exactly this stands first, though the other is newer");
        }
        // Nobody has exactly this: Enter shows the list.
        let (found, other) = links(&kim.get("/m/acme/customers?q=ann@customer").await.expect(200));
        assert!(found.is_some() && other.is_some());
    }

    async fn who_begins_so_is_one_page_and_what_occurs_anywhere_goes_on(app: App) {
        for n in 0..51 {
            let (email, id) = (format!("qx-{n}@customer.example"), format!("QX-{n}"));
            app.customer(&Person { email: Some(&email), customer_id: Some(&id), first_name: None, last_name: None, ..Person::default() });
        }
        let kim = app.sign_in(Role::Supervisor).await;
        let two = kim.get("/m/acme/customers?q=qx&view=list").await.expect(200);
        two.says("type a third letter to search everywhere");
        assert!(!two.body.contains("before="), "a page that nobody can be on");
        let three = kim.get("/m/acme/customers?q=qx-&view=list").await.expect(200);
        assert!(three.body.contains("before="));
    }
}
