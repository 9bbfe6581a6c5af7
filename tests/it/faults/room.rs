//! No room to write (guarantee R7): said clearly, pages stay readable, `/readyz` mentions it, and
//! with room it is over.

use std::{fs, os::unix::fs::PermissionsExt};

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    installation::Installation,
    load::{Form, Heard, ask},
};
use crate::support::{Client, Engine, TestDb, block_on};

async fn readiness(client: &Client) -> (u16, Value) {
    // An answer counts for a moment.
    tokio::time::sleep(rewarddesk::app::operation::readiness::KEPT * 2).await;
    let page = ask(client.request(Method::GET, "/readyz")).await.expect("an answer");
    (page.status, serde_json::from_str(&page.body).expect("JSON"))
}

/// The system's limit on a file's size stands in for a full disk: nothing that would make the file
/// longer can be written.
#[test]
fn a_full_disk_is_said_and_everything_can_still_be_read() {
    block_on(async {
        let mut house = Installation::new(TestDb::new(Engine::Sqlite), 150, 150, "file:mails");
        let path = house.db.url.strip_prefix("sqlite:").unwrap().to_owned();
        house.db.let_go();
        let kib = fs::metadata(&path).unwrap().len().div_ceil(1024) + 64;
        let script = house.shell.dir.path().join("limited");
        let program = env!("CARGO_BIN_EXE_rewarddesk");
        fs::write(
            &script,
            format!("#!/bin/bash\ntrap '' XFSZ\nulimit -f {kib}\nexec {program} \"$@\"\n"),
        )
        .unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        house.shell.use_program(&script);
        let server = house.serve();
        let client = house.sign_in(&server).await;
        assert_eq!(readiness(&client).await.1["writable"], json!(true));
        let mut refused = None;
        for (n, reward) in house.rewards.iter().enumerate() {
            let form = Form::open(&client, reward, n).await.expect("the dialog can be read");
            match form.send(&client).await {
                Heard::Success(_) => {}
                heard => {
                    refused = Some((form, heard));
                    break;
                }
            }
        }
        let (form, heard) = refused.expect("the disk was never full");
        assert!(matches!(heard, Heard::NotSaved | Heard::Unsure), "{heard:?}");
        let (status, said) = readiness(&client).await;
        assert_eq!(
            (status, &said["ready"], &said["writable"]),
            (200, &json!(true), &json!(false)),
            "{said}"
        );
        client.get(&form.reward.profile).await.expect(200);
        server.kill();
        house.shell.use_program(program.as_ref());
        let server = house.serve();
        let client = Client { base: server.url.clone(), ..client };
        assert!(matches!(form.send(&client).await, Heard::Success(_)));
        assert_eq!(readiness(&client).await.1["writable"], json!(true));
        house.is_sound();
    });
}
