//! A body of JSON with fields in its texts: `{ "version": "{sha}" }`. The JSON is read first, and only then are values put into its texts: so
//! a value is never syntax, whatever it holds. A text that is one field and nothing else becomes the field's own kind: a number, a list. Pure.

use crate::diagnostic::{nearest, shown};
use serde_json::{Map, Value};

/// Every field, and what it is. `docs/records.md` lists them.
pub const FIELDS: [(&str, &str); 32] = [
    ("key", "what tells a repetition: `push-214-ended`"),
    ("event", "`started`, `ended` … as in `events`"),
    ("text", "the line that IRC gets"),
    ("title", "the same in short"),
    ("stack", "the stack"),
    ("stage", "the stage; empty where it is about all of them"),
    ("push", "the push's number; `null` of what is no push"),
    ("build", "the build"),
    ("sha", "the revision"),
    ("short_sha", "its first seven digits"),
    ("old_sha", "what the stage ran before; empty for its first push"),
    ("branch", "the branch"),
    ("who", "who started the push, or did what is announced"),
    ("reason", "why, when they said so"),
    ("result", "`succeeded`, `failed` …; empty while it runs"),
    ("level", "`success`, `error`, `warning` or `info`"),
    ("why", "why it did not succeed"),
    ("url", "the page"),
    ("diff", "the address of the difference"),
    ("hosts_ok", "hosts that have the build"),
    ("hosts_total", "hosts of the push"),
    ("commit_count", "how many commits it brings"),
    ("commits", "these commits, at most 50: a list of `sha`, `author`, `email`, `at`, `subject`"),
    ("at", "when it happened, as RFC 3339"),
    ("at_s", "the same in seconds since 1970"),
    ("at_ms", "in milliseconds"),
    ("started_s", "when the push started, in seconds since 1970"),
    ("started_ms", "in milliseconds"),
    ("duration_ms", "how long it took; `null` while it runs"),
    ("trace_id", "32 hexadecimal digits that are this push's"),
    ("spans", "the push and its commands as spans of OpenTelemetry"),
    ("source", "the address of this server"),
];

/// A body, understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Filled(Value);

impl Filled {
    /// Reads it.
    ///
    /// # Errors
    /// When it is not JSON, or names a field that there is not.
    pub fn parse(text: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}"))?;
        let mut unknown = None;
        each_text(&value, &mut |text| {
            let names = Self::field_names(text);
            unknown =
                unknown.take().or_else(|| names.into_iter().find(|name| !Self::is_field(name)).map(str::to_owned));
        });
        match unknown {
            Some(name) => Err(format!("there is no field `{{{}}}`: {}", shown(&name), Self::near(&name))),
            None => Ok(Self(value)),
        }
    }

    /// The fields that a text names: `{sha}`; `{{` is a brace.
    pub fn field_names(text: &str) -> Vec<&str> {
        pieces(text)
            .into_iter()
            .filter_map(|piece| if let Piece::Field(name) = piece { Some(name) } else { None })
            .collect()
    }

    /// Whether there is a field of this name.
    pub fn is_field(name: &str) -> bool {
        FIELDS.iter().any(|(known, _)| *known == name)
    }

    /// What may have been meant.
    pub fn near(name: &str) -> String {
        match nearest(name, FIELDS.iter().map(|(known, _)| *known)) {
            Some(near) => format!("did you mean `{{{near}}}`?"),
            None => "docs/records.md lists them; a brace is {{".to_owned(),
        }
    }

    /// Whether it names a field.
    pub fn names(&self, field: &str) -> bool {
        let mut found = false;
        each_text(&self.0, &mut |text| found |= Self::field_names(text).contains(&field));
        found
    }

    /// The body with values in it.
    pub fn fill(&self, fields: &Map<String, Value>) -> Value {
        fill(&self.0, fields)
    }

    /// A text with values in it, each changed by `as_text`.
    pub fn fill_text(text: &str, fields: &Map<String, Value>, as_text: impl Fn(String) -> String) -> String {
        let piece = |piece| match piece {
            Piece::Text(text) => text.to_owned(),
            Piece::Field(name) => as_text(words_of(fields.get(name))),
        };
        pieces(text).into_iter().map(piece).collect()
    }
}

fn fill(value: &Value, fields: &Map<String, Value>) -> Value {
    match value {
        Value::String(text) => match pieces(text).as_slice() {
            [Piece::Field(name)] => fields.get(*name).cloned().unwrap_or_default(),
            _ => Value::String(Filled::fill_text(text, fields, |text| text)),
        },
        Value::Array(items) => items.iter().map(|item| fill(item, fields)).collect(),
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), fill(value, fields))).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// A value within a text.
fn words_of(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

fn each_text(value: &Value, see: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => see(text),
        Value::Array(items) => items.iter().for_each(|item| each_text(item, see)),
        Value::Object(members) => members.values().for_each(|value| each_text(value, see)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[derive(Debug, PartialEq)]
enum Piece<'a> {
    Text(&'a str),
    Field(&'a str),
}

/// A text, taken apart: what stands in braces is the name of a field, and two braces are one.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, behind) = rest.split_at(at);
        if !before.is_empty() {
            found.push(Piece::Text(before));
        }
        let doubled = behind.as_bytes().get(1) == behind.as_bytes().first();
        match (doubled, behind.strip_prefix('{').and_then(|behind| behind.split_once('}'))) {
            (true, _) => {
                found.push(Piece::Text(&behind[..1]));
                rest = &behind[2..];
            }
            (false, Some((name, more))) => {
                found.push(Piece::Field(name));
                rest = more;
            }
            (false, None) => {
                found.push(Piece::Text(&behind[..1]));
                rest = &behind[1..];
            }
        }
    }
    if !rest.is_empty() {
        found.push(Piece::Text(rest));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_put_into_texts_and_are_never_syntax() {
        let evil = "\", \"admin\": true, \"x\": \"{sha}\n";
        let fields =
            json!({ "sha": "51d0c3e", "who": evil, "push": 214, "commits": [{ "subject": evil }], "diff": null });
        let fields = fields.as_object().unwrap();
        let body = r#"{ "version": "{sha}", "by": "by {who}!", "id": "{push}", "n": "push {push}", "list": "{commits}",
                        "brace": "{{sha}}", "{who}": 1, "none": "{diff}", "no": "a{diff}b", "deep": [{ "x": ["{sha}"] }] }"#;
        let filled = Filled::parse(body).unwrap();
        assert_eq!(
            filled.fill(fields),
            json!({
                "version": "51d0c3e", "by": format!("by {evil}!"), "id": 214, "n": "push 214", "list": [{ "subject": evil }],
                "brace": "{sha}", "{who}": 1, "none": null, "no": "ab", "deep": [{ "x": ["51d0c3e"] }]
            })
        );
        assert!(filled.names("commits") && !filled.names("spans"));
        let path = Filled::fill_text("/a/{who}/b", fields, crate::address::encoded);
        assert!(path.starts_with("/a/") && path.ends_with("/b") && path.matches('/').count() == 3, "{path}");
    }

    #[test]
    fn what_is_no_json_or_no_field_is_refused_with_what_was_meant() {
        for (body, words) in [
            ("{", "it is not JSON: EOF while parsing"),
            (r#"{ "a": "{shaa}" }"#, "there is no field `{shaa}`: did you mean `{sha}`?"),
            (r#"["{zzzzzz}"]"#, "there is no field `{zzzzzz}`: docs/records.md lists them; a brace is {{"),
        ] {
            assert!(Filled::parse(body).unwrap_err().starts_with(words), "{body}");
        }
        assert_eq!(Filled::field_names("{a} {{b}} {c"), ["a"]);
    }
}
