//! Parses the command line, starts telemetry, dispatches.

fn main() -> std::process::ExitCode {
    rewarddesk::cli::run()
}
