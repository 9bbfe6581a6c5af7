//! axe-core finds nothing on any page or state, light, dark and at 320 px, and nothing scrolls
//! sideways (guarantees U1, U9, U10).

use rewarddesk::domain::role::Role;

use crate::support::{
    App, Browser, Engine, Fixture,
    world::{Person, Scene, barred, expired, redeemed, usable},
};

struct Look {
    name: &'static str,
    dark: bool,
    width: u32,
}

/// What was found so far: all of it is reported at the end, since one look at a page costs more
/// than the page.
struct Judge<'a>(&'a Browser, Look, Vec<String>);

impl Judge<'_> {
    async fn look(&mut self, what: &str) {
        let Self(browser, look, found) = self;
        let what = format!("{what}, {}", look.name);
        let before = found.len();
        found.extend(browser.axe().await.into_iter().map(|finding| format!("{what}: {finding}")));
        if browser.scrolls_sideways().await {
            let widest = browser.eval(WIDEST).await;
            found.push(format!("{what}: scrolls sideways, because of {widest}"));
        }
        if found.len() > before || std::env::var_os("REWARDDESK_TEST_PICTURES").is_some() {
            browser.picture(&what.replace(|c: char| !c.is_alphanumeric(), "-")).await;
        }
    }
}

const WIDEST: &str = "return [...document.body.querySelectorAll('*')].filter((e) => \
    e.getBoundingClientRect().right > innerWidth + 1)
    .slice(-3).map((e) => e.outerHTML.slice(0, 120)).join(' | ')";

/// The audit log in its states.
async fn look_at_the_log(judge: &mut Judge<'_>, app: &App) {
    for (what, query) in [
        ("audit log filtered", "?action=session.signed_in&from=2026-01-01"),
        ("audit log without a match", "?who=cli&from=2026-01-01"),
        (
            "audit log with filters that can't be taken",
            "?who=9&action=x&from=soon&q=NOPE-1&customer=nobody",
        ),
    ] {
        judge.0.goto(&format!("{}/m/acme/audit{query}", app.url)).await;
        judge.look(what).await;
    }
    judge.0.goto(&format!("{}/m/acme/audit", app.url)).await;
    judge
        .0
        .eval(
            "document.querySelectorAll('.record > summary').forEach((summary) => summary.click())",
        )
        .await;
    judge.look("audit log with a record open").await;
}

/// Goes through all pages and their states.
async fn tour(look: Look) {
    let app = App::on(Engine::Sqlite).await;
    let (scene, dry) = (app.scene(3), app.batch("Dry"));
    app.reward_with(scene.customer, scene.batch, "R-2", &usable("GOOD-1"));
    app.reward_with(scene.customer, dry, "R-3", &redeemed("USED-1"));
    app.external_reward(scene.customer, "runa", "R-4");
    app.reward(scene.customer, scene.batch, "R-5");
    app.reward_with(scene.customer, scene.batch, "R-6", &barred("BARRED-1"));
    let lonely = app.customer(&Person {
        email: Some("lonely@customer.example"),
        customer_id: None,
        first_name: None,
        last_name: None,
        ..Person::default()
    });
    let silent = app.customer(&Person {
        email: Some("si@customer.example"),
        receives_emails: false,
        blocked: Some("chargeback"),
        ..Person::default()
    });
    app.reward_with(silent, scene.batch, "R-7", &expired("OLD-7"));
    app.user(Role::Administrator);

    let browser = Browser::open().await;
    browser.dark(look.dark).await;
    browser.width(look.width).await;
    let mut judge = Judge(&browser, look, vec![]);
    browser.goto(&format!("{}/sign-in", app.url)).await;
    judge.look("sign-in").await;
    browser.fill("textbox", "Email", "administrator@desk.example").await;
    browser.fill("textbox", "Password", "wrong").await;
    browser.click("button", "Sign in").await;
    browser.shows("don't match").await;
    judge.look("sign-in refused").await;
    browser.sign_in(&app.url, "administrator@desk.example").await;

    let (profile, batch) = (
        format!("/m/acme/customers/{}", scene.customer),
        format!("/m/acme/batches/{}", scene.batch),
    );
    let coupon = format!("/m/acme/coupons/{}", scene.old);
    for (what, path) in [
        ("customers", "/m/acme/customers"),
        ("customers found", "/m/acme/customers?q=customer"),
        ("nobody found", "/m/acme/customers?q=nobody-has-this"),
        ("profile", &profile),
        ("profile of one without name or rewards", &format!("/m/acme/customers/{lonely}")),
        ("profile of one blocked", &format!("/m/acme/customers/{silent}")),
        ("block as a page", &format!("{profile}/block")),
        ("emails off as a page", &format!("{profile}/emails-off")),
        ("purge as a page", &format!("{profile}/purge")),
        ("the dialog as a page", &format!("{profile}/rewards/{}/reissue", scene.reward)),
        ("batches", "/m/acme/batches"),
        ("batch", &batch),
        ("empty batch", &format!("/m/acme/batches/{dry}")),
        ("coupon", &coupon),
        ("bar as a page", &format!("{coupon}/bar")),
        ("mark as used as a page", &format!("{coupon}/use")),
        ("check a code", "/m/acme/check"),
        ("new batch", "/m/acme/batches/new"),
        ("no imports", "/m/acme/imports"),
        ("stock alerts", "/m/acme/alerts"),
        ("redemptions that do not fit", "/m/acme/redemptions"),
        ("import redemptions", "/m/acme/redemptions/new"),
        ("bar codes by a file", "/m/acme/bars/new"),
        ("audit log", "/m/acme/audit"),
        ("no such page", "/m/acme/nowhere"),
    ] {
        browser.goto(&format!("{}{path}", app.url)).await;
        judge.look(what).await;
    }

    look_at_the_log(&mut judge, &app).await;
    reissue(&mut judge, &app, scene, &profile).await;
    people(&mut judge, &app).await;
    check_codes_and_act(&mut judge, &app, &format!("{}{profile}", app.url)).await;
    act_on_customer(&mut judge, &format!("{}{profile}", app.url), scene.customer).await;
    let found = judge.2;
    assert!(
        found.is_empty(),
        "{} findings, with pictures in target/tmp/screenshots:\n{}",
        found.len(),
        found.join("\n")
    );
    browser.is_quiet_but_for(&[404, 409, 422]).await;
}

/// The menus of a profile, and a reissue from its dialog to the mail.
async fn reissue(judge: &mut Judge<'_>, app: &App, scene: Scene, profile: &str) {
    let browser = judge.0;
    browser.goto(&format!("{}{profile}", app.url)).await;
    let menus = browser
        .eval("return [...document.querySelectorAll('[aria-haspopup=menu]')].map((e) => e.id)")
        .await;
    for menu in menus.as_array().unwrap() {
        browser.eval(&format!("document.getElementById({menu}).click()")).await;
        judge.look(&format!("menu open: {menu}")).await;
    }
    browser.goto(&format!("{}{profile}", app.url)).await;
    browser.eval(&format!("document.getElementById('actions-{}').click()", scene.reward)).await;
    browser.click("menuitem", "Reissue coupon").await;
    let dialog = browser.find("dialog", "Reissue coupon").await;
    judge.look("dialog open").await;
    browser.click("checkbox", "Send notification email").await;
    let button = browser
        .all_in(&dialog, "button")
        .await
        .into_iter()
        .find(|b| b.name == "Reissue coupon")
        .unwrap();
    browser.element(&button).await.unwrap().click().await.unwrap();
    browser.shows("FRESH-1-1").await;
    browser
        .until("the toast", async || {
            browser.eval("return document.querySelectorAll('[data-toast]').length").await == 1
        })
        .await;
    judge.look("toast").await;
    app.mails(1).await;
    browser.goto(&format!("{}{profile}", app.url)).await;
    judge.look("profile after a reissue").await;
    browser.goto(&format!("{}/m/acme/customers/{}/mails/1", app.url, scene.customer)).await;
    judge.look("mail").await;
}

/// The pages about users, and those in front of the desk.
async fn people(judge: &mut Judge<'_>, app: &App) {
    let other = app.user(Role::Support);
    for (what, path) in [
        ("users", "/m/acme/users"),
        ("invite a user", "/m/acme/users/new"),
        ("a user", &format!("/m/acme/users/{other}")),
        ("permissions", "/m/acme/permissions"),
        ("settings", "/m/acme/settings"),
        ("forgotten password", "/forgotten"),
        ("a link that is gone", "/welcome?token=gone"),
    ] {
        judge.0.goto(&format!("{}{path}", app.url)).await;
        judge.look(what).await;
    }
    // Another merchant offers a role: to the one who looks, and to another user.
    let (globex, own) = (
        app.another_merchant("globex"),
        app.number("SELECT id FROM users WHERE email = 'administrator@desk.example'"),
    );
    let offer = format!(
        "INSERT INTO memberships (merchant_id, user_id, role, offered_at) VALUES ({globex}, \
         {own}, 'marketing', {})",
        app.sql(app.now())
    );
    app.exec(&offer);
    // And a second role is theirs, so that there is a choice of merchants.
    let initech = app.another_merchant("initech");
    app.exec(&format!(
        "INSERT INTO memberships (merchant_id, user_id, role) VALUES ({initech}, {own}, 'support')"
    ));
    app.exec(&format!(
        "UPDATE memberships SET offered_at = {} WHERE user_id = {other}",
        app.sql(app.now())
    ));
    for (what, path) in [
        ("an offer", "/account"),
        ("an offer beside merchants", "/"),
        ("a user who has not accepted", &format!("/m/acme/users/{other}")),
    ] {
        judge.0.goto(&format!("{}{path}", app.url)).await;
        judge.look(what).await;
    }
    app.exec(&format!(
        "DELETE FROM memberships WHERE offered_at IS NOT NULL OR merchant_id = {initech}"
    ));
}

/// The answers to a checked code, and the dialogs of acts on a coupon with what follows them.
async fn check_codes_and_act(judge: &mut Judge<'_>, app: &App, profile: &str) {
    let browser = judge.0;
    app.coupon(1, &usable("GIFT-0I1-WITH-A-CODE-THAT-IS-AS-LONG-AS-SOME-SHOPS-MAKE-THEM"));
    for (code, words) in [
        ("USED-1", "This code is fully redeemed"),
        ("GOOD-1", "This code works"),
        ("OLD-1", "This code was replaced"),
        ("GIFT-OI1-WITH-A-CODE-THAT-IS-AS-LONG-AS-SOME-SHOPS-MAKE-THEM", "Did they mean"),
        ("GIFT-0I1-WITH-A-CODE-THAT-IS-AS-LONG-AS-SOME-SHOPS-MAKE-THEM", "never handed out"),
        (" ", "Type or paste the code"),
    ] {
        browser.goto(&format!("{}/m/acme/check", app.url)).await;
        browser.fill("textbox", "Code", code).await;
        browser.click("button", "Check").await;
        browser.shows(words).await;
        judge.look(&format!("checked: {words}")).await;
    }
    let reward = app.number("SELECT id FROM rewards WHERE reward_id = 'R-2'");
    browser.goto(profile).await;
    browser.eval(&format!("document.getElementById('actions-{reward}').click()")).await;
    browser.click("menuitem", "Bar this coupon").await;
    browser.find("dialog", "Bar coupon").await;
    judge.look("bar: dialog open").await;
    browser.fill("textbox", "Reason", "\u{202e}leaked").await;
    browser.press(thirtyfour::Key::Enter).await;
    browser.shows("write it on one line").await;
    judge.look("bar: something is wrong").await;
    browser.fill("textbox", "Reason", "leaked").await;
    browser.press(thirtyfour::Key::Enter).await;
    browser.shows("Coupon barred").await;
    judge.look("bar: done").await;
    browser.goto(profile).await;
    browser.eval(&format!("document.getElementById('actions-{reward}').click()")).await;
    app.exec(
        "UPDATE coupons SET barred_at = NULL, barred_by = NULL, barred_reason = NULL WHERE \
        code = 'GOOD-1'",
    );
    browser.click("menuitem", "Unbar coupon").await;
    browser.shows("Not barred.").await;
    judge.look("unbar: refused").await;
    let coupon = app.number("SELECT id FROM coupons WHERE code = 'GOOD-1'");
    browser.goto(&format!("{}/m/acme/coupons/{coupon}", app.url)).await;
    browser.shows("History").await;
    judge.look("coupon with a history").await;
}

/// Blocks and purges the customer by keyboard, with what goes wrong on the way.
async fn act_on_customer(judge: &mut Judge<'_>, profile: &str, customer: i64) {
    let browser = judge.0;
    browser.goto(profile).await;
    browser.click("link", "Block customer").await;
    browser.find("dialog", "Block customer").await;
    judge.look("block: dialog open").await;
    browser.fill("textbox", "Reason", "chargeback").await;
    browser.press(thirtyfour::Key::Enter).await;
    browser.shows("Blocked on").await;
    judge.look("block: done").await;
    browser.click("link", "Purge data").await;
    browser.find("dialog", "Purge data").await;
    judge.look("purge: dialog open").await;
    browser.fill("textbox", "Customer number", "no").await;
    browser.press(thirtyfour::Key::Enter).await;
    browser.shows("a purge can't be undone").await;
    judge.look("purge: not confirmed").await;
    browser.fill("textbox", "Customer number", &customer.to_string()).await;
    browser.press(thirtyfour::Key::Enter).await;
    browser.shows("Purged on").await;
    judge.look("purge: done").await;
}

#[test]
fn axe_finds_nothing_in_the_light() {
    crate::support::block_on(tour(Look { name: "light", dark: false, width: 1280 }));
}

#[test]
fn axe_finds_nothing_in_the_dark() {
    crate::support::block_on(tour(Look { name: "dark", dark: true, width: 1280 }));
}

#[test]
fn axe_finds_nothing_on_a_narrow_screen() {
    crate::support::block_on(tour(Look { name: "narrow", dark: false, width: 320 }));
}
