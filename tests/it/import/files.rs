//! What is a file, and what is not.

use rewarddesk::{app::imports::ImportError, domain::import::ImportKind};

use super::world::World;

/// Imports vouchers and expects a refusal of the whole file that says `why`, with nothing changed.
fn refused(world: &World, bytes: &[u8], why: &str) {
    let before = world.picture();
    match world.import(ImportKind::Vouchers, Some("Spring"), bytes) {
        Err(ImportError::Invalid(said)) => assert!(said.0.contains(why), "{said} instead of {why}"),
        other => panic!("{other:?} instead of {why}"),
    }
    assert_eq!(world.picture(), before);
    assert_eq!(world.count("audit_records"), 0);
}

#[both]
fn what_is_no_file_of_codes_is_refused_and_changes_nothing(world: World) {
    refused(&world, b"", "is empty");
    refused(&world, b"\n\r\n  \n", "is empty");
    refused(&world, b"code\n", "no rows");
    refused(&world, b"code,pin\n\n\n", "no rows");
    refused(&world, b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01", "isn't text");
    refused(&world, b"code\nAAA\nB\0B\nCCC\n", "from line 3");
    refused(&world, b"code\nAAA\nBB\xFF\n", "from line 3");
    refused(&world, b"code,colour\nAAA,red\n", "\"colour\" is unknown");
    refused(&world, b"code,pin,CODE\nAAA,1,2\n", "code appears twice");
    refused(&world, b"pin,expires_at\n1,2026-01-01\n", "code is missing");
    refused(&world, b"Voucher\nAAA\n", "looks like an unknown heading");
    refused(&world, b"coupon_code\nAAA\n", "looks like an unknown heading");
    refused(&world, b"AAA-1,BBB-2\n", "is unknown");
}

#[both]
fn a_file_of_nothing_but_rejects_changes_nothing(world: World) {
    let before = world.picture();
    let said = world.vouchers("Spring", "code\nab\n5.57E+92\n");
    assert_eq!(said.counts(), [0, 0, 0, 2]);
    world.vouchers("Autumn", "code\nAAA\n");
    let audit = world.count("audit_records");
    assert_eq!(world.vouchers("Spring", "code\nAAA\nab\n").counts(), [0, 0, 0, 2]);
    assert_eq!(world.count("audit_records"), audit);
    assert_eq!(world.picture().len(), before.len() + 1);
}

#[both]
fn every_dress_of_the_same_file_means_the_same(world: World) {
    let text = "code,pin\nÄ-1,x\n";
    let utf16 = |bytes: fn(u16) -> [u8; 2], text: &str| {
        text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>()
    };
    for bytes in [
        text.as_bytes().to_vec(),
        format!("\u{feff}{text}").into_bytes(),
        utf16(u16::to_le_bytes, text),
        utf16(u16::to_be_bytes, &format!("\u{feff}{text}")),
        text.replace('\n', "\r\n").into_bytes(),
        text.replace(',', ";").into_bytes(),
        text.replace(',', "\t").into_bytes(),
        "pin,CODE\nx,\"Ä-1\"".as_bytes().to_vec(),
        "\n\n\"code\"\n\nÄ-1\n\n".as_bytes().to_vec(),
        "Ä-1".as_bytes().to_vec(),
        "\u{feff}Ä-1\r\n\r\n".as_bytes().to_vec(),
    ] {
        let said = world.import(ImportKind::Vouchers, Some("Spring"), &bytes).unwrap();
        assert_eq!(
            (said.report.rows, said.report.rejected),
            (1, 0),
            "{:?}",
            String::from_utf8_lossy(&bytes)
        );
    }
    assert_eq!(
        world.texts("SELECT code || ' ' || coalesce(pin, '-') AS t FROM coupons"),
        ["Ä-1 x"]
    );
}

#[both]
fn a_quote_that_is_never_closed_costs_its_row_only(world: World) {
    let said = world.vouchers("Spring", "code\nAAA\n\"BBB\n");
    assert_eq!(said.counts(), [1, 0, 0, 1]);
    assert_eq!(said.reasons(), [(3, "a quote opened in this row is never closed")]);
}

#[both]
fn vouchers_need_a_batch_that_exists_and_others_none(world: World) {
    assert!(matches!(
        world.import(ImportKind::Vouchers, Some("Winter"), "code\nAAA\n"),
        Err(ImportError::NoBatch { .. })
    ));
    assert!(matches!(
        world.import(ImportKind::Vouchers, None, "code\nAAA\n"),
        Err(ImportError::Invalid(_))
    ));
    assert!(matches!(
        world.import(ImportKind::Customers, Some("Spring"), "email\na@b.example\n"),
        Err(ImportError::Invalid(_))
    ));
}
