//! The real app in-process: its own port, clock and database, mail kept in memory. Dropping it asks
//! whether all is in order: no invariant broken, no mail that nobody looked at, no code or address
//! in the log.

use std::{
    net::TcpListener,
    ops::Deref,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use chrono::{DateTime, Utc};
use rewarddesk::{
    app::{
        Desk,
        desk::QueueLimits,
        operation::check_invariants::check_invariants,
        sign_in::{queue::Limits, sessions::SessionLimits},
    },
    domain::{clock::Clock, email::Mailbox, mail::Letter, role::Role},
    jobs::{import_worker, mail_worker},
    mail::{mailer::Mailer, memory::Memory},
    web::{server, shared::site::Site},
};
use tokio::sync::oneshot;
use url::Url;

use super::{Client, Engine, Fixture, TestDb, World, invariants, logs, statements, world::noon};

/// A running desk over a [`World`]; lends itself as one.
pub struct App {
    pub world: World,
    pub desk: Desk,
    /// Such as `http://127.0.0.1:40123`.
    pub url: String,
    /// What was delivered, and what the mailer will do.
    pub memory: Memory,
    looked_at: AtomicUsize,
    server: actix_web::dev::ServerHandle,
    worker: Option<oneshot::Sender<()>>,
    pub importer: Option<oneshot::Sender<()>>,
    may_break: bool,
}

impl Fixture for App {
    async fn on(engine: Engine) -> Self {
        Self::start(World::new(TestDb::new(engine), noon()), Clock::fixed(noon()))
    }
}

impl Deref for App {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl App {
    /// Starts the app; must be called on a runtime.
    pub fn start(world: World, clock: Clock) -> Self {
        Self::start_at(world, clock, "127.0.0.1")
    }

    /// The same, reached by that name of this machine.
    pub fn start_at(world: World, clock: Clock, host: &str) -> Self {
        Self::start_with(world, clock, host, |desk, _| desk)
    }

    /// The same with a desk that is made ready for that address.
    pub fn start_with(
        world: World,
        clock: Clock,
        host: &str,
        ready: impl FnOnce(Desk, &str) -> Desk,
    ) -> Self {
        logs::keep();
        let sender = Mailbox::parse("Rewards <rewards@desk.example>").expect("a sender");
        let desk = Desk::new(
            world.db.db.clone(),
            clock,
            sender,
            "a secret of tests, 32 characters or more",
        );
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{host}:{}", listener.local_addr().expect("an address").port());
        let desk = ready(desk.reached_at(&url).with_queue_limits(patient()), &url);
        let site = Site {
            base_url: Url::parse(&url).ok(),
            session_limits: SessionLimits::default(),
            // A test says by `X-Forwarded-For` where somebody is.
            trusted_proxies: vec!["127.0.0.1/32".parse().expect("an address")],
            demo_sign_ins: vec![],
        };
        let (running, _) = server::start(
            listener,
            desk.clone(),
            site,
            std::sync::Arc::new(rewarddesk::web::server::metrics::Metrics::new("tests")),
            2,
        )
        .expect("the server starts");
        let server = running.handle();
        tokio::spawn(running);
        let (memory, (worker, stop)) = (Memory::default(), oneshot::channel::<()>());
        tokio::spawn(mail_worker::run(
            desk.clone(),
            Mailer::Memory(memory.clone()),
            false,
            async {
                let _ = stop.await;
            },
        ));
        let mut app = Self {
            world,
            desk,
            url,
            memory,
            looked_at: AtomicUsize::new(0),
            server,
            worker: Some(worker),
            importer: None,
            may_break: false,
        };
        app.start_importer();
        app
    }

    /// Starts a worker for imports; there is one from the beginning.
    pub fn start_importer(&mut self) {
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(import_worker::run(self.desk.clone(), async {
            let _ = stopped.await;
        }));
        self.importer = Some(stop);
    }

    /// Stops the worker for imports, as SIGTERM does: one at work is given back.
    pub fn stop_importer(&mut self) {
        drop(self.importer.take());
    }

    /// A browser without a script, not signed in.
    pub fn client(&self) -> Client {
        Client::new(&self.url)
    }

    /// A signed-in user of that role, made if there is none.
    pub async fn sign_in(&self, role: Role) -> Client {
        let email = format!("{}@desk.example", role.as_str());
        if self.count(&format!("users WHERE email = '{email}'")) == 0 {
            self.user(role);
        }
        self.client().signed_in(&email).await
    }

    /// Waits until `n` mails have arrived in all, and answers them; they count as looked at.
    pub async fn mails(&self, n: usize) -> Vec<Letter> {
        // Much longer than it takes: a busy machine is no reason to fail.
        for _ in 0..4_800 {
            if self.memory.delivered().len() >= n && self.count("mails WHERE state = 'queued'") == 0
            {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        let mut letters: Vec<Letter> =
            self.memory.delivered().into_iter().map(|delivered| delivered.letter).collect();
        assert_eq!(letters.len(), n, "mails that arrived");
        // Several are sent at once, and arrive in any order: here they are in the order in which
        // they were queued.
        let queued = self.texts("SELECT message_id AS v FROM mails ORDER BY id");
        letters.sort_by_key(|letter| queued.iter().position(|id| *id == letter.message_id));
        self.looked_at.store(self.mail_rows(), Ordering::Relaxed);
        letters
    }

    /// For tests to which mail does not matter.
    pub fn overlook_mails(&self) {
        self.looked_at.store(self.mail_rows(), Ordering::Relaxed);
    }

    fn mail_rows(&self) -> usize {
        usize::try_from(self.count("mails")).unwrap_or_default()
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.desk.clock.now()
    }

    /// The address of a reward's dialog.
    pub fn reissue_path(&self, customer: i64, reward: i64) -> String {
        format!("/m/acme/customers/{customer}/rewards/{reward}/reissue")
    }

    /// Stops listening at once, as a machine that is switched off.
    pub async fn stop(&self) {
        self.server.stop(false).await;
    }

    /// For tests that break the database on purpose: nothing is asked at the end.
    pub fn is_meant_to_break(&mut self) {
        self.may_break = true;
    }

    fn ask(&self) {
        let broken = invariants::broken(&self.world.db);
        assert!(broken.is_empty(), "broken invariants:\n{}", broken.join("\n"));
        let during = statements::during("rewarddesk check");
        let verdicts = check_invariants(&self.world.db.db).expect("the desk's own check runs");
        drop(during);
        let broken: Vec<_> = verdicts.iter().filter(|verdict| !verdict.holds()).collect();
        assert!(broken.is_empty(), "rewarddesk check says: {broken:?}");
        let (made, looked_at) = (self.mail_rows(), self.looked_at.load(Ordering::Relaxed));
        assert_eq!(made, looked_at, "{made} mails were made, and {looked_at} looked at");
        let told = logs::holding_any_of(&invariants::secrets(&self.world.db));
        assert!(told.is_empty(), "the log holds a code or an address:\n{}", told.join("\n"));
    }
}

/// The desk's own limits, but for the time: how long work waits depends on the machine.
fn patient() -> QueueLimits {
    let QueueLimits { writes, reads, password_checks, provider_calls } = QueueLimits::default();
    let [writes, reads, password_checks, provider_calls] =
        [writes, reads, password_checks, provider_calls]
            .map(|limits| Limits { timeout: Duration::from_mins(10), ..limits });
    QueueLimits { writes, reads, password_checks, provider_calls }
}

impl Drop for App {
    fn drop(&mut self) {
        if let Some(worker) = self.worker.take() {
            let _ = worker.send(());
        }
        self.stop_importer();
        drop(self.server.stop(false));
        if !std::thread::panicking() && !self.may_break {
            self.ask();
        }
    }
}
