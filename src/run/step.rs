//! One command on one place: a host, or the push host. Records before it acts, acts under the guard, records how it ended.
//! It must never call a command ended well that its guard did not, nor try one again whose end nobody knows.

use super::recorder::Place;
use super::walk::{Walk, elapsed_ms, host_ended};
use super::work::complaint::Complaint;
use super::work::{check, link};
use crate::advice::of_stack;
use crate::journal::{Event, HostResult, Stream};
use crate::plan::{self, Part, PlannedCommand, PlannedForm};
use crate::remote::{Ending, Line, Lines, Task, guard, release, transfer};
use crate::stack::{BuildId, Check, Host, Script};
use crate::time::duration_words;
use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
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
        let values = plan::values_of(&self.assignment, command.part, host);
        for line in command.typed(&values) {
            self.recorder.note(&place, line).await;
        }
        let (outcome, last_words) = match host.zip(self.link_of(command, host)) {
            Some((host, dir)) => (self.put_link_back(&place, command, host, dir).await, LastWords::default()),
            None => self.tried(&place, command, host).await,
        };
        if outcome.result != HostResult::Ok {
            for line in last_words.kept {
                self.recorder.line(&place, line.stream, line.text).await;
            }
            let why = outcome.why.as_deref().unwrap_or_default();
            self.recorder.note(&place, format!("{}: {why}", outcome.result.word())).await;
            // What a person fixes there now, a session that began before may never see.
            if let Some(host) = host.filter(|host| self.connections.contains_key(*host)) {
                self.masters.doubt(host, &self.assignment.plan.stack);
            }
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
            let mut outcome = outcome(ending, command, &last_words.error, host);
            outcome.why = outcome.why.map(|why| of_stack(&why, self.assignment.plan.stack.as_str()));
            if is_last || !outcome.may_be_tried_again(command) || last_words.error.is_lasting(&command.form) {
                return (outcome, last_words);
            }
            let why = outcome.why.as_deref().unwrap_or(outcome.result.word());
            let words = format!("try {attempt} of {}: {why}; again in {} s", command.tries, command.every_s);
            self.recorder.note(place, words).await;
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(command.every_s)) => attempt += 1,
                () = self.until_cancelled(command).cancelled_owned() => {
                    return (outcome_of_cancel(), last_words);
                }
            }
        }
    }

    /// What ends a command early. Nothing does in `finally`: it runs because of the cancel, not against it.
    fn until_cancelled(&self, command: &PlannedCommand) -> CancellationToken {
        match command.part {
            Part::Owed | Part::Before | Part::Main | Part::Drop | Part::Undo => self.orders.token.clone(),
            Part::Finally => CancellationToken::new(),
        }
    }

    /// Writes lines down as they come; of a quiet command only when it failed. Returns what it said on standard error.
    pub(super) async fn write_down(
        &self,
        place: &Place,
        command: &PlannedCommand,
        mut from: mpsc::Receiver<Line>,
    ) -> LastWords {
        let mut last = LastWords::default();
        while let Some(line) = from.recv().await {
            if line.stream == Stream::Err {
                last.error.take(&line.text);
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

    /// Keeps the link that a line of `before`, `finally` or `drop` gives.
    async fn link(&self, place: &Place, command: &PlannedCommand, line: &Line) {
        if matches!(command.part, Part::Main | Part::Undo) || line.stream != Stream::Out {
            return;
        }
        let Some((title, url)) = link::parse(&line.text) else { return };
        if self.links.fetch_add(1, Ordering::Relaxed) < link::MOST {
            self.recorder.state(Event::Link { command: place.command, title, url, host: place.host.clone() }).await;
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
        let goods = self.goods(command.part);
        let dir = (goods.dir.tree(), goods.dir.manifest());
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
            (PlannedForm::Release(what), Some(on)) => match &goods.root {
                Some(root) => {
                    let (build, task) = (goods.build(&dir, root), self.own_task(command, host));
                    self.bring((place.command, command), what, on, &build, task, &lines).await
                }
                None => Ending::Refused(NO_BUILD.to_owned()),
            },
            (PlannedForm::Activate { dir: to }, Some(on)) => match &goods.root {
                Some(root) => {
                    let build = goods.build(&dir, root);
                    let (ending, at) = release::activate(on, &build, to, self.own_task(command, host), &lines).await;
                    self.flips.note(place.command, at);
                    ending
                }
                None => Ending::Refused(NO_BUILD.to_owned()),
            },
            (PlannedForm::ReadBack { dirs }, Some(on)) => match &goods.root {
                Some(root) => {
                    // A link that went back as it was has been read already.
                    let asked = (command.part == Part::Undo).then(|| self.put_back.asked_about(&on.host, dirs));
                    let dirs = asked.as_ref().unwrap_or(dirs);
                    self.read_back(on, dirs, &goods.build(&dir, root), self.own_task(command, host), &lines).await
                }
                None => Ending::Refused(NO_BUILD.to_owned()),
            },
            (_, None) => Ending::Unreachable("no connection was made to it".to_owned()),
        }
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

    fn values(&self, part: Part, host: Option<&Host>) -> BTreeMap<String, String> {
        let mut values = plan::values_of(&self.assignment, part, host);
        let so_far = self.so_far.map(|ended| ("PUSH_RESULT".to_owned(), ended.word().to_owned()));
        values.extend(so_far);
        values
    }

    pub(super) fn own_task(&self, command: &PlannedCommand, host: Option<&Host>) -> Task {
        Task {
            script: String::new(),
            values: command.own_values(&self.values(command.part, host)).into_owned(),
            timeout: Duration::from_secs(command.timeout_s),
            lease_s: self.assignment.lease_s,
            grace_s: self.assignment.grace_s,
            lock: host.map(|host| host.lock_of(&self.assignment.plan.stack)),
            fence: format!("{}.1", self.assignment.push),
            cancel: self.until_cancelled(command),
            mask: Arc::clone(&self.secrets.mask),
        }
    }

    /// The removal of old releases must know what undo may need.
    pub(super) fn release_task(&self, command: &PlannedCommand, host: Option<&Host>) -> Task {
        let mut task = self.own_task(command, host);
        let spared: Vec<&str> = self.assignment.plan.spared.iter().map(BuildId::as_str).collect();
        task.values.insert("PUSH_SPARED".to_owned(), spared.join(" "));
        task
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
}

/// What a command left behind for its outcome.
#[derive(Default)]
pub(super) struct LastWords {
    pub(super) error: Complaint,
    kept: VecDeque<Line>,
}

fn outcome_of_cancel() -> Outcome {
    Outcome { result: HostResult::Cancelled, code: None, why: Some("ended".to_owned()), left: 0 }
}

pub(super) fn outcome(ending: Ending, command: &PlannedCommand, said: &Complaint, host: Option<&Host>) -> Outcome {
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
            (HostResult::Failed, None, Some(said.last().to_owned()), 0)
        }
        Ending::Exited(code) => {
            let place = host.filter(|_| command.form.over_ssh()).map_or("the push host", Host::name);
            (HostResult::Failed, Some(code), Some(said.words(&command.form, code, place)), 0)
        }
        Ending::Refused(why) if on_push_host => (HostResult::Failed, None, Some(why), 0),
        Ending::Refused(why) => (HostResult::Failed, None, Some(format!("nothing ran: {why}")), 0),
        Ending::Stopped(why) => (HostResult::Failed, None, Some(why), 0),
        Ending::Unreachable(why) => (HostResult::Unreachable, None, Some(why), 0),
        Ending::TimedOut { .. } if matches!(command.form, PlannedForm::Confirm(_)) => {
            (HostResult::TimedOut, None, Some("nobody answered in time".to_owned()), 0)
        }
        Ending::TimedOut { left } => {
            let limit =
                duration_words(i64::try_from(command.timeout_s).unwrap_or(i64::MAX / 1000).saturating_mul(1000));
            (
                HostResult::TimedOut,
                None,
                Some(format!(
                    "not done after {limit}, ended{} (`timeout` of the command in the stack file)",
                    left_words(left)
                )),
                left,
            )
        }
        Ending::Cancelled { left } => (HostResult::Cancelled, None, Some(format!("ended{}", left_words(left))), left),
        Ending::Unknown(why) => (HostResult::Unknown, None, Some(why), 0),
    };
    Outcome { result, code, why, left }
}
