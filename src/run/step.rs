//! One command on one place: a host, or the push host. Records before it acts, acts under the guard, records how it ended.
//! It must never call a command ended well that its guard did not, nor try one again whose end nobody knows.

use super::recorder::Place;
use super::walk::{Walk, elapsed_ms, host_ended};
use super::{check, link};
use crate::journal::{Event, HostResult, Stream};
use crate::plan::{self, BuildFrom, Part, PlannedCommand, PlannedForm};
use crate::remote::release::BuildOnDisk;
use crate::remote::{Ending, Line, Lines, Task, guard, release, transfer};
use crate::source::build::{BuildDir, freeze};
use crate::source::origin::Origin;
use crate::stack::{Check, Host, Root, Script};
use crate::time::duration_words;
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// How a command ended on one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How.
    pub result: HostResult,
    /// The exit code, when it exited by itself.
    pub code: Option<i32>,
    /// Why it did not end well.
    pub why: Option<String>,
    /// How many processes would not die.
    pub left: u32,
}

/// Lines of one command on one host that may wait for the recorder.
const WAITING_LINES: usize = 256;
/// The most lines of a quiet command that are kept for the case that it fails.
const QUIET_LINES: usize = 2000;
const NO_BUILD: &str = "no build was frozen";
/// The longest piece of output that is part of a reason.
const LONGEST_REASON: usize = 200;

impl Outcome {
    /// Whether a new try can help: not after a cancel, nor where something may still run or nothing could begin.
    fn may_be_tried_again(&self, command: &PlannedCommand) -> bool {
        match self.result {
            HostResult::Failed => self.code.is_some() || matches!(command.form, PlannedForm::Check(_)),
            HostResult::TimedOut | HostResult::Unreachable => self.left == 0,
            _ => false,
        }
    }
}

impl Walk {
    /// Runs a command on one place and records it.
    pub(super) async fn on_host(&self, number: u32, command: &PlannedCommand, host: Option<&Host>) -> Outcome {
        let began = Instant::now();
        let place = Place { command: number, host: host.map(|host| host.name().to_owned()) };
        self.recorder.state(Event::HostStarted { command: number, host: place.host.clone() }).await;
        let values = plan::values(&self.assignment, host);
        for line in command.typed(&values) {
            self.recorder.note(&place, line).await;
        }
        let (outcome, last_words) = self.tried(&place, command, host).await;
        if outcome.result != HostResult::Ok {
            for line in last_words.kept {
                self.recorder.line(&place, line.stream, line.text).await;
            }
            let why = outcome.why.as_deref().unwrap_or_default();
            self.recorder.note(&place, format!("{}: {why}", outcome.result.word())).await;
        }
        self.recorder.soon(host_ended(number, host, &outcome, elapsed_ms(began))).await;
        outcome
    }

    /// Tries a command as often as it says, until it ends well.
    async fn tried(&self, place: &Place, command: &PlannedCommand, host: Option<&Host>) -> (Outcome, LastWords) {
        let mut attempt = 1;
        loop {
            let is_last = attempt >= command.tries;
            let (lines, from) = mpsc::channel(WAITING_LINES);
            let (ending, last_words) =
                tokio::join!(self.act(place, command, host, is_last, lines), self.write_down(place, command, from));
            let outcome = outcome(ending, command, &last_words.error);
            if is_last || !outcome.may_be_tried_again(command) {
                return (outcome, last_words);
            }
            let why = outcome.why.as_deref().unwrap_or(outcome.result.word());
            let words = format!("try {attempt} of {}: {why}; again in {} s", command.tries, command.every_s);
            self.recorder.note(place, words).await;
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(command.every_s)) => attempt += 1,
                () = self.until_cancelled(command).cancelled_owned() => {
                    return (self::outcome(Ending::Cancelled { left: 0 }, command, ""), last_words);
                }
            }
        }
    }

    /// What ends a command early. Nothing does in `finally`: it runs because of the cancel, not against it.
    fn until_cancelled(&self, command: &PlannedCommand) -> CancellationToken {
        match command.part {
            Part::Owed | Part::Before | Part::Main => self.orders.token.clone(),
            Part::Finally => CancellationToken::new(),
        }
    }

    /// Writes lines down as they come; of a quiet command only when it failed. Returns the last line on standard error.
    async fn write_down(&self, place: &Place, command: &PlannedCommand, mut from: mpsc::Receiver<Line>) -> LastWords {
        let mut last = LastWords::default();
        while let Some(line) = from.recv().await {
            if line.stream == Stream::Err && says_more(&last.error, line.text.trim()) {
                last.error = line.text.trim().chars().take(LONGEST_REASON).collect();
            }
            self.link(place, command, &line).await;
            match command.quiet {
                false => self.recorder.line(place, line.stream, line.text).await,
                true => {
                    last.kept.push_back(line);
                    if last.kept.len() > QUIET_LINES {
                        last.kept.pop_front();
                    }
                }
            }
        }
        last
    }

    /// Keeps the link that a line of `before` or `finally` gives.
    async fn link(&self, place: &Place, command: &PlannedCommand, line: &Line) {
        if command.part == Part::Main || line.stream != Stream::Out {
            return;
        }
        let Some((title, url)) = link::parse(&line.text) else { return };
        if self.links.fetch_add(1, Ordering::Relaxed) < link::MOST {
            self.recorder.state(Event::Link { command: place.command, title, url }).await;
        }
    }

    /// Does what the command says. `lines` is dropped when all output is in, which ends [`Walk::write_down`].
    async fn act(
        &self,
        place: &Place,
        command: &PlannedCommand,
        host: Option<&Host>,
        is_last: bool,
        lines: Lines,
    ) -> Ending {
        let connection = match host {
            Some(host) => match self.connection(host, self.until_cancelled(command)).await {
                Ok(connection) => connection,
                Err(ending) => return ending,
            },
            None => None,
        };
        let dir = (self.build_dir().tree(), self.build_dir().manifest());
        let owed_dir = self.owed_dir(command).await;
        let near = owed_dir.as_deref().unwrap_or_else(|| self.near_dir(&dir.0));
        match (&command.form, connection.as_deref()) {
            (PlannedForm::Checkout, _) => self.within(command, self.check_out(place)).await,
            (PlannedForm::Freeze, _) => self.freeze(place).await,
            (PlannedForm::Build(script), _) => {
                guard::near(&self.checkout, self.task(command, script, host), &lines).await
            }
            (PlannedForm::Local(script), _) => guard::near(near, self.task(command, script, host), &lines).await,
            (PlannedForm::Check(Check::Http(address)), _) => {
                let task = self.own_task(command, host);
                let url = address.filled(&task.values);
                check::ask(near, task, url, is_last, &lines).await
            }
            (PlannedForm::Confirm(question), _) => self.confirm(place.command, command, question).await,
            (PlannedForm::Check(Check::Run(script)) | PlannedForm::Run(script), Some(on)) => {
                guard::far(on, self.task(command, script, host), &lines).await
            }
            (PlannedForm::Rsync(what), Some(on)) => {
                transfer::rsync(on, &dir.0, what, self.own_task(command, host), &lines).await
            }
            (PlannedForm::Release(what), Some(on)) => match self.root() {
                Some(root) => {
                    let (build, task) = (self.build(&dir, &root), self.own_task(command, host));
                    self.bring((place.command, command), what, on, &build, task, &lines).await
                }
                None => Ending::Refused(NO_BUILD.to_owned()),
            },
            (PlannedForm::Activate { dir: to }, Some(on)) => match self.root() {
                Some(root) => {
                    release::activate(on, &self.build(&dir, &root), to, self.own_task(command, host), &lines).await
                }
                None => Ending::Refused(NO_BUILD.to_owned()),
            },
            (PlannedForm::ReadBack { dirs }, Some(on)) => match self.root() {
                Some(root) => {
                    self.read_back(on, dirs, &self.build(&dir, &root), self.own_task(command, host), &lines).await
                }
                None => Ending::Refused(NO_BUILD.to_owned()),
            },
            (_, None) => Ending::Unreachable("no connection was made to it".to_owned()),
        }
    }

    fn build<'a>(&'a self, (tree, manifest): &'a (PathBuf, PathBuf), root: &'a Root) -> BuildOnDisk<'a> {
        BuildOnDisk { id: &self.assignment.build, root, tree, manifest, sha: self.assignment.plan.sha.as_str() }
    }

    fn task(&self, command: &PlannedCommand, script: &Script, host: Option<&Host>) -> Task {
        let mut task = Task { script: script.text.clone(), ..self.own_task(command, host) };
        task.values.extend(self.secrets.of(script));
        task
    }

    /// Where commands on the push host run: in the build, or, before there is one, in the push's own empty directory.
    fn near_dir<'a>(&'a self, tree: &'a Path) -> &'a Path {
        if tree.is_dir() { tree } else { &self.checkout }
    }

    fn values(&self, host: Option<&Host>) -> BTreeMap<String, String> {
        let mut values = plan::values(&self.assignment, host);
        let so_far = self.so_far.map(|ended| ("PUSH_RESULT".to_owned(), ended.word().to_owned()));
        values.extend(so_far);
        values
    }

    fn own_task(&self, command: &PlannedCommand, host: Option<&Host>) -> Task {
        Task {
            script: String::new(),
            values: command.own_values(&self.values(host)).into_owned(),
            timeout: Duration::from_secs(command.timeout_s),
            lease_s: self.assignment.lease_s,
            grace_s: self.assignment.grace_s,
            lock: host.map(|host| format!("{}@{}", self.assignment.plan.stack, host.name())),
            fence: format!("{}.1", self.assignment.push),
            cancel: self.until_cancelled(command),
            mask: Arc::clone(&self.secrets.mask),
        }
    }

    fn build_dir(&self) -> BuildDir {
        BuildDir::of(&self.data, &self.assignment.plan.stack, &self.assignment.build)
    }

    /// The root of the build that goes out: from the plan, or as this push froze it.
    fn root(&self) -> Option<Root> {
        match &self.assignment.plan.build {
            BuildFrom::Existing { root, .. } => Some(root.clone()),
            BuildFrom::Made { .. } => self.frozen.get().cloned(),
        }
    }

    async fn within(&self, command: &PlannedCommand, work: impl Future<Output = Result<(), String>>) -> Ending {
        let limit = Duration::from_secs(command.timeout_s);
        tokio::select! {
            done = work => match done {
                Ok(()) => Ending::Exited(0),
                Err(why) => Ending::Refused(why),
            },
            () = tokio::time::sleep(limit) => Ending::TimedOut { left: 0 },
            () = self.orders.token.cancelled() => Ending::Cancelled { left: 0 },
        }
    }

    async fn check_out(&self, place: &Place) -> Result<(), String> {
        let plan = &self.assignment.plan;
        let (most, mirrors) = (self.assignment.source_most, self.data.join("mirrors"));
        let origin = match &plan.build {
            BuildFrom::Made { source, .. } => {
                Origin::of(source, &plan.stack, &mirrors, self.assignment.ssh_config.clone(), most)
                    .map(|origin| (origin, source.address().unwrap_or_default()))
            }
            BuildFrom::Existing { .. } => None,
        };
        let Some((origin, address)) = origin else {
            return Err("this push has no source to check out".to_owned());
        };
        match &origin {
            Origin::Git(mirror, _) if !mirror.has(&plan.sha).await => {
                self.recorder.note(place, format!("fetching {address}")).await;
                mirror.fetch().await.map_err(|error| error.to_string())?;
            }
            Origin::Git(..) => {}
            Origin::Svn(_) => self.recorder.note(place, format!("exporting {address}@{}", plan.sha)).await,
            Origin::Dir(..) => self.recorder.note(place, format!("copying {address}")).await,
        }
        origin.checkout(&plan.sha, &self.checkout, most).await.map_err(|error| error.to_string())
    }

    async fn freeze(&self, place: &Place) -> Ending {
        let plan = &self.assignment.plan;
        let ship = match &plan.build {
            BuildFrom::Made { ship, .. } => ship.clone(),
            BuildFrom::Existing { .. } => None,
        };
        let (build, checkout) = (self.build_dir(), self.checkout.clone());
        let previous = plan.old.as_ref().map(|old| BuildDir::of(&self.data, &plan.stack, &old.id));
        // Not cut short by a cancel: it is bounded by the tree, and half a build never gets the final name.
        let frozen =
            tokio::task::spawn_blocking(move || freeze(&checkout, ship.as_deref(), &build, previous.as_ref())).await;
        match frozen {
            Ok(Ok(frozen)) => {
                let words = format!(
                    "build {}: {} files, {} bytes, {} unchanged; root {}",
                    self.assignment.build,
                    frozen.files,
                    frozen.bytes,
                    frozen.unchanged,
                    frozen.root.short()
                );
                self.recorder.note(place, words).await;
                let build = self.assignment.build.clone();
                let (root, files, bytes) = (frozen.root, frozen.files, frozen.bytes);
                let _ = self.frozen.set(root.clone());
                self.recorder.state(Event::BuildMade { command: place.command, build, root, files, bytes }).await;
                Ending::Exited(0)
            }
            Ok(Err(error)) => Ending::Refused(error.to_string()),
            Err(error) => Ending::Refused(error.to_string()),
        }
    }
}

/// What a command left behind for its outcome.
#[derive(Default)]
struct LastWords {
    error: String,
    kept: VecDeque<Line>,
}

/// Whether a line on standard error is a better reason than the one before it. The last one is, but for rsync's closing
/// words ("error in file IO (code 11)"): the line before them says which file, and why.
fn says_more(before: &str, line: &str) -> bool {
    !line.is_empty() && (before.is_empty() || !line.starts_with("rsync error:"))
}

fn outcome(ending: Ending, command: &PlannedCommand, last_error: &str) -> Outcome {
    let on_push_host = matches!(command.form, PlannedForm::Checkout | PlannedForm::Freeze);
    let left_words = |left: u32| match left {
        0 => String::new(),
        1 => "; 1 process would not die".to_owned(),
        n => format!("; {n} processes would not die"),
    };
    let (result, code, why, left) = match ending {
        Ending::Exited(0) => (HostResult::Ok, Some(0), None, 0),
        // What was asked has its own words for the answer.
        Ending::Exited(_)
            if matches!(command.form, PlannedForm::Check(Check::Http(_)) | PlannedForm::ReadBack { .. }) =>
        {
            (HostResult::Failed, None, Some(last_error.to_owned()), 0)
        }
        Ending::Exited(code) => {
            let said = if last_error.is_empty() { String::new() } else { format!(": {last_error}") };
            (HostResult::Failed, Some(code), Some(format!("exited with {code}{said}")), 0)
        }
        Ending::Refused(why) if on_push_host => (HostResult::Failed, None, Some(why), 0),
        Ending::Refused(why) => (HostResult::Failed, None, Some(format!("nothing ran: {why}")), 0),
        Ending::Unreachable(why) => (HostResult::Unreachable, None, Some(why), 0),
        Ending::TimedOut { .. } if matches!(command.form, PlannedForm::Confirm(_)) => {
            (HostResult::TimedOut, None, Some("nobody answered in time".to_owned()), 0)
        }
        Ending::TimedOut { left } => {
            let limit =
                duration_words(i64::try_from(command.timeout_s).unwrap_or(i64::MAX / 1000).saturating_mul(1000));
            (HostResult::TimedOut, None, Some(format!("not done after {limit}, ended{}", left_words(left))), left)
        }
        Ending::Cancelled { left } => (HostResult::Cancelled, None, Some(format!("ended{}", left_words(left))), left),
        Ending::Unknown(why) => (HostResult::Unknown, None, Some(why), 0),
    };
    Outcome { result, code, why, left }
}

#[cfg(test)]
mod tests {
    use super::says_more;

    #[test]
    fn the_reason_is_the_last_line_that_says_one() {
        let full = "rsync: [receiver] write failed on \"/srv/web/a.css\": No space left on device (28)";
        for (before, line, more) in [
            ("", "no such file", true),
            ("no such file", "cannot go on", true),
            ("cannot go on", "", false),
            (full, "rsync error: error in file IO (code 11) at receiver.c(657)", false),
            ("", "rsync error: some files could not be transferred (code 23)", true),
        ] {
            assert_eq!(says_more(before, line), more, "{before:?} then {line:?}");
        }
    }
}
