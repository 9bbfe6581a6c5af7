//! What must hold when things break (guarantees R5 to R8 and R11): the real binary in a process of
//! its own, killed, stopped and overrun, and its database stopped. Over loopback only; bounded
//! in number and time.

mod backups;
mod balancer;
pub mod cluster;
mod commits;
mod failovers;
mod imports;
mod installation;
mod kills;
mod load;
mod many;
mod metrics;
mod outages;
mod poolers;
mod rivals;
mod roles;
mod room;
mod seals;
mod settings;
mod stops;
mod strangers;
#[cfg(feature = "pg-tls")]
mod tls;
pub mod versions;
mod writers;
