//! What touches `current`: the flip to a verified release, the look before any host flips, and the rollback to what was there before,
//! word for word. It must never replace a directory or a file, nor anything that someone else put there since. Called by the runner.

use super::{BuildOnDisk, FEW, MANY, Visit, obstacle, scripts};
use crate::diagnostic::shown;
use crate::remote::masters::Connection;
use crate::remote::transfer::note;
use crate::remote::{Ending, Lines, Task};
use crate::stack::Release;
use std::time::Duration;
use tokio::time::Instant;

/// Flips `dir/current` to the verified release and reads it back; anything but `Exited(0)` means that it was not flipped
/// or nobody knows. With a good end comes when it flipped, by our own clock: the answer's moment, less what the host says
/// has passed since.
pub async fn activate(
    on: &Connection,
    build: &BuildOnDisk<'_>,
    dir: &str,
    task: Task,
    lines: &Lines,
) -> (Ending, Option<Instant>) {
    let visit = match Visit::new(on, build, dir, None, task, lines).await {
        Ok(visit) => visit,
        Err(refused) => return (refused, None),
    };
    let (ending, said) = visit.flip().await;
    let at = Instant::now();
    let (link, since) = said.rsplit_once("since ").unwrap_or((&said, ""));
    match obstacle::judged(ending, &said, on.host.name(), dir).code() {
        Ok(0) if link == visit.flipped() => {
            note(lines, format!("current is releases/{}, content hash {}", build.id, build.root.short())).await;
            (Ending::Exited(0), at.checked_sub(passed(since)))
        }
        Ok(0) => (Ending::Unknown(format!("{} flipped, but reads back {said:?}", on.host)), None),
        Ok(code) => (Ending::Exited(code), None),
        Err(ending) => (ending, None),
    }
}

/// Looks whether this host could flip, before any does: where a release is still to come, whether it could be brought; otherwise
/// whether it is there, verified. Changes nothing.
pub async fn ready(
    on: &Connection,
    build: &BuildOnDisk<'_>,
    (dir, to_come): (&str, Option<&Release>),
    task: Task,
    lines: &Lines,
) -> Ending {
    match Visit::new(on, build, dir, to_come, task, lines).await {
        Ok(visit) => {
            let script = if to_come.is_some() { scripts::AHEAD.to_owned() } else { scripts::ready() };
            let (ending, said) = visit.ask(&scripts::located(&script), MANY).await;
            obstacle::judged(ending, &said, on.host.name(), dir)
        }
        Err(refused) => refused,
    }
}

/// What became of `current` when it went back to what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PutBack {
    /// It is as it was before this push: what it is, in words.
    Back(String),
    /// Someone put something else there since, which was left: what it is, in words.
    Other(String),
    /// This push has not flipped it.
    Untouched,
}

/// Whether `dir/current` was this build before the push flipped it; where the push has not, whether it is.
///
/// # Errors
/// Why the host gave no answer.
pub async fn had(on: &Connection, old: &BuildOnDisk<'_>, dir: &str, task: Task, lines: &Lines) -> Result<bool, String> {
    let visit = Visit::new(on, old, dir, None, task, lines).await.map_err(|ending| obstacle::unable(&ending))?;
    match visit.ask(&scripts::located(scripts::HAD), FEW).await {
        (Ending::Exited(0), said) if said == "same\n" => Ok(true),
        (Ending::Exited(0), said) if said == "other\n" => Ok(false),
        (Ending::Exited(0), _) => Err("its answer is not clear".to_owned()),
        (ending, _) => Err(obstacle::unable(&ending)),
    }
}

/// Puts `dir/current` back as it was before this push, word for word, also to no `current` at all.
///
/// # Errors
/// Why that was not done, or is not known.
pub async fn put_back(
    on: &Connection,
    build: &BuildOnDisk<'_>,
    dir: &str,
    task: Task,
    lines: &Lines,
) -> Result<PutBack, String> {
    let visit = Visit::new(on, build, dir, None, task, lines).await.map_err(|ending| obstacle::unable(&ending))?;
    let (ending, said) = visit.ask(&scripts::located(scripts::UNFLIP), FEW).await;
    let said = said.trim_end_matches('\n');
    let (word, rest) = said.split_once(' ').unwrap_or((said, ""));
    let (kind, text) = rest.split_once(' ').unwrap_or((rest, ""));
    let what = match kind {
        "nothing" => "there is no current".to_owned(),
        "ours" | "elsewhere" | "nowhere" => format!("current -> {}", shown(text)),
        _ => format!("current is a {kind}"),
    };
    match (obstacle::judged(ending, said, on.host.name(), dir), word) {
        (Ending::Exited(0), "back") => Ok(PutBack::Back(what)),
        (Ending::Exited(0), "other") => Ok(PutBack::Other(what)),
        (Ending::Exited(0), "untouched") => Ok(PutBack::Untouched),
        (Ending::Exited(0), _) => Err("its answer is not clear".to_owned()),
        (ending, _) => Err(obstacle::unable(&ending)),
    }
}

/// How long ago a host flipped, by its own clock that nobody sets: `since BEGIN END`, in seconds since it was started.
fn passed(since: &str) -> Duration {
    let mut times = since.split_whitespace().map(|time| time.parse::<f64>().unwrap_or(0.0));
    let (flip, now) = (times.next().unwrap_or(0.0), times.next().unwrap_or(0.0));
    Duration::try_from_secs_f64(now - flip).unwrap_or_default()
}

impl Visit<'_> {
    /// What the host says when it runs the build.
    fn flipped(&self) -> String {
        format!("releases/{}\n{}\n", self.build.id, self.build.root)
    }

    async fn flip(&self) -> (Ending, String) {
        let (flip, read_back) = (scripts::located(scripts::FLIP), scripts::located(scripts::READ_BACK));
        match self.ask(&flip, FEW).await {
            // The connection broke: the host knows whether it flipped before. If not, once more (TRUST section 4).
            (Ending::Unknown(why), _) => match self.ask(&read_back, FEW).await {
                (Ending::Exited(_), said) if said == self.flipped() => (Ending::Exited(0), said),
                (Ending::Exited(_), _) => self.ask(&flip, FEW).await,
                _ => (Ending::Unknown(why), String::new()),
            },
            answer => answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_passed_since_a_flip_is_the_hosts_own_measure_and_never_less_than_nothing() {
        for (since, ms) in
            [("12.34 12.59\n", 250), ("12.34 12.34\n", 0), ("9 3", 0), ("x y", 0), ("", 0), ("1 1e400", 0)]
        {
            assert_eq!(passed(since).as_millis(), ms, "{since:?}");
        }
    }
}
