//! How many rows fit into a slice, so that other writers wait for a moment only.

use std::time::{Duration, Instant};

/// What a slice should take. Others' writes wait for a slice and then find a gap: with 30 ms that
/// is hardly felt, while longer slices gain little. 200 ms is the most that anybody may have to
/// wait, and a disk that is slow once stays below that, too.
const TARGET_TRANSACTION_TIME: Duration = Duration::from_millis(30);
const MIN_SLICE_ROWS: usize = 250;
const MAX_SLICE_ROWS: usize = 20_000;

/// The size of the next slice, learnt from those before.
#[derive(Debug)]
pub struct SlicePace {
    rows: usize,
}

impl Default for SlicePace {
    fn default() -> Self {
        Self { rows: 2_000 }
    }
}

impl SlicePace {
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Runs `work` and learns from how long it took.
    pub fn keep<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let value = work();
        self.learn(began.elapsed());
        value
    }

    fn learn(&mut self, took: Duration) {
        let rows = if took > TARGET_TRANSACTION_TIME * 2 {
            self.rows / 2
        } else if took > TARGET_TRANSACTION_TIME {
            self.rows * 3 / 4
        } else if took < TARGET_TRANSACTION_TIME / 2 {
            self.rows * 3 / 2
        } else {
            self.rows
        };
        self.rows = rows.clamp(MIN_SLICE_ROWS, MAX_SLICE_ROWS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_grow_while_they_are_quick_and_shrink_when_slow() {
        let mut pace = SlicePace::default();
        for _ in 0..20 {
            pace.learn(Duration::from_millis(1));
        }
        assert_eq!(pace.rows(), MAX_SLICE_ROWS);
        for _ in 0..20 {
            pace.learn(Duration::from_secs(1));
        }
        assert_eq!(pace.rows(), MIN_SLICE_ROWS);
    }
}
