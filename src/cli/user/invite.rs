//! `rewarddesk user invite`.

use std::io::{self, Write};

use crate::{
    app::{
        Desk,
        users::operate_users::{self, OperatorInvitation, invite},
    },
    cli::{database::open_current, outcome::CommandFailure},
    config::Settings,
    domain::{clock::Clock, email::EmailAddress},
};

/// Invites somebody by email to choose a password and sign in, or invites them again
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The running server sends the email. If no email can be sent, --print-link prints \
                  the link instead. Anyone who has the link can sign in as this user, once, within \
                  seven days.\n\n\
                  Examples:\n  rewarddesk user invite casey@example.com --name \"Casey Jones\" \
                  --role administrator --merchant acme-uk\n  rewarddesk user invite \
                  casey@example.com --name Casey --role support --merchant acme-uk --print-link"
)]
pub struct UserInviteArgs {
    /// The address to invite
    email: String,
    /// The user's name, as others see it
    #[arg(long)]
    name: String,
    /// The role: support, supervisor, marketing or administrator
    #[arg(long, value_parser = ["support", "supervisor", "marketing", "administrator"])]
    role: String,
    /// The slug of the merchant for the role
    #[arg(long, value_name = "SLUG")]
    merchant: String,
    /// Print the link instead of sending an email
    #[arg(long)]
    print_link: bool,
}

impl UserInviteArgs {
    pub fn run(self, settings: &Settings, out: &mut dyn Write) -> Result<(), CommandFailure> {
        let base_url = settings.base_url(settings.listen()?)?;
        let db = open_current(settings)?;
        // The mail worker signs nothing, and a link that is printed needs no sender.
        let desk = if self.print_link {
            Desk::for_operator(db)
        } else {
            Desk::new(db, Clock::System, settings.mail_from()?, "")
        };
        let new = operate_users::InvitationRequest {
            email: EmailAddress::parse(&self.email)?,
            name: self.name,
            role: self.role.parse()?,
            merchant: self.merchant,
            by_hand: self.print_link,
        };
        match invite(&desk.reached_at(base_url.as_str()), &new)? {
            OperatorInvitation::Mailed => writeln!(
                out,
                "invited {}: the email is queued; the running server sends it",
                new.email
            )?,
            OperatorInvitation::NoLink => writeln!(
                out,
                "{} now has the role and signs in as before, so there is no link",
                new.email
            )?,
            OperatorInvitation::Link(link) => {
                writeln!(
                    io::stderr(),
                    "Give this link to {} only. It works once, within seven days.",
                    new.email
                )?;
                writeln!(out, "{link}")?;
            }
        }
        Ok(())
    }
}
