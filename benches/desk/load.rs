//! Many connections at work at once, and what their answers took.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::task::JoinSet;

use crate::http::Connection;

/// What a run came to.
#[derive(Debug, Clone, Copy)]
pub struct Figures {
    /// Answers in a second.
    pub rate: f64,
    /// Milliseconds, as all the rest.
    pub p50: f64,
    pub p95: f64,
    pub p99: f64,
    pub worst: f64,
}

impl Figures {
    /// From the milliseconds of each answer and the time that all took together.
    pub fn of(mut each: Vec<f64>, took: Duration) -> Self {
        assert!(!each.is_empty(), "nothing was measured");
        each.sort_by(f64::total_cmp);
        let at = |share: f64| each[((each.len() - 1) as f64 * share).round() as usize];
        Self {
            rate: each.len() as f64 / took.as_secs_f64(),
            p50: at(0.5),
            p95: at(0.95),
            p99: at(0.99),
            worst: at(1.0),
        }
    }
}

/// The median of several runs of one thing, and how far they lie apart.
#[derive(Debug, Clone, Copy)]
pub struct Median {
    pub middle: f64,
    pub least: f64,
    pub most: f64,
}

impl Median {
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        Self { middle: values[values.len() / 2], least: values[0], most: values[values.len() - 1] }
    }
}

/// How long a run goes on.
#[derive(Debug, Clone, Copy)]
pub enum Until {
    /// The number of answers.
    Count(usize),
    Time(Duration),
}

/// Lets `connections` ask one after the other, each with a number of its own that counts up over
/// all of them. An answer of another status than `good` ends the bench: a figure of failures is
/// none.
pub async fn run<W>(
    address: &[String],
    connections: usize,
    until: Until,
    work: impl Fn(Connection, usize) -> W + Clone + 'static,
) -> Figures
where
    W: Future<Output = Connection> + 'static,
{
    let next = Arc::new(AtomicUsize::new(0));
    let mut open = vec![];
    for n in 0..connections {
        open.push(Connection::open(&address[n % address.len()]).await);
    }
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for mut connection in open {
        let (next, work) = (Arc::clone(&next), work.clone());
        tasks.spawn_local(async move {
            let mut took = vec![];
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                let over = match until {
                    Until::Count(count) => n >= count,
                    Until::Time(time) => begun.elapsed() >= time,
                };
                if over {
                    return took;
                }
                let asked = Instant::now();
                connection = work(connection, n).await;
                took.push(asked.elapsed().as_secs_f64() * 1000.0);
            }
        });
    }
    let each = tasks.join_all().await.concat();
    Figures::of(each, begun.elapsed())
}
