//! Owns the page of a merchant's settings.

use super::frame::Frame;
use askama::Template;

/// `GET /m/{merchant}/settings`.
#[derive(Debug, Template)]
#[template(path = "settings/show.html")]
pub struct SettingsPage {
    pub frame: Frame,
    pub action: String,
    pub groups: Vec<SettingGroup>,
    /// For the time zone's field.
    pub zones: Vec<&'static str>,
}

/// Settings that belong together.
#[derive(Clone, Debug)]
pub struct SettingGroup {
    pub id: &'static str,
    pub title: &'static str,
    pub inputs: Vec<SettingInput>,
}

/// A setting to be typed or switched.
#[derive(Clone, Debug)]
pub struct SettingInput {
    pub name: &'static str,
    pub label: &'static str,
    pub hint: &'static str,
    pub value: String,
    /// The hidden field with the value that the form was handed out with.
    pub seen_name: String,
    pub seen: String,
    pub error: Option<String>,
    pub kind: InputKind,
}

/// How it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputKind {
    Text,
    Zone,
    Number,
    Switch,
}

impl SettingInput {
    pub fn is_switch(&self) -> bool {
        self.kind == InputKind::Switch
    }

    pub fn is_number(&self) -> bool {
        self.kind == InputKind::Number
    }

    pub fn is_zone(&self) -> bool {
        self.kind == InputKind::Zone
    }
}
