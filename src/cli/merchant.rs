//! `rewarddesk merchant add`.

use std::io::Write;

use super::{database::open_current, outcome::CommandFailure};
use crate::{
    app::settings::add_merchant::{AddMerchant, add_merchant},
    config::Settings,
    domain::{
        clock::Clock,
        email::Mailbox,
        merchant::{Slug, TicketUrl},
        zone,
    },
};

/// Merchants: the client accounts
#[derive(Debug, clap::Subcommand)]
pub enum MerchantCommand {
    Add(MerchantAddArgs),
}

/// Adds a merchant
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  rewarddesk merchant add acme-uk --name \"Acme UK\" --timezone \
        Europe/London \\\n    \
    --ticket-url \"https://help.example.com/new?reward={reward_id}\" --account-manager \"Ann Lee \
    <ann@example.com>\""
)]
#[allow(clippy::doc_markdown, reason = "these texts are the help that people read in a terminal")]
pub struct MerchantAddArgs {
    /// Short name (for web addresses): lowercase letters, digits and hyphens
    slug: String,
    /// The merchant's name, as people see it
    #[arg(long)]
    name: String,
    /// The merchant's time zone
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    timezone: String,
    /// Where "Open a support ticket" leads: https:, http: or mailto:; can contain {reward_id},
    /// {customer_id}, {reissue_id}
    #[arg(long, value_name = "URL")]
    ticket_url: Option<String>,
    /// The contact for rewards that can't be reissued here
    #[arg(long, value_name = "\"NAME <MAIL>\"")]
    account_manager: Option<String>,
    /// Sender of this merchant's emails, instead of MAIL_FROM
    #[arg(long, value_name = "ADDR")]
    mail_from: Option<String>,
}

impl MerchantCommand {
    pub fn run(self, settings: &Settings, out: &mut dyn Write) -> Result<(), CommandFailure> {
        let Self::Add(add) = self;
        let option = |name: &str, why: crate::domain::Invalid| {
            CommandFailure::because(format!("{name}: {why}"))
        };
        let new = AddMerchant {
            slug: Slug::parse(&add.slug)?,
            name: add.name,
            zone: zone::parse_zone(&add.timezone).map_err(|why| option("--timezone", why))?,
            ticket_url: add
                .ticket_url
                .as_deref()
                .map(TicketUrl::parse)
                .transpose()
                .map_err(|why| option("--ticket-url", why))?,
            account_manager: add
                .account_manager
                .as_deref()
                .map(Mailbox::parse)
                .transpose()
                .map_err(|why| option("--account-manager", why))?,
            mail_from: add
                .mail_from
                .as_deref()
                .map(Mailbox::parse)
                .transpose()
                .map_err(|why| option("--mail-from", why))?,
        };
        let db = open_current(settings)?;
        add_merchant(&db, Clock::System.now(), &new)?;
        writeln!(out, "added the merchant {} ({}, {})", new.slug, new.name.trim(), new.zone)?;
        Ok(())
    }
}
