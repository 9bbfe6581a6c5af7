//! What tests stand on: a database of their own, a small world in it, the running app, a client,
//! pages.
#![allow(dead_code, reason = "a helper may wait for its test")]

pub mod app;
pub mod browser;
pub mod client;
pub mod engine;
pub mod failpoints;
pub mod invariants;
pub mod issuers;
pub mod logs;
pub mod page;
pub mod postgres;
pub mod sql;
pub mod sqlite;
pub mod statements;
pub mod world;

pub use app::App;
pub use browser::Browser;
pub use client::Client;
pub use engine::{Engine, TestDb};
pub use world::World;

use std::future::Future;

/// Runs an async test body on a runtime of its own, with as many threads as a small machine has.
pub fn block_on<T>(body: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(body)
}

/// A fixture that a test can ask for by the type of its argument.
pub trait Fixture {
    fn on(engine: Engine) -> impl Future<Output = Self>;
}

impl Fixture for Engine {
    async fn on(engine: Engine) -> Self {
        engine
    }
}

impl Fixture for TestDb {
    async fn on(engine: Engine) -> Self {
        Self::new(engine)
    }
}
