//! The sample world as rows: people, batches, rewards and codes, the same on every machine.

use chrono::{DateTime, TimeDelta, Utc};

/// A merchant of the demo with the share of customers it has, in percent.
pub struct SampleMerchant {
    pub slug: &'static str,
    pub name: &'static str,
    pub zone: &'static str,
    pub account_manager: &'static str,
    pub sender: &'static str,
    pub share: u64,
}

pub const MERCHANTS: [SampleMerchant; 2] = [
    SampleMerchant {
        slug: "bright-bean",
        name: "Bright Bean Coffee",
        zone: "Europe/London",
        account_manager: "Ann Lee <admin@demo.example>",
        sender: "Bright Bean Coffee <rewards@brightbean.example>",
        share: 70,
    },
    SampleMerchant {
        slug: "fjell-outdoor",
        name: "Fjell Outdoor",
        zone: "Europe/Oslo",
        account_manager: "Ann Lee <admin@demo.example>",
        sender: "Fjell Outdoor <hei@fjell.example>",
        share: 30,
    },
];

/// A batch of every merchant.
pub struct SampleBatch {
    pub name: &'static str,
    pub prefix: &'static str,
    /// Days from today; `None` is open.
    pub from: Option<i64>,
    pub until: Option<i64>,
    pub uses: i64,
    /// Codes in stock beside those that rewards have, for so many rewards of the merchant.
    pub stock: fn(u64) -> u64,
}

pub const MAIN: usize = 0;
pub const LOYALTY: usize = 1;
pub const FRIENDS: usize = 2;
pub const WINTER: usize = 3;
pub const BARBECUE: usize = 4;

pub const BATCHES: [SampleBatch; 6] = [
    SampleBatch {
        name: "Welcome 2026",
        prefix: "WEL",
        from: Some(-300),
        until: Some(400),
        uses: 1,
        stock: |rewards| (rewards * 2).max(1500),
    },
    SampleBatch {
        name: "Loyalty treat",
        prefix: "LOY",
        from: Some(-300),
        until: Some(200),
        uses: 1,
        stock: |_| 7,
    },
    SampleBatch {
        name: "Bring five friends",
        prefix: "FRI",
        from: None,
        until: None,
        uses: 5,
        stock: |rewards| (rewards / 4).max(400),
    },
    SampleBatch {
        name: "Winter 2025",
        prefix: "WIN",
        from: Some(-420),
        until: Some(-40),
        uses: 1,
        stock: |_| 120,
    },
    SampleBatch {
        name: "Summer barbecue",
        prefix: "BBQ",
        from: Some(-200),
        until: Some(90),
        uses: 1,
        stock: |_| 0,
    },
    SampleBatch {
        name: "Spring preview",
        prefix: "SPR",
        from: Some(60),
        until: Some(300),
        uses: 1,
        stock: |_| 500,
    },
];

/// How an allocated code came to be as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CouponFate {
    Usable,
    Expired,
    Redeemed,
    Barred,
    /// Some of its uses are gone, in batches that have several.
    PartlyUsed,
}

/// How a reward is fulfilled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FulfilmentSource {
    Code { batch: usize, fate: CouponFate },
    NoCodeYet,
    Provider(&'static str),
}

/// One reward of the sample.
#[derive(Debug, Clone)]
pub struct SampleReward {
    pub number: u64,
    pub email: String,
    pub kind: &'static str,
    pub title: &'static str,
    pub source: FulfilmentSource,
    pub issued_days_ago: i64,
}

const FIRST: [&str; 40] = [
    "Aoife", "Ben", "Chloé", "Dara", "Elif", "Femi", "Grace", "Hugo", "Ines", "Jonas", "Keiko",
    "Liam", "Maja", "Noor", "Oskar", "Priya", "Quinn", "Rosa", "Søren", "Tara", "Umar", "Vera",
    "Will", "Xenia", "Yusuf", "Zoë", "Arjun", "Bianca", "Callum", "Dunja", "Emil", "Freya",
    "Giulia", "Hamza", "Isla", "Jakub", "Leonie", "Mateo", "Nadia", "Otis",
];
const LAST: [&str; 40] = [
    "Abara",
    "Bergström",
    "Carter",
    "Doyle",
    "Eriksen",
    "Fontaine",
    "García",
    "Hughes",
    "Ivanova",
    "Jansen",
    "Kowalski",
    "Lindgren",
    "Müller",
    "Nakamura",
    "O’Brien",
    "Patel",
    "Quist",
    "Rossi",
    "Schmidt",
    "Taylor",
    "Ünal",
    "Varga",
    "Walsh",
    "Xu",
    "Young",
    "Zieliński",
    "Adeyemi",
    "Brooks",
    "Chen",
    "Dubois",
    "Evans",
    "Fischer",
    "Green",
    "Haddad",
    "Iqbal",
    "Jones",
    "Khan",
    "Larsen",
    "Moreau",
    "Nilsen",
];

/// The customers that the story is about: first name, last name, e-mails on.
pub const FEATURED: [(&str, &str, bool); 6] = [
    ("Jo", "Smith", true),
    ("Morgan", "Ellis", true),
    ("Priya", "Nair", false),
    ("Tom", "Becker", true),
    ("Lena", "Fischer", true),
    ("Ravi", "Shah", true),
];

/// Spreads numbers without pattern to the eye (splitmix64).
pub fn mix(n: u64) -> u64 {
    let mut z = n.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn pick<T: Copy>(from: &[T], n: u64) -> T {
    from[usize::try_from(n % from.len() as u64).unwrap_or_default()]
}

/// The address of customer `i` of a merchant.
pub fn email(i: u64) -> String {
    match usize::try_from(i).ok().and_then(|i| FEATURED.get(i)) {
        Some((first, last, _)) => {
            format!("{}.{}@mail.example", first.to_lowercase(), last.to_lowercase())
        }
        None => format!("customer{i}@mail.example"),
    }
}

/// A line of the customers file.
pub fn customer_line(i: u64) -> String {
    let (first, last, mails) = match usize::try_from(i).ok().and_then(|i| FEATURED.get(i)) {
        Some(featured) => *featured,
        None => (pick(&FIRST, mix(i)), pick(&LAST, mix(i) >> 20), !mix(i).is_multiple_of(23)),
    };
    let id = if mix(i).is_multiple_of(9) { String::new() } else { format!("C-{}", 10_000 + i) };
    format!("{},{id},{first},{last},en-GB,{}\n", email(i), if mails { "yes" } else { "no" })
}

pub const CUSTOMER_HEAD: &str = "email,customer_id,first_name,last_name,locale,receives_emails\n";
pub const VOUCHER_HEAD: &str = "code,expires_at,barred_reason\n";
pub const REWARD_HEAD: &str = "reward_id,email,kind,title,fulfilment,batch,code,issued_at\n";
pub const REDEMPTION_HEAD: &str = "code,redeemed_at,order_id\n";

const KINDS: [(&str, &str); 6] = [
    ("referrer", "£20 off for inviting a friend"),
    ("referee", "£10 welcome voucher"),
    ("drive_action", "Free delivery for a review"),
    ("referrer", "A bag of beans"),
    ("referee", "15% off the first order"),
    ("drive_action", "£5 for completing your profile"),
];

const PROVIDERS: [&str; 4] = ["giftcloud", "runa", "shopify", "other"];

/// Fifteen rewards, one in every state there is.
const FIFTEEN: [FulfilmentSource; 15] = [
    FulfilmentSource::Code { batch: MAIN, fate: CouponFate::Usable },
    FulfilmentSource::Code { batch: MAIN, fate: CouponFate::Expired },
    FulfilmentSource::Code { batch: MAIN, fate: CouponFate::Redeemed },
    FulfilmentSource::Code { batch: MAIN, fate: CouponFate::Barred },
    FulfilmentSource::Code { batch: FRIENDS, fate: CouponFate::PartlyUsed },
    FulfilmentSource::Code { batch: FRIENDS, fate: CouponFate::Redeemed },
    FulfilmentSource::Code { batch: LOYALTY, fate: CouponFate::Expired },
    FulfilmentSource::Code { batch: WINTER, fate: CouponFate::Usable },
    FulfilmentSource::Code { batch: BARBECUE, fate: CouponFate::Redeemed },
    FulfilmentSource::Code { batch: BARBECUE, fate: CouponFate::Usable },
    FulfilmentSource::NoCodeYet,
    FulfilmentSource::Provider("giftcloud"),
    FulfilmentSource::Provider("runa"),
    FulfilmentSource::Provider("shopify"),
    FulfilmentSource::Provider("other"),
];

/// Every reward of a merchant with so many customers, in the order of their numbers.
pub fn rewards(customers: u64) -> impl Iterator<Item = SampleReward> {
    let featured = featured().into_iter();
    let story = featured.len() as u64;
    let people = customers.saturating_sub(FEATURED.len() as u64);
    let others = (0..people * 3).map(move |r| {
        let (kind, title) = pick(&KINDS, mix(r + 7));
        let issued_days_ago = 5 + i64::try_from(mix(r + 11) % 280).unwrap_or_default();
        SampleReward {
            number: story + r,
            email: email(FEATURED.len() as u64 + r % people),
            kind,
            title,
            source: source(r),
            issued_days_ago,
        }
    });
    featured.chain(others)
}

/// The rewards of the story: Jo's one that fails, Morgan's fifteen, one for each of the others.
fn featured() -> Vec<SampleReward> {
    let expired = FulfilmentSource::Code { batch: MAIN, fate: CouponFate::Expired };
    let mut sources: Vec<(u64, FulfilmentSource)> =
        vec![(0, FulfilmentSource::Code { batch: MAIN, fate: CouponFate::Usable }), (0, expired)];
    sources.extend(FIFTEEN.iter().map(|source| (1, *source)));
    sources.extend([
        (2, expired),
        (3, expired),
        (4, FulfilmentSource::Code { batch: MAIN, fate: CouponFate::Redeemed }),
        (5, expired),
    ]);
    (0_u64..)
        .zip(sources)
        .map(|(number, (who, source))| {
            let (kind, title) = pick(&KINDS, number);
            SampleReward {
                number,
                email: email(who),
                kind,
                title,
                source,
                issued_days_ago: 120 - i64::try_from(number).unwrap_or_default() * 3,
            }
        })
        .collect()
}

fn source(r: u64) -> FulfilmentSource {
    let fate = |batch: usize| FulfilmentSource::Code {
        batch,
        fate: match (mix(r) % 20, BATCHES[batch].uses) {
            (0..=2, _) => CouponFate::Expired,
            (3..=6, _) => CouponFate::Redeemed,
            (7, _) => CouponFate::Barred,
            (8..=12, 2..) => CouponFate::PartlyUsed,
            _ => CouponFate::Usable,
        },
    };
    match r % 20 {
        0..=9 => fate(MAIN),
        10..=12 => fate(LOYALTY),
        13 | 14 => fate(FRIENDS),
        15 => fate(WINTER),
        16 => fate(BARBECUE),
        17 => FulfilmentSource::NoCodeYet,
        n => FulfilmentSource::Provider(pick(&PROVIDERS, r / 20 + n)),
    }
}

/// The code of a reward (its number), or of the stock behind them. A permutation of 40 bits: never
/// twice, and not to be guessed by counting.
pub fn code(batch: usize, serial: u64) -> String {
    const LETTERS: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    let mut n = serial.wrapping_add(1).wrapping_mul(0x9E_3779_B97F) & 0xFF_FFFF_FFFF;
    n ^= n >> 21;
    n = n.wrapping_mul(0xD6_E8FE_B867) & 0xFF_FFFF_FFFF;
    let letters: String = (0..8)
        .rev()
        .map(|i| char::from(LETTERS[usize::try_from((n >> (i * 5)) & 31).unwrap_or_default()]))
        .collect();
    format!("{}-{}-{}", BATCHES[batch].prefix, &letters[..4], &letters[4..])
}

/// A line of the vouchers file: the code of a reward, with what its fate needs.
pub fn voucher_line(
    batch: usize,
    serial: u64,
    fate: Option<CouponFate>,
    now: DateTime<Utc>,
) -> String {
    let code = code(batch, serial);
    match fate {
        Some(CouponFate::Expired) => format!(
            "{code},{},\n",
            day(now, 2 + i64::try_from(mix(serial) % 60).unwrap_or_default())
        ),
        Some(CouponFate::Barred) => format!("{code},,leaked on a coupon site\n"),
        _ => format!("{code},,\n"),
    }
}

/// A line of the rewards file.
pub fn reward_line(reward: &SampleReward, now: DateTime<Utc>) -> String {
    let (fulfilment, batch, code) = match reward.source {
        FulfilmentSource::Code { batch, .. } => {
            ("batch", BATCHES[batch].name, code(batch, reward.number))
        }
        FulfilmentSource::NoCodeYet => ("batch", BATCHES[MAIN].name, String::new()),
        FulfilmentSource::Provider(provider) => (provider, "", String::new()),
    };
    let SampleReward { number, email, kind, title, issued_days_ago, .. } = reward;
    format!(
        "RW-{},{email},{kind},{title},{fulfilment},{batch},{code},{}\n",
        100_000 + number,
        day(now, *issued_days_ago)
    )
}

/// Lines of the redemptions file for a reward.
pub fn redemption_lines(reward: &SampleReward, now: DateTime<Utc>) -> Vec<String> {
    let FulfilmentSource::Code { batch, fate } = reward.source else { return vec![] };
    let uses = match fate {
        CouponFate::Redeemed => BATCHES[batch].uses,
        CouponFate::PartlyUsed => 2,
        _ => 0,
    };
    let at = |use_: i64| {
        (now - TimeDelta::days(reward.issued_days_ago) + TimeDelta::hours(20 + use_ * 3))
            .to_rfc3339()
    };
    (0..uses)
        .map(|use_| {
            format!(
                "{},{},O-{}\n",
                code(batch, reward.number),
                at(use_),
                50_000 + reward.number * 5 + use_.unsigned_abs()
            )
        })
        .collect()
}

fn day(now: DateTime<Utc>, days_ago: i64) -> String {
    (now - TimeDelta::days(days_ago)).format("%Y-%m-%d").to_string()
}
