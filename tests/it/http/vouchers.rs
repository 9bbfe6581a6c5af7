//! Adding vouchers on a batch's page: nothing is lost silently, nothing larger than said is taken, and nobody else may.

use rewarddesk::domain::role::Role;

use crate::support::{
    App, Client,
    page::Page,
    world::{expired, usable},
};

/// Pastes codes and chooses no file, as a browser sends it.
async fn paste(client: &Client, path: &str, codes: &str) -> Page {
    client.post_parts(path, &[("codes", None, codes.as_bytes()), ("file", Some(""), b"")]).await
}

async fn send_file(client: &Client, path: &str, content: &[u8]) -> Page {
    client.post_parts(path, &[("codes", None, b""), ("file", Some("codes.csv"), content)]).await
}

both! {
    async fn a_clean_paste_goes_in_and_is_said_once(app: App) {
        let (batch, mia) = (app.batch("Spring"), app.sign_in(Role::Marketing).await);
        let (page, path) = (format!("/m/acme/batches/{batch}"), format!("/m/acme/batches/{batch}/vouchers"));
        let answer = paste(&mia, &path, "ABC-1\r\n  ABC-2 \r\n\r\nABC-3").await.expect(303);
        let target = answer.header("Location").to_owned();
        assert!(!target.contains("ABC"), "a code went into an address: {target}");
        mia.get(&target).await.expect(200).says("3 codes added").says("3 left");
        let again = paste(&mia, &path, "ABC-1\nABC-4").await.expect(303);
        mia.get(again.header("Location")).await.says("1 code added").says("1 code was in this batch already").says("4 left");
        let none = paste(&mia, &path, "ABC-1").await.expect(303);
        mia.get(none.header("Location")).await.says("Nothing new to add");
        // What was done elsewhere, or by somebody else, is not said here.
        let other = app.sign_in(Role::Administrator).await;
        assert!(!other.get(&target).await.expect(200).words().contains("codes added"));
        assert!(!mia.get(&format!("{page}?done=999999")).await.expect(200).words().contains("added"));
        let record = app.text("SELECT details FROM audit_records WHERE action = 'vouchers.imported' ORDER BY id LIMIT 1").unwrap();
        assert!(record.contains("\"new\":3") && record.contains("Spring") && !record.contains("ABC"), "{record}");
        assert_eq!(app.count("audit_records WHERE action = 'vouchers.imported' AND actor_kind = 'user' AND request_id IS NOT NULL"), 3);
    }

    async fn good_lines_go_in_and_bad_ones_are_shown_with_their_reasons(app: App) {
        let (batch, other, mia) = (app.batch("Spring"), app.batch("Summer"), app.sign_in(Role::Marketing).await);
        app.coupon(other, &usable("TAKEN-1"));
        app.coupon(batch, &usable("HERE-1"));
        let path = format!("/m/acme/batches/{batch}/vouchers");
        let text = "GOOD-1\nAB\nGOOD-2\ngood-1\nTAKEN-1\n5.57E+92\nHERE-1\nwith space";
        let page = paste(&mia, &path, text).await.expect(200);
        page.says("2 codes added, 5 lines rejected").says("1 was in this batch already").says("3 left");
        for words in ["Line 2 AB", "Line 4 good-1", "on line 1", "Line 5 TAKEN-1", "\"Summer\"", "Line 6 5.57E+92", "Line 8 with space"] {
            page.says(words);
        }
        assert!(page.body.contains(text), "what was pasted is kept");
        assert_eq!(app.count(&format!("coupons WHERE batch_id = {batch}")), 3);
        let record = app.text("SELECT details FROM audit_records WHERE action = 'vouchers.imported'").unwrap();
        assert!(record.contains("\"rejected\":5"), "{record}");
    }

    async fn what_cannot_be_taken_at_all_is_said_at_the_field(app: App) {
        let (batch, mia) = (app.batch("Spring"), app.sign_in(Role::Marketing).await);
        let path = format!("/m/acme/batches/{batch}/vouchers");
        paste(&mia, &path, " \r\n ").await.expect(422).says("Paste at least one code, or choose a file.");
        paste(&mia, &path, "Voucher\nABC-1").await.expect(422).says("No code was added");
        let page = paste(&mia, &path, "AB\nCD").await.expect(422);
        page.says("No code added, 2 lines rejected");
        let both = mia.post_parts(&path, &[("codes", None, b"ABC-1"), ("file", Some("a.csv"), b"ABC-2")]).await.expect(422);
        assert!(both.says("not both").body.contains("ABC-1</textarea>"), "what was pasted is kept");
        send_file(&mia, &path, b"").await.expect(422).says("The file is empty");
        send_file(&mia, &path, b"\x89PNG\r\n\x1a\n\0\0\0").await.expect(422).says("The file is not text");
        let script = paste(&mia, &path, "</textarea><script>alert(1)</script> x").await.expect(422);
        assert!(!script.body.contains("<script>alert"));
        assert!(mia.bare(reqwest::Method::POST, &path, &[]).await.status == 403);
        mia.post(&path, &crate::support::client::Fields::default()).await.expect(400);
        assert_eq!(app.count("coupons") + app.count("audit_records WHERE action = 'vouchers.imported'"), 0);
    }

    async fn a_file_is_taken_as_the_command_line_takes_it_and_bounded(app: App) {
        let (batch, mia) = (app.batch("Spring"), app.sign_in(Role::Marketing).await);
        let path = format!("/m/acme/batches/{batch}/vouchers");
        let rows: String = (0..3000).map(|n| format!("FILE-{n:05};2026-12-31\r\n")).collect();
        let answer = send_file(&mia, &path, format!("\u{feff}code;expires_at\r\n{rows}").as_bytes()).await.expect(303);
        mia.get(answer.header("Location")).await.says("3,000 codes added").says("3,000 left");
        let large = vec![b'x'; 9 * 1024 * 1024];
        send_file(&mia, &path, &large).await.expect(413).says("larger than 8 MiB").says("rewarddesk import vouchers");
        mia.post_parts(&path, &[("codes", None, &large[..300 * 1024])]).await.expect(413).says("Send it as a file");
        // Forms elsewhere keep their own limit.
        let long = "9".repeat(20_000);
        let fields = crate::support::client::Fields::default().with("valid_from", &long).with("valid_until", "");
        mia.post(&format!("/m/acme/batches/{batch}/validity"), &fields).await.expect(413);
        assert_eq!(app.count("coupons"), 3000);
    }

    async fn support_may_not_and_is_told_who_can(app: App) {
        let (scene, sam) = (app.scene(0), app.sign_in(Role::Support).await);
        app.user_called("mia@desk.example", "Mia Marsh", Role::Marketing);
        let page = format!("/m/acme/batches/{}", scene.batch);
        paste(&sam, &format!("{page}/vouchers"), "ABC-1").await.expect(403);
        let shown = sam.get(&page).await.expect(200);
        shown.says("Mia Marsh can add vouchers and adjust the validity.");
        assert!(!shown.body.contains("<textarea") && !shown.body.contains("id=\"adjust-validity\""));
        let globex = app.another_merchant("globex");
        let mut app = app;
        let theirs = app.world.inside(globex, |w| w.batch("Theirs"));
        let mia = app.sign_in(Role::Administrator).await;
        paste(&mia, &format!("/m/acme/batches/{theirs}/vouchers"), "ABC-1").await.expect(404);
        assert_eq!(app.count("coupons WHERE code = 'ABC-1'"), 0);
    }

    async fn a_refill_makes_the_button_work_again(app: App) {
        let scene = app.scene(0);
        app.coupon(scene.batch, &expired("LATE-1"));
        let mia = app.sign_in(Role::Marketing).await;
        let path = app.reissue_path(scene.customer, scene.reward);
        mia.get(&path).await.expect(409).says("Voucher batch empty");
        let batches = mia.get("/m/acme/batches").await;
        assert!(batches.says("Expired").words().find("Run out").is_none());
        paste(&mia, &format!("/m/acme/batches/{}/vouchers", scene.batch), "NEW-1").await.expect(303);
        let form = mia.dialog(&path).await;
        mia.post(&path, &form).await.expect(303);
    }
}
