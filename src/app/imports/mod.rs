//! Imports: a file received, checked, confirmed by somebody, and written.

pub mod decide_import;
pub mod file;
pub mod pieces;
pub mod receive_import;
pub mod run_import;
pub mod show_imports;
