//! A batch's codes: a page of them, found how and who got which, and all of them as a file.

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use futures_util::stream;

use crate::{
    app::{
        Desk, Member,
        batches::batch_codes::{self, CodePage},
    },
    domain::{
        batch::Batch,
        coupon::{Coupon, CouponState},
        coupon_list::{After, Condition, ListedCode},
        ids::{BatchId, CouponId},
        role::Permission,
    },
    web::{
        rewards,
        shared::{
            addresses::{self, BatchForm},
            answers::download,
            context::{MerchantRequest, PathId},
            errors::Error,
            format::{grouped, when_end},
            request::{self, FormBody},
            ui::{Pager, Status, TextLink, Tone, When},
        },
    },
};

/// The longest text that is looked for; a longer one is no code.
const MAX_FILTER_CHARS: usize = 300;

/// What the page's address asks for; anything that makes no sense is left out.
pub fn asked(codes: Option<&str>, after: Option<&str>, query: Option<&str>) -> CodeListRequest {
    let after = after.and_then(|text| text.split_once('.')).and_then(|(end, coupon)| {
        let end = end.parse().ok().and_then(DateTime::<Utc>::from_timestamp_micros)?;
        Some(After { end, coupon: request::number(coupon).map(CouponId)? })
    });
    let query = query
        .unwrap_or_default()
        .trim()
        .chars()
        .filter(|c| *c != '\0')
        .take(MAX_FILTER_CHARS)
        .collect();
    CodeListRequest { condition: condition(codes.unwrap_or_default()), after, query }
}

fn condition(word: &str) -> Condition {
    CONDITIONS
        .iter()
        .find(|(_, known, _)| *known == word)
        .map_or(Condition::All, |(condition, ..)| *condition)
}

/// Reads what was asked for.
pub async fn load(
    cx: &MerchantRequest,
    batch: &Batch,
    asked: &CodeListRequest,
) -> Result<CodePage, Error> {
    let (batch, asked) = (batch.clone(), asked.clone());
    let work = move |desk: &Desk, member: &Member| match asked.query.as_str() {
        "" => batch_codes::list_codes(desk, member, &batch, asked.condition, asked.after),
        query => batch_codes::find_code(desk, member, &batch, query),
    };
    Ok(cx.read(work).await?)
}

/// `POST /m/{merchant}/batches/{id}/export`: streams as fast as it is taken.
pub async fn export(
    cx: MerchantRequest,
    PathId(id): PathId<BatchId>,
    form: FormBody,
) -> Result<HttpResponse, Error> {
    let wanted = form.field("codes").map_or(Condition::All, |word| condition(&word));
    let export = cx
        .write(move |desk, member| {
            batch_codes::begin_export(desk, member, id, wanted, word_of(wanted))
        })
        .await?;
    let name = file_name(&export.batch.name, word_of(wanted));
    let (desk, member) = (cx.desk.clone(), cx.member.clone());
    let pieces = stream::try_unfold(Some(export), move |rest| {
        let (desk, member) = (desk.clone(), member.clone());
        async move {
            let Some(export) = rest else { return Ok(None) };
            let piece =
                desk.reading(move |desk| export.next(desk, &member)).await.map_err(|error| {
                    // Too late for an answer: the file stops short, and the browser says that the
                    // download failed.
                    tracing::error!(%error, "an export broke off");
                    Error::Internal
                })?;
            Ok::<_, Error>(piece.map(|(bytes, rest)| (web::Bytes::from(bytes), Some(rest))))
        }
    });
    Ok(download("text/csv; charset=utf-8", &name, pieces))
}

/// "welcome-2026-in-stock.csv": plain letters only, whatever the batch is called.
fn file_name(batch: &str, word: &str) -> String {
    let plain: String = batch
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(60)
        .collect();
    let plain = plain.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
    format!("{}{word}.csv", if plain.is_empty() { String::new() } else { format!("{plain}-") })
}

/// The conditions with their word in addresses and their label.
pub const CONDITIONS: [(Condition, &str, &str); 8] = [
    (Condition::All, "all", "All"),
    (Condition::InStock, "in-stock", "In stock"),
    (Condition::Allocated, "with-customers", "With customers"),
    (Condition::Redeemed, "redeemed", "Redeemed"),
    (Condition::Expired, "expired", "Expired"),
    (Condition::Barred, "barred", "Barred"),
    (Condition::Replaced, "replaced", "Replaced"),
    (Condition::Withdrawn, "withdrawn", "Withdrawn"),
];

/// What a list was asked for.
#[derive(Debug, Clone)]
pub struct CodeListRequest {
    pub condition: Condition,
    pub after: Option<After>,
    pub query: String,
}

/// The word of a condition in addresses.
pub fn word_of(condition: Condition) -> &'static str {
    CONDITIONS.iter().find(|(known, ..)| *known == condition).map_or("all", |(_, word, _)| word)
}

/// The list.
pub fn list(
    member: &Member,
    batch: &Batch,
    asked: &CodeListRequest,
    page: &CodePage,
) -> CodeListSection {
    let here = addresses::batch(&member.merchant, batch.id);
    let word = word_of(asked.condition);
    let of = |word: &str| {
        if word == "all" {
            format!("{here}#all-codes")
        } else {
            format!("{here}?codes={word}#all-codes")
        }
    };
    let next = page.next.map(|after| {
        format!(
            "{here}?codes={word}&after={}.{}#all-codes",
            after.end.timestamp_micros(),
            after.coupon
        )
    });
    let searched = !asked.query.is_empty();
    CodeListSection {
        action: here.clone(),
        query: asked.query.clone(),
        filters: CONDITIONS
            .iter()
            .map(|(condition, word, label)| Filter {
                label,
                href: of(word),
                current: !searched && *condition == asked.condition,
            })
            .collect(),
        condition: word,
        rows: page.rows.iter().map(|listed| row(member, listed, page.now)).collect(),
        empty: match (searched, asked.condition) {
            (true, _) => "This code isn't in this batch. Search for the full code, or check it in \
                          all batches."
                .to_owned(),
            (false, Condition::All) => {
                "This batch has no codes yet. Add vouchers to fill it.".to_owned()
            }
            (false, _) => "No codes in this batch have this status.".to_owned(),
        },
        pager: Pager { first_href: asked.after.map(|_| of(word)), older_href: next },
        // An export is of a condition, not of a search.
        export: (!searched && member.role.may(Permission::ManageBatches))
            .then(|| addresses::batch_form(&member.merchant, batch.id, BatchForm::Export)),
        next_steps: next_steps(member, &here, asked),
    }
}

/// Where to go from an empty list.
fn next_steps(member: &Member, here: &str, asked: &CodeListRequest) -> Vec<TextLink> {
    let link = |label: &str, href: String| TextLink { label: label.to_owned(), href };
    let may = |permission, link| member.role.may(permission).then_some(link);
    let all = link("Show all codes", format!("{here}#all-codes"));
    match (asked.query.is_empty(), asked.condition) {
        (false, _) => {
            let check = link("Check a code", addresses::code_check(&member.merchant));
            std::iter::once(all).chain(may(Permission::CheckCodes, check)).collect()
        }
        (true, Condition::All) => {
            may(Permission::ManageBatches, link("Add vouchers", "#add-vouchers".to_owned()))
                .into_iter()
                .collect()
        }
        (true, _) => vec![all],
    }
}

fn row(member: &Member, listed: &ListedCode, now: chrono::DateTime<chrono::Utc>) -> CodeItem {
    let coupon = &listed.coupon;
    CodeItem {
        href: addresses::coupon(&member.merchant, coupon.id),
        code: coupon.code.to_string(),
        status: status(member, coupon, now),
        uses: format!(
            "{} of {} left",
            grouped(coupon.max_redemptions - coupon.redemptions),
            grouped(coupon.max_redemptions)
        ),
        until: coupon.window.until.map(|at| when_end(member, at)),
        holder: listed.holder.as_ref().map(|holder| TextLink {
            label: holder
                .customer_name
                .clone()
                .unwrap_or_else(|| format!("Customer {}", holder.customer)),
            href: addresses::reward_row(&member.merchant, holder.customer, holder.reward),
        }),
        reward: listed
            .holder
            .as_ref()
            .map(|holder| format!("{} ({})", holder.title, holder.reward_id))
            .unwrap_or_default(),
    }
}

/// Where it is in its life, and what keeps it from being used.
fn status(member: &Member, coupon: &Coupon, now: chrono::DateTime<chrono::Utc>) -> Vec<Status> {
    let say = |tone, text: &str| Status { tone, text: text.to_owned(), when: None };
    let problems = rewards::coupon_status(member, coupon, now)
        .into_iter()
        .filter(|line| line.tone != Tone::Good);
    let life = match coupon.state {
        CouponState::Available if coupon.problems(now).is_empty() && coupon.redemptions == 0 => {
            say(Tone::Good, "In stock")
        }
        CouponState::Available => say(Tone::Quiet, "In stock"),
        CouponState::Allocated => say(Tone::Quiet, "With its customer"),
        CouponState::Replaced => say(Tone::Quiet, "Replaced"),
        CouponState::Withdrawn => say(Tone::Quiet, "Withdrawn"),
    };
    std::iter::once(life).chain(problems).collect()
}

/// The codes of a batch.
#[derive(Clone, Debug)]
pub struct CodeListSection {
    /// The batch's page, where the search goes.
    pub action: String,
    /// What the search field holds.
    pub query: String,
    /// "In stock", "With customers": one of them is the current one.
    pub filters: Vec<Filter>,
    /// The word of the current filter in addresses and forms.
    pub condition: &'static str,
    pub rows: Vec<CodeItem>,
    /// What is said where there is no row.
    pub empty: String,
    /// And where to go from there.
    pub next_steps: Vec<TextLink>,
    pub pager: Pager,
    /// Where the export is asked for, for those who may.
    pub export: Option<String>,
}

/// A way to look at the codes.
#[derive(Clone, Debug)]
pub struct Filter {
    pub label: &'static str,
    pub href: String,
    pub current: bool,
}

/// One code.
#[derive(Clone, Debug)]
pub struct CodeItem {
    /// Its page.
    pub href: String,
    pub code: String,
    pub status: Vec<Status>,
    /// "2 of 5 uses left".
    pub uses: String,
    /// Until when it can be used.
    pub until: Option<When>,
    /// Who got it; none while it is in stock.
    pub holder: Option<TextLink>,
    /// The reward it was handed out for.
    pub reward: String,
}
