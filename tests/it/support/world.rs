//! A small world in a test's database: one merchant, its people, stock and rewards, written by
//! plain SQL so that the schema's rules are in force and no code under test has a hand in it.

use std::{ops::Deref, sync::OnceLock};

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use rewarddesk::domain::{customer::SearchKeys, fold, role::Role};

use super::{TestDb, sql::Value};
use crate::row;

/// Everybody's password.
pub const PASSWORD: &str = "correct horse battery 42!";

/// When the world is: a Monday in London, so a day with a winter's offset of none.
pub fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 23, 12, 0, 0).single().expect("a time")
}

/// A database with one merchant in it; lends itself as a [`TestDb`].
#[derive(Debug)]
pub struct World {
    pub db: TestDb,
    pub now: DateTime<Utc>,
    /// The merchant `acme`.
    pub merchant: i64,
}

impl Deref for World {
    type Target = TestDb;

    fn deref(&self) -> &TestDb {
        &self.db
    }
}

impl super::Fixture for World {
    async fn on(engine: super::Engine) -> Self {
        Self::new(TestDb::new(engine), noon())
    }
}

/// A person; change what matters with `Person { first_name: None, ..Person::default() }`.
#[derive(Debug, Clone)]
pub struct Person<'a> {
    pub email: Option<&'a str>,
    pub customer_id: Option<&'a str>,
    pub first_name: Option<&'a str>,
    pub last_name: Option<&'a str>,
    pub receives_emails: bool,
    pub blocked: Option<&'a str>,
}

impl Default for Person<'_> {
    fn default() -> Self {
        Self {
            email: Some("jo@customer.example"),
            customer_id: Some("C-1"),
            first_name: Some("Jo"),
            last_name: Some("Smith"),
            receives_emails: true,
            blocked: None,
        }
    }
}

/// A coupon's facts; made by [`usable`], [`expired`] and their like.
#[derive(Debug, Clone)]
pub struct NewCoupon {
    pub code: String,
    pub pin: Option<String>,
    pub valid_from: Option<DateTime<Utc>>,
    pub expires_at: Option<DateTime<Utc>>,
    pub max_redemptions: i64,
    pub redemptions: i64,
    pub barred_reason: Option<String>,
}

/// May be allocated now.
pub fn usable(code: impl Into<String>) -> NewCoupon {
    NewCoupon {
        code: code.into(),
        pin: None,
        valid_from: None,
        expires_at: None,
        max_redemptions: 1,
        redemptions: 0,
        barred_reason: None,
    }
}

/// Ended an hour before [`noon`].
pub fn expired(code: impl Into<String>) -> NewCoupon {
    NewCoupon { expires_at: Some(noon() - TimeDelta::hours(1)), ..usable(code) }
}

/// Starts an hour after [`noon`].
pub fn not_started(code: impl Into<String>) -> NewCoupon {
    NewCoupon { valid_from: Some(noon() + TimeDelta::hours(1)), ..usable(code) }
}

pub fn barred(code: impl Into<String>) -> NewCoupon {
    NewCoupon { barred_reason: Some("reported stolen".into()), ..usable(code) }
}

pub fn redeemed(code: impl Into<String>) -> NewCoupon {
    NewCoupon { redemptions: 1, ..usable(code) }
}

/// The plain path of the task: Jo Smith's reward R-1 with an expired code, and fresh codes in its
/// batch.
#[derive(Debug, Clone, Copy)]
pub struct Scene {
    pub customer: i64,
    pub batch: i64,
    pub reward: i64,
    pub old: i64,
}

impl World {
    /// Puts the merchant `acme` into an empty database.
    pub fn new(db: TestDb, now: DateTime<Utc>) -> Self {
        let merchant = Self::merchant_in(&db, "acme", now);
        Self { db, now, merchant }
    }

    fn merchant_in(db: &TestDb, slug: &str, now: DateTime<Utc>) -> i64 {
        let row = row! {
            slug: slug, name: format!("{} Ltd", slug.to_uppercase()), timezone: "Europe/London",
            ticket_url: "https://help.example/new?reward={reward_id}&reissue={reissue_id}",
            account_manager_name: "Ann Lee", account_manager_email: "ann@desk.example", created_at: now,
        };
        db.insert("merchants", row)
    }

    /// One more merchant; [`World::inside`] makes its rows.
    pub fn another_merchant(&self, slug: &str) -> i64 {
        Self::merchant_in(&self.db, slug, self.now)
    }

    /// Makes rows in another merchant for the length of `work`.
    pub fn inside<T>(&mut self, merchant: i64, work: impl FnOnce(&Self) -> T) -> T {
        let own = std::mem::replace(&mut self.merchant, merchant);
        let done = work(self);
        self.merchant = own;
        done
    }

    /// A user with that role in the merchant: `support@desk.example` and so on.
    pub fn user(&self, role: Role) -> i64 {
        self.user_called(
            &format!("{}@desk.example", role.as_str()),
            &format!("Casey {}", role.label()),
            role,
        )
    }

    /// A user with an address and a name; a second role of an existing user is added.
    pub fn user_called(&self, email: &str, name: &str, role: Role) -> i64 {
        let known = self.number(&format!("SELECT id FROM users WHERE email = {}", self.sql(email)));
        let id = if known > 0 {
            known
        } else {
            self.insert("users", row! { email: email, name: name, password_hash: password_hash(), created_at: self.now })
        };
        self.insert_membership(id, role);
        id
    }

    /// A role in the merchant for a user who is there.
    pub fn insert_membership(&self, user: i64, role: Role) -> i64 {
        self.insert(
            "memberships",
            row! { merchant_id: self.merchant, user_id: user, role: role.as_str() },
        )
    }

    pub fn customer(&self, person: &Person<'_>) -> i64 {
        let keys = SearchKeys::of(
            person.email.unwrap_or_default(),
            person.customer_id,
            person.first_name,
            person.last_name,
        );
        let row = row! {
            merchant_id: self.merchant, email: person.email, customer_id: person.customer_id,
            first_name: person.first_name, last_name: person.last_name, receives_emails: person.receives_emails,
            blocked_at: person.blocked.map(|_| self.now), blocked_reason: person.blocked,
            purged_at: person.email.is_none().then_some(self.now),
            search: keys.search, first_key: keys.first, last_key: keys.last, id_key: keys.id, created_at: self.now,
            keys_version: fold::VERSION,
        };
        self.insert("customers", row)
    }

    /// A person who differs from the others by a number only.
    pub fn customer_number(&self, n: usize) -> i64 {
        let (email, id) = (format!("jo{n}@customer.example"), format!("C-{n}"));
        self.customer(&Person { email: Some(&email), customer_id: Some(&id), ..Person::default() })
    }

    /// A batch of single-use codes without an end, that ignores case.
    pub fn batch(&self, name: &str) -> i64 {
        self.batch_that(name, false, rewarddesk::db::instant::no_end())
    }

    pub fn batch_that(&self, name: &str, case_sensitive: bool, valid_until: DateTime<Utc>) -> i64 {
        let row = row! {
            merchant_id: self.merchant, name: name, valid_from: rewarddesk::db::instant::no_start(),
            valid_until: valid_until, uses_per_code: 1, case_sensitive: case_sensitive, created_at: self.now,
        };
        self.insert("batches", row)
    }

    /// The row of a coupon in stock, for tests that want to spoil it first.
    pub fn coupon_row(&self, batch: i64, new: &NewCoupon) -> Vec<(&'static str, Value)> {
        let ignores_case = self.number(&format!(
            "SELECT CASE WHEN case_sensitive THEN 0 ELSE 1 END FROM batches WHERE id = {batch}"
        )) == 1;
        row! {
            merchant_id: self.merchant, batch_id: batch, code: &new.code,
            folded_code: ignores_case.then(|| fold::code(&new.code)), pin: new.pin.clone(),
            valid_from: new.valid_from.unwrap_or_else(rewarddesk::db::instant::no_start),
            expires_at: new.expires_at.unwrap_or_else(rewarddesk::db::instant::no_end),
            max_redemptions: new.max_redemptions, redemptions: new.redemptions,
            barred_at: new.barred_reason.as_ref().map(|_| self.now), barred_reason: new.barred_reason.clone(),
            state: "available", created_at: self.now,
        }
        .to_vec()
    }

    /// A coupon in stock, published and counted.
    pub fn coupon(&self, batch: i64, new: &NewCoupon) -> i64 {
        let id = self.insert("coupons", &self.coupon_row(batch, new));
        let (barred, redeemed) = (new.barred_reason.is_some(), new.redemptions > 0);
        let row = row! {
            merchant_id: self.merchant, batch_id: batch, coupon_to: id,
            valid_from: new.valid_from.unwrap_or_else(rewarddesk::db::instant::no_start),
            expires_at: new.expires_at.unwrap_or_else(rewarddesk::db::instant::no_end),
            day: self.now.format("%Y-%m-%d").to_string(), clean: i64::from(!barred && !redeemed), barred: i64::from(barred),
            redeemed: i64::from(redeemed && !barred), allocated: 0, replaced: 0, withdrawn: 0,
        };
        self.insert("stock_movements", row);
        self.exec(&format!(
            "UPDATE batches SET published_to = {id}, imported = imported + 1 WHERE id = {batch}"
        ));
        id
    }

    /// `n` usable coupons: `FRESH-{batch}-1` and so on.
    pub fn fresh(&self, batch: i64, n: usize) -> Vec<i64> {
        (1..=n).map(|i| self.coupon(batch, &usable(format!("FRESH-{batch}-{i}")))).collect()
    }

    /// A reward of a batch, still without a coupon.
    pub fn reward(&self, customer: i64, batch: i64, reward_id: &str) -> i64 {
        self.reward_by(customer, "batch", Some(batch), reward_id)
    }

    /// A reward of `giftcloud`, `runa`, `shopify` or `other`.
    pub fn external_reward(&self, customer: i64, provider: &str, reward_id: &str) -> i64 {
        self.reward_by(customer, provider, None, reward_id)
    }

    fn reward_by(
        &self,
        customer: i64,
        fulfilment: &str,
        batch: Option<i64>,
        reward_id: &str,
    ) -> i64 {
        let row = row! {
            merchant_id: self.merchant, customer: customer, reward_id: reward_id, kind: "referrer", title: "20 off",
            fulfilment: fulfilment, batch_id: batch, issued_at: self.now - TimeDelta::days(30), created_at: self.now,
        };
        self.insert("rewards", row)
    }

    /// Takes a coupon out of stock for a reward.
    pub fn allocate(&self, coupon: i64, reward: i64) {
        self.exec(&format!(
            "UPDATE coupons SET state = 'allocated', reward = {reward} WHERE id = {coupon}"
        ));
    }

    /// A reward that holds a coupon of its batch.
    pub fn reward_with(
        &self,
        customer: i64,
        batch: i64,
        reward_id: &str,
        coupon: &NewCoupon,
    ) -> (i64, i64) {
        let (reward, coupon) =
            (self.reward(customer, batch, reward_id), self.coupon(batch, coupon));
        self.allocate(coupon, reward);
        (reward, coupon)
    }

    /// Jo Smith, batch Spring, reward R-1 with the expired code OLD-1, and `fresh` usable codes.
    pub fn scene(&self, fresh: usize) -> Scene {
        let (customer, batch) = (self.customer(&Person::default()), self.batch("Spring"));
        let (reward, old) = self.reward_with(customer, batch, "R-1", &expired("OLD-1"));
        self.fresh(batch, fresh);
        Scene { customer, batch, reward, old }
    }

    /// The row of a reissue as the desk would record it.
    pub fn reissue_row(&self, scene: Scene, new: i64, user: i64) -> Vec<(&'static str, Value)> {
        row! {
            merchant_id: self.merchant, customer: scene.customer, reward: scene.reward, batch_id: scene.batch,
            old_coupon_id: scene.old, new_coupon_id: new, user_id: user, actor_role: "support", at: self.now,
            email_requested: false, token_hash: format!("token of {}", scene.reward),
            old_expires_at: self.now - TimeDelta::hours(1), old_barred: false, old_redemptions: 0, old_max_redemptions: 1,
            new_valid_from: rewarddesk::db::instant::no_start(), new_expires_at: rewarddesk::db::instant::no_end(),
        }
        .to_vec()
    }

    /// A reissue done by hand, with its audit record.
    pub fn reissue(&self, scene: Scene, new: i64, user: i64) -> i64 {
        self.relink(scene, new);
        let id = self.insert("reissues", &self.reissue_row(scene, new, user));
        self.insert("audit_records", &self.audit_row(id, user));
        id
    }

    /// The two coupons of a reissue change hands.
    pub fn relink(&self, scene: Scene, new: i64) {
        self.exec(&format!("UPDATE coupons SET state = 'replaced' WHERE id = {}", scene.old));
        self.allocate(new, scene.reward);
    }

    /// A queued fulfilment e-mail, not yet inserted.
    pub fn mail_row(
        &self,
        scene: Scene,
        coupon: i64,
        reissue: Option<i64>,
        message_id: &str,
    ) -> Vec<(&'static str, Value)> {
        row! {
            merchant_id: self.merchant, customer: scene.customer, reward: scene.reward, coupon_id: coupon, reissue_id: reissue,
            origin: "reissue", message_id: message_id, sender: "rewards@desk.example", recipient: "jo@customer.example",
            subject: "Your code", text_body: "x", html_body: "x", state: "queued", next_attempt_at: self.now, queued_at: self.now,
        }
        .to_vec()
    }

    /// The audit record of a reissue, not yet inserted.
    pub fn audit_row(&self, reissue: i64, user: i64) -> Vec<(&'static str, Value)> {
        row! {
            merchant_id: self.merchant, at: self.now, action: "coupon.reissued", actor_kind: "user", user_id: user,
            reissue_id: reissue, details: "{}",
        }
        .to_vec()
    }
}

/// A row with one column changed.
pub fn but(
    mut row: Vec<(&'static str, Value)>,
    column: &'static str,
    value: impl Into<Value>,
) -> Vec<(&'static str, Value)> {
    match row.iter_mut().find(|(name, _)| *name == column) {
        Some((_, old)) => *old = value.into(),
        None => row.push((column, value.into())),
    }
    row
}

/// [`PASSWORD`] as the database keeps it, made once.
fn password_hash() -> &'static str {
    use argon2::{Argon2, PasswordHasher};
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| {
        Argon2::default().hash_password(PASSWORD.as_bytes()).expect("a hash").to_string()
    })
}
