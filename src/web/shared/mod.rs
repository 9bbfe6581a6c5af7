//! What all pages share: the frame around them, the gate before them, answers and words.

pub mod act_words;
pub mod addresses;
pub mod answers;
pub mod assets;
pub mod browser;
pub mod context;
pub mod cookies;
pub mod errors;
pub mod flash;
pub mod format;
pub mod frame;
pub mod headers;
pub mod open_files;
pub mod request;
pub mod site;
pub mod throttle;
pub mod ui;
pub mod words;
