//! What the app writes to its log, kept so that tests can look for what must not be there.

use std::{
    io,
    sync::{Mutex, Once, PoisonError},
};

use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Keeper;

impl io::Write for Keeper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Keeper {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        Self
    }
}

/// Keeps from now on everything that the desk logs, in detail, and what the framework says to
/// operators.
pub fn keep() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let filter = EnvFilter::new(
            "info,rewarddesk=trace,tracing_actix_web=trace,actix_web=debug,actix_server=info",
        );
        let kept = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_ansi(false)
            .with_writer(Keeper)
            .try_init();
        assert!(kept.is_ok(), "the log is kept elsewhere");
    });
}

/// The log so far.
pub fn text() -> String {
    String::from_utf8_lossy(&LINES.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
}

/// The lines with any of these texts in them.
pub fn holding_any_of(secrets: &[String]) -> Vec<String> {
    let text = text();
    text.lines()
        .filter(|line| secrets.iter().any(|secret| line.contains(secret.as_str())))
        .map(ToOwned::to_owned)
        .collect()
}
