//! The look ahead: what the first flip of a push would stumble over is found on all hosts before any host flips, wherever its
//! release has not looked already. It must never change a host. Called by the walk and by rolls.

use super::build::Artifact;
use super::{ending, output, task};
use crate::journal::HostResult;
use crate::plan::{Kind, Part, PlannedCommand};
use crate::remote::{Ending, release};
use crate::run::commands::numbered;
use crate::run::job::Job;
use crate::run::outcome::{HostOutcome, host_ended};
use crate::run::progress::Progress;
use crate::run::recorder::Place;
use crate::stack::{Host, Release};
use futures::stream::{self, StreamExt};
use tokio::sync::mpsc;

/// Hosts that are looked at together.
const AT_ONCE: usize = 100;
/// Lines of one look that may wait for the recorder.
const WAITING_LINES: usize = 16;

/// What is to be looked at before the first flip.
#[derive(Clone, Debug, Default, PartialEq)]
struct LookAhead {
    /// The command, or the head of the roll, before which it is.
    at: u32,
    /// The directories, each with the release that is still to be brought there.
    dirs: Vec<(String, Option<Release>)>,
}

impl LookAhead {
    /// What the releases before the first flip have not looked at.
    fn of(commands: &[PlannedCommand], kind: Kind) -> Self {
        let main: Vec<_> = numbered(commands).filter(|(_, command)| command.part == Part::Main).collect();
        let flips = |step: &&[(u32, &PlannedCommand)]| step.iter().any(|(_, command)| command.is_flip());
        let Some(first) = main.chunk_by(|(_, one), (_, next)| one.rolls_with(next)).find(flips) else {
            return Self::default();
        };
        let at = first[0].0;
        let mut dirs: Vec<(String, Option<Release>)> = Vec::new();
        for (_, command) in &main {
            let Some(dir) = command.form.flips() else { continue };
            let releases = main.iter().filter_map(|(number, command)| Some((*number, command.form.release()?)));
            let mut releases = releases.filter(|(_, release)| release.dir == dir);
            // A push that resumes may take a release over from an earlier one: nobody has looked since.
            let looked = !matches!(kind, Kind::Resume { .. }) && releases.clone().any(|(number, _)| number < at);
            if !looked && dirs.iter().all(|(known, _)| known != dir) {
                let to_come = releases.clone().all(|(number, _)| number >= at).then(|| releases.next()).flatten();
                dirs.push((dir.to_owned(), to_come.map(|(_, release)| release.clone())));
            }
        }
        Self { at, dirs }
    }
}

/// Looks at all places before the first flip of the push; those that could not flip have failed the command that begins.
pub async fn look_ahead(
    job: &Job,
    progress: &Progress,
    (number, command): (u32, &PlannedCommand),
    places: &[Option<Host>],
) -> Vec<HostOutcome> {
    let ahead = LookAhead::of(job.commands(), job.plan().kind);
    if ahead.at != number || ahead.dirs.is_empty() {
        return Vec::new();
    }
    let looks = places.iter().flatten().map(|host| look_at(job, progress, (number, command), &ahead, host));
    let failed: Vec<Option<HostOutcome>> = stream::iter(looks).buffered(AT_ONCE).collect().await;
    let failed: Vec<HostOutcome> = failed.into_iter().flatten().collect();
    for (host, outcome) in &failed {
        let why = outcome.why.as_deref().unwrap_or_default();
        let words = format!("looked ahead, {}: {why}", outcome.result.word());
        job.recorder.note(&Place::new(number, host.as_ref()), words).await;
        job.recorder.state(host_ended(number, host.as_ref(), outcome, 0)).await;
    }
    failed
}

/// What one host could not do. One that gives no answer fails where it is needed, not here.
async fn look_at(
    job: &Job,
    progress: &Progress,
    (number, command): (u32, &PlannedCommand),
    ahead: &LookAhead,
    host: &Host,
) -> Option<HostOutcome> {
    let on = progress.connections.get(host)?;
    let artifact = Artifact::of(job, progress, command.part);
    let build = artifact.on_disk()?;
    let place = Place::new(number, Some(host));
    for (at, to_come) in &ahead.dirs {
        let (lines, from) = mpsc::channel(WAITING_LINES);
        let task = task::own(job, progress, command, Some(host));
        let looked = async {
            let ending = release::ready(on, &build, (at, to_come.as_ref()), task, &lines).await;
            drop(lines);
            ending
        };
        let (ending, last_words) = tokio::join!(looked, output::write_down(&job.recorder, &place, command, from));
        if matches!(ending, Ending::Stopped(_) | Ending::Exited(1..)) {
            let outcome = ending::outcome(ending, command, &last_words.error, Some(host));
            debug_assert_eq!(outcome.result, HostResult::Failed, "it answered");
            return Some((Some(host.clone()), outcome));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Artifact, Target, plan};
    use crate::stack::parse;

    #[test]
    fn what_no_release_has_looked_at_is_looked_at_before_the_first_flip() {
        let ahead = |list: &str, kind: Kind| {
            let text = format!(
                "source = {{ git = \"x\", branch = \"main\" }}\n[[stage]]\nname = \"qa\"\nhosts = [\"web[1-4]\"]\n\
                 commands = [{list}]\n"
            );
            let stack = parse("web".parse().unwrap(), "stacks/web.toml", &text).unwrap();
            let (id, root) = ("aaaaaaa-1".parse().unwrap(), "9f".repeat(32).parse().unwrap());
            let artifact = Artifact::Build { id, root, sha: "5".repeat(40).parse().unwrap() };
            let target = Target { artifact, branch: "main".to_owned(), old: None };
            let commands = plan(&stack, &"qa".parse().unwrap(), target).unwrap().commands;
            let LookAhead { at, dirs } = LookAhead::of(&commands, kind);
            let words =
                dirs.iter().map(|(dir, to_come)| format!("{dir}{}", if to_come.is_some() { " to come" } else { "" }));
            (at, words.collect::<Vec<_>>())
        };
        let resumed = Kind::Resume { of: "3".parse().unwrap() };
        let (release, flip) = ("{ release = \"/a\" }", "{ activate = \"/a\" }");
        let table = [
            (format!("{release}, \"x\", {flip}"), Kind::Push, 3, vec![]),
            (format!("{release}, \"x\", {flip}"), resumed, 3, vec!["/a"]),
            (format!("{release}, {{ roll = [\"x\", {flip}], chunk = 1 }}"), Kind::Push, 2, vec![]),
            (
                format!("{release}, {flip}, {{ release = \"/b\" }}, {{ activate = \"/b\" }}"),
                Kind::Push,
                2,
                vec!["/b to come"],
            ),
            (release.to_owned(), Kind::Push, 0, vec![]),
        ];
        for (list, kind, at, dirs) in table {
            let dirs: Vec<String> = dirs.into_iter().map(str::to_owned).collect();
            assert_eq!(ahead(&list, kind), (at, dirs), "{list}");
        }
    }
}
