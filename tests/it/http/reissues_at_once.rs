//! Many at the button at the same time (guarantees R1, R3, R4, R7). The window between check and
//! write is held open by failpoints: a race test that passes without proves nothing.

use std::{collections::BTreeSet, time::Duration};

use diesel::connection::SimpleConnection;
use rewarddesk::domain::role::Role;

use crate::support::{App, Client, client::Fields, engine::run_on, page::Page, world::expired};

/// Sends all forms at the same time, every other one as htmx would; answers in their order.
async fn all_at_once(client: &Client, forms: Vec<(String, Fields)>) -> Vec<Page> {
    let tasks: Vec<_> = forms
        .into_iter()
        .enumerate()
        .map(|(n, (path, form))| {
            let client = client.clone();
            tokio::spawn(async move {
                if n % 2 == 0 {
                    client.post(&path, &form).await
                } else {
                    client.post_fragment(&path, &form).await
                }
            })
        })
        .collect();
    let mut pages = vec![];
    for task in tasks {
        pages.push(task.await.expect("a sender does not panic"));
    }
    pages
}

fn succeeded(page: &Page) -> bool {
    matches!(page.status, 200 | 303)
}

/// Uses failpoints, which are the process's: `cargo test` runs these one after the other.
mod with_failpoints {
    use super::*;

    #[both]
    async fn two_hundred_forms_for_one_reward_make_one_reissue(app: App) {
        let (scene, ann) = (app.scene(5), app.sign_in(Role::Support).await);
        let path = app.reissue_path(scene.customer, scene.reward);
        let mut forms = vec![];
        for _ in 0..200 {
            forms.push((path.clone(), ann.dialog(&path).await.ticked()));
        }
        let tokens: BTreeSet<_> = forms.iter().map(|(_, form)| form.0[0].1.clone()).collect();
        assert_eq!(tokens.len(), 200, "every dialog has a token of its own");
        let failpoints = fail::FailScenario::setup();
        fail::cfg("reissue::checked", "sleep(100)").unwrap();
        let answers = all_at_once(&ann, forms).await;
        failpoints.teardown();
        let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|page| succeeded(page));
        assert_eq!(won.len(), 1, "successes");
        for page in lost {
            assert_eq!(page.status, 409, "{}", page.words());
            page.says("Already reissued once");
        }
        assert_eq!(
            (app.count("reissues"), app.count("audit_records WHERE action = 'coupon.reissued'")),
            (1, 1)
        );
        assert_eq!(app.count("coupons WHERE state = 'available'"), 4, "one click takes one code");
        app.mails(1).await;
    }

    #[both]
    async fn one_form_sent_fifty_times_at_once_is_one_success(app: App) {
        let (scene, ann) = (app.scene(5), app.sign_in(Role::Support).await);
        let path = app.reissue_path(scene.customer, scene.reward);
        let form = ann.dialog(&path).await;
        let failpoints = fail::FailScenario::setup();
        fail::cfg("reissue::checked", "sleep(100)").unwrap();
        let answers = all_at_once(&ann, vec![(path, form); 50]).await;
        failpoints.teardown();
        for page in &answers {
            assert!(succeeded(page), "{}: {}", page.status, page.words());
        }
        assert!(
            answers
                .iter()
                .filter(|page| page.status == 200)
                .all(|page| page.row("R-1").contains("FRESH-1-1"))
        );
        assert_eq!(app.count("reissues"), 1);
    }

    #[both]
    async fn an_unanswered_commit_is_called_neither_success_nor_failure(app: App) {
        let (scene, ann) = (app.scene(2), app.sign_in(Role::Support).await);
        let path = app.reissue_path(scene.customer, scene.reward);
        let form = ann.dialog(&path).await.ticked();
        let failpoints = fail::FailScenario::setup();
        fail::cfg("db::commit", "return").unwrap();
        let page = ann.post(&path, &form).await;
        let fragment = ann.post_fragment(&path, &form).await;
        failpoints.teardown();
        for answer in [page, fragment] {
            answer.expect(503).says(
                "We can't tell yet whether it was saved. Try again; it can't be reissued twice",
            );
        }
        // Again, with the same token, as we said.
        ann.post_fragment(&path, &form).await.expect(200);
        ann.post_fragment(&path, &form).await.expect(200);
        assert_eq!(app.count("reissues"), 1);
        app.mails(1).await;
    }
}

#[both]
async fn two_hundred_rewards_share_a_hundred_codes_fairly(app: App) {
    let (batch, ann) = (app.batch("Spring"), app.sign_in(Role::Support).await);
    app.fresh(batch, 100);
    let mut forms = vec![];
    for n in 0..200 {
        let customer = app.customer_number(n);
        let (reward, _) =
            app.reward_with(customer, batch, &format!("R-{n}"), &expired(format!("OLD-{n:03}")));
        let path = app.reissue_path(customer, reward);
        forms.push((path.clone(), ann.dialog(&path).await));
    }
    let answers = all_at_once(&ann, forms).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|page| succeeded(page));
    assert_eq!((won.len(), lost.len()), (100, 100));
    for page in lost {
        assert_eq!(page.status, 409, "{}", page.words());
        page.says("Voucher batch empty");
    }
    assert_eq!(app.number("SELECT count(DISTINCT new_coupon_id) FROM reissues"), 100);
    assert_eq!(app.count("coupons WHERE state = 'available'"), 0);
}

#[both]
async fn a_neighbour_who_rolls_back_makes_no_false_empty(app: App) {
    let (scene, ann) = (app.scene(1), app.sign_in(Role::Support).await);
    let neighbour = app.reward(scene.customer, scene.batch, "R-2");
    let path = app.reissue_path(scene.customer, scene.reward);
    let form = ann.dialog(&path).await;
    // The neighbour holds the last code, and has not decided yet.
    let mut other = app.connect();
    run_on(&mut other, if app.is_sqlite() { "BEGIN IMMEDIATE" } else { "BEGIN" }).unwrap();
    run_on(
        &mut other,
        &format!(
            "UPDATE coupons SET state = 'allocated', reward = {neighbour} WHERE state = 'available'"
        ),
    )
    .unwrap();
    let click = tokio::spawn(async move { ann.post_fragment(&path, &form).await });
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert!(
        !click.is_finished(),
        "answered before the neighbour had decided: {:?}",
        click.await.map(|page| page.words())
    );
    run_on(&mut other, "ROLLBACK").unwrap();
    click.await.unwrap().expect(200);
}

#[test]
fn a_database_that_went_away_is_said_and_heals_by_itself() {
    crate::support::block_on(async {
        let app = <App as crate::support::Fixture>::on(crate::support::Engine::Postgres).await;
        let (scene, ann) = (app.scene(2), app.sign_in(Role::Support).await);
        let path = app.reissue_path(scene.customer, scene.reward);
        let form = ann.dialog(&path).await;
        let name = app.text("SELECT current_database()").unwrap_or_default();
        let mut admin = crate::support::postgres::admin();
        admin.batch_execute(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).unwrap();
        admin
            .batch_execute(&format!(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
            ))
            .unwrap();
        for answer in [ann.post(&path, &form).await, ann.post_fragment(&path, &form).await] {
            answer.expect(503).says("Not saved, safe to retry");
        }
        ann.bare(reqwest::Method::GET, "/healthz", &[]).await.expect(200);
        ann.bare(reqwest::Method::GET, "/readyz", &[]).await.expect(503);
        admin.batch_execute(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true")).unwrap();
        let back = std::time::Instant::now();
        while ann.post_fragment(&path, &form).await.status != 200 {
            assert!(back.elapsed() < Duration::from_mins(1), "it did not heal");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        assert_eq!(app.count("reissues"), 1);
    });
}
