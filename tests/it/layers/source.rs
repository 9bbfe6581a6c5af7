//! A Rust file as far as the project's rules look at it: its words, without comments and texts.

/// The file's tokens: words, `::`, and single signs.
pub struct Source(Vec<String>);

impl Source {
    /// Drops comments, string and character literals, and cuts the rest into words.
    pub fn read(text: &str) -> Self {
        let code = without_comments_and_texts(text);
        let mut tokens: Vec<String> = vec![];
        let mut chars = code.chars().peekable();
        while let Some(c) = chars.next() {
            if c.is_alphanumeric() || c == '_' {
                let mut word = c.to_string();
                while let Some(next) = chars.next_if(|n| n.is_alphanumeric() || *n == '_') {
                    word.push(next);
                }
                tokens.push(word);
            } else if c == ':' && chars.next_if_eq(&':').is_some() {
                tokens.push("::".into());
            } else if !c.is_whitespace() {
                tokens.push(c.into());
            }
        }
        Self(tokens)
    }

    /// The first words after `crate::`, also inside braces; and after as many `super::` as lead out
    /// of a module that lies `depth` below the crate.
    pub fn house_paths(&self, depth: usize) -> Vec<&str> {
        let mut found = vec![];
        for at in 0..self.0.len() {
            let root = match self.0[at].as_str() {
                "crate" | "rewarddesk" => self.after(at, "::"),
                "super" if at == 0 || self.0[at - 1] != "::" => self.climb(at, depth),
                _ => None,
            };
            if let Some(root) = root {
                found.extend(self.first_words(root));
            }
        }
        found
    }

    /// Follows `super::super::…` and answers where the crate's own names begin, if it climbs that
    /// far.
    fn climb(&self, mut at: usize, depth: usize) -> Option<usize> {
        let mut climbed = 0;
        while self.0.get(at).is_some_and(|word| word == "super") {
            climbed += 1;
            at = self.after(at, "::")?;
        }
        (climbed >= depth).then_some(at)
    }

    /// The names of the functions marked with `#[test]`, `#[both]` or a path that ends so.
    pub fn tests(&self) -> Vec<&str> {
        let (mut is_test, mut found) = (false, vec![]);
        for (at, word) in self.0.iter().enumerate() {
            match word.as_str() {
                "test" | "both" => is_test |= self.is_attribute(at),
                "fn" if is_test => {
                    found.extend(self.0.get(at + 1).map(String::as_str));
                    is_test = false;
                }
                _ => {}
            }
        }
        found
    }

    /// Whether the word at `at` is what an attribute is called, as the last word of its path.
    fn is_attribute(&self, mut at: usize) -> bool {
        while at >= 2 && self.0[at - 1] == "::" {
            at -= 2;
        }
        at >= 2 && self.0[at - 2..at] == ["#", "["]
    }

    fn after(&self, at: usize, sign: &str) -> Option<usize> {
        (self.0.get(at + 1)? == sign).then_some(at + 2)
    }

    /// The word at `at`, or those that a brace there lists on its first level.
    fn first_words(&self, at: usize) -> Vec<&str> {
        if self.0.get(at).is_none_or(|word| word != "{") {
            return self.0.get(at).map(String::as_str).into_iter().collect();
        }
        let (mut depth, mut words) = (0, vec![]);
        for i in at..self.0.len() {
            match self.0[i].as_str() {
                "{" => depth += 1,
                "}" => depth -= 1,
                word if depth == 1 && matches!(self.0[i - 1].as_str(), "{" | ",") => {
                    words.push(word);
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
        words
    }

    /// Whether a path like `diesel` or `std::env` or `Utc::now` is used, also as `std::{env, fs}`.
    pub fn knows(&self, path: &str) -> bool {
        let parts: Vec<&str> = path.split("::").collect();
        (0..self.0.len()).any(|at| {
            let starts = self.0[at] == parts[0]
                && (at == 0
                    || self.0[at - 1] != "::"
                    || parts[0].chars().next().is_some_and(char::is_uppercase));
            match parts.as_slice() {
                [_] if parts[0].chars().next().is_some_and(char::is_uppercase) => starts,
                [_] => {
                    starts
                        && (self.after(at, "::").is_some()
                            || (at > 0 && matches!(self.0[at - 1].as_str(), "use" | "crate")))
                }
                [_, second] => {
                    starts
                        && self
                            .after(at, "::")
                            .is_some_and(|next| self.first_words(next).contains(second))
                }
                _ => false,
            }
        })
    }

    /// Whether the macro call `name!` is in the file.
    pub fn holds(&self, name_and_bang: &str) -> bool {
        let name = name_and_bang.trim_end_matches('!');
        self.0.windows(2).any(|pair| pair[0] == name && pair[1] == "!")
    }

    pub fn declares_module(&self, name: &str) -> bool {
        self.0.windows(2).any(|pair| pair[0] == "mod" && pair[1] == name)
    }

    /// Whether a type is called `…Manager` for `manager`, and so on.
    pub fn declares_type_ending_in(&self, name: &str) -> bool {
        let ending = name[..1].to_uppercase() + &name[1..];
        self.0.windows(2).any(|pair| {
            matches!(pair[0].as_str(), "struct" | "enum" | "trait" | "type")
                && pair[1].ends_with(&ending)
        })
    }
}

fn without_comments_and_texts(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if c == '"' {
            text_length(rest)
        } else if let Some(raw) = raw_text_length(rest, &out) {
            raw
        } else if c == '\'' {
            character_length(rest)
        } else {
            out.push(c);
            c.len_utf8()
        };
        if skipped > 0 && (c == '"' || c == '\'') {
            out.push(' ');
        }
        rest = &rest[skipped..];
    }
    out
}

fn text_length(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// `r"…"` and `r#"…"#`, where the `r` begins a word.
fn raw_text_length(rest: &str, before: &str) -> Option<usize> {
    let after = rest
        .strip_prefix('r')
        .filter(|_| !before.ends_with(|c: char| c.is_alphanumeric() || c == '_'))?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    let body = after[hashes..].strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    Some(body.find(&close).map_or(rest.len(), |end| 1 + hashes + 1 + end + close.len()))
}

/// A character like `'x'` or `'\''`; a lifetime's mark alone.
fn character_length(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1);
    match chars.next() {
        Some((_, '\\')) => rest[3..].find('\'').map_or(1, |end| end + 4),
        Some(_) => chars.next().filter(|(_, c)| *c == '\'').map_or(1, |(at, _)| at + 1),
        None => 1,
    }
}

/// The attributes of all tags in a page in lower case, with their values as far as they are written
/// plainly.
pub fn attributes(page: &str) -> Vec<(String, String)> {
    let mut found = vec![];
    for (at, _) in page.match_indices('=') {
        let name: String = page[..at]
            .chars()
            .rev()
            .take_while(|c| c.is_alphanumeric() || matches!(c, '-' | ':' | '_' | '@'))
            .collect();
        let name: String = name.chars().rev().collect();
        let boundary = page[..at - name.len()].chars().next_back();
        let inside_a_tag = page[..at].rfind('<') > page[..at].rfind('>')
            && page[..at].rfind("{%") <= page[..at].rfind("%}");
        if !name.is_empty()
            && boundary.is_some_and(|c| c.is_whitespace() || matches!(c, '"' | '\'' | '/' | '}'))
            && inside_a_tag
        {
            let value =
                page[at + 1..].trim_start_matches(['"', '\'', ' ']).chars().take(40).collect();
            found.push((name, value));
        }
    }
    found
}
