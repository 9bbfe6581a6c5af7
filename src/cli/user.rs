//! `rewarddesk user`: adding one, and how a password is asked for. What is done to accounts is in
//! `accounts`, invitations in `invite`.

use std::io::{self, IsTerminal, Read, Write};

use super::{database::open_current, outcome::CommandFailure, wrong_usage};
use crate::{
    app::{
        sign_in::passwords,
        users::add_user::{AddUser, GrantedRole, add_user, user_exists},
    },
    config::{Secret, Settings},
    domain::{Invalid, clock::Clock, email::EmailAddress, role::Role},
};

mod accounts;
mod invite;

/// Users: the people who sign in
#[derive(Debug, clap::Subcommand)]
pub enum UserCommand {
    Add(UserAddArgs),
    Invite(invite::UserInviteArgs),
    Disable(accounts::Disable),
    Enable(accounts::Enable),
    Unlock(accounts::Unlock),
    EndSessions(accounts::EndSessions),
    ResetFactors(accounts::ResetFactors),
}

/// Adds a user, or adds roles to the user with this email address (name and password don't
/// change)
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The first --role goes with the first --merchant, and so on. A user has one role \
                  per merchant: the higher one stays.\n\n\
                  Examples:\n  rewarddesk user add casey@example.com --name \"Casey Jones\" --role \
                  administrator --merchant acme-uk\n  rewarddesk user add kim@example.com --name \
                  Kim --role support --merchant acme-uk --password-stdin < password.txt"
)]
pub struct UserAddArgs {
    /// The address the user signs in with
    email: String,
    /// The user's name, as others see it
    #[arg(long)]
    name: String,
    /// A role: support, supervisor, marketing or administrator
    #[arg(long, value_name = "ROLE", value_parser = ["support", "supervisor", "marketing", "administrator"])]
    role: Vec<String>,
    /// The slug of the merchant for the role
    #[arg(long, value_name = "SLUG")]
    merchant: Vec<String>,
    /// Read the password from standard input (one line ending is stripped) instead of asking for
    /// it
    #[arg(long)]
    password_stdin: bool,
}

impl UserCommand {
    pub fn run(self, settings: &Settings, out: &mut dyn Write) -> Result<(), CommandFailure> {
        match self {
            Self::Add(add) => add.run(settings, out),
            Self::Invite(invite) => invite.run(settings, out),
            Self::Disable(who) => who.run(settings, out),
            Self::Enable(who) => who.run(settings, out),
            Self::Unlock(who) => who.run(settings, out),
            Self::EndSessions(who) => who.run(settings, out),
            Self::ResetFactors(who) => who.run(settings, out),
        }
    }
}

impl UserAddArgs {
    fn run(self, settings: &Settings, out: &mut dyn Write) -> Result<(), CommandFailure> {
        let add = self;
        if add.role.len() != add.merchant.len() {
            wrong_usage(
                "user add",
                "each --role needs a --merchant, and each --merchant needs a \
                                     --role",
            );
        }
        let roles: Result<Vec<(Role, String)>, Invalid> = add
            .role
            .iter()
            .zip(&add.merchant)
            .map(|(role, slug)| Ok((role.parse()?, slug.clone())))
            .collect();
        let new =
            AddUser { email: EmailAddress::parse(&add.email)?, name: add.name, roles: roles? };
        // Closed again before anybody is asked: people end a prompt with Ctrl-C, and the database
        // file must be whole then too.
        let is_known = user_exists(&open_current(settings)?, &new.email)?;
        let hash = if is_known {
            None
        } else {
            let password = if add.password_stdin { piped_password()? } else { typed_password()? };
            passwords::check_new(password.expose(), &[new.email.as_str(), &new.name])?;
            Some(passwords::hash(password.expose())?)
        };
        let db = open_current(settings)?;
        let added = add_user(&db, Clock::System.now(), &new, hash.as_deref())?;
        let what = if added.is_new {
            "added the user"
        } else {
            "the user already exists; name and password were not changed:"
        };
        writeln!(out, "{what} {}", new.email)?;
        if added.is_disabled {
            writeln!(out, "this account is disabled; the roles apply once it is enabled again")?;
        }
        for given in &added.given {
            writeln!(out, "{}", sentence(given))?;
        }
        if added.given.is_empty() {
            writeln!(
                out,
                "without a role at a merchant, this user can't see anything; add one with --role \
                 and --merchant"
            )?;
        }
        Ok(())
    }
}

fn sentence(given: &GrantedRole) -> String {
    let (merchant, asked, now) = (&given.merchant, given.asked.as_str(), given.now.as_str());
    match given.before {
        None => format!("{merchant}: {now}"),
        Some(before) if before == given.asked => format!("{merchant}: already {now}"),
        Some(before) if before == given.now => {
            format!("{merchant}: stays {now}, which is higher than {asked}")
        }
        Some(before) => format!("{merchant}: {now} instead of {}", before.as_str()),
    }
}

/// Everything on standard input but one line end.
fn piped_password() -> Result<Secret, CommandFailure> {
    let mut text = String::new();
    // Far more than a password may have, far less than a file piped in by mistake.
    let read = io::stdin().lock().take(4096).read_to_string(&mut text);
    read.map_err(|_| CommandFailure::because("the password on standard input isn't UTF-8 text"))?;
    let line = text
        .strip_suffix('\n')
        .map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    Ok(Secret::new(line))
}

/// Asks twice, without showing what is typed.
fn typed_password() -> Result<Secret, CommandFailure> {
    if !io::stdin().is_terminal() {
        return Err(CommandFailure::because(
            "there is no terminal to ask for the password; pipe it in with --password-stdin",
        ));
    }
    let ask = |prompt: &str| {
        let typed = rpassword::prompt_password(prompt);
        typed.map(Secret::new).map_err(|e| {
            CommandFailure::because(format!(
                "the password could not be read: {e}; pipe it in with --password-stdin"
            ))
        })
    };
    let first = ask("Password (12 or more characters): ")?;
    if first == ask("Repeat the password: ")? {
        Ok(first)
    } else {
        Err(CommandFailure::because("the two passwords don't match; run the command again"))
    }
}
