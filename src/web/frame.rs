//! What stands around a page, from who is signed in and where they are.

use actix_web::{HttpMessage, HttpRequest};

use super::{
    assets,
    gate::Visitor,
    present::flash,
    views::{
        frame::{Frame, MerchantNav, NavItem, UserNav},
        ui::{TextLink, Toast, Tone},
    },
};
use crate::{
    app::{Member, sign_in::Membership},
    domain::role::Permission,
};

/// The frame of a page in a merchant.
pub fn in_merchant(request: &HttpRequest, member: &Member, title: &str) -> Frame {
    let slug = member.merchant.slug.as_str();
    let path = request.path();
    let item = |label: &str, rest: &str| {
        let href = format!("/m/{slug}/{rest}");
        let is_in = |href: &str| path == href || path.starts_with(&format!("{href}/"));
        // These are reached from the batches, and lead back to them.
        let below = ["imports", "redemptions", "alerts", "bars"];
        let current = is_in(&href)
            || (rest == "batches" && below.iter().any(|one| is_in(&format!("/m/{slug}/{one}"))));
        NavItem { label: label.to_owned(), current, href }
    };
    let mut nav = vec![item("Customers", "customers")];
    if member.role.may(Permission::LookAtBatches) {
        nav.push(item("Voucher batches", "batches"));
    }
    if member.role.may(Permission::CheckCodes) {
        nav.push(item("Check a code", "check"));
    }
    if member.role.may(Permission::ManageUsers) {
        nav.push(item("Users", "users"));
    }
    if member.role.may(Permission::SeeAuditLog) {
        nav.push(item("Audit log", "audit"));
    }
    if member.role.may(Permission::ChangeSettings) {
        nav.push(item("Settings", "settings"));
    }
    let merchants = request
        .extensions()
        .get::<Visitor>()
        .map(|visitor| visitor.merchants.iter().map(merchant_nav).collect())
        .unwrap_or_default();
    Frame {
        title: title.to_owned(),
        merchant: Some(MerchantNav { slug: slug.to_owned(), name: member.merchant.name.clone() }),
        merchants,
        user: Some(UserNav {
            name: member.user_name.clone(),
            email: member.user_email.clone(),
            role: member.role.label().to_owned(),
        }),
        nav,
        search_value: String::new(),
        flash: confirmed(request),
        assets: assets::addresses(),
    }
}

/// The frame of a page outside any merchant.
pub fn for_visitor(request: &HttpRequest, title: &str) -> Frame {
    let mut frame = Frame::bare(title, assets::addresses());
    if let Some(visitor) = request.extensions().get::<Visitor>() {
        frame.user = Some(UserNav {
            name: visitor.session.name.clone(),
            email: visitor.session.email.clone(),
            role: String::new(),
        });
        frame.merchants = visitor.merchants.iter().map(merchant_nav).collect();
        frame.flash = confirmed(request);
    }
    frame
}

/// For a user who comes back from confirming who they are: what they had asked for is not done yet.
fn confirmed(request: &HttpRequest) -> Option<Toast> {
    let is_back = request.query_string().split('&').any(|part| part == "confirmed=yes");
    is_back.then(|| {
        flash::plain(
            Tone::Good,
            "You're all set",
            "Nothing has been done yet. Carry on with what you were doing.",
        )
    })
}

/// The best frame known for an error: the merchant's if the gate let the request in, else the
/// visitor's, else the bare one.
pub fn for_error(request: &HttpRequest, title: &str) -> Frame {
    let member = request.extensions().get::<Member>().cloned();
    match member {
        Some(member) => in_merchant(request, &member, title),
        None => for_visitor(request, title),
    }
}

/// Where one can go from an error.
pub fn ways_out(frame: &Frame) -> Vec<TextLink> {
    let link = |label: &str, href: String| TextLink { label: label.to_owned(), href };
    match (&frame.merchant, &frame.user) {
        (Some(merchant), _) => vec![link("Customers", format!("/m/{}/customers", merchant.slug))],
        (None, Some(_)) => vec![link("Choose a merchant", "/".to_owned())],
        (None, None) => vec![link("Sign in", "/sign-in".to_owned())],
    }
}

fn merchant_nav(membership: &Membership) -> MerchantNav {
    MerchantNav {
        slug: membership.merchant.slug.to_string(),
        name: membership.merchant.name.clone(),
    }
}
