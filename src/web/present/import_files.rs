//! The form for a file of redemptions, or of codes to bar, as a view; and what such imports are
//! called.

use super::vouchers::Sent;
use crate::{
    app::Member,
    domain::import::ImportKind,
    web::views::{frame::Frame, import_files::NewImportPage},
};

/// The words of a kind of import, as they stand in its sentences.
#[derive(Debug, Clone, Copy)]
pub struct UploadCopy {
    pub one: &'static str,
    /// "Add 12 codes".
    pub act: &'static str,
    /// "Adding 12 codes".
    pub acting: &'static str,
    /// "12 codes added".
    pub acted: &'static str,
    /// What rows are called that change nothing.
    pub already: &'static str,
    pub waits: &'static str,
    /// What the list calls a checked file of which nothing is new.
    pub nothing: &'static str,
}

/// What imports of this kind are called.
pub fn words(kind: ImportKind) -> UploadCopy {
    match kind {
        ImportKind::Vouchers => UploadCopy {
            one: "code",
            act: "Add",
            acting: "Adding",
            acted: "added",
            already: "already in the batch",
            waits: "Not added yet",
            nothing: "Nothing to add",
        },
        ImportKind::Redemptions => UploadCopy {
            one: "redemption",
            act: "Record",
            acting: "Recording",
            acted: "recorded",
            already: "already recorded",
            waits: "Not recorded yet",
            nothing: "Nothing to record",
        },
        ImportKind::Bars => UploadCopy {
            one: "code",
            act: "Bar",
            acting: "Barring",
            acted: "barred",
            already: "already barred",
            waits: "Not barred yet",
            nothing: "Nothing to bar",
        },
    }
}

/// The page's title.
pub fn title(kind: ImportKind) -> &'static str {
    match kind {
        ImportKind::Vouchers => "Add vouchers",
        ImportKind::Redemptions => "Import redemptions",
        ImportKind::Bars => "Bar codes in bulk",
    }
}

/// Where a form of this kind is, and where it posts to.
pub fn addresses(member: &Member, kind: ImportKind) -> (String, String) {
    let here = match kind {
        ImportKind::Vouchers => "batches",
        ImportKind::Redemptions => "redemptions",
        ImportKind::Bars => "bars",
    };
    let here = format!("/m/{}/{here}", member.merchant.slug);
    (format!("{here}/new"), here)
}

/// The form, with what was wrong with it.
pub fn new(frame: Frame, member: &Member, kind: ImportKind, sent: Sent) -> NewImportPage {
    let (_, action) = addresses(member, kind);
    let (lead, columns, example, button) = match kind {
        ImportKind::Redemptions => (
            "The shop's record of uses. You'll see what's in it first. Mismatches between the shop \
             and the desk are listed afterwards.",
            vec!["code", "redeemed_at", "order_id"],
            "SUMMER-7Q0O,2026-11-20,O-1001",
            "Check redemptions",
        ),
        ImportKind::Vouchers | ImportKind::Bars => (
            "Codes that must not be used any more, each with a reason. You'll see what's in the \
             file first.",
            vec!["code", "reason"],
            "SUMMER-7Q0O,leaked on a coupon site",
            "Check codes",
        ),
    };
    NewImportPage {
        frame,
        back_href: format!("/m/{}/batches", member.merchant.slug),
        back: "Voucher batches",
        title: title(kind),
        lead,
        columns,
        example,
        button,
        form: sent.form(action),
    }
}
