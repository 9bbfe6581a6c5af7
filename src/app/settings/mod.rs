//! Merchants and their settings.

pub mod add_merchant;
pub mod change_settings;
