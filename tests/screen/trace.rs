//! What a page's main thread did, out of Chromium's own trace: which tasks were long, by the clock and by the processor
//! (a task that lasts long and works little only waited for a core), and what the work was.

use serde_json::Value;
use std::collections::BTreeMap;

/// What is traced: tasks and what they are made of, and the marks between which it counts.
pub const CATEGORIES: &str = "disabled-by-default-devtools.timeline,devtools.timeline,blink.user_timing";

/// What a task was made of; the rest is the browser's own.
const PARTS: [(&str, &[&str]); 6] = [
    ("script", &["FunctionCall", "EvaluateScript", "v8.compile", "FireAnimationFrame", "EventDispatch", "TimerFire"]),
    ("style", &["UpdateLayoutTree"]),
    ("layout", &["Layout"]),
    ("what is near the window", &["IntersectionObserverController::computeIntersections"]),
    ("paint", &["PrePaint", "Paint", "Layerize", "Commit", "UpdateLayer"]),
    ("memory", &["MinorGC", "MajorGC"]),
];

/// A span on one thread: milliseconds by the clock, and those in which the processor worked on it.
pub struct Span<'a> {
    name: &'a str,
    begun: f64,
    pub lasted: f64,
    pub worked: f64,
    /// What other spans in it worked.
    inner: f64,
    task: bool,
}

/// The main thread of the page, between its marks `begun` and `ended`.
pub struct Main<'a> {
    spans: Vec<Span<'a>>,
}

impl<'a> Main<'a> {
    /// Reads it out of a trace's events.
    pub fn of(events: &'a [Value]) -> Self {
        let mark =
            |name: &str| events.iter().find(|event| event["name"] == name && event["cat"] == "blink.user_timing");
        let (begun, ended) = (mark("begun").unwrap(), mark("ended").unwrap());
        let ours = |event: &&Value| event["pid"] == begun["pid"] && event["tid"] == begun["tid"] && event["ph"] == "X";
        let ms = |event: &Value, key: &str| event[key].as_f64().unwrap_or(0.0) / 1000.0;
        let span = |event: &'a Value| Span {
            name: event["name"].as_str().unwrap_or_default(),
            begun: ms(event, "ts"),
            lasted: ms(event, "dur"),
            worked: ms(event, "tdur"),
            inner: 0.0,
            task: false,
        };
        let mut spans: Vec<Span> = events.iter().filter(ours).map(span).collect();
        spans.retain(|span| span.begun >= ms(begun, "ts") && span.begun <= ms(ended, "ts"));
        spans.sort_by(|a, b| a.begun.total_cmp(&b.begun).then(b.lasted.total_cmp(&a.lasted)));
        let mut open: Vec<usize> = Vec::new();
        for i in 0..spans.len() {
            while open.last().is_some_and(|last| spans[*last].begun + spans[*last].lasted <= spans[i].begun) {
                open.pop();
            }
            match open.last() {
                Some(around) => spans[*around].inner += spans[i].worked,
                None => spans[i].task = true,
            }
            open.push(i);
        }
        Self { spans }
    }

    fn tasks(&self) -> impl Iterator<Item = &Span<'a>> {
        self.spans.iter().filter(|span| span.task)
    }

    /// How many tasks took more than 50 ms.
    pub fn over(&self, time: impl Fn(&Span) -> f64) -> usize {
        self.tasks().filter(|task| time(task) > 50.0).count()
    }

    /// The longest task, in milliseconds.
    pub fn most(&self, time: impl Fn(&Span) -> f64) -> f64 {
        self.tasks().map(time).fold(0.0, f64::max)
    }

    /// Milliseconds of the processor in all tasks.
    pub fn worked(&self) -> f64 {
        self.tasks().map(|task| task.worked).sum()
    }

    /// Milliseconds by the clock in all tasks.
    pub fn lasted(&self) -> f64 {
        self.tasks().map(|task| task.lasted).sum()
    }

    /// What the work was: milliseconds of the processor, and how often.
    pub fn parts(&self) -> Vec<(&'static str, f64, usize)> {
        let mut found: BTreeMap<usize, (f64, usize)> = BTreeMap::new();
        for span in &self.spans {
            let memory = span.name.starts_with("V8.GC");
            let part = PARTS.iter().position(|(what, names)| names.contains(&span.name) || memory && *what == "memory");
            let (worked, times) = found.entry(part.unwrap_or(PARTS.len())).or_default();
            *worked += span.worked - span.inner;
            *times += 1;
        }
        let name = |part: usize| PARTS.get(part).map_or("the browser's own", |(what, _)| what);
        found.into_iter().map(|(part, (worked, times))| (name(part), worked, times)).collect()
    }
}
