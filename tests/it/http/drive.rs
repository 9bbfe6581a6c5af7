//! The whole desk at work, for tests that watch what it does meanwhile: the tests of every page
//! one after the other, and then what no page asks for: the workers' rounds and the commands, step
//! by step.

use std::{
    ops::ControlFlow,
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::TimeDelta;
use rewarddesk::{
    app::{
        Error,
        audit::{
            audit_export_file::export_audit, seal_audit, send_chain_heads,
            verify_audit::verify_audit,
        },
        batches::{
            add_batch::{AddBatch, add_batch},
            keep_stock, watch_stock, withdraw_vouchers,
        },
        customers::keep_search,
        imports::{ImportRequest, ImportStreams, import_file, run_import},
        mails::{deliver_mail, release_mail},
        operation::{back_up, measures, readiness},
        settings::add_merchant::{AddMerchant, add_merchant},
        users::{
            add_user::{AddUser, add_user},
            manage_users::UserAct,
            operate_users::{InvitationRequest, invite, operate},
            set_up,
        },
    },
    db::{customer_lookups::MAX_ROWS, health, merchants, passkeys, pending_sign_ins, sessions},
    domain::{
        email::EmailAddress, ids::UserId, import::ImportKind, merchant::Slug, role::Role,
        user::Absence,
    },
    mail::memory::Behaviour,
};

use crate::support::{
    App, Engine, Fixture,
    client::Fields,
    statements::during,
    world::{Person, Scene, expired},
};

macro_rules! bodies {
    ($engine:expr, $($module:ident: $($name:ident)+;)+) => {
        $($( super::$module::$name::body($engine).await; )+)+
    };
}

/// Everything; each part on a database of its own.
pub async fn drive(engine: Engine) {
    pages(engine).await;
    steps(engine).await;
}

async fn pages(engine: Engine) {
    bodies! { engine,
        access: a_role_below_is_refused_and_the_role_itself_is_not nothing_changes_by_looking;
        account: a_password_is_changed_with_the_old_one own_sessions_are_listed_and_ended_and_others_are_not dangerous_acts_ask_again_after_a_quarter_of_an_hour;
        alerts: each_alert_comes_once_over_a_life_of_a_batch a_digest_gathers_a_days_alerts the_merchants_lines_are_drawn_by_those_who_may;
        audit_log: every_filter_shows_its_records_and_no_other pages_keep_their_filters_and_skip_nothing a_record_opens_to_all_it_holds
            an_export_holds_what_is_selected_and_is_on_record;
        batches: each_condition_lists_its_codes_and_pages_skip_none an_export_holds_every_code_and_is_on_record lines_are_drawn_and_warn
            withdrawn_codes_are_never_handed_out;
        code_checks: a_code_is_told_in_full_to_support look_alikes_are_suggested_and_one_click_checks_them;
        coupon_acts: without_a_script_one_comes_back_to_where_the_link_was;
        customer_acts: a_blocked_customers_coupons_stay_until_they_are_unblocked e_mails_are_switched_off_and_on_with_old_and_new_value;
        factors: a_code_is_asked_for_after_the_password a_recovery_code_works_once new_recovery_codes_take_a_factor_and_end_the_old
            an_administrator_resets_a_lost_factor_and_nobody_else a_merchant_can_require_a_factor;
        import_ends: a_new_batch_stays_when_its_import_is_cancelled the_rejects_are_those_of_the_command_line;
        import_files: redemptions_come_in_and_what_does_not_fit_is_listed codes_are_barred_by_a_file_each_with_its_reason;
        imports: a_new_batch_is_made_by_the_word_and_not_before a_fragment_tells_how_far_it_is_and_then_the_news;
        offers: an_offer_is_accepted_or_declined_on_the_account_page another_merchants_invitation_takes_nothing_from_ones_own;
        account_changes: each_change_of_a_factor_is_told_once;
        purges: mails_that_wait_are_cancelled_and_never_sent;
        reissues: a_second_dialog_gets_a_409_with_the_winners_result every_refusal_is_said_in_the_menu_and_by_the_post_alike;
        set_up: the_first_user_comes_in_by_the_link_and_is_administrator an_empty_desk_gets_its_first_merchant_too;
        settings: a_change_is_kept_with_old_and_new_value;
        single_sign_on: the_verified_address_decides_once_and_then_only_the_subject whoever_has_no_password_proves_over_there_to_be_here;
        single_sign_on_links: one_links_and_unlinks_ones_own;
        users: an_invitation_lets_one_person_in_once links_end_with_time_and_with_the_next_one a_forgotten_password_is_told_to_its_owner_only
            who_manages_whom_is_as_the_table_says disabling_ends_every_session_after_asking_other_merchants
            a_long_absence_locks_out_until_an_administrator_unlocks;
        validity: days_come_back_as_typed_and_the_record_holds_both_validities;
        vouchers: good_lines_go_in_and_bad_ones_are_shown_by_cause;
    }
}

/// What [`steps`] does, by name: each must have asked the database something.
pub const STEPS: &[&str] = &[
    "search",
    "mail worker",
    "mail held",
    "sealer",
    "stock keeper",
    "heads by mail",
    "import worker",
    "probes",
    "rewarddesk import customers",
    "rewarddesk import vouchers",
    "rewarddesk import rewards",
    "rewarddesk import redemptions",
    "rewarddesk import bars",
    "rewarddesk import purges",
    "rewarddesk merchant add",
    "rewarddesk user",
    "rewarddesk batch add",
    "rewarddesk audit export",
    "rewarddesk audit verify",
    "rewarddesk check",
    "rewarddesk doctor",
    "rewarddesk backup",
    "passkeys",
];

async fn steps(engine: Engine) {
    let app = App::on(engine).await;
    let scene = app.scene(3);
    search(&app).await;
    mails(&app, scene).await;
    rounds(&app);
    commands(&app);
    imports(&app);
    by_the_way(&app);
    app.overlook_mails();
}

/// Lists and searches of customers: every kind of term, and every page.
async fn search(app: &App) {
    for n in 2..130 {
        app.customer_number(n);
    }
    crowd(app);
    let kim = app.sign_in(Role::Supervisor).await;
    let _during = during("search");
    for query in [
        "",
        "j",
        "jo",
        "smith",
        "jo smith",
        "s jo",
        "jo2@customer.example",
        "C-3",
        "OLD-1",
        "FRESH-1-1",
        "nobody",
    ] {
        let mut next = Some(format!("/m/acme/customers?q={query}"));
        for _ in 0..3 {
            let Some(path) = next else { break };
            let page = kim.get_fragment(&path).await;
            next = page
                .tags()
                .iter()
                .find(|tag| tag.get("rel") == Some("next"))
                .and_then(|tag| tag.get("href"))
                .map(ToOwned::to_owned);
        }
        kim.get(&format!("/m/acme/customers?q={query}")).await;
    }
    let batch = kim.get("/m/acme/batches").await;
    batch.says("Spring");
}

/// Enough newer customers, far enough apart, for all of the search's steps: more than are looked
/// through without an index.
fn crowd(app: &App) {
    let row = |n: i64| {
        let sparse = n - MAX_ROWS - 100;
        let id = if sparse < 0 { 200_000 + n } else { 300_000 + 4_096 * sparse.min(100) + sparse };
        format!(
            "({id}, {}, 'crowd{n}@crowd.example', 'crowd{n}@crowd.example', '', '', '', {})",
            app.merchant,
            app.sql(app.now())
        )
    };
    for some in (0..MAX_ROWS + 2_300).map(row).collect::<Vec<_>>().chunks(550) {
        let columns = "id, merchant_id, email, search, first_key, last_key, id_key, created_at";
        app.exec(&format!("INSERT INTO customers ({columns}) VALUES {}", some.join(", ")));
    }
}

/// A mail that is refused for a while, sent, asked for again, looked at; and held mail.
async fn mails(app: &App, scene: Scene) {
    let kim = app.sign_in(Role::Supervisor).await;
    app.memory.script([Behaviour::Temporary]);
    let path = app.reissue_path(scene.customer, scene.reward);
    kim.post_fragment(&path, &kim.dialog(&path).await.ticked()).await.expect(200);
    let begun = Instant::now();
    while app.memory.tries() == 0
        || app.count("mails WHERE attempts > 0 AND lease_holder IS NULL") != 1
    {
        assert!(begun.elapsed() < Duration::from_mins(2), "no mail was refused");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    {
        let _during = during("mail worker");
        app.desk.clock.advance(TimeDelta::minutes(5));
        app.desk.mail_wakeup.notify_one();
        app.mails(1).await;
    }
    let row = format!("/m/acme/customers/{}/rewards/{}", scene.customer, scene.reward);
    kim.get_fragment(&format!("{row}/mail")).await;
    let resend = kim
        .get(&format!("/m/acme/customers/{}", scene.customer))
        .await
        .fields(&format!("{row}/resend"));
    kim.post_fragment(&format!("{row}/resend"), &resend).await;
    let mail = app.number("SELECT min(id) FROM mails");
    for part in ["", "/html"] {
        kim.get(&format!("/m/acme/customers/{}/mails/{mail}{part}", scene.customer))
            .await
            .expect(200);
    }
    app.sign_in(Role::Support).await.post("/sign-out", &Fields::default()).await.expect(303);
    let _during = during("mail held");
    release_mail::waiting_mail(&app.desk).unwrap();
    release_mail::latest_release(&app.desk).unwrap();
    release_mail::release_mail(&app.desk).unwrap();
    deliver_mail::next_due_in(&app.desk).unwrap();
    deliver_mail::claim_mails(&app.desk, "somebody", &[], 4).unwrap();
}

/// One round of each worker.
fn rounds(app: &App) {
    let desk = &app.desk;
    {
        let _during = during("sealer");
        assert!(seal_audit::seal_all(&desk.db, &desk.clock, Duration::from_secs(9)).unwrap());
        seal_audit::Sealer::default().has_work(&desk.db).unwrap();
        assert!(!seal_audit::heads(&desk.db).unwrap().is_empty());
    }
    {
        let _during = during("stock keeper");
        if !app.is_sqlite() {
            app.exec("SELECT setval('stock_movements_id_seq', 100000)");
        }
        keep_stock::settle(desk).unwrap();
        keep_stock::Keeper::default().advance(desk).unwrap();
        withdraw_vouchers::carry_on_all(desk).unwrap();
        keep_search::settle(desk).unwrap();
        keep_search::renew_keys_for_a_while(desk).unwrap();
        keep_search::renew_users(&desk.db).unwrap();
        watch_stock::watch_stock(desk).unwrap();
        watch_stock::send_digests(desk).unwrap();
    }
    {
        let _during = during("heads by mail");
        send_chain_heads::send_chain_heads(
            desk,
            &EmailAddress::parse("auditor@outside.example").unwrap(),
        )
        .unwrap();
    }
    {
        let _during = during("import worker");
        run_import::is_any_due(desk).unwrap();
        run_import::claim_import(desk, &Arc::from("somebody")).unwrap();
        run_import::forget_unfinished(desk).unwrap();
        run_import::sweep_pieces(desk).unwrap();
    }
    let _during = during("probes");
    readiness::readiness(desk).unwrap();
    measures::measures(desk).unwrap();
    set_up::open_the_door(desk).unwrap();
}

fn commands(app: &App) {
    let (db, now, email) =
        (&app.desk.db, app.now(), EmailAddress::parse("casey@desk.example").unwrap());
    {
        let _during = during("rewarddesk merchant add");
        let new = AddMerchant {
            slug: Slug::parse("beta").unwrap(),
            name: "Beta".into(),
            zone: chrono_tz::UTC,
            ticket_url: None,
            account_manager: None,
            mail_from: None,
        };
        add_merchant(db, now, &new).unwrap();
    }
    {
        let _during = during("rewarddesk user");
        let roles = vec![(Role::Support, "acme".to_owned()), (Role::Marketing, "beta".to_owned())];
        add_user(
            db,
            now,
            &AddUser { email: email.clone(), name: "Casey".into(), roles: vec![] },
            Some("x"),
        )
        .unwrap();
        add_user(db, now, &AddUser { email: email.clone(), name: "Casey".into(), roles }, None)
            .unwrap();
        for act in [
            UserAct::Disable,
            UserAct::Enable,
            UserAct::Unlock,
            UserAct::EndSessions,
            UserAct::ResetFactors,
        ] {
            operate(&app.desk, &email, act, Absence::default()).unwrap();
        }
        let ina = EmailAddress::parse("ina@desk.example").unwrap();
        for by_hand in [false, true] {
            let new = InvitationRequest {
                email: ina.clone(),
                name: "Ina".into(),
                role: Role::Support,
                merchant: "acme".into(),
                by_hand,
            };
            invite(&app.desk, &new).unwrap();
        }
    }
    {
        let _during = during("rewarddesk batch add");
        let new = AddBatch {
            name: "Added".into(),
            merchant: "acme".into(),
            valid_from: None,
            valid_until: None,
            uses_per_code: 2,
            case_sensitive: true,
        };
        add_batch(db, now, &new).unwrap();
    }
    for merchant in [None, Some("acme")] {
        let _during = during("rewarddesk audit export");
        export_audit(&app.desk, merchant, |_| Ok::<_, Error>(())).unwrap();
    }
    for merchant in [None, Some("acme")] {
        let _during = during("rewarddesk audit verify");
        db.snapshot(|conn| verify_audit(conn, merchant, &[])).unwrap();
    }
    {
        let _during = during("rewarddesk doctor");
        health::examine(db).unwrap();
        health::missing_guards(db).unwrap();
    }
    let _during = during("rewarddesk backup");
    let dir = tempfile::tempdir().unwrap();
    back_up::back_up(&app.desk, &dir.path().join("copy.db")).unwrap();
}

/// Every kind of file: rows that are new, changed, the same, and refused.
fn imports(app: &App) {
    let (scope, merchant) =
        app.desk.db.read(|conn| merchants::for_operator(conn, "acme")).unwrap().unwrap();
    let import = |kind: ImportKind, word: &str, batch: Option<&str>, file: &str| {
        let _during = during(&format!("rewarddesk import {word}"));
        let mut rejects = vec![];
        let order = ImportRequest::of_operator(scope, &merchant, kind, batch);
        import_file(
            &app.desk,
            &order,
            ImportStreams {
                source: &mut file.as_bytes(),
                rejects: &mut rejects,
                watch: &mut |_| ControlFlow::Continue(()),
            },
        )
        .unwrap();
    };
    let customer = app.customer(&Person {
        email: Some("ann@customer.example"),
        customer_id: Some("A-1"),
        ..Person::default()
    });
    let batch = app.number("SELECT id FROM batches WHERE name = 'Spring'");
    app.reward_with(customer, batch, "R-77", &expired("HELD-1"));
    import(
        ImportKind::Customers,
        "customers",
        None,
        "email,customer_id,first_name\nnew@x.example,N-1,New\nann@customer.example,A-2,Ann\njo2@customer.example,C-2,Jo\nbad,,\n",
    );
    let vouchers = "code,expires_at,redemptions,barred_reason\nV-1,2027-01-01,,\nV-2,,1,\nV-3,,,lost\nOLD-1,,,\nV-1,,,\nfresh-1-1,,,\n";
    import(ImportKind::Vouchers, "vouchers", Some("Spring"), vouchers);
    import(ImportKind::Vouchers, "vouchers", Some("Added"), "code\nE-1\ne-1\nV-1\n");
    let rewards = "reward_id,email,kind,title,fulfilment,batch,code\nI-1,ann@customer.example,referrer,20 off,batch,Spring,V-1\n\
        I-2,nobody@x.example,referrer,20 \
        off,batch,Spring,V-2\nI-3,ann@customer.example,referee,Card,runa,,\nI-4,ann@customer.example,referee,Five,batch,Spring,\n\
        I-5,ann@customer.example,referee,Five,batch,Spring,NEW-1\nR-1,jo@customer.example,referrer,20 off,batch,Spring,OLD-1\n";
    import(ImportKind::Rewards, "rewards", None, rewards);
    import(ImportKind::Rewards, "rewards", None, rewards);
    let uses = "code,redeemed_at,order_id\nV-1,2026-11-20,O-1\nOLD-1,2026-11-23T12:04:00Z,O-2\nNOPE-9,2026-11-20,O-3\nfresh-1-2,2026-11-20,O-4\n";
    import(ImportKind::Redemptions, "redemptions", None, uses);
    import(ImportKind::Redemptions, "redemptions", None, uses);
    import(ImportKind::Bars, "bars", None, "code,reason\nV-1,stolen\nNOPE-9,stolen\n");
    import(
        ImportKind::Purges,
        "purges",
        None,
        "email,customer_id\nann@customer.example,\n,C-2\nnobody@x.example,\n",
    );
}

/// Passkeys are made by a device that no test over HTTP has.
fn by_the_way(app: &App) {
    let _during = during("passkeys");
    let (db, user) = (&app.desk.db, UserId(app.number("SELECT min(id) FROM users")));
    let id = db.write(|tx| passkeys::add(tx, user, "Phone", ("id", "{}"), app.now())).unwrap();
    db.read(|conn| passkeys::find(conn, "id")).unwrap();
    db.write(|tx| passkeys::note_use(tx, id, "{}", app.now())).unwrap();
    assert!(db.write(|tx| passkeys::remove(tx, user, id)).unwrap());
    db.write(|tx| passkeys::remove_all(tx, user)).unwrap();
    let session = app.number("SELECT min(id) FROM sessions");
    db.write(|tx| sessions::set_challenge(tx, session, "x")).unwrap();
    db.write(|tx| pending_sign_ins::start(tx, user, "hash", app.now())).unwrap();
    db.write(|tx| pending_sign_ins::set_challenge(tx, 1, "x")).unwrap();
}
