//! Floor 3: background work.
//! Must not know the web, the database or diesel: it asks use cases.
pub mod audit_chain;
pub mod import_worker;
pub mod mail_worker;
pub mod stock_keeper;
