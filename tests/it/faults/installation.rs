//! An installation that was set up by the commands, and its server as a process that can be killed,
//! stopped and started again.

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use serde_json::Value;

use super::load::Told;
use crate::{
    cli::Shell,
    support::{Client, TestDb, invariants, world::PASSWORD},
};

const EMAIL: &str = "casey@desk.example";
/// For what a process of the desk may take on a busy machine.
const PROCESS_TIMEOUT: Duration = Duration::from_mins(3);

/// A merchant with rewards whose coupons have expired, and fresh codes.
pub struct Installation {
    pub shell: Shell,
    pub db: TestDb,
    pub rewards: Vec<Reward>,
    starts: AtomicU32,
}

/// One reward, with the address of its dialog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reward {
    pub id: String,
    pub path: String,
    pub profile: String,
}

/// A running `rewarddesk serve`.
pub struct Server {
    child: Child,
    pub url: String,
}

impl Installation {
    /// Rewards `R-0000` and on with the expired codes `OLD-0000` and on, and the usable codes
    /// `NEW-0000` and on.
    pub fn new(db: TestDb, rewards: usize, codes: usize, mail: &str) -> Self {
        Self::made_by(settings(&db, mail), db, rewards, codes)
    }

    /// The same, made by another version of the program, on a database without a schema.
    pub fn of_version(
        program: &Path,
        db: TestDb,
        rewards: usize,
        codes: usize,
        mail: &str,
    ) -> Self {
        let mut shell = settings(&db, mail);
        shell.use_program(program);
        Self::made_by(shell, db, rewards, codes)
    }

    fn made_by(shell: Shell, db: TestDb, rewards: usize, codes: usize) -> Self {
        shell.done(&["migrate"]);
        shell.done(&[
            "merchant",
            "add",
            "acme",
            "--name",
            "Acme Ltd",
            "--timezone",
            "Europe/London",
        ]);
        let user = [
            "user",
            "add",
            EMAIL,
            "--name",
            "Casey Jones",
            "--role",
            "support",
            "--merchant",
            "acme",
            "--password-stdin",
        ];
        assert_eq!(shell.piped(&user, PASSWORD).status, 0);
        shell.done(&["batch", "add", "Spring", "--merchant", "acme"]);
        let mut house = Self { shell, db, rewards: vec![], starts: AtomicU32::new(0) };
        house.import("vouchers", &["--batch", "Spring"], "code,expires_at", rewards, |n| {
            format!("OLD-{n:04},2020-01-01")
        });
        house.import("vouchers", &["--batch", "Spring"], "code", codes, |n| format!("NEW-{n:04}"));
        house.import("customers", &[], "email,customer_id", rewards, |n| {
            format!("jo-{n:04}@customer.example,C-{n:04}")
        });
        let columns = "reward_id,email,kind,title,fulfilment,batch,code";
        house.import("rewards", &[], columns, rewards, |n| {
            format!("R-{n:04},jo-{n:04}@customer.example,referrer,£20 off,batch,Spring,OLD-{n:04}")
        });
        let found = house.db.texts(
            "SELECT customer || ' ' || id || ' ' || reward_id AS v FROM rewards ORDER BY id",
        );
        house.rewards = found.iter().map(|line| Reward::read(line)).collect();
        assert_eq!(house.rewards.len(), rewards);
        house
    }

    /// The same installation on a copy of its database, as after a restore.
    pub fn restored(&self, db: TestDb, mail: &str) -> Self {
        Self {
            shell: settings(&db, mail),
            db,
            rewards: self.rewards.clone(),
            starts: AtomicU32::new(0),
        }
    }

    /// The same installation with this setting.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.shell = std::mem::replace(&mut self.shell, Shell::new()).with(name, value);
        self
    }

    fn import(
        &self,
        what: &str,
        more: &[&str],
        columns: &str,
        rows: usize,
        row: impl Fn(usize) -> String,
    ) {
        let path = self.shell.dir.path().join(format!("{what}.csv"));
        fs::write(&path, file(columns, 0..rows, row)).unwrap();
        self.shell.done(
            &[&["import", what, path.to_str().unwrap(), "--merchant", "acme"], more].concat(),
        );
    }

    /// Starts the server and waits until it listens.
    pub fn serve(&self) -> Server {
        self.serve_with(&[])
    }

    /// Starts the server with more arguments.
    pub fn serve_with(&self, more: &[&str]) -> Server {
        self.db.let_go();
        let log = self.log(self.starts.fetch_add(1, Ordering::Relaxed));
        let mut command =
            self.shell.command(&[&["serve", "--listen", "127.0.0.1:0"], more].concat());
        let mut child =
            command.stdout(Stdio::null()).stderr(File::create(&log).unwrap()).spawn().unwrap();
        let begun = Instant::now();
        loop {
            let said = fs::read_to_string(&log).unwrap();
            if let Some(address) = said.lines().find_map(listening) {
                return Server { child, url: format!("http://{address}") };
            }
            assert!(
                child.try_wait().unwrap().is_none() && begun.elapsed() < PROCESS_TIMEOUT,
                "the server did not start: {said}"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Casey, signed in at `server`. The session outlives it.
    pub async fn sign_in(&self, server: &Server) -> Client {
        Client::new(&server.url).signed_in(EMAIL).await
    }

    /// The audit export's records of reissues, by reward.
    pub fn exported(&self) -> BTreeMap<String, Value> {
        let lines = self.shell.done(&["audit", "export", "--merchant", "acme"]);
        let records = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let reissues: Vec<Value> =
            records.filter(|record| record["action"] == "coupon.reissued").collect();
        let count = reissues.len();
        let by_reward: BTreeMap<_, _> = reissues
            .into_iter()
            .map(|record| (record["reward_id"].as_str().unwrap().to_owned(), record))
            .collect();
        assert_eq!(by_reward.len(), count, "a reward has two records");
        by_reward
    }

    /// `rewarddesk check` holds.
    #[track_caller]
    pub fn is_sound(&self) {
        let said = self.shell.done(&["check"]);
        assert!(said.lines().all(|line| line.contains(" ok: ")), "{said}");
    }

    /// Everything that was told is in the audit export with the same code, no code is there twice,
    /// no invariant is broken, and no log holds a code or an address.
    #[track_caller]
    pub fn keeps_its_word(&self, told: &Told) -> BTreeMap<String, Value> {
        self.is_sound();
        assert_eq!(invariants::broken(&self.db), Vec::<String>::new());
        let exported = self.exported();
        for (reward, (_, code)) in told {
            let record =
                exported.get(reward).unwrap_or_else(|| panic!("{reward} was told of and is lost"));
            assert!(
                code.is_none() || code.as_deref() == record["new_code"].as_str(),
                "{reward}: told {code:?}, kept {record}"
            );
        }
        let mut codes: Vec<&str> =
            exported.values().filter_map(|record| record["new_code"].as_str()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), exported.len(), "a code was given twice");
        for n in 0..self.starts.load(Ordering::Relaxed) {
            let log = fs::read_to_string(self.log(n)).unwrap();
            let leak = log.lines().find(|line| {
                ["OLD-", "NEW-", "@customer.example"].iter().any(|secret| line.contains(secret))
            });
            assert_eq!(leak, None, "the log tells");
        }
        exported
    }

    /// The log lines of the server that was started last.
    pub fn said(&self) -> Vec<Value> {
        let log = fs::read_to_string(self.log(self.starts.load(Ordering::Relaxed) - 1)).unwrap();
        log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    fn log(&self, start: u32) -> PathBuf {
        self.shell.dir.path().join(format!("log-{start}"))
    }
}

/// A file of one header and rows.
pub fn file(columns: &str, rows: std::ops::Range<usize>, row: impl Fn(usize) -> String) -> String {
    rows.fold(format!("{columns}\n"), |mut text, n| {
        let _ = writeln!(text, "{}", row(n));
        text
    })
}

fn settings(db: &TestDb, mail: &str) -> Shell {
    Shell::on(db)
        .with("REWARDDESK_SECRET_KEY", "a secret of tests, 32 characters or more")
        .with("REWARDDESK_BASE_URL", "http://127.0.0.1")
        .with("REWARDDESK_LOG_FORMAT", "json")
        .with("SMTP_URL", mail)
        .with("MAIL_FROM", "Rewards <rewards@desk.example>")
}

fn listening(line: &str) -> Option<String> {
    let said: Value = serde_json::from_str(line).ok()?;
    (said["message"] == "listening").then(|| said["address"].as_str().map(ToOwned::to_owned))?
}

impl Reward {
    fn read(line: &str) -> Self {
        let [customer, no, id] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let profile = format!("/m/acme/customers/{customer}");
        Self { id: id.to_owned(), path: format!("{profile}/rewards/{no}/reissue"), profile }
    }
}

impl Server {
    /// SIGKILL: nothing more is done or undone.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// SIGTERM, and no waiting.
    pub fn terminate(&self) {
        let status = Command::new("sh")
            .arg("-c")
            .arg(format!("kill -TERM {}", self.child.id()))
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// Waits for the end; the status, and how long after `begun` it came.
    pub fn ended(mut self, begun: Instant) -> (Option<i32>, Duration) {
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status.code(), begun.elapsed());
            }
            assert!(begun.elapsed() < PROCESS_TIMEOUT, "the server does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
