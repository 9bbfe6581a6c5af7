//! A merchant: one client account and its settings.

use chrono_tz::Tz;

use super::{Invalid, email::Mailbox, ids::MerchantId};

/// One client account: a brand or a locale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merchant {
    pub id: MerchantId,
    pub slug: Slug,
    pub name: String,
    pub zone: Tz,
    pub ticket_url: Option<TicketUrl>,
    pub account_manager: Option<Mailbox>,
    pub mail_from: Option<Mailbox>,
    pub stock_rules: StockRules,
    /// Whether its users need more than a password.
    pub requires_second_factor: bool,
}

/// The thresholds that a merchant sets for all of its batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StockRules {
    /// This many usable codes or fewer are critical, in batches without a threshold of their own.
    pub threshold: i64,
    /// How many days a customer should have to use a code.
    pub least_days: i64,
}

impl Default for StockRules {
    /// As in the schema.
    fn default() -> Self {
        Self { threshold: 100, least_days: 30 }
    }
}

/// The merchant's word in addresses: lower-case letters, digits and hyphens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slug(String);

impl Slug {
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let fits = (1..=63).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-');
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid::because(format!(
                "{text:?} can't be used as a short name; use lowercase letters, digits and \
                 hyphens, such as acme-uk"
            )))
        }
    }

    /// A slug that was checked before it was stored.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Slug {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where "Open a support ticket" leads; may hold `{reward_id}`, `{customer_id}` and `{reissue_id}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketUrl(String);

/// What a ticket address is filled with.
#[derive(Debug, Clone, Copy)]
pub struct TicketFacts<'a> {
    pub reward_id: &'a str,
    pub customer_id: &'a str,
    pub reissue_id: &'a str,
}

impl TicketUrl {
    /// Only `https:`, `http:` and `mailto:`; anything else could run in the reader's browser.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        let lower = text.to_ascii_lowercase();
        let fits = lower
            .strip_prefix("https://")
            .or_else(|| lower.strip_prefix("http://"))
            .or_else(|| lower.strip_prefix("mailto:"));
        let bare = text
            .replace("{reward_id}", "")
            .replace("{customer_id}", "")
            .replace("{reissue_id}", "");
        if bare.contains(['{', '}']) {
            return Err(Invalid::because(
                "a ticket address can contain {reward_id}, {customer_id} and {reissue_id}, but no \
                 other braces",
            ));
        }
        match fits {
            Some(rest)
                if !rest.is_empty()
                    && !text.chars().any(|c| c.is_control() || c.is_whitespace()) =>
            {
                Ok(Self(text.to_owned()))
            }
            _ => Err(Invalid::because(
                "a ticket address must start with https://, http:// or mailto: and must not \
                 contain spaces",
            )),
        }
    }

    /// An address that was checked before it was stored.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address with its places filled, each value percent-encoded so that it cannot leave its
    /// place.
    pub fn fill(&self, facts: &TicketFacts<'_>) -> String {
        self.0
            .replace("{reward_id}", &percent_encode(facts.reward_id))
            .replace("{customer_id}", &percent_encode(facts.customer_id))
            .replace("{reissue_id}", &percent_encode(facts.reissue_id))
    }
}

fn percent_encode(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_address_is_filled_percent_encoded() {
        let url = TicketUrl::parse(
            "https://help.example/new?r={reward_id}&c={customer_id}&i={reissue_id}",
        )
        .unwrap_or_else(|e| panic!("{e}"));
        let filled = url.fill(&TicketFacts {
            reward_id: "R 1&x=\"",
            customer_id: "{reissue_id}",
            reissue_id: "7",
        });
        assert_eq!(filled, "https://help.example/new?r=R%201%26x%3D%22&c=%7Breissue_id%7D&i=7");
    }

    #[test]
    fn addresses_that_could_run_are_refused() {
        for text in [
            "javascript:alert(1)",
            "ftp://x",
            "https://",
            "data:text/html,x",
            "//x.example",
            "https://a b",
            "https://a.example/{nope}",
            "https://a.example/{reward_id",
        ] {
            assert!(TicketUrl::parse(text).is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn slugs_are_plain() {
        assert!(Slug::parse("acme-uk2").is_ok());
        for text in ["", "Acme", "a b", "-a", "a/", "ä"] {
            assert!(Slug::parse(text).is_err(), "{text:?} was taken");
        }
    }
}
