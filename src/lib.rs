//! Reward Desk: reissuing reward coupons, safely.

pub mod domain;

pub mod app;
pub mod db;
pub mod jobs;
pub mod mail;
pub mod web;
