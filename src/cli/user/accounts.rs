//! `rewarddesk user disable`, `enable`, `unlock`, `end-sessions` and `reset-factors`: what is done
//! to one account, in all merchants.

use std::io::Write;

use chrono::TimeDelta;

use crate::{
    app::{Desk, manage_users::Act, operate_users::operate},
    cli::{Refused, open_current},
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
            pub fn run(self, settings: &Settings, out: &mut dyn Write) -> Result<(), Refused> {
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
    /// Disables a user: their sessions and links end at once, and they cannot sign in until they
    /// are enabled again
    #[command(after_help = "Example:\n  rewarddesk user disable casey@example.com")]
    Disable, Act::Disable, "disabled, and all sessions ended:", "disabled already:";

    /// Enables a user who was disabled
    #[command(after_help = "Example:\n  rewarddesk user enable casey@example.com")]
    Enable, Act::Enable, "enabled", "not disabled:";

    /// Unlocks a user who was locked out for staying away too long
    #[command(after_help = "Example:\n  rewarddesk user unlock casey@example.com")]
    Unlock, Act::Unlock, "unlocked", "not locked:";

    /// Ends all sessions of a user: they sign in again
    #[command(after_help = "Example:\n  rewarddesk user end-sessions casey@example.com")]
    EndSessions, Act::EndSessions, "ended all sessions of", "ended all sessions of";

    /// Removes a user's authenticator app, passkeys and recovery codes: they sign in with the
    /// password alone, until they set up another
    #[command(after_help = "For whoever has lost their second factor. Make sure by another way \
        that it is them.\n\n\
        Example:\n  rewarddesk user reset-factors casey@example.com")]
    ResetFactors, Act::ResetFactors, "reset the second factors of", "there is no second factor to \
        reset:";
}

/// A desk that can queue an email to the user: the running server sends it. Where no sender is set,
/// nothing is sent either, and the outbox keeps it.
fn desk(settings: &Settings) -> Result<Desk, Refused> {
    let (db, base_url) = (open_current(settings)?, settings.base_url(settings.listen()?)?);
    let desk = match settings.mail_from() {
        Ok(sender) => Desk::new(db, Clock::System, sender, ""),
        Err(_) => Desk::for_operator(db),
    };
    Ok(desk.reached_at(base_url.as_str()))
}

/// After how long an absence the server locks accounts.
fn absence(settings: &Settings) -> Result<Absence, Refused> {
    Ok(settings.sessions()?.absence_days.map(TimeDelta::days))
}
