//! Mail from the outbox to the relay: leases, retries, the worker, the SMTP dialogue, resends.

mod leases;
mod outbox;
mod relay;
pub mod relay_server;
mod resend;
mod stage;
mod worker;
