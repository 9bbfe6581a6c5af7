//! Where log lines go and how they look. Codes, names and addresses are never put into one (quality.md S7).
//! Must not know what is logged.

use tracing_subscriber::{EnvFilter, fmt};

use crate::config::{LogFormat, SettingError, Settings};

/// Starts logging to stderr: stdout belongs to what a command answers.
/// `default` is what a command logs where `RUST_LOG` says nothing.
pub fn start(settings: &Settings, default: &str) -> Result<(), SettingError> {
    let filter = EnvFilter::try_new(settings.log_filter().unwrap_or(default)).map_err(Settings::bad_log_filter)?;
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start in one process, as in tests, keeps the first.
    let _ = match settings.log_format()? {
        LogFormat::Pretty => builder.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    Ok(())
}
