//! An e-mail address as the desk keeps it: lower case, and such that a mail to it can be built later.
//! Must not know how mail is sent.

use std::str::FromStr;

use super::Unfit;

/// A checked address in lower case (contract.md section 4: compared in lower case).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// Takes one bare address; surrounding white space is dropped. Refuses display names, lists and control characters.
    pub fn parse(text: &str) -> Result<Self, Unfit> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Unfit::because("the e-mail address is empty"));
        }
        if text.len() > 254
            || text.chars().any(|c| c.is_control() || c.is_whitespace() || matches!(c, '<' | '>' | ',' | ';' | '"' | '(' | ')' | '[' | ']'))
        {
            return Err(Unfit::because("this is not one plain e-mail address"));
        }
        email_address::EmailAddress::from_str(text).map_err(|_| Unfit::because("this is not an e-mail address (expected name@domain)"))?;
        Ok(Self(text.to_lowercase()))
    }

    /// An address that was checked before it was stored.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A name with its address: `Ann Lee <ann@desk.example>`, or the address alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    pub name: Option<String>,
    pub address: EmailAddress,
}

impl Mailbox {
    /// Takes `Name <addr>` or `addr`.
    pub fn parse(text: &str) -> Result<Self, Unfit> {
        let text = text.trim();
        let Some((name, rest)) = text.split_once('<') else {
            return Ok(Self { name: None, address: EmailAddress::parse(text)? });
        };
        let inside = rest.strip_suffix('>').ok_or_else(|| Unfit::because("expected \"Name <name@domain>\""))?;
        let name = name.trim().trim_matches('"').trim();
        if name.chars().any(char::is_control) {
            return Err(Unfit::because("the name holds a line break or control character"));
        }
        Ok(Self { name: (!name.is_empty()).then(|| name.to_owned()), address: EmailAddress::parse(inside)? })
    }
}

impl std::fmt::Display for Mailbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name} <{}>", self.address),
            None => self.address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_trimmed_and_lower_case() {
        assert_eq!(EmailAddress::parse(" Jo@Customer.Example ").map(|a| a.to_string()), Ok("jo@customer.example".into()));
    }

    #[test]
    fn more_than_one_plain_address_is_refused() {
        for text in [
            "",
            "jo",
            "jo@",
            "@x.example",
            "a@b.example,c@d.example",
            "Jo <jo@x.example>",
            "a@b.example\nBcc: c@d.example",
            "a b@c.example",
            "lit@[127.0.0.1]",
        ] {
            assert!(EmailAddress::parse(text).is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn a_mailbox_has_a_name_or_none() {
        assert_eq!(Mailbox::parse("Ann Lee <ANN@desk.example>").map(|m| m.to_string()), Ok("Ann Lee <ann@desk.example>".into()));
        assert_eq!(Mailbox::parse("ann@desk.example").map(|m| m.name), Ok(None));
        assert!(Mailbox::parse("Ann <ann@desk.example").is_err());
    }
}
