//! A fault of the server that is not the database's: people are told nothing about the database.

use rewarddesk::domain::role::Role;

use crate::support::App;

/// Uses failpoints, which are the process's: `cargo test` runs these one after the other.
mod with_failpoints {
    use super::*;

    #[both]
    async fn without_random_numbers_the_database_is_not_blamed(app: App) {
        let (scene, ann) = (app.scene(2), app.sign_in(Role::Support).await);
        let path = app.reissue_path(scene.customer, scene.reward);
        let failpoints = fail::FailScenario::setup();
        fail::cfg("crypto::random", "return").unwrap();
        let (page, fragment) = (ann.get(&path).await, ann.get_fragment(&path).await);
        failpoints.teardown();
        for answer in [page, fragment] {
            assert!(!answer.body.contains("database"), "{}", answer.body);
            answer.expect(500).says("Something went wrong on our side");
        }
        ann.get(&path).await.expect(200);
    }
}
