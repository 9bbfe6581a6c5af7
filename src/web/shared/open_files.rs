//! The limit of open files: raised at start, reported by `doctor`, and how many connections it
//! leaves room for.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What a process may have open: now, and at most. `None`: no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenFiles {
    pub soft: Option<u64>,
    pub hard: Option<u64>,
}

/// The connections that are served at once; more are of no use to a desk, each takes memory.
const MAX_CONNECTIONS: usize = 4096;
/// Files for databases, imports, mail, the log and the metrics' own connections.
const RESERVED_FILES: usize = 192;
/// Each server thread watches its sockets by some files of its own.
const FILES_PER_WORKER: usize = 8;
/// A desk with fewer connections is of no use, whatever the limit says.
const MIN_CONNECTIONS: usize = 16;

impl OpenFiles {
    /// The limits of this process.
    pub fn of_this_process() -> Self {
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        Self { soft: current, hard: maximum }
    }

    /// How many connections may be open at once, with that many server threads.
    pub fn max_connections(self, workers: usize) -> usize {
        let files = self.soft.and_then(|soft| usize::try_from(soft).ok()).unwrap_or(usize::MAX);
        files
            .saturating_sub(RESERVED_FILES + FILES_PER_WORKER * workers)
            .clamp(MIN_CONNECTIONS, MAX_CONNECTIONS)
    }
}

/// Raises this process's limit as far as it may, and says what it is then.
pub fn raise() -> OpenFiles {
    let before = OpenFiles::of_this_process();
    if before.soft != before.hard {
        // Where the system refuses, the server takes fewer connections.
        if let Err(error) =
            setrlimit(Resource::Nofile, Rlimit { current: before.hard, maximum: before.hard })
        {
            tracing::warn!(%error, soft = before.soft, hard = before.hard, "the limit of open \
                files could not be raised");
        }
    }
    OpenFiles::of_this_process()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_for_everything_else() {
        let with = |soft| OpenFiles { soft, hard: None }.max_connections(2);
        assert_eq!((with(None), with(Some(65_536)), with(Some(1024))), (4096, 4096, 816));
        assert_eq!((with(Some(256)), with(Some(64)), with(Some(0))), (48, 16, 16));
    }

    #[test]
    fn the_limit_is_raised_to_the_hard_one() {
        let raised = raise();
        assert_eq!(raised.soft, raised.hard);
    }
}
