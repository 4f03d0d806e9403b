//! Stats: how often a stage is pushed to, how long that takes, how often it fails, and how long a commit waits for it.
//! Counted in days and weeks of UTC, and drawn beside the same numbers as a table. It must never count a push twice.

use super::charts;
use super::charts::{Bars, Count, DurationChart, Lasted};
use crate::journal::{Ended, PushState};
use crate::ledger::stats::{StatRow, WaitRow};
use crate::plan::PushKind;
use crate::time::At;
use crate::web::view::frame::Frame;
use crate::web::view::pages::Pages;
use crate::web::view::templates::PageError;
use crate::web::view::words;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

const DAY_MS: i64 = 86_400_000;
const WEEK_MS: i64 = 7 * DAY_MS;
/// Of days and weeks, a chart shows at most so many: more cannot be told apart.
const MOST_DAYS: i64 = 56;

/// How far the page looks back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Span {
    /// Two weeks.
    TwoWeeks,
    /// Eight weeks.
    #[default]
    EightWeeks,
    /// A year, as 52 weeks.
    Year,
}

impl Span {
    /// All of them, the shortest first.
    pub const ALL: [Self; 3] = [Self::TwoWeeks, Self::EightWeeks, Self::Year];

    /// How many weeks it has; also its name in the address.
    pub fn weeks(self) -> i64 {
        match self {
            Self::TwoWeeks => 2,
            Self::EightWeeks => 8,
            Self::Year => 52,
        }
    }

    /// By its name in the address.
    pub fn named(weeks: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|span| span.weeks().to_string() == weeks)
    }

    fn words(self) -> &'static str {
        match self {
            Self::TwoWeeks => "2 weeks",
            Self::EightWeeks => "8 weeks",
            Self::Year => "1 year",
        }
    }

    /// The day after the last one, and the first day: whole days, so that today is a day like the others.
    pub fn bounds(self, now: At) -> (At, At) {
        let end = (now.millis().div_euclid(DAY_MS) + 1) * DAY_MS;
        (At::from_millis(end - self.weeks() * WEEK_MS), At::from_millis(end))
    }

    /// How long one bar is.
    fn bucket_ms(self) -> i64 {
        if self.weeks() * 7 <= MOST_DAYS { DAY_MS } else { WEEK_MS }
    }
}

/// What the page is made from.
#[derive(Clone, Debug)]
pub struct StatsPage {
    /// How far back.
    pub span: Span,
    /// The stage that is looked at; none when nothing was ever pushed.
    pub stage: Option<String>,
    /// All stages that were ever pushed to.
    pub stages: Vec<String>,
    /// The pushes of the span.
    pub pushes: Vec<StatRow>,
    /// The pushes of the span before, to compare with.
    pub before: Vec<StatRow>,
    /// How long commits waited.
    pub waits: Vec<WaitRow>,
    /// How many people pushed there for the first time.
    pub first_timers: usize,
}

#[derive(Debug, Serialize)]
pub(crate) struct StatsView {
    stage: Option<String>,
    stage_words: String,
    stages: Vec<StageChoice>,
    spans: Vec<SpanChoice>,
    weeks: i64,
    span: &'static str,
    numbers: Vec<Number>,
    stacks: Vec<StackStats>,
    every: &'static str,
}

#[derive(Debug, Serialize)]
struct StageChoice {
    name: String,
    words: String,
    chosen: bool,
}

#[derive(Debug, Serialize)]
struct SpanChoice {
    weeks: i64,
    words: &'static str,
    chosen: bool,
}

#[derive(Debug, Serialize)]
struct Number {
    number: String,
    words: String,
}

#[derive(Debug, Serialize)]
struct StackStats {
    name: String,
    pushes: String,
    many: Bars,
    many_label: String,
    took: Option<DurationChart>,
    took_label: String,
    waited: Option<DurationChart>,
    waited_label: String,
    weeks: Vec<Week>,
}

/// A row of the table.
#[derive(Debug, Serialize)]
struct Week {
    of: String,
    pushes: usize,
    failed: usize,
    took: String,
    waited: String,
}

impl StatsView {
    pub(crate) fn new(frame: &Frame, page: &StatsPage) -> Self {
        let (from, to) = page.span.bounds(frame.now);
        let stage_words = page.stage.as_deref().map(words::stage_words).unwrap_or_default();
        let mut stacks: Vec<&str> = page.pushes.iter().map(|push| push.stack.as_str()).collect();
        stacks.sort_unstable();
        stacks.dedup();
        let of_stack = |name: &&str| StackStats::new(name, &stage_words, page, from, to);
        let mut stacks: Vec<(usize, StackStats)> = stacks
            .iter()
            .map(|name| (page.pushes.iter().filter(|push| push.stack.as_str() == *name).count(), of_stack(name)))
            .collect();
        stacks.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.name.cmp(&b.1.name)));
        Self {
            numbers: numbers(page, &stage_words, from, frame.now),
            stages: page
                .stages
                .iter()
                .map(|name| StageChoice {
                    words: words::stage_words(name),
                    chosen: Some(name) == page.stage.as_ref(),
                    name: name.clone(),
                })
                .collect(),
            spans: Span::ALL
                .into_iter()
                .map(|span| SpanChoice { weeks: span.weeks(), words: span.words(), chosen: span == page.span })
                .collect(),
            weeks: page.span.weeks(),
            span: page.span.words(),
            stage: page.stage.clone(),
            stage_words,
            stacks: stacks.into_iter().map(|(_, stack)| stack).collect(),
            every: if page.span.bucket_ms() == DAY_MS { "day" } else { "week" },
        }
    }
}

impl StackStats {
    fn new(name: &str, stage: &str, page: &StatsPage, from: At, to: At) -> Self {
        let pushes: Vec<&StatRow> = page.pushes.iter().filter(|push| push.stack.as_str() == name).collect();
        let took: Vec<(At, i64)> =
            pushes.iter().filter(|push| is_good(push)).filter_map(|push| duration(push)).collect();
        let waited: Vec<(At, i64)> =
            page.waits.iter().filter(|wait| wait.stack.as_str() == name).filter_map(waiting).collect();
        let counts = counts(&pushes, from, to, page.span.bucket_ms());
        let failed = pushes.iter().filter(|push| has_failed(push)).count();
        let most = counts.iter().map(|count| count.all).max().unwrap_or(0);
        let every = if page.span.bucket_ms() == DAY_MS { "day" } else { "week" };
        // Single days hold too few pushes for a spread.
        let bucket = if page.span == Span::TwoWeeks { DAY_MS } else { WEEK_MS };
        let pushes_words = format!("{}, {failed} failed", words::count(count(pushes.len()), "push"));
        Self {
            many: charts::bars(&counts),
            many_label: format!(
                "{name}: {pushes_words} to {stage} in {}, at most {most} in a {every}",
                page.span.words()
            ),
            took: drawn(&took, from, to, bucket),
            took_label: label(name, &format!("how long a push to {stage} takes"), &took),
            waited: drawn(&waited, from, to, bucket),
            waited_label: label(name, &format!("from commit to deployment on {stage}"), &waited),
            weeks: weeks(&pushes, &took, &waited, from, to),
            name: name.to_owned(),
            pushes: pushes_words,
        }
    }
}

/// The big numbers above the charts.
fn numbers(page: &StatsPage, stage: &str, from: At, now: At) -> Vec<Number> {
    let all = page.pushes.len();
    let people: BTreeSet<&str> = page.pushes.iter().map(|push| push.who.as_str()).collect();
    let failed = page.pushes.iter().filter(|push| has_failed(push)).count();
    let back = page.pushes.iter().filter(|push| push.state == Ended::RolledBack).count();
    let rolled_back = back + page.pushes.iter().filter(|push| push.kind == PushKind::Rollback).count();
    let took = |rows: &[StatRow]| {
        let durations: Vec<i64> = rows.iter().filter(is_good).map(|push| push.duration_ms).collect();
        words::median(&durations).map(words::lasted)
    };
    let was =
        took(&page.before).map(|was| format!(", was {was} in the {} before", page.span.words())).unwrap_or_default();
    let waited: Vec<i64> = page.waits.iter().filter_map(waiting).map(|(_, ms)| ms).collect();
    let a_day = match working_days(page, from, now) {
        days if days > 0 && all > days => format!(", {} a working day", (all + days / 2) / days),
        _ => String::new(),
    };
    let number = |number: String, words: String| Number { number, words };
    let mut numbers = vec![
        number(words::thousands(count(all)), format!("pushes to {stage}{a_day}")),
        number(took(&page.pushes).unwrap_or_else(|| "none".to_owned()), format!("median of successful pushes{was}")),
        number(share(all - failed, all), format!("succeeded; {failed} failed, {rolled_back} rolled back")),
    ];
    if let Some(wait) = words::median(&waited) {
        numbers.push(number(words::lasted(wait), format!("from commit to {stage}, median")));
    }
    let new = match page.first_timers {
        0 => String::new(),
        new => format!(", {new} for the first time"),
    };
    let people_words = if people.len() == 1 { "person pushed" } else { "people pushed" };
    numbers.push(number(words::thousands(count(people.len())), format!("{people_words}{new}")));
    numbers
}

/// Working days of the span since its first push: a young server is not blamed for the time before it.
fn working_days(page: &StatsPage, from: At, now: At) -> usize {
    let first = page.pushes.first().and_then(|push| push.pressed_at.parse::<At>().ok()).unwrap_or(now).millis();
    let days = first.max(from.millis()).div_euclid(DAY_MS)..=now.millis().div_euclid(DAY_MS);
    // The first of January 1970 was a Thursday.
    days.filter(|day| !matches!((day + 4).rem_euclid(7), 0 | 6)).count()
}

fn is_good(push: &&StatRow) -> bool {
    push.state == Ended::Succeeded
}

/// Cancelled and rolled back pushes were decisions; these were not.
fn has_failed(push: &StatRow) -> bool {
    matches!(push.state, PushState::Ended(Ended::Failed | Ended::Degraded | Ended::Interrupted))
}

fn duration(push: &StatRow) -> Option<(At, i64)> {
    Some((push.pressed_at.parse().ok()?, push.duration_ms))
}

fn waiting(wait: &WaitRow) -> Option<(At, i64)> {
    let (committed, ended): (At, At) = (wait.committed_at.parse().ok()?, wait.ended_at.parse().ok()?);
    Some((ended, ended.millis_since(committed).max(0)))
}

/// The days or weeks of the span, oldest first, each with its beginning.
fn buckets(from: At, to: At, bucket: i64) -> Vec<At> {
    let all = (to.millis() - from.millis()) / bucket;
    (0..all).map(|n| At::from_millis(from.millis() + n * bucket)).collect()
}

fn place(at: At, from: At, bucket: i64) -> usize {
    usize::try_from((at.millis() - from.millis()) / bucket).unwrap_or(0)
}

fn counts(pushes: &[&StatRow], from: At, to: At, bucket: i64) -> Vec<Count> {
    let empty = |at: &At| Count { name: day(*at), all: 0, failed: 0 };
    let mut counts: Vec<Count> = buckets(from, to, bucket).iter().map(empty).collect();
    for push in pushes {
        let Ok(at) = push.pressed_at.parse::<At>() else { continue };
        let Some(count) = counts.get_mut(place(at, from, bucket)) else { continue };
        count.all += 1;
        count.failed += usize::from(has_failed(push));
    }
    counts
}

fn lasted(measured: &[(At, i64)], from: At, to: At, bucket: i64) -> Vec<Lasted> {
    let mut by_place: BTreeMap<usize, Vec<i64>> = BTreeMap::new();
    for (at, ms) in measured {
        by_place.entry(place(*at, from, bucket)).or_default().push(*ms);
    }
    let one = |(n, at): (usize, &At)| Lasted {
        name: day(*at),
        tenths: by_place.get_mut(&n).and_then(|durations| charts::tenths(durations)),
    };
    buckets(from, to, bucket).iter().enumerate().map(one).collect()
}

fn drawn(measured: &[(At, i64)], from: At, to: At, bucket: i64) -> Option<DurationChart> {
    (!measured.is_empty()).then(|| charts::spread(&lasted(measured, from, to, bucket)))
}

fn label(name: &str, what: &str, measured: &[(At, i64)]) -> String {
    let mut durations: Vec<i64> = measured.iter().map(|(_, ms)| *ms).collect();
    match charts::tenths(&mut durations) {
        Some((fast, median, slow)) => format!(
            "{name}: {what}: median {}, a tenth under {}, a tenth over {}",
            words::lasted(median),
            words::lasted(fast),
            words::lasted(slow)
        ),
        None => format!("{name}: {what}: nothing measured"),
    }
}

fn weeks(pushes: &[&StatRow], took: &[(At, i64)], waited: &[(At, i64)], from: At, to: At) -> Vec<Week> {
    let middle = |one: &Lasted| one.tenths.map_or_else(|| "-".to_owned(), |(_, median, _)| words::lasted(median));
    let took = lasted(took, from, to, WEEK_MS);
    let waited = lasted(waited, from, to, WEEK_MS);
    let rows = counts(pushes, from, to, WEEK_MS).into_iter().zip(took.iter().zip(&waited));
    let week = |(count, (took, waited)): (Count, (&Lasted, &Lasted))| Week {
        of: count.name,
        pushes: count.all,
        failed: count.failed,
        took: middle(took),
        waited: middle(waited),
    };
    rows.map(week).collect()
}

fn day(at: At) -> String {
    at.timestamp().strftime("%-d %b").to_string()
}

fn share(part: usize, all: usize) -> String {
    match all {
        0 => "none".to_owned(),
        _ if part == all => "100 %".to_owned(),
        // Never a full hundred that is not one.
        _ => format!("{:.1} %", (part as f64 * 100.0 / all as f64).min(99.9)),
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl Pages {
    /// How often, how long, how well.
    ///
    /// # Errors
    /// When the template is wrong.
    pub fn stats(&self, frame: &Frame, page: &StatsPage) -> Result<String, PageError> {
        self.draw(frame, "stats.html", &StatsView::new(frame, page))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_whole_days_with_today_among_them() {
        let now: At = "2026-11-22T14:00:00Z".parse().unwrap();
        let (from, to) = Span::TwoWeeks.bounds(now);
        assert_eq!(
            (from.to_string(), to.to_string()),
            ("2026-11-09T00:00:00.000Z".into(), "2026-11-23T00:00:00.000Z".into())
        );
        assert_eq!(buckets(from, to, DAY_MS).len(), 14);
        assert_eq!(place(now, from, DAY_MS), 13);
        assert_eq!(Span::named("52"), Some(Span::Year));
        assert_eq!(Span::named("3"), None);
    }

    #[test]
    fn a_share_is_a_hundred_only_when_it_is() {
        for (part, all, words) in [(0, 0, "none"), (3, 3, "100 %"), (9999, 10_000, "99.9 %"), (1, 3, "33.3 %")] {
            assert_eq!(share(part, all), words);
        }
    }

    #[test]
    fn each_push_is_counted_once_on_its_day() {
        let push = |at: &str, state: Ended| StatRow {
            stack: "web".parse().unwrap(),
            who: "mary".into(),
            kind: PushKind::Push,
            state: state.into(),
            pressed_at: at.into(),
            duration_ms: 1000,
        };
        let rows = [
            push("2026-11-09T00:00:00.000Z", Ended::Succeeded),
            push("2026-11-22T23:59:59.999Z", Ended::Failed),
            push("2026-11-22T00:00:00.000Z", Ended::Cancelled),
        ];
        let (from, to) = Span::TwoWeeks.bounds("2026-11-22T14:00:00Z".parse().unwrap());
        let counts = counts(&rows.iter().collect::<Vec<_>>(), from, to, DAY_MS);
        assert_eq!(counts.iter().map(|count| count.all).sum::<usize>(), 3);
        assert_eq!((counts[0].all, counts[13].all, counts[13].failed), (1, 2, 1));
    }
}
