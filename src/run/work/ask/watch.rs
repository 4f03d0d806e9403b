//! A watch: a value of Prometheus, read again and again while a push waits, compared with a limit or with what it was before the push. It must never
//! call a value good that nobody read: where there is no data a person is asked. Every reading is a record of the push. Called by the step, and
//! before a batch that grows.

use super::confirmed;
use crate::graph::judge::{Bounds, Judge, Judgement};
use crate::graph::{number_words, prometheus};
use crate::journal::{Event, Stream};
use crate::plan;
use crate::remote::{Ending, Line, Lines};
use crate::run::job::Job;
use crate::run::orders::Stop;
use crate::run::recorder::Place;
use crate::stack::{AnswerBy, Question, Watch};
use crate::time::At;
use std::time::Duration;

/// The exit code of a value beyond its limit; nobody sees it.
const BEYOND: i32 = 1;
/// How much of a query a question repeats, in characters.
const LONGEST_QUERY: usize = 80;

/// How a watch ended.
pub enum Watched {
    /// The value stayed within its limit, or a person said that all is well.
    Good,
    /// It did not: why.
    Worse(String),
    /// The push is to stop.
    Stopped,
}

/// A watch that is read.
struct Reading<'a> {
    job: &'a Job,
    place: Place,
    watch: &'a Watch,
    query: String,
    /// The bounds of a value, once they are known.
    bounds: Option<Bounds>,
    /// When the push began: what is before it is what it is compared with.
    began: At,
    /// Whether the mean before the push is known, be it that there is none.
    compared: bool,
}

/// A watch that is a command of its own.
pub async fn command(job: &Job, number: u32, watch: &Watch, lines: &Lines) -> Ending {
    match watched(job, number, watch).await {
        Watched::Good => Ending::Exited(0),
        Watched::Worse(why) => {
            // The reader ends only after all its writers.
            let _ = lines.send(Line { stream: Stream::Err, text: why }).await;
            Ending::Exited(BEYOND)
        }
        Watched::Stopped if matches!(job.orders.stopped(), Some(Stop::Unanswered(_))) => Ending::TimedOut { left: 0 },
        Watched::Stopped => Ending::Cancelled { left: 0 },
    }
}

/// Reads the value until its time is over, or until it is clear that it is beyond its limit.
pub async fn watched(job: &Job, number: u32, watch: &Watch) -> Watched {
    let since = i64::try_from(job.began.elapsed().as_millis()).unwrap_or(i64::MAX);
    let mut reading = Reading {
        job,
        place: Place::new(number, None),
        watch,
        query: watch.filled(&plan::values(&job.assignment, None)),
        bounds: (!watch.of_before).then_some(watch.bounds),
        began: At::from_millis(At::now().millis().saturating_sub(since)),
        compared: !watch.of_before,
    };
    let mut judge = Judge::default();
    let readings = watch.readings();
    let expected = usize::try_from(readings).unwrap_or(usize::MAX);
    reading.compare().await;
    for _ in 0..readings {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(watch.every_s)) => {}
            () = job.orders.token.cancelled() => return Watched::Stopped,
        }
        reading.compare().await;
        let value = reading.value().await;
        if judge.take(value, reading.bounds, expected) {
            return Watched::Worse(reading.worse(value));
        }
    }
    match judge.end(reading.bounds) {
        Judgement::Good => Watched::Good,
        Judgement::Unclear(why) => reading.ask(&why).await,
    }
}

impl Reading<'_> {
    /// Finds the mean before the push, where the value is compared with it and that is not known yet.
    async fn compare(&mut self) {
        if self.compared {
            return;
        }
        let length = i64::try_from(self.watch.for_s).unwrap_or(i64::MAX / 1000).saturating_mul(1000);
        let from = At::from_millis(self.began.millis().saturating_sub(length));
        let (url, every) = (&self.watch.url, self.watch.every_s);
        let asked = prometheus::mean(url, &self.query, from, self.began, every);
        let Some(found) = self.until_stopped(asked).await else { return };
        let mean = match found {
            Ok(mean) => mean,
            Err(why) => return self.note(format!("what it was before the push is not known yet: {why}")).await,
        };
        self.compared = true;
        self.bounds = mean.and_then(|mean| self.watch.bounds.of(mean));
        self.record(mean, true).await;
        let words = match (mean, self.bounds) {
            (None, _) => "before the push there was no data, so nothing can be compared".to_owned(),
            (Some(mean), None) => {
                format!("before the push it was {}: no multiple of that is a limit", number_words(mean))
            }
            (Some(mean), Some(bounds)) => {
                format!("before the push it was {}: {} is allowed", number_words(mean), bounds.words())
            }
        };
        self.note(words).await;
    }

    /// Reads the value once.
    async fn value(&self) -> Option<f64> {
        let found = self.until_stopped(prometheus::value(&self.watch.url, &self.query)).await?;
        let value = found.as_ref().ok().copied().flatten();
        self.record(value, false).await;
        let words = match (found, self.bounds) {
            (Err(why), _) => why.to_string(),
            (Ok(None), _) => "no data".to_owned(),
            (Ok(Some(value)), Some(bounds)) => {
                let beyond = if bounds.is_beyond(value) { ", beyond the limit" } else { "" };
                format!("{} ({}{beyond})", number_words(value), bounds.words())
            }
            (Ok(Some(value)), None) => number_words(value),
        };
        self.note(words).await;
        value
    }

    /// What comes of a question, unless the push is to stop meanwhile.
    async fn until_stopped<T>(&self, asked: impl Future<Output = T>) -> Option<T> {
        self.job.orders.token.run_until_cancelled(asked).await
    }

    async fn record(&self, value: Option<f64>, before: bool) {
        let Bounds { max, min } = self.bounds.unwrap_or_default();
        let event = Event::Measured { command: self.place.command, value, max, min, before };
        self.job.recorder.soon(event).await;
    }

    async fn note(&self, words: String) {
        self.job.recorder.note(&self.place, words).await;
    }

    fn worse(&self, value: Option<f64>) -> String {
        let value = value.map(number_words).unwrap_or_default();
        let bounds = self.bounds.unwrap_or_default();
        format!("{} is {value}, and {} is allowed", self.short(), bounds.words())
    }

    /// The query as it stands in a sentence.
    fn short(&self) -> String {
        let query = self.query.split_whitespace().collect::<Vec<_>>().join(" ");
        match query.char_indices().nth(LONGEST_QUERY) {
            Some((end, _)) => format!("{}…", &query[..end]),
            None => query,
        }
    }

    /// Asks a person, since the numbers do not say it.
    async fn ask(&self, why: &str) -> Watched {
        if self.job.orders.stopped().is_some() {
            return Watched::Stopped;
        }
        let text = format!("Is {} well? {why}", self.short());
        let question = Question { text, timeout_s: self.watch.timeout_s, by: AnswerBy::Anyone };
        match confirmed(self.job, self.place.command, &question).await {
            true => Watched::Good,
            false => Watched::Stopped,
        }
    }
}
