//! A merchant's settings: each change with old and new value, bad input refused at its field, nothing lost.

use rewarddesk::domain::role::Role;

use crate::support::{App, client::Fields};

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

both! {
    async fn a_change_is_kept_with_old_and_new_value(app: App) {
        let ada = app.sign_in(Role::Administrator).await;
        ada.get("/m/acme/settings").await.expect(200).says("Ticket address").says("Time zone");
        let same = ada.post("/m/acme/settings", &settings()).await.expect(303);
        ada.get(same.header("Location")).await.says("Nothing to change");
        let form = settings().with("name", "ACME & Sons").with("ticket_url", "https://help.example/new?r={reward_id}").with("threshold", "7");
        let kept = ada.post("/m/acme/settings", &form).await.expect(303);
        ada.get(kept.header("Location")).await.says("Settings kept").says("ACME & Sons");
        assert_eq!(
            app.text("SELECT details FROM audit_records WHERE action = 'merchant.settings_changed'").as_deref(),
            Some(r#"{"old_name":"ACME Ltd","name":"ACME & Sons","old_ticket_url":"https://help.example/new?reward={reward_id}&reissue={reissue_id}","ticket_url":"https://help.example/new?r={reward_id}","old_threshold":"100","threshold":"7"}"#)
        );
        assert_eq!(app.number("SELECT stock_threshold FROM merchants"), 7);
    }

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
}
