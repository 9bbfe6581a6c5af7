//! Files as spreadsheets and shops write them: what is around a value, what is no value, headings
//! again, and cells that are not there.

use proptest::{
    collection::vec,
    prelude::*,
    sample::select,
    test_runner::{Config, TestRunner},
};
use rewarddesk::{app::imports::DamageGroup, domain::import::ImportKind};

use super::world::{Said, World};

/// Previews the vouchers and imports them: both say the same.
fn both_say(world: &World, file: &str) -> Said {
    let preview = world.dry(ImportKind::Vouchers, Some("Spring"), file).unwrap();
    let said = world.vouchers("Spring", file);
    assert_eq!((preview.counts(), &preview.rejects), (said.counts(), &said.rejects));
    assert_eq!(preview.report.findings, said.report.findings);
    said
}

fn codes(world: &World) -> Vec<String> {
    world.texts("SELECT code AS t FROM coupons ORDER BY id")
}

/// The rejected rows that a program has damaged, by what it has left there.
fn damaged(said: &Said) -> Vec<(DamageGroup, u64)> {
    said.report.findings.damaged.iter().map(|(group, tally)| (*group, tally.count)).collect()
}

#[both]
fn what_is_around_a_code_is_taken_off(world: World) {
    let said = both_say(
        &world,
        "code,pin\n=\"00123450\",=\"0012\"\n\"=\"\"00123451\"\"\",\"=T(\"\"0013\"\")\"\n\u{202d}CALC-0001\u{202c},'0014\n“QUOTED-1”,\n 'QUOTED-2' ,\n'-MINUS-1,\n\
         \u{2066}CALC-0001\u{2069},\n",
    );
    assert_eq!(said.counts(), [6, 0, 0, 1]);
    assert_eq!(said.reasons(), [(8, "the code is already in this file, on line 4")]);
    assert_eq!(
        codes(&world),
        ["00123450", "00123451", "CALC-0001", "QUOTED-1", "QUOTED-2", "-MINUS-1"]
    );
    assert_eq!(
        world.texts("SELECT pin AS t FROM coupons ORDER BY id LIMIT 4"),
        ["0012", "0013", "0014", "-"]
    );
    let seen = &said.report.findings;
    assert_eq!((seen.wrapped.count, seen.unseen.count, seen.trimmed.count), (4, 1, 1));
    // As pasted from a list, with and without what ends each.
    assert_eq!(both_say(&world, "LIST-1,\nLIST-2\nLIST-3;\n\"LIST-4\",\n").counts(), [4, 0, 0, 0]);
    assert_eq!(codes(&world)[6..], ["LIST-1", "LIST-2", "LIST-3", "LIST-4"]);
}

#[both]
fn what_is_around_a_value_is_taken_off_in_every_column(world: World) {
    world.customers("email,customer_id,first_name\n=\"jo@x.example\",=\"007\",\"=T(\"\"Jo\"\")\"\n'al@x.example',\"'+44\",\u{feff}“Al”\n");
    assert_eq!(
        world.texts(
            "SELECT email || ' ' || customer_id || ' ' || first_name AS t FROM customers \
            ORDER BY id"
        ),
        ["jo@x.example 007 Jo", "al@x.example +44 “Al”"]
    );
    world.vouchers("Spring", "code\nHELD-1\nBAR-1\n");
    let said = world.rewards(
        "reward_id,email,kind,title,fulfilment,batch,code,issued_at\n=\"0001\",=\"jo@x.example\",=\"referrer\",=\"20 off\",=\"batch\",=\"Spring\",=\"HELD-1\",=\"2026-01-01\"\n",
    );
    assert_eq!(said.counts(), [1, 0, 0, 0]);
    assert_eq!(world.texts("SELECT reward_id || ' ' || title AS t FROM rewards"), ["0001 20 off"]);
    assert_eq!(
        world
            .redemptions("code,redeemed_at,order_id\n=\"HELD-1\",=\"2026-11-01\",=\"0042\"\n")
            .counts(),
        [1, 0, 0, 0]
    );
    assert_eq!(world.texts("SELECT order_id AS t FROM redemptions"), ["0042"]);
    assert_eq!(
        world
            .import(ImportKind::Bars, None, "code,reason\n\u{2066}BAR-1\u{2069},=\"lost\"\n")
            .unwrap()
            .counts(),
        [1, 0, 0, 0]
    );
    assert_eq!(
        world.texts("SELECT barred_reason AS t FROM coupons WHERE code = 'BAR-1'"),
        ["lost"]
    );
    assert_eq!(
        world.import(ImportKind::Purges, None, "email,customer_id\n,=\"007\"\n").unwrap().counts(),
        [0, 1, 0, 0]
    );
}

#[both]
fn what_is_no_value_is_no_code(world: World) {
    let said = both_say(
        &world,
        "code,pin\n=A1,\n\"=HYPERLINK(\"\"x\"\",\"\"y\"\")\",\nGOOD-1,#N/A\n#REF!,\nErr:502,\nNULL,\n\\N,\n10012345.0,\n1.00E+15,\n\"1,00E+15\",\n\"10,012,345\",\n\
         A\u{2063}B-1,\n5E92,\n10.50,\n",
    );
    assert_eq!(said.counts(), [2, 0, 0, 12]);
    assert_eq!(
        damaged(&said),
        [
            (DamageGroup::Formula, 2),
            (DamageGroup::ErrorValue, 3),
            (DamageGroup::NoValue, 2),
            (DamageGroup::Number, 4),
            (DamageGroup::Invisible, 1),
        ]
    );
    let reasons = said.reasons();
    assert_eq!(
        reasons[0],
        (
            2,
            "this code is a formula, not its result; paste the column as values and export it again"
        )
    );
    assert_eq!(reasons[2], (4, "pin is a spreadsheet error such as #N/A; find the correct value"));
    assert_eq!(
        reasons[7].1,
        "a program has turned this code into a number with decimals like 10012345.0; export the \
         column as text"
    );
    assert_eq!(
        reasons[8].1,
        "a spreadsheet has turned this code into a number like 5.57E+92; export the column as text"
    );
    assert_eq!(
        reasons[11].1,
        "the code has an invisible character inside (U+2063); retype the code"
    );
    assert_eq!(codes(&world), ["5E92", "10.50"]);
}

#[both]
fn a_word_for_no_value_is_an_empty_cell_where_one_may_be(world: World) {
    let said = world.vouchers("Spring", "code,pin,expires_at,barred_reason\nA-1,NULL,(null),\\N\n");
    assert_eq!(said.counts(), [1, 0, 0, 0]);
    assert_eq!(world.count("coupons WHERE pin IS NULL AND barred_at IS NULL"), 1);
    world.customers("email,customer_id,first_name,last_name\na@x.example,None,NULL,Null\nb@x.example,undefined,Nan,N/A\n");
    assert_eq!(
        world.texts(
            "SELECT coalesce(customer_id, '-') || coalesce(first_name, '-') || \
             coalesce(last_name, '-') AS t FROM customers ORDER BY id"
        ),
        ["--Null", "-Nan-"],
        "there are people called Null and Nan"
    );
    let said = world.customers("email,receives_emails\nc@x.example,NULL\nNULL,yes\n");
    assert_eq!(
        said.reasons()[0],
        (2, "receives_emails must be yes or no"),
        "consent is never guessed"
    );
    assert_eq!(damaged(&said), [(DamageGroup::NoValue, 1)]);
}

#[both]
fn a_heading_again_is_no_row(world: World) {
    let said = both_say(
        &world,
        "code,pin\nREAL-1,11\ncode,pin\n\u{feff}Code;\nPIN,CODE\n\"\u{feff}code\",\nREAL-2,12\n",
    );
    assert_eq!((said.counts(), damaged(&said)), ([2, 0, 0, 4], vec![(DamageGroup::Heading, 4)]));
    assert_eq!(said.reasons()[0], (3, "this row repeats the heading; remove the line"));
    let bare =
        both_say(&world, "BARE-1\nBARE-2\nCoupon_Code\nexpires_at\n\u{feff}code\nGIFT-0001\n");
    assert_eq!((bare.counts(), damaged(&bare)), ([3, 0, 0, 3], vec![(DamageGroup::Heading, 3)]));
    assert!(bare.reasons()[0].1.starts_with(
        "this looks like a heading, not a code; if it is a \
                                             code,"
    ));
    assert_eq!(codes(&world), ["REAL-1", "REAL-2", "BARE-1", "BARE-2", "GIFT-0001"]);
    let said = world.customers("email,first_name\na@x.example,A\nemail,first_name\n");
    assert_eq!((said.counts(), damaged(&said)), ([1, 0, 0, 1], vec![(DamageGroup::Heading, 1)]));
    let said = world.rewards(
        "reward_id,email,kind,title,fulfilment,code\nreward_id,email,kind,title,fulfilment,code\n",
    );
    assert_eq!((said.counts(), said.report.taken_out_of_stock), ([0, 0, 0, 1], 0));
    assert_eq!(world.redemptions("code,redeemed_at\ncode,redeemed_at\n").counts(), [0, 0, 0, 1]);
    assert_eq!(
        world.import(ImportKind::Bars, None, "code,reason\ncode,reason\n").unwrap().counts(),
        [0, 0, 0, 1]
    );
}

#[both]
fn what_tells_excel_the_delimiter_is_no_row(world: World) {
    for (file, new) in [
        ("sep=;\ncode;pin\nS-1;1\n\u{feff}sep=;\nS-2;2\n", 2),
        ("\"sep=;\"\ncode;pin\nS-3;1\n", 1),
        ("\"sep=,\",\ncode,pin\nS-4,1\nsep=,\n", 1),
        ("sep=\t\r\ncode\tpin\r\nS-5\t1\r\n", 1),
        ("SEP=;\r\nS-6;\r\n\"sep=;\";\r\nS-7\r\n", 2),
    ] {
        let said = both_say(&world, file);
        assert_eq!((said.counts(), said.report.rows), ([new, 0, 0, 0], new), "{file:?}");
    }
    assert_eq!(world.count("coupons WHERE code LIKE 'S-_' AND pin IS NOT NULL"), 5);
}

#[both]
fn cells_that_hold_nothing_may_be_there_or_not(world: World) {
    let said = both_say(
        &world,
        ",,\n\"code\",expires_at,,\nE-1,,,\n,\n\"\",\" \",\u{feff}\nE-2,2031-01-01,,,,\nE-3\n\n",
    );
    assert_eq!((said.counts(), said.report.rows), ([3, 0, 0, 0], 3));
    let said = both_say(&world, "code,,pin\nF-1,,1\nF-2,note,2\nF-3,,3,more\n,,4\n");
    assert_eq!(said.counts(), [1, 0, 0, 3]);
    assert_eq!(
        said.reasons(),
        [
            (3, "this row has something in column 2, which has no name in the header"),
            (4, "the row has 4 cells, the header 3"),
            (5, "the code is empty")
        ]
    );
    let said = world.redemptions("code,redeemed_at\nE-1\n");
    assert_eq!(said.reasons(), [(2, "redeemed_at is empty")]);
    assert!(
        world.import(ImportKind::Vouchers, Some("Spring"), "code,pin\n,\n\"\"\n").is_err(),
        "there are no rows"
    );
}

#[both]
fn ragged_rows_mean_what_full_ones_do(world: World) {
    let cell = || prop_oneof![3 => Just(String::new()), 2 => "[A-Z]{3}", 1 => "[0-9]{1,2}", 1 => Just("2031-01-01".to_owned()), 1 => Just("NULL".to_owned()), 1 => Just("=\"X\"".to_owned())];
    let row = ("[A-C]{3}", vec(cell(), 4), 0..3_usize, 0..4_usize);
    let mut runner =
        TestRunner::new(Config { cases: 60, failure_persistence: None, ..Config::default() });
    runner
        .run(&(vec(row, 1..12), select(vec![b',', b';', b'\t'])), |(rows, delimiter)| {
            let write = |ragged: bool| {
                let mut csv = csv::WriterBuilder::new()
                    .flexible(true)
                    .delimiter(delimiter)
                    .from_writer(Vec::new());
                csv.write_record(["code", "pin", "expires_at", "max_redemptions", "barred_reason"])
                    .unwrap();
                for (code, others, more, empty_rows) in &rows {
                    let mut cells: Vec<&str> = std::iter::once(code.as_str())
                        .chain(others.iter().map(String::as_str))
                        .collect();
                    if ragged {
                        let filled = cells
                            .iter()
                            .rposition(|cell| !cell.is_empty())
                            .map_or(0, |last| last + 1);
                        cells.truncate((filled + more).min(cells.len()));
                        cells.extend(std::iter::repeat_n(
                            "",
                            if more.is_multiple_of(2) { *more } else { 0 },
                        ));
                    }
                    csv.write_record(&cells).unwrap();
                    for _ in (0..*empty_rows).filter(|_| ragged) {
                        csv.write_record(["", "", ""]).unwrap();
                    }
                }
                world.dry(ImportKind::Vouchers, Some("Spring"), csv.into_inner().unwrap()).unwrap()
            };
            let (full, ragged) = (write(false), write(true));
            prop_assert_eq!(full.counts(), ragged.counts());
            let reasons = |said: &Said| {
                said.reasons()
                    .into_iter()
                    .map(|(_, why)| why.split(", on line").next().unwrap().to_owned())
                    .collect::<Vec<_>>()
            };
            prop_assert_eq!(reasons(&full), reasons(&ragged));
            Ok(())
        })
        .unwrap();
}

#[both]
fn rejects_that_were_put_right_mean_the_same(world: World) {
    let said = world.vouchers(
        "Spring",
        "code,pin,expires_at\n=\"0012\",=\"07\",soon\n'=1+1,a;=1,soon\n-A-1,\"x\ty\",soon\n",
    );
    assert_eq!(said.rejects[1][2..], ["'=\"0012\"", "'=\"07\"", "soon"]);
    assert_eq!(said.rejects[2][2..], ["'=1+1", "a;'=1", "soon"]);
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(["code", "pin"]).unwrap();
    for row in &said.rejects[1..3] {
        csv.write_record(&row[2..4]).unwrap();
    }
    assert_eq!(
        both_say(&world, &String::from_utf8(csv.into_inner().unwrap()).unwrap()).counts(),
        [2, 0, 0, 0]
    );
    assert_eq!(
        world.texts("SELECT code || ' ' || pin AS t FROM coupons ORDER BY id"),
        ["0012 07", "=1+1 a;=1"]
    );
}

#[both]
fn a_code_stored_untrimmed_by_an_earlier_version_comes_once(world: World) {
    let day = world.at_time("2026-01-01");
    for code in ["=\"0001\"", "\u{202d}0002\u{202c}"] {
        world.run(&format!(
            "INSERT INTO coupons (merchant_id, batch_id, code, folded_code, valid_from, \
             expires_at, max_redemptions, state, created_at) \
             VALUES (1, 1, '{code}', '{code}', {day}, {day}, 1, 'available', {day})"
        ));
    }
    world.run("UPDATE batches SET published_to = (SELECT max(id) FROM coupons) WHERE id = 1");
    world.vouchers("Spring", "code\nTHREE-3\n");
    for written in ["=\"0001\"", "'=\"0001\""] {
        let said = both_say(
            &world,
            &format!("code\n{written}\n\u{202d}0002\u{202c}\nTHREE-3\n=\"0003\"\n"),
        );
        assert_eq!(
            (said.counts()[2], said.counts()[3]),
            (if written.starts_with('=') { 1 } else { 2 }, 2),
            "{:?}",
            said.reasons()
        );
        assert!(
            said.reasons()[0].1.starts_with(
                "an earlier import stored this code in the batch \"Spring\" with its quotes"
            ),
            "{:?}",
            said.reasons()
        );
    }
    // Alone, it is what somebody has put right.
    assert_eq!(world.vouchers("Spring", "code\n0001\n").counts(), [1, 0, 0, 0]);
}
