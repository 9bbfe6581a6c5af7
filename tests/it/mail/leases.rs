//! Who holds a mail, and what may be written about it.

use std::{collections::BTreeSet, sync::Mutex};

use rewarddesk::{
    app::mails::deliver_mail,
    db::mail_leases::{self, MailLease},
    mail::SendError,
};

use super::stage::Stage;

fn temporary() -> Result<(), SendError> {
    Err(SendError::Temporary("the relay refused the recipient: 451".into()))
}

#[both]
fn a_claimed_mail_is_nobody_elses_until_its_lease_lapses(stage: Stage) {
    let mail = stage.queue_to(1, "jo@customer.example");
    let first = stage.claim_one("first");
    stage.advance(29);
    assert!(stage.claim("second").is_empty());
    stage.advance(1);
    let second = stage.claim_one("second");
    assert_eq!((second.id, second.attempts, &second.letter), (mail, 2, &first.letter));

    // The first one is back: it has lost its say.
    stage.record("first", &first, Ok(())).unwrap();
    stage.record("first", &first, temporary()).unwrap();
    assert_eq!((stage.state(mail).as_str(), stage.records("email.sent")), ("queued", 0));
    stage.record("second", &second, Ok(())).unwrap();
    assert_eq!((stage.state(mail).as_str(), stage.records("email.sent")), ("sent", 1));
}

#[both]
fn a_worker_that_claims_a_lost_mail_again_holds_another_lease(stage: Stage) {
    let mail = stage.queue_to(1, "jo@customer.example");
    let first = stage.claim_one("worker");
    stage.advance(30);
    let second = stage.claim_one("worker");
    stage.record("worker", &first, Ok(())).unwrap();
    assert_eq!(stage.state(mail), "queued");
    stage.record("worker", &second, Ok(())).unwrap();
    assert_eq!(stage.state(mail), "sent");
}

#[both]
fn a_lease_that_is_renewed_does_not_lapse(stage: Stage) {
    stage.queue_to(1, "jo@customer.example");
    let mail = stage.claim_one("first");
    for _ in 0..5 {
        stage.advance(20);
        let lease = MailLease { mail: mail.id, worker: "first", attempts: mail.attempts };
        assert!(
            stage
                .desk
                .db
                .write(|tx| mail_leases::renew(tx, lease, stage.desk.clock.now()))
                .unwrap()
        );
        assert!(stage.claim("second").is_empty());
    }
}

#[both]
fn what_a_worker_is_still_at_it_does_not_claim_again(stage: Stage) {
    stage.queue_to(1, "jo@customer.example");
    let mail = stage.claim_one("worker");
    stage.advance(300);
    assert!(deliver_mail::claim_mails(&stage.desk, "worker", &[mail.id], 10).unwrap().is_empty());
}

#[both]
fn each_mail_is_claimed_by_one_of_two_workers(stage: Stage) {
    // Between choosing and claiming there is time for the other one.
    #[cfg(feature = "failpoints")]
    fail::cfg("mails::chosen", "sleep(20)").unwrap();
    let all: BTreeSet<i64> = (0..30).map(|n| stage.queue_to(n, "jo@customer.example").0).collect();
    let claimed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for worker in ["first", "second"] {
            let (stage, claimed) = (&stage, &claimed);
            scope.spawn(move || {
                loop {
                    let mails = deliver_mail::claim_mails(&stage.desk, worker, &[], 2).unwrap();
                    if mails.is_empty() && claimed.lock().unwrap().len() == 30 {
                        return;
                    }
                    claimed.lock().unwrap().extend(mails.into_iter().map(|mail| mail.id.0));
                }
            });
        }
    });
    let claimed = claimed.into_inner().unwrap();
    assert_eq!(claimed.len(), 30, "a mail was claimed twice");
    assert_eq!(claimed.into_iter().collect::<BTreeSet<_>>(), all);
}

#[both]
fn a_refusal_that_may_pass_is_retried_ever_later(stage: Stage) {
    let mail = stage.queue_to(1, "jo@customer.example");
    let mut before = 0;
    for attempt in 1..=8 {
        let claimed = stage.claim_one("worker");
        assert_eq!(claimed.attempts, attempt);
        stage.record("worker", &claimed, temporary()).unwrap();
        let mut waited = 0;
        while stage.desk.db.read(mail_leases::next_due).unwrap().unwrap() > stage.desk.clock.now() {
            assert!(stage.claim("worker").is_empty());
            stage.advance(1);
            waited += 1;
        }
        assert!(waited > before, "attempt {attempt} waited {waited} s, the one before {before} s");
        assert!(attempt > 1 || waited <= 30);
        before = waited;
    }
    assert_eq!((stage.state(mail).as_str(), stage.records("email.failed")), ("queued", 0));
    let why = stage.world.text(&format!("SELECT last_error FROM mails WHERE id = {mail}"));
    assert_eq!(why.as_deref(), Some("the relay refused the recipient: 451"));
}

#[both]
fn a_mail_is_given_up_after_two_days(stage: Stage) {
    let mail = stage.queue_to(1, "jo@customer.example");
    stage.world.exec("UPDATE mails SET attempts = 40");
    stage.advance(2 * 86_400);
    let claimed = stage.claim_one("worker");
    stage.record("worker", &claimed, temporary()).unwrap();
    assert_eq!((stage.state(mail).as_str(), stage.records("email.failed")), ("failed", 1));
}

#[both]
fn a_final_refusal_ends_at_once_with_a_record_that_names_nobody(stage: Stage) {
    let mail = stage.queue_to(1, "jo@customer.example");
    let claimed = stage.claim_one("worker");
    stage
        .record(
            "worker",
            &claimed,
            Err(SendError::Permanent(
                "the relay refused the recipient: 550 5.1.1 (mailbox doesn't exist)".into(),
            )),
        )
        .unwrap();
    assert_eq!((stage.state(mail).as_str(), stage.records("email.failed")), ("failed", 1));
    let details = stage
        .world
        .text("SELECT details FROM audit_records WHERE action = 'email.failed'")
        .unwrap();
    assert!(
        details.contains("550 5.1.1 (mailbox doesn't exist)")
            && details.contains("\"reward_id\":\"R-1\""),
        "{details}"
    );
    assert!(!details.contains('@') && !details.contains("SECRET"), "{details}");
    assert_eq!(
        stage.world.count("audit_records WHERE action = 'email.failed' AND actor_kind = 'system'"),
        1
    );
}

#[both]
fn the_mark_and_its_record_stand_or_fall_together(stage: Stage) {
    let mail = stage.queue_to(1, "jo@customer.example");
    let claimed = stage.claim_one("worker");
    let (make, drop) = if stage.world.is_sqlite() {
        (
            "CREATE TRIGGER broken BEFORE INSERT ON audit_records BEGIN SELECT RAISE(ABORT, \
             'broken'); END",
            "DROP TRIGGER broken",
        )
    } else {
        (
            "CREATE TRIGGER broken BEFORE INSERT ON audit_records FOR EACH ROW EXECUTE FUNCTION \
             refuse('broken')",
            "DROP TRIGGER broken ON audit_records",
        )
    };
    stage.world.exec(make);
    assert!(stage.record("worker", &claimed, Ok(())).is_err());
    assert_eq!((stage.state(mail).as_str(), stage.records("email.sent")), ("queued", 0));
    stage.world.exec(drop);
    stage.record("worker", &claimed, Ok(())).unwrap();
    assert_eq!((stage.state(mail).as_str(), stage.records("email.sent")), ("sent", 1));
}

#[both]
fn a_mail_that_cannot_be_read_blocks_nobody(stage: Stage) {
    let broken = stage.queue_to(1, "jo@customer.example");
    let sound = stage.queue_to(2, "jo@customer.example");
    // PostgreSQL has no such rows: its columns are typed.
    if stage.world.is_sqlite() {
        stage.world.exec(&format!("UPDATE mails SET queued_at = 'some day' WHERE id = {broken}"));
        assert_eq!(stage.claim_one("worker").id, sound);
    }
}
