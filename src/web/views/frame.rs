//! Owns what stands around every page: top bar, search box, navigation, user's menu, message, asset
//! addresses.

use super::ui::Toast;

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
    /// As in `/m/{slug}`.
    pub slug: String,
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

/// Addresses of the hashed assets.
#[derive(Clone, Debug)]
pub struct Assets {
    /// The style sheet.
    pub css: String,
    /// Our own script.
    pub js: String,
    /// htmx.
    pub htmx: String,
    /// The icon, SVG.
    pub favicon: String,
}
