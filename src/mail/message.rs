//! A letter as bytes on the wire: headers that cannot be injected, text and HTML side by side, one
//! recipient.

use std::time::SystemTime;

use chrono::{DateTime, Utc};
use lettre::{
    Address,
    address::Envelope,
    message::{
        Mailbox, Message as Mime, MultiPart, SinglePart,
        header::{HeaderName, HeaderValue},
    },
};

use super::{SendError, presentable};
use crate::domain::{Invalid, email, mail::Letter};

/// A mail ready for the wire.
#[derive(Debug)]
pub(super) struct Message {
    pub from: Address,
    pub to: Address,
    pub bytes: Vec<u8>,
}

impl Message {
    /// The letter as MIME. The same letter makes the same bytes, so that a second copy can be
    /// recognised.
    pub(super) fn build(letter: &Letter, queued_at: DateTime<Utc>) -> Result<Self, SendError> {
        // Temporary, since only the relay's word is final: after two days it fails visibly, a newer
        // version may build it before.
        let invalid =
            |what: &str| SendError::Temporary(format!("the desk can't build this email: {what}"));
        let sender = email::Mailbox::parse(&presentable::line(&letter.sender))
            .map_err(|_| invalid("its sender isn't an address"))?;
        let from = address(sender.address.as_str())
            .map_err(|_| invalid("its sender's address can't be used in an email"))?;
        let to = address(&letter.recipient)
            .map_err(|_| invalid("its recipient's address can't be used in an email"))?;
        let part = |body: &str, html: bool| {
            if html {
                SinglePart::html(body.to_owned())
            } else {
                SinglePart::plain(body.to_owned())
            }
        };
        let body = MultiPart::alternative()
            .boundary(boundary(&letter.message_id))
            .singlepart(part(&letter.text, false))
            .singlepart(part(&letter.html, true));
        // Given, since lettre would read it from the headers again, where it does not take a quoted
        // local part.
        let envelope = Envelope::new(Some(from.clone()), vec![to.clone()])
            .map_err(|_| invalid("it has no recipient"))?;
        let mime = Mime::builder()
            .envelope(envelope)
            .from(Mailbox::new(sender.name, from.clone()))
            .to(Mailbox::new(None, to.clone()))
            .subject(presentable::line(&letter.subject))
            .date(SystemTime::from(queued_at))
            .message_id(Some(format!("<{}>", message_id(&letter.message_id))))
            // RFC 3834: nobody's out-of-office answers a machine.
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".into(),
            ))
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("X-Auto-Response-Suppress"),
                "All".into(),
            ))
            .multipart(body)
            .map_err(|_| invalid("its headers are incomplete"))?;
        Ok(Self { from, to, bytes: mime.formatted() })
    }

    /// Whether both addresses can be named to any relay; others need SMTPUTF8.
    pub(super) fn has_plain_addresses(&self) -> bool {
        AsRef::<str>::as_ref(&self.from).is_ascii() && AsRef::<str>::as_ref(&self.to).is_ascii()
    }
}

/// An address as relays take it: the domain in the form that DNS knows (`xn--…`), odd dots in
/// quotes.
fn address(text: &str) -> Result<Address, Invalid> {
    let plain = email::EmailAddress::parse(text)?;
    let (user, domain) = plain.for_relay();
    Address::new(user, domain)
        .map_err(|_| Invalid::because("this address can't be used in an email"))
}

/// The bare id: characters that could end the header's value are gone.
fn message_id(id: &str) -> String {
    id.chars().filter(|c| c.is_ascii_graphic() && !matches!(c, '<' | '>')).collect()
}

/// `=_` stands neither in base64 nor in quoted-printable, so no body can hold the boundary.
fn boundary(message_id: &str) -> String {
    let tail: String = message_id.chars().filter(char::is_ascii_alphanumeric).take(50).collect();
    format!("=_{tail}")
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
