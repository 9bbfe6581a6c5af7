//! `scripts/bench`: the release binary beside the limits of what it stands on, in one run. See
//! docs/speed.md. It tells what it sees, and ends where it can't.

mod copied;
mod desk;
mod growth;
mod http;
mod imports;
mod load;
mod pages;
mod published;
mod reference;
mod reissues;
mod report;
mod rows;
mod stock;
mod tables;
mod world;

use std::{fs, path::Path, time::Instant};

use clap::Parser;

use crate::{
    copied::{Copied, anew},
    desk::Desk,
    load::Median,
    report::Results,
    world::{Size, engine, settle},
};

pub const ENGINES: [&str; 2] = ["SQLite", "PostgreSQL"];

#[derive(Parser)]
struct Options {
    /// Address of a PostgreSQL for throw-away databases, up to the database's name
    #[arg(long)]
    postgres: String,
    /// Full size divided by these, in this order
    #[arg(long, value_delimiter = ',', default_values_t = [100, 10, 1])]
    sizes: Vec<u64>,
    #[arg(long, value_delimiter = ',', default_values_t = ENGINES.map(str::to_lowercase))]
    engines: Vec<String>,
    /// Parts to measure
    #[arg(long, value_delimiter = ',', default_values_t = ["start", "pages", "reissues", "three", "drain", "imports", "counting"].map(ToOwned::to_owned))]
    parts: Vec<String>,
    /// Seconds of each run of a page
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Make the data anew
    #[arg(long)]
    fresh: bool,
    /// Replace the published page even where figures in it were not measured on this machine
    #[arg(long)]
    publish: bool,
    #[arg(skip = Instant::now())]
    begun: Instant,
}

fn main() {
    let options = Options::parse();
    let postgres = options.postgres.clone();
    let root = desk::root();
    let folder = root.join("target/bench");
    fs::create_dir_all(folder.join("results")).expect("a folder");
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for size in &options.sizes {
        for name in &options.engines {
            tokio::task::LocalSet::new()
                .block_on(&runtime, bench(&options, &postgres, &folder, name, Size(*size)));
        }
    }
    report::write(&folder.join("results"), &root.join("docs"), options.publish);
}

async fn bench(options: &Options, postgres: &str, folder: &Path, name: &str, size: Size) {
    let key = format!("{name}-{}", size.0);
    let own = folder.join(&key);
    let marker = own.join("made");
    let url = if name == "sqlite" {
        format!("sqlite:{}", own.join("desk.db").display())
    } else {
        format!("{postgres}/bench_{}", size.0)
    };
    if options.fresh || !marker.exists() {
        let _ = fs::remove_dir_all(&own);
        if name != "sqlite" {
            anew(postgres, &format!("bench_{}", size.0));
        }
    }
    let desk = Desk::new(&url, &own);
    println!("== {}, 1/{} of full size", engine(&desk), size.0);
    settle(&desk, size, &marker);
    let mut results = Results::open(&folder.join("results"), engine(&desk), size.0);
    let wants = |part: &str| options.parts.iter().any(|wanted| wanted == part);
    let begins = |part: &str| {
        println!("  {part}, {} s since the beginning", options.begun.elapsed().as_secs());
    };
    // What changes its world works on a copy that is thrown away: the world stays as it was made,
    // for the next run.
    let copied = if ["reissues", "three", "counting", "drain", "imports"].into_iter().any(wants) {
        begins("a copy of the world");
        Some(Copied::of(&desk, postgres, &folder.join(format!("copy-{name}"))))
    } else {
        None
    };
    if wants("start") {
        begins("start");
        let starts: Vec<f64> = (0..9)
            .map(|_| desk.serve(&["--hold-mail"]).started_in.as_secs_f64() * 1000.0)
            .collect();
        results.median("start", Median::of(starts));
        results.set(
            "binary",
            fs::metadata(desk::binary()).expect("the binary").len() as f64 / 1024.0 / 1024.0,
        );
    }
    if wants("pages") {
        begins("pages");
        pages::measure(&desk, size, options.seconds, &mut results).await;
    }
    let Some(copied) = copied else { return };
    let (copy, scratch) = (&copied.desk, copied.folder.as_path());
    let clicks = reissues::clicks(copy);
    if wants("reissues") {
        begins("reissues");
        reissues::measure(copy, clicks, scratch, &mut results).await;
    }
    // SQLite has one writer, and one server.
    if wants("three") && !desk.is_sqlite() {
        begins("three");
        reissues::measure_three(copy, clicks / 2, &mut results).await;
    }
    if wants("drain") {
        begins("drain");
        stock::measure_drain(copy, size, &mut results).await;
    }
    if wants("imports") {
        begins("imports");
        imports::measure(copy, size, &mut results);
        imports::measure_beside(copy, size, clicks / 2, &mut results).await;
    }
    // The last, because what is not counted makes the copy unfit for anything else.
    if wants("counting") {
        begins("counting");
        stock::measure_counting(copy, clicks / 2, &mut results).await;
    }
    drop(copied);
    if wants("imports") {
        begins("imports of ten times as many rows, into an empty desk");
        let empty = Copied::empty(postgres, name, &folder.join(format!("copy-{name}")));
        imports::measure_memory(&empty.desk, size, &mut results);
    }
    begins("done");
}
