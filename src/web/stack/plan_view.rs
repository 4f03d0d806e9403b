//! What exactly a press would do, before anybody presses: steps, hosts, files, bytes, time.

use crate::desk::view::{ApprovalStanding, Compared, FileChanges, NoRights, PlanView, PlannedView};
use crate::plan::Part;
use crate::size::bytes_words;
use crate::time::duration_words;
use crate::web::approval::view::{ApprovalPart, own_approval};
use crate::web::view::frame::Frame;
use crate::web::view::pages::Pages;
use crate::web::view::parts::{CommitLine, StageTag, Version, commit_lines, link, root};
use crate::web::view::templates::PageError;
use crate::web::view::words;
use serde::Serialize;

/// Paths of each kind that are listed; more are counted.
const PATHS: usize = 200;
/// Hosts of a step that are named, all chunks together; the host list of the push is on its page.
const HOSTS: usize = 200;

#[derive(Debug, Serialize)]
pub(crate) struct PlanPage {
    stack: String,
    stage: StageTag,
    seen: String,
    plan_hash: Version,
    why_not: Option<String>,
    approval: Option<ApprovalPart>,
    /// Whether the reader may push without the approval that it needs.
    may_override: bool,
    /// What the press is called, short.
    press: String,
    old: Option<Version>,
    new: Version,
    branch: String,
    build: Option<String>,
    root: Option<Version>,
    diff: Option<String>,
    /// The version that was chosen, in full.
    version: Option<String>,
    gone: Vec<CommitLine>,
    gone_count: String,
    commits: Vec<CommitLine>,
    count: String,
    more: Option<String>,
    hosts: String,
    steps: Vec<Step>,
    files: Files,
    time: Time,
}

/// One command.
#[derive(Debug, Serialize)]
pub(crate) struct Step {
    title: String,
    /// All of it, where the title does not say all.
    typed: Option<String>,
    place: String,
    limits: Vec<String>,
    chunks: Vec<String>,
    more: Option<String>,
}

/// Which files change.
#[derive(Debug, Serialize)]
pub(crate) struct Files {
    /// What is known, in a sentence.
    words: String,
    send: String,
    lists: Vec<Paths>,
}

/// Files of one kind.
#[derive(Debug, Serialize)]
struct Paths {
    words: String,
    text: String,
    more: Option<String>,
}

/// How long it should take.
#[derive(Debug, Serialize)]
pub(crate) struct Time {
    words: String,
    spread: Option<String>,
}

impl PlanPage {
    pub(crate) fn new(frame: &Frame, plan: &PlanView, (no_right, may_override): (&NoRights, bool)) -> Self {
        let reader = frame.who.as_deref().unwrap_or_default();
        let own = || plan.approval.as_ref().and_then(|approval| own_approval(approval, reader));
        let approved = plan.approval.as_ref().is_none_or(|approval| approval.state == ApprovalStanding::Approved);
        let stage = StageTag::named(&plan.stage);
        let more = plan.commit_count.saturating_sub(plan.commits.len());
        let old = plan.old.as_ref().map(|old| Version::new(&old.sha));
        Self {
            stack: plan.stack.clone(),
            press: format!("Push to {}", stage.words),
            seen: plan.seen.clone(),
            plan_hash: root(&plan.plan_hash),
            why_not: plan.why_not.clone().or_else(own),
            approval: plan.approval.as_ref().map(|approval| ApprovalPart::new(frame, &plan.stage, approval, no_right)),
            may_override: may_override && !approved,
            old,
            new: Version::new(&plan.sha),
            branch: plan.branch.clone(),
            build: plan.build.clone(),
            root: plan.root.as_deref().map(root),
            diff: link(plan.diff.as_deref()),
            version: plan.version.clone(),
            gone: commit_lines(&plan.gone, frame.now),
            gone_count: words::count(plan.gone_count as i64, "commit"),
            commits: commit_lines(&plan.commits, frame.now),
            count: words::count(plan.commit_count as i64, "commit"),
            more: (more > 0).then(|| format!("and {} more", words::thousands(more as i64))),
            hosts: words::count(plan.hosts.len() as i64, "host"),
            steps: plan.commands.iter().map(|command| step(command, plan.hosts.len())).collect(),
            files: files(plan),
            time: time(plan),
            stage,
        }
    }
}

pub(crate) fn step(command: &PlannedView, hosts: usize) -> Step {
    let part = match command.part {
        Part::Main => "",
        Part::DeferredFinally => "first, since it could not run when it was due, ",
        Part::Before => "before anything is changed, ",
        Part::Finally => "at the end, in any case, ",
        Part::Drop => "only to remove failed hosts from service: ",
        Part::Rollback => "only if the push fails, on hosts that it has changed: ",
    };
    let place = match (command.pace.as_str(), hosts) {
        ("", _) => "on the push host".to_owned(),
        (_, 1) => "on 1 host".to_owned(),
        (pace, _) => format!("on {}, {pace}", words::count(hosts as i64, "host")),
    };
    let limit = i64::try_from(command.timeout_s).unwrap_or(i64::MAX / 1000).saturating_mul(1000);
    let mut limits = vec![format!("at most {}", duration_words(limit))];
    limits.extend((command.tries > 1).then(|| format!("tried up to {} times", command.tries)));
    limits.extend(command.operator.then(|| "as the server's user, outside of the build".to_owned()));
    limits.extend(command.network.then(|| "with the network".to_owned()));
    limits.extend(command.quiet.then(|| "output shown only when it fails".to_owned()));
    let mut left = HOSTS;
    let chunks = command.chunks.iter().map_while(|chunk| {
        let named = chunk.len().min(left);
        left -= named;
        (named > 0).then(|| chunk[..named].join(" "))
    });
    let chunks: Vec<String> = chunks.collect();
    let unnamed = command.chunks.iter().map(Vec::len).sum::<usize>().saturating_sub(HOSTS);
    Step {
        title: command.title.clone(),
        typed: (command.typed != [format!("$ {}", command.title)]).then(|| command.typed.join("\n")),
        place: format!("{part}{place}"),
        limits,
        chunks,
        more: (unnamed > 0).then(|| format!("and {} more", words::count(unnamed as i64, "host"))),
    }
}

pub(crate) fn files(plan: &PlanView) -> Files {
    let stage = words::stage_words(&plan.stage);
    let made = plan.build.is_none();
    let words = match (&plan.changes, &plan.old) {
        (None, None) => format!(
            "{stage} has nothing yet, so every file is new. How many there are is known when the build is made."
        ),
        (None, Some(_)) => "Not known: one of the two builds is no longer available.".to_owned(),
        (Some(changes), _) if changes.of == Compared::Commits => {
            "From git. This push makes the build, which may change them.".to_owned()
        }
        (Some(_), None) => format!("{stage} has nothing yet, so every file of the build is new."),
        (Some(changes), Some(_)) if changes.counts == [0; 3] => {
            "None: the build has exactly the same files.".to_owned()
        }
        (Some(_), Some(_)) => format!("From the manifests of the build on {stage} and the new one."),
    };
    let send = match plan.changes.as_ref().and_then(|changes| changes.bytes) {
        Some(bytes) if bytes.each_host == 0 => "nothing".to_owned(),
        Some(bytes) if plan.hosts.len() > 1 => {
            format!("at most {} to each host, {} in all", bytes_words(bytes.each_host), bytes_words(bytes.in_all))
        }
        Some(bytes) => format!("at most {}", bytes_words(bytes.each_host)),
        None if made => "known when the build is made".to_owned(),
        None => "not known".to_owned(),
    };
    Files { words, send, lists: plan.changes.as_ref().map(lists).unwrap_or_default() }
}

fn lists(changes: &FileChanges) -> Vec<Paths> {
    let kinds = [(&changes.added, "new", '+'), (&changes.changed, "changed", '~'), (&changes.deleted, "deleted", '-')];
    let paths = |((paths, word, mark), count): ((&Vec<String>, &str, char), usize)| {
        let shown: Vec<String> = paths.iter().take(PATHS).map(|path| format!("{mark} {path}")).collect();
        let more = count.saturating_sub(shown.len());
        (count > 0).then(|| Paths {
            words: format!("{} {word}", words::count(count as i64, "file")),
            text: shown.join("\n"),
            more: (more > 0).then(|| format!("and {} more", words::thousands(more as i64))),
        })
    };
    kinds.into_iter().zip(changes.counts).filter_map(paths).collect()
}

pub(crate) fn time(plan: &PlanView) -> Time {
    let Some(typical) = plan.typical_duration else {
        return Time { words: "no history yet".to_owned(), spread: None };
    };
    let spread = match typical.pushes {
        1 => "as the last successful push".to_owned(),
        pushes => format!(
            "{} to {} in the last {pushes} successful pushes",
            duration_words(typical.fastest_ms),
            duration_words(typical.slowest_ms)
        ),
    };
    Time { words: format!("about {}", duration_words(typical.median_ms)), spread: Some(spread) }
}

impl Pages {
    /// What exactly a press would do, and its form: what the reader may not do there, and whether they may push without approval.
    ///
    /// # Errors
    /// When the template is wrong.
    pub fn plan(&self, frame: &Frame, plan: &PlanView, may: (&NoRights, bool)) -> Result<String, PageError> {
        self.draw(frame, "plan.html", &PlanPage::new(frame, plan, may))
    }
}
