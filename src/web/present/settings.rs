//! A merchant's settings as a form.
//! Must not know what a setting does.

use super::sentence;
use crate::{
    app::{Member, change_settings::Setting},
    domain::Unfit,
    web::views::{
        frame::Frame,
        settings::{Group, Input, Kind, Show},
    },
};

/// The page; with what was typed and what is wrong with it, after a refusal.
pub fn show(frame: Frame, member: &Member, value: impl Fn(Setting) -> String, unfit: &[(Setting, Unfit)]) -> Show {
    let input = |setting: Setting| {
        let (label, hint, kind) = words(setting);
        let error = unfit.iter().find(|(wrong, _)| *wrong == setting).map(|(_, why)| sentence(&why.0));
        Input { name: setting.as_str(), label, hint, value: value(setting), error, kind }
    };
    let group = |id, title, settings: &[Setting]| Group { id, title, inputs: settings.iter().map(|setting| input(*setting)).collect() };
    Show {
        frame,
        action: format!("/m/{}/settings", member.merchant.slug),
        groups: vec![
            group("merchant", "The merchant", &[Setting::Name, Setting::TimeZone]),
            group("contacts", "Contacts", &[Setting::TicketUrl, Setting::AccountManager, Setting::MailFrom]),
            group("stock", "Stock", &[Setting::StockThreshold, Setting::LeastDays]),
            group("access", "Access", &[Setting::RequiresSecondFactor]),
        ],
        zones: super::zones(),
    }
}

fn words(setting: Setting) -> (&'static str, &'static str, Kind) {
    match setting {
        Setting::Name => ("Name", "As users and customers see it, in mails too.", Kind::Text),
        Setting::TimeZone => ("Time zone", "Times are shown in it. What has an end already keeps that instant.", Kind::Zone),
        Setting::TicketUrl => (
            "Ticket address",
            "Where a second reissue is asked for: https:, http: or mailto:. {reward_id}, {customer_id} and {reissue_id} are filled in.",
            Kind::Text,
        ),
        Setting::AccountManager => {
            ("Account manager", "Whom to ask about rewards that can't be reissued here: Ann Lee <ann@example.com>.", Kind::Text)
        }
        Setting::MailFrom => ("Sender of mails", "Empty: the desk's own. Your mail relay must allow it.", Kind::Text),
        Setting::RequiresSecondFactor => {
            ("Ask every user for a second factor", "An authenticator app or a passkey, beside the password.", Kind::Switch)
        }
        Setting::StockThreshold => {
            ("Stock threshold", "So many usable codes or fewer are critical, in batches without a line of their own.", Kind::Number)
        }
        Setting::LeastDays => ("Days a customer should have", "A batch whose next code ends sooner than this is expiring.", Kind::Number),
    }
}
