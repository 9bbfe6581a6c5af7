//! The search finds whom a look at every customer finds, newest first, page by page, wherever its
//! steps begin and end.

use rewarddesk::{
    db::{DbConn, Scope, customer_id_ranges, customer_search, merchants},
    domain::{customer::SearchKeys, ids::CustomerNo},
};

use crate::support::{Engine, TestDb, World, engine::run_on, world::noon};

const PAGE: usize = 50;

/// Numbers that look thrown, the same at every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

/// A customer as the list of all customers shows them.
struct Seen {
    id: i64,
    merchant: i64,
    search: String,
}

const OLD_NAMES: [&str; 4] = ["Aoife", "Žofie", "Keiko", "100% Sure"];
const NAMES: [&str; 12] = [
    "Ben",
    "Chloë",
    "Grace",
    "Liam",
    "Maja_Lou",
    "Noor",
    "Oskar",
    "Priya",
    "Yuki O'Neill",
    "\"Q\" Bo",
    "Aoi",
    "Анна",
];
const LAST: [&str; 10] = [
    "Abara",
    "Bergström",
    "Carter",
    "Eriksen",
    "Lindgren",
    "Nakamura",
    "Okafor",
    "Patel",
    "Li",
    "D\\Arcy",
];

/// Six thousand customers of two merchants in turn, with gaps between their numbers. The older half
/// has other first names.
fn people(world: &World, other: i64, dice: &mut Dice) -> Vec<Seen> {
    let (mut all, mut id) = (vec![], 0);
    let mut rows = vec![];
    for n in 0..6_000 {
        id += 1 + i64::try_from(dice.below(20)).unwrap();
        let merchant = if dice.below(8) == 0 { other } else { world.merchant };
        let first = dice.one(if n < 2_500 { &OLD_NAMES } else { &NAMES });
        let last = dice.one(&LAST);
        let email = format!(
            "{}.{}{n}@mail.example",
            first.to_lowercase().replace([' ', '"'], ""),
            last.to_lowercase()
        );
        let reference = (n % 3 == 0).then(|| format!("C-{:05}", n * 7));
        let keys = SearchKeys::of(&email, reference.as_deref(), Some(first), Some(last));
        let texts = [&email, first, last, &keys.search, &keys.first, &keys.last, &keys.id]
            .map(|text| world.sql(text));
        rows.push(format!(
            "({id}, {merchant}, {}, {}, {})",
            texts.join(", "),
            world.sql(reference),
            world.sql(world.now)
        ));
        all.push(Seen { id, merchant, search: keys.search });
    }
    for rows in rows.chunks(500) {
        world.exec(&format!("INSERT INTO customers ({COLUMNS}) VALUES {}", rows.join(", ")));
    }
    all
}

const COLUMNS: &str = "id, merchant_id, email, first_name, last_name, search, first_key, \
    last_key, id_key, customer_id, created_at";

/// Some are renamed and some purged, and some come in between.
fn change(world: &World, all: &mut Vec<Seen>) {
    for seen in all.iter_mut().step_by(97) {
        let search = if seen.id % 3 == 0 {
            String::new()
        } else {
            format!("zebulon quaye\n{}", seen.search)
        };
        world.exec(&format!(
            "UPDATE customers SET search = {} WHERE id = {}",
            world.sql(&search),
            seen.id
        ));
        seen.search = search;
    }
    let between: Vec<i64> = all
        .windows(2)
        .step_by(61)
        .filter(|two| two[0].id + 1 < two[1].id)
        .map(|two| two[0].id + 1)
        .collect();
    for id in between {
        let search = format!("xerxes{id}@mail.example");
        let (merchant, text, now) = (world.merchant, world.sql(&search), world.sql(world.now));
        world.exec(&format!(
            "INSERT INTO customers ({COLUMNS}) VALUES ({id}, {merchant}, {text}, \
                '', '', {text}, '', '', '', NULL, {now})"
        ));
        all.push(Seen { id, merchant, search });
    }
    all.sort_by_key(|seen| seen.id);
}

/// Reads all id ranges again that wait for it; returns how many.
fn settle(world: &TestDb) -> usize {
    std::iter::repeat_with(|| world.db.write(|tx| customer_id_ranges::settle(tx, 3)).unwrap())
        .take_while(|settled| *settled > 0)
        .sum()
}

/// Terms of every kind: of one word and of several, common and rare, whole and cut out of somebody,
/// and such as nobody has.
fn terms(all: &[Seen], dice: &mut Dice) -> Vec<String> {
    let mut terms: Vec<String> = [
        "aoife",
        "aoi",
        "iam",
        "example",
        "mail.example",
        "com",
        "zofie",
        "keiko patel",
        "aoife grace",
        "priya aoife",
        "patel b",
        "example q",
        "li abara",
        "c-0",
        "c-01",
        "100%",
        "0%0",
        "maja_lou",
        "maj__",
        "%%%",
        "___",
        "\"q\"",
        "o'neill",
        "d\\arcy",
        "\\\\\\",
        "анна",
        "нна",
        "...",
        "OR AND NOT",
        "patel patel",
        "nobody",
        "bergström",
        "BERGSTROM abara",
        "a example",
        "ä mail.example",
    ]
    .map(ToOwned::to_owned)
    .to_vec();
    let cut = |dice: &mut Dice| {
        let words: Vec<Vec<char>> = all[dice.below(all.len())]
            .search
            .split_whitespace()
            .map(|word| word.chars().collect())
            .collect();
        let word = &words[dice.below(words.len())];
        let from = dice.below(word.len().saturating_sub(3).max(1));
        let to = (from + 3 + dice.below(9)).min(word.len());
        word[from..to].iter().collect::<String>()
    };
    for n in 0..120 {
        let mut term = cut(dice);
        if n % 2 == 0 {
            term = format!("{term} {}", cut(dice));
        }
        if n % 5 == 0 {
            term = format!("{} {term}", dice.one(&["a", "e", "li", "q", "@m", "9", "%"]));
        }
        terms.push(term);
    }
    // Of nothing but one and two letters is another kind of search.
    terms.retain(|term| term.split(' ').any(|word| word.chars().count() > 2));
    terms
}

/// Everybody on all pages.
fn paged(conn: &mut DbConn, scope: Scope, term: &str) -> Vec<i64> {
    let (mut all, mut before) = (vec![], None);
    loop {
        let mut page: Vec<i64> = customer_search::words(conn, scope, term, before, 51)
            .unwrap()
            .customers
            .into_iter()
            .map(|customer| customer.no.0)
            .collect();
        let is_last = page.len() <= PAGE;
        page.truncate(PAGE);
        before = page.last().map(|id| CustomerNo(*id));
        all.extend(page);
        if is_last {
            return all;
        }
    }
}

fn looked_for(all: &[Seen], merchant: i64, term: &str) -> Vec<i64> {
    let term = rewarddesk::domain::fold::for_search(term);
    let has_all = |seen: &&Seen| {
        seen.merchant == merchant && term.split(' ').all(|word| seen.search.contains(word))
    };
    all.iter().rev().filter(has_all).map(|seen| seen.id).collect()
}

/// Compares the search with a look at everybody; answers how many terms found somebody.
fn compare(conn: &mut DbConn, scopes: &[Scope], all: &[Seen], terms: &[String]) -> usize {
    let mut found = 0;
    for scope in scopes {
        for term in terms {
            let wanted = looked_for(all, scope.merchant().0, term);
            found += usize::from(!wanted.is_empty());
            assert_eq!(
                paged(conn, *scope, term),
                wanted,
                "{term:?} of merchant {}",
                scope.merchant().0
            );
        }
    }
    found
}

#[both]
fn every_search_finds_whom_a_look_at_everybody_finds(world: World) {
    let mut dice = Dice(20_261_124);
    let other = world.another_merchant("bolt");
    let mut all = people(&world, other, &mut dice);
    let newest = usize::try_from(customer_search::NEWEST).unwrap();
    assert!(
        all.iter().filter(|seen| seen.merchant == world.merchant).count() > 2 * newest,
        "most are not among the newest"
    );
    let terms = terms(&all, &mut dice);
    let conn = &mut world.connect();
    let scopes =
        ["acme", "bolt"].map(|slug| merchants::for_operator(conn, slug).unwrap().unwrap().0);
    let found = compare(conn, &scopes, &all, &terms);
    assert!(found > 150, "only {found} of {} terms found anybody", 2 * terms.len());
    // Once it is known where they need not be looked for; after changes of which that does not
    // know; and then it does.
    let stretches = settle(&world);
    assert_eq!(stretches > 20, !world.is_sqlite(), "{stretches} stretches");
    compare(conn, &scopes, &all, &terms);
    change(&world, &mut all);
    let more = ["zebulon", "quaye aoife", "xerxes", "xerxes1", "lon qua"].map(ToOwned::to_owned);
    let terms = [terms.as_slice(), &more].concat();
    compare(conn, &scopes, &all, &terms);
    settle(&world);
    compare(conn, &scopes, &all, &terms);
}

/// The id ranges that are not ruled out for the merchant `acme`.
fn perhaps(world: &World, words: &[&str]) -> Vec<i64> {
    let conn = &mut world.connect();
    let (scope, _) = merchants::for_operator(conn, "acme").unwrap().unwrap();
    customer_id_ranges::perhaps_in(conn, scope, words, i64::MAX, 1_000).unwrap()
}

/// A customer's row, as an import would write it.
fn row(id: i64, text: &str) -> String {
    format!(
        "INSERT INTO customers (id, merchant_id, email, search, first_key, last_key, id_key, \
         created_at) \
         VALUES ({id}, 1, '{text}', '{text}', '', '', '', now())"
    )
}

#[test]
fn stretches_without_a_words_letters_are_ruled_out() {
    let world = World::new(TestDb::new(Engine::Postgres), noon());
    for (id, text) in
        [(5, "zoe@mail.example"), (5_000, "ann@mail.example"), (9_000, "joann@mail.example")]
    {
        world.exec(&row(id, text));
    }
    assert_eq!(perhaps(&world, &["zoe"]), [2, 1, 0], "nothing is known of any yet");
    assert_eq!(settle(&world), 3);
    assert_eq!(perhaps(&world, &["ann"]), [2, 1]);
    assert_eq!(perhaps(&world, &["zoe@mail.example"]), [0]);
    assert_eq!(perhaps(&world, &["example", "jo"]), [2]);
    assert!(perhaps(&world, &["zebulon"]).is_empty());
    world.exec("UPDATE customers SET search = '' WHERE id = 5000");
    world.exec("UPDATE customers SET blocked_reason = 'x' WHERE id = 5");
    assert_eq!(settle(&world), 1, "a change beside the texts is none");
    assert_eq!(perhaps(&world, &["ann"]), [2], "whoever was purged left no letters");
    world.exec(&row(5_001, "kim@mail.example"));
    settle(&world);
    world.exec("UPDATE customers SET search = search || ' new'");
    assert_eq!(
        world.count("customer_stretch_changes"),
        3,
        "one for each stretch, not for each customer"
    );
}

#[test]
fn whoever_is_written_while_letters_are_read_is_not_ruled_out() {
    let world = World::new(TestDb::new(Engine::Postgres), noon());
    world.exec(&row(1, "ann@mail.example"));
    let mut writer = world.connect();
    run_on(&mut writer, &format!("BEGIN; {}", row(2, "zoe@mail.example"))).unwrap();
    assert_eq!(settle(&world), 1);
    assert!(perhaps(&world, &["zoe"]).is_empty(), "she is not there yet");
    run_on(&mut writer, "COMMIT").unwrap();
    assert_eq!(perhaps(&world, &["zoe"]), [0]);
    // Two servers do not read at the same time: the slower one would write what it saw before.
    run_on(&mut writer, "BEGIN; SELECT pg_advisory_xact_lock(7235127)").unwrap();
    assert_eq!(settle(&world), 0);
    run_on(&mut writer, "COMMIT").unwrap();
    assert_eq!(settle(&world), 1);
    assert_eq!(perhaps(&world, &["zoe"]), [0]);
}
