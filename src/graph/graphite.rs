//! Asks a Graphite for a target over a time (`/render?format=json`). It must never believe more of an answer than its limits allow.

use super::Series;
use crate::outbound::{self, Limits, NoAnswer};
use crate::time::At;
use hyper::Request;
use serde::Deserialize;
use std::time::Duration;
use url::Url;

/// Of one answer.
const LIMITS: Limits = Limits { time: Duration::from_secs(10), bytes: 1 << 20 };
/// More lines than this are no graph.
const MOST_SERIES: usize = 20;

/// Why there are no values.
#[derive(Debug, thiserror::Error)]
pub enum NoValues {
    /// Nobody answered.
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
    /// It is no answer of Graphite.
    #[error("{0} did not answer as Graphite does: {1}")]
    Strange(String, String),
}

#[derive(Deserialize)]
struct Rendered {
    target: String,
    datapoints: Vec<(Option<f64>, i64)>,
}

/// The values of a target from one moment to another.
///
/// # Errors
/// Why they are not known.
pub async fn range(server: &Url, target: &str, from: At, to: At) -> Result<Vec<Series>, NoValues> {
    let strange = |why: String| NoValues::Strange(server.origin().ascii_serialization(), why);
    let mut url = server.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().push("render");
    }
    let seconds = |at: At| at.millis().div_euclid(1000).to_string();
    url.query_pairs_mut().clear().extend_pairs([
        ("target", target),
        ("from", seconds(from).as_str()),
        ("until", seconds(to).as_str()),
        ("format", "json"),
    ]);
    let request = Request::get(url.as_str()).body(Vec::new()).map_err(|error| strange(error.to_string()))?;
    let answer = outbound::ask(&url, request, LIMITS).await?;
    if !answer.status().is_success() {
        return Err(strange(format!("answered {}", answer.status())));
    }
    let found: Vec<Rendered> = serde_json::from_slice(answer.body()).map_err(|error| strange(error.to_string()))?;
    Ok(found.into_iter().take(MOST_SERIES).map(Rendered::into_series).collect())
}

impl Rendered {
    fn into_series(self) -> Series {
        let points = self.datapoints.into_iter().filter_map(|(value, at)| {
            let value = value.filter(|value| value.is_finite())?;
            Some((at.saturating_mul(1000), value))
        });
        Series { name: self.target, points: points.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_graphite_renders_is_read_and_gaps_are_left_out() {
        let text = r#"[{"target": "web.errors", "tags": {"name": "web.errors"}, "datapoints": [[1.5, 1311836008], [null, 1311836009], [2, 1311836010]]}]"#;
        let found: Vec<Rendered> = serde_json::from_str(text).unwrap();
        let series: Vec<Series> = found.into_iter().map(Rendered::into_series).collect();
        let points = vec![(1_311_836_008_000, 1.5), (1_311_836_010_000, 2.0)];
        assert_eq!(series, [Series { name: "web.errors".to_owned(), points }]);
    }
}
