//! Where log lines go and how they look. Codes, names and addresses are never put into one
//! (guarantee S7).

use tracing_subscriber::{EnvFilter, fmt};

use crate::config::{LogFormat, SettingError, Settings};

/// actix writes an error for each request that is none, and anybody can send any number. Our own
/// lines about them are for debugging.
const MALFORMED_REQUESTS: &str = "actix_http::h1::dispatcher=off";

/// Starts logging to stderr: stdout belongs to what a command answers.
/// `default` is what a command logs where `RUST_LOG` says nothing.
pub fn start(settings: &Settings, default: &str) -> Result<(), SettingError> {
    let asked = settings.log_filter().unwrap_or(default);
    let quiet = if asked.contains("actix_http") {
        asked.to_owned()
    } else {
        format!("{asked},{MALFORMED_REQUESTS}")
    };
    let filter = EnvFilter::try_new(quiet).map_err(Settings::bad_log_filter)?;
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start in one process, as in tests, keeps the first.
    let _ = match settings.log_format()? {
        LogFormat::Pretty => {
            builder.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init()
        }
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    Ok(())
}
