//! `rewarddesk user invite`.

use std::io::{self, Write};

use crate::{
    app::{
        Desk,
        operate_users::{self, Invited, invite},
    },
    cli::{Refused, open_current},
    config::Settings,
    domain::{clock::Clock, email::EmailAddress},
};

/// Invites somebody by mail to choose a password and come in, or invites them again
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The running server sends the mail. Where no mail goes out, --print-link writes \
        the link to standard output instead: \
    whoever has\nit can come in as this user, once, within seven days.\n\n\
    Examples:\n  rewarddesk user invite casey@example.com --name \"Casey Jones\" --role \
    administrator --merchant acme-uk\n  \
    rewarddesk user invite casey@example.com --name Casey --role support --merchant acme-uk \
    --print-link"
)]
pub struct Invite {
    /// The address to invite
    email: String,
    /// The user's name, as others see it
    #[arg(long)]
    name: String,
    /// The role: support, supervisor, marketing or administrator
    #[arg(long, value_parser = ["support", "supervisor", "marketing", "administrator"])]
    role: String,
    /// The slug of the merchant that the role is in
    #[arg(long, value_name = "SLUG")]
    merchant: String,
    /// Send no mail, and print the link
    #[arg(long)]
    print_link: bool,
}

impl Invite {
    pub fn run(self, settings: &Settings, out: &mut dyn Write) -> Result<(), Refused> {
        let base_url = settings.base_url(settings.listen()?)?;
        let db = open_current(settings)?;
        // The mail worker signs nothing, and a link that is printed needs no sender.
        let desk = if self.print_link {
            Desk::for_operator(db)
        } else {
            Desk::new(db, Clock::System, settings.mail_from()?, "")
        };
        let new = operate_users::Invite {
            email: EmailAddress::parse(&self.email)?,
            name: self.name,
            role: self.role.parse()?,
            merchant: self.merchant,
            by_hand: self.print_link,
        };
        match invite(&desk.reached_at(base_url.as_str()), &new)? {
            Invited::Mailed => writeln!(
                out,
                "invited {}: the mail is queued, and goes out while the server runs",
                new.email
            )?,
            Invited::NoLink => writeln!(
                out,
                "{} has the role now, and signs in as they do already: there is no link",
                new.email
            )?,
            Invited::Link(link) => {
                writeln!(
                    io::stderr(),
                    "Give this link to {} only. It lets its holder in, once, within seven days.",
                    new.email
                )?;
                writeln!(out, "{link}")?;
            }
        }
        Ok(())
    }
}
