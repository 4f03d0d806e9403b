//! What a call of the API carries: one JSON object, or nothing where nothing is needed. It must never take what it does not
//! understand for nothing: a misspelled list of hosts would be a push to all of them. What is missing or wrong is said by its name,
//! with an example. Also the words for forms and queries that do not fit. Used by every call of the API that takes a body.

use super::limits::body_timeout::InTime;
use super::problem::Problem;
use actix_web::dev::Payload;
use actix_web::error::{QueryPayloadError, UrlencodedError};
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A list of texts.
    Texts,
    /// A whole number from 0.
    Number,
    /// Yes or no.
    Flag,
}

/// What a call can carry.
pub trait Fields: DeserializeOwned + JsonSchema {
    /// All that there are, by name.
    const FIELDS: &'static [(&'static str, Kind)];
    /// Of these one must be there, and why; none need be there where it is `None`.
    const NEEDED: Option<(&'static [&'static str], &'static str)>;
    /// A body that would be taken.
    const EXAMPLE: &'static str;
}

/// What a request is known by to the desk, when it names itself by a header (`http/api/idempotency.rs`) and its body has no nonce.
#[derive(Clone, Debug)]
pub struct PressKey(
    /// A hash, so that it holds no text of others.
    pub String,
);

/// A body, taken in time and understood.
pub struct Body<T>(
    /// What it holds.
    pub T,
);

impl<T: Fields + 'static> FromRequest for Body<T> {
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<Self, actix_web::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let kind =
            request.headers().get(CONTENT_TYPE).map(|kind| String::from_utf8_lossy(kind.as_bytes()).into_owned());
        let taken = InTime::<Bytes>::from_request(request, payload);
        let key = request.extensions().get::<PressKey>().cloned();
        async move { Ok(Self(understood(kind.as_deref(), &taken.await?.0, key)?)) }.boxed_local()
    }
}

/// Understands a body by what it says of itself.
#[expect(clippy::wildcard_enum_match_arm, reason = "the kinds of values of JSON are not ours")]
fn understood<T: Fields>(kind: Option<&str>, body: &[u8], key: Option<PressKey>) -> Result<T, Problem> {
    let example = T::EXAMPLE;
    let wrong = |what: String| Problem::bad_request(format!("{what}; for example {example}"));
    if body.trim_ascii().is_empty() {
        return filled(Map::new(), b"{}", key);
    }
    if !kind.is_some_and(is_json) {
        let is = kind.map_or("no Content-Type".to_owned(), |kind| format!("Content-Type: {}", cut(kind)));
        return Err(wrong(format!(
            "this address takes JSON, and the request has {is}: send it with Content-Type: application/json"
        )));
    }
    let value: Value =
        serde_json::from_slice(body).map_err(|bad| wrong(format!("the body is not valid JSON ({bad})")))?;
    match value {
        Value::Null => filled(Map::new(), b"{}", key),
        Value::Object(given) => filled(given, body, key),
        other => Err(wrong(format!("what was sent is {}, and must be an object", named(&other)))),
    }
}

/// The call that an object is, whose text is `body`.
fn filled<T: Fields>(mut given: Map<String, Value>, body: &[u8], key: Option<PressKey>) -> Result<T, Problem> {
    let example = T::EXAMPLE;
    let wrong = |what: String| Problem::bad_request(format!("{what}; for example {example}"));
    for (name, value) in &given {
        let Some((name, kind)) = T::FIELDS.iter().find(|(known, _)| known == name) else {
            let all: Vec<String> = T::FIELDS.iter().map(|(known, _)| format!("`{known}`")).collect();
            return Err(wrong(format!("there is no field `{}` here; there are {}", cut(name), all.join(", "))));
        };
        let (fits, must) = match kind {
            Kind::Text => (value.is_string(), "a text"),
            Kind::Texts => (value.as_array().is_some_and(|all| all.iter().all(Value::is_string)), "a list of texts"),
            Kind::Flag => (value.is_boolean(), "true or false"),
            Kind::Number => (value.as_u64().is_some_and(|number| number <= u32::MAX.into()), "a whole number"),
        };
        let left_out = value.is_null() && *kind != Kind::Texts;
        if !fits && !left_out {
            return Err(wrong(format!("`{name}` must be {must}, and is {}", named(value))));
        }
    }
    if let Some((names, why)) = T::NEEDED {
        let is_there = |name: &&str| match given.get(*name) {
            None | Some(Value::Null) => false,
            Some(Value::String(text)) => !text.trim().is_empty(),
            Some(_) => true,
        };
        if !names.iter().any(is_there) {
            let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            let names = names.join(" or ");
            return Err(Problem::missing(format!("{why}: {names} is missing; for example {example}")));
        }
    }
    // From the text, so that a field that is there twice is refused.
    let call = serde_json::from_slice(body).map_err(|bad| wrong(bad.to_string()))?;
    let has_nonce = given.get("nonce").and_then(Value::as_str).is_some_and(|nonce| !nonce.is_empty());
    match key.filter(|_| !has_nonce && T::FIELDS.iter().any(|(name, _)| *name == "nonce")) {
        None => Ok(call),
        Some(PressKey(key)) => {
            given.insert("nonce".to_owned(), Value::String(key));
            serde_json::from_value(Value::Object(given)).map_err(|bad| wrong(bad.to_string()))
        }
    }
}

/// Whether a request says that its body is JSON.
pub fn sends_json(request: &HttpRequest) -> bool {
    request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).is_some_and(is_json)
}

fn is_json(kind: &str) -> bool {
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn named(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// What someone sent, as far as it is repeated to them.
fn cut(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(60).collect()
}

/// What is wrong with a form.
#[expect(clippy::wildcard_enum_match_arm, reason = "the framework's errors are not ours")]
pub fn of_form(error: UrlencodedError) -> actix_web::Error {
    match error {
        UrlencodedError::ContentType => Problem::bad_request(
            "this address takes a form, as browsers send it (Content-Type: application/x-www-form-urlencoded); JSON is taken under /api/v1/",
        )
        .into(),
        UrlencodedError::Parse(bad) => unfit("the form", &bad.to_string()).into(),
        other => other.into(),
    }
}

/// What is wrong with the query of an address.
pub fn of_query(error: QueryPayloadError) -> actix_web::Error {
    match error {
        QueryPayloadError::Deserialize(bad) => unfit("the query of the address", &bad.to_string()).into(),
        other => Problem::bad_request(other.to_string()).into(),
    }
}

fn unfit(what: &str, why: &str) -> Problem {
    let words =
        format!("{what} does not fit: {}", why.chars().filter(|c| !c.is_control()).take(200).collect::<String>());
    match why.starts_with("missing field") {
        true => Problem::missing(words),
        false => Problem::bad_request(words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, JsonSchema, Deserialize)]
    struct Call {
        reason: Option<String>,
        #[serde(default)]
        hosts: Vec<String>,
        question: Option<u32>,
    }

    impl Fields for Call {
        const FIELDS: &'static [(&'static str, Kind)] =
            &[("reason", Kind::Text), ("hosts", Kind::Texts), ("question", Kind::Number)];
        const NEEDED: Option<(&'static [&'static str], &'static str)> = None;
        const EXAMPLE: &'static str = r#"{"hosts": ["web1"]}"#;
    }

    const JSON: Option<&str> = Some("application/json; charset=utf-8");

    #[test]
    fn nothing_is_nothing_whatever_it_calls_itself_and_a_call_is_what_it_says() {
        for (kind, body) in [(None, ""), (Some("text/plain"), " \r\n"), (JSON, "{}"), (JSON, "null")] {
            let nothing = Call { reason: None, hosts: Vec::new(), question: None };
            assert_eq!(understood(kind, body.as_bytes(), None), Ok(nothing), "{kind:?} {body:?}");
        }
        let body = br#"{"reason": null, "hosts": ["web1"], "question": 2}"#;
        let call = Call { reason: None, hosts: vec!["web1".to_owned()], question: Some(2) };
        assert_eq!(understood(Some("application/merge-patch+json"), body, None), Ok(call));
    }

    #[test]
    fn what_is_not_understood_is_refused_by_its_name_with_an_example() {
        for (kind, body, words) in [
            (JSON, "{", "is not valid JSON (EOF"),
            (JSON, "hosts=web1", "is not valid JSON"),
            (JSON, "[]", "is a list, and must be an object"),
            (JSON, "\"web1\"", "is a text, and must be an object"),
            (JSON, r#"{"host": ["web1"]}"#, "no field `host` here; there are `reason`, `hosts`, `question`"),
            (JSON, r#"{"hosts": "web1"}"#, "`hosts` must be a list of texts, and is a text"),
            (JSON, r#"{"hosts": [1]}"#, "`hosts` must be a list of texts"),
            (JSON, r#"{"hosts": null}"#, "`hosts` must be a list of texts, and is null"),
            (JSON, r#"{"reason": 5}"#, "`reason` must be a text, and is a number"),
            (JSON, r#"{"question": -1}"#, "`question` must be a whole number"),
            (JSON, r#"{"reason": "a", "reason": "b"}"#, "duplicate field `reason`"),
            (
                Some("application/x-www-form-urlencoded"),
                "{}",
                "Content-Type: application/x-www-form-urlencoded: send it",
            ),
            (None, "{}", "has no Content-Type: send it with Content-Type: application/json"),
        ] {
            let problem = understood::<Call>(kind, body.as_bytes(), None).unwrap_err();
            assert_eq!((problem.status.as_u16(), problem.row.name), (400, "bad_request"), "{body}");
            assert!(problem.message.contains(words) && problem.message.contains("[\"web1\"]"), "{body}: {problem}");
        }
    }
}
