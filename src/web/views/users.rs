//! Owns the pages of a merchant's users: the list, one of them, inviting, and what each role may
//! do.

use super::frame::Frame;
use super::threshold_forms::NumberField;
use super::ui::{Badge, Fact, Pager, Status, TextLink, When};
use askama::Template;

/// `GET /m/{merchant}/users`.
#[derive(Debug, Template)]
#[template(path = "users/index.html")]
pub struct UserListPage {
    pub frame: Frame,
    pub actions: Vec<TextLink>,
    pub rows: Vec<UserItem>,
    pub pager: Pager,
}

/// A user in the list.
#[derive(Clone, Debug)]
pub struct UserItem {
    pub href: String,
    pub name: String,
    pub email: String,
    pub role: String,
    pub badges: Vec<Badge>,
    pub last_seen: Option<When>,
}

/// `GET /m/{merchant}/users/new`.
#[derive(Debug, Template)]
#[template(path = "users/new.html")]
pub struct NewUserPage {
    pub frame: Frame,
    pub back_href: String,
    pub action: String,
    pub email: NumberField,
    pub name: NumberField,
    pub roles: Vec<RoleChoice>,
    pub role_error: Option<String>,
}

/// A role that may be given.
#[derive(Clone, Debug)]
pub struct RoleChoice {
    pub word: &'static str,
    pub label: &'static str,
    pub hint: String,
    pub chosen: bool,
}

/// `GET /m/{merchant}/users/{id}`.
#[derive(Debug, Template)]
#[template(path = "users/show.html")]
pub struct UserPage {
    pub frame: Frame,
    pub back_href: String,
    pub name: String,
    pub badges: Vec<Badge>,
    pub email: String,
    pub facts: Vec<Fact>,
    /// What became of the newest mail to them.
    pub mail: Option<Status>,
    /// Where the invitation is sent again; empty: nothing is to be sent, or not by this member.
    pub send_again: String,
    pub role_action: String,
    /// Empty when the role can't be changed by this member.
    pub roles: Vec<RoleChoice>,
    /// Why not.
    pub role_barrier: String,
    pub acts: Vec<UserActForm>,
}

/// Something that can be done to the user.
#[derive(Clone, Debug)]
pub struct UserActForm {
    pub title: &'static str,
    /// What it means.
    pub text: String,
    pub action: String,
    pub label: &'static str,
    pub busy: &'static str,
    /// Why it is not to be had; empty: it is.
    pub barrier: String,
    pub is_grave: bool,
}

/// `GET /m/{merchant}/permissions`.
#[derive(Debug, Template)]
#[template(path = "users/permissions.html")]
pub struct Permissions {
    pub frame: Frame,
    pub roles: Vec<&'static str>,
    pub rows: Vec<PermissionRow>,
    /// "Your role here is Marketing."
    pub own: String,
}

/// Something that roles may do: each role's answer, in the order of `roles`.
#[derive(Clone, Debug)]
pub struct PermissionRow {
    pub text: &'static str,
    pub may: Vec<bool>,
}
