//! The merchant that a command names, with the operator's rights over its rows.

use crate::{
    app::error::Error,
    db::{self, DbConn, Scope},
    domain::{Invalid, merchant::Merchant},
};

/// The merchant of that slug; a slug that nobody has is said with the way to add it.
pub fn find_merchant(conn: &mut DbConn, slug: &str) -> Result<(Scope, Merchant), Error> {
    let unknown = || {
        Invalid::because(format!(
            "there is no merchant {slug:?}; add it with `rewarddesk merchant add SLUG --name NAME`"
        ))
    };
    db::merchants::for_operator(conn, slug)?.ok_or_else(|| unknown().into())
}
