//! Asks a Prometheus (or what speaks its API: Thanos, Mimir, VictoriaMetrics) for the value of a query now, or over a time. It must never take an
//! answer for a number that is none, nor believe more of an answer than its limits allow.

use super::Series;
use crate::outbound::{self, Limits, NoAnswer};
use crate::time::At;
use hyper::{Request, Response, StatusCode};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;
use url::Url;

/// Of one answer.
const LIMITS: Limits = Limits { time: Duration::from_secs(10), bytes: 1 << 20 };
/// More lines than this are no graph.
const MOST_SERIES: usize = 20;
/// The longest reason that is repeated, in characters.
const LONGEST_REASON: usize = 300;

/// Why there is no number.
#[derive(Debug, thiserror::Error)]
pub enum NoNumber {
    /// Nobody answered.
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
    /// The server refused the query.
    #[error("{0} refused the query: {1}")]
    Refused(String, String),
    /// It is no answer of Prometheus.
    #[error("{0} did not answer as Prometheus does: {1}")]
    Strange(String, String),
    /// There are more numbers than one.
    #[error("the query gives {0} values where one is needed: add them up, as in sum(…)")]
    Several(usize),
}

/// The value of a query at this moment; none when there is no data.
///
/// # Errors
/// Why that is not known.
pub async fn value(server: &Url, query: &str) -> Result<Option<f64>, NoNumber> {
    let answer = ask(server, "query", &[("query", query)]).await?;
    let found = match answer {
        Data::Scalar((_, value)) => vec![value],
        Data::Vector(found) => found.into_iter().map(|sample| sample.value.1).collect(),
        Data::Matrix(_) | Data::String(_) => {
            return Err(NoNumber::Strange(origin(server), "the query gives no single number".to_owned()));
        }
    };
    match found.as_slice() {
        [] => Ok(None),
        [value] => Ok(finite(value)),
        more => Err(NoNumber::Several(more.len())),
    }
}

/// The values of a query from one moment to another, every so many seconds.
///
/// # Errors
/// Why they are not known.
pub async fn range(server: &Url, query: &str, from: At, to: At, step_s: u64) -> Result<Vec<Series>, NoNumber> {
    let (start, end, step) = (seconds(from), seconds(to), step_s.max(1).to_string());
    let asked = [("query", query), ("start", start.as_str()), ("end", end.as_str()), ("step", step.as_str())];
    match ask(server, "query_range", &asked).await? {
        Data::Matrix(found) if found.len() > MOST_SERIES => Err(NoNumber::Several(found.len())),
        Data::Matrix(found) => Ok(found.into_iter().map(Line::into_series).collect()),
        Data::Scalar(_) | Data::Vector(_) | Data::String(_) => {
            Err(NoNumber::Strange(origin(server), "it gave no values over time".to_owned()))
        }
    }
}

/// The mean of a query's only line between two moments; none when it has no data there.
///
/// # Errors
/// Why it is not known.
pub async fn mean(server: &Url, query: &str, from: At, to: At, step_s: u64) -> Result<Option<f64>, NoNumber> {
    let found = range(server, query, from, to, step_s).await?;
    if found.len() > 1 {
        return Err(NoNumber::Several(found.len()));
    }
    let values: Vec<f64> = found.iter().flat_map(|series| &series.points).map(|(_, value)| *value).collect();
    #[expect(clippy::cast_precision_loss, reason = "there are at most some thousands")]
    let count = values.len() as f64;
    Ok((!values.is_empty()).then(|| values.iter().sum::<f64>() / count))
}

/// A number as Prometheus writes it: a text, since JSON has no infinity.
type Sample = (f64, String);

#[derive(Deserialize)]
struct Answer {
    status: String,
    data: Option<Data>,
    error: Option<String>,
}

#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Data {
    Scalar(Sample),
    Vector(Vec<Instant>),
    Matrix(Vec<Line>),
    String(#[expect(dead_code, reason = "only that it is one counts")] serde_json::Value),
}

#[derive(Deserialize)]
struct Instant {
    value: Sample,
}

#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    metric: BTreeMap<String, String>,
    values: Vec<Sample>,
}

impl Line {
    fn into_series(self) -> Series {
        let labels: Vec<String> = self
            .metric
            .iter()
            .filter(|(name, _)| *name != "__name__")
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let name = match labels.is_empty() {
            true => self.metric.get("__name__").cloned().unwrap_or_default(),
            false => labels.join(", "),
        };
        let points = self.values.iter().filter_map(|(at, value)| Some((millis(*at), finite(value)?))).collect();
        Series { name, points }
    }
}

/// What a value is; none of what is not a number, or has no end.
fn finite(value: &str) -> Option<f64> {
    value.parse().ok().filter(|value: &f64| value.is_finite())
}

#[expect(clippy::cast_possible_truncation, reason = "a cast of this kind never leaves the range")]
fn millis(seconds: f64) -> i64 {
    (seconds * 1000.0).round() as i64
}

fn seconds(at: At) -> String {
    let millis = at.millis();
    format!("{}.{:03}", millis.div_euclid(1000), millis.rem_euclid(1000))
}

fn origin(server: &Url) -> String {
    server.origin().ascii_serialization()
}

/// Asks one question of the API.
async fn ask(server: &Url, what: &str, asked: &[(&str, &str)]) -> Result<Data, NoNumber> {
    let url = address(server, what, asked);
    let strange = |why: &str| NoNumber::Strange(origin(server), why.chars().take(LONGEST_REASON).collect());
    let request = Request::get(url.as_str()).body(Vec::new()).map_err(|error| strange(&error.to_string()))?;
    let answer = outbound::ask(&url, request, LIMITS).await?;
    read(&answer).map_err(|why| match answer.status() {
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => NoNumber::Refused(origin(server), why),
        _ => strange(&why),
    })
}

/// Where a question is asked: a server may stand below a path.
fn address(server: &Url, what: &str, asked: &[(&str, &str)]) -> Url {
    let mut url = server.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(["api", "v1", what]);
    }
    url.query_pairs_mut().clear().extend_pairs(asked);
    url
}

/// The data of an answer, or what is wrong with it.
fn read(answer: &Response<Vec<u8>>) -> Result<Data, String> {
    let status = answer.status();
    let read: Result<Answer, _> = serde_json::from_slice(answer.body());
    match read {
        Ok(Answer { status, data: Some(data), .. }) if status == "success" => Ok(data),
        Ok(Answer { error, .. }) => Err(error.map_or_else(
            || format!("answered {status} without data"),
            |error| error.chars().filter(|c| !c.is_control()).take(LONGEST_REASON).collect(),
        )),
        Err(_) if !status.is_success() => Err(format!("answered {status}")),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(body: &str) -> Result<Data, String> {
        read(&Response::new(body.as_bytes().to_vec()))
    }

    #[test]
    fn a_question_is_asked_below_the_path_of_the_server_and_its_query_is_a_value() {
        for (server, url) in [
            ("http://p.example.com:9090", "http://p.example.com:9090/api/v1/query?query=a%7Bb%3D%22%26c%22%7D"),
            (
                "https://m.example.com/prometheus/",
                "https://m.example.com/prometheus/api/v1/query?query=a%7Bb%3D%22%26c%22%7D",
            ),
        ] {
            assert_eq!(address(&Url::parse(server).unwrap(), "query", &[("query", "a{b=\"&c\"}")]).as_str(), url);
        }
    }

    #[test]
    fn answers_are_read_as_the_api_documents_them() {
        let matrix = r#"{"status":"success","data":{"resultType":"matrix","result":[
            {"metric":{"__name__":"up","job":"web"},"values":[[1435781430.781,"1"],[1435781445.781,"NaN"],[1435781460.781,"+Inf"]]}]}}"#;
        let Ok(Data::Matrix(lines)) = data(matrix) else { panic!("a matrix") };
        let series: Vec<Series> = lines.into_iter().map(Line::into_series).collect();
        assert_eq!(series, [Series { name: "job=web".to_owned(), points: vec![(1_435_781_430_781, 1.0)] }]);
        assert!(matches!(
            data(r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#),
            Ok(Data::Vector(found)) if found.is_empty()
        ));
        assert!(matches!(
            data(r#"{"status":"success","data":{"resultType":"scalar","result":[1435781451.781,"1.5"]}}"#),
            Ok(Data::Scalar((_, value))) if value == "1.5"
        ));
        let refused = r#"{"status":"error","errorType":"bad_data","error":"parse error: unexpected end of input"}"#;
        assert_eq!(data(refused).err().unwrap(), "parse error: unexpected end of input");
        assert!(data("<html>").is_err() && data("{}").is_err());
    }
}
