//! Floor 1: the two databases behind one code; a repository module per noun.
//! Must not know mail, use cases or the web. Row structs and diesel's derives stay in here.

pub mod audit;
pub mod conn;
pub mod database;
pub mod error;
pub mod imports;
pub mod instant;
pub mod merchants;
pub mod migrate;
pub mod schema;
pub mod scope;
pub mod tx;

pub use conn::DbConn;
pub use database::{Database, DatabaseUrl};
pub use error::{Conflict, Error};
pub use scope::Scope;
pub use tx::WriteTx;
