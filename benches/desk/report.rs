//! What was measured, kept beside the data so that parts can be measured apart, and the file that
//! readers get.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    growth,
    load::{Figures, Median},
    published::lost_rows,
    tables,
};

/// One figure: the middle of several runs, and how far they lie apart.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Figure {
    pub middle: f64,
    pub least: f64,
    pub most: f64,
}

impl From<Median> for Figure {
    fn from(Median { middle, least, most }: Median) -> Self {
        Self { middle, least, most }
    }
}

/// The figures of one database at one size, by name; `NAME, rate` and the like.
#[derive(Debug)]
pub struct Results {
    file: PathBuf,
    pub all: BTreeMap<String, Figure>,
}

impl Results {
    /// Goes on with what was measured before.
    pub fn open(folder: &Path, engine: &str, size: u64) -> Self {
        let file = folder.join(format!("{}-{size}.json", engine.to_lowercase()));
        let all = fs::read_to_string(&file)
            .ok()
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default();
        Self { file, all }
    }

    pub fn set(&mut self, name: &str, value: f64) {
        self.median(name, Median { middle: value, least: value, most: value });
    }

    pub fn median(&mut self, name: &str, value: Median) {
        println!("    {name}: {:.3} ({:.3} to {:.3})", value.middle, value.least, value.most);
        self.all.insert(name.to_owned(), value.into());
        let text = serde_json::to_string_pretty(&self.all).expect("JSON");
        fs::write(&self.file, text).expect("the results are kept");
    }

    /// The runs of one thing.
    pub fn figures(&mut self, name: &str, runs: &[Figures]) {
        let of = |what: fn(&Figures) -> f64| Median::of(runs.iter().map(what));
        self.median(&format!("{name}, rate"), of(|run| run.rate));
        self.median(&format!("{name}, p50"), of(|run| run.p50));
        self.median(&format!("{name}, p95"), of(|run| run.p95));
        self.median(&format!("{name}, p99"), of(|run| run.p99));
        self.median(&format!("{name}, worst"), of(|run| run.worst));
    }

    /// The middle of a figure that was measured.
    pub fn middle(&self, name: &str) -> Option<f64> {
        self.all.get(name).map(|figure| figure.middle)
    }
}

/// All that was measured: by engine and size.
pub struct Everything(Vec<(&'static str, u64, Results)>);

impl Everything {
    pub fn read(folder: &Path) -> Self {
        let sizes = [1, 10, 100];
        let all = crate::ENGINES.iter().flat_map(|engine| {
            sizes.map(|size| (*engine, size, Results::open(folder, engine, size)))
        });
        Self(all.collect())
    }

    pub fn of(&self, engine: &str, size: u64) -> &Results {
        &self.0.iter().find(|(e, s, _)| *e == engine && *s == size).expect("one of them").2
    }
}

/// Writes the tables and the picture of growth from all that was measured: in place of the
/// published ones where every figure in them was measured on this machine, by this run or an
/// earlier one, and beside the results otherwise.
pub fn write(folder: &Path, published: &Path, always: bool) {
    let everything = Everything::read(folder);
    let page = tables::page(&everything);
    let lost =
        lost_rows(&fs::read_to_string(published.join("speed.md")).unwrap_or_default(), &page);
    let into = if always || lost.is_empty() { published } else { folder };
    fs::write(into.join("speed.md"), page).expect("the page");
    fs::write(into.join("growth.svg"), growth::picture(&everything)).expect("the picture");
    println!("wrote speed.md and growth.svg in {}", into.display());
    if let Some(first) = lost.first().filter(|_| !always) {
        let why = format!("{} of its rows were not measured here, such as \"{first}\"", lost.len());
        println!("the published page stays as it is: {why}; --publish replaces it all the same");
    }
}
