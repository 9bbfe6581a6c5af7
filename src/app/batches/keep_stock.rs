//! Adds up what moved in the stock since the last time, so that nobody has to read the movements
//! one by one.

use crate::{
    app::{Desk, Error},
    db::{
        stock_counts,
        stock_watermarks::{self, Horizon},
    },
};

/// Movements in one transaction.
const SETTLE_BATCH_ROWS: i64 = 5_000;

/// Adds up all finished movements; answers how many there were. On SQLite there are none but during
/// an import.
pub fn settle(desk: &Desk) -> Result<usize, Error> {
    let mut all = 0;
    loop {
        if !desk.db.read(stock_counts::has_movements)? {
            return Ok(all);
        }
        let settled =
            desk.db.write(|tx| Ok::<_, Error>(stock_counts::settle(tx, SETTLE_BATCH_ROWS)?))?;
        all += settled;
        if settled == 0 {
            return Ok(all);
        }
    }
}

/// Keeps counts fast while deleted movements are not vacuumed yet.
#[derive(Debug, Default)]
pub struct Keeper(Option<Horizon>);

impl Keeper {
    /// Advances the watermark below which nothing is left; each round after [`settle`].
    pub fn advance(&mut self, desk: &Desk) -> Result<(), Error> {
        self.0 = stock_watermarks::advance(&desk.db, self.0.take())?;
        Ok(())
    }
}
