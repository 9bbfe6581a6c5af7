//! Files for and from spreadsheets by way of the browser: what is shown of them, and what they
//! begin with.

use rewarddesk::domain::role::Role;

use super::imports::{add, paste, send_file, shown, top_up};
use crate::support::{App, client::Fields, world::usable};

#[both]
async fn each_cause_is_shown_with_its_rows(app: App) {
    let (batch, mia) = (app.batch("Spring"), app.sign_in(Role::Marketing).await);
    let file = "code,pin\n=\"0012\",\ncode,pin\n=A1,\n#N/A,\nNULL,\n10012345.0,\nA\u{200b}B-1,\n\u{202d}C-1\u{202c},\n1-May,\nAB,\n";
    let preview =
        shown(&mia, &send_file(&mia, &top_up(batch), "codes.csv", file.as_bytes()).await).await;
    for words in [
        "3 codes can be added",
        "Rejected 7",
        "1 line: repeated heading",
        "Line 3 code",
        "1 line: a formula",
        "Line 4 =A1",
        "1 line: a spreadsheet's error value",
        "Line 5 #N/A",
        "1 line: no value",
        "Line 6 NULL",
        "1 line: damaged by a spreadsheet",
        "Line 7 10012345.0",
        "1 line: invisible characters inside",
        "U+200B",
        "1 line: not in the expected format",
        "Line 11 AB",
        "1 code had a formula, quotes or a comma around it",
        "1 code had invisible characters around it",
        "1 code may have been turned into a date",
        "Line 10 1-May",
    ] {
        preview.says(words);
    }
    let done = add(&mia, &preview).await;
    done.says("3 codes added to Spring").says("1 line: repeated heading").says("1 line: no value");
    assert_eq!(app.texts("SELECT code AS v FROM coupons ORDER BY id"), ["0012", "C-1", "1-May"]);
}

#[both]
async fn what_an_earlier_version_has_written_down_is_shown(app: App) {
    let (batch, mia) = (app.batch("Spring"), app.sign_in(Role::Marketing).await);
    let preview = shown(&mia, &paste(&mia, &top_up(batch), "A-1\n5.57E+92\nNULL").await).await;
    let written = app.text("SELECT preview FROM imports").unwrap();
    let mut written: serde_json::Value = serde_json::from_str(&written).unwrap();
    // All that it knows is there, for a deploy in which both run.
    assert_eq!(written["findings"]["rejected"]["damaged"]["count"], 2);
    for newer in ["damaged", "unseen", "wrapped", "dates"] {
        assert!(written["findings"].as_object_mut().unwrap().remove(newer).is_some());
    }
    app.exec(&format!(
        "UPDATE imports SET preview = '{}'",
        written.to_string().replace('\'', "''")
    ));
    mia.get(preview.address.path())
        .await
        .expect(200)
        .says("2 lines: damaged by a spreadsheet")
        .says("Line 3 NULL");
}

#[both]
async fn pasted_and_typed_codes_are_read_as_cells_are(app: App) {
    let (batch, mia, sam) =
        (app.batch("Spring"), app.sign_in(Role::Marketing).await, app.sign_in(Role::Support).await);
    let preview = shown(
        &mia,
        &paste(
            &mia,
            &top_up(batch),
            "\"P-1\",\r\n'P-2',\r\n=\"0003\"\r\n\u{2066}P-4\u{2069}\r\nCoupon_Code\r\nP-5;",
        )
        .await,
    )
    .await;
    add(&mia, &preview).await.says("5 codes added").says("1 line: repeated heading");
    for typed in ["=\"0003\"", "\u{202a}0003\u{202c}", "'0003", "“0003”", "0003,"] {
        sam.post("/m/acme/check", &Fields::default().with("code", typed))
            .await
            .expect(200)
            .says("This code was never handed out");
    }
    sam.post("/m/acme/check", &Fields::default().with("code", "10012345.0"))
        .await
        .expect(200)
        .says("turned it into a number");
}

#[both]
async fn files_for_spreadsheets_start_with_a_mark_and_come_back_equal(app: App) {
    let (batch, ada) = (app.batch("Spring"), app.sign_in(Role::Administrator).await);
    let codes = ["GRÜN-0001", "=1+1", "-MINUS", "a;=1+1", "@at", "0012", "\"Q;+"];
    for code in codes {
        app.coupon(batch, &usable(code));
    }
    let export = ada
        .post(&format!("/m/acme/batches/{batch}/export"), &Fields::default().with("codes", "all"))
        .await
        .expect(200);
    let text = export.body.strip_prefix('\u{feff}').expect("a byte order mark");
    assert!(text.starts_with("code,pin,state,") && !text.contains('\u{feff}'), "{text}");
    assert!(text.contains("\r\na;'=1+1,") && text.contains("\r\n'=1+1,"), "{text}");
    // Its own columns of vouchers, as it wrote them.
    let rows = csv::Reader::from_reader(text.as_bytes()).into_records().map(Result::unwrap);
    let mut again = csv::Writer::from_writer("\u{feff}".as_bytes().to_vec());
    again.write_record(["code", "pin"]).unwrap();
    for row in rows {
        again.write_record([&row[0], &row[1]]).unwrap();
    }
    let preview = shown(
        &ada,
        &send_file(&ada, &top_up(batch), "again.csv", &again.into_inner().unwrap()).await,
    )
    .await;
    preview
        .says("Nothing new to add")
        .says(&format!("{} codes are already in this batch", codes.len()));

    let log = |format: &str| Fields::default().with("format", format);
    let log_file = ada.post("/m/acme/audit/export", &log("csv")).await.expect(200);
    assert!(
        log_file.body.starts_with("\u{feff}id,at,action,")
            && log_file.body.matches('\u{feff}').count() == 1,
        "{}",
        log_file.body
    );
    let lines = ada.post("/m/acme/audit/export", &log("jsonl")).await.expect(200);
    assert!(lines.body.starts_with('{'), "JSON Lines have no mark");
    let preview = shown(&ada, &paste(&ada, &top_up(batch), "NEW-1\nAB\n;=1").await).await;
    let rejects = ada.get(&format!("{}/rejects", preview.address.path())).await.expect(200);
    assert!(rejects.body.starts_with("\u{feff}line,reason,code\n"), "{}", rejects.body);
}
