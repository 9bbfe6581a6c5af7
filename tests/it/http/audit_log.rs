//! The audit log's page: filters, details, pages, and the export of what they select.

use rewarddesk::{app::audit::verify_export::ExportedLog, domain::role::Role};

use super::{
    customer_acts::{act, why},
    purges::confirmed,
    settings::settings,
};
use crate::support::{App, Client, client::Fields, page::Page, world::Scene};

/// Jo's coupon is reissued with an e-mail by the support user, and what took its place is barred by
/// the supervisor.
async fn story(app: &App) -> (Scene, Client) {
    let (scene, kim, sue) =
        (app.scene(3), app.sign_in(Role::Support).await, app.sign_in(Role::Supervisor).await);
    let path = app.reissue_path(scene.customer, scene.reward);
    kim.post(&path, &kim.dialog(&path).await.ticked()).await.expect(303);
    app.mails(1).await;
    let new = app.number("SELECT new_coupon_id FROM reissues");
    sue.post(&format!("/m/acme/coupons/{new}/bar"), &why("leaked online")).await.expect(303);
    (scene, sue)
}

/// How many records a page shows.
fn records(page: &Page) -> usize {
    page.body.matches("<details class=\"record\">").count()
}

const PAGE: &str = "/m/acme/audit";

#[both]
async fn every_filter_shows_its_records_and_no_other(app: App) {
    let (scene, sue) = story(&app).await;
    let new = app
        .text("SELECT c.code AS v FROM coupons c JOIN reissues r ON r.new_coupon_id = c.id")
        .unwrap();
    let support = app.number("SELECT id FROM users WHERE email = 'support@desk.example'");
    // Two sign-ins, a reissue, an e-mail sent, a coupon barred.
    assert_eq!(records(&sue.get(PAGE).await.expect(200)), 5);
    for (query, expected) in [
        (format!("who={support}"), 2),
        ("who=system".to_owned(), 1),
        ("who=cli".to_owned(), 0),
        (format!("customer={}", scene.customer), 3),
        ("customer=JO@customer.example".to_owned(), 3),
        ("customer=c-1".to_owned(), 3),
        ("action=coupon.reissued".to_owned(), 1),
        ("q=OLD-1".to_owned(), 2),
        (format!("q=+{new}+"), 3),
        ("q=FRESH-1-3".to_owned(), 0),
        ("from=2026-11-23&to=2026-11-23".to_owned(), 5),
        ("from=2026-11-24".to_owned(), 0),
        ("to=2026-11-22".to_owned(), 0),
        (format!("q={new}&action=coupon.barred&customer={}&from=2026-11-01", scene.customer), 1),
        (format!("q=OLD-1&who={support}"), 1),
    ] {
        let page = sue.get(&format!("{PAGE}?{query}")).await.expect(200);
        assert_eq!(records(&page), expected, "{query}: {}", page.words());
        assert!(
            page.body.contains("Remove the filter"),
            "{query}: what is filtered can be taken away"
        );
        assert_eq!(
            page.words().contains("No records match these filters"),
            expected == 0,
            "{query}"
        );
    }
    sue.get(&format!("/m/acme/customers/{}", scene.customer))
        .await
        .says("View full history in the audit log");
}

#[both]
async fn what_cannot_be_a_filter_is_said_and_kept(app: App) {
    let (_, sue) = story(&app).await;
    for (query, words, kept) in [
        ("from=2026-13-40", "This isn't a date. Write it like 2026-11-23.", "value=\"2026-13-40\""),
        ("from=2026-11-23&to=2026-11-22", "This day is before the start.", "value=\"2026-11-22\""),
        (
            "who=9999",
            "No user with that number has ever done anything at this merchant.",
            "name=\"who\"",
        ),
        ("action=coupon.eaten", "This action doesn't exist.", "name=\"action\""),
        ("q=NOPE-1", "No batch of this merchant has that code.", "value=\"NOPE-1\""),
        ("customer=%3Cb%3E", "No customer has that number, email or customer ID.", "&#60;b&#62;"),
    ] {
        let page = sue.get(&format!("{PAGE}?{query}&before=x.y")).await.expect(200);
        page.says(words).says("Nothing was searched");
        assert!(page.body.contains(kept), "{query}: {}", page.body);
        assert_eq!(records(&page), 0, "{query}");
    }
}

#[both]
async fn a_record_opens_to_all_it_holds(app: App) {
    let (scene, sue) = story(&app).await;
    let page = sue.get(&format!("{PAGE}?action=coupon.reissued")).await;
    page.says("Code OLD-1 became FRESH-")
        .says("Email Sent 23 Nov 2026, 12:00 GMT")
        .says("Request ID")
        .says("Seal Not sealed yet")
        .says("Who Casey Customer Support, support@desk.example")
        .says("Customer Jo Smith, number")
        .says("Reward R-1");
    sue.get(&format!("{PAGE}?action=coupon.barred")).await.says("Reason leaked online");
    rewarddesk::app::audit::seal_audit::seal_all(
        &app.desk.db,
        &app.desk.clock,
        std::time::Duration::from_secs(9),
    )
    .unwrap();
    sue.get(PAGE).await.says("Seal Number 1 of this log");
    let ada = app.sign_in(Role::Administrator).await;
    ada.post(&act(scene.customer, "purge"), &confirmed(scene.customer)).await.expect(303);
    sue.get(&format!("{PAGE}?action=coupon.barred")).await.says("Reason (purged)").says("purged");
    ada.post("/m/acme/settings", &settings().with("name", "ACME & Sons")).await.expect(303);
    ada.get(&format!("{PAGE}?action=merchant.settings_changed"))
        .await
        .says("Name ACME Ltd became ACME & Sons");
}

#[both]
async fn pages_keep_their_filters_and_skip_nothing(app: App) {
    let (_, sue) = story(&app).await;
    let kim = app.number("SELECT id FROM users WHERE email = 'support@desk.example'");
    for n in 0..120 {
        // Some in the same instant, and numbers that do not follow the time.
        let at = app.sql(app.now() - chrono::TimeDelta::minutes((n * 7) % 60));
        app.exec(&format!(
            "INSERT INTO audit_records (merchant_id, at, action, actor_kind, \
            user_id, details) VALUES ({}, {at}, 'customers.imported', 'user', {kim}, \
            '{{\"rows\":{n}}}')",
            app.merchant
        ));
    }
    let (mut seen, mut next) = (vec![], Some(format!("{PAGE}?action=customers.imported")));
    while let Some(path) = next {
        let page = sue.get(&path).await.expect(200);
        seen.extend(
            page.body
                .split("Details of record ")
                .skip(1)
                .map(|rest| rest.split('"').next().unwrap().to_owned()),
        );
        next = page
            .tags()
            .iter()
            .find(|tag| tag.get("rel") == Some("next"))
            .and_then(|tag| tag.get("href"))
            .map(|href| href.replace("&amp;", "&").replace("&#38;", "&"));
        assert!(next.iter().all(|path| path.contains("action=customers.imported")), "{next:?}");
    }
    let all = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!((all, seen.len()), (120, 120));
}

#[both]
async fn an_export_holds_what_is_selected_and_is_on_record(app: App) {
    let (scene, sue) = story(&app).await;
    let ada = app.sign_in(Role::Administrator).await;
    let path = format!("{PAGE}/export");
    let form = |format: &str| Fields::default().with("format", format);
    sue.post(&path, &form("csv")).await.expect(403);
    assert!(!sue.get(PAGE).await.body.contains("Export as"));
    ada.get(PAGE).await.says("Export as JSON Lines");
    assert_eq!(app.count("audit_records WHERE action = 'audit.exported'"), 0);

    let whole = ada.post(&path, &form("jsonl")).await.expect(200);
    assert_eq!(
        whole.header("Content-Disposition"),
        "attachment; filename=\"acme-audit-log.jsonl\""
    );
    let mut command = vec![];
    rewarddesk::app::audit::audit_export_file::export_audit(&app.desk, Some("acme"), |line| {
        command.push(line.to_owned());
        Ok::<_, rewarddesk::app::Error>(())
    })
    .unwrap();
    let lines: Vec<&str> = whole.body.lines().collect();
    assert_eq!(
        lines,
        command[..command.len() - 1],
        "the same lines as the command, up to the export's own record"
    );
    let mut proof = ExportedLog::new(&[]);
    for line in &lines {
        assert_eq!(proof.line(line).unwrap(), None);
    }
    assert!(proof.end().flaw.is_none());

    let few = ada
        .post(
            &path,
            &form("jsonl")
                .with("q", "OLD-1")
                .with("customer", &scene.customer.to_string())
                .with("to", "2026-11-23"),
        )
        .await
        .expect(200);
    assert_eq!(few.body.lines().count(), 2);
    let record = app
        .texts("SELECT details AS v FROM audit_records WHERE action = 'audit.exported' ORDER BY id")
        .pop()
        .unwrap();
    assert_eq!(
        record,
        format!(
            "{{\"format\":\"jsonl\",\"records\":2,\"of_customer\":{},\"coupon\":{},\"of_until\":\"2026-11-24T00:00:00Z\"}}",
            scene.customer, scene.old
        )
    );
    ada.get(&format!("{PAGE}?action=audit.exported"))
        .await
        .says("Format JSON Lines")
        .says("Records until 23 Nov 2026, 23:59 GMT");
    ada.post(&path, &form("csv").with("from", "soon")).await.expect(422).says("This isn't a date.");
    ada.post(&path, &form("pdf")).await.expect(422);
    assert_eq!(
        app.count("audit_records WHERE action = 'audit.exported'"),
        2,
        "what is refused exports nothing"
    );
}

#[both]
async fn a_spreadsheet_of_the_log_runs_no_formula(app: App) {
    let (scene, sue) = story(&app).await;
    let (_, coupon) = app.reward_with(
        scene.customer,
        scene.batch,
        "R-2",
        &crate::support::world::usable("=HYPER(1)"),
    );
    sue.post(&format!("/m/acme/coupons/{coupon}/bar"), &why("x")).await.expect(303);
    let ada = app.sign_in(Role::Administrator).await;
    let file = ada
        .post(
            &format!("{PAGE}/export"),
            &Fields::default().with("format", "csv").with("action", "coupon.barred"),
        )
        .await
        .expect(200);
    let lines: Vec<&str> = file.body.lines().collect();
    assert!(
        lines[0].starts_with("\u{feff}id,at,action,merchant,actor,customer,customer_id,"),
        "{lines:?}"
    );
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(
        lines[1].contains("leaked online") && !file.body.contains("sealed:"),
        "the words, not what is encrypted: {lines:?}"
    );
    assert!(lines[2].contains(",'=HYPER(1),"), "{lines:?}");
}
