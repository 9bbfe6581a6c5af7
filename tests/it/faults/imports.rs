//! kill -9 while an import from the browser is at work: nothing of it is seen before all of it is
//! there, and it goes on by itself.

use std::time::{Duration, Instant};

use super::installation::Installation;
use crate::{
    http::imports::{at_rest, send_file, shown, top_up},
    support::{Client, TestDb, client::Fields, world::PASSWORD},
};

const CODES: i64 = 60_000;

#[both]
async fn an_import_goes_on_after_each_kill_and_comes_in_once(db: TestDb) {
    let house = Installation::new(db, 1, 1, "smtp://127.0.0.1:1");
    let user = [
        "user",
        "add",
        "mia@desk.example",
        "--name",
        "Mia",
        "--role",
        "marketing",
        "--merchant",
        "acme",
        "--password-stdin",
    ];
    assert_eq!(house.shell.piped(&user, PASSWORD).status, 0);
    let mut server = house.serve();
    let mut mia = Client::new(&server.url).signed_in("mia@desk.example").await;
    let file: String = (0..CODES).map(|n| format!("KILL-{n:06}\n")).collect();
    let preview =
        shown(&mia, &send_file(&mia, &top_up(1), "kill.csv", file.as_bytes()).await).await;
    preview.says("60,000 codes can be added to Spring");
    let path = preview.address.path().to_owned();
    mia.post(&format!("{path}/confirm"), &Fields::default()).await.expect(303);
    for pause in [0, 150, 700] {
        tokio::time::sleep(Duration::from_millis(pause)).await;
        server.kill();
        house.is_sound();
        let seen = house.db.count(
            "coupons c JOIN batches b ON b.id = c.batch_id WHERE c.id <= \
            b.published_to AND c.code LIKE 'KILL-%'",
        );
        assert!(seen == 0 || seen == CODES, "{seen} codes are seen");
        // The next one need not wait for half a minute here.
        house.db.exec("UPDATE imports SET lease_until = created_at");
        server = house.serve();
        mia = Client { base: server.url.clone(), ..mia };
    }
    let begun = Instant::now();
    at_rest(&mia, &path).await.says("60,000 codes added to Spring").says("New 60,000");
    assert!(begun.elapsed() < Duration::from_mins(1));
    assert_eq!(
        house.db.count("audit_records WHERE action = 'vouchers.imported' AND actor_kind = 'user'"),
        1
    );
    assert_eq!(house.db.count("coupons WHERE code LIKE 'KILL-%'"), CODES);
    server.kill();
    house.is_sound();
}
