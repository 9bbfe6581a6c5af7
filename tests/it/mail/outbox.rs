//! What the screens read of the outbox, and what is fixed once a mail is in it.

use rewarddesk::{
    app::mails::fulfilment_email::FulfilmentMail,
    db::{customers, mails, rewards},
    domain::{
        ids::{CustomerNo, MailId, ReissueId, RewardNo, UserId},
        mail::{MailOrigin, MailState},
    },
};

use super::stage::{Stage, letter};

#[both]
fn the_mail_is_rendered_and_addressed_when_it_is_asked_for(stage: Stage) {
    let ((scope, merchant), now) = (stage.merchant(), stage.desk.clock.now());
    let queued = stage
        .desk
        .db
        .write(|tx| {
            let customer = customers::find(tx, scope, CustomerNo(stage.scene.customer))?.unwrap();
            let file =
                rewards::find_file(tx, scope, customer.no, RewardNo(stage.scene.reward), now)?
                    .unwrap();
            let coupon = file.coupon.unwrap();
            let what = FulfilmentMail {
                merchant: &merchant,
                customer: &customer,
                reward: &file.reward,
                coupon: coupon.id,
                code: &coupon.code,
                pin: None,
                starts_at: None,
                expires_at: None,
                reissue: Some(ReissueId(stage.reissue)),
                origin: MailOrigin::Reissue,
                asked_by: UserId(stage.user),
            };
            what.enqueue(tx, &stage.desk, scope, now)
        })
        .unwrap();
    assert_eq!(queued.recipient, "jo@customer.example");
    stage.world.exec("UPDATE customers SET email = 'other@customer.example', first_name = 'Other'");
    stage.world.exec("UPDATE merchants SET name = 'Other', mail_from = 'other@desk.example'");
    let mail = stage.claim_one("worker");
    assert_eq!(mail.letter.recipient, "jo@customer.example");
    assert_eq!(mail.letter.sender, "ACME Ltd <desk@desk.example>");
    assert!(mail.letter.text.starts_with("Hello Jo,") && mail.letter.text.contains("FRESH-1-1"));
    assert!(mail.letter.message_id.ends_with("@desk.example"));
}

#[both]
fn a_profile_shows_its_mails_newest_first_and_nobody_elses(stage: Stage) {
    let ids: Vec<MailId> = (1..=3).map(|n| stage.queue_to(n, "jo@customer.example")).collect();
    let ((scope, _), customer) = (stage.merchant(), CustomerNo(stage.scene.customer));
    stage
        .desk
        .db
        .read(|conn| {
            let listed = |mails: Vec<rewarddesk::domain::mail::MailSummary>| {
                mails.into_iter().map(|m| m.id).collect::<Vec<_>>()
            };
            assert_eq!(
                listed(mails::list_of_customer(conn, scope, customer, None, 2)?),
                [ids[2], ids[1]]
            );
            assert_eq!(
                listed(mails::list_of_customer(conn, scope, customer, Some(ids[1]), 2)?),
                [ids[0]]
            );
            assert_eq!(
                listed(mails::list_of_customer(conn, scope, CustomerNo(customer.0 + 1), None, 2)?),
                []
            );
            let latest = mails::latest_of_rewards(
                conn,
                scope,
                customer,
                &[RewardNo(stage.scene.reward), RewardNo(i64::MAX)],
            )?;
            assert_eq!(listed(latest.clone()), [ids[2]]);
            assert_eq!(
                (latest[0].state, latest[0].asked_by.as_deref()),
                (MailState::Queued, Some("Casey Customer Support"))
            );
            let (summary, found) = mails::find(conn, scope, customer, ids[0])?.unwrap();
            assert_eq!(
                (summary.origin, found),
                (MailOrigin::Reissue, letter(1, "jo@customer.example"))
            );
            assert!(mails::find(conn, scope, CustomerNo(customer.0 + 1), ids[0])?.is_none());
            Ok::<_, rewarddesk::db::Error>(())
        })
        .unwrap();

    stage.world.another_merchant("rival");
    let rival = stage
        .desk
        .db
        .read(|conn| rewarddesk::db::merchants::for_operator(conn, "rival"))
        .unwrap()
        .unwrap()
        .0;
    stage
        .desk
        .db
        .read(|conn| {
            assert!(mails::find(conn, rival, customer, ids[0])?.is_none());
            assert!(mails::list_of_customer(conn, rival, customer, None, 9)?.is_empty());
            assert!(
                mails::latest_of_rewards(conn, rival, customer, &[RewardNo(stage.scene.reward)])?
                    .is_empty()
            );
            Ok::<_, rewarddesk::db::Error>(())
        })
        .unwrap();
}
