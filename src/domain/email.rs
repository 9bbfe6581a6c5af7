//! An email address as the desk keeps it: in one form, and such that a mail to it can be built
//! later.

use std::str::FromStr;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use unicode_normalization::UnicodeNormalization;

use super::{
    Invalid, fold,
    invisible::{self, first_in},
};

mod shown;

/// A checked address: the local part in lower case, the domain as DNS knows it (`xn--…` for other
/// letters), so that however it was typed, one mailbox is one text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// Takes one bare address; white space and invisible characters around it are dropped. Refuses
    /// display names, lists and control characters. Some carriers gave out addresses with odd dots,
    /// such as `a..b@` and `ab.@`: they are taken.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = invisible::trimmed(text);
        if text.is_empty() {
            return Err(Invalid::because("the email address is empty"));
        }
        if let Some(name) = first_in(text) {
            return Err(Invalid::because(format!(
                "the email address has an invisible character inside ({name}); retype the address"
            )));
        }
        let (local, domain) = text.rsplit_once('@').ok_or_else(not_an_address)?;
        let local =
            local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(local);
        let is_odd = |c: char| {
            c.is_control()
                || c.is_whitespace()
                || matches!(c, '<' | '>' | ',' | ';' | '"' | '(' | ')' | '[' | ']')
        };
        if text.len() > 254 || local.chars().chain(domain.chars()).any(is_odd) {
            return Err(Invalid::because("this isn't a single email address"));
        }
        let address = Self(format!("{}@{}", local_part(local)?, domain_part(domain)?));
        // Without the dots that only some carriers allow; in a mail the local part is quoted.
        let (local, domain) = address.parts();
        let usual = local.split('.').filter(|atom| !atom.is_empty()).collect::<Vec<_>>().join(".");
        email_address::EmailAddress::from_str(&format!("{usual}@{domain}"))
            .map_err(|_| not_an_address())?;
        let longest = local.len() + if has_odd_dots(local) { 2 } else { 0 };
        if longest > 64 || address.0.len() > 254 { Err(not_an_address()) } else { Ok(address) }
    }

    /// An address that was checked before it was stored.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The local part and the domain.
    fn parts(&self) -> (&str, &str) {
        self.0.rsplit_once('@').unwrap_or((&self.0, ""))
    }

    /// The local part as a mail's headers and the relay have to have it, and the domain.
    pub fn for_relay(&self) -> (String, &str) {
        let (local, domain) = self.parts();
        (if has_odd_dots(local) { format!("\"{local}\"") } else { local.to_owned() }, domain)
    }

    /// As people read it: the domain in its own letters, where those can't be taken for others.
    pub fn shown(&self) -> String {
        let (local, domain) = self.parts();
        format!("{local}@{}", shown::domain(domain))
    }
}

/// The text that stands for an account: the address in its one form; for what is no address, in
/// lower case.
pub fn account_key(text: &str) -> String {
    EmailAddress::parse(text).map_or_else(|_| lower(invisible::trimmed(text)), |address| address.0)
}

fn not_an_address() -> Invalid {
    Invalid::because("this isn't an email address (expected name@domain)")
}

/// Whether a dot begins or ends the local part, or follows another one: allowed in quotes only.
fn has_odd_dots(local: &str) -> bool {
    local.starts_with('.') || local.ends_with('.') || local.contains("..")
}

/// Lower case, but nothing turns into ASCII that was not: the Kelvin sign is another mailbox's
/// letter than `k`.
fn lower(text: &str) -> String {
    let one = |c: char| -> String {
        let lower: String = c.to_lowercase().collect();
        if c.is_ascii() || !lower.chars().any(|c| c.is_ascii()) { lower } else { c.to_string() }
    };
    text.chars().map(one).collect()
}

/// The complaint about a character of another script that Unicode would turn into a letter or sign
/// of ASCII.
fn turns_into_ascii(c: char, plain: &str) -> Invalid {
    Invalid::because(format!(
        "the email address has the character U+{:04X}, which only looks like {plain}; retype the \
         address",
        u32::from(c)
    ))
}

fn local_part(local: &str) -> Result<String, Invalid> {
    for c in local.chars().filter(|c| !c.is_ascii()) {
        let composed: String = c.nfc().collect();
        if composed.is_ascii() {
            return Err(turns_into_ascii(c, &composed));
        }
    }
    Ok(fold::nfc(&lower(&fold::nfc(local))).into_owned())
}

/// The domain as DNS knows it. A domain of ASCII is left as it is but for its case, whatever its
/// `xn--` says.
fn domain_part(domain: &str) -> Result<String, Invalid> {
    if domain.is_ascii() {
        return Ok(domain.to_ascii_lowercase());
    }
    for c in domain.chars().filter(|c| !c.is_ascii()) {
        let plain: String = c.nfkc().collect();
        if plain.chars().any(|c| c.is_ascii_alphanumeric()) {
            return Err(turns_into_ascii(c, &plain));
        }
    }
    let ascii = Uts46::new().to_ascii(
        domain.as_bytes(),
        AsciiDenyList::STD3,
        Hyphens::CheckFirstLast,
        DnsLength::Verify,
    );
    Ok(ascii
        .map_err(|_| Invalid::because("the part of the email address after @ isn't a domain"))?
        .into_owned())
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
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        let Some((name, rest)) = text.split_once('<') else {
            return Ok(Self { name: None, address: EmailAddress::parse(text)? });
        };
        let inside = rest
            .strip_suffix('>')
            .ok_or_else(|| Invalid::because("expected \"Name <name@domain>\""))?;
        let name = name.trim().trim_matches('"').trim();
        if name.chars().any(char::is_control) {
            return Err(Invalid::because("the name contains a line break or control character"));
        }
        Ok(Self {
            name: (!name.is_empty()).then(|| name.to_owned()),
            address: EmailAddress::parse(inside)?,
        })
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
#[path = "email/tests.rs"]
mod tests;
