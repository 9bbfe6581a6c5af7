//! A PostgreSQL of the test's own, with real fsyncs, that can be taken away and brought back. Must not hold tests.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// A cluster in a folder of its own; it ends with this value.
pub struct Cluster {
    programs: PathBuf,
    dir: tempfile::TempDir,
    port: u16,
    is_root: bool,
}

impl Cluster {
    pub fn start() -> Self {
        let dir = tempfile::Builder::new().prefix("rewarddesk-cluster-").tempdir().unwrap();
        let is_root = Command::new("id").arg("-u").output().is_ok_and(|said| said.stdout.trim_ascii() == b"0");
        let mut cluster = Self { programs: programs(), dir, port: 0, is_root };
        let place = cluster.place();
        fs::create_dir(&place).unwrap();
        if is_root {
            // PostgreSQL refuses to run as root.
            fs::set_permissions(cluster.dir.path(), fs::Permissions::from_mode(0o711)).unwrap();
            assert!(Command::new("chown").arg("postgres").arg(&place).status().unwrap().success());
        }
        let data = cluster.data();
        assert!(cluster.run("initdb", &["-D", &data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]));
        // Another test may take the port in between.
        let started = (0..5).any(|_| {
            cluster.port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            cluster.try_start()
        });
        assert!(started, "{}", cluster.log());
        cluster
    }

    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// As a machine that loses its power: no process of it says good-bye.
    pub fn break_off(&self) {
        assert!(self.run("pg_ctl", &["-D", &self.data(), "-m", "immediate", "-w", "-s", "stop"]), "{}", self.log());
    }

    /// After [`Cluster::break_off`]; comes back when it takes connections again.
    pub fn start_again(&self) {
        assert!(self.try_start(), "{}", self.log());
    }

    fn try_start(&self) -> bool {
        let place = self.place();
        let options = format!("-p {} -k {} -c listen_addresses=127.0.0.1", self.port, place.display());
        let log = place.join("log").display().to_string();
        self.run("pg_ctl", &["-D", &self.data(), "-w", "-s", "-l", &log, "-o", &options, "start"])
    }

    fn place(&self) -> PathBuf {
        self.dir.path().join("pg")
    }

    fn data(&self) -> String {
        self.place().join("data").display().to_string()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.place().join("log")).unwrap_or_default()
    }

    fn run(&self, program: &str, args: &[&str]) -> bool {
        let program = self.programs.join(program);
        let mut command = if self.is_root { Command::new("runuser") } else { Command::new(&program) };
        if self.is_root {
            command.args(["-u", "postgres", "--"]).arg(&program);
        }
        // No pipes: the server would hold them open.
        command.args(args).current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().unwrap().success()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if Path::new(&self.data()).join("postmaster.pid").exists() {
            self.run("pg_ctl", &["-D", &self.data(), "-m", "immediate", "-w", "-s", "stop"]);
        }
    }
}

/// Where Debian keeps the newest, or the folder of the path that has it.
fn programs() -> PathBuf {
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path().join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found: Vec<PathBuf> = std::env::split_paths(&path)
        .chain(debian)
        .filter(|folder| folder.join("initdb").exists() && folder.join("pg_ctl").exists())
        .collect();
    found.pop().expect("this test needs initdb and pg_ctl: scripts/test installs them")
}
