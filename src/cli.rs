//! The command line: what there is, and how its answers and refusals leave
//! the process. Wiring only; what a command does is in its own module and in the use cases.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::{CommandFactory, Parser, Subcommand};

use crate::{config, config::Settings, telemetry};

mod audit;
mod backup;
mod batch;
mod check;
pub mod database;
mod demo;
mod doctor;
mod import;
mod mail;
mod merchant;
mod migrate;
pub mod outcome;
mod serve;
mod user;

use outcome::CommandFailure;

/// A desk for safely reissuing reward coupons.
#[derive(Debug, Parser)]
#[command(name = "rewarddesk", version, about, after_help = config::help(), arg_required_else_help = true, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::DemoArgs),
    Serve(serve::ServeArgs),
    Migrate(migrate::Migrate),
    #[command(subcommand)]
    Merchant(merchant::MerchantCommand),
    #[command(subcommand)]
    User(user::UserCommand),
    #[command(subcommand)]
    Batch(batch::BatchCommand),
    Import(import::ImportArgs),
    #[command(subcommand)]
    Audit(audit::Audit),
    #[command(subcommand)]
    Mail(mail::Mail),
    Backup(backup::Backup),
    Check(check::Check),
    Doctor(doctor::Doctor),
}

/// Runs the command that the process was started with.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let out = &mut io::stdout().lock();
    match dispatch(cli.command, out)
        .and_then(|answer| out.flush().map_err(CommandFailure::from).map(|()| answer))
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(CommandFailure::ReaderLeft(code)) => code,
        Err(CommandFailure::Because(sentence)) => {
            let _ = writeln!(io::stderr(), "rewarddesk: {sentence}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(command: Command, out: &mut dyn Write) -> Result<(), CommandFailure> {
    let default_log = match &command {
        Command::Demo(_) | Command::Serve(_) | Command::Import(_) => "info",
        _ => "warn",
    };
    let settings = Settings::load()?;
    telemetry::start(&settings, default_log)?;
    let writes = matches!(
        &command,
        Command::Merchant(_)
            | Command::User(_)
            | Command::Batch(_)
            | Command::Import(_)
            | Command::Mail(_)
            | Command::Backup(_)
    );
    // For after the command, whether it was refused or not: rejected rows leave a record, too.
    let sealing = writes.then(|| settings.clone());
    let done = execute(command, settings, out);
    if let Some(settings) = sealing {
        audit::seal(&settings);
    }
    done
}

fn execute(
    command: Command,
    settings: Settings,
    out: &mut dyn Write,
) -> Result<(), CommandFailure> {
    match command {
        Command::Demo(demo) => demo.run(),
        Command::Serve(serve) => serve.run(settings),
        Command::Migrate(_) => migrate::run(&settings, out),
        Command::Merchant(merchant) => merchant.run(&settings, out),
        Command::User(user) => user.run(&settings, out),
        Command::Batch(batch) => batch.run(&settings, out),
        Command::Import(import) => import.run(&settings, out),
        Command::Audit(audit) => audit.run(&settings, out),
        Command::Mail(mail) => mail.run(&settings, out),
        Command::Backup(backup) => backup.run(&settings, out),
        Command::Check(_) => check::run(&settings, out),
        Command::Doctor(_) => doctor::run(&settings, out),
    }
}

/// Ends the process as clap does for a wrong usage: status 2 and the usage.
fn wrong_usage(subcommand: &str, sentence: &str) -> ! {
    let mut command = Cli::command();
    command.build();
    let mut path = subcommand.split(' ');
    let found = path.try_fold(&mut command, |command, name| command.find_subcommand_mut(name));
    match found {
        Some(command) => command.error(clap::error::ErrorKind::ArgumentConflict, sentence).exit(),
        None => Cli::command().error(clap::error::ErrorKind::ArgumentConflict, sentence).exit(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every command by its path, and its help.
    fn commands(command: &mut clap::Command, path: &str, found: &mut Vec<(String, String)>) {
        let names: Vec<String> = command
            .get_subcommands()
            .map(|c| c.get_name().to_owned())
            .filter(|n| n != "help")
            .collect();
        if names.is_empty() {
            found.push((path.trim().to_owned(), command.render_long_help().to_string()));
        }
        for name in names {
            if let Some(sub) = command.find_subcommand_mut(&name) {
                commands(sub, &format!("{path} {name}"), found);
            }
        }
    }

    #[test]
    fn every_command_has_help_with_an_example() {
        let mut all = Vec::new();
        commands(&mut Cli::command(), "", &mut all);
        assert_eq!(all.len(), 19);
        for (path, help) in all {
            assert!(
                help.contains(&format!("rewarddesk {path}")) && help.contains("Example"),
                "{path}:\n{help}"
            );
        }
        Cli::command().debug_assert();
    }

    #[test]
    fn help_lists_every_setting() {
        let help = Cli::command().render_long_help().to_string();
        for name in [
            "DATABASE_URL",
            "REWARDDESK_SECRET_KEY_FILE",
            "SMTP_URL",
            "MAIL_FROM",
            "REWARDDESK_METRICS_LISTEN",
            "RUST_LOG",
        ] {
            assert!(help.contains(name), "{name} is missing:\n{help}");
        }
    }
}
