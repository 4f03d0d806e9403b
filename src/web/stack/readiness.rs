//! What a stack's page says of the hosts: which are ready, which run something else. Plain data for the template; must
//! never hold HTML. Called by the stack's page.

use crate::desk::view::{CatchUp, StageView};
use crate::web::view::parts::{Moment, StageTag};
use crate::web::view::words;
use serde::Serialize;

/// Hosts that a note lists; the rest is counted.
const LISTED: usize = 5;

/// The hosts of a stage that a press would not reach.
#[derive(Debug, Serialize)]
pub(super) struct NotReadyNote {
    count: String,
    hosts: Vec<String>,
    more: Option<String>,
}

/// The hosts of a stage that run something else.
#[derive(Debug, Serialize)]
pub(super) struct DriftNote {
    stage: StageTag,
    hosts: Vec<OddHost>,
    more: Option<String>,
    /// Hosts that no push has brought to the build, and why.
    missed: Vec<String>,
    more_missed: Option<String>,
    bring: Option<Bring>,
}

/// The hosts of a stage that could not get rid of old releases.
#[derive(Debug, Serialize)]
pub(super) struct KeptNote {
    stage: StageTag,
    hosts: Vec<String>,
    more: Option<String>,
}

/// The button that brings exactly these hosts to the stage's build.
#[derive(Debug, Serialize)]
struct Bring {
    words: String,
    build: String,
    /// The hosts, as the form carries them: names with a blank between.
    hosts: String,
    plan_hash: String,
    plan_hash_asking: String,
    /// What nobody is asked, unless that is wanted; none when there is nothing to ask.
    asks: Option<String>,
    why_not: Option<String>,
}

#[derive(Debug, Serialize)]
struct OddHost {
    host: String,
    runs: String,
    instead: String,
    since: Moment,
}

impl NotReadyNote {
    /// The note about a stage; none when nothing is known to be wrong.
    pub fn new(stage: &StageView) -> Option<Self> {
        let not_ready = &stage.ready.as_ref().filter(|readiness| !readiness.not_ready.is_empty())?.not_ready;
        let hosts = not_ready.iter().take(LISTED).map(|host| match host.why.contains(&host.host) {
            true => host.why.clone(),
            false => format!("{}: {}", host.host, host.why),
        });
        let verb = if not_ready.len() == 1 { "is" } else { "are" };
        let hosts_words = words::count(not_ready.len() as i64, "host");
        let count = format!("{hosts_words} of {} {verb} not ready", words::stage_words(&stage.name));
        Some(Self { count, hosts: hosts.collect(), more: more(not_ready.len()) })
    }
}

impl DriftNote {
    /// The note about a stage; none when all its hosts run its build, as far as is known.
    pub fn new(stage: &StageView, tag: StageTag) -> Option<Self> {
        let hosts = stage.drift.iter().take(LISTED).map(|drift| OddHost {
            host: drift.host.clone(),
            runs: drift.runs.clone(),
            instead: drift.instead.clone(),
            since: Moment::minute(&drift.since),
        });
        let hosts: Vec<OddHost> = hosts.collect();
        let seen = |host: &str| stage.drift.iter().any(|drift| drift.host == host);
        let behind = stage.catch_up.iter().flat_map(|catch_up| &catch_up.hosts).filter(|left| !seen(&left.host));
        let behind: Vec<String> = behind.map(|left| format!("{}: {}", left.host, left.why)).collect();
        (!hosts.is_empty() || !behind.is_empty()).then(|| Self {
            stage: tag,
            hosts,
            more: more(stage.drift.len()),
            more_missed: more(behind.len()),
            missed: behind.into_iter().take(LISTED).collect(),
            bring: stage.catch_up.as_ref().map(Bring::new),
        })
    }
}

impl KeptNote {
    /// The note about a stage; none when its hosts keep what they are to.
    pub fn new(stage: &StageView, tag: StageTag) -> Option<Self> {
        let hosts = stage.kept.iter().take(LISTED).map(|kept| {
            let releases = words::count(kept.releases as i64, "release");
            format!("{} keeps {releases} instead of {}: {}", kept.host, kept.keep, kept.why)
        });
        let hosts: Vec<String> = hosts.collect();
        (!hosts.is_empty()).then(|| Self { stage: tag, hosts, more: more(stage.kept.len()) })
    }
}

impl Bring {
    fn new(catch_up: &CatchUp) -> Self {
        let names: Vec<&str> = catch_up.hosts.iter().map(|left| left.host.as_str()).collect();
        let hosts = match names.as_slice() {
            [one] => (*one).to_owned(),
            names => words::count(names.len() as i64, "host"),
        };
        Self {
            words: format!("Update {hosts} to {}", words::short(&catch_up.sha)),
            build: catch_up.build.clone(),
            hosts: names.join(" "),
            plan_hash: catch_up.plan_hash.clone(),
            plan_hash_asking: catch_up.plan_hash_asking.clone(),
            asks: (!catch_up.questions.is_empty()).then(|| {
                let questions: Vec<String> = catch_up.questions.iter().map(|one| format!("“{one}”")).collect();
                words::and(&questions)
            }),
            why_not: catch_up.why_not.clone(),
        }
    }
}

/// What a note does not list.
fn more(count: usize) -> Option<String> {
    (count > LISTED).then(|| format!("and {} more", words::count((count - LISTED) as i64, "host")))
}

/// `Rollback to 8f31c2e is ready on 24/24 hosts`; none when there is no earlier build to roll back to, or nobody knows.
pub(super) fn readiness_words(stage: &StageView) -> Option<String> {
    let (back, readiness) = (stage.back.as_ref()?, stage.readiness.as_ref()?);
    let sha = &back.name;
    Some(match readiness.ready == readiness.total {
        true => format!(
            "Rollback to {sha} is ready on {}/{}",
            readiness.ready,
            words::count(readiness.total as i64, "host")
        ),
        false => {
            let missing = readiness.total - readiness.ready;
            format!("Rollback to {sha} would upload it to {} first", words::count(missing as i64, "host"))
        }
    })
}

/// `24/24 hosts ready`, for under the button; none when nobody knows.
pub(super) fn ready_words(stage: &StageView) -> Option<String> {
    let readiness = stage.ready.as_ref()?;
    Some(match readiness.ready + readiness.not_ready.len() {
        0 => "connecting to its hosts".to_owned(),
        _ => format!("{}/{} hosts ready", readiness.ready, readiness.total),
    })
}
