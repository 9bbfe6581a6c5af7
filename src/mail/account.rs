//! Mails to users about their own account: an invitation, a forgotten password, what was changed.
//! Rendered once, when it is queued.

use askama::Template;

use super::{
    account_changes::AccountChange,
    presentable::{display_name, short_line},
};
use crate::domain::{
    email::{EmailAddress, Mailbox},
    mail::Letter,
    role::Role,
};

/// What the mail is about. Links are whole addresses.
#[derive(Debug, Clone)]
pub enum AccountMatter<'a> {
    /// A new user, who chooses a password after following the link.
    Invited { by: &'a str, role: Role, link: String },
    /// A user of another merchant, who has a role here now.
    Welcomed { by: &'a str, role: Role },
    /// A user of another merchant, to whom a role here is offered.
    Offered { by: &'a str, role: Role },
    /// Somebody, hopefully the user, has forgotten the password.
    Forgotten { link: String },
    /// The way the user signs in was changed.
    Changed(AccountChange),
}

/// What the mail says.
#[derive(Debug)]
pub struct AccountFacts<'a> {
    pub merchant: &'a str,
    pub desk: &'a Mailbox,
    pub recipient: &'a EmailAddress,
    pub name: &'a str,
    /// Where one signs in.
    pub sign_in: String,
    /// Where the desk is reached.
    pub home: &'a str,
    pub matter: &'a AccountMatter<'a>,
    pub message_id: String,
}

#[derive(Template)]
#[template(path = "mails/account.html")]
struct AccountHtml<'a>(&'a AccountCopy);

#[derive(Template)]
#[template(path = "mails/account.txt")]
struct AccountText<'a>(&'a AccountCopy);

struct AccountCopy {
    merchant: String,
    subject: String,
    title: String,
    paragraphs: Vec<String>,
    act: &'static str,
    link: String,
    foot: &'static str,
}

/// Renders the mail.
///
/// Errors: a defect of the templates; there is no input that makes one.
pub fn compose(facts: &AccountFacts<'_>) -> Result<Letter, askama::Error> {
    let words = words(facts);
    Ok(Letter {
        message_id: facts.message_id.clone(),
        sender: Mailbox {
            name: Some(display_name("Reward Desk")),
            address: facts.desk.address.clone(),
        }
        .to_string(),
        recipient: facts.recipient.to_string(),
        subject: words.subject.clone(),
        text: AccountText(&words).render()?,
        html: AccountHtml(&words).render()?,
    })
}

fn words(facts: &AccountFacts<'_>) -> AccountCopy {
    let merchant = short_line(facts.merchant, 80);
    let hello = format!("Hello {},", short_line(facts.name, 80));
    let given = |by: &str, role: Role| {
        format!("{} has given you the role {} in {merchant}.", short_line(by, 80), role.label())
    };
    let (subject, title, paragraphs, act, link, foot) = match facts.matter {
        AccountMatter::Invited { by, role, link } => (
            format!("Your invitation to {merchant}"),
            "Welcome to Reward Desk".to_owned(),
            vec![
                hello,
                given(by, *role),
                "Choose a password to get started. The link works once, within seven days."
                    .to_owned(),
            ],
            "Choose a password",
            link.clone(),
            "If you weren't expecting this, you can ignore this email. Nothing happens unless you \
             use the link.",
        ),
        AccountMatter::Welcomed { by, role } => (
            format!("You have a role in {merchant}"),
            format!("You now have a role at {merchant}"),
            vec![hello, given(by, *role), "You sign in the same way as before.".to_owned()],
            "Sign in",
            facts.sign_in.clone(),
            "If you weren't expecting this, ask the person who gave you the role.",
        ),
        AccountMatter::Offered { by, role } => (
            format!("{merchant} offers you a role"),
            format!("{merchant} offers you a role"),
            vec![
                hello,
                format!(
                    "{} offers you the role {} in {merchant}.",
                    short_line(by, 80),
                    role.label()
                ),
                "Accept or decline it on your account page. Nothing changes until you accept."
                    .to_owned(),
            ],
            "Open your account page",
            format!("{}/account", facts.home),
            "If you weren't expecting this, decline it. Once you accept, your account can only be \
             disabled, or its second factors reset, if the administrators of this merchant agree \
             too.",
        ),
        AccountMatter::Forgotten { link } => (
            "Choose a new password".to_owned(),
            "Choose a new password".to_owned(),
            vec![
                hello,
                "Someone asked for a new password for this address. The link works once, within an \
                 hour."
                    .to_owned(),
            ],
            "Choose a new password",
            link.clone(),
            "If it wasn't you, you can ignore this email. Your password won't change.",
        ),
        AccountMatter::Changed(change) => (
            short_line(&change.subject(), 120),
            change.subject(),
            change.paragraphs(facts.name, &merchant),
            "Open Reward Desk",
            facts.home.to_owned(),
            "You get this email whenever the way you sign in changes. It contains no secrets, and \
             we'll never ask you for any.",
        ),
    };
    AccountCopy { merchant, subject, title, paragraphs, act, link, foot }
}
