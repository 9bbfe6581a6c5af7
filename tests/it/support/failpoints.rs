//! A stop inside a transaction that tells when somebody has come to it.

use std::{
    sync::{
        Mutex, PoisonError,
        mpsc::{self, Receiver, Sender},
    },
    time::Duration,
};

use tokio::sync::oneshot;

/// Where the first who comes waits.
pub struct Pause {
    name: &'static str,
    reached: oneshot::Receiver<()>,
    release: Sender<()>,
}

/// The first who comes to that failpoint waits there for so long, or until [`Pause::end`]; whoever
/// comes later passes by.
///
/// A test that waits until somebody is there needs no guess how long that takes on a busy machine.
pub fn pause_at(name: &'static str, how_long: Duration) -> Pause {
    let ((tell, reached), (release, released)) = (oneshot::channel(), mpsc::channel());
    let first: Mutex<Option<(oneshot::Sender<()>, Receiver<()>)>> =
        Mutex::new(Some((tell, released)));
    fail::cfg_callback(name, move || {
        let taken = first.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((tell, released)) = taken {
            let _ = tell.send(());
            let _ = released.recv_timeout(how_long);
        }
    })
    .expect("a failpoint");
    Pause { name, reached, release }
}

impl Pause {
    /// Comes back when somebody waits there.
    pub async fn reached(&mut self) {
        let came = tokio::time::timeout(Duration::from_mins(2), &mut self.reached).await;
        assert!(matches!(came, Ok(Ok(()))), "nobody came to {}", self.name);
    }

    /// Lets them go on.
    pub fn end(&self) {
        let _ = self.release.send(());
    }
}
