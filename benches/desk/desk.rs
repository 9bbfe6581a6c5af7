//! The release binary under test: its commands, its server, and what it takes of the machine.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

pub const EMAIL: &str = "casey@desk.example";
pub const PASSWORD: &str = "nine grey geese in a row";

/// One installation: a database, and settings to run on it.
#[derive(Debug, Clone)]
pub struct Desk {
    pub url: String,
    folder: PathBuf,
}

/// A command that came to its end.
pub struct Ended {
    pub status: ExitStatus,
    pub said: String,
    pub refused: String,
    /// The most memory it ever held, in MiB.
    pub most_memory: f64,
}

/// A running server.
pub struct Server {
    child: Child,
    pub address: String,
    /// From the start of the process until it listens.
    pub started_in: Duration,
}

/// The project's folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .expect("the project is where it was built")
}

/// What was built by `cargo build --release`.
pub fn binary() -> PathBuf {
    root().join("target/release/rewarddesk")
}

impl Desk {
    pub fn new(url: &str, folder: &Path) -> Self {
        fs::create_dir_all(folder.join("mail")).expect("a folder");
        Self { url: url.to_owned(), folder: folder.to_owned() }
    }

    pub fn is_sqlite(&self) -> bool {
        self.url.starts_with("sqlite:")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.args(arguments).current_dir(&self.folder).env("DATABASE_URL", &self.url);
        command
            .env("REWARDDESK_SECRET_KEY", "a secret of benches, 32 characters or more")
            .env("REWARDDESK_BASE_URL", "http://127.0.0.1");
        command.env("SMTP_URL", format!("file:{}", self.folder.join("mail").display()));
        command
            .env("MAIL_FROM", "Rewards <rewards@desk.example>")
            .env("REWARDDESK_LOG_FORMAT", "json");
        command
    }

    /// Runs a command to its good end.
    pub fn done(&self, arguments: &[&str]) {
        self.fed(arguments, std::iter::empty());
    }

    /// Runs a command that reads these lines from standard input, to its good end.
    pub fn fed(&self, arguments: &[&str], lines: impl Iterator<Item = String>) {
        let ended = self.ended(arguments, lines);
        assert!(ended.status.success(), "{arguments:?}: {}", ended.refused);
    }

    /// Runs a command that reads these lines from standard input, to its end.
    pub fn ended(&self, arguments: &[&str], lines: impl Iterator<Item = String>) -> Ended {
        let mut command = self.command(arguments);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the release binary");
        let pid = child.id();
        let watch = std::thread::spawn(move || {
            let mut most = 0.0_f64;
            // The system keeps the most itself; it is gone with the process.
            while let Some(now) = memory(pid, "VmHWM:") {
                most = most.max(now);
                std::thread::sleep(Duration::from_millis(10));
            }
            most
        });
        {
            let mut input =
                std::io::BufWriter::with_capacity(1 << 20, child.stdin.take().expect("its input"));
            for line in lines {
                input.write_all(line.as_bytes()).expect("it reads on");
            }
        }
        let out = child.wait_with_output().expect("its end");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let most_memory = watch.join().expect("a figure");
        Ended {
            status: out.status,
            said: text(&out.stdout),
            refused: text(&out.stderr),
            most_memory,
        }
    }

    /// A file that a command has left beside the database.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub fn serve(&self, more: &[&str]) -> Server {
        static STARTS: AtomicU32 = AtomicU32::new(0);
        let log = self.folder.join(format!("serve-{}.log", STARTS.fetch_add(1, Ordering::Relaxed)));
        let begun = Instant::now();
        let mut command = self.command(&[&["serve", "--listen", "127.0.0.1:0"], more].concat());
        command.env("RUST_LOG", "warn,rewarddesk::startup=info");
        let mut child = command
            .stdout(Stdio::null())
            .stderr(File::create(&log).expect("a log"))
            .spawn()
            .expect("the release binary");
        loop {
            // A start is a matter of milliseconds, and looking at it often would slow it down.
            let said = fs::read_to_string(&log).unwrap_or_default();
            if let Some(address) =
                said.lines().filter(|line| line.contains("\"listening\"")).find_map(|line| {
                    let said: serde_json::Value = serde_json::from_str(line).ok()?;
                    Some(said["address"].as_str()?.to_owned())
                })
            {
                return Server { child, address, started_in: begun.elapsed() };
            }
            assert!(
                child.try_wait().expect("a child").is_none(),
                "the server did not start: {said}"
            );
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Server {
    /// What it holds in memory, in MiB.
    pub fn memory(&self) -> f64 {
        memory(self.child.id(), "VmRSS:").expect("it runs")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}

/// A process's resident memory in MiB, now or at the most; `None` when it has ended.
fn memory(pid: u32, which: &str) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with(which))?;
    line.split_whitespace().nth(1)?.parse::<f64>().ok().map(|kib| kib / 1024.0)
}
