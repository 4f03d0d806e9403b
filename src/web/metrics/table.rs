//! The one table of metrics: a row has its name, what it is, its labels, and the function that reads it at each scrape. What someone
//! must count as it happens, the row takes from whoever counts (`Ledger::write_times`). A function must never ask for more than a
//! scrape every second may cost, and a label must never be more than a stack, a stage, a channel or a word of one of our own types.

use super::totals::Totals;
use crate::desk::usage;
use crate::journal::{Ended, HostResult};
use crate::ledger::measures::waiting;
use crate::ledger::{LedgerResult, deliveries, holds, kept};
use crate::stack::Destination;
use crate::time::At;
use crate::web::app::App;
use prometheus_client::metrics::histogram::Histogram;
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet};

/// Seconds of a day.
const DAY_S: u64 = 24 * 60 * 60;

/// One row.
#[derive(Debug)]
pub struct Metric {
    /// Its name: of a counter it ends with `_total`, of what has a unit with that.
    pub name: &'static str,
    /// What it is, for people: one phrase without a full stop.
    pub help: &'static str,
    /// The names of its labels, in the order of a sample's.
    pub labels: &'static [&'static str],
    /// What sort of number it is, and what reads it.
    pub kind: MetricKind,
}

/// What sort of number a metric is, and what reads it.
#[derive(Debug)]
pub enum MetricKind {
    /// Only ever grows, and may begin again with a server.
    Counter(fn(&Sources<'_>) -> LedgerResult<Vec<Sample<f64>>>),
    /// How it is at this moment.
    Gauge(fn(&Sources<'_>) -> LedgerResult<Vec<Sample<f64>>>),
    /// How often it was how much.
    Histogram(fn(&Sources<'_>) -> LedgerResult<Vec<Sample<Histogram>>>),
}

/// What a metric is of certain labels.
#[derive(Clone, Debug)]
pub struct Sample<T> {
    /// The values of the labels.
    pub labels: Vec<String>,
    /// What it is.
    pub value: T,
}

/// What was read of a metric.
#[derive(Debug)]
pub enum MetricSamples {
    /// Of a counter.
    Counter(Vec<Sample<f64>>),
    /// Of a gauge.
    Gauge(Vec<Sample<f64>>),
    /// Of a histogram.
    Histogram(Vec<Sample<Histogram>>),
}

/// What a row may read from.
pub struct Sources<'a> {
    /// The server.
    pub app: &'a App,
    /// The ledger, at one moment.
    pub ledger: &'a Connection,
    /// What the pushes that have ended add up to.
    pub totals: &'a Totals,
    /// The stages of all stacks that have a file.
    pub stages: &'a [(String, String)],
    /// When this is.
    pub now: At,
}

/// All metrics, in the order in which they are read and documented.
pub static METRICS: &[Metric] = &[
    Metric {
        name: "pushbutton_pushes_total",
        help: "Pushes that have ended, including rollbacks, resumes and catch-ups",
        labels: &["stack", "stage", "result"],
        kind: MetricKind::Counter(pushes),
    },
    Metric {
        name: "pushbutton_push_duration_seconds",
        help: "Duration of pushes that have ended, including the time they waited for people",
        labels: &["stack", "stage", "result"],
        kind: MetricKind::Histogram(durations),
    },
    Metric {
        name: "pushbutton_host_failures_total",
        help: "Commands that failed on a host, of pushes that have ended since the server started",
        labels: &["stack", "stage", "result"],
        kind: MetricKind::Counter(host_failures),
    },
    Metric {
        name: "pushbutton_outbox_waiting",
        help: "Announcements waiting to be sent",
        labels: &["channel"],
        kind: MetricKind::Gauge(outbox_waiting),
    },
    Metric {
        name: "pushbutton_outbox_lag_seconds",
        help: "Age of the announcement that a channel sends next; 0 when nothing waits",
        labels: &["channel"],
        kind: MetricKind::Gauge(outbox_lag),
    },
    Metric {
        name: "pushbutton_warm_hosts",
        help: "Hosts that are kept connected, by whether they are ready for a push",
        labels: &["state"],
        kind: MetricKind::Gauge(warm_hosts),
    },
    Metric {
        name: "pushbutton_viewers",
        help: "Open streams of live pages",
        labels: &[],
        kind: MetricKind::Gauge(|sources| alone(sources.app.viewers.count() as f64)),
    },
    Metric {
        name: "pushbutton_holds",
        help: "Holds that stop pushes, of a stack or of one of its stages",
        labels: &["stack"],
        kind: MetricKind::Gauge(holds_in_force),
    },
    Metric {
        name: "pushbutton_journal_lag_bytes",
        help: "Bytes in the journal of a running push that are not in the ledger yet; 0 when none runs",
        labels: &["stack"],
        kind: MetricKind::Gauge(journal_lag),
    },
    Metric {
        name: "pushbutton_build_bytes",
        help: "Bytes in the builds that are kept; files that two builds have in common are counted in both",
        labels: &["stack"],
        kind: MetricKind::Gauge(build_bytes),
    },
    Metric {
        name: "pushbutton_journal_bytes",
        help: "Bytes in the directories of pushes: compressed journals, and all else as it was written; looked at every hour",
        labels: &["state"],
        kind: MetricKind::Gauge(journal_bytes),
    },
    Metric {
        name: "pushbutton_data_lasts_seconds",
        help: "Duration until a push is refused for lack of space, at the pace of the last 30 days; looked at every hour",
        labels: &[],
        kind: MetricKind::Gauge(data_lasts),
    },
    Metric {
        name: "pushbutton_data_free_bytes",
        help: "Free space under the data directory",
        labels: &[],
        kind: MetricKind::Gauge(|sources| alone(usage::free_bytes(&sources.app.desk.config().data) as f64)),
    },
    Metric {
        name: "pushbutton_data_needed_bytes",
        help: "Free space that a push needs; with less it is refused",
        labels: &[],
        kind: MetricKind::Gauge(|sources| alone((sources.app.desk.config().limits.free_mib << 20) as f64)),
    },
    Metric {
        name: "pushbutton_ledger_write_seconds",
        help: "Duration of writes to the ledger since the server started, including the wait in the queue",
        labels: &[],
        kind: MetricKind::Histogram(|sources| alone(sources.app.desk.ledger().write_times().clone())),
    },
];

impl Metric {
    /// Reads it.
    ///
    /// # Errors
    /// When the ledger does not answer.
    pub fn samples(&self, sources: &Sources<'_>) -> LedgerResult<MetricSamples> {
        Ok(match self.kind {
            MetricKind::Counter(read) => MetricSamples::Counter(read(sources)?),
            MetricKind::Gauge(read) => MetricSamples::Gauge(read(sources)?),
            MetricKind::Histogram(read) => MetricSamples::Histogram(read(sources)?),
        })
    }
}

/// A metric without labels.
fn alone<T>(value: T) -> LedgerResult<Vec<Sample<T>>> {
    Ok(vec![Sample { labels: Vec::new(), value }])
}

/// Samples in the order of their labels.
fn sorted<T>(values: impl IntoIterator<Item = (Vec<String>, T)>) -> LedgerResult<Vec<Sample<T>>> {
    let values: BTreeMap<Vec<String>, T> = values.into_iter().collect();
    Ok(values.into_iter().map(|(labels, value)| Sample { labels, value }).collect())
}

/// The labels of sums; a word of ours as a value is as in the API: `rolled_back`.
fn labels(stack: &str, stage: &str, result: &str) -> Vec<String> {
    vec![stack.to_owned(), stage.to_owned(), result.replace(' ', "_")]
}

/// Counts by stack, stage and result. What there might be is 0 before it is there, so that the first one is an increase.
fn by_result(
    sources: &Sources<'_>,
    results: &[&str],
    counts: impl Iterator<Item = (Vec<String>, f64)>,
) -> LedgerResult<Vec<Sample<f64>>> {
    let none = sources
        .stages
        .iter()
        .flat_map(|(stack, stage)| results.iter().map(move |result| (labels(stack, stage, result), 0.0)));
    sorted(none.chain(counts))
}

fn pushes(sources: &Sources<'_>) -> LedgerResult<Vec<Sample<f64>>> {
    let ended = sources.totals.pushes.iter();
    let counts = ended.map(|(of, sum)| (labels(&of.stack, &of.stage, of.result.word()), sum.count as f64));
    by_result(sources, &Ended::ALL.map(Ended::word), counts)
}

fn durations(sources: &Sources<'_>) -> LedgerResult<Vec<Sample<Histogram>>> {
    let ended = sources.totals.pushes.iter();
    sorted(ended.map(|(of, sum)| (labels(&of.stack, &of.stage, of.result.word()), sum.took.clone())))
}

/// Whether a command that ended so on a host has failed there.
fn is_failure(result: HostResult) -> bool {
    match result {
        HostResult::Failed
        | HostResult::TimedOut
        | HostResult::Unreachable
        | HostResult::Dropped
        | HostResult::Unknown => true,
        // A person ended it, or nothing ran.
        HostResult::Ok | HostResult::Cancelled | HostResult::Skipped => false,
    }
}

fn host_failures(sources: &Sources<'_>) -> LedgerResult<Vec<Sample<f64>>> {
    let failures = HostResult::ALL.into_iter().filter(|result| is_failure(*result));
    let failures: Vec<&str> = failures.map(HostResult::word).collect();
    let ended = sources.totals.on_hosts.iter().filter(|(of, _)| is_failure(of.result));
    let counts = ended.map(|(of, times)| (labels(&of.stack, &of.stage, of.result.word()), *times as f64));
    by_result(sources, &failures, counts)
}

/// Every channel of the file, and every destination that announcements wait for.
fn destinations(sources: &Sources<'_>, known: &[deliveries::ChannelState]) -> BTreeSet<Destination> {
    let waiting = known.iter().filter(|state| state.waiting > 0).map(|state| state.channel.clone());
    let channels = sources.app.desk.config().channels.iter().map(|channel| channel.name.clone().into());
    channels.chain(waiting).collect()
}

fn outbox_waiting(sources: &Sources<'_>) -> LedgerResult<Vec<Sample<f64>>> {
    let known = deliveries::channels(sources.ledger)?;
    let waits = |to: &Destination| known.iter().find(|state| state.channel == *to).map_or(0, |state| state.waiting);
    sorted(destinations(sources, &known).iter().map(|to| (vec![to.to_string()], waits(to) as f64)))
}

fn outbox_lag(sources: &Sources<'_>) -> LedgerResult<Vec<Sample<f64>>> {
    let mut lags = Vec::new();
    for to in destinations(sources, &deliveries::channels(sources.ledger)?) {
        let since = waiting::since(sources.ledger, &to)?;
        let ms = since.map_or(0, |since| sources.now.millis_since(since).max(0));
        lags.push((vec![to.to_string()], ms as f64 / 1000.0));
    }
    sorted(lags)
}

fn warm_hosts(sources: &Sources<'_>) -> LedgerResult<Vec<Sample<f64>>> {
    let warm = sources.app.desk.warm_hosts();
    let states = [("ready", warm.ready), ("connecting", warm.connecting), ("not_ready", warm.not_ready)];
    sorted(states.map(|(state, hosts)| (vec![state.to_owned()], hosts as f64)))
}

/// Nothing yet of each stack that has a file.
fn none_of_stacks(sources: &Sources<'_>) -> BTreeMap<Vec<String>, f64> {
    sources.stages.iter().map(|(stack, _)| (vec![stack.clone()], 0.0)).collect()
}

fn holds_in_force(sources: &Sources<'_>) -> LedgerResult<Vec<Sample<f64>>> {
    let mut counts = none_of_stacks(sources);
    for scope in holds::all(sources.ledger, sources.now)?.into_keys() {
        // `STACK`, or `STACK/STAGE`.
        let stack = scope.split('/').next().unwrap_or_default().to_owned();
        *counts.entry(vec![stack]).or_default() += 1.0;
    }
    sorted(counts)
}

fn build_bytes(sources: &Sources<'_>) -> LedgerResult<Vec<Sample<f64>>> {
    let mut bytes = none_of_stacks(sources);
    for of in kept::all(sources.ledger, sources.now)? {
        bytes.insert(vec![of.stack], of.bytes as f64);
    }
    sorted(bytes)
}

/// None before the first look.
fn journal_bytes(sources: &Sources<'_>) -> LedgerResult<Vec<Sample<f64>>> {
    let usage = sources.app.desk.usage();
    sorted(usage.into_iter().flat_map(|usage| {
        let compressed = usage.compressed.to;
        let states = [("compressed", compressed), ("written", usage.journal_bytes.saturating_sub(compressed))];
        states.map(|(state, bytes)| (vec![state.to_owned()], bytes as f64))
    }))
}

/// None before the first look, and none when nothing was added.
fn data_lasts(sources: &Sources<'_>) -> LedgerResult<Vec<Sample<f64>>> {
    let days = sources.app.desk.usage().and_then(|usage| usage.days_left());
    sorted(days.map(|days| (Vec::new(), days.saturating_mul(DAY_S) as f64)))
}

fn journal_lag(sources: &Sources<'_>) -> LedgerResult<Vec<Sample<f64>>> {
    let mut lags = none_of_stacks(sources);
    for running in waiting::folded(sources.ledger)? {
        // Its runner may not have begun it.
        let length = std::fs::metadata(sources.app.desk.journal_path(running.push)).map_or(0, |journal| journal.len());
        lags.insert(vec![running.stack], length.saturating_sub(running.bytes) as f64);
    }
    sorted(lags)
}
