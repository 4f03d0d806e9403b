//! `docs/metrics.md` has every metric of the table, word for word.

use pushbutton::web::numbers::{METRICS, Metric, MetricKind};
use std::collections::BTreeSet;

const PAGE: &str = "docs/metrics.md";
const HEAD: &str = "<!-- metrics -->\n| metric | type | labels | what it is |\n|---|---|---|---|\n";

#[test]
fn every_metric_is_on_the_page_as_it_is_in_the_table() {
    let text = crate::docs::page(PAGE).text;
    let row = |metric: &Metric| {
        let kind = match metric.kind {
            MetricKind::Counter(_) => "counter",
            MetricKind::Gauge(_) => "gauge",
            MetricKind::Histogram(_) => "histogram",
        };
        let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        format!("| `{}` | {kind} | {} | {} |\n", metric.name, labels.join(", "), metric.help)
    };
    let wanted: String = METRICS.iter().map(row).collect();
    let (before, rest) = text.split_once(HEAD).unwrap_or_else(|| panic!("{PAGE} has {HEAD}"));
    let end = rest.split_inclusive('\n').take_while(|line| line.starts_with('|')).map(str::len).sum();
    let (there, after) = rest.split_at(end);
    if std::env::var_os("WRITE_DOCS").is_some() {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
        std::fs::write(file, [before, HEAD, &wanted, after].concat()).unwrap();
    } else {
        assert_eq!(there, wanted, "{PAGE} is not what the table says (WRITE_DOCS=1 writes it)");
    }
}

#[test]
fn names_say_what_is_measured_and_in_what() {
    let mut names = BTreeSet::new();
    for metric in METRICS {
        assert!(names.insert(metric.name) && metric.name.starts_with("pushbutton_"), "{}", metric.name);
        let counts = matches!(metric.kind, MetricKind::Counter(_));
        assert_eq!(metric.name.ends_with("_total"), counts, "{}: a counter, and nothing else, is a total", metric.name);
        let times = ["Duration", "Age"].iter().any(|word| metric.help.starts_with(word));
        assert_eq!(metric.name.ends_with("_seconds"), times, "{}: a time is in seconds", metric.name);
        assert!(!metric.help.ends_with('.') && !metric.help.is_empty(), "{}", metric.name);
        assert!(metric.labels.iter().all(|label| ["stack", "stage", "result", "channel", "state"].contains(label)));
    }
}
