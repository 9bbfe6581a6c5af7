//! A customer: a person in the programme, unique by e-mail per merchant.

use chrono::{DateTime, Utc};
use icu_properties::{CodePointMapData, props::Script};

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
        let parts: Vec<&str> =
            [&self.first_name, &self.last_name].into_iter().flatten().map(String::as_str).collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    }

    /// What a person calls this customer: the name, else the address, else what is left after a
    /// purge.
    pub fn display_name(&self) -> String {
        self.full_name()
            .or_else(|| self.email.as_ref().map(EmailAddress::shown))
            .unwrap_or_else(|| format!("Purged customer {}", self.no))
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
    pub fn of(
        email: &str,
        customer_id: Option<&str>,
        first: Option<&str>,
        last: Option<&str>,
    ) -> Self {
        let [mut first, mut last, id] =
            [first, last, customer_id].map(|text| fold::for_search(text.unwrap_or_default()));
        let mut lines = vec![format!("{first} {last}").trim().to_owned()];
        // Written without a space, and with either name first; each is the beginning of a key too.
        if let Some((given, family)) = east_asian(&first, &last) {
            (first, last) = (format!("{given}{family}"), format!("{family}{given}"));
            lines.extend([last.clone(), first.clone()]);
        }
        lines.push(fold::for_search(email));
        // A domain in its own letters is looked for by these.
        if email.contains("xn--") {
            lines.push(fold::for_search(&EmailAddress::stored(email.to_owned()).shown()));
        }
        lines.push(id.clone());
        lines.dedup();
        lines.retain(|line| !line.is_empty());
        Self { search: lines.join("\n"), first, last, id }
    }
}

/// Given and family name, where both are in a script of East Asia; also where one field holds both
/// with a space between.
fn east_asian<'n>(first: &'n str, last: &'n str) -> Option<(&'n str, &'n str)> {
    let (given, family) = match (first, last) {
        ("", both) | (both, "") => both.split_once(' ')?,
        names => names,
    };
    let scripts = CodePointMapData::<Script>::new();
    let is_east_asian = |c: char| {
        matches!(
            scripts.get(c),
            Script::Han | Script::Hiragana | Script::Katakana | Script::Hangul | Script::Bopomofo
        ) || c == 'ー'
    };
    (given.chars().all(is_east_asian) && family.chars().all(is_east_asian))
        .then_some((given, family))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn search_keys_hold_name_address_and_id() {
        let keys = SearchKeys::of("jo@x.example", Some("C-1"), Some("Zoë"), Some("Smith"));
        assert_eq!(keys.search, "zoe smith\njo@x.example\nc-1");
        assert_eq!(
            (keys.first.as_str(), keys.last.as_str(), keys.id.as_str()),
            ("zoe", "smith", "c-1")
        );
    }

    #[test]
    fn east_asian_names_are_found_in_either_order_without_a_space() {
        for (first, last) in
            [(Some("太郎"), Some("山田")), (Some("太郎 山田"), None), (None, Some("太郎　山田"))]
        {
            let keys = SearchKeys::of("t@x.example", None, first, last);
            assert_eq!(keys.search, "太郎 山田\n山田太郎\n太郎山田\nt@x.example");
            assert_eq!((keys.first.as_str(), keys.last.as_str()), ("太郎山田", "山田太郎"));
        }
        let keys = SearchKeys::of("k@x.example", None, Some("민수"), Some("김"));
        assert!(
            keys.search.contains(&fold::for_search("김민수"))
                && keys.search.contains(&fold::for_search("민수김"))
        );
        let mixed = SearchKeys::of("m@x.example", None, Some("Taro"), Some("山田"));
        assert_eq!(
            (mixed.search.as_str(), mixed.last.as_str()),
            ("taro 山田\nm@x.example", "山田")
        );
    }

    #[test]
    fn an_international_address_is_found_by_either_spelling() {
        let keys = SearchKeys::of("kim@xn--bcher-kva.example", None, None, None);
        assert_eq!(keys.search, "kim@xn--bcher-kva.example\nkim@bucher.example");
    }
}
