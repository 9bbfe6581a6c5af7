//! Running an import: opens the file, shows the progress, tells what came of it.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, IsTerminal, Read, Write},
    path::{Path, PathBuf},
};

use indicatif::{ProgressBar, ProgressStyle};

use super::stop::Stop;
use crate::{
    app::{
        Desk,
        imports::{
            ImportError, ImportProgress, ImportRequest, ImportRow, ImportStreams, Report,
            import_file,
        },
    },
    cli::outcome::CommandFailure,
    db::merchants,
    domain::import::{self, ImportKind},
};

/// What the command line says.
#[derive(Debug, Clone)]
pub struct Arguments {
    pub kind: ImportKind,
    /// A file, or `-` for the standard input.
    pub file: OsString,
    /// The merchant's slug.
    pub merchant: String,
    pub batch: Option<String>,
    pub dry_run: bool,
}

/// Runs the command: the report goes to `out`; rejects are a refusal, after all good rows went in.
pub fn run(desk: &Desk, arguments: &Arguments, out: &mut dyn Write) -> Result<(), CommandFailure> {
    let (report, rejects) = import(desk, arguments).map_err(CommandFailure::because)?;
    writeln!(out, "{}", sentence(&report, arguments.kind, arguments.dry_run))?;
    out.flush()?;
    if report.rejected == 0 {
        return Ok(());
    }
    Err(CommandFailure::because(format!("{}: see {}", verdict(&report), rejects.display())))
}

/// "5 rows: 3 new, 0 updated, 1 unchanged, 1 rejected".
fn sentence(report: &Report, kind: ImportKind, dry_run: bool) -> String {
    let Report { rows, new, updated, unchanged, rejected, taken_out_of_stock, .. } = report;
    let claimed = match taken_out_of_stock {
        0 => String::new(),
        n => format!("; {} taken out of stock, claimed by rejected rows", counted(*n, "code")),
    };
    let second = match report.findings.second_addresses.count {
        0 => String::new(),
        1 => "; 1 customer ID now appears with a different email address".to_owned(),
        n => format!("; {n} customer IDs now appear with a different email address"),
    };
    let dry = if dry_run { " (dry run: nothing was changed)" } else { "" };
    if kind == ImportKind::Purges {
        return format!(
            "{}: {updated} purged, {unchanged} duplicates, {rejected} rejected{dry}",
            counted(*rows, "row")
        );
    }
    format!(
        "{}: {new} new, {updated} updated, {unchanged} unchanged, {rejected} \
         rejected{claimed}{second}{dry}",
        counted(*rows, "row")
    )
}

fn verdict(report: &Report) -> String {
    if report.accepted() == 0 {
        return "no row could be imported".into();
    }
    format!(
        "{} {} rejected",
        counted(report.rejected, "row"),
        if report.rejected == 1 { "was" } else { "were" }
    )
}

fn counted(n: u64, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

fn import(desk: &Desk, arguments: &Arguments) -> Result<(Report, PathBuf), String> {
    let slug = &arguments.merchant;
    let (scope, merchant) = desk
        .db
        .read(|conn| merchants::for_operator(conn, slug))
        .map_err(|e| e.to_string())?
        .ok_or_else(|| {
            format!(
                "there is no merchant {slug:?}; add it with `rewarddesk merchant \
            add`, or correct the slug"
            )
        })?;
    let stop = Stop::on_signal();
    let (mut source, length) = open(&arguments.file, &stop)?;
    let path = rejects_path(&arguments.file);
    let mut rejects = RejectsFile { path: path.clone(), file: None };
    // What an earlier run has left says nothing about this one.
    rejects.discard().map_err(|e| format!("{} can't be overwritten: {e}", path.display()))?;
    let file_name = name_of(arguments);
    let request = ImportRequest {
        dry_run: arguments.dry_run,
        row: ImportRow::New { file_name: &file_name },
        ..ImportRequest::of_operator(scope, &merchant, arguments.kind, arguments.batch.as_deref())
    };
    let bar = ProgressLine::new(length);
    let mut watch = |progress| {
        bar.show(progress);
        stop.answer()
    };
    let streams = ImportStreams { source: &mut source, rejects: &mut rejects, watch: &mut watch };
    let outcome = import_file(desk, &request, streams);
    bar.finish();
    outcome.map(|report| (report, path)).map_err(|error| {
        let _ = rejects.discard();
        match error {
            ImportError::Source(_) if stop.is_asked() => ImportError::Stopped.to_string(),
            ImportError::Source(e) => {
                format!("{} can't be read: {e}", arguments.file.to_string_lossy())
            }
            other => other.to_string(),
        }
    })
}

/// What the list of imports calls the file. One with people to purge may be named after somebody.
fn name_of(arguments: &Arguments) -> String {
    if arguments.file == "-" || arguments.kind == ImportKind::Purges {
        return String::new();
    }
    import::file_name(&arguments.file.to_string_lossy())
}

/// The source, and how long it is where that is known.
fn open(file: &OsStr, stop: &Stop) -> Result<(Box<dyn Read>, Option<u64>), String> {
    if file == "-" {
        return Ok((stop.able_to_stop(io::stdin()), None));
    }
    let unreadable = |e: io::Error| format!("{} can't be opened: {e}", file.to_string_lossy());
    let opened = File::open(file).map_err(unreadable)?;
    let about = opened.metadata().map_err(unreadable)?;
    if about.is_dir() {
        return Err(format!("{} is a folder; give a CSV file", file.to_string_lossy()));
    }
    if about.is_file() {
        Ok((Box::new(opened), Some(about.len())))
    } else {
        Ok((stop.able_to_stop(opened), None))
    }
}

fn rejects_path(file: &OsStr) -> PathBuf {
    let mut name = if file == "-" { OsString::from("import") } else { file.to_owned() };
    name.push(".rejects.csv");
    name.into()
}

/// Made at the first write, readable by its owner only: it holds codes and addresses.
struct RejectsFile {
    path: PathBuf,
    file: Option<BufWriter<File>>,
}

impl RejectsFile {
    fn discard(&mut self) -> io::Result<()> {
        self.file = None;
        match fs::remove_file(&self.path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
            _ => Ok(()),
        }
    }

    fn file(&mut self) -> io::Result<&mut BufWriter<File>> {
        if self.file.is_none() {
            self.file = Some(BufWriter::new(create_private(&self.path)?));
        }
        self.file.as_mut().ok_or_else(|| io::Error::other("the rejects file was closed"))
    }
}

fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

impl Write for RejectsFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file()?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), Write::flush)
    }
}

/// A progress bar on a terminal; silence everywhere else.
struct ProgressLine {
    bar: ProgressBar,
    length: Option<u64>,
}

impl ProgressLine {
    fn new(length: Option<u64>) -> Self {
        let bar = if io::stderr().is_terminal() {
            ProgressBar::new(length.unwrap_or(0))
        } else {
            ProgressBar::hidden()
        };
        if let Ok(style) = ProgressStyle::with_template("{msg:9} {wide_bar} {percent:>3}% {eta:>4}")
        {
            bar.set_style(style);
        }
        Self { bar, length }
    }

    fn show(&self, progress: ImportProgress) {
        match progress {
            ImportProgress::Reading { bytes } => {
                self.bar.set_message("reading");
                self.bar.set_length(self.length.unwrap_or(bytes));
                self.bar.set_position(bytes);
            }
            ImportProgress::Waiting => self.bar.set_message("waiting for another import"),
            ImportProgress::Applying { done, total } => {
                self.bar.set_message("importing");
                self.bar.set_length(total);
                self.bar.set_position(done);
            }
        }
    }

    fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_reads_as_a_sentence() {
        let report = Report {
            rows: 6,
            new: 3,
            updated: 0,
            unchanged: 1,
            rejected: 2,
            taken_out_of_stock: 1,
            ..Report::default()
        };
        assert_eq!(
            sentence(&report, ImportKind::Rewards, false),
            "6 rows: 3 new, 0 updated, 1 unchanged, 2 rejected; 1 code taken out of stock, \
             claimed by rejected rows"
        );
        let mut second = Report { rows: 1, new: 1, ..Report::default() };
        second.findings.second_addresses.count = 1;
        assert_eq!(
            sentence(&second, ImportKind::Customers, false),
            "1 row: 1 new, 0 updated, 0 unchanged, 0 rejected; 1 customer ID now appears with a \
             different email address"
        );
        assert_eq!(verdict(&report), "2 rows were rejected");
        assert_eq!(
            verdict(&Report { rows: 1, rejected: 1, ..Report::default() }),
            "no row could be imported"
        );
    }

    #[test]
    fn rejects_lie_beside_the_file() {
        assert_eq!(rejects_path(OsStr::new("in/v.csv")), PathBuf::from("in/v.csv.rejects.csv"));
        assert_eq!(rejects_path(OsStr::new("-")), PathBuf::from("import.rejects.csv"));
    }
}
