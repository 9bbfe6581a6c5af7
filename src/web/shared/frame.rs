//! What stands around every page: top bar, search box, navigation, user's menu, message, asset
//! addresses.

use actix_web::{HttpMessage, HttpRequest};

use crate::{
    app::Member,
    domain::{merchant::Merchant, role::Permission},
    web::shared::{
        addresses,
        assets::{self, Assets},
        context::Visitor,
        flash,
        ui::{TextLink, Toast, Tone},
    },
};

/// The frame of a page in a merchant.
pub fn in_merchant(request: &HttpRequest, member: &Member, title: &str) -> Frame {
    let merchant = &member.merchant;
    let path = request.path();
    let item = |label: &str, href: String| {
        let is_in = |href: &str| path == href || path.starts_with(&format!("{href}/"));
        // These are reached from the batches, and lead back to them.
        let below =
            [addresses::imports, addresses::redemptions, addresses::alerts, addresses::bars];
        let current = is_in(&href)
            || (href == addresses::batches(merchant)
                && below.iter().any(|one| is_in(&one(merchant))));
        NavItem { label: label.to_owned(), current, href }
    };
    let mut nav = vec![item("Customers", addresses::customers(merchant))];
    if member.role.may(Permission::LookAtBatches) {
        nav.push(item("Voucher batches", addresses::batches(merchant)));
    }
    if member.role.may(Permission::CheckCodes) {
        nav.push(item("Check a code", addresses::code_check(merchant)));
    }
    if member.role.may(Permission::ManageUsers) {
        nav.push(item("Users", addresses::users(merchant)));
    }
    if member.role.may(Permission::SeeAuditLog) {
        nav.push(item("Audit log", addresses::audit_log(merchant)));
    }
    if member.role.may(Permission::ChangeSettings) {
        nav.push(item("Settings", addresses::settings(merchant)));
    }
    let merchants = request
        .extensions()
        .get::<Visitor>()
        .map(|visitor| visitor.merchants.iter().map(|of| merchant_nav(&of.merchant)).collect())
        .unwrap_or_default();
    Frame {
        title: title.to_owned(),
        merchant: Some(merchant_nav(merchant)),
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
        frame.merchants = visitor.merchants.iter().map(|of| merchant_nav(&of.merchant)).collect();
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
        (Some(merchant), _) => vec![link("Customers", merchant.customers_href.clone())],
        (None, Some(_)) => vec![link("Choose a merchant", "/".to_owned())],
        (None, None) => vec![link("Sign in", "/sign-in".to_owned())],
    }
}

fn merchant_nav(merchant: &Merchant) -> MerchantNav {
    MerchantNav { customers_href: addresses::customers(merchant), name: merchant.name.clone() }
}

/// Everything around a page's content. Without a merchant and a user it is only the product's mark.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The page's title, without the product's name. Never holds a code.
    pub title: String,
    /// The merchant this page belongs to; also where the search box searches.
    pub merchant: Option<MerchantNav>,
    /// Every merchant the user may open; a menu only when there are several.
    pub merchants: Vec<MerchantNav>,
    /// Who is signed in.
    pub user: Option<UserNav>,
    /// What this user may open here, in order.
    pub nav: Vec<NavItem>,
    /// What the search box holds.
    pub search_value: String,
    /// What just happened, when the answer came without htmx.
    pub flash: Option<Toast>,
    /// Where scripts and styles are.
    pub assets: Assets,
}

impl Frame {
    /// The frame of a page without a session: sign-in, and errors before anyone is known.
    pub fn bare(title: &str, assets: Assets) -> Self {
        Self {
            title: title.to_owned(),
            merchant: None,
            merchants: Vec::new(),
            user: None,
            nav: Vec::new(),
            search_value: String::new(),
            flash: None,
            assets,
        }
    }
}

/// A merchant in the top bar.
#[derive(Clone, Debug)]
pub struct MerchantNav {
    /// Where its customers are.
    pub customers_href: String,
    /// As people know it.
    pub name: String,
}

/// The signed-in user in the top bar.
#[derive(Clone, Debug)]
pub struct UserNav {
    /// Full name.
    pub name: String,
    /// E-mail.
    pub email: String,
    /// The role at this merchant in words, or empty.
    pub role: String,
}

/// A link of the main navigation.
#[derive(Clone, Debug)]
pub struct NavItem {
    /// "Customers", "Voucher batches", "Audit log".
    pub label: String,
    /// Its path.
    pub href: String,
    /// Whether this page is there or below it.
    pub current: bool,
}
