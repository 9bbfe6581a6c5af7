//! Asking for the fulfilment e-mail again.

use rewarddesk::{
    app::{
        self, Error,
        mails::resend_email::{Resent, resend_email},
    },
    domain::{
        ids::{CustomerNo, RewardNo},
        reissue::Refusal,
    },
};

use super::stage::Stage;

impl Stage {
    fn resend(&self) -> Result<Resent, Error> {
        resend_email(
            &self.desk,
            &self.member(),
            CustomerNo(self.scene.customer),
            RewardNo(self.scene.reward),
        )
    }

    fn refusal(&self) -> Refusal {
        match self.resend() {
            Err(Error::Refused(app::Refusal::Reissue(refusal))) => *refusal,
            other => panic!("{other:?}"),
        }
    }
}

#[both]
fn a_resend_is_a_mail_and_a_record_of_its_own(stage: Stage) {
    stage.queue_to(1, "jo@customer.example");
    let first = stage.claim_one("worker");
    stage.record("worker", &first, Ok(())).unwrap();
    let resent = stage.resend().unwrap();
    assert!(!resent.already_queued);
    assert_eq!(resent.mail.recipient, "jo@customer.example");
    let mail = stage.claim_one("worker");
    assert_eq!((mail.id, mail.reissue.map(|id| id.0)), (resent.mail.id, Some(stage.reissue)));
    assert!(mail.letter.text.contains("FRESH-1-1") && mail.letter.text.contains("earlier code"));
    assert_ne!(mail.letter.message_id, first.letter.message_id);
    assert_eq!(
        stage.world.count(&format!("mails WHERE origin = 'resend' AND asked_by = {}", stage.user)),
        1
    );
    assert_eq!(stage.records("email.resent"), 1);
}

#[both]
fn a_double_click_is_one_mail(stage: Stage) {
    let first = stage.resend().unwrap();
    let second = stage.resend().unwrap();
    assert_eq!((&second.mail, second.already_queued), (&first.mail, true));
    // Also when the first one went out in between.
    let mail = stage.claim_one("worker");
    stage.record("worker", &mail, Ok(())).unwrap();
    assert!(stage.resend().unwrap().already_queued);
    stage.advance(10);
    assert!(!stage.resend().unwrap().already_queued);
    assert_eq!((stage.world.count("mails"), stage.records("email.resent")), (2, 2));
}

#[both]
fn many_clicks_at_once_are_one_mail(stage: Stage) {
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| stage.resend().unwrap());
        }
    });
    assert_eq!((stage.world.count("mails"), stage.records("email.resent")), (1, 1));
}

#[both]
fn a_mail_to_the_old_address_does_not_replace_one_to_the_new(stage: Stage) {
    stage.resend().unwrap();
    stage.world.exec("UPDATE customers SET email = 'new@customer.example'");
    assert_eq!(stage.resend().unwrap().mail.recipient, "new@customer.example");
    assert_eq!(stage.world.count("mails"), 2);
}

#[both]
fn nothing_is_sent_to_those_who_must_not_get_it(stage: Stage) {
    stage.world.exec("UPDATE customers SET receives_emails = FALSE");
    assert_eq!(stage.refusal(), Refusal::EmailsOff);
    stage.world.exec(&format!(
        "UPDATE customers SET receives_emails = TRUE, blocked_at = {}, blocked_reason = 'fraud'",
        stage.world.sql(stage.world.now)
    ));
    assert!(matches!(stage.refusal(), Refusal::CustomerBlocked(_)));
    stage.world.exec(&format!(
        "UPDATE customers SET email = NULL, purged_at = {}",
        stage.world.sql(stage.world.now)
    ));
    assert!(matches!(stage.refusal(), Refusal::CustomerPurged { .. }));
    assert_eq!((stage.world.count("mails"), stage.records("email.resent")), (0, 0));
}

#[both]
fn a_user_who_may_no_longer_resends_nothing(stage: Stage) {
    stage
        .world
        .exec(&format!("UPDATE users SET disabled_at = {}", stage.world.sql(stage.world.now)));
    assert!(matches!(stage.resend(), Err(Error::NotAllowed)));
    stage.world.exec("UPDATE users SET disabled_at = NULL");
    stage.world.exec("DELETE FROM memberships");
    assert!(matches!(stage.resend(), Err(Error::NotAllowed)));
    assert_eq!(stage.world.count("mails"), 0);
}
