//! The rollback: what a rollback would do, before anybody presses.

use crate::desk::view::{GoodBuild, RollbackReadiness, RollbackView};
use crate::stack::PushNumber;
use crate::web::stack::plan_view;
use crate::web::stack::plan_view::{Files, Step, Time};
use crate::web::view::frame::Frame;
use crate::web::view::pages::Pages;
use crate::web::view::parts::{CommitLine, Moment, StageTag, Version, commit_lines, link, root};
use crate::web::view::templates::PageError;
use crate::web::view::words;
use serde::Serialize;

/// Hosts that are named; all of them are on the page of the push.
const HOSTS_NAMED: usize = 12;

#[derive(Debug, Serialize)]
pub(crate) struct BackPage {
    stack: String,
    stage: StageTag,
    from: Option<Version>,
    /// Whether the build that the stage is said to run comes back: behind a push that ended badly.
    same: bool,
    to: Choice,
    plan_hash: Version,
    commits: Vec<CommitLine>,
    count: String,
    more: Option<String>,
    diff: Option<String>,
    hosts: String,
    steps: Vec<Step>,
    files: Files,
    time: Time,
    /// What nobody is asked, unless that is wanted.
    questions: Vec<String>,
    ask: bool,
    plan_hash_asking: String,
    others: Vec<Choice>,
    why_not: Option<String>,
    /// The push that must be cancelled first.
    running: Option<i64>,
    readiness: Option<ReadinessLine>,
}

/// How ready the rollback is, host by host.
#[derive(Debug, Serialize)]
struct ReadinessLine {
    shape: &'static str,
    words: String,
    hosts: Vec<String>,
    more: Option<String>,
    asked: Option<Moment>,
}

/// A build that can come back.
#[derive(Debug, Serialize)]
struct Choice {
    build: String,
    version: Version,
    root: Version,
    files: String,
    subject: String,
    push: i64,
    who: String,
    ago: Moment,
}

impl BackPage {
    pub(crate) fn new(frame: &Frame, back: &RollbackView) -> Self {
        let more = back.commit_count.saturating_sub(back.commits.len());
        Self {
            stack: back.stack.clone(),
            stage: StageTag::named(&back.stage),
            from: back.from.as_ref().map(|from| Version::named(&from.sha, &from.name)),
            same: back.from.as_ref().is_some_and(|from| from.build == back.to.build),
            to: Choice { version: Version::named(&back.to.sha, &back.name), ..choice(frame, &back.to) },
            plan_hash: root(&back.plan_hash),
            plan_hash_asking: back.plan_hash_asking.clone(),
            questions: back.questions.clone(),
            ask: back.ask,
            running: back.running.map(PushNumber::get),
            commits: commit_lines(&back.commits, frame.now),
            count: words::count(back.commit_count as i64, "commit"),
            more: (more > 0).then(|| format!("and {} more", words::thousands(more as i64))),
            diff: link(back.diff.as_deref()),
            hosts: words::count(back.hosts.len() as i64, "host"),
            steps: back.plan.commands.iter().map(|command| plan_view::step(command, back.hosts.len())).collect(),
            files: plan_view::files(&back.plan),
            time: plan_view::time(&back.plan),
            others: others(frame, back),
            why_not: back.why_not.clone(),
            readiness: back.readiness.as_ref().map(|readiness| readiness_line(frame, readiness)),
        }
    }
}

fn readiness_line(frame: &Frame, readiness: &RollbackReadiness) -> ReadinessLine {
    let (all, rest) = (readiness.not_ready.is_empty(), readiness.not_ready.len().saturating_sub(HOSTS_NAMED));
    let hosts = words::count(readiness.total as i64, "host");
    // While nobody has asked, there is nothing to say of each host alone.
    let named = if readiness.asked_at.is_some() { readiness.not_ready.as_slice() } else { &[] };
    ReadinessLine {
        shape: if all { "ok" } else { "wait" },
        words: match (all, readiness.asked_at.is_some()) {
            (true, _) if readiness.total == 1 => "Rollback is ready: its host has this build, verified.".to_owned(),
            (true, _) => format!("Rollback is ready: all {hosts} have this build, verified."),
            (false, true) => format!("Rollback is ready on {} of {hosts}.", readiness.ready),
            (false, false) => {
                "It is not known yet whether the hosts have this build; where it is missing, it will be uploaded."
                    .to_owned()
            }
        },
        hosts: named.iter().take(HOSTS_NAMED).map(|not| format!("{}: {}", not.host, not.why)).collect(),
        more: (rest > 0 && readiness.asked_at.is_some())
            .then(|| format!("and {}", words::count(rest as i64, "more host"))),
        asked: readiness.asked_at.as_deref().map(|at| Moment::ago(at, frame.now)),
    }
}

/// The other builds; those of one revision are called by their build.
fn others(frame: &Frame, back: &RollbackView) -> Vec<Choice> {
    let present = back.from.as_ref().map(|from| from.sha.as_str());
    let all = || back.others.iter().chain([&back.to]);
    let is_alone = |good: &GoodBuild| {
        present != Some(good.sha.as_str()) && all().filter(|other| other.sha == good.sha).count() == 1
    };
    let named = |good: &GoodBuild| match is_alone(good) {
        true => choice(frame, good),
        false => Choice { version: Version::named(&good.sha, &good.build), ..choice(frame, good) },
    };
    back.others.iter().map(named).collect()
}

fn choice(frame: &Frame, good: &GoodBuild) -> Choice {
    Choice {
        build: good.build.clone(),
        version: Version::new(&good.sha),
        root: root(&good.root),
        files: words::count(good.files, "file"),
        subject: good.subject.clone(),
        push: good.push.get(),
        who: good.who.clone(),
        ago: Moment::ago(&good.pushed_at, frame.now),
    }
}

impl Pages {
    /// The rollback: what a rollback would do, and its form.
    ///
    /// # Errors
    /// When the template is wrong.
    pub fn back(&self, frame: &Frame, back: &RollbackView) -> Result<String, PageError> {
        self.draw(frame, "back.html", &BackPage::new(frame, back))
    }
}
