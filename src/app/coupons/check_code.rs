//! What the desk knows of a code that a customer quotes, and what they may have meant when it knows
//! none. The code is in nobody's log.

use chrono::{DateTime, Utc};

use super::show_coupon::{self, ShownCoupon};
use crate::{
    app::{Desk, Error, Member},
    db::{coupons, mails, memberships, rewards},
    domain::{
        Invalid, cell,
        code::{self, CouponCode},
        coupon::CouponState,
        fold,
        look_alikes::LookAlikes,
        mail::MailSummary,
        pasted::Term,
        reissue::RewardFile,
        role::Permission,
    },
};

/// No code is longer.
const MAX_CODE_CHARS: usize = 255;
/// More would be no help.
const MAX_SUGGESTIONS: usize = 8;

/// What came of it.
#[derive(Debug, Clone)]
pub enum Checked {
    Found(Box<KnownCode>),
    /// Without spaces, as it was looked for; and codes that look like it.
    Unknown {
        code: String,
        suggestions: Vec<CodeSuggestion>,
    },
    /// More than one code fits what was typed, as it was typed.
    Several {
        code: String,
        suggestions: Vec<CodeSuggestion>,
    },
    /// Nothing was looked for.
    Invalid(Invalid),
}

/// A code that there is.
#[derive(Debug, Clone)]
pub struct KnownCode {
    pub shown: ShownCoupon,
    /// The file on the reward whose current coupon it is.
    pub file: Option<RewardFile>,
    /// The newest mail that carried it.
    pub mail: Option<MailSummary>,
    /// Users who may add vouchers, for a member who may not.
    pub who_can: Vec<String>,
}

/// A code that the customer may have meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeSuggestion {
    pub code: CouponCode,
    /// It differs in upper and lower case only, which its batch tells apart.
    pub other_case: bool,
}

/// Looks the code up as every search box does: as it was typed first, then as it may be meant; see
/// [`Term`].
pub fn check_code(desk: &Desk, member: &Member, text: &str) -> Result<Checked, Error> {
    // What was copied from a cell or a list may still have what is around it there.
    let code = fold::nfc(&code::bare(&cell::reference(text))).into_owned();
    if code.is_empty() {
        return Ok(Checked::Invalid(Invalid::because(
            "type or paste the code the customer gave you",
        )));
    }
    let length = code.chars().count();
    if length > MAX_CODE_CHARS {
        return Ok(Checked::Invalid(Invalid::because(format!(
            "this has {length} characters, but a code has at most {MAX_CODE_CHARS}. Paste only the \
             code"
        ))));
    }
    let (now, term) = (desk.clock.now(), Term::read(text));
    desk.db.read(|conn| {
        let pasted = coupons::find_pasted(conn, member.scope, &term)?;
        let found = match pasted.as_slice() {
            [one] => one,
            [] => {
                return Ok(Checked::Unknown {
                    suggestions: suggestions(conn, member, &code)?,
                    code: code.clone(),
                });
            }
            // Which one is meant only the person who typed it can say.
            several => {
                let suggestions = several
                    .iter()
                    .map(|found| CodeSuggestion { code: found.code.clone(), other_case: false })
                    .collect();
                return Ok(Checked::Several { code: term.itself.clone(), suggestions });
            }
        };
        let shown = show_coupon::load(conn, desk, member, found.id, now)?.ok_or(Error::NotFound)?;
        Ok(Checked::Found(Box::new(known(conn, member, shown, now)?)))
    })
}

fn known(
    conn: &mut crate::db::DbConn,
    member: &Member,
    shown: ShownCoupon,
    now: DateTime<Utc>,
) -> Result<KnownCode, Error> {
    let (scope, coupon) = (member.scope, &shown.file.coupon);
    let (mut file, mut mail) = (None, None);
    if let Some(handed_to) = &shown.file.reward {
        mail = mails::latest_of_coupon(conn, scope, handed_to.customer, coupon.id)?;
        if coupon.state == CouponState::Allocated {
            file = rewards::find_file(conn, scope, handed_to.customer, handed_to.no, now)?;
        }
    }
    let who_can = if member.role.may(Permission::ManageBatches) {
        vec![]
    } else {
        memberships::names_who_may(conn, scope, Permission::ManageBatches, 3)?
    };
    Ok(KnownCode { shown, file, mail, who_can })
}

fn suggestions(
    conn: &mut crate::db::DbConn,
    member: &Member,
    code: &str,
) -> Result<Vec<CodeSuggestion>, Error> {
    let alike = LookAlikes::of(code);
    let folded = fold::code(code);
    let found = coupons::list_codes_among(conn, member.scope, alike.exact, alike.folded)?;
    Ok(found
        .into_iter()
        .take(MAX_SUGGESTIONS)
        .map(|code| CodeSuggestion { other_case: code.folded() == folded, code })
        .collect())
}
