//! The chain heads of the logs go out of the machine by mail: once a day, whichever server sends
//! them, and with
//! what proves each log.

use std::{sync::Barrier, time::Duration};

use chrono::TimeDelta;
use rewarddesk::{
    app::audit::{seal_audit::seal_all, send_chain_heads::send_chain_heads},
    domain::{clock::Clock, email::EmailAddress, role::Role},
};

use crate::{cli::Shell, support::App};

fn auditor() -> EmailAddress {
    EmailAddress::parse("auditor@outside.example").unwrap()
}

fn seal(app: &App) {
    assert!(seal_all(&app.desk.db, &Clock::fixed(app.now()), Duration::from_secs(10)).unwrap());
}

#[both]
async fn a_mail_a_day_carries_every_head_and_its_proof(app: App) {
    let send = || send_chain_heads(&app.desk, &auditor()).unwrap();
    assert!(!send(), "nothing is sealed yet");
    app.sign_in(Role::Support).await;
    app.client().get("/sign-in").await.expect(200);
    seal(&app);
    assert!(send());
    let mail = app.mails(1).await.remove(0);
    assert_eq!(
        (mail.recipient.as_str(), mail.subject.as_str()),
        ("auditor@outside.example", "Audit log heads, 23 Nov 2026, 12:00 UTC")
    );
    let head = app
        .text(
            "SELECT no || ':' || digest FROM audit_seals WHERE chain = 1 ORDER BY no DESC LIMIT 1",
        )
        .unwrap();
    let command = format!("rewarddesk audit verify --merchant acme --head {head}");
    assert!(
        mail.text.contains(&format!("acme: {} sealed", head.split(':').next().unwrap())),
        "{}",
        mail.text
    );
    assert!(mail.text.contains(&command) && mail.html.contains(&command), "{}", mail.text);
    let args: Vec<&str> = command.split(' ').skip(1).collect();
    assert!(Shell::on(&app.world.db).done(&args).starts_with("acme: "));
    let other = command.replace(&head[head.len() - 6..], "000000");
    assert_eq!(
        Shell::on(&app.world.db).run(&other.split(' ').skip(1).collect::<Vec<_>>()).status,
        1,
        "a head that is not in the log"
    );
    // Sent, it is on record; and not again within a day.
    assert_eq!(app.count("audit_records WHERE action = 'email.sent'"), 1);
    app.desk.clock.advance(TimeDelta::days(1) - TimeDelta::seconds(1));
    assert!(!send());
    app.desk.clock.advance(TimeDelta::seconds(1));
    seal(&app);
    assert!(send() && !send());
    app.mails(2).await;
}

#[both]
async fn of_servers_that_ask_at_once_one_sends(app: App) {
    app.sign_in(Role::Support).await;
    seal(&app);
    let start = Barrier::new(8);
    let sent = std::thread::scope(|scope| {
        let ask = || {
            start.wait();
            send_chain_heads(&app.desk, &auditor()).unwrap()
        };
        let all: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        all.into_iter().map(|one| one.join().unwrap()).filter(|sent| *sent).count()
    });
    assert_eq!((sent, app.count("mails WHERE origin = 'heads'")), (1, 1));
    app.mails(1).await;
}
