//! A desk with a reissued reward, a clock that stands still and a mailer that remembers.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::TimeDelta;
use rewarddesk::{
    app::{Desk, Error, Member, mails::deliver_mail},
    db::{Scope, mails, merchants},
    domain::{
        clock::Clock,
        email::Mailbox,
        ids::{CouponId, CustomerNo, MailId, ReissueId, RewardNo, UserId},
        mail::{ClaimedMail, Letter, MailOrigin},
        merchant::Merchant,
        role::Role,
    },
    jobs::mail_worker,
    mail::{Mailer, SendError, memory::Memory},
};
use tokio::{sync::Notify, task::JoinHandle};

use crate::support::{Engine, Fixture, World, world::Scene};

pub struct Stage {
    pub world: World,
    pub desk: Desk,
    pub memory: Memory,
    pub scene: Scene,
    /// The coupon that took the place of OLD-1, and the reissue that did it.
    pub coupon: i64,
    pub reissue: i64,
    pub user: i64,
}

impl Fixture for Stage {
    async fn on(engine: Engine) -> Self {
        let world = World::on(engine).await;
        let scene = world.scene(1);
        let user = world.user(Role::Support);
        let coupon = world.number("SELECT id FROM coupons WHERE state = 'available'");
        let reissue = world.reissue(scene, coupon, user);
        let from = Mailbox::parse("Desk <desk@desk.example>").unwrap();
        let desk = Desk::new(
            world.db.db.clone(),
            Clock::fixed(world.now),
            from,
            "thirty-two characters or more, surely",
        );
        Self { world, desk, memory: Memory::default(), scene, coupon, reissue, user }
    }
}

pub fn letter(n: usize, recipient: &str) -> Letter {
    Letter {
        message_id: format!("mail-{n}@desk.example"),
        sender: "ACME Ltd <desk@desk.example>".into(),
        recipient: recipient.into(),
        subject: "Your new code from ACME Ltd".into(),
        text: format!("Code: SECRET-{n}"),
        html: format!("<p>SECRET-{n}</p>"),
    }
}

impl Stage {
    pub fn merchant(&self) -> (Scope, Merchant) {
        self.desk.db.read(|conn| merchants::for_operator(conn, "acme")).unwrap().unwrap()
    }

    pub fn member(&self) -> Member {
        let (scope, merchant) = self.merchant();
        Member {
            user: UserId(self.user),
            user_name: "Casey".into(),
            user_email: "support@desk.example".into(),
            scope,
            merchant,
            role: Role::Support,
            request_id: "request-1".into(),
        }
    }

    /// Queues a letter about the scene's reward; the first one is the reissue's, the others are
    /// resends.
    pub fn queue(&self, letter: &Letter) -> MailId {
        let origin =
            if self.world.count("mails") == 0 { MailOrigin::Reissue } else { MailOrigin::Resend };
        let new = mails::NewMail {
            customer: CustomerNo(self.scene.customer),
            reward: RewardNo(self.scene.reward),
            coupon: CouponId(self.coupon),
            reissue: Some(ReissueId(self.reissue)),
            origin,
            asked_by: Some(UserId(self.user)),
            letter,
        };
        let scope = self.merchant().0;
        let id = self
            .desk
            .db
            .write(|tx| mails::enqueue(tx, scope, &new, self.desk.clock.now()))
            .unwrap();
        self.desk.mail_wakeup.notify_one();
        id
    }

    pub fn queue_to(&self, n: usize, recipient: &str) -> MailId {
        self.queue(&letter(n, recipient))
    }

    pub fn advance(&self, seconds: i64) {
        self.desk.clock.advance(TimeDelta::seconds(seconds));
        self.desk.mail_wakeup.notify_one();
    }

    pub fn claim(&self, worker: &str) -> Vec<ClaimedMail> {
        deliver_mail::claim_mails(&self.desk, worker, &[], 10).unwrap()
    }

    pub fn claim_one(&self, worker: &str) -> ClaimedMail {
        let mut claimed = self.claim(worker);
        assert_eq!(claimed.len(), 1, "{worker} found another number of due mails than one");
        claimed.remove(0)
    }

    pub fn record(
        &self,
        worker: &str,
        mail: &ClaimedMail,
        outcome: Result<(), SendError>,
    ) -> Result<(), Error> {
        deliver_mail::record(&self.desk, worker, mail, &outcome)
    }

    pub fn state(&self, mail: MailId) -> String {
        self.world.text(&format!("SELECT state FROM mails WHERE id = {mail}")).unwrap()
    }

    pub fn sent(&self) -> i64 {
        self.world.count("mails WHERE state = 'sent'")
    }

    pub fn records(&self, action: &str) -> i64 {
        self.world.count(&format!(
            "audit_records WHERE action = '{action}' AND reissue_id = {}",
            self.reissue
        ))
    }

    pub fn worker(&self) -> Worker {
        self.worker_that(false)
    }

    pub fn worker_that(&self, holds: bool) -> Worker {
        let (desk, mailer, stop) =
            (self.desk.clone(), Mailer::Memory(self.memory.clone()), Arc::new(Notify::new()));
        let told = Arc::clone(&stop);
        let task = tokio::spawn(async move {
            mail_worker::run(desk, mailer, holds, async move { told.notified().await }).await;
        });
        Worker { task, stop }
    }

    /// Waits until `holds`, or fails after two minutes.
    pub async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) -> Duration {
        let begun = Instant::now();
        while !holds(self) {
            assert!(begun.elapsed() < Duration::from_mins(2), "waited in vain until {what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        begun.elapsed()
    }
}

/// A running mail worker.
pub struct Worker {
    task: JoinHandle<()>,
    stop: Arc<Notify>,
}

impl Worker {
    /// As SIGTERM would.
    pub async fn stop(self) {
        self.stop.notify_one();
        self.task.await.unwrap();
    }

    /// As SIGKILL would: nothing more is done or undone.
    pub async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}
