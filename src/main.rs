//! Parses the command line, starts telemetry, dispatches.

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    // For tests, which stop the program where they want to look; empty in every build without that
    // feature.
    let _failpoints = fail::FailScenario::setup();
    rewarddesk::cli::run()
}
