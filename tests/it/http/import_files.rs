//! Files of redemptions, and of codes to bar, by way of the browser: shown first, done by a word,
//! and what did not fit is listed.

use rewarddesk::domain::role::Role;

use super::imports::{add, paste, shown};
use crate::support::{App, world::usable};

#[both]
async fn redemptions_come_in_and_what_does_not_fit_is_listed(app: App) {
    let scene = app.scene(1);
    let (reward, _) = app.reward_with(scene.customer, scene.batch, "R-2", &usable("WITH-1"));
    let (mia, sue) = (app.sign_in(Role::Marketing).await, app.sign_in(Role::Supervisor).await);
    sue.get("/m/acme/redemptions").await.expect(200).says("Nothing here");
    mia.get("/m/acme/redemptions/new").await.expect(200).says("redeemed_at");
    let text = format!(
        "code,redeemed_at,order_id\nWITH-1,2026-11-20,O-1\nFRESH-{}-1,2026-11-20,O-2\nNOBODYS-1,2026-11-20,O-3\n",
        scene.batch
    );
    let preview = shown(&mia, &paste(&mia, "/m/acme/redemptions", &text).await.expect(303)).await;
    preview
        .says("2 redemptions can be recorded")
        .says("Nothing has been recorded yet.")
        .says("Rejected 1")
        .says("This merchant has no voucher with this code.");
    assert_eq!(
        (app.count("redemptions"), app.count("redemption_findings")),
        (0, 0),
        "a check changes nothing"
    );
    let done = add(&mia, &preview).await;
    done.says("2 redemptions recorded").says("Redemption mismatches");
    assert_eq!(app.count("redemptions"), 2);
    sue.get("/m/acme/redemptions?kind=unknown")
        .await
        .says("NOBODYS-1")
        .says("O-3")
        .says("Not in any batch");
    sue.get("/m/acme/redemptions?kind=not_issued")
        .await
        .says(&format!("FRESH-{}-1", scene.batch))
        .says("In stock, set aside");
    sue.get("/m/acme/redemptions?kind=replaced").await.says("Nothing here");
    let again = shown(&mia, &paste(&mia, "/m/acme/redemptions", &text).await).await;
    again.says("No redemption can be recorded").says("Already recorded 2");
    sue.get(&format!("/m/acme/customers/{}", scene.customer)).await.says("O-1");
    assert!(reward > 0);
}

#[both]
async fn codes_are_barred_by_a_file_each_with_its_reason(app: App) {
    let scene = app.scene(1);
    app.reward_with(scene.customer, scene.batch, "R-2", &usable("WITH-1"));
    app.exec(
        "UPDATE coupons SET barred_at = created_at, barred_reason = 'lost' WHERE code = 'OLD-1'",
    );
    let mia = app.sign_in(Role::Marketing).await;
    mia.get("/m/acme/bars/new").await.expect(200).says("Bar codes in bulk");
    let text = format!(
        "code,reason\nWITH-1,leaked\nFRESH-{}-1,printed \
         wrongly\nOLD-1,again\nNOBODYS-1,leaked\nWITH-9,\n",
        scene.batch
    );
    let preview = shown(&mia, &paste(&mia, "/m/acme/bars", &text).await.expect(303)).await;
    preview.says("2 codes can be barred").says("Already barred 1").says("Rejected 2");
    assert_eq!(app.count("coupons WHERE barred_reason = 'leaked'"), 0);
    add(&mia, &preview).await.says("2 codes barred");
    mia.get(&format!("/m/acme/customers/{}", scene.customer))
        .await
        .says("Barred by Casey Marketing: leaked")
        .says("Coupon barred");
    mia.get(&format!("/m/acme/batches/{}", scene.batch))
        .await
        .says("0 left")
        .says("Barred in stock 1");
    assert_eq!(
        app.texts(
            "SELECT action AS v FROM audit_records WHERE action LIKE '%bar%' ORDER BY action"
        ),
        ["bars.imported", "coupon.barred"]
    );
    assert_eq!(
        app.count("coupons WHERE barred_reason = 'lost'"),
        1,
        "an earlier bar keeps its reason"
    );
    // Barred, it can be reissued where there is stock again.
    app.coupon(scene.batch, &usable("NEXT-1"));
    mia.get(&app.reissue_path(scene.customer, scene.reward)).await.expect(200);
}
