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
pub enum Matter<'a> {
    /// A new user, who chooses a password behind the link.
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
pub struct Facts<'a> {
    pub merchant: &'a str,
    pub desk: &'a Mailbox,
    pub recipient: &'a EmailAddress,
    pub name: &'a str,
    /// Where one signs in.
    pub sign_in: String,
    /// Where the desk is reached.
    pub home: &'a str,
    pub matter: &'a Matter<'a>,
    pub message_id: String,
}

#[derive(Template)]
#[template(path = "mails/account.html")]
struct Html<'a>(&'a AccountCopy);

#[derive(Template)]
#[template(path = "mails/account.txt")]
struct Text<'a>(&'a AccountCopy);

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
pub fn compose(facts: &Facts<'_>) -> Result<Letter, askama::Error> {
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
        text: Text(&words).render()?,
        html: Html(&words).render()?,
    })
}

fn words(facts: &Facts<'_>) -> AccountCopy {
    let merchant = short_line(facts.merchant, 80);
    let hello = format!("Hello {},", short_line(facts.name, 80));
    let given = |by: &str, role: Role| {
        format!("{} has given you the role {} in {merchant}.", short_line(by, 80), role.label())
    };
    let (subject, title, paragraphs, act, link, foot) = match facts.matter {
        Matter::Invited { by, role, link } => (
            format!("Your invitation to {merchant}"),
            "Welcome to Reward Desk".to_owned(),
            vec![
                hello,
                given(by, *role),
                "Choose a password to come in. The link can be used \
                once, within seven days."
                    .to_owned(),
            ],
            "Choose a password",
            link.clone(),
            "If you did not expect this, you can leave it: nothing happens without the link.",
        ),
        Matter::Welcomed { by, role } => (
            format!("You have a role in {merchant}"),
            format!("{merchant} is now among your merchants"),
            vec![hello, given(by, *role), "You sign in as you do already.".to_owned()],
            "Sign in",
            facts.sign_in.clone(),
            "If you did not expect this, ask the one who gave you the role.",
        ),
        Matter::Offered { by, role } => (
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
            "If you did not expect this, decline it. Once you accept, the administrators of this \
             merchant will also have to agree, besides \
             those of your other merchants, before your account can be disabled or its second \
             factors reset.",
        ),
        Matter::Forgotten { link } => (
            "Choose another password".to_owned(),
            "Choose another password".to_owned(),
            vec![
                hello,
                "Somebody asked for a new password for this address. The link can be used \
                once, within an hour."
                    .to_owned(),
            ],
            "Choose another password",
            link.clone(),
            "If it was not you, you can leave it: your password stays as it is.",
        ),
        Matter::Changed(change) => (
            short_line(&change.subject(), 120),
            change.subject(),
            change.paragraphs(facts.name, &merchant),
            "Open Reward Desk",
            facts.home.to_owned(),
            "You get this email whenever the way you sign in is changed. It holds no secret, and \
             nobody asks you for one.",
        ),
    };
    AccountCopy { merchant, subject, title, paragraphs, act, link, foot }
}
