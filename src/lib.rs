//! Reward Desk: reissuing reward coupons, safely.

pub mod domain;

pub mod app;
pub mod db;
pub mod cli {
    pub mod import;
}
