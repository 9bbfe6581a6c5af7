//! `rewarddesk user disable`, `enable`, `unlock`, `end-sessions` and `reset-factors`: what is done
//! to one account, in all merchants.

use std::io::Write;

use chrono::TimeDelta;

use crate::{
    app::{
        Desk,
        users::{manage_users::UserAct, operate_users::operate},
    },
    cli::{database::open_current, outcome::CommandFailure},
    config::Settings,
    domain::{clock::Clock, email::EmailAddress, user::Absence},
};

macro_rules! accounts {
    ($($(#[$about:meta])* $name:ident, $act:expr, $done:literal, $unchanged:literal;)+) => {$(
        #[derive(Debug, clap::Args)]
        $(#[$about])*
        pub struct $name {
            /// The address that the user signs in with
            email: String,
        }

        impl $name {
            pub fn run(self, settings: &Settings, out: &mut dyn Write) -> Result<(), CommandFailure> {
                let email = EmailAddress::parse(&self.email)?;
                let desk = desk(settings)?;
                let changed = operate(&desk, &email, $act, absence(settings)?)?;
                writeln!(out, "{} {email}", if changed { $done } else { $unchanged })?;
                Ok(())
            }
        }
    )+};
}

accounts! {
    /// Disables a user: ends their sessions and links, and they can't sign in until they're enabled
    /// again
    #[command(after_help = "Example:\n  rewarddesk user disable casey@example.com")]
    Disable, UserAct::Disable, "disabled, and all sessions ended:", "already disabled:";

    /// Enables a disabled user
    #[command(after_help = "Example:\n  rewarddesk user enable casey@example.com")]
    Enable, UserAct::Enable, "enabled", "not disabled:";

    /// Unlocks a user who was locked after not signing in for a long time
    #[command(after_help = "Example:\n  rewarddesk user unlock casey@example.com")]
    Unlock, UserAct::Unlock, "unlocked", "not locked:";

    /// Ends all sessions of a user; they have to sign in again
    #[command(after_help = "Example:\n  rewarddesk user end-sessions casey@example.com")]
    EndSessions, UserAct::EndSessions, "ended all sessions of", "ended all sessions of";

    /// Removes a user's authenticator app, passkeys and recovery codes; they sign in with just
    /// their password until they set up a new one
    #[command(after_help = "For users who have lost their second factor. First check another way \
                            that it's really them.\n\n\
                            Example:\n  rewarddesk user reset-factors casey@example.com")]
    ResetFactors, UserAct::ResetFactors, "reset the second factors of",
        "no second factors to reset for";
}

/// A desk that can queue an email to the user: the running server sends it. Where no sender is set,
/// nothing is sent either, and the outbox keeps it.
fn desk(settings: &Settings) -> Result<Desk, CommandFailure> {
    let (db, base_url) = (open_current(settings)?, settings.base_url(settings.listen()?)?);
    let desk = match settings.mail_from() {
        Ok(sender) => Desk::new(db, Clock::System, sender, ""),
        Err(_) => Desk::for_operator(db),
    };
    Ok(desk.reached_at(base_url.as_str()))
}

/// After how long an absence the server locks accounts.
fn absence(settings: &Settings) -> Result<Absence, CommandFailure> {
    Ok(settings.sessions()?.absence_days.map(TimeDelta::days))
}
