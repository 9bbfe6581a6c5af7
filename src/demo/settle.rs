//! Makes the sample data through the imports, with a bar on the terminal.

use std::{
    io::{self, IsTerminal, Read},
    ops::ControlFlow,
};

use chrono::TimeDelta;
use indicatif::{ProgressBar, ProgressStyle};

use super::{
    SIGN_INS,
    world::{self, BATCHES, FulfilmentSource, MERCHANTS, SampleMerchant},
};
use crate::{
    app::{
        Desk,
        batches::add_batch::{AddBatch, add_batch},
        find_merchant,
        imports::{ImportProgress, ImportRequest, ImportRow, ImportStreams, import_file},
        settings::add_merchant::{AddMerchant, add_merchant},
        sign_in::passwords,
        users::add_user::{AddUser, add_user, user_exists},
    },
    cli::outcome::CommandFailure,
    domain::{
        clock::Clock,
        email::{EmailAddress, Mailbox},
        import::ImportKind,
        merchant::{Slug, TicketUrl},
        role::Role,
        zone,
    },
};

/// How many days ago the sample's merchants began.
const BEGINNING: i64 = 300;

/// Makes the world if there is none; `customers` is how many people live in it, `asked`: somebody
/// named that number.
pub fn settle(desk: &Desk, customers: u64, asked: bool) -> Result<(), CommandFailure> {
    // The users come last: with them, the world is whole.
    if user_exists(&desk.db, &EmailAddress::stored(SIGN_INS[3].email.to_owned()))? {
        if asked {
            tracing::warn!(
                "the sample data already exists, and --customers only applies to new data; add \
                 --reset to create it again"
            );
        }
        return Ok(());
    }
    if desk.db.read(|conn| find_merchant(conn, MERCHANTS[0].slug).map(drop)).is_ok() {
        return Err(CommandFailure::because(
            "an earlier demo stopped before its data was complete; start again with --reset",
        ));
    }
    // The stock has been there since before the first reward, and the rewards' files came in some
    // days ago: a desk in use.
    let beginning = desk.at(Clock::fixed(desk.clock.now() - TimeDelta::days(BEGINNING)));
    let then = desk.at(Clock::fixed(desk.clock.now() - TimeDelta::days(14)));
    let bar = bar(customers);
    for merchant in &MERCHANTS {
        let people = (customers * merchant.share / 100).max(world::FEATURED.len() as u64 + 1);
        found(&beginning, merchant)?;
        fill(&beginning, &then, desk, merchant, people, &bar)?;
    }
    bar.set_message("signing people in");
    for sign_in in &SIGN_INS {
        let hash = passwords::hash(sign_in.password)?;
        let everywhere = MERCHANTS
            .iter()
            .filter(|m| sign_in.role == Role::Administrator || m.slug == MERCHANTS[0].slug);
        let roles = everywhere.map(|m| (sign_in.role, m.slug.to_owned())).collect();
        let user = AddUser {
            email: EmailAddress::stored(sign_in.email.to_owned()),
            name: sign_in.name.to_owned(),
            roles,
        };
        add_user(&desk.db, then.clock.now(), &user, Some(&hash))?;
    }
    super::story::tell(desk, MERCHANTS[0].slug)?;
    bar.finish_and_clear();
    Ok(())
}

fn found(desk: &Desk, merchant: &SampleMerchant) -> Result<(), CommandFailure> {
    let new = AddMerchant {
        slug: Slug::parse(merchant.slug)?,
        name: merchant.name.to_owned(),
        zone: zone::parse_zone(merchant.zone)?,
        ticket_url: Some(TicketUrl::parse(
            "https://help.example/tickets/new?reward={reward_id}&customer={customer_id}&reissue={reissue_id}",
        )?),
        account_manager: Some(Mailbox::parse(merchant.account_manager)?),
        mail_from: Some(Mailbox::parse(merchant.sender)?),
    };
    add_merchant(&desk.db, desk.clock.now(), &new)?;
    let day = |days: i64| {
        (desk.clock.now() + TimeDelta::days(BEGINNING + days)).format("%Y-%m-%d").to_string()
    };
    for batch in &BATCHES {
        let new = AddBatch {
            name: batch.name.to_owned(),
            merchant: merchant.slug.to_owned(),
            valid_from: batch.from.map(day),
            valid_until: batch.until.map(day),
            uses_per_code: batch.uses,
            case_sensitive: false,
        };
        add_batch(&desk.db, desk.clock.now(), &new)?;
    }
    Ok(())
}

/// Imports the merchant's files: people and stock at the `beginning`, what they got `then`; `desk`
/// knows today, which the rows' dates are counted from.
fn fill(
    beginning: &Desk,
    then: &Desk,
    desk: &Desk,
    merchant: &SampleMerchant,
    people: u64,
    bar: &ProgressBar,
) -> Result<(), CommandFailure> {
    let now = desk.clock.now();
    let import = |kind, batch, head: &'static str, lines: Box<dyn Iterator<Item = String>>| {
        let when = match kind {
            ImportKind::Customers | ImportKind::Vouchers => beginning,
            // The shop's file is of today: no use in it is still to come.
            ImportKind::Redemptions => desk,
            _ => then,
        };
        import(when, merchant, kind, batch, &mut LineReader::new(head, lines), bar)
    };
    import(
        ImportKind::Customers,
        None,
        world::CUSTOMER_HEAD,
        Box::new((0..people).map(world::customer_line)),
    )?;
    for (at, batch) in BATCHES.iter().enumerate() {
        let handed_out = world::rewards(people).filter_map(move |reward| match reward.source {
            FulfilmentSource::Code { batch, fate } if batch == at => {
                Some(world::voucher_line(at, reward.number, Some(fate), now))
            }
            _ => None,
        });
        // Behind the numbers of all rewards, so that no code comes twice.
        let first = 1 << 32;
        let stock = (first..first + (batch.stock)(people * 3))
            .map(move |serial| world::voucher_line(at, serial, None, now));
        import(
            ImportKind::Vouchers,
            Some(batch.name),
            world::VOUCHER_HEAD,
            Box::new(handed_out.chain(stock)),
        )?;
    }
    import(
        ImportKind::Rewards,
        None,
        world::REWARD_HEAD,
        Box::new(world::rewards(people).map(move |reward| world::reward_line(&reward, now))),
    )?;
    let redemptions =
        world::rewards(people).flat_map(move |reward| world::redemption_lines(&reward, now));
    import(ImportKind::Redemptions, None, world::REDEMPTION_HEAD, Box::new(redemptions))
}

fn import(
    desk: &Desk,
    merchant: &SampleMerchant,
    kind: ImportKind,
    batch: Option<&str>,
    source: &mut LineReader,
    bar: &ProgressBar,
) -> Result<(), CommandFailure> {
    bar.set_message(format!(
        "{}: {}{}",
        merchant.name,
        kind.as_str(),
        batch.map(|b| format!(" of {b}")).unwrap_or_default()
    ));
    let before = bar.position();
    let (scope, row) = desk.db.read(|conn| find_merchant(conn, merchant.slug))?;
    let file_name = format!("{}.csv", kind.as_str());
    let order = ImportRequest {
        row: ImportRow::New { file_name: &file_name },
        ..ImportRequest::of_operator(scope, &row, kind, batch)
    };
    let mut watch = |progress| {
        if let ImportProgress::Applying { done, .. } = progress {
            bar.set_position(before + done);
        }
        ControlFlow::Continue(())
    };
    let report = import_file(
        desk,
        &order,
        ImportStreams { source, rejects: &mut io::sink(), watch: &mut watch },
    )
    .map_err(|e| CommandFailure::because(e.to_string()))?;
    if report.rejected > 0 {
        return Err(CommandFailure::because(format!(
            "{} rows of the sample {} were rejected; this is a bug in the demo",
            report.rejected,
            kind.as_str()
        )));
    }
    bar.set_position(before + report.rows);
    Ok(())
}

fn bar(customers: u64) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    // A customer, three rewards, their codes, and stock of twice as many; near enough for a bar.
    let bar = ProgressBar::new(customers * 13);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {percent:>3} %  {msg}  {eta} left") {
        bar.set_style(style);
    }
    bar
}

/// Lines made one by one, as a file: the world is never in memory as a whole.
struct LineReader {
    more: Box<dyn Iterator<Item = String>>,
    rest: Vec<u8>,
    at: usize,
}

impl LineReader {
    fn new(head: &str, lines: Box<dyn Iterator<Item = String>>) -> Self {
        Self { more: lines, rest: head.as_bytes().to_vec(), at: 0 }
    }
}

impl Read for LineReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.at == self.rest.len() {
            self.rest.clear();
            self.at = 0;
            while self.rest.len() < 16 * 1024 {
                let Some(line) = self.more.next() else { break };
                self.rest.extend_from_slice(line.as_bytes());
            }
        }
        let n = into.len().min(self.rest.len() - self.at);
        into[..n].copy_from_slice(&self.rest[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}
