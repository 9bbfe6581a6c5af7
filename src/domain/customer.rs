//! A customer: a person in the programme, unique by e-mail per merchant.
//! Must not know rewards.

use chrono::{DateTime, Utc};

use super::{email::EmailAddress, fold, ids::CustomerNo};

/// A person in the programme. After a purge the address and the names are gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customer {
    pub no: CustomerNo,
    pub email: Option<EmailAddress>,
    pub customer_id: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub locale: Option<String>,
    pub receives_emails: bool,
    pub blocked: Option<Blocked>,
    pub purged_at: Option<DateTime<Utc>>,
    /// The user who purged them; `None` where it was done at the command line.
    pub purged_by: Option<String>,
    pub created_at: DateTime<Utc>,
}

/// Since when a customer is blocked, by whom and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    pub at: DateTime<Utc>,
    pub by: Option<String>,
    pub reason: Option<String>,
}

impl Customer {
    /// First and last name, as far as known.
    pub fn full_name(&self) -> Option<String> {
        let parts: Vec<&str> = [&self.first_name, &self.last_name].into_iter().flatten().map(String::as_str).collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    }

    /// What a person calls this customer: the name, else the address, else what is left after a purge.
    pub fn display_name(&self) -> String {
        self.full_name().or_else(|| self.email.as_ref().map(ToString::to_string)).unwrap_or_else(|| format!("Purged customer {}", self.no))
    }
}

/// The comparable forms that search works on; see [`fold`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchKeys {
    pub search: String,
    pub first: String,
    pub last: String,
    pub id: String,
}

impl SearchKeys {
    /// The keys of a person with these fields.
    pub fn of(email: &str, customer_id: Option<&str>, first: Option<&str>, last: Option<&str>) -> Self {
        let [first, last, id] = [first, last, customer_id].map(|text| fold::for_search(text.unwrap_or_default()));
        let name = format!("{first} {last}");
        let search = [name.trim(), &fold::for_search(email), &id].into_iter().filter(|s| !s.is_empty()).collect::<Vec<_>>().join("\n");
        Self { search, first, last, id }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn search_keys_hold_name_address_and_id() {
        let keys = SearchKeys::of("jo@x.example", Some("C-1"), Some("Zoë"), Some("Smith"));
        assert_eq!(keys.search, "zoe smith\njo@x.example\nc-1");
        assert_eq!((keys.first.as_str(), keys.last.as_str(), keys.id.as_str()), ("zoe", "smith", "c-1"));
    }
}
