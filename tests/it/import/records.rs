//! The row that each import leaves in the table of imports, with the ids of the coupons that it
//! added.

use std::{ops::ControlFlow, sync::Barrier, thread};

use rewarddesk::{
    app::imports::{ImportRequest, ImportRow, ImportStreams, import_file},
    db::merchants,
    domain::import::ImportKind,
};

use super::{exclusive::die_in_the_middle, world::World};

/// Kind, batch, file, who, state, and whether there is a range.
fn records(world: &World) -> Vec<String> {
    world.texts(
        "SELECT i.kind || ' ' || coalesce(b.name, '-') || ' ' || i.file_name || ' ' || \
         CASE WHEN i.user_id IS NULL THEN 'command' ELSE 'user' END || ' ' || i.state || \
         CASE WHEN i.first_coupon IS NULL THEN '' ELSE ' coupons' END AS t \
         FROM imports i LEFT JOIN batches b ON b.id = i.batch_id ORDER BY i.id",
    )
}

/// Each range holds as many coupons of its merchant as its import added, all of its batch, and no
/// coupon is in two ranges, or in none.
fn assert_ranges_are_exact(world: &World) {
    let new = if world.is_sqlite() {
        "CAST(i.report ->> 'new' AS INTEGER)"
    } else {
        "CAST(CAST(i.report AS json) ->> 'new' AS bigint)"
    };
    let of_import =
        "c.merchant_id = i.merchant_id AND c.id BETWEEN i.first_coupon AND i.last_coupon";
    assert_eq!(
        world.count(&format!(
            "imports i WHERE i.kind = 'vouchers' AND {new} <> \
             (SELECT count(*) FROM coupons c WHERE {of_import} AND c.batch_id = i.batch_id)"
        )),
        0,
        "a range does not hold what its import added"
    );
    assert_eq!(
        world.count(&format!(
            "coupons c WHERE (SELECT count(*) FROM imports i WHERE {of_import}) <> 1"
        )),
        0,
        "a coupon is in two ranges, or in none"
    );
}

#[both]
fn every_import_by_command_leaves_its_row(world: World) {
    let import = |kind: ImportKind, batch: Option<&str>, name: &str, file: &str| {
        let request =
            ImportRequest { row: ImportRow::New { file_name: name }, ..world.order(kind, batch) };
        world.ordered(&request, file.as_bytes(), &mut |_| ControlFlow::Continue(())).unwrap()
    };
    import(ImportKind::Customers, None, "people.csv", "email\na@b.example\n");
    import(ImportKind::Vouchers, Some("Spring"), "v.csv", "code\nAAA-1\nAAA-2\nAB\n");
    let reward =
        "reward_id,email,kind,title,fulfilment,code\nR-1,a@b.example,referrer,T,batch,AAA-1\n";
    import(ImportKind::Rewards, None, "r.csv", reward);
    let used = "code,redeemed_at\nAAA-1,2026-11-20\n";
    import(ImportKind::Redemptions, None, "", used);
    // Nothing new: it is an import all the same.
    import(ImportKind::Vouchers, Some("Spring"), "v.csv", "code\nAAA-1\n");
    import(ImportKind::Purges, None, "", "email\na@b.example\n");
    let all = [
        "customers - people.csv command done",
        "vouchers Spring v.csv command done coupons",
        "rewards - r.csv command done",
        "redemptions -  command done",
        "vouchers Spring v.csv command done",
        "purges -  command done",
    ];
    assert_eq!(records(&world), all);
    assert_ranges_are_exact(&world);
    let report = "%\"rows\":3,\"new\":2,\"updated\":0,\"unchanged\":0,\"rejected\":1%";
    assert_eq!(world.count(&format!("imports WHERE bytes = 20 AND report LIKE '{report}'")), 1);
    // Nothing can be taken, or nothing is to be changed: nothing is.
    import(ImportKind::Customers, None, "bad.csv", "email\nnobody\n");
    import(ImportKind::Vouchers, Some("Spring"), "bad.csv", "code\nAB\n");
    world.dry(ImportKind::Vouchers, Some("Spring"), "code\nBBB-1\n").unwrap();
    world.dry(ImportKind::Customers, None, "email\nb@b.example\n").unwrap();
    assert_eq!(records(&world), all);
}

/// A file may be about people, who can be purged: what it was rejected for says who they are.
#[both]
fn no_cell_of_a_file_by_command_is_kept(world: World) {
    let file = "email,customer_id\nwanda@b.example,C-7\nwilma@b.example,C-7\nwalter,C-8\n";
    let said = world.import(ImportKind::Customers, None, file).unwrap();
    assert_eq!(said.counts(), [2, 0, 0, 1]);
    assert_eq!(world.count("imports WHERE report LIKE '%\"new\":2%'"), 1);
    for cell in ["wanda", "wilma", "walter", "C-7", "C-8"] {
        assert_eq!(world.count(&format!("imports WHERE report LIKE '%{cell}%'")), 0, "{cell}");
    }
}

/// Four imports into two batches of a merchant wait for each other; those of another merchant take
/// ids in between.
#[both]
fn imports_at_once_have_ranges_of_their_own(world: World) {
    world.run("INSERT INTO batches (merchant_id, name, valid_from, valid_until, uses_per_code, \
        case_sensitive, created_at) SELECT 2, 'Autumn', valid_from, valid_until, 1, case_sensitive, \
        created_at FROM batches WHERE merchant_id = 1 AND name = 'Autumn'");
    let all: Vec<(&str, &str, String)> = ["acme", "other"]
        .into_iter()
        .flat_map(|merchant| {
            ["Spring", "Autumn", "Spring", "Autumn"].into_iter().enumerate().map(
                move |(n, batch)| {
                    let codes =
                        (0..3_000).map(|code| format!("{merchant}-{n}-{code:04}\n")).collect();
                    (merchant, batch, codes)
                },
            )
        })
        .collect();
    let start = Barrier::new(all.len());
    thread::scope(|scope| {
        for (slug, batch, file) in &all {
            let (world, start) = (&world, &start);
            scope.spawn(move || {
                let db = &world.desk.db;
                let (scope, merchant) =
                    db.read(|conn| merchants::for_operator(conn, slug)).unwrap().unwrap();
                let request =
                    ImportRequest::of_operator(scope, &merchant, ImportKind::Vouchers, Some(batch));
                let streams = ImportStreams {
                    source: &mut file.as_bytes(),
                    rejects: &mut std::io::sink(),
                    watch: &mut |_| ControlFlow::Continue(()),
                };
                start.wait();
                let report = import_file(&world.desk, &request, streams).unwrap();
                assert_eq!((report.new, report.rejected), (3_000, 0));
            });
        }
    });
    assert_eq!((world.count("imports"), world.visible()), (8, 24_000));
    assert_ranges_are_exact(&world);
}

/// What a dead import has left has ids, too; they are nobody's.
#[both]
fn a_killed_import_leaves_no_row_and_no_gap_is_anybodys(world: World) {
    let many: String = (0..30_000).map(|n| format!("K-{n:06}\n")).collect();
    world.vouchers("Autumn", "code\nBEFORE-1\n");
    die_in_the_middle(&world, &many);
    assert_eq!(world.count("imports"), 1);
    world.clock.advance(chrono::TimeDelta::seconds(11));
    world.vouchers("Autumn", "code\nAFTER-1\nAFTER-2\n");
    world.vouchers("Spring", &many);
    assert_eq!((world.count("imports"), world.visible()), (3, 30_003));
    assert_ranges_are_exact(&world);
}
