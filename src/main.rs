//! Parses the command line, starts telemetry, dispatches.

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    rewarddesk::cli::run()
}
