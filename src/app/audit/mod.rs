//! The audit log: shown, filtered, exported, sealed and proved.

pub mod audit_download;
pub mod audit_export_file;
pub mod audit_filters;
pub mod seal_audit;
pub mod send_chain_heads;
pub mod show_audit_log;
pub mod verify_audit;
pub mod verify_export;
