//! A PostgreSQL of the test's own, with real fsyncs, that can be stopped and started again.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use diesel::connection::SimpleConnection;

use crate::support::postgres;

/// A cluster in a folder of its own; it ends with this value.
pub struct Cluster {
    programs: PathBuf,
    place: Place,
    port: u16,
    /// A locale of the test's own, in which the server writes its messages.
    language: Option<String>,
}

/// A folder in which a server can run that refuses to run as root.
pub struct Place {
    dir: tempfile::TempDir,
    is_root: bool,
}

impl Place {
    pub fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("rewarddesk-cluster-").tempdir().unwrap();
        let is_root = Command::new("id")
            .arg("-u")
            .output()
            .is_ok_and(|said| said.stdout.trim_ascii() == b"0");
        let place = Self { dir, is_root };
        fs::create_dir(place.path()).unwrap();
        if is_root {
            fs::set_permissions(place.dir.path(), fs::Permissions::from_mode(0o711)).unwrap();
            assert!(
                Command::new("chown").arg("postgres").arg(place.path()).status().unwrap().success()
            );
        }
        place
    }

    pub fn path(&self) -> PathBuf {
        self.dir.path().join("pg")
    }

    /// A program that is run as somebody who may.
    pub fn command(&self, program: &Path) -> Command {
        let mut command =
            if self.is_root { Command::new("runuser") } else { Command::new(program) };
        if self.is_root {
            command.args(["-u", "postgres", "--"]).arg(program);
        }
        // No pipes: a server would hold them open.
        command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

/// A port that nobody listens on; another test may take it in between.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Cluster {
    pub fn start() -> Self {
        Self::made(None)
    }

    /// A server whose messages are in this language, such as `de_DE`.
    pub fn speaking(language: &str) -> Self {
        let cluster = Self::made(Some(language));
        let mut conn = postgres::open(&cluster.url());
        let said = conn.batch_execute("SELECT 1 / 0").unwrap_err().to_string();
        assert!(!said.contains("division by zero"), "the server still speaks English");
        cluster
    }

    fn made(language: Option<&str>) -> Self {
        let place = Place::new();
        let language = language.map(|language| {
            // Made here and found by LOCPATH: the machine's own locales stay as they are.
            let name = format!("{language}.UTF-8");
            let made = Command::new("localedef")
                .args(["-i", language, "-f", "UTF-8"])
                .arg(place.dir.path().join(&name))
                .status();
            assert!(
                made.is_ok_and(|status| status.success()),
                "this test needs Debian's package locales: scripts/test installs it"
            );
            name
        });
        let cluster = Self { programs: programs(), place, port: 0, language };
        let data = cluster.data();
        let messages =
            format!("--lc-messages={}", cluster.language.as_deref().unwrap_or("C.UTF-8"));
        let locale = ["-E", "UTF8", "--locale=C.UTF-8", &messages];
        assert!(
            cluster.run(
                "initdb",
                &[
                    ["-D", &data, "-A", "trust"].as_slice(),
                    &["-U", "postgres", "--no-sync"],
                    &locale
                ]
                .concat()
            )
        );
        cluster.started()
    }

    /// Another cluster that follows this one: from now on a commit here is confirmed when it is on
    /// the disks of both.
    pub fn with_standby(&self) -> Self {
        let standby =
            Self { programs: self.programs.clone(), place: Place::new(), port: 0, language: None };
        let (data, from) =
            (standby.data(), format!("host=127.0.0.1 port={} user=postgres", self.port));
        assert!(standby.run(
            "pg_basebackup",
            &["-D", &data, "-d", &from, "-R", "-X", "stream", "-c", "fast", "--no-sync"]
        ));
        let standby = standby.started();
        // After the copy, which is to wait for nobody once it is promoted.
        let mut conn = postgres::open(&self.url());
        conn.batch_execute("ALTER SYSTEM SET synchronous_standby_names = '*'").unwrap();
        conn.batch_execute("SELECT pg_reload_conf()").unwrap();
        standby
    }

    /// An address that leads to whichever of the two takes writes.
    pub fn url_with(&self, other: &Self) -> String {
        format!(
            "postgres://postgres@127.0.0.1:{},127.0.0.1:{}/postgres?target_session_attrs=read-write",
            self.port, other.port
        )
    }

    /// A standby that hears nothing of its primary from now on, as if the network between them were
    /// cut.
    pub fn stop_following(&self) {
        let mut conn = postgres::open(&self.url());
        conn.batch_execute("ALTER SYSTEM SET primary_conninfo = ''").unwrap();
        conn.batch_execute("SELECT pg_reload_conf()").unwrap();
    }

    /// Makes a standby the primary.
    pub fn promote(&self) {
        assert!(self.run("pg_ctl", &["-D", &self.data(), "-w", "-s", "promote"]), "{}", self.log());
    }

    /// SIGKILL for every process of it at once.
    pub fn kill(&self) {
        let said = fs::read_to_string(Path::new(&self.data()).join("postmaster.pid")).unwrap();
        let first = said.lines().next().unwrap();
        let children = fs::read_to_string(format!("/proc/{first}/task/{first}/children")).unwrap();
        let killed = Command::new("kill")
            .arg("-KILL")
            .arg(first)
            .args(children.split_whitespace())
            .stderr(Stdio::null())
            .status();
        assert!(killed.is_ok());
        while postgres_answers(self.port) {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }

    fn started(mut self) -> Self {
        // Another test may take the port in between.
        let started = (0..5).any(|_| {
            self.port = free_port();
            self.try_start()
        });
        assert!(started, "{}", self.log());
        self
    }

    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// As a machine that loses its power: no process of it says good-bye.
    pub fn break_off(&self) {
        assert!(
            self.run("pg_ctl", &["-D", &self.data(), "-m", "immediate", "-w", "-s", "stop"]),
            "{}",
            self.log()
        );
    }

    /// After [`Cluster::break_off`]; comes back when it takes connections again.
    pub fn start_again(&self) {
        assert!(self.try_start(), "{}", self.log());
    }

    fn try_start(&self) -> bool {
        let place = self.place.path();
        let options =
            format!("-p {} -k {} -c listen_addresses=127.0.0.1", self.port, place.display());
        let log = place.join("log").display().to_string();
        self.run("pg_ctl", &["-D", &self.data(), "-w", "-s", "-l", &log, "-o", &options, "start"])
    }

    fn data(&self) -> String {
        self.place.path().join("data").display().to_string()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.place.path().join("log")).unwrap_or_default()
    }

    fn run(&self, program: &str, args: &[&str]) -> bool {
        let mut command = self.place.command(&self.programs.join(program));
        if self.language.is_some() {
            command.env("LOCPATH", self.place.dir.path());
        }
        command.args(args).status().unwrap().success()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if Path::new(&self.data()).join("postmaster.pid").exists() {
            self.run("pg_ctl", &["-D", &self.data(), "-m", "immediate", "-w", "-s", "stop"]);
        }
    }
}

fn postgres_answers(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

/// Where Debian keeps the newest, or the folder of the path that has it.
fn programs() -> PathBuf {
    let debian = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found: Vec<PathBuf> = std::env::split_paths(&path)
        .chain(debian)
        .filter(|folder| folder.join("initdb").exists() && folder.join("pg_ctl").exists())
        .collect();
    found.pop().expect("this test needs initdb and pg_ctl: scripts/test installs them")
}
