//! The seals over an audit log: what is sealed of a record, and how one digest follows from the one
//! before. Pure; must not know the database or who seals when. Everything needed to write another
//! verifier is said here.
//!
//! Each log (one a merchant, and the installation's own) is a chain of its own. Seal number `n` of
//! a chain covers one record:
//!
//! ```text
//! digest(0) = 64 times the character 0
//! digest(n) = hex(SHA-256("rewarddesk audit seal 1" LF digest(n-1) LF n LF at LF content))
//! ```
//!
//! LF is the byte 0A; digests are in lower-case hex; `n` is the seal's number, gapless from 1 in
//! the order of sealing; `at` is when it was sealed. Numbers are in decimal, times in microseconds
//! since 1970-01-01 00:00 UTC. `content` is thirteen fields in UTF-8, one after the other, each as
//! its length in bytes, a colon, the bytes and a comma (`3:abc,`), or `-,` where the column is
//! null:
//!
//! ```text
//! 1 (the version), id, merchant, at, action, actor kind (user, cli or system), user, customer, reward, batch, reissue,
//! details (the JSON text exactly as stored), request id
//! ```
//!
//! Merchant, user, customer and so on are the desk's numbers as stored; nothing is looked up, so no
//! person is under a digest. A log is exported by id, oldest first; its chain is in the order of
//! sealing, which differs where records were committed late.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::{Invalid, hex::hex};

const SEAL: &str = "rewarddesk audit seal 1";
const VERSION: &str = "1";
const DIGEST_LENGTH: usize = 64;

/// The end of a chain so far: the number and digest of its newest seal. As text `NO:DIGEST`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainHead {
    pub no: i64,
    /// 64 characters of lower-case hex.
    pub digest: String,
}

impl ChainHead {
    /// Before the first seal.
    pub fn start() -> Self {
        Self { no: 0, digest: "0".repeat(DIGEST_LENGTH) }
    }

    /// The head once `content` was sealed `at`.
    pub fn next(&self, at: DateTime<Utc>, content: &str) -> Self {
        let no = self.no.saturating_add(1);
        let hash = Sha256::digest(format!(
            "{SEAL}\n{}\n{no}\n{}\n{content}",
            self.digest,
            at.timestamp_micros()
        ));
        Self { no, digest: hex(&hash) }
    }
}

impl std::fmt::Display for ChainHead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.no, self.digest)
    }
}

impl FromStr for ChainHead {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid = || {
            Invalid::because(
                "a head is a number, a colon and 64 hex digits, as shown by `audit verify` and the \
                 server's log",
            )
        };
        let (no, digest) = text.trim().split_once(':').ok_or_else(invalid)?;
        let no: i64 = no.parse().map_err(|_| invalid())?;
        let is_digest =
            digest.len() == DIGEST_LENGTH && digest.bytes().all(|b| b.is_ascii_hexdigit());
        if no < 1 || !is_digest {
            Err(invalid())
        } else {
            Ok(Self { no, digest: digest.to_ascii_lowercase() })
        }
    }
}

/// A record as the database keeps it, column by column, with nothing looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    pub id: i64,
    /// `None`: the installation's own log.
    pub merchant: Option<i64>,
    pub at: DateTime<Utc>,
    pub action: String,
    pub actor_kind: String,
    pub user: Option<i64>,
    pub customer: Option<i64>,
    pub reward: Option<i64>,
    pub batch: Option<i64>,
    pub reissue: Option<i64>,
    /// The JSON text.
    pub details: String,
    pub request_id: Option<String>,
}

impl StoredRecord {
    /// The number of the chain that the record belongs to.
    pub fn chain(&self) -> i64 {
        self.merchant.unwrap_or(0)
    }

    /// What is sealed of it: see the module.
    pub fn content(&self) -> String {
        let number = |n: Option<i64>| n.map(|n| n.to_string());
        let fields = [
            Some(VERSION.to_owned()),
            number(Some(self.id)),
            number(self.merchant),
            number(Some(self.at.timestamp_micros())),
            Some(self.action.clone()),
            Some(self.actor_kind.clone()),
            number(self.user),
            number(self.customer),
            number(self.reward),
            number(self.batch),
            number(self.reissue),
            Some(self.details.clone()),
            self.request_id.clone(),
        ];
        fields.iter().fold(String::new(), |mut out, field| {
            use std::fmt::Write;
            let _ = match field {
                Some(text) => write!(out, "{}:{text},", text.len()),
                None => write!(out, "-,"),
            };
            out
        })
    }

    /// Reads [`StoredRecord::content`] back; anything that this would not write is refused.
    pub fn from_content(content: &str) -> Result<Self, Invalid> {
        read(content)
            .filter(|record| record.content() == content)
            .ok_or_else(|| Invalid::because("the sealed content cannot be read"))
    }
}

fn read(content: &str) -> Option<StoredRecord> {
    let mut rest = content;
    let mut text = || -> Option<Option<String>> {
        if let Some(after) = rest.strip_prefix("-,") {
            rest = after;
            return Some(None);
        }
        let (length, after) = rest.split_once(':')?;
        let field = after.get(..length.parse().ok()?)?;
        rest = after[field.len()..].strip_prefix(',')?;
        Some(Some(field.to_owned()))
    };
    let version = text()??;
    let record = StoredRecord {
        id: number(text()?)??,
        merchant: number(text()?)?,
        at: DateTime::from_timestamp_micros(number(text()?)??)?,
        action: text()??,
        actor_kind: text()??,
        user: number(text()?)?,
        customer: number(text()?)?,
        reward: number(text()?)?,
        batch: number(text()?)?,
        reissue: number(text()?)?,
        details: text()??,
        request_id: text()?,
    };
    (version == VERSION && rest.is_empty()).then_some(record)
}

/// A number or null; `None`: neither.
fn number(field: Option<String>) -> Option<Option<i64>> {
    field.map(|field| field.parse().ok()).map_or(Some(None), |number: Option<i64>| number.map(Some))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> StoredRecord {
        StoredRecord {
            id: 17,
            merchant: Some(2),
            at: DateTime::from_timestamp_micros(1_795_435_200_000_001).unwrap_or_default(),
            action: "coupon.reissued".into(),
            actor_kind: "user".into(),
            user: Some(3),
            customer: None,
            reward: Some(-1),
            batch: None,
            reissue: Some(5),
            details: r#"{"reason":"é, 3:abc,"}"#.into(),
            request_id: Some(String::new()),
        }
    }

    #[test]
    fn the_content_and_the_digest_are_as_the_description_says() {
        let content = record().content();
        let expected = "1:1,2:17,1:2,16:1795435200000001,15:coupon.reissued,4:user,1:3,-,2:-1,-,1:5,23:{\"reason\":\"é, 3:abc,\"},0:,";
        assert_eq!(content, expected);
        let at = DateTime::from_timestamp_micros(7).unwrap_or_default();
        let by_hand = Sha256::digest(
            [
                b"rewarddesk audit seal 1\n",
                "0".repeat(64).as_bytes(),
                b"\n1\n7\n",
                expected.as_bytes(),
            ]
            .concat(),
        );
        assert_eq!(
            ChainHead::start().next(at, &content),
            ChainHead { no: 1, digest: hex(&by_hand) }
        );
    }

    #[test]
    fn content_is_read_back_and_nothing_else_is() {
        let content = record().content();
        assert_eq!(StoredRecord::from_content(&content), Ok(record()));
        let spoilt = [
            "",
            "-,",
            &content[1..],
            &content[..content.len() - 1],
            &format!("{content}-,"),
            &content.replace("2:17,", "3:+17,"),
        ];
        for text in spoilt {
            assert!(StoredRecord::from_content(text).is_err(), "{text}");
        }
        // A length that ends inside a character.
        assert!(StoredRecord::from_content(&content.replace("23:", "12:")).is_err());
    }

    #[test]
    fn heads_are_read_as_they_are_written() {
        let head = ChainHead::start().next(DateTime::default(), "x");
        assert_eq!(head.to_string().parse(), Ok(head.clone()));
        assert_eq!(head.to_string().to_uppercase().parse(), Ok(head));
        for text in [
            "",
            "1",
            "1:",
            "0:".to_owned().as_str(),
            &format!("0:{}", "a".repeat(64)),
            &format!("1:{}", "g".repeat(64)),
        ] {
            assert!(text.parse::<ChainHead>().is_err(), "{text}");
        }
    }
}
