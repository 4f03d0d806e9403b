//! The guard: every command, far or near, runs under it, on a lease that its runner holds (TRUST section 4).
//! It must never believe ssh's exit code, only the guard's own word, and never put a value into a script.

pub mod isolated;
mod lease;
mod left;
mod marks;
#[cfg(test)]
mod tests;
mod text;

use super::masters::Connection;
use super::{Ending, Lines, Task};
use crate::process::Program;
use lease::{Opening, Output, Wire};
use std::path::Path;
use std::time::Duration;
use tokio::time::Instant;

/// Runs a task on a host.
pub async fn far(on: &Connection, task: Task, lines: &Lines) -> Ending {
    let (ending, left) = run_far(on, &task, lines, Output::Lines).await;
    if let Some(mark) = left {
        let (_, said) = ask(on, &left::task(&task, mark), lines, left::MOST).await;
        left::report(&said, on.host.name(), &task.mask, lines).await;
    }
    ending
}

/// Runs a script of our own on a host; returns what it says on standard output, byte for byte, up to `most` bytes (one
/// more when it said more). Its standard error becomes lines.
pub(super) async fn ask(on: &Connection, task: &Task, lines: &Lines, most: usize) -> (Ending, Vec<u8>) {
    let mut said = Vec::new();
    let (ending, _) = run_far(on, task, lines, Output::Bytes(&mut said, most)).await;
    (ending, said)
}

/// Also returns the mark of what the command left behind, when that still holds its output.
async fn run_far(on: &Connection, task: &Task, lines: &Lines, output: Output<'_>) -> (Ending, Option<String>) {
    let opening = match opening(task) {
        Ok(opening) => opening,
        Err(refused) => return (refused, None),
    };
    let host = on.host.name();
    let mut channel = tokio::select! {
        biased;
        () = task.cancel.cancelled() => return (Ending::Cancelled { left: 0 }, None),
        channel = on.open(text::ssh_command(), lines) => match channel {
            Ok(channel) => channel,
            Err(why) => return (Ending::Unreachable(why.0), None),
        },
    };
    let Some((input, out, err)) = channel.streams() else {
        return (Ending::Unreachable(format!("the connection to {host} gave no streams")), None);
    };
    let wire = Wire { place: host, input, out, err };
    // The time is the command's own: waiting for a channel does not count.
    let until = Instant::now() + task.timeout;
    // Dropping the channel closes it, even when a daemon on the host still holds its output.
    let (ending, held) = lease::hold(wire, &opening, task, lines, output, until).await;
    (ending, held.then_some(opening.mark))
}

/// Runs a task on the push host, in `dir`. Its environment is PATH, LC_ALL, our HOME and the values of the task.
pub async fn near(dir: &Path, task: Task, lines: &Lines) -> Ending {
    near_in(&["/bin/sh"], dir, task, lines).await
}

/// The same under a shell that is named.
async fn near_in(shell: &[&str], dir: &Path, task: Task, lines: &Lines) -> Ending {
    let (ending, left) = run_near(shell, dir, &task, lines, Output::Lines).await;
    if let Some(mark) = left {
        let mut said = Vec::new();
        let asked = left::task(&task, mark);
        let _ = run_near(shell, dir, &asked, lines, Output::Bytes(&mut said, left::MOST)).await;
        left::report(&said, "the push host", &task.mask, lines).await;
    }
    ending
}

async fn run_near(
    shell: &[&str],
    dir: &Path,
    task: &Task,
    lines: &Lines,
    output: Output<'_>,
) -> (Ending, Option<String>) {
    let until = Instant::now() + task.timeout;
    let task = on_push_host(task);
    let opening = match opening(&task) {
        Ok(opening) => opening,
        Err(refused) => return (refused, None),
    };
    let guard = ["-c", &text::script(), text::NAME];
    // A group of its own: what signals the runner's group does not end the guard before its command.
    let mut program = Program::new(shell[0]).args(&shell[1..]).args(guard).own_group().env("LC_ALL", "C.UTF-8");
    if let Some(home) = std::env::var_os("HOME") {
        program = program.env("HOME", home);
    }
    let mut child = match program.dir(dir).with_input().start() {
        Ok(child) => child,
        Err(error) => {
            return (Ending::Refused(format!("cannot start a command in {}: {error}", dir.display())), None);
        }
    };
    let (Some(input), Some(out), Some(err)) = (child.stdin.take(), child.stdout.take(), child.stderr.take()) else {
        return (without_streams(), None);
    };
    let wire = Wire { place: "the push host", input, out, err };
    let (ending, held) = lease::hold(wire, &opening, &task, lines, output, until).await;
    // It has said its last word, or never will; what is still there after this is killed as the handle goes.
    let _ = tokio::time::timeout(Duration::from_secs(1), child.wait()).await;
    (ending, held.then_some(opening.mark))
}

/// What a command says in a stream that comes in such pieces, and what its guard says of it. For fuzzing.
pub(crate) fn split_marks<'a>(nonce: &str, pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<u8>, Option<String>) {
    let (mut marks, mut text) = (marks::Marks::new(nonce), Vec::new());
    for piece in pieces {
        let piece = marks.push(piece);
        text.extend(piece.text);
        if let Some(mark) = piece.mark {
            return (text, Some(format!("{mark:?}")));
        }
    }
    text.extend(marks.finish());
    (text, None)
}

/// What no system does.
fn without_streams() -> Ending {
    Ending::Refused("a command was started without its streams".to_owned())
}

/// The push host has a lock file of its own for each push (TRUST section 4: lock `-`).
fn on_push_host(task: &Task) -> Task {
    Task { lock: None, ..task.clone() }
}

/// What a guard is told about a task.
fn opening(task: &Task) -> Result<Opening, Ending> {
    let (nonce, mark) = (random_word()?, random_word()?);
    let input = text::input(task, &nonce, &mark).map_err(|bad| Ending::Refused(bad.to_string()))?;
    Ok(Opening { nonce, mark, input })
}

/// 128 random bits, as hexadecimal digits.
fn random_word() -> Result<String, Ending> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| Ending::Refused(format!("no random numbers: {error}")))?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}
