//! docs/reference.md names every command, every option and every setting that `--help` lists, and
//! no setting besides.

use std::collections::BTreeSet;

use super::Shell;

const PAGE: &str = include_str!("../../../docs/reference.md");

/// The page's text under a heading of the second level.
fn chapter(title: &str) -> &'static str {
    PAGE.split("\n## ")
        .find_map(|chapter| chapter.strip_prefix(title))
        .unwrap_or_else(|| panic!("{title} is missing"))
}

/// The names below `heading` in a help text: the first word of each line that is indented by two.
fn listed<'a>(help: &'a str, heading: &str) -> Vec<&'a str> {
    help.lines()
        .skip_while(|line| !line.starts_with(heading))
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  "))
        .filter(|line| !line.starts_with(' '))
        .filter_map(|line| line.split(' ').next())
        .filter(|name| *name != "help")
        .collect()
}

/// Each command by its words, with its help.
fn commands() -> Vec<(Vec<String>, String)> {
    let help_of = |words: &[String]| {
        let mut args: Vec<&str> = words.iter().map(String::as_str).collect();
        args.push("--help");
        Shell::new().done(&args)
    };
    let (mut open, mut found): (Vec<Vec<String>>, _) = (vec![vec![]], vec![]);
    while let Some(words) = open.pop() {
        let help = help_of(&words);
        let below = listed(&help, "Commands:");
        if below.is_empty() {
            found.push((words, help));
            continue;
        }
        for name in below {
            open.push(words.iter().cloned().chain([name.to_owned()]).collect());
        }
    }
    found
}

#[test]
fn every_command_and_option_is_in_the_reference() {
    let (rows, commands) = (chapter("Commands"), commands());
    assert!(commands.len() >= 19, "{} commands", commands.len());
    for (words, help) in commands {
        let name = words.join(" ");
        let row = rows
            .lines()
            .find(|row| row.contains(&format!("`{name} ")) || row.contains(&format!("`{name}`")))
            .unwrap_or_else(|| panic!("{name} is missing"));
        let options = help
            .lines()
            .filter(|line| line.starts_with("      --"))
            .filter_map(|line| line.split_whitespace().next());
        for option in options {
            assert!(row.contains(option), "{name} {option} is missing in {row}");
        }
    }
}

#[test]
fn every_setting_is_in_the_reference_and_no_other() {
    let help = Shell::new().done(&["--help"]);
    let told: BTreeSet<&str> = listed(&help, "Settings ")
        .into_iter()
        .filter(|name| name.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
        .collect();
    let first_cells = chapter("Settings")
        .lines()
        .filter_map(|row| row.strip_prefix("| `").and_then(|row| row.split(" | ").next()));
    let written: BTreeSet<&str> = first_cells
        .flat_map(|cell| cell.split('`'))
        .filter(|name| name.contains('_') && !name.contains(' '))
        .collect();
    assert_eq!(told, written);
}
