//! One coupon's page: facts only, and only of this merchant's published codes.

use rewarddesk::domain::role::Role;

use crate::{
    row,
    support::{
        App,
        world::{NewCoupon, barred, usable},
    },
};

#[both]
async fn the_page_of_a_replaced_coupon_and_of_its_successor(app: App) {
    let (scene, sam) = (app.scene(1), app.sign_in(Role::Support).await);
    let path = app.reissue_path(scene.customer, scene.reward);
    let form = sam.dialog(&path).await;
    sam.post(&path, &form).await.expect(303);
    let new = app.number("SELECT new_coupon_id FROM reissues");
    let page = sam.get(&format!("/m/acme/coupons/{}", scene.old)).await.expect(200);
    page.says("OLD-1")
        .says("Replaced by you 23 Nov 2026, 12:00 GMT")
        .says("Expired 23 Nov 2026, 11:00 GMT");
    page.says("Replaced by FRESH-1-1 23 Nov 2026, 12:00 GMT by you")
        .says("1 of 1 use left")
        .says("not been redeemed");
    for href in [
        format!("/m/acme/customers/{}#reward-{}", scene.customer, scene.reward),
        format!("/m/acme/batches/{}", scene.batch),
        format!("/m/acme/coupons/{new}"),
    ] {
        assert!(page.body.contains(&format!("href=\"{href}\"")), "{href}");
    }
    let title = page.body.split("</title>").next().unwrap_or_default();
    assert!(!title.contains("OLD-1"), "the code is in the title");
    let page = sam.get(&format!("/m/acme/coupons/{new}")).await.expect(200);
    page.says("Handed out")
        .says("Usable, no expiry")
        .says("Replaces OLD-1")
        .says("Jo Smith")
        .says("20 off (R-1)");
}

#[both]
async fn the_page_says_who_barred_it_and_how_it_was_used(app: App) {
    let (batch, kim) = (app.batch("Spring"), app.sign_in(Role::Supervisor).await);
    let id =
        app.coupon(batch, &NewCoupon { max_redemptions: 5, redemptions: 3, ..barred("BAD-1") });
    let user = app.number("SELECT id FROM users");
    app.exec(&format!("UPDATE coupons SET barred_by = {user} WHERE id = {id}"));
    for (order, hours) in [("O-77", 2), ("", 1)] {
        let at = app.now - chrono::TimeDelta::hours(hours);
        app.insert("redemptions", row! { merchant_id: app.merchant, coupon_id: id, redeemed_at: at, order_id: order, created_at: app.now });
    }
    let page = kim.get(&format!("/m/acme/coupons/{id}")).await.expect(200);
    page.says("In stock, not handed out")
        .says("Barred by Casey Customer Support Supervisor: reported stolen");
    page.says("2 of 5 uses left")
        .says("Order O-77 23 Nov 2026, 10:00 GMT")
        .says("Unknown order 23 Nov 2026, 11:00 GMT")
        .says("3 in all");
}

#[both]
async fn unpublished_and_other_merchants_coupons_do_not_exist(app: App) {
    let mut app = app;
    let (batch, sam) = (app.batch("Spring"), app.sign_in(Role::Support).await);
    let unpublished = app.insert("coupons", &app.coupon_row(batch, &usable("HIDDEN-1")));
    let globex = app.another_merchant("globex");
    let theirs = app.world.inside(globex, |w| {
        let batch = w.batch("Theirs");
        w.coupon(batch, &usable("THEIRS-1"))
    });
    for id in [unpublished, theirs, 999] {
        sam.get(&format!("/m/acme/coupons/{id}")).await.expect(404);
    }
}

#[both]
async fn a_coupon_with_capacity_leads_to_its_page(app: App) {
    let (scene, sam) = (app.scene(1), app.sign_in(Role::Support).await);
    let (_, coupon) = app.reward_with(scene.customer, scene.batch, "R-2", &usable("GOOD-1"));
    let row = sam.get(&format!("/m/acme/customers/{}", scene.customer)).await.row("R-2");
    assert_eq!(
        row.matches(&format!("href=\"/m/acme/coupons/{coupon}\"")).count(),
        1,
        "the next step, once: {row}"
    );
    assert!(row.contains("View the coupon") && !row.contains("View coupon"));
}
