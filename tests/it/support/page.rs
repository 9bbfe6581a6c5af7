//! An answer, as far as tests read it: tags with their attributes, forms, a reader's words. Not a
//! browser.

use reqwest::{Url, header::HeaderMap};

use super::client::Fields;

/// An answer of the app.
#[derive(Debug, Clone)]
pub struct Page {
    pub status: u16,
    pub headers: HeaderMap,
    pub address: Url,
    pub body: String,
}

/// One opening tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    pub name: String,
    pub attributes: Vec<(String, String)>,
}

impl Tag {
    pub fn get(&self, attribute: &str) -> Option<&str> {
        self.attributes.iter().find(|(name, _)| name == attribute).map(|(_, value)| value.as_str())
    }
}

impl Page {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Asserts the status and answers the page.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}: {}", self.address.path(), self.words());
        self
    }

    /// Asserts that the reader sees these words.
    #[track_caller]
    pub fn says(&self, words: &str) -> &Self {
        assert!(
            self.words().contains(words),
            "{words:?} is not on {}: {}",
            self.address.path(),
            self.words()
        );
        self
    }

    /// What a reader sees: no tags, entities resolved, white space made one.
    pub fn words(&self) -> String {
        words(&self.body)
    }

    pub fn tags(&self) -> Vec<Tag> {
        tags(&self.body)
    }

    /// The hidden fields of the form that posts to `action`.
    #[track_caller]
    pub fn fields(&self, action: &str) -> Fields {
        let tags = self.tags();
        let at = tags.iter().position(|t| t.name == "form" && t.get("action") == Some(action));
        let form = &tags[at.unwrap_or_else(|| {
            panic!("no form to {action} on {}: {}", self.address.path(), self.words())
        })..];
        let end = form
            .iter()
            .skip(1)
            .position(|t| t.name == "form" || t.name == "/form")
            .map_or(form.len(), |end| end + 1);
        let hidden =
            form[..end].iter().filter(|t| t.name == "input" && t.get("type") == Some("hidden"));
        Fields(
            hidden
                .map(|t| {
                    (
                        t.get("name").unwrap_or_default().into(),
                        t.get("value").unwrap_or_default().into(),
                    )
                })
                .collect(),
        )
    }

    /// The part of the page that is a reward's row, by its imported `reward_id`.
    #[track_caller]
    pub fn row(&self, reward_id: &str) -> String {
        let mark = format!("data-reward-id=\"{reward_id}\"");
        let at = self
            .body
            .find(&mark)
            .unwrap_or_else(|| panic!("no row of {reward_id} in: {}", self.words()));
        let end = self.body[at..].find("</tr>").expect("the row ends");
        self.body[at..at + end].to_owned()
    }
}

/// All opening and closing tags; `</form>` is called `/form`.
pub fn tags(html: &str) -> Vec<Tag> {
    let mut found = vec![];
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        if !rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/') {
            continue;
        }
        let length = rest.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(rest.len());
        let name = rest[..length].to_lowercase();
        let (attributes, after) = attributes(&rest[length..]);
        rest = after;
        found.push(Tag { name, attributes });
    }
    found
}

fn attributes(mut rest: &str) -> (Vec<(String, String)>, &str) {
    let mut found = vec![];
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        if rest.is_empty() {
            return (found, rest);
        }
        if let Some(after) = rest.strip_prefix('>') {
            return (found, after);
        }
        let length = rest
            .find(|c: char| c.is_whitespace() || matches!(c, '=' | '>' | '/'))
            .unwrap_or(rest.len())
            .max(1);
        let name = rest[..length].to_lowercase();
        rest = &rest[length..];
        let value = match rest.strip_prefix('=') {
            None => String::new(),
            Some(after) => {
                let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''));
                let (value, left) = match quote {
                    Some(quote) => after[1..].split_once(quote).unwrap_or((&after[1..], "")),
                    None => after.split_at(
                        after.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(after.len()),
                    ),
                };
                rest = left;
                resolved(value)
            }
        };
        found.push((name, value));
    }
}

/// What a reader sees of `html`.
pub fn words(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        text.push_str(&rest[..at]);
        text.push(' ');
        rest = rest[at..].find('>').map_or("", |end| &rest[at + end + 1..]);
    }
    text.push_str(rest);
    resolved(&text).split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

/// Entities as askama writes them.
fn resolved(text: &str) -> String {
    let named = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#x27;", "'"),
        ("&#60;", "<"),
        ("&#62;", ">"),
        ("&#34;", "\""),
        ("&#39;", "'"),
    ];
    let text =
        named.iter().fold(text.to_owned(), |text, (entity, sign)| text.replace(entity, sign));
    text.replace("&#38;", "&").replace("&amp;", "&")
}

#[test]
fn a_page_is_read() {
    let html = r#"<form action="/x" method=post><input type="hidden" name="a" value="1 &#60; 2"><b class='c'>A &amp; B</b></form><input type=hidden name=z>"#;
    let page = Page {
        status: 200,
        headers: HeaderMap::new(),
        address: Url::parse("http://x/").unwrap(),
        body: html.into(),
    };
    assert_eq!(page.fields("/x"), Fields::default().with("a", "1 < 2"));
    assert_eq!(page.words(), "A & B");
    assert_eq!(
        page.tags().iter().map(|t| t.name.as_str()).collect::<Vec<_>>(),
        ["form", "input", "b", "/b", "/form", "input"]
    );
}
