//! The SMTP dialogue against a scripted relay: which refusal is final, which is tried again, and
//! what is said of it.

use std::{os::unix::fs::PermissionsExt, sync::Arc, time::Duration};

use rewarddesk::mail::{Mailer, SendError, relay::Relay};

use super::{
    relay_server::{
        Answer::{Flood, HangUp, Say, Silence},
        Script, Server,
    },
    stage::letter,
};
use crate::support::{block_on, world::noon};

/// A relay that likes to quote.
const QUOTE: &str = "550 5.1.1 <jo@customer.example>: unknown, your SECRET-1 was not delivered";

async fn send(url: &str) -> Result<(), SendError> {
    let relay = Relay::from_url(url).unwrap().with_patience(Duration::from_secs(2));
    Mailer::Smtp(Arc::new(relay)).send(&letter(1, "jo@customer.example"), noon()).await
}

fn outcome(script: Script) -> Result<(), SendError> {
    block_on(async { send(&Server::start(script).await.url()).await })
}

#[test]
fn a_mail_arrives_whole_with_one_recipient() {
    block_on(async {
        let server = Server::start(&[]).await;
        let mut mail = letter(1, "jo@customer.example");
        mail.text = "Hello\n.\n..two dots\nZoë".into();
        Mailer::from_url(&server.url()).unwrap().send(&mail, noon()).await.unwrap();
        assert_eq!(server.said("MAIL"), ["MAIL FROM:<desk@desk.example>"]);
        assert_eq!(server.said("RCPT"), ["RCPT TO:<jo@customer.example>"]);
        let content = server.said("CONTENT").concat();
        for line in [
            "Message-ID: <mail-1@desk.example>\r\n",
            "\r\n.\r\n..two dots\r\n",
            "Auto-Submitted: auto-generated\r\n",
        ] {
            assert!(content.contains(line), "{line:?} is not in {content}");
        }
    });
}

#[test]
fn a_connection_serves_the_next_mail_too() {
    block_on(async {
        let server = Server::start(&[]).await;
        let mailer = Mailer::from_url(&server.url()).unwrap();
        for n in 0..5 {
            mailer.send(&letter(n, "jo@customer.example"), noon()).await.unwrap();
        }
        assert_eq!((server.connections(), server.said("RCPT").len()), (1, 5));
    });
}

#[test]
fn a_kept_connection_that_has_died_costs_no_mail() {
    block_on(async {
        let server = Server::start(&[("AFTER", HangUp)]).await;
        let mailer = Mailer::from_url(&server.url()).unwrap();
        for n in 0..3 {
            mailer.send(&letter(n, "jo@customer.example"), noon()).await.unwrap();
        }
        assert_eq!((server.connections(), server.said("CONTENT").len()), (3, 3));
    });
}

#[test]
fn a_probe_signs_in_and_sends_nothing() {
    block_on(async {
        let server = Server::start(&[]).await;
        let mailer = Mailer::from_url(&format!("smtp://jo:word@{}", server.address)).unwrap();
        mailer.probe().await.unwrap();
        assert_eq!((server.said("AUTH").len(), server.said("MAIL").len()), (1, 0));
    });
}

#[test]
fn a_5xx_to_the_recipient_or_the_mail_is_final() {
    for step in
        [&[("RCPT", Say(QUOTE))] as Script, &[("DATA", Say(QUOTE))], &[("CONTENT", Say(QUOTE))]]
    {
        assert!(matches!(outcome(step), Err(SendError::Permanent(_))), "{step:?}");
    }
}

#[test]
fn anything_else_is_tried_again() {
    let cases: [Script; 14] = [
        &[("GREETING", Say("554 5.7.1 go away"))],
        &[("GREETING", HangUp)],
        &[("GREETING", Say("hello there"))],
        &[("EHLO", Say("550 no"))],
        &[("MAIL", Say(QUOTE))],
        &[("MAIL", Say("451 later"))],
        &[("RCPT", Say("450 4.2.1 later"))],
        &[("RCPT", Say("421 4.3.2 closing"))],
        &[("RCPT", HangUp)],
        &[("RCPT", Say("what?"))],
        &[("DATA", Say("451 4.3.0 later"))],
        &[("CONTENT", Say("452 4.3.1 full"))],
        &[("CONTENT", HangUp)],
        &[("CONTENT", Silence)],
    ];
    for script in cases {
        assert!(matches!(outcome(script), Err(SendError::Temporary(_))), "{script:?}");
    }
}

#[test]
fn a_failed_sign_in_is_the_relays_trouble_not_the_mails() {
    block_on(async {
        let server =
            Server::start(&[("AUTH", Say("535 5.7.8 <jo@customer.example> bad password"))]).await;
        let refused = send(&format!("smtp://jo:secret-word@{}", server.address)).await;
        assert_eq!(
            refused,
            Err(SendError::Temporary(
                "the relay refused our sign-in: 535 5.7.8 (against the relay's policy)".into()
            ))
        );
        assert!(server.said("MAIL").is_empty());
    });
}

#[test]
fn a_relay_that_is_away_or_does_not_encrypt_is_tried_again() {
    block_on(async {
        let gone = Server::start(&[]).await.address;
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert_eq!(
            send(&format!("smtp://{free}")).await,
            Err(SendError::Temporary(
                "the relay could not be reached: Connection refused (os error 111)".into()
            ))
        );
        let plain = send(&format!("smtp://{gone}?tls=required")).await;
        assert!(
            matches!(&plain, Err(SendError::Temporary(why)) if why.contains("STARTTLS is not \
                supported")),
            "{plain:?}"
        );
        let wrapped = send(&format!("smtps://{gone}")).await;
        assert!(matches!(wrapped, Err(SendError::Temporary(_))), "{wrapped:?}");
        send(&format!("smtp://{gone}?tls=opportunistic")).await.unwrap();
    });
}

#[test]
fn only_the_answer_that_a_command_needs_is_a_yes() {
    let cases: [Script; 7] = [
        &[("MAIL", Say("354 go on"))],
        &[("RCPT", Say("354 go on"))],
        &[("RCPT", Say("220 hello"))],
        &[("DATA", Say("250 fine"))],
        &[("CONTENT", Say("354 go on"))],
        &[("CONTENT", Say("220 hello"))],
        &[("CONTENT", Say("251 elsewhere"))],
    ];
    for script in cases {
        assert!(
            matches!(outcome(script), Err(SendError::Temporary(why)) if why.contains("makes no \
                sense")),
            "{script:?}"
        );
    }
    outcome(&[("RCPT", Say("251 elsewhere"))]).unwrap();
}

#[test]
fn an_answer_without_an_end_is_cut_off() {
    block_on(async {
        for step in ["GREETING", "EHLO", "RCPT", "CONTENT"] {
            // The relay would go on for longer than the dialogue may last.
            let server = Server::start(Box::leak(Box::new([(step, Flood)]))).await;
            let relay =
                Relay::from_url(&server.url()).unwrap().with_patience(Duration::from_mins(10));
            let sent =
                Mailer::Smtp(Arc::new(relay)).send(&letter(1, "jo@customer.example"), noon()).await;
            assert!(matches!(sent, Err(SendError::Temporary(_))), "{step}: {sent:?}");
        }
    });
}

#[test]
fn what_is_said_before_it_is_asked_is_no_answer() {
    block_on(async {
        // Somebody in between adds the answer to what comes next, also to EHLO under TLS.
        for (step, said, address) in [
            (
                "STARTTLS",
                "220 go on\r\n250-relay.example\r\n250 AUTH PLAIN",
                "smtp://{}?tls=required",
            ),
            ("MAIL", "250 fine\r\n250 fine", "smtp://{}"),
            ("DATA", "354 go on\r\n250 taken", "smtp://{}"),
        ] {
            let script: Script = Box::leak(Box::new([
                ("EHLO", Say("250-relay.example\r\n250 STARTTLS")),
                (step, Say(said)),
            ]));
            let server = Server::start(script).await;
            let refused = send(&address.replace("{}", &server.address.to_string())).await;
            assert!(matches!(&refused, Err(SendError::Temporary(_))), "{step}: {refused:?}");
            assert!(server.said("CONTENT").is_empty(), "{step}");
            if step == "STARTTLS" {
                assert!(refused.unwrap_err().to_string().contains("before it was asked"), "{step}");
            }
        }
    });
}

#[test]
fn a_password_is_not_sent_to_a_relay_that_offers_no_encryption() {
    block_on(async {
        let server = Server::start(&[]).await;
        // It leads to this machine, and the desk takes it for another one.
        let address = format!("smtp://jo:word@0.0.0.0:{}", server.address.port());
        assert!(Mailer::from_url(&address).is_err());
        let sent = send(&format!("{address}?tls=opportunistic")).await;
        assert!(sent.is_err() && server.said("AUTH").is_empty(), "{sent:?}");
    });
}

#[test]
fn what_is_said_of_a_refusal_quotes_nobody() {
    for script in [
        &[("RCPT", Say(QUOTE))] as Script,
        &[("MAIL", Say(QUOTE))],
        &[("CONTENT", Say(QUOTE))],
        &[("RCPT", Say("jo@customer.example SECRET-1"))],
    ] {
        let why = outcome(script).unwrap_err().to_string();
        assert!(!why.contains('@') && !why.contains("SECRET"), "{why}");
    }
    let said = outcome(&[("RCPT", Say(QUOTE))]).unwrap_err().to_string();
    assert_eq!(said, "the relay refused the recipient: 550 5.1.1 (mailbox doesn't exist)");
    assert_eq!(
        outcome(&[("RCPT", Silence)]).unwrap_err().to_string(),
        "the relay did not answer in time (the recipient)"
    );
}

#[test]
fn a_folder_keeps_each_mail_as_one_private_file() {
    block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("mails");
        let mailer = Mailer::from_url(&format!("file:{}", place.display())).unwrap();
        mailer.probe().await.unwrap();
        for n in [1, 2, 1] {
            mailer.send(&letter(n, "jo@customer.example"), noon()).await.unwrap();
        }
        let mut names: Vec<String> = std::fs::read_dir(&place)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["mail-1@desk.example.eml", "mail-2@desk.example.eml"]);
        let mode =
            |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&place), mode(&place.join(&names[0]))), (0o700, 0o600));
        assert!(std::fs::read_to_string(place.join(&names[0])).unwrap().contains("SECRET-1"));
    });
}

#[test]
fn a_folder_that_cannot_be_written_is_tried_again() {
    block_on(async {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mailer = Mailer::from_url(&format!("file:{}/mails", file.path().display())).unwrap();
        assert!(matches!(
            mailer.send(&letter(1, "jo@customer.example"), noon()).await,
            Err(SendError::Temporary(_))
        ));
        assert!(mailer.probe().await.is_err());
    });
}
