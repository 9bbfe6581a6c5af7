//! The commands as people and scripts run them: the real binary, its answers, its status, what it
//! leaves behind.

mod audit;
mod commands;
mod deployment;
mod doctor;
mod reference;
mod settings;
mod users;

use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use crate::support::TestDb;

/// Everything that a command is started with; nothing comes from the environment of the tests.
pub struct Shell {
    pub dir: tempfile::TempDir,
    settings: Vec<(String, String)>,
    program: PathBuf,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    pub status: i32,
    pub out: String,
    pub err: String,
}

impl Shell {
    /// In a folder of its own, with the default database in it.
    pub fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            settings: vec![],
            program: env!("CARGO_BIN_EXE_rewarddesk").into(),
        }
    }

    /// On a test's database.
    pub fn on(db: &TestDb) -> Self {
        Self::new().with("DATABASE_URL", &db.url)
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }

    /// Another version of the program, from here on.
    pub fn use_program(&mut self, program: &Path) {
        self.program = program.into();
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(args)
            .current_dir(self.dir.path())
            .env_clear()
            .envs(self.settings.iter().map(|(n, v)| (n, v)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn run(&self, args: &[&str]) -> Ended {
        self.command(args).output().unwrap().into()
    }

    /// Runs with `stdin` as standard input.
    pub fn piped(&self, args: &[&str], stdin: &str) -> Ended {
        let file = self.dir.path().join("stdin");
        std::fs::write(&file, stdin).unwrap();
        self.command(args).stdin(std::fs::File::open(file).unwrap()).output().unwrap().into()
    }

    /// Runs what must work, and answers its output.
    #[track_caller]
    pub fn done(&self, args: &[&str]) -> String {
        let ended = self.run(args);
        assert_eq!(ended.status, 0, "{args:?}: {ended:?}");
        ended.out
    }

    /// Runs what must be refused with status 1 and one line on stderr that holds `words`.
    #[track_caller]
    pub fn refused(&self, args: &[&str], words: &str) {
        self.run(args).is_refused(words);
    }
}

impl Ended {
    #[track_caller]
    pub fn is_refused(&self, words: &str) {
        assert_eq!(self.status, 1, "{self:?}");
        assert!(
            self.err.contains(words)
                && self.err.lines().count() == 1
                && self.err.starts_with("rewarddesk: "),
            "{words:?} in {self:?}"
        );
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self {
            status: output.status.code().unwrap_or(-1),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }
}

/// The names of the files in a folder.
pub fn files_in(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
