//! A merchant's settings: each change with old and new value, bad input refused at its field,
//! nothing lost.

use rewarddesk::domain::role::Role;

use crate::support::{App, client::Fields, page::Page};

pub fn settings() -> Fields {
    let pairs = [
        ("name", "ACME Ltd"),
        ("timezone", "Europe/London"),
        ("ticket_url", "https://help.example/new?reward={reward_id}&reissue={reissue_id}"),
        ("account_manager", "Ann Lee <ann@desk.example>"),
        ("mail_from", ""),
        ("threshold", "100"),
        ("least_days", "30"),
    ];
    pairs.into_iter().fold(Fields::default(), |fields, (name, value)| fields.with(name, value))
}

/// The whole form as the page hands it out.
fn form(page: &Page) -> Fields {
    let tags = page.tags();
    let sent = tags.iter().filter(|tag| {
        tag.name == "input" && (tag.get("type") != Some("checkbox") || tag.get("checked").is_some())
    });
    let named = sent.filter_map(|tag| {
        Some((tag.get("name")?.to_owned(), tag.get("value").unwrap_or_default().to_owned()))
    });
    Fields(named.filter(|(name, _)| name != "q").collect())
}

#[both]
async fn a_change_is_kept_with_old_and_new_value(app: App) {
    let ada = app.sign_in(Role::Administrator).await;
    ada.get("/m/acme/settings").await.expect(200).says("Ticket address").says("Time zone");
    let same = ada.post("/m/acme/settings", &settings()).await.expect(303);
    ada.get(same.header("Location")).await.says("Nothing to save");
    let form = settings()
        .with("name", "ACME & Sons")
        .with("ticket_url", "https://help.example/new?r={reward_id}")
        .with("threshold", "7");
    let kept = ada.post("/m/acme/settings", &form).await.expect(303);
    ada.get(kept.header("Location")).await.says("Settings saved").says("ACME & Sons");
    assert_eq!(
        app.text("SELECT details FROM audit_records WHERE action = 'merchant.settings_changed'")
            .as_deref(),
        Some(
            r#"{"old_name":"ACME Ltd","name":"ACME & Sons","old_ticket_url":"https://help.example/new?reward={reward_id}&reissue={reissue_id}","ticket_url":"https://help.example/new?r={reward_id}","old_threshold":"100","threshold":"7"}"#
        )
    );
    assert_eq!(app.number("SELECT stock_threshold FROM merchants"), 7);
}

#[both]
async fn bad_values_are_refused_at_their_fields_and_nothing_is_lost(app: App) {
    let ada = app.sign_in(Role::Administrator).await;
    let form = settings()
        .with("name", "Kept in the form")
        .with("timezone", "Mars/Olympus")
        .with("ticket_url", "javascript:alert(1)")
        .with("account_manager", "not an address")
        .with("mail_from", "a@b\r\nBcc: x@y")
        .with("threshold", "-1")
        .with("least_days", "9999");
    let page = ada.post("/m/acme/settings", &form).await.expect(422);
    page.says("Mars/Olympus").says("https://, http:// or mailto:").says("from 0 to 3650");
    assert!(page.body.contains("Kept in the form"), "what was typed is still there");
    assert_eq!(page.body.matches("aria-invalid").count(), 6, "{}", page.body);
    assert_eq!(app.text("SELECT name FROM merchants").as_deref(), Some("ACME Ltd"));
    assert_eq!(app.count("audit_records WHERE action = 'merchant.settings_changed'"), 0);
}

#[both]
async fn what_somebody_else_changed_meanwhile_is_not_undone(app: App) {
    let (ada, bo) =
        (app.sign_in(Role::Administrator).await, app.sign_in(Role::Administrator).await);
    let (of_ada, of_bo) =
        (form(&ada.get("/m/acme/settings").await), form(&bo.get("/m/acme/settings").await));
    ada.post("/m/acme/settings", &of_ada.with("threshold", "7").with("name", "Ada & Sons"))
        .await
        .expect(303);
    let told = bo
        .post("/m/acme/settings", &of_bo.with("name", "Bo & Sons").with("least_days", "14"))
        .await
        .expect(409);
    told.says("Not saved yet").says("to “Ada & Sons” in the meantime").says("It was “100” before");
    assert_eq!(app.text("SELECT name FROM merchants").as_deref(), Some("Ada & Sons"));
    // What was typed is still there, and theirs where nothing was; sent again it holds.
    let again = form(&told);
    for field in [("name", "Bo & Sons"), ("least_days", "14"), ("threshold", "7")] {
        assert!(
            again.0.contains(&(field.0.to_owned(), field.1.to_owned())),
            "{field:?} in {again:?}"
        );
    }
    bo.post("/m/acme/settings", &again).await.expect(303);
    assert_eq!(
        (
            app.text("SELECT name FROM merchants").as_deref(),
            app.number("SELECT stock_threshold FROM merchants")
        ),
        (Some("Bo & Sons"), 7)
    );
    // A form that is refused for something else stays what it was.
    let old = form(&ada.get("/m/acme/settings").await);
    bo.post("/m/acme/settings", &form(&bo.get("/m/acme/settings").await).with("threshold", "8"))
        .await
        .expect(303);
    let wrong = ada.post("/m/acme/settings", &old.with("timezone", "Mars")).await;
    let wrong = form(&wrong.expect(422));
    ada.post("/m/acme/settings", &wrong.with("timezone", "UTC"))
        .await
        .expect(409)
        .says("It was “7” before");
    assert_eq!(app.count("audit_records WHERE action = 'merchant.settings_changed'"), 3);
}

#[both]
async fn of_two_at_once_the_second_is_told(app: App) {
    let ada = app.sign_in(Role::Administrator).await;
    let loaded = form(&ada.get("/m/acme/settings").await);
    let (one, two) = (loaded.clone().with("threshold", "7"), loaded.with("least_days", "14"));
    let answers =
        tokio::join!(ada.post("/m/acme/settings", &one), ada.post("/m/acme/settings", &two));
    let mut statuses = [answers.0.status, answers.1.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 409]);
    assert_eq!(app.count("merchants WHERE stock_threshold = 100 OR least_days = 30"), 1);
}
