//! Users: invited, given roles, and what they do to their own account.

pub mod account_mail;
pub mod add_user;
pub mod choose_password;
pub mod invite_user;
pub mod link_identity;
pub mod manage_users;
pub mod offers;
pub mod operate_users;
pub mod own_account;
pub mod set_up;
pub mod show_users;
