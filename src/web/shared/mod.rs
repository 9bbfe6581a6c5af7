//! What all pages share: the frame around them, the gate before them, answers and words.

pub mod act_words;
pub mod addresses;
pub mod answer;
pub mod browser;
pub mod errors;
pub mod flash;
pub mod format;
pub mod frame;
pub mod gate;
pub mod headers;
pub mod open_files;
pub mod request;
pub mod ui;
pub mod words;
