//! Reward Desk: reissuing reward coupons, safely.

pub mod domain;

pub mod app;
pub mod cli;
pub mod config;
pub mod db;
pub mod demo;
pub mod jobs;
pub mod mail;
pub mod startup;
pub mod telemetry;
pub mod web;
