//! What is told when a push is paused, and when it goes on.

use super::{clean, large, late};
use crate::ledger::outbox::{Announcement, Pause};
use crate::time::{At, duration_words};

/// `[web] joe paused push 214 of mary to PROD: no new host starts · graphs look odd`;
/// `[web] joe resumed push 214 of mary to PROD after a pause of 3 m 2 s`.
pub(super) fn line(announcement: &Announcement, pause: &Pause, now: At) -> String {
    let stack = clean::short(announcement.push.stack.as_str(), 40);
    let late = late(announcement, now).map(|ago| format!(" ({ago})")).unwrap_or_default();
    let stage = clean::short(announcement.push.stage.as_str(), 40).to_uppercase();
    format!("[{stack}]{late} {}", pause_words(announcement, pause, &stage))
}

/// `joe paused push 214 of mary to Prod: no new host starts.`
pub(super) fn sentence(announcement: &Announcement, pause: &Pause) -> String {
    let stage = large(&clean::short(announcement.push.stage.as_str(), 40));
    let stack = clean::short(announcement.push.stack.as_str(), 40);
    let told = pause_words(announcement, pause, &format!("{stage} ({stack})"));
    if told.ends_with('.') { told } else { format!("{told}.") }
}

/// `paused by joe`, for a subject.
pub(super) fn short(announcement: &Announcement, pause: &Pause) -> String {
    let who = clean::short(&pause.who, 40);
    match announcement.push.paused {
        Some(_) => format!("paused by {who}:"),
        None => format!("resumed by {who}:"),
    }
}

fn pause_words(announcement: &Announcement, pause: &Pause, stage: &str) -> String {
    let push = &announcement.push;
    let who = clean::short(&pause.who, 40);
    let whose = match push.who == pause.who {
        true => String::new(),
        false => format!(" of {}", clean::short(&push.who, 40)),
    };
    let what = format!("push {}{whose} to {stage}", push.id);
    match (&push.paused, pause.lasted_ms) {
        (Some(paused), _) => {
            let why = paused.reason.as_deref().map(|why| clean::short(why, 100)).filter(|why| !why.is_empty());
            let why = why.map(|why| format!(" · {why}")).unwrap_or_default();
            format!("{who} paused {what}: no new host starts{why}")
        }
        (None, Some(lasted)) => format!("{who} resumed {what} after a pause of {}", duration_words(lasted)),
        (None, None) => format!("{who} resumed {what}"),
    }
}
