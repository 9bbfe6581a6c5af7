//! `scripts/bench`: the release binary beside the limits of what it stands on, in one run. See docs/speed.md.
//! It tells what it sees, and ends where it can't.

mod desk;
mod growth;
mod http;
mod load;
mod pages;
mod reference;
mod reissues;
mod report;
mod rows;
mod stock;
mod tables;
mod world;

use std::{fs, path::Path};

use clap::Parser;

use crate::{
    desk::Desk,
    load::Median,
    report::Results,
    rows::execute,
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
    #[arg(long, value_delimiter = ',', default_values_t = ["start", "pages", "reissues", "counting", "three", "drain", "imports"].map(ToOwned::to_owned))]
    parts: Vec<String>,
    /// Seconds of each run of a page
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Make the data anew
    #[arg(long)]
    fresh: bool,
}

fn main() {
    let options = Options::parse();
    let postgres = options.postgres.clone();
    let root = desk::root();
    let folder = root.join("target/bench");
    fs::create_dir_all(folder.join("results")).expect("a folder");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for size in &options.sizes {
        for name in &options.engines {
            tokio::task::LocalSet::new().block_on(&runtime, bench(&options, &postgres, &folder, name, Size(*size)));
        }
    }
    report::write(&folder.join("results"), &root.join("docs"));
}

async fn bench(options: &Options, postgres: &str, folder: &Path, name: &str, size: Size) {
    let key = format!("{name}-{}", size.0);
    let own = folder.join(&key);
    let marker = own.join("made");
    let url = if name == "sqlite" { format!("sqlite:{}", own.join("desk.db").display()) } else { format!("{postgres}/bench_{}", size.0) };
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
    if wants("start") {
        let starts: Vec<f64> = (0..9).map(|_| desk.serve(&["--hold-mail"]).started_in.as_secs_f64() * 1000.0).collect();
        results.median("start", Median::of(starts));
        results.set("binary", fs::metadata(desk::binary()).expect("the binary").len() as f64 / 1024.0 / 1024.0);
    }
    if wants("pages") {
        pages::measure(&desk, size, options.seconds, &mut results).await;
    }
    if wants("reissues") {
        reissues::measure(&desk, size, &own, &mut results).await;
    }
    // What is about several connections has no meaning where there is one writer; what grows is measured at every size.
    if wants("three") && !desk.is_sqlite() && size.0 == 1 {
        reissues::measure_three(&desk, size, &mut results).await;
    }
    if wants("counting") && !desk.is_sqlite() && size.0 == 1 {
        stock::measure_counting(&desk, 2_000, &own, &mut results);
    }
    if wants("imports") && size.0 == 1 {
        stock::measure_imports(&desk, size, &mut results);
        stock::measure_beside_import(&desk, size, &mut results).await;
    }
    if wants("drain") && !desk.is_sqlite() && size.0 == 1 {
        drain(postgres, folder, &mut results).await;
    }
}

/// A third of full size in a database of its own, thrown away afterwards: it is spoilt by what is done to it.
async fn drain(postgres: &str, folder: &Path, results: &mut Results) {
    let own = folder.join("drain");
    let _ = fs::remove_dir_all(&own);
    anew(postgres, "bench_drain");
    let desk = Desk::new(&format!("{postgres}/bench_drain"), &own);
    let size = Size(3);
    settle(&desk, size, &own.join("made"));
    stock::measure_drain(&desk, 500_000, 2_000, results).await;
    execute(&format!("{postgres}/postgres"), "DROP DATABASE bench_drain WITH (FORCE)");
}

fn anew(postgres: &str, database: &str) {
    let server = format!("{postgres}/postgres");
    execute(&server, &format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)"));
    execute(&server, &format!("CREATE DATABASE {database}"));
}
