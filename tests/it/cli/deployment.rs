//! The service's unit and the image's recipe (`deploy/`, `Dockerfile`): every command, setting,
//! path and feature that they name is there, and what they promise to the program is what it needs.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt, path::Path};

use super::Shell;

/// How long a server that was told to stop may take (guarantee R11), in seconds.
const ENDS_WITHIN: u32 = 20;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// `NAME=VALUE` lines, by name; comments and headings left out.
fn pairs(text: &str) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in text
        .lines()
        .filter(|line| !line.starts_with(['#', '[']))
        .filter_map(|line| line.split_once('='))
    {
        found.entry(name.to_owned()).or_default().push(value.trim_matches('"').to_owned());
    }
    found
}

fn unit() -> BTreeMap<String, Vec<String>> {
    pairs(&read("deploy/rewarddesk.service"))
}

/// The one value of a directive of the unit.
#[track_caller]
fn directive(name: &str) -> String {
    let [value] = unit()
        .remove(name)
        .unwrap_or_default()
        .try_into()
        .unwrap_or_else(|all| panic!("{name}: {all:?}"));
    value
}

/// The recipe's instructions, with continued lines joined, as (instruction, rest).
fn instructions() -> Vec<(String, String)> {
    let text = read("Dockerfile");
    let lines: String = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| format!("{line}\n"))
        .collect();
    let joined = lines.replace("\\\n", " ");
    joined
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(a, b)| (a.to_owned(), b.trim().to_owned()))
        .collect()
}

fn instructed(name: &str) -> Vec<String> {
    instructions()
        .into_iter()
        .filter(|(instruction, _)| instruction == name)
        .map(|(_, rest)| rest)
        .collect()
}

#[track_caller]
fn is_a_setting(name: &str) {
    let help = Shell::new().done(&["--help"]);
    assert!(
        help.lines().any(|line| line.split_whitespace().next() == Some(name)),
        "{name} is no setting"
    );
}

/// The example's settings, as if its folders were one of the test's; mail goes there, too, and not
/// to a relay.
fn installed() -> Shell {
    let mut shell = Shell::new();
    let place = shell.dir.path().display().to_string();
    let secret = shell.dir.path().join("secret");
    fs::write(&secret, "0123456789abcdef0123456789abcdef").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o400)).unwrap();
    for (name, values) in pairs(&read("deploy/settings.example")) {
        is_a_setting(&name);
        let value = values[0]
            .replace("/etc/rewarddesk", &place)
            .replace(&directive("WorkingDirectory"), &place);
        shell = shell.with(&name, if name == "SMTP_URL" { "file:." } else { &value });
    }
    shell
}

#[test]
fn the_unit_runs_a_real_command_that_changes_no_schema() {
    let run = directive("ExecStart");
    let (program, command) = run.split_once(' ').unwrap();
    assert_eq!(program, "/usr/local/bin/rewarddesk");
    Shell::new().done(&[&command.split(' ').collect::<Vec<_>>()[..], &["--help"]].concat());
    assert!(
        unit().keys().all(|name| !name.starts_with("ExecStartPre")),
        "several servers would migrate at each start"
    );
}

#[test]
fn the_unit_grants_the_time_to_stop_and_the_place_to_write() {
    let seconds: u32 = directive("TimeoutStopSec").parse().unwrap();
    assert!(seconds > ENDS_WITHIN, "{seconds}");
    assert_eq!(directive("WorkingDirectory"), format!("/var/lib/{}", directive("StateDirectory")));
    assert_eq!(
        (directive("StateDirectoryMode").as_str(), directive("UMask").as_str()),
        ("0700", "0077")
    );
    assert_eq!(directive("ProtectSystem"), "strict");
    // A dump would hold codes and the secret key.
    assert_eq!(directive("LimitCORE"), "0");
    assert!(directive("LimitNOFILE").parse::<u64>().unwrap() >= 8192);
    for name in [
        "NoNewPrivileges",
        "MemoryDenyWriteExecute",
        "PrivateTmp",
        "PrivateDevices",
        "RestrictSUIDSGID",
        "LockPersonality",
    ] {
        assert_eq!(directive(name), "yes", "{name}");
    }
    assert!(!["", "root", "0"].contains(&directive("User").as_str()));
    let place = directive("EnvironmentFile");
    assert!(read("docs/operating.md").contains(&place), "the docs do not say what {place} is");
}

#[test]
fn the_example_settings_are_all_that_a_server_needs() {
    let shell = installed();
    shell.refused(&["serve"], "there is no database");
    shell.done(&["migrate"]);
    let doctor = shell.done(&["doctor"]);
    assert!(
        doctor.lines().all(|line| line.starts_with("ok  ") || line.contains("  mail relay: ")),
        "{doctor}"
    );
    assert!(
        shell.dir.path().join("desk.db").exists(),
        "the database is not where the unit may write"
    );
}

#[test]
fn the_image_is_made_of_what_is_there() {
    let let_in: Vec<String> = read(".dockerignore")
        .lines()
        .filter_map(|line| line.strip_prefix('!'))
        .map(ToOwned::to_owned)
        .collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for path in &let_in {
        assert!(root.join(path).exists(), "{path} is not there");
    }
    // What build.rs watches, it reads; embedded and compiled are these besides.
    let build = read("build.rs");
    let watched = build.split("for watched in").nth(1).unwrap().split('{').next().unwrap();
    let watched = watched.split('"').skip(1).step_by(2);
    assert!(watched.clone().count() > 4, "build.rs is written differently");
    let manifest = read("Cargo.toml");
    let members = manifest
        .lines()
        .find_map(|line| line.strip_prefix("members = ["))
        .unwrap()
        .split('"')
        .skip(1)
        .step_by(2);
    for path in
        watched.chain(["src", "templates", "Cargo.toml", "Cargo.lock", ".cargo"]).chain(members)
    {
        assert!(let_in.iter().any(|there| there == path), ".dockerignore keeps {path} out");
    }
    for copied in instructed("COPY").iter().filter(|rest| !rest.starts_with("--from=")) {
        let mut names: Vec<&str> = copied.split(' ').collect();
        names.pop();
        assert!(
            names.iter().all(|name| *name == "." || let_in.iter().any(|there| there == name)),
            "{copied}"
        );
    }
    let run = instructed("RUN").concat();
    let feature = run.split("--features ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    assert!(read("Cargo.toml").contains(&format!("\n{feature} = [")), "{feature} is no feature");
    let oldest = read("Cargo.toml")
        .lines()
        .find_map(|line| {
            line.strip_prefix("rust-version = ").map(|v| v.trim_matches('"').to_owned())
        })
        .unwrap();
    assert!(
        instructed("FROM").iter().any(|from| from.starts_with(&format!("rust:{oldest}-"))),
        "not built by Rust {oldest}"
    );
}

#[test]
fn the_image_runs_a_command_and_sets_what_is_a_setting() {
    let words = |rest: &str| {
        rest.split('"').skip(1).step_by(2).map(ToOwned::to_owned).collect::<Vec<String>>()
    };
    let (entry, command) = (words(&instructed("ENTRYPOINT")[0]), words(&instructed("CMD")[0]));
    assert_eq!(entry, ["rewarddesk"]);
    Shell::new()
        .done(&[&command.iter().map(String::as_str).collect::<Vec<_>>()[..], &["--help"]].concat());
    let settings = instructed("ENV").pop().unwrap();
    let settings: Vec<(&str, &str)> =
        settings.split_whitespace().map(|pair| pair.split_once('=').unwrap()).collect();
    for (name, value) in &settings {
        is_a_setting(name);
        let port = value.strip_prefix("0.0.0.0:");
        assert!(port.is_none_or(|port| instructed("EXPOSE") == [port]), "{value}");
    }
    let volume = instructed("VOLUME").pop().unwrap();
    assert!(
        settings.iter().any(|(name, value)| *name == "DATABASE_URL"
            && value.starts_with(&format!("sqlite:{volume}/")))
    );
    assert!(!["root", "0"].contains(&instructed("USER").pop().unwrap().as_str()));
}
