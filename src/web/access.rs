//! Who may use a route, as data: the gate asks the table, and a test walks it.
//! Must not know handlers.

use actix_web::http::Method;

use crate::domain::role::Permission;

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

/// One line of the table.
#[derive(Debug, Clone)]
pub struct Rule {
    pub method: Method,
    pub pattern: &'static str,
    pub access: Access,
}
