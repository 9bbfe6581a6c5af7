//! The data set: a merchant at full size or a part of it, made through the desk's own commands.

use std::{fs, path::Path, time::Instant};

use crate::{
    desk::{Desk, EMAIL, PASSWORD},
    rows::{execute, numbers},
};

/// How large a world is: full size divided by this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u64);

/// Batches beside the two large ones, each of a hundred and twenty thousand codes at full size.
pub const SMALL: u64 = 48;
/// Batches without a code.
const EMPTY: u64 = 5;

impl Size {
    pub fn customers(self) -> u64 {
        1_000_000 / self.0
    }

    pub fn rewards(self) -> u64 {
        3 * self.customers()
    }

    /// Rewards whose code has expired, in the hot batch; as many again in the small ones.
    pub fn ready(self) -> u64 {
        (self.rewards() / 24).max(8_000)
    }

    fn records(self) -> u64 {
        500_000 / self.0
    }
}

/// Rewards that can be reissued: numbers of customer and reward.
pub type Ready = Vec<(i64, i64)>;

/// The customer of reward `n`: a tenth of the people have ten rewards each, the others two or
/// three.
fn owner(n: u64, people: u64) -> u64 {
    let tenth = people / 10;
    if n.is_multiple_of(3) { (n / 3) % tenth } else { tenth + (n - n / 3 - 1) % (people - tenth) }
}

const FIRST: [&str; 16] = [
    "Aoife", "Ben", "Chloe", "Dara", "Elif", "Femi", "Grace", "Hugo", "Ines", "Jonas", "Keiko",
    "Liam", "Maja", "Noor", "Oskar", "Priya",
];
const LAST: [&str; 16] = [
    "Abara",
    "Bergstrom",
    "Carter",
    "Doyle",
    "Eriksen",
    "Fontaine",
    "Garcia",
    "Hughes",
    "Ivanova",
    "Jansen",
    "Kowalski",
    "Lindgren",
    "Muller",
    "Nakamura",
    "Okafor",
    "Patel",
];

/// A line of the customers file. The names are spread so that each is one of 256, and each address
/// one of a kind.
fn customer(n: u64) -> String {
    let mixed = n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
    let (first, last) = (FIRST[(mixed & 15) as usize], LAST[(mixed >> 4 & 15) as usize]);
    format!(
        "{}.{}{n}@mail.example,C-{n:07},{first},{last}\n",
        first.to_lowercase(),
        last.to_lowercase()
    )
}

/// The e-mail of customer `n`.
pub fn email(n: u64) -> String {
    customer(n).split(',').next().expect("a cell").to_owned()
}

/// The batch and the code of reward `n`, if it is of a batch and has a code.
fn code(n: u64, size: Size) -> (Option<String>, Option<String>) {
    let (ready, rewards) = (size.ready(), size.rewards());
    match n {
        n if n < ready => (Some("Hot".into()), Some(format!("HOT-OLD-{n:07}"))),
        n if n < 2 * ready => (Some(small(n % SMALL)), Some(format!("SML-OLD-{n:07}"))),
        n if n < rewards * 9 / 10 => (
            Some("Second".into()),
            (n % 8 > 0 && n < rewards * 845 / 1000).then(|| format!("SEC-{n:07}-A")),
        ),
        _ => (None, None),
    }
}

fn small(n: u64) -> String {
    format!("Small {n:02}")
}

fn reward(n: u64, size: Size) -> String {
    let (batch, code) = code(n, size);
    let fulfilment = if batch.is_some() { "batch" } else { "giftcloud" };
    let (email, batch, code) =
        (email(owner(n, size.customers())), batch.unwrap_or_default(), code.unwrap_or_default());
    format!("R-{n:07},{email},referrer,£20 off for inviting a friend,{fulfilment},{batch},{code}\n")
}

/// The lines of the vouchers file of a batch: the codes that rewards have, then the stock up to the
/// batch's size.
fn vouchers(batch: String, prefix: String, codes: u64, size: Size) -> impl Iterator<Item = String> {
    let handed_out = (0..size.rewards()).filter_map(move |n| match code(n, size) {
        (Some(of), Some(code)) if of == batch => Some(code),
        _ => None,
    });
    // The ready ones have expired; the others end with one of twelve months.
    let handed_out = handed_out.map(|code| {
        if code.contains("-OLD-") {
            format!("{code},2020-01-01\n")
        } else {
            format!("{code},2030-01-01\n")
        }
    });
    let stock = (0..codes).map(move |n| {
        format!(
            "{prefix}-{:07X},2030-{:02}-01\n",
            n.wrapping_mul(0x9E3_779B) & 0xFFF_FFFF,
            n % 12 + 1
        )
    });
    handed_out.chain(stock).take(usize::try_from(codes).expect("a number"))
}

/// Makes the world where it is not there yet, and says how long that took.
pub fn settle(desk: &Desk, size: Size, marker: &Path) {
    if marker.exists() {
        // It may have been made by an earlier version.
        desk.done(&["migrate"]);
        return;
    }
    let begun = Instant::now();
    let with_head = |head: &str, lines: Box<dyn Iterator<Item = String>>| {
        std::iter::once(format!("{head}\n")).chain(lines)
    };
    desk.done(&["migrate"]);
    desk.done(&["merchant", "add", "acme", "--name", "Acme Ltd", "--timezone", "Europe/London"]);
    let user = [
        "user",
        "add",
        EMAIL,
        "--name",
        "Casey Jones",
        "--role",
        "administrator",
        "--merchant",
        "acme",
        "--password-stdin",
    ];
    desk.fed(&user, std::iter::once(PASSWORD.to_owned()));
    let import =
        |what: &str, batch: Option<&str>, head: &str, lines: Box<dyn Iterator<Item = String>>| {
            let batch = batch.map_or(vec![], |name| vec!["--batch", name]);
            desk.fed(
                &[&["import", what, "-", "--merchant", "acme"], batch.as_slice()].concat(),
                with_head(head, lines),
            );
        };
    import(
        "customers",
        None,
        "email,customer_id,first_name,last_name",
        Box::new((0..size.customers()).map(customer)),
    );
    let large = [
        ("Hot".to_owned(), "HOT".to_owned(), 4_000_000),
        ("Second".to_owned(), "SCD".to_owned(), 2_000_000),
    ];
    let small_ones = (0..SMALL).map(|n| (small(n), format!("S{n:02}"), 120_000));
    for (name, prefix, codes) in large.into_iter().chain(small_ones) {
        desk.done(&["batch", "add", &name, "--merchant", "acme"]);
        let codes = (codes / size.0).max(if name.starts_with("Small") {
            2 * size.ready() / SMALL + 100
        } else {
            0
        });
        import(
            "vouchers",
            Some(&name),
            "code,expires_at",
            Box::new(vouchers(name.clone(), prefix, codes, size)),
        );
    }
    for n in 0..EMPTY {
        desk.done(&["batch", "add", &format!("Empty {n}"), "--merchant", "acme"]);
    }
    import(
        "rewards",
        None,
        "reward_id,email,kind,title,fulfilment,batch,code",
        Box::new((0..size.rewards()).map(move |n| reward(n, size))),
    );
    // What the log would hold after years: written as it stands there, and sealed by the server as
    // it starts.
    let (records, customers) = (size.records(), size.customers());
    let series = if desk.is_sqlite() {
        execute(&desk.url, "PRAGMA busy_timeout = 30000");
        format!(
            "WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {records}) "
        )
    } else {
        format!("WITH s AS (SELECT generate_series(1, {records}) AS n) ")
    };
    let at = if desk.is_sqlite() {
        "strftime('%Y-%m-%d %H:%M:%f000', '2025-01-01', '+' || (n * 60) || ' seconds')"
    } else {
        "timestamptz '2025-01-01' + n * interval '1 minute'"
    };
    execute(
        &desk.url,
        &format!(
            "INSERT INTO audit_records (merchant_id, at, action, actor_kind, user_id, customer, \
             details) {series}\
             SELECT 1, {at}, CASE n % 3 WHEN 0 THEN 'customer.emails_chosen' WHEN 1 THEN \
             'customer.blocked' ELSE 'customer.unblocked' END, \
             'user', 1, 1 + n % {customers}, '{{}}' FROM s"
        ),
    );
    seal(desk);
    // On SQLite the desk brings statistics of its own, which a look at a world without mails would
    // spoil.
    if !desk.is_sqlite() {
        execute(&desk.url, "VACUUM (ANALYZE)");
    }
    fs::write(marker, format!("made in {} s\n", begun.elapsed().as_secs())).expect("a marker");
    println!(
        "  the world of 1/{} on {} was made in {} s",
        size.0,
        engine(desk),
        begun.elapsed().as_secs()
    );
}

/// Waits until a server has sealed all of the log.
fn seal(desk: &Desk) {
    let _server = desk.serve(&["--hold-mail"]);
    let unsealed = "SELECT count(*) AS a, 0 AS b FROM audit_records r WHERE NOT EXISTS (SELECT 1 \
        FROM audit_seals s WHERE s.record_id = r.id)";
    let begun = Instant::now();
    while numbers(&desk.url, unsealed)[0].0 > 0 {
        assert!(begun.elapsed().as_secs() < 900, "the log is not sealed");
        std::thread::sleep(std::time::Duration::from_millis(500));
    }
}

pub fn engine(desk: &Desk) -> &'static str {
    if desk.is_sqlite() { "SQLite" } else { "PostgreSQL" }
}

/// Which batches codes are taken from: a condition on their name.
pub const HOT: &str = "= 'Hot'";
pub const FIFTY: &str = "LIKE 'Small%'";

/// Up to `count` rewards that can still be reissued, of batches with such a name.
pub fn ready(desk: &Desk, batches: &str, count: usize) -> Ready {
    let found =
        numbers(&desk.url, &format!("{} ORDER BY r.id LIMIT {count}", every_ready(batches)));
    assert_eq!(
        found.len(),
        count,
        "too few rewards are left to reissue; make the data anew with --fresh"
    );
    found
}

/// How many of them there are.
pub fn count_ready(desk: &Desk, batches: &str) -> usize {
    numbers(
        &desk.url,
        &format!("SELECT count(*) AS a, 0 AS b FROM ({}) AS ready", every_ready(batches)),
    )[0]
    .0 as usize
}

/// Their customers and numbers.
pub fn every_ready(batches: &str) -> String {
    format!(
        "SELECT r.customer AS a, r.id AS b FROM coupons c JOIN rewards r ON r.id = c.reward WHERE \
         c.merchant_id = 1 \
         AND c.batch_id IN (SELECT id FROM batches WHERE name {batches}) AND c.state = \
         'allocated' AND c.expires_at < '2021-01-01'"
    )
}
