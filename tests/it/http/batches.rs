//! The stock screens: what is left and how long it lasts, the codes by condition, the export, the
//! lines, and withdrawing.

use chrono::TimeDelta;
use rewarddesk::domain::role::Role;

use crate::support::{
    App,
    client::Fields,
    page::Page,
    world::{NewCoupon, barred, expired, not_started, redeemed, usable},
};

/// The codes in the list, in their order.
fn codes(page: &Page) -> Vec<String> {
    let table = page.body.split("table--codes").nth(1).unwrap_or_default();
    table
        .split("<tr>")
        .skip(2)
        .filter_map(|row| {
            row.split("translate=\"no\">").nth(1)?.split('<').next().map(ToOwned::to_owned)
        })
        .collect()
}

/// Where a link with these words leads.
fn link(page: &Page, words: &str) -> Option<String> {
    let body = page.body.replace("&#38;", "&");
    let at = body.find(&format!(">{words}"))?;
    let tag = body[..at].rfind("href=\"")?;
    body[tag + 6..]
        .split('"')
        .next()
        .map(|href| href.split('#').next().unwrap_or_default().to_owned())
}

#[both]
async fn a_batch_says_what_is_left_what_is_not_and_why(app: App) {
    let scene = app.scene(3);
    for new in [expired("LATE-1"), barred("BAR-1"), redeemed("GONE-1"), not_started("SOON-1")] {
        app.coupon(scene.batch, &new);
    }
    let sam = app.sign_in(Role::Support).await;
    let page = sam.get(&format!("/m/acme/batches/{}", scene.batch)).await.expect(200);
    page.says("3 left")
        .says("Usable 3")
        .says("Expired in stock 1")
        .says("Barred in stock 1")
        .says("Not started 1")
        .says("Redeemed in stock 1");
    page.says("With customers 1").says("Imported 8 codes").says("Critical");
    assert!(!page.words().contains("Withdraw vouchers"), "support may look, not act");
    sam.get("/m/acme/batches")
        .await
        .says("3 left")
        .says("1 expired, 1 barred, 1 already redeemed, 1 not started yet")
        .says("Critical");
}

#[both]
async fn the_stock_and_the_time_are_two_badges(app: App) {
    app.exec("UPDATE merchants SET stock_threshold = 2");
    let soon = app.batch_that("Soon over", false, app.now() + TimeDelta::days(10));
    let over = app.batch_that("Over", false, app.now() - TimeDelta::days(1));
    let empty = app.batch("Empty");
    let full = app.batch("Full");
    for (batch, n) in [(soon, 2), (over, 3), (full, 3)] {
        app.fresh(batch, n);
    }
    let mia = app.sign_in(Role::Marketing).await;
    let head = |page: &Page| {
        page.body
            .split("class=\"head\"")
            .nth(1)
            .unwrap_or_default()
            .split("</div>")
            .next()
            .map(crate::support::page::words)
            .unwrap_or_default()
    };
    for (batch, badges) in
        [(soon, "Critical Expiring"), (over, "Expired"), (empty, "Never filled"), (full, "Healthy")]
    {
        let page = mia.get(&format!("/m/acme/batches/{batch}")).await;
        assert!(head(&page).contains(badges), "{badges} is not in {}", head(&page));
        assert_eq!(
            head(&page).contains("Healthy"),
            batch == full,
            "what nobody can hand out is not healthy: {}",
            head(&page)
        );
    }
    mia.get(&format!("/m/acme/batches/{empty}"))
        .await
        .says("Nothing has been added yet")
        .says("This batch has no codes yet.");
    mia.get(&format!("/m/acme/batches/{soon}"))
        .await
        .says("less than 30 days")
        .says("Last day to hand out 3 Nov 2026");
}

#[both]
async fn the_pace_tells_how_long_the_stock_lasts(app: App) {
    let scene = app.scene(28);
    app.exec(&format!(
        "UPDATE batches SET created_at = {} WHERE id = {}",
        app.sql(app.now() - TimeDelta::days(60)),
        scene.batch
    ));
    for n in 0..14 {
        let (reward, coupon) = (
            app.reward(scene.customer, scene.batch, &format!("P-{n}")),
            app.coupon(scene.batch, &usable(format!("PACE-{n}"))),
        );
        app.exec(&format!(
            "UPDATE coupons SET state = 'allocated', reward = {reward}, changed_at = {} WHERE id \
             = {coupon}",
            app.sql(app.now() - TimeDelta::days(n * 2))
        ));
    }
    let mia = app.sign_in(Role::Marketing).await;
    // 14 and the scene's one in 28 days; 28 left.
    let page = mia.get(&format!("/m/acme/batches/{}", scene.batch)).await;
    page.says("About 52 days")
        .says("4 a week recently")
        .says("28 codes left today; at the recent rate they run out on 14 Jan 2027.");
    page.says("15 codes handed out in 61 days");
    // What ends sooner goes out first: two of these forty in the five days that they have, two lots
    // of one day's ends.
    for (n, hours) in (0..40).zip([93, 96].into_iter().cycle()) {
        app.coupon(
            scene.batch,
            &NewCoupon {
                expires_at: Some(app.now() + TimeDelta::hours(hours)),
                ..usable(format!("SOON-{n}"))
            },
        );
    }
    for path in ["/m/acme/batches".to_owned(), format!("/m/acme/batches/{}", scene.batch)] {
        mia.get(&path).await.says("About 56 days").says("Expiring");
    }
    mia.get(&format!("/m/acme/batches/{}", scene.batch))
        .await
        .says("At the recent rate 38 codes end before they can be handed out.");
    assert!(page.body.contains("plot__forecast"), "the forecast is drawn");
}

#[both]
async fn each_condition_lists_its_codes_and_pages_skip_none(app: App) {
    let scene = app.scene(0);
    let all: Vec<String> = (0..60).map(|n| format!("CODE-{n:02}")).collect();
    for code in &all {
        app.coupon(scene.batch, &usable(code.clone()));
    }
    app.coupon(scene.batch, &barred("BAR-1"));
    app.coupon(scene.batch, &redeemed("GONE-1"));
    app.coupon(scene.batch, &expired("LATE-1"));
    let mia = app.sign_in(Role::Marketing).await;
    let here = format!("/m/acme/batches/{}", scene.batch);
    for (condition, expected) in [
        ("barred", vec!["BAR-1"]),
        ("redeemed", vec!["GONE-1"]),
        ("expired", vec!["LATE-1", "OLD-1"]),
        ("with-customers", vec!["OLD-1"]),
        ("replaced", vec![]),
        ("withdrawn", vec![]),
    ] {
        let mut found = codes(&mia.get(&format!("{here}?codes={condition}")).await.expect(200));
        found.sort();
        assert_eq!(found, expected, "{condition}");
    }
    for (condition, total) in [("all", 64), ("in-stock", 61)] {
        let (mut address, mut found) = (format!("{here}?codes={condition}"), Vec::new());
        loop {
            let page = mia.get(&address).await.expect(200);
            found.extend(codes(&page));
            // Codes that come in between move nobody's place.
            if found.len() == 25 {
                app.coupon(scene.batch, &expired(format!("NEW-{condition}")));
            }
            match link(&page, "Older") {
                Some(next) => address = next,
                None => break,
            }
        }
        let mut once = found.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), found.len(), "{condition}: no code comes twice");
        assert!(all.iter().all(|code| found.contains(code)), "{condition}: none is skipped");
        assert!(found.len() >= total, "{condition}: {}", found.len());
    }
    // One code, in whatever case the batch forgives; and one of another batch.
    assert_eq!(codes(&mia.get(&format!("{here}?q=%20code-07%20")).await), ["CODE-07"]);
    let other = app.batch("Summer");
    app.coupon(other, &usable("OTHER-1"));
    mia.get(&format!("{here}?q=OTHER-1")).await.says("This code isn't in this batch");
    // Who has it is a way to the row.
    mia.get(&format!("{here}?codes=with-customers")).await.says("Jo Smith").says("20 off (R-1)");
    mia.get(&format!("{here}?codes=nonsense&after=x.y")).await.expect(200);
}

#[both]
async fn an_export_holds_every_code_and_is_on_record(app: App) {
    let scene = app.scene(2);
    app.coupon(scene.batch, &usable("=HYPER(1)"));
    let path = format!("/m/acme/batches/{}/export", scene.batch);
    let mia = app.sign_in(Role::Marketing).await;
    let file = mia.post(&path, &Fields::default().with("codes", "all")).await.expect(200);
    assert_eq!(file.header("Content-Disposition"), "attachment; filename=\"spring-all.csv\"");
    let lines: Vec<&str> = file.body.lines().collect();
    assert_eq!(lines.len(), 5, "{lines:?}");
    assert!(lines[0].starts_with("\u{feff}code,pin,state,valid_from,expires_at,"));
    assert!(
        lines.iter().any(|line| line.starts_with("OLD-1,")
            && line.contains(",R-1,20 off,C-1,Jo Smith,jo@customer.example")),
        "{lines:?}"
    );
    assert!(lines.iter().any(|line| line.starts_with("'=HYPER(1),")), "{lines:?}");
    assert_eq!(
        app.count(&format!(
            "audit_records WHERE action = 'batch.codes_exported' AND batch_id = {}",
            scene.batch
        )),
        1
    );
    let some =
        mia.post(&path, &Fields::default().with("codes", "with-customers")).await.expect(200);
    assert_eq!(some.body.lines().count(), 2);
    app.sign_in(Role::Supervisor).await.post(&path, &Fields::default()).await.expect(403);
    assert_eq!(app.count("audit_records WHERE action = 'batch.codes_exported'"), 2);
}

#[both]
async fn lines_are_drawn_and_warn(app: App) {
    let scene = app.scene(5);
    let (here, mia) =
        (format!("/m/acme/batches/{}", scene.batch), app.sign_in(Role::Marketing).await);
    mia.get(&here).await.says("Critical");
    let lines = |threshold: &str, reserve: &str| {
        Fields::default().with("threshold", threshold).with("reserve", reserve)
    };
    let done = mia.post(&format!("{here}/lines"), &lines("4", "1,000")).await.expect(303);
    mia.get(done.header("Location"))
        .await
        .says("Thresholds saved")
        .says("Critical at 4, 1,000 kept for reissues.")
        .says("Fewer usable codes than the 1,000")
        .says("Healthy");
    let wrong = mia.post(&format!("{here}/lines"), &lines("many", "-3")).await.expect(422);
    wrong.says("Enter a whole number from 0 to 1,000,000,000.");
    assert!(
        wrong.body.contains("value=\"many\"") && wrong.body.contains("value=\"-3\""),
        "what was typed is kept"
    );
    let done = mia.post(&format!("{here}/lines"), &lines("4", "1000")).await.expect(303);
    mia.get(done.header("Location")).await.says("Nothing was changed");
    mia.post(&format!("{here}/lines"), &lines("", "")).await.expect(303);
    assert_eq!(app.count("audit_records WHERE action = 'batch.lines_drawn'"), 2);
    assert_eq!(
        app.count(&format!(
            "batches WHERE id = {} AND stock_threshold IS NULL AND reserve = 0",
            scene.batch
        )),
        1
    );
}

#[both]
async fn withdrawn_codes_are_never_handed_out(app: App) {
    let scene = app.scene(40);
    app.coupon(scene.batch, &barred("BAR-1"));
    let (path, mia) = (
        format!("/m/acme/batches/{}/withdrawals", scene.batch),
        app.sign_in(Role::Marketing).await,
    );
    mia.post(&path, &Fields::default().with("codes", "41").with("reason", "  "))
        .await
        .expect(422)
        .says("Enter a reason");
    // Stock that came in since the page was made is not meant.
    mia.post(&path, &Fields::default().with("codes", "40").with("reason", "old"))
        .await
        .expect(422)
        .says("41 are in stock now");
    assert_eq!(app.count("withdrawals"), 0);
    let done = mia
        .post(&path, &Fields::default().with("codes", "41").with("reason", "printed wrongly"))
        .await
        .expect(303);
    mia.get(done.header("Location"))
        .await
        .says("Vouchers withdrawn")
        .says("41 codes will no longer be handed out.")
        .says("0 left")
        .says("Withdrawn 41")
        .says("41 codes withdrawn by Casey Marketing: printed wrongly")
        .says("This batch has no codes in stock.");
    assert_eq!(app.count("coupons WHERE state = 'withdrawn'"), 41);
    assert_eq!(app.count("coupons WHERE state = 'allocated'"), 1, "what customers have stays");
    assert_eq!(app.count("audit_records WHERE action = 'vouchers.withdrawn'"), 1);
    mia.get(&app.reissue_path(scene.customer, scene.reward))
        .await
        .expect(409)
        .says("Voucher batch empty")
        .says("0 left");
    // A button that was pressed twice leads to what the first press did.
    let again = mia
        .post(&path, &Fields::default().with("codes", "41").with("reason", "printed wrongly"))
        .await
        .expect(303);
    mia.get(again.header("Location")).await.says(
        "Vouchers withdrawn 41 codes withdrawn by Casey Marketing: printed wrongly. Nothing \
            more was done.",
    );
    assert_eq!(
        (app.count("withdrawals"), app.count("audit_records WHERE action = 'vouchers.withdrawn'")),
        (1, 1)
    );
    let empty = format!("/m/acme/batches/{}/withdrawals", app.batch("Empty"));
    mia.post(&empty, &Fields::default().with("codes", "0").with("reason", "old"))
        .await
        .expect(422)
        .says("nothing to withdraw");
    app.sign_in(Role::Supervisor)
        .await
        .post(&path, &Fields::default().with("codes", "41").with("reason", "no"))
        .await
        .expect(403);
    // A top-up afterwards is stock again.
    app.coupon(scene.batch, &usable("LATER-1"));
    mia.get(&app.reissue_path(scene.customer, scene.reward)).await.expect(200);
}

#[cfg(feature = "failpoints")]
mod with_failpoints {
    use super::*;

    #[both]
    async fn a_withdrawal_cut_off_holds_its_codes_back_and_goes_on(app: App) {
        let scene = app.scene(3);
        let mia = app.sign_in(Role::Marketing).await;
        // The first slice of the slowest pace takes all three; the mark at its end is missing.
        fail::cfg("withdrawal::slice", "panic").unwrap();
        let path = format!("/m/acme/batches/{}/withdrawals", scene.batch);
        let _ = mia
            .post(&path, &Fields::default().with("codes", "3").with("reason", "printed wrongly"))
            .await;
        fail::cfg("withdrawal::slice", "off").unwrap();
        assert_eq!(app.count("withdrawals WHERE ended_at IS NULL"), 1);
        app.exec("UPDATE withdrawals SET coupon_to = coupon_to + 1000");
        app.coupon(scene.batch, &usable("HELD-1"));
        mia.get(&app.reissue_path(scene.customer, scene.reward))
            .await
            .expect(409)
            .says("Voucher batch empty");
        let again = mia
            .post(&path, &Fields::default().with("codes", "9").with("reason", "once more"))
            .await
            .expect(303);
        mia.get(again.header("Location"))
            .await
            .says("Vouchers are being withdrawn")
            .says("Requested by Casey Marketing: printed wrongly.");
        mia.get(&format!("/m/acme/batches/{}", scene.batch)).await.says("it continues by itself");
        rewarddesk::app::batches::withdraw_vouchers::carry_on_all(&app.desk).unwrap();
        assert_eq!(
            (
                app.count("withdrawals WHERE ended_at IS NULL"),
                app.count("coupons WHERE state = 'withdrawn'")
            ),
            (0, 4)
        );
    }
}
