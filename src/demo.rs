//! The demo's world: sample data made through the same imports and use cases that a real desk uses.
//! Wiring only; must not be reachable outside `rewarddesk demo`.

mod settle;
mod story;
mod world;

use std::{net::SocketAddr, path::Path};

use crate::{app::Desk, cli::outcome::CommandFailure, domain::role::Role};

/// A sign-in that the demo prints and shows.
#[derive(Debug, Clone, Copy)]
pub struct DemoAccount {
    pub role: Role,
    pub name: &'static str,
    pub email: &'static str,
    pub password: &'static str,
}

/// One for each role; the administrator belongs to both merchants.
pub const SIGN_INS: [DemoAccount; 4] = [
    DemoAccount {
        role: Role::Support,
        name: "Sam Okafor",
        email: "support@demo.example",
        password: PASSWORD,
    },
    DemoAccount {
        role: Role::Supervisor,
        name: "Kim Brook",
        email: "supervisor@demo.example",
        password: PASSWORD,
    },
    DemoAccount {
        role: Role::Marketing,
        name: "Mara Lindqvist",
        email: "marketing@demo.example",
        password: PASSWORD,
    },
    DemoAccount {
        role: Role::Administrator,
        name: "Ann Lee",
        email: "admin@demo.example",
        password: PASSWORD,
    },
];

const PASSWORD: &str = "coffee before coupons";

/// People of the small sample.
const PEOPLE: u64 = 420;

/// Makes the sample data where there is none yet, for so many customers.
pub fn settle(desk: &Desk, customers: Option<u32>) -> Result<Vec<DemoAccount>, CommandFailure> {
    settle::settle(desk, customers.map_or(PEOPLE, u64::from), customers.is_some())?;
    Ok(SIGN_INS.to_vec())
}

/// Says on stdout where the demo is and who can sign in.
#[allow(clippy::print_stdout, reason = "the demo's greeting")]
pub fn announce(address: SocketAddr, sign_ins: &[DemoAccount], mails: &Path) {
    println!("Reward Desk demo: http://{address}/");
    println!("Sign in as one of these users. The password is always: {PASSWORD}");
    for sign_in in sign_ins {
        println!("  {:<28} {}", sign_in.role.label(), sign_in.email);
    }
    println!("Captured emails: {}", mails.display());
    println!("Press Ctrl-C to stop. The data is kept for the next run.");
}
