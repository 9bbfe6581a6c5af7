//! The mail worker at work, and at its worst moments.

use std::{collections::BTreeMap, time::Duration};

use rewarddesk::{app::mails::release_mail, mail::memory::Behaviour};

use super::stage::Stage;

impl Stage {
    /// How often each letter has arrived.
    fn arrivals(&self) -> BTreeMap<String, usize> {
        let mut arrivals = BTreeMap::new();
        for delivered in self.memory.delivered() {
            *arrivals.entry(delivered.letter.message_id).or_default() += 1;
        }
        arrivals
    }
}

#[both]
async fn a_mail_goes_out_as_soon_as_it_is_queued(stage: Stage) {
    let worker = stage.worker();
    tokio::time::sleep(Duration::from_millis(200)).await;
    // Each is queued just after a round of the worker: by its poll alone none would go out sooner
    // than at the next one. On a busy machine a mail may be late all the same, but not every one.
    let (mut queued, mut quickest) = (0, Duration::MAX);
    while queued < 10 && quickest >= Duration::from_millis(1500) {
        queued += 1;
        stage.queue_to(queued, "jo@customer.example");
        quickest = quickest
            .min(stage.until("the mail is sent", |s| s.memory.delivered().len() == queued).await);
    }
    stage.until("all of them are recorded", |s| usize::try_from(s.sent()) == Ok(queued)).await;
    assert!(
        quickest < Duration::from_millis(1500),
        "it took {quickest:?}: the poll sent it, not the wake-up"
    );
    assert_eq!(usize::try_from(stage.records("email.sent")), Ok(queued));
    assert_eq!(stage.memory.delivered()[0].queued_at, stage.world.now);
    worker.stop().await;
}

#[both]
async fn a_retry_is_the_same_mail(stage: Stage) {
    stage.memory.script([Behaviour::Temporary, Behaviour::DeliverAndFail]);
    let mail = stage.queue_to(1, "jo@customer.example");
    let worker = stage.worker();
    for tries in 1..=3 {
        stage
            .until("it is tried", |s| {
                s.memory.tries() == tries && s.world.count("mails WHERE lease_holder IS NULL") == 1
            })
            .await;
        stage.advance(60);
    }
    stage.until("it is sent", |s| s.state(mail) == "sent").await;
    let delivered = stage.memory.delivered();
    assert_eq!(delivered.len(), 2, "once when the line broke, once after");
    assert_eq!(delivered[0], delivered[1]);
    assert_eq!(stage.records("email.sent"), 1);
    worker.stop().await;
}

#[both]
async fn a_mail_of_a_killed_worker_is_sent_again_under_the_same_id(stage: Stage) {
    stage.memory.script([Behaviour::DeliverAndHang]);
    stage.queue_to(1, "jo@customer.example");
    let worker = stage.worker();
    stage.until("it has arrived", |s| s.memory.delivered().len() == 1).await;
    worker.kill().await;
    assert_eq!(stage.sent(), 0);

    let next = stage.worker();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(stage.memory.tries(), 1, "the lease had not lapsed");
    stage.advance(30);
    stage.until("it is sent", |s| s.sent() == 1).await;
    assert_eq!(stage.arrivals(), BTreeMap::from([("mail-1@desk.example".to_owned(), 2)]));
    assert_eq!(stage.records("email.sent"), 1);
    next.stop().await;
}

#[both]
async fn bad_mails_block_nobody(stage: Stage) {
    for (n, behaviour) in [
        Behaviour::Hang,
        Behaviour::Hang,
        Behaviour::Hang,
        Behaviour::Panic,
        Behaviour::Temporary,
        Behaviour::Permanent,
    ]
    .into_iter()
    .enumerate()
    {
        let recipient = format!("bad{n}@customer.example");
        stage.memory.for_recipient(&recipient, behaviour);
        stage.queue_to(n, &recipient);
    }
    for n in 10..30 {
        stage.queue_to(n, "jo@customer.example");
    }
    let worker = stage.worker();
    // One that hangs is given up after minutes, later than this waits.
    stage.until("the good ones are sent", |s| s.sent() == 20).await;
    assert_eq!(stage.world.count("mails WHERE state = 'failed'"), 1);
    let why = "last_error = 'the desk itself failed at sending this mail'";
    assert_eq!(stage.world.count(&format!("mails WHERE state = 'queued' AND {why}")), 1);
    worker.kill().await;
}

#[both]
async fn a_relay_that_hangs_on_every_sender_delays_others_by_seconds(stage: Stage) {
    stage.memory.for_recipient("bad@customer.example", Behaviour::Hang);
    for n in 0..6 {
        stage.queue_to(n, "bad@customer.example");
    }
    stage.queue_to(6, "jo@customer.example");
    let worker = stage.worker();
    stage.until("the good one is sent", |s| s.sent() == 1).await;
    worker.kill().await;
}

#[both]
async fn two_workers_send_each_mail_once(stage: Stage) {
    let workers = [stage.worker(), stage.worker()];
    for n in 0..40 {
        stage.queue_to(n, "jo@customer.example");
    }
    stage.until("all are sent", |s| s.sent() == 40).await;
    for worker in workers {
        worker.stop().await;
    }
    let arrivals = stage.arrivals();
    assert_eq!((arrivals.len(), stage.memory.tries()), (40, 40), "{arrivals:?}");
    assert_eq!(stage.records("email.sent"), 40);
}

#[both]
async fn a_dialogue_longer_than_the_lease_stays_with_its_worker(stage: Stage) {
    stage.memory.for_recipient("slow@customer.example", Behaviour::Hang);
    stage.queue_to(1, "slow@customer.example");
    let first = stage.worker();
    stage.until("it is tried", |s| s.memory.tries() == 1).await;
    let second = stage.worker();
    // The desk's time goes on by less than a lease between two renewals, and by more in all.
    let lease = || stage.world.text("SELECT next_attempt_at FROM mails");
    for _ in 0..2 {
        let before = lease();
        stage.advance(20);
        stage.until("the lease is renewed", |_| lease() != before).await;
    }
    assert_eq!(stage.memory.tries(), 1);
    first.kill().await;
    stage.advance(30);
    stage.until("the other one takes over", |s| s.memory.tries() == 2).await;
    second.kill().await;
}

#[both]
async fn a_stopped_worker_ends_its_work_and_gives_the_rest_back(stage: Stage) {
    stage.memory.for_recipient("bad@customer.example", Behaviour::Hang);
    stage.queue_to(1, "bad@customer.example");
    let worker = stage.worker();
    stage.until("it is tried", |s| s.memory.tries() == 1).await;
    let begun = std::time::Instant::now();
    worker.stop().await;
    assert!(begun.elapsed() < Duration::from_mins(1), "{:?}", begun.elapsed());
    assert_eq!(stage.world.count("mails WHERE state = 'queued' AND lease_holder IS NULL"), 1);
    assert_eq!(stage.claim("next").len(), 1, "it is due at once");
}

#[both]
async fn held_mail_waits_until_it_is_released(stage: Stage) {
    let worker = stage.worker_that(true);
    stage.queue_to(1, "jo@customer.example");
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert_eq!(stage.memory.tries(), 0);
    let waiting = release_mail::release_mail(&stage.desk).unwrap();
    assert_eq!(
        (waiting.count(), waiting.within_an_hour, waiting.oldest),
        (1, 1, Some(stage.world.now))
    );
    stage.until("it is sent", |s| s.sent() == 1).await;
    worker.stop().await;

    // An earlier release does not count for a worker that begins to hold now.
    let later = stage.worker_that(true);
    stage.queue_to(2, "jo@customer.example");
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(stage.memory.tries(), 1);
    later.kill().await;
}

#[both]
async fn the_worker_outlives_its_database_being_away(stage: Stage) {
    let worker = stage.worker();
    stage.queue_to(1, "jo@customer.example");
    stage.until("it is sent", |s| s.sent() == 1).await;
    let (away, back) = if stage.world.is_sqlite() {
        ("ALTER TABLE mails RENAME TO hidden", "ALTER TABLE hidden RENAME TO mails")
    } else {
        (
            "ALTER TABLE mails RENAME TO hidden; SELECT pg_terminate_backend(pid) FROM \
             pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
            "ALTER TABLE hidden RENAME TO mails",
        )
    };
    stage.world.exec(away);
    stage.desk.mail_wakeup.notify_one();
    tokio::time::sleep(Duration::from_millis(2500)).await;
    stage.world.exec(back);
    stage.queue_to(2, "jo@customer.example");
    stage.until("the next one is sent", |s| s.sent() == 2).await;
    worker.stop().await;
}
