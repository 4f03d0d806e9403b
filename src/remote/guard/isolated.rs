//! The guard of a committer's command on the push host: it runs in the command's own namespaces, ends the command there as on any host,
//! and when it ends, so does everything else there. What the command does to its guard does not help it: all of it is killed then.
//! It must never start one outside, and never come back while something of it may still run. Called by the runner.

use super::lease::{self, Output, Wire};
use super::{on_push_host, opening, text, without_streams};
use crate::isolation::{self, Sandbox};
use crate::process::Program;
use crate::remote::{Ending, Lines, Task};
use std::path::Path;
use std::time::Duration;
use tokio::process::Child;
use tokio::time::Instant;

/// How long what has ended may take to be gone.
const GONE: Duration = Duration::from_secs(1);

/// The code of what was killed, as a shell says it.
const KILLED: i32 = 128 + 9;

/// Runs a task in namespaces of its own.
pub async fn isolated(sandbox: &Sandbox, task: Task, lines: &Lines) -> Ending {
    let until = Instant::now() + task.timeout;
    let task = on_push_host(&task);
    let opening = match opening(&task) {
        Ok(opening) => opening,
        Err(refused) => return refused,
    };
    let words = sandbox.words();
    let guard = ["/bin/sh", "-c", &text::script(), text::NAME];
    let program = Program::new(&words[0]).args(&words[1..]).args(guard).own_group().dir(Path::new("/")).with_input();
    let mut child = match isolation::start(program).await {
        Ok(child) => child,
        Err(error) => return Ending::Refused(format!("cannot start bwrap: {error}")),
    };
    let (Some(input), Some(out), Some(err)) = (child.stdin.take(), child.stdout.take(), child.stderr.take()) else {
        return without_streams();
    };
    let process = child.id().unwrap_or_default();
    let wire = Wire { place: "the push host", input, out, err };
    let ending = tokio::select! {
        biased;
        (ending, _) = lease::hold(wire, &opening, &task, lines, Output::Lines, until) => settled(ending, &task, until),
        words = isolation::too_much(process, sandbox) => Ending::Stopped(format!("{words}, and was ended")),
    };
    see_it_gone(&mut child).await;
    ending
}

/// What its guard told, and what is true when everything in the namespaces is killed.
fn settled(ending: Ending, task: &Task, until: Instant) -> Ending {
    match ending {
        Ending::Cancelled { .. } => Ending::Cancelled { left: 0 },
        Ending::TimedOut { .. } => Ending::TimedOut { left: 0 },
        // No word of the guard: it was killed, or could not act. Whoever did that has gained nothing.
        Ending::Unknown(_) | Ending::Unreachable(_) if task.cancel.is_cancelled() => Ending::Cancelled { left: 0 },
        Ending::Unknown(_) | Ending::Unreachable(_) if Instant::now() >= until => Ending::TimedOut { left: 0 },
        Ending::Unknown(_) | Ending::Unreachable(_) => Ending::Exited(KILLED),
        Ending::Exited(_) | Ending::Refused(_) | Ending::Stopped(_) => ending,
    }
}

/// The first process of the namespaces takes all others with it; it goes with its parent, at the latest.
async fn see_it_gone(child: &mut Child) {
    if tokio::time::timeout(GONE, child.wait()).await.is_err() {
        // It has gone meanwhile, then there is nothing to kill.
        let _ = child.kill().await;
    }
}
