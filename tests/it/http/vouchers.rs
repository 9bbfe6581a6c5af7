//! Adding vouchers on a batch's page: shown before anything is added, nothing lost silently,
//! nothing larger than said is taken.

use reqwest::Method;
use rewarddesk::domain::role::Role;

use super::imports::{add, paste, send_file, shown};
use crate::support::{
    App,
    client::{Fields, send},
    world::{expired, usable},
};

#[both]
async fn a_clean_paste_is_shown_and_goes_in_by_a_word(app: App) {
    let (batch, mia) = (app.batch("Spring"), app.sign_in(Role::Marketing).await);
    let (page, path) =
        (format!("/m/acme/batches/{batch}"), format!("/m/acme/batches/{batch}/vouchers"));
    let answer = paste(&mia, &path, "ABC-1\r\n  ABC-2 \r\n\r\nABC-3").await.expect(303);
    let target = answer.header("Location").to_owned();
    assert!(target.starts_with("/m/acme/imports/") && !target.contains("ABC"), "{target}");
    let preview = shown(&mia, &answer).await;
    preview
        .says("3 codes can be added to Spring")
        .says("Nothing has been added yet.")
        .says("1 code had white space around it")
        .says("Line 2");
    assert_eq!(app.count("coupons"), 0, "nothing is added before somebody says so");
    add(&mia, &preview).await.says("3 codes added to Spring");
    mia.get(&page).await.says("3 left");
    let again = paste(&mia, &path, "ABC-1\nABC-4").await;
    let preview = shown(&mia, &again).await;
    preview.says("1 code can be added").says("Already in the batch 1");
    add(&mia, &preview).await.says("1 code added to Spring");
    let none = shown(&mia, &paste(&mia, &path, "ABC-1").await).await;
    none.says("Nothing new to add")
        .says("1 code is already in this batch.")
        .says("Send another file")
        .says("Go to Spring");
    mia.get("/m/acme/imports").await.says("Pasted lines Nothing to add");
    assert!(!none.body.contains("/confirm"), "there is nothing to say yes to");
    let record = app
        .text(
            "SELECT details FROM audit_records WHERE action = 'vouchers.imported' \
        ORDER BY id LIMIT 1",
        )
        .unwrap();
    assert!(
        record.contains("\"new\":3") && record.contains("Spring") && !record.contains("ABC"),
        "{record}"
    );
    assert_eq!(
        app.count(
            "audit_records WHERE action = 'vouchers.imported' AND actor_kind = \
        'user' AND request_id IS NOT NULL"
        ),
        2
    );
}

#[both]
async fn good_lines_go_in_and_bad_ones_are_shown_by_cause(app: App) {
    let (batch, other, mia) =
        (app.batch("Spring"), app.batch("Summer"), app.sign_in(Role::Marketing).await);
    app.coupon(other, &usable("TAKEN-1"));
    app.coupon(batch, &usable("HERE-1"));
    let path = format!("/m/acme/batches/{batch}/vouchers");
    let text = "GOOD-1\nAB\nGOOD-2\ngood-1\nTAKEN-1\n5.57E+92\nHERE-1\nwith space";
    let preview = shown(&mia, &paste(&mia, &path, text).await).await;
    preview
        .says("2 codes can be added")
        .says("New 2")
        .says("Already in the batch 1")
        .says("Rejected 5");
    for words in [
        "1 line: twice in the file",
        "Line 4 good-1",
        "on line 1",
        "1 line: in another batch",
        "Line 5 TAKEN-1",
        "\"Summer\"",
        "2 lines: not in the expected format",
        "Line 2 AB",
        "Line 8 with space",
        "1 line: damaged by a spreadsheet",
        "Line 6 5.57E+92",
    ] {
        preview.says(words);
    }
    let done = add(&mia, &preview).await;
    done.says("2 codes added to Spring").says("5 lines rejected");
    assert_eq!(app.count(&format!("coupons WHERE batch_id = {batch}")), 3);
    let record =
        app.text("SELECT details FROM audit_records WHERE action = 'vouchers.imported'").unwrap();
    assert!(record.contains("\"rejected\":5"), "{record}");
}

#[both]
async fn what_cannot_be_taken_at_all_is_said_at_the_field(app: App) {
    let (batch, mia) = (app.batch("Spring"), app.sign_in(Role::Marketing).await);
    let path = format!("/m/acme/batches/{batch}/vouchers");
    paste(&mia, &path, " \r\n ")
        .await
        .expect(422)
        .says("Paste at least one code, or choose a file.");
    let both = mia
        .post_parts(&path, &[("codes", None, b"ABC-1"), ("file", Some("a.csv"), b"ABC-2")])
        .await
        .expect(422);
    assert!(both.says("not both").body.contains("ABC-1</textarea>"), "what was pasted is kept");
    send_file(&mia, &path, "codes.csv", b"").await.expect(422).says("The file is empty");
    let both = mia
        .post_parts(
            &path,
            &[("codes", None, b"</textarea><script>alert(1)</script>"), ("file", Some("a"), b"x")],
        )
        .await
        .expect(422);
    assert!(!both.body.contains("<script>alert"));
    assert!(mia.bare(reqwest::Method::POST, &path, &[]).await.status == 403);
    mia.post(&path, &Fields::default()).await.expect(400);
    assert_eq!(app.count("imports WHERE state <> 'cancelled'"), 0);
    assert_eq!(
        app.count("coupons") + app.count("audit_records WHERE action = 'vouchers.imported'"),
        0
    );
}

#[both]
async fn pasted_lines_stay_in_the_box_when_all_of_them_are_refused(app: App) {
    let (batch, mia) = (app.batch("Spring"), app.sign_in(Role::Marketing).await);
    let (page, pasted) = (format!("/m/acme/batches/{batch}/vouchers"), "Voucher\nABC-1");
    for (path, name) in [
        (page.as_str(), None),
        ("/m/acme/batches", Some("Winter")),
        ("/m/acme/bars", None),
        ("/m/acme/redemptions", None),
    ] {
        let name = name.map(|name: &str| ("name", None, name.as_bytes()));
        let parts: Vec<_> = name.into_iter().chain([("codes", None, pasted.as_bytes())]).collect();
        let refused = mia.post_parts(path, &parts).await.expect(422);
        assert!(
            refused.body.contains("Voucher\nABC-1</textarea>"),
            "what was pasted at {path} is kept"
        );
        refused.says("oucher\"");
    }
    mia.get("/m/acme/imports").await.says("Pasted lines Failed");
    // What is wrong with a file is said at the file.
    let empty = send_file(&mia, &page, "codes.csv", b"").await.expect(422);
    let file = empty
        .tags()
        .into_iter()
        .find(|tag| tag.get("id") == Some("file"))
        .expect("the file's field");
    assert_eq!(
        (file.get("aria-invalid"), file.get("aria-describedby")),
        (Some("true"), Some("file-error file-hint"))
    );
    // A file that was sent is not sent back: its import says why.
    let file = send_file(&mia, &page, "codes.csv", pasted.as_bytes()).await.expect(303);
    mia.get(file.header("Location"))
        .await
        .says("looks like an unknown heading")
        .says("Send another file");
    assert_eq!((app.count("coupons"), app.count("batches WHERE name = 'Winter'")), (0, 0));
}

#[both]
async fn forms_keep_their_limits(app: App) {
    let (batch, mia) = (app.batch("Spring"), app.sign_in(Role::Marketing).await);
    let path = format!("/m/acme/batches/{batch}/vouchers");
    let large = vec![b'x'; 3 * 1024 * 1024];
    mia.post_parts(&path, &[("codes", None, &large[..300 * 1024])])
        .await
        .expect(413)
        .says("Send it as a file");
    mia.post_parts(&path, &[("codes", None, b"ABC"), ("else", None, &large[..20 * 1024])])
        .await
        .expect(413);
    let parts = [("x", None, b"".as_slice()); 33];
    mia.post_parts(&path, &parts).await.expect(413);
    mia.post_parts(&path, &parts[1..]).await.expect(422);
    fail::cfg("upload::limit", "return(2000000)").unwrap();
    send_file(&mia, &path, "large.csv", &large)
        .await
        .expect(413)
        .says("larger than 512 MiB")
        .says("rewarddesk import vouchers");
    // What stands before the first field counts, too: 2 MB and 64 MiB are read, and no more.
    let before = format!("{}\n", "x".repeat(1023)).repeat(67_600);
    let sent =
        mia.request(Method::POST, &path).header("Content-Type", "multipart/form-data; boundary=b");
    send(sent.body(
        before + "--b\r\nContent-Disposition: form-data; name=\"codes\"\r\n\r\nABC-1\r\n--b--\r\n",
    ))
    .await
    .expect(413);
    fail::remove("upload::limit");
    // Forms elsewhere keep their own limit.
    let long = "9".repeat(20_000);
    let fields = Fields::default().with("valid_from", &long).with("valid_until", "");
    mia.post(&format!("/m/acme/batches/{batch}/validity"), &fields).await.expect(413);
    assert_eq!(app.count("imports WHERE ended_at IS NULL") + app.count("coupons"), 0);
}

#[both]
async fn support_may_not_and_is_told_who_can(app: App) {
    let (scene, sam) = (app.scene(0), app.sign_in(Role::Support).await);
    app.user_called("mia@desk.example", "Mia Marsh", Role::Marketing);
    let page = format!("/m/acme/batches/{}", scene.batch);
    paste(&sam, &format!("{page}/vouchers"), "ABC-1").await.expect(403);
    let shown = sam.get(&page).await.expect(200);
    shown.says("Mia Marsh can add vouchers and adjust validity.");
    assert!(!shown.body.contains("<textarea") && !shown.body.contains("id=\"adjust-validity\""));
    assert!(!sam.get("/m/acme/batches").await.body.contains("batches/new"));
    let globex = app.another_merchant("globex");
    let mut app = app;
    let theirs = app.world.inside(globex, |w| w.batch("Theirs"));
    let mia = app.sign_in(Role::Administrator).await;
    paste(&mia, &format!("/m/acme/batches/{theirs}/vouchers"), "ABC-1").await.expect(404);
    assert_eq!(app.count("imports") + app.count("coupons WHERE code = 'ABC-1'"), 0);
}

#[both]
async fn a_refill_makes_the_button_work_again(app: App) {
    let scene = app.scene(0);
    app.coupon(scene.batch, &expired("LATE-1"));
    let mia = app.sign_in(Role::Marketing).await;
    let path = app.reissue_path(scene.customer, scene.reward);
    mia.get(&path).await.expect(409).says("Voucher batch empty");
    let batches = mia.get("/m/acme/batches").await;
    batches.says("Run out").says("1 expired");
    let sent = paste(&mia, &format!("/m/acme/batches/{}/vouchers", scene.batch), "NEW-1").await;
    add(&mia, &shown(&mia, &sent).await).await.says("1 code added");
    let form = mia.dialog(&path).await;
    mia.post(&path, &form).await.expect(303);
}
