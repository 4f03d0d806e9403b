//! The command line: parses, calls, prints. It must never decide anything itself.
//! One file per subcommand.

pub mod check;
pub mod demo;
pub mod runner;
pub mod serve;
pub mod user;

use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// One-button web push.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100)]
struct Cli {
    /// The server's file.
    #[arg(long, global = true, env = "PUSHBUTTON_CONFIG", default_value = "config.toml")]
    config: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the server.
    Serve,
    /// Checks stack files and the configuration; prints all errors at once.
    Check(check::Check),
    /// Starts a fleet of real sshd hosts on this machine, and everything that a push needs.
    Demo(demo::Demo),
    /// Adds, lists and removes people who may sign in with a password.
    User(user::User),
    /// Runs one push; started by the server, never by a person.
    #[command(hide = true)]
    Runner(runner::Runner),
}

/// Parses the command line and runs it.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        Command::Serve => serve::main(&cli.config),
        Command::Check(check) => check.main(&cli.config),
        Command::Demo(demo) => demo.main(),
        Command::User(user) => user.main(&cli.config),
        Command::Runner(runner) => runner.main(),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("pushbutton: {error:#}");
            ExitCode::FAILURE
        }
    }
}
