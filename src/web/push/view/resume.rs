//! What is left of a push that did not end well, in one sentence beside the button that goes on with it.

use crate::desk::view::{Remaining, RemainingCommand};
use crate::web::view::words;
use serde::Serialize;

/// Steps that are named where it says what is left to do.
const STEPS_NAMED: usize = 4;

/// What is left of a push that did not end well.
#[derive(Debug, Serialize)]
pub(crate) struct ResumeLine {
    plan_hash: String,
    /// The first step that is not done.
    step: usize,
    words: String,
    why_not: Option<String>,
}

/// What going on would do; none when nothing is left.
pub(crate) fn resume_line(rest: &Remaining) -> Option<ResumeLine> {
    let own = || rest.commands.iter().filter(|command| command.deferred_from.is_none());
    let first = own().next().or(rest.commands.first())?;
    let part = |command: &RemainingCommand| match command.hosts {
        0 => format!("step {}", command.command),
        hosts => format!("step {} on {} of {}", command.command, command.left, words::count(hosts as i64, "host")),
    };
    let mut parts: Vec<String> = own().take(STEPS_NAMED).map(part).collect();
    let more = own().count().saturating_sub(STEPS_NAMED);
    if more > 0 {
        parts.push(words::count(more as i64, "more step"));
    }
    Some(ResumeLine {
        plan_hash: rest.plan_hash.clone(),
        step: first.command,
        words: match rest.commands.iter().find_map(|command| command.deferred_from) {
            Some(push) => format!(
                "Resuming first runs the “finally” of push {push}, which its runner could not run, then only the remaining steps: {}.",
                words::and(&parts)
            ),
            None => format!("Resuming runs only the remaining steps: {}.", words::and(&parts)),
        },
        why_not: rest.why_not.clone(),
    })
}
