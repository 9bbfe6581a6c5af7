//! Stopping an import by Ctrl-C or SIGTERM: it then cleans up after itself and closes the database.

use std::{
    io::{self, Read},
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, sync_channel},
    },
    time::Duration,
};

/// Raised by a signal.
#[derive(Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Is raised by the first signal. A second one is as good as a kill, and a kill is harmless,
    /// too.
    pub fn on_signal() -> Self {
        let stop = Self::default();
        let ours = stop.clone();
        std::thread::spawn(move || {
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build()
            else {
                return;
            };
            if runtime.block_on(signal()).is_ok() {
                ours.0.store(true, Ordering::Relaxed);
                if runtime.block_on(signal()).is_ok() {
                    std::process::exit(1);
                }
            }
        });
        stop
    }

    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// What a watch answers.
    pub fn answer(&self) -> ControlFlow<()> {
        if self.is_asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// `source`, read on a thread of its own: an import that waits for input that does not come can
    /// still be stopped.
    pub fn able_to_stop(&self, mut source: impl Read + Send + 'static) -> Box<dyn Read> {
        let (sender, coming) = sync_channel(4);
        std::thread::spawn(move || {
            loop {
                let mut piece = vec![0; 64 * 1024];
                let piece = match source.read(&mut piece) {
                    Ok(0) => return,
                    Ok(n) => {
                        piece.truncate(n);
                        Ok(piece)
                    }
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                    Err(e) => Err(e),
                };
                let failed = piece.is_err();
                if sender.send(piece).is_err() || failed {
                    return;
                }
            }
        });
        Box::new(Pieces { stop: self.clone(), coming, piece: io::Cursor::default() })
    }
}

struct Pieces {
    stop: Stop,
    coming: Receiver<io::Result<Vec<u8>>>,
    piece: io::Cursor<Vec<u8>>,
}

impl Read for Pieces {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let n = self.piece.read(into)?;
            if n > 0 || into.is_empty() {
                return Ok(n);
            }
            match self.coming.recv_timeout(Duration::from_millis(200)) {
                Ok(piece) => self.piece = io::Cursor::new(piece?),
                Err(RecvTimeoutError::Disconnected) => return Ok(0),
                Err(RecvTimeoutError::Timeout) if self.stop.is_asked() => {
                    return Err(io::Error::other("stopped"));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}

#[cfg(unix)]
async fn signal() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn signal() -> io::Result<()> {
    tokio::signal::ctrl_c().await
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Says something, then never again.
    struct Mute(bool);

    impl Read for Mute {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            if std::mem::replace(&mut self.0, true) {
                std::thread::sleep(Duration::from_hours(1));
            }
            into[0] = b'x';
            Ok(1)
        }
    }

    #[test]
    fn a_source_comes_through_whole() {
        let text: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
        let mut read = Vec::new();
        assert!(
            Stop::default()
                .able_to_stop(io::Cursor::new(text.clone()))
                .read_to_end(&mut read)
                .is_ok()
        );
        assert!(read == text);
    }

    #[test]
    fn input_that_does_not_come_holds_nobody_up() {
        let stop = Stop::default();
        let mut source = stop.able_to_stop(Mute(false));
        stop.0.store(true, Ordering::Relaxed);
        let mut read = Vec::new();
        assert!(source.read_to_end(&mut read).is_err());
        assert_eq!(read, b"x");
    }
}
