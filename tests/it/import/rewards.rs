//! Rewards.

use rewarddesk::domain::import::ImportKind;

use super::world::World;

const HEAD: &str = "reward_id,email,kind,title,fulfilment,batch,code,issued_at\n";

fn stocked(world: &World) {
    world.customers("email\njo@x.example\nal@x.example\n");
    world.vouchers(
        "Spring",
        "code,expires_at,redemptions,barred_reason\nOLD-1,2025-01-01,,\nBAR-1,,,stolen\nUSED-1,,1,\nFREE-1,,,\nFREE-2,,,\n",
    );
    world.vouchers("Exact", "code\nExact-1\nfree-1\n");
}

fn states(world: &World) -> Vec<String> {
    world.texts(
        "SELECT c.code || ' ' || c.state || ' ' || coalesce(r.reward_id, '-') || ' ' || \
        coalesce(c.barred_reason, '-') AS t FROM coupons c LEFT JOIN rewards r ON r.id = c.reward \
        ORDER BY c.id",
    )
}

#[both]
fn a_reward_is_history_and_takes_its_coupon_whatever_its_state(world: World) {
    stocked(&world);
    let file = format!(
        "{HEAD}R-1,JO@x.example,referrer,20 off,batch,Spring,OLD-1,2024-02-01\n\
         R-2,jo@x.example,referee,10 off,batch,,bar-1,2024-02-01T00:00:00Z\n\
         R-3,jo@x.example,drive_action,5 off,batch,Spring,USED-1,\n\
         R-4,al@x.example,drive_action,Gift card,runa,,,2024-02-01\n\
         R-5,al@x.example,referrer,Soon,batch,Spring,,2024-02-01\n"
    );
    let said = world.rewards(&file);
    assert_eq!(
        (said.counts(), said.report.taken_out_of_stock),
        ([5, 0, 0, 0], 0),
        "{:?}",
        said.rejects
    );
    assert_eq!(
        states(&world),
        [
            "OLD-1 allocated R-1 -",
            "BAR-1 allocated R-2 stolen",
            "USED-1 allocated R-3 -",
            "FREE-1 available - -",
            "FREE-2 available - -",
            "Exact-1 available - -",
            "free-1 available - -"
        ]
    );
    assert_eq!(
        world.texts(&format!(
            "SELECT fulfilment || ' ' || coalesce(batch_id, 0) || ' ' || {} AS t FROM rewards \
             ORDER BY reward_id",
            world.shown("issued_at")
        )),
        [
            "batch 1 2024-02-01 00:00:00",
            "batch 1 2024-02-01 00:00:00",
            "batch 1 2026-11-23 12:00:00",
            "runa 0 2024-02-01 00:00:00",
            "batch 1 2024-02-01 00:00:00"
        ]
    );
    assert_eq!(world.count("mails"), 0);
    world.clock.advance(chrono::TimeDelta::days(1));
    let before = world.picture();
    assert_eq!(world.rewards(&file).counts(), [0, 0, 5, 0]);
    assert_eq!(world.picture(), before);
}

#[both]
fn a_code_is_looked_up_exactly_first_then_without_case(world: World) {
    stocked(&world);
    let said = world.rewards(&format!(
        "{HEAD}R-1,jo@x.example,referrer,t,batch,,free-1,\n\
         R-2,jo@x.example,referrer,t,batch,,FREE-1,\n\
         R-3,jo@x.example,referrer,t,batch,,EXACT-1,\n\
         R-4,jo@x.example,referrer,t,batch,Spring,free-2,\n"
    ));
    assert_eq!(
        said.reasons(),
        [(4, "this merchant has no voucher with this code; import the vouchers first")]
    );
    assert_eq!(
        states(&world)[3..],
        [
            "FREE-1 allocated R-2 -",
            "FREE-2 allocated R-4 -",
            "Exact-1 available - -",
            "free-1 allocated R-1 -"
        ]
    );
}

#[both]
fn the_named_batch_decides_between_two_codes(world: World) {
    stocked(&world);
    // "free-1" is a string of Exact and the letters of Spring's FREE-1.
    assert_eq!(
        world
            .rewards(&format!("{HEAD}R-1,jo@x.example,referrer,t,batch,Spring,free-1,\n"))
            .counts(),
        [1, 0, 0, 0]
    );
    assert_eq!(states(&world)[3], "FREE-1 allocated R-1 -");
}

#[both]
fn a_reward_that_tells_another_story_is_a_reject(world: World) {
    stocked(&world);
    world.rewards(&format!(
        "{HEAD}R-1,jo@x.example,referrer,20 \
         off,batch,Spring,OLD-1,2024-02-01\nR-2,jo@x.example,referee,x,other,,,2024-02-01\n"
    ));
    let said = world.rewards(&format!(
        "{HEAD}R-1,al@x.example,referrer,20 off,batch,Spring,OLD-1,2024-02-01\n\
         R-1,jo@x.example,referee,20 off,batch,Spring,OLD-1,2024-02-01\n\
         R-1,jo@x.example,referrer,10 off,batch,Spring,OLD-1,2024-02-01\n\
         R-1,jo@x.example,referrer,20 off,batch,Autumn,,2024-02-01\n\
         R-1,jo@x.example,referrer,20 off,batch,Spring,OLD-1,2024-02-02\n\
         R-1,jo@x.example,referrer,20 off,batch,Spring,USED-1,2024-02-01\n\
         R-1,jo@x.example,referrer,20 off,batch,Spring,,2024-02-01\n\
         R-1,jo@x.example,referrer,20 off,batch,,OLD-1,\n\
         R-2,jo@x.example,referee,x,shopify,,,2024-02-01\n"
    ));
    assert_eq!((said.counts(), said.report.taken_out_of_stock), ([0, 0, 1, 8], 1));
    let what: Vec<&str> =
        said.reasons().iter().map(|(_, why)| why.rsplit(' ').next().unwrap()).collect();
    assert_eq!(what, ["customer", "kind", "title", "batch", "issued_at", "code", "code", "batch"]);
    assert_eq!(states(&world)[2], "USED-1 available - claimed by a rejected row, line 7");
}

#[both]
fn a_reissue_since_then_is_no_conflict(world: World) {
    stocked(&world);
    let file = format!("{HEAD}R-1,jo@x.example,referrer,20 off,batch,Spring,OLD-1,2024-02-01\n");
    world.rewards(&file);
    let (at, day) = (world.at_time("2026-11-20"), world.at_time("2026-01-01"));
    world.run(&format!(
        "INSERT INTO users (email, name, password_hash, created_at) VALUES ('a@b.example', 'A', \
         'x', {at}); \
         UPDATE coupons SET state = 'replaced' WHERE code = 'OLD-1'; \
         UPDATE coupons SET state = 'allocated', reward = 1 WHERE code = 'FREE-1'; \
         INSERT INTO reissues (merchant_id, customer, reward, batch_id, old_coupon_id, \
         new_coupon_id, user_id, actor_role, at, email_requested, \
             token_hash, old_expires_at, old_barred, old_redemptions, old_max_redemptions, \
             new_valid_from, new_expires_at) \
         SELECT 1, r.customer, r.id, 1, o.id, n.id, 1, 'support', {at}, false, 'h', {day}, false, \
         0, 1, {day}, n.expires_at \
         FROM rewards r, coupons o, coupons n WHERE o.code = 'OLD-1' AND n.code = 'FREE-1'"
    ));
    assert_eq!(world.rewards(&file).counts(), [0, 0, 1, 0]);
    let said = world.rewards(&file.replace("OLD-1", "FREE-1"));
    assert_eq!(
        said.reasons(),
        [(2, "a reward with this reward_id already exists, with a different code")]
    );
    assert_eq!(said.report.taken_out_of_stock, 0);
}

#[both]
fn a_rejected_row_takes_its_code_out_of_stock(world: World) {
    stocked(&world);
    let file = format!(
        "{HEAD}R-1,nobody@x.example,referrer,t,batch,Spring,FREE-1,\n\
         R-2,jo@x.example,not a kind,t,batch,Spring,FREE-2,\n\
         R-3,jo@x.example,referrer,t,runa,,USED-1,\n\
         R-4,jo@x.example,referrer,t,batch,Winter,BAR-1,\n\
         R-5,jo@x.example,referrer,t,batch,Spring,Exact-1,\n\
         R-6,jo@x.example,referrer,t,batch,Spring,NONE-1,\n"
    );
    let said = world.rewards(&file);
    // Barred already and unknown ones are not counted. No row was taken, and the codes are out of
    // stock all the same.
    assert_eq!(
        (said.counts(), said.report.taken_out_of_stock),
        ([0, 0, 0, 6], 4),
        "{:?}",
        said.rejects
    );
    assert_eq!(
        states(&world)[1..6],
        [
            "BAR-1 available - stolen",
            "USED-1 available - claimed by a rejected row, line 4",
            "FREE-1 available - claimed by a rejected row, line 2",
            "FREE-2 available - claimed by a rejected row, line 3",
            "Exact-1 available - claimed by a rejected row, line 6",
        ]
    );
    assert_eq!(world.count("audit_records WHERE action = 'rewards.imported'"), 1);
    assert_eq!(world.rewards(&file).report.taken_out_of_stock, 0);
}

#[both]
fn a_corrected_row_gets_its_code_without_the_rejected_ones_bar(world: World) {
    stocked(&world);
    let file = format!(
        "{HEAD}R-1,late@x.example,referrer,t,batch,Spring,FREE-1,\nR-2,jo@x.example,referrer,t,batch,Spring,BAR-1,\n"
    );
    assert_eq!(world.rewards(&file).report.taken_out_of_stock, 1);
    world.customers("email\nlate@x.example\n");
    assert_eq!(world.rewards(&file).counts(), [1, 0, 1, 0]);
    // The shop never barred FREE-1; whoever barred BAR-1 meant it.
    assert_eq!(states(&world)[1], "BAR-1 allocated R-2 stolen");
    assert_eq!(states(&world)[3], "FREE-1 allocated R-1 -");
}

#[both]
fn a_code_goes_to_one_reward_only_and_the_first_row_wins(world: World) {
    stocked(&world);
    let said = world.rewards(&format!(
        "{HEAD}R-2,jo@x.example,wrong,t,batch,Spring,FREE-1,\n\
         R-9,jo@x.example,referrer,t,batch,Spring,FREE-1,\n\
         R-1,al@x.example,referrer,t,batch,Spring,free-1,\n\
         R-9,jo@x.example,referrer,t,batch,Spring,FREE-1,\n"
    ));
    // The rejected rows claim a code that the good row has given to its customer: it stays as it
    // is.
    assert_eq!(
        (said.counts(), said.report.taken_out_of_stock),
        ([1, 0, 1, 2], 0),
        "{:?}",
        said.rejects
    );
    assert_eq!(states(&world)[3], "FREE-1 allocated R-9 -");
    let said = world.rewards(&format!("{HEAD}R-1,al@x.example,referrer,t,batch,Spring,FREE-1,\n"));
    assert_eq!(said.reasons(), [(2, "the code already belongs to another reward")]);
}

#[both]
fn what_is_no_reward_is_a_reject(world: World) {
    stocked(&world);
    let said = world.rewards(&format!(
        "{HEAD},jo@x.example,referrer,t,other,,,\n\
         R-1,jo@x.example,referrer,,other,,,\n\
         R-1,jo@x.example,referrer,t,paypal,,,\n\
         R-1,jo@x.example,referrer,t,batch,,,\n\
         R-1,jo@x.example,referrer,t,runa,Spring,,\n\
         R-1,jo@x.example,referrer,t,other,,,yesterday\n\
         R-1,jo@x.example,referrer,t,other,,,,more\n\
         1.0E+5,jo@x.example,referrer,t,other,,,\n"
    ));
    assert_eq!(said.counts(), [0, 0, 0, 8]);
    assert_eq!(said.reasons()[3].1, "fulfilment batch needs a batch or a code");
    assert_eq!(world.count("rewards"), 0);
}

#[both]
fn unpublished_codes_are_unknown(world: World) {
    stocked(&world);
    world.run("UPDATE batches SET published_to = published_to - 1 WHERE id = 1");
    let said = world.rewards(&format!("{HEAD}R-1,jo@x.example,referrer,t,batch,Spring,FREE-2,\n"));
    assert_eq!((said.counts(), said.report.taken_out_of_stock), ([0, 0, 0, 1], 0));
}

#[both]
fn a_dry_run_of_rewards_changes_nothing(world: World) {
    stocked(&world);
    let (before, audit) = (world.picture(), world.count("audit_records"));
    let file = format!(
        "{HEAD}R-1,jo@x.example,referrer,t,batch,Spring,FREE-1,\nR-2,no@x.example,referrer,t,batch,Spring,FREE-2,\n"
    );
    let said = world.dry(ImportKind::Rewards, None, &file).unwrap();
    assert_eq!((said.counts(), said.report.taken_out_of_stock), ([1, 0, 0, 1], 1));
    assert_eq!((world.picture(), world.count("audit_records")), (before, audit));
    assert_eq!(said.report.record, None);
    let real = world.rewards(&file).report;
    assert_eq!(rewarddesk::app::imports::Report { record: None, ..real }, said.report);
    assert!(real.record.is_some());
}

#[both]
fn thousands_of_rewards_cross_the_chunks(world: World) {
    world.customers("email\njo@x.example\n");
    let codes: String = (0..2200).map(|n| format!("CODE-{n}\n")).collect();
    world.vouchers("Spring", &codes);
    let file: String = std::iter::once(HEAD.to_owned())
        .chain((0..2200).map(|n| format!("R-{n},jo@x.example,referrer,t,batch,Spring,code-{n},\n")))
        .collect();
    assert_eq!(world.rewards(&file).counts(), [2200, 0, 0, 0]);
    assert_eq!(world.rewards(&file).counts(), [0, 0, 2200, 0]);
    assert_eq!(
        world.count(
            "coupons c JOIN rewards r ON r.id = c.reward WHERE c.state = 'allocated' AND \
             lower(c.code) = 'code-' || substr(r.reward_id, 3)"
        ),
        2200
    );
}
