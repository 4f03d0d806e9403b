//! The command line: parses, calls, prints. It must never decide anything itself.
//! One file per subcommand, or for two that are one matter; in folders `server/` (the server that a command speaks to, or starts), `push/`, `keep/` and
//! `doctor/`.

pub mod auto;
pub mod build;
pub mod check;
mod check_channels;
mod check_rights;
pub mod compare;
mod completions;
pub mod demo;
pub mod doctor;
pub mod hold;
pub mod hosts;
pub mod keep;
pub mod push;
pub mod runner;
pub mod status;
pub mod token;
pub mod user;

mod say;
mod server;

use clap::{CommandFactory, Parser, Subcommand};
use std::process::ExitCode;

/// One-button web push.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    target: server::Target,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the server.
    Serve,
    /// Checks stack files and the configuration; prints all errors at once.
    Check(check::Check),
    /// Checks everything that a push needs, on this machine and on the hosts, and says how to mend what is wrong.
    Doctor(doctor::Doctor),
    /// Shows what runs where, who is pushing, and what is on hold.
    Status(status::Status),
    /// Compares two versions of a stack: commits both ways, pushes in between; release notes.
    Compare(compare::Compare),
    /// Shows what a push would do (a dry run): commands, hosts, files, and the plan's hash.
    Plan(push::plan::Plan),
    /// Pushes to a stage; also works when the server is down.
    Push(push::Push),
    /// Asks others to approve what a push to a stage would do, where the stage needs that.
    AskApproval(push::approval::AskApproval),
    /// Approves what someone else wants to push to a stage.
    Approve(push::approval::Approve),
    /// Declines what someone else wants to push to a stage.
    Decline(push::approval::Decline),
    /// Rolls a stage back to an earlier successful build; also works when the server is down.
    Rollback(push::Rollback),
    /// Deploys the build of a stage to hosts that missed it; also works when the server is down.
    CatchUp(push::CatchUp),
    /// Resumes a push that failed, was cancelled or interrupted, from where it stopped; or one that is paused.
    Resume(push::Resume),
    /// Shows every line of a push, from the first to the last.
    Follow(push::follow::Follow),
    /// Prints the log of a push, of one host or one command.
    Log(push::log::Log),
    /// Cancels a running push.
    Cancel(push::order::Cancel),
    /// Pauses a running push: hosts that have started finish, no new host starts; `resume` continues it.
    Pause(push::order::Pause),
    /// Answers the question of a waiting push: yes, or no with --no.
    Confirm(push::confirm::Confirm),
    /// Holds a stack or a stage, so that nobody can push it.
    Hold(hold::Hold),
    /// Releases a hold.
    ReleaseHold(hold::ReleaseHold),
    /// Turns on or off that a stage is pushed automatically, where its file says `auto = true`.
    Auto(auto::Auto),
    /// Marks a build as good on a stage, or as bad everywhere.
    Mark(push::mark::Mark),
    /// Takes the mark of a build back.
    Unmark(push::mark::Unmark),
    /// After a loss of the data directory: continues the push numbers above what the hosts of a stack have seen.
    NumberAbove(keep::numbers::NumberAbove),
    /// Confirms that the server from which this data directory was copied or restored no longer pushes.
    TakeOver(keep::numbers::TakeOver),
    /// Trusts host keys, checks whether hosts answer, reconnects to them.
    Hosts(hosts::Hosts),
    /// Starts a fleet of real sshd hosts on this machine, with everything that a push needs.
    Demo(demo::Demo),
    /// Adds, lists and removes people who sign in with a password.
    User(user::User),
    /// Creates, lists, rotates and revokes the tokens of programs that use the API.
    Token(token::TokenCommand),
    /// Verifies that nobody has changed the history: audit, journals, builds.
    Verify(keep::verify::Verify),
    /// Exports the audit for others, and verifies what was exported.
    Audit(keep::audit::Audit),
    /// Tests whether announcements arrive.
    Announce(doctor::announce::Announce),
    /// Publishes builds that were made elsewhere, for example by CI.
    Build(build::Build),
    /// Copies everything that cannot be recreated into one file.
    Backup(keep::backup::Backup),
    /// Prints what makes a shell complete the words of this command line.
    Completions(completions::Completions),
    /// Runs one push; started by the server, never by a person.
    #[command(hide = true)]
    Runner(runner::Runner),
}

/// All that the command line takes, for the page that lists it.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Parses the command line and runs it.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = run(cli.command, &cli.target);
    match outcome {
        Ok(code) => code,
        Err(error) => {
            say::aside(&format!("pushbutton: {}", say::chain(&error)));
            ExitCode::FAILURE
        }
    }
}

/// Commands that work on the files of the push host take its configuration; all others say by the target which server they ask.
fn run(command: Command, target: &server::Target) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve => server::serve::main(&target.here()?),
        Command::Check(check) => check.main(&target.here()?),
        Command::Doctor(doctor) => doctor.main(&target.here()?),
        Command::Announce(announce) => announce.main(&target.here()?),
        Command::Status(status) => status.main(target),
        Command::Compare(compare) => compare.main(target),
        Command::Plan(plan) => plan.main(target),
        Command::Push(push) => push.main(target),
        Command::AskApproval(ask) => ask.main(target),
        Command::Approve(approve) => approve.main(target),
        Command::Decline(decline) => decline.main(target),
        Command::Rollback(rollback) => rollback.main(target),
        Command::CatchUp(catch_up) => catch_up.main(target),
        Command::Resume(resume) => resume.main(target),
        Command::Follow(follow) => follow.main(target),
        Command::Log(log) => log.main(target),
        Command::Cancel(cancel) => cancel.main(target),
        Command::Pause(pause) => pause.main(target),
        Command::Confirm(confirm) => confirm.main(target),
        Command::Hold(hold) => hold.main(target),
        Command::ReleaseHold(release) => release.main(target),
        Command::Auto(auto) => auto.main(target),
        Command::Mark(mark) => mark.main(target),
        Command::Unmark(unmark) => unmark.main(target),
        Command::NumberAbove(above) => above.main(target),
        Command::TakeOver(take) => take.main(target),
        Command::Hosts(hosts) => hosts.main(target),
        Command::Demo(demo) => demo.main(),
        Command::User(user) => user.main(&target.here()?),
        Command::Token(token) => token.main(&target.here()?),
        Command::Verify(verify) => verify.main(&target.here()?),
        Command::Audit(audit) => audit.main(&target.here()?),
        Command::Build(build) => build.main(target),
        Command::Backup(backup) => backup.main(&target.here()?),
        Command::Completions(completions) => Ok(completions.main(&Cli::command())),
        Command::Runner(runner) => runner.main(),
    }
}
