//! Vouchers.

use rewarddesk::domain::import::ImportKind;

use super::world::World;

#[both]
fn every_column_reaches_its_coupon(world: World) {
    let said = world.vouchers(
        "Exact",
        "Code,PIN,valid from,expires_at,max_redemptions,redemptions,barred_reason\n\
         \u{20}AB-1 ,0042,2026-10-03,2026-10-03,3,1,reported stolen\n\
         ab-1,,,2025-01-01T00:00:00Z,,,\n",
    );
    assert_eq!(said.counts(), [2, 0, 0, 0]);
    let of = |column: &str| world.texts(&format!("SELECT {column} AS t FROM coupons ORDER BY id"));
    assert_eq!(of("code"), ["AB-1", "ab-1"]);
    assert_eq!(of("folded_code"), ["-", "-"]);
    assert_eq!(of("pin"), ["0042", "-"]);
    // London was on summer time: the day begins at 23:00 UTC of the day before.
    assert_eq!(of(&world.shown("valid_from")), ["2026-10-02 23:00:00", "0001-01-01 00:00:00"]);
    assert_eq!(of(&world.shown("expires_at")), ["2026-10-03 23:00:00", "2025-01-01 00:00:00"]);
    assert_eq!(of("CAST(max_redemptions AS text)"), ["3", "5"]);
    assert_eq!(of("CAST(redemptions AS text)"), ["1", "0"]);
    assert_eq!(of("barred_reason"), ["reported stolen", "-"]);
    assert_eq!(of(&world.shown("barred_at")), ["2026-11-23 12:00:00", "-"]);
    assert_eq!(world.visible(), 2);
    assert_eq!(world.count("batches WHERE merchant_id = 1 AND name = 'Exact' AND imported = 2"), 1);
}

#[both]
fn a_file_imported_twice_changes_nothing_the_second_time(world: World) {
    let file = "code,pin\nAAA,1\nBBB,2\nAAA,3\nbad code,4\n";
    assert_eq!(world.vouchers("Spring", file).counts(), [2, 0, 0, 2]);
    let before = world.picture();
    let again = world.vouchers("Spring", file);
    assert_eq!(again.counts(), [0, 0, 2, 2]);
    assert_eq!(again.reasons()[0], (4, "the code is already in this file, on line 2"));
    assert_eq!(world.picture(), before);
}

#[both]
fn the_same_string_never_comes_twice_in_a_merchant(world: World) {
    world.vouchers("Exact", "code\nTaken-1\n");
    let said = world.vouchers("Spring", "code\nTaken-1\ntaken-1\nfree-1\nFREE-1\n");
    // The letters of Taken-1 in another case are free: its batch does not ignore case. But they
    // come twice here.
    assert_eq!(said.counts(), [1, 0, 0, 3]);
    assert_eq!(
        said.reasons(),
        [
            (2, "the code is already in the batch \"Exact\""),
            (3, "the code is already in this file, on line 2"),
            (5, "the code is already in this file, on line 4"),
        ]
    );
    assert_eq!(world.vouchers("Spring", "code\ntaken-1\n").counts(), [1, 0, 0, 0]);
    assert_eq!(
        world.texts(
            "SELECT code || ' ' || coalesce(folded_code, '-') AS t FROM coupons ORDER BY id"
        ),
        ["Taken-1 -", "free-1 free-1", "taken-1 taken-1"]
    );
}

#[both]
fn batches_that_ignore_case_share_no_letters(world: World) {
    world.vouchers("Spring", "code\nÄbc-1\n");
    let said = world.vouchers("Autumn", "code\näBC-1\n");
    assert_eq!(said.reasons(), [(2, "the code is already in the batch \"Spring\"")]);
    // In its own batch the same letters are the same code.
    assert_eq!(world.vouchers("Spring", "code\näBC-1\n").counts(), [0, 0, 1, 0]);
    // A batch that minds case may have the letters, not the string.
    assert_eq!(world.vouchers("Exact", "code\näBC-1\nÄbc-1\n").counts(), [1, 0, 0, 1]);
}

#[both]
fn a_code_is_one_code_however_its_letters_were_typed(world: World) {
    let (composed, decomposed) = ("CAFÉ-1", "CAFE\u{301}-1");
    assert_eq!(world.vouchers("Exact", &format!("code\n{decomposed}\n")).counts(), [1, 0, 0, 0]);
    assert_eq!(world.texts("SELECT code AS t FROM coupons"), [composed]);
    for again in [composed, decomposed] {
        assert_eq!(world.vouchers("Exact", &format!("code\n{again}\n")).counts(), [0, 0, 1, 0]);
        assert_eq!(
            world.vouchers("Spring", &format!("code\n{again}\n")).counts(),
            [0, 0, 0, 1],
            "it is in another batch"
        );
    }
    let twice = world.vouchers("Spring", "code\nTE\u{301}-1\nté-1\n");
    assert_eq!(twice.counts(), [1, 0, 0, 1], "the same code twice in one file");
}

#[both]
fn a_code_stored_decomposed_before_stays_and_is_found(world: World) {
    for (batch, code, folded) in
        [("Exact", "CAFE\u{301}-1", "NULL"), ("Spring", "TE\u{301}-1", "'te\u{301}-1'")]
    {
        world.run(&format!(
            "INSERT INTO coupons (merchant_id, batch_id, code, folded_code, valid_from, \
             expires_at, max_redemptions, state, created_at) \
             SELECT 1, id, '{code}', {folded}, {0}, {1}, 1, 'available', {0} FROM batches WHERE \
             merchant_id = 1 AND name = '{batch}'",
            world.at_time("2026-01-01"),
            world.at_time("9999-12-31")
        ));
    }
    world.run("UPDATE batches SET published_to = (SELECT max(id) FROM coupons)");
    assert_eq!(world.vouchers("Exact", "code\nCAFÉ-1\n").counts(), [0, 0, 1, 0]);
    assert_eq!(world.vouchers("Spring", "code\ntÉ-1\nCAFÉ-1\n").counts(), [0, 0, 1, 1]);
    assert_eq!(
        world.redemptions("code,redeemed_at\nCAFÉ-1,2026-11-01\nté-1,2026-11-01\n").counts(),
        [2, 0, 0, 0]
    );
    assert_eq!(world.count("redemptions"), 2);
}

#[both]
fn another_merchant_may_have_the_same_codes(world: World) {
    world.run(&format!(
        "INSERT INTO coupons (merchant_id, batch_id, code, folded_code, valid_from, expires_at, \
         max_redemptions, state, created_at) \
         VALUES (2, 4, 'SAME-1', 'same-1', {0}, {0}, 1, 'available', {0})",
        world.at_time("2026-01-01")
    ));
    assert_eq!(world.vouchers("Spring", "code\nSAME-1\n").counts(), [1, 0, 0, 0]);
}

#[both]
fn a_row_that_cannot_be_taken_tells_its_line_reason_and_cells(world: World) {
    let said = world.vouchers(
        "Spring",
        "code;max_redemptions;redemptions;expires_at;valid_from;pin\r\n\
         \r\n\
         GOOD-1;;;;;\r\n\
         5.57E+92;;;;;\r\n\
         ab;;;;;\r\n\
         BAD-1;0;;;;\r\n\
         BAD-2;1;2;;;\r\n\
         BAD-3;;;soon;;\r\n\
         BAD-4;;;2026-01-01;2026-02-01;\r\n\
         BAD-5;;;;;\"1\r\n2\"\r\n\
         BAD-6;;;;;;more\r\n\
         \"BAD-7\"x;;;;;\r\n\
         ;;;;;1\r\n\
         ;;;;;\r\n\
         GOOD-2\r\n",
    );
    assert_eq!(said.counts(), [2, 0, 0, 10]);
    let lines: Vec<u64> = said.reasons().iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [4, 5, 6, 7, 8, 9, 10, 12, 13, 14]);
    assert_eq!(
        said.rejects[0],
        [
            "line",
            "reason",
            "code",
            "max_redemptions",
            "redemptions",
            "expires_at",
            "valid_from",
            "pin"
        ]
    );
    assert_eq!(
        said.rejects[1][1],
        "a spreadsheet has turned this code into a number like 5.57E+92; export the column as text"
    );
    assert_eq!(said.rejects[4][2..], ["BAD-2", "1", "2", "", "", ""]);
    assert_eq!(said.rejects[7][2..], ["BAD-5", "", "", "", "", "1\r\n2"]);
    assert_eq!(
        said.rejects[8][1..],
        ["the row has 7 cells, the header 6", "BAD-6", "", "", "", "", "", "more"]
    );
    assert_eq!(said.rejects[9][1], "there is text after a closing quote");
    assert_eq!(said.rejects[10][1], "the code is empty");
}

#[both]
fn a_rejects_file_that_was_put_right_can_be_imported(world: World) {
    let said = world.vouchers("Spring", "code,pin\n=1+1 x,7\n-OK-1,\n");
    assert_eq!(said.rejects[1][2..], ["'=1+1 x", "7"]);
    let again: String =
        said.rejects.iter().map(|row| row[2..].join(",").replace(" x", "-x") + "\n").collect();
    assert_eq!(world.vouchers("Spring", &again).counts(), [1, 0, 0, 0]);
    assert_eq!(world.texts("SELECT code AS t FROM coupons ORDER BY id"), ["-OK-1", "=1+1-x"]);
}

#[both]
fn a_dry_run_says_the_same_and_changes_nothing(world: World) {
    world.vouchers("Spring", "code\nAAA\n");
    world.vouchers("Autumn", "code\nBBB\n");
    let (before, audit) = (world.picture(), world.count("audit_records"));
    let file = "code\nAAA\nBBB\nCCC\nCCC\n";
    let dry = world.dry(ImportKind::Vouchers, Some("Spring"), file).unwrap();
    assert_eq!(dry.counts(), [1, 0, 1, 2]);
    assert_eq!((world.picture(), world.count("audit_records")), (before, audit));
    let real = world.vouchers("Spring", file);
    assert_eq!((real.counts(), real.rejects), (dry.counts(), dry.rejects));
}

#[both]
fn an_import_leaves_one_audit_record(world: World) {
    world.vouchers("Spring", "code\nAAA\nBBB\nab\n");
    assert_eq!(
        world.texts("SELECT action || ' ' || actor_kind AS t FROM audit_records"),
        ["vouchers.imported cli"]
    );
    let details = &world.texts("SELECT details AS t FROM audit_records")[0];
    let details: serde_json::Value = serde_json::from_str(details).unwrap();
    assert_eq!(
        details,
        serde_json::json!({"rows": 3, "new": 2, "updated": 0, "unchanged": 0, "rejected": 1, "batch": "Spring"})
    );
    assert_eq!(world.count("audit_records WHERE batch_id = 1 AND merchant_id = 1"), 1);
}

#[both]
fn a_small_file_keeps_its_order_in_stock(world: World) {
    let codes: Vec<String> = (0..300).map(|n| format!("C{:03}", (n * 7919) % 1000)).collect();
    world.vouchers("Spring", &format!("code\n{}\n", codes.join("\n")));
    assert_eq!(world.texts("SELECT code AS t FROM coupons ORDER BY id"), codes);
}
