//! Who may use a route, as data: the gate asks the table, and a test walks it.

use actix_web::http::Method;

use crate::{domain::role::Permission, web::shared::errors::Error};

/// What a route asks of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anyone, signed in or not.
    Public,
    /// Any signed-in user.
    SignedIn,
    /// A member of the merchant in the path whose role has this permission.
    Member(Permission),
}

/// One rule of the table.
#[derive(Debug, Clone)]
pub struct Rule {
    pub method: Method,
    pub pattern: &'static str,
    pub access: Access,
    /// Whether it asks again who one is, when that was proved too long ago.
    pub asks_again: bool,
}

/// Who may use what, for the gate and for the test that walks the table.
#[derive(Debug, Clone)]
pub struct AccessRules(Vec<Rule>);

impl AccessRules {
    pub fn new(rules: Vec<Rule>) -> Self {
        Self(rules)
    }

    /// Every rule of the table.
    pub fn all(&self) -> &[Rule] {
        &self.0
    }

    /// What `pattern` asks for with `method`; HEAD is as GET.
    pub fn find(&self, method: &Method, pattern: &str) -> Result<&Rule, Error> {
        let method = if *method == Method::HEAD { &Method::GET } else { method };
        let mut same_path = self.0.iter().filter(|rule| rule.pattern == pattern).peekable();
        if same_path.peek().is_none() {
            return Err(Error::NotFound);
        }
        same_path.find(|rule| rule.method == *method).ok_or(Error::MethodNotAllowed)
    }
}
