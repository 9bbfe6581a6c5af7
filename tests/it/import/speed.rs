//! How fast a million codes go in, and how much memory that takes. Run by hand, in a release build:
//! `cargo test --release --test it import::speed -- --ignored --nocapture --test-threads=1`

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    ops::ControlFlow,
    time::Instant,
};

use rewarddesk::{
    app::imports::{ImportStreams, import_file},
    domain::import::ImportKind,
};

use super::world::World;

fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0)
}

fn measure(world: &World) {
    let rows: u64 = std::env::var("ROWS").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    let dir = tempfile::tempdir().unwrap();
    let (path, early) = (dir.path().join("v.csv"), dir.path().join("early.csv"));
    let code = |n: u64| format!("{:016X}", n.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let mut file = BufWriter::new(File::create(&path).unwrap());
    writeln!(file, "code").unwrap();
    for n in 0..rows {
        writeln!(file, "{}", code(if n % 1000 == 999 { n - 500 } else { n })).unwrap();
    }
    file.into_inner().unwrap();
    fs::write(&early, (0..1000).map(|n| code(n * 1000) + "\n").collect::<String>()).unwrap();
    let import = |batch, path| {
        let order = world.order(ImportKind::Vouchers, Some(batch));
        let mut source = File::open(path).unwrap();
        let began = Instant::now();
        let report = import_file(
            &world.desk,
            &order,
            ImportStreams {
                source: &mut source,
                rejects: &mut Vec::new(),
                watch: &mut |_| ControlFlow::Continue(()),
            },
        )
        .unwrap();
        (report, began.elapsed().as_secs_f64())
    };
    import("Autumn", &early);
    let before = peak_kib();
    let (report, seconds) = import("Spring", &path);
    #[allow(clippy::cast_precision_loss, reason = "a figure to look at")]
    let rate = rows as f64 / seconds;
    eprintln!(
        "{report:?}: {seconds:.1} s, {rate:.0} rows/s, peak {} KiB (before: {before} KiB)",
        peak_kib()
    );
    let (report, seconds) = import("Spring", &path);
    eprintln!("again: {report:?}: {seconds:.1} s, peak {} KiB", peak_kib());
}

#[test]
#[ignore = "a measurement"]
fn sqlite() {
    measure(&World::sqlite());
}

#[test]
#[ignore = "a measurement"]
fn postgres() {
    measure(&World::postgres());
}
