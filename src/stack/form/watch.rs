//! A watch: what is asked of Prometheus while or after hosts change, and how it may be. Plain data; it must never ask anything.

use super::kind::ANSWER;
use crate::diagnostic::{Mistake, shown};
use crate::graph::judge::Bounds;
use crate::stack::reader::{Keys, Reader, Value};
use crate::stack::script::Piece;
use crate::stack::values::{self, Refused, is_variable_name, refused};
use crate::stack::variables::{Kind, Scope};
use crate::time::duration_words;
use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;
use toml::de::{DeTable, DeValue};
use url::Url;

pub(in crate::stack) const WATCH: Keys =
    Keys { of: "`watch`", known: &["url", "query", "max", "min", "of", "for", "every", "timeout"], later: &[] };

/// How long it is watched, and how often it is read, when the file says nothing.
const FOR: Duration = Duration::from_secs(5 * 60);
const EVERY: Duration = Duration::from_secs(15);
/// More readings than this are a graph, not a watch: each is a record of the push.
const MOST_READINGS: u64 = 1000;
/// The longest query, in bytes, and the longest address.
const LONGEST: usize = 2000;
const SERVER: &str = "write where Prometheus answers: watch = \"http://prometheus.example.com:9090\"";
const QUERY: &str = "write what is asked, as in Prometheus: query = \"sum(rate(http_errors_total[1m]))\"";

/// What is watched, and how it may be.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Watch {
    /// Where Prometheus answers: `http://prometheus.example.com:9090`.
    pub url: Url,
    /// The query, cut at its variables.
    pub query: Vec<Piece>,
    /// How the value may be; with `of_before` as a multiple of what it was before the push.
    pub bounds: Bounds,
    /// Whether the bounds are multiples of the mean before the push.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub of_before: bool,
    /// For so many seconds, before the push as well.
    pub for_s: u64,
    /// Every so many seconds.
    pub every_s: u64,
    /// How long a person is waited for who is asked because there is no data, in seconds.
    pub timeout_s: u64,
}

impl Watch {
    /// Reads a watch. `value` is an address, with the other keys beside it in `table`, or a table of its own.
    pub(in crate::stack) fn read(
        reader: &mut Reader<'_>,
        scope: Scope<'_>,
        table: &DeTable<'_>,
        value: &Value<'_>,
        at: &Range<usize>,
    ) -> Option<Self> {
        let DeValue::Table(own) = value.get_ref() else {
            return Self::of_keys(reader, scope, table, Some(value), at);
        };
        reader.check_keys(own, &WATCH);
        let found = Self::of_keys(reader, scope, own, own.get("url"), &value.span())?;
        for key in ["query", "max", "min", "of", "for"] {
            if let Some((key, _)) = table.get_key_value(key) {
                let title = format!("`{}` belongs into the table of `watch`", key.get_ref());
                reader.refuse(Mistake::new(key.span(), title).cure("write all of it in one place"));
            }
        }
        Some(found)
    }

    fn of_keys(
        reader: &mut Reader<'_>,
        scope: Scope<'_>,
        table: &DeTable<'_>,
        url: Option<&Value<'_>>,
        at: &Range<usize>,
    ) -> Option<Self> {
        let url = match url {
            Some(url) => reader.parsed(url, server),
            None => {
                reader.missing(
                    at.clone(),
                    "this `watch`",
                    "url",
                    "write where Prometheus answers: url = \"http://prometheus.example.com:9090\"",
                );
                None
            }
        };
        let query = match table.get("query") {
            Some(value) => reader.parsed(value, |text| query(text, scope)),
            None => {
                reader.missing(at.clone(), "this `watch`", "query", QUERY);
                None
            }
        };
        let bound = |reader: &mut Reader<'_>, key| table.get(key).and_then(|value| decimal(reader, value));
        let bounds = Bounds { max: bound(reader, "max"), min: bound(reader, "min") };
        if !table.contains_key("max") && !table.contains_key("min") {
            let cure = "write max = 0.05, or min; with of = \"before\" as a multiple of what it was before the push: max = 1.3";
            reader.refuse(Mistake::new(at.clone(), "this `watch` does not say how the value may be").cure(cure));
        }
        let of_before = table.get("of").map_or(Some(false), |value| reader.parsed(value, of));
        let mut time =
            |key, otherwise| table.get(key).map_or(Some(otherwise), |value| reader.parsed(value, values::timeout));
        let (length, every, timeout) = (time("for", FOR)?, time("every", EVERY)?, time("timeout", ANSWER)?);
        if every > length || length.as_secs() > MOST_READINGS * every.as_secs() {
            let title = format!("these are {} readings", length.as_secs() / every.as_secs().max(1));
            let cure = format!("let `every` be shorter than `for`, and read at most {MOST_READINGS} times");
            reader.refuse(Mistake::new(at.clone(), title).cure(cure));
            return None;
        }
        Some(Self {
            url: url?,
            query: query?,
            bounds,
            of_before: of_before?,
            for_s: length.as_secs(),
            every_s: every.as_secs(),
            timeout_s: timeout.as_secs(),
        })
    }

    /// The query with its values in place. They are plain words, which no query reads as more than that.
    pub fn filled(&self, values: &BTreeMap<String, String>) -> String {
        let text = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Var(name) => values.get(name).cloned().unwrap_or_default(),
        };
        self.query.iter().map(text).collect()
    }

    /// What is watched, how it may be and for how long, as people read it.
    pub fn words(&self, values: &BTreeMap<String, String>) -> String {
        let times = if self.of_before { " times what it was before the push" } else { "" };
        let length = duration_words(i64::try_from(self.for_s).unwrap_or(i64::MAX / 1000).saturating_mul(1000));
        let query = self.filled(values).split_whitespace().collect::<Vec<_>>().join(" ");
        format!("{query} is {}{times} for {length}", self.bounds.words())
    }

    /// How often it is read.
    pub fn readings(&self) -> u64 {
        (self.for_s / self.every_s.max(1)).max(1)
    }
}

fn server(text: &str) -> Result<Url, Refused> {
    let bad = || refused(format!("the address `{}` is not allowed", shown(text)), SERVER);
    server_address(text, false).ok_or_else(bad)
}

/// The address of a server that is asked over HTTP; with what is asked, where `whole` says so. It never holds a name or a password.
pub(in crate::stack) fn server_address(text: &str, whole: bool) -> Option<Url> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())?;
    let plain = url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    (plain && (whole || url.query().is_none()) && text.len() <= LONGEST).then_some(url)
}

fn of(text: &str) -> Result<bool, Refused> {
    match text {
        "before" => Ok(true),
        other => Err(refused(
            format!("of `{}` is not known", shown(other)),
            "write of = \"before\", for multiples of the value before the push; without it `max` and `min` are values",
        )),
    }
}

/// Cuts a query at its variables. `{name}` alone is one: a selector of Prometheus has a sign between its braces.
pub(in crate::stack) fn query(text: &str, scope: Scope<'_>) -> Result<Vec<Piece>, Refused> {
    if text.trim().is_empty() || text.len() > LONGEST || text.chars().any(|c| c.is_control() && c != '\n') {
        let title = format!("the query must be text of at most {LONGEST} bytes, without control characters");
        return Err(refused(title, QUERY));
    }
    let (mut pieces, mut plain, mut at) = (Vec::new(), String::new(), 0);
    while let Some(c) = text[at..].chars().next() {
        let end = at + c.len_utf8();
        let name = (c == '{').then(|| text[end..].split_once('}')).flatten().map(|(name, _)| name);
        let Some(name) = name.filter(|name| is_variable_name(name)) else {
            plain.push(c);
            at = end;
            continue;
        };
        let place = at..end + name.len() + 1;
        at = place.end;
        let env = variable(name, scope).map_err(|(title, cure)| Refused { at: Some(place), ..refused(title, cure) })?;
        if !plain.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut plain)));
        }
        pieces.push(Piece::Var(env));
    }
    if !plain.is_empty() {
        pieces.push(Piece::Text(plain));
    }
    Ok(pieces)
}

fn variable(name: &str, scope: Scope<'_>) -> Result<String, (String, &'static str)> {
    const CURE: &str =
        "use {stack}, {stage}, {build}, {sha} or {push}; a selector of Prometheus has a sign: {job=\"web\"}";
    match scope.find(name) {
        Some(_) if name == "host" => {
            Err(("`{host}` cannot stand in a query: it is asked once, for all hosts".to_owned(), CURE))
        }
        Some(found) if found.kind == Kind::Plain => Ok(found.env),
        Some(_) => Err((format!("`{{{name}}}` may hold any text, so it cannot stand in a query"), CURE)),
        None => Err((format!("unknown variable `{{{}}}`", shown(name)), CURE)),
    }
}

/// A number, with a fraction or without.
#[expect(clippy::wildcard_enum_match_arm, reason = "the kinds of values of TOML are not ours")]
fn decimal(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<f64> {
    let text = match value.get_ref() {
        DeValue::Integer(number) if number.radix() == 10 => number.as_str(),
        DeValue::Float(number) => number.as_str(),
        other => return reader.wrong(value, "a number", other),
    };
    let number = text.replace('_', "").parse().ok().filter(|number: &f64| number.is_finite());
    if number.is_none() {
        reader.refuse(Mistake::new(value.span(), "this is no number that a value could be compared with"));
    }
    number
}

#[cfg(test)]
mod tests {
    use crate::stack::{Command, Form, Watch, parse};
    use std::collections::BTreeMap;

    fn read(command: &str) -> Result<Command, Vec<String>> {
        let text = format!(
            "source = {{ git = \"/g\", branch = \"main\" }}\n[[stage]]\nname = \"qa\"\nhosts = [\"a\", \"b\", \"c\"]\ncommands = [\n{command}]\n"
        );
        match parse("web".parse().unwrap(), "web.toml", &text) {
            Ok(stack) => Ok(stack.stages[0].commands[0].clone()),
            Err(errors) => Err(errors
                .iter()
                .map(|error| error.to_string().lines().next().unwrap_or_default().to_owned())
                .collect()),
        }
    }

    fn watch(command: &str) -> Watch {
        match read(command).map(|command| (command.form, command.watch)) {
            Ok((Form::Watch(watch), None) | (_, Some(watch))) => *watch,
            other => panic!("{command}: {other:?}"),
        }
    }

    #[test]
    fn a_watch_says_what_it_reads_and_only_plain_values_stand_in_its_query() {
        let found = watch(
            "{ watch = \"http://p:9090\", query = \"up{job=\\\"{stack}\\\"} > 0\", max = 1.3, of = \"before\", for = \"2m\" }",
        );
        let values = BTreeMap::from([("PUSH_STACK".to_owned(), "web".to_owned())]);
        assert_eq!(
            found.words(&values),
            "up{job=\"web\"} > 0 is at most 1.3 times what it was before the push for 2 m 00 s"
        );
        assert_eq!(found.readings(), 8);
        let beside = "{ run = \"true\", chunk = [1, 2], watch = { url = \"http://p\", query = \"x\", min = 2 } }";
        assert_eq!((watch(beside).bounds.min, watch(beside).every_s), (Some(2.0), 15));
    }

    #[test]
    fn what_no_watch_can_be_is_said() {
        let of = |more: &str| format!("{{ watch = \"http://p\", query = \"x\", {more} }}");
        for (command, title) in [
            (of(""), "this `watch` does not say how the value may be"),
            (of("max = \"1\""), "this must be a number, not text"),
            (of("max = nan"), "this is no number that a value could be compared with"),
            (of("max = 1, of = \"after\""), "of `after` is not known"),
            (of("max = 1, for = \"5s\""), "these are 0 readings"),
            (of("max = 1, for = \"24h\", every = \"1s\""), "these are 86400 readings"),
            (of("max = 1, chunk = 2"), "`watch` has no `chunk`: it is asked once, for all hosts"),
            ("{ watch = \"ftp://p\", query = \"x\", max = 1 }".to_owned(), "the address `ftp://p` is not allowed"),
            ("{ watch = \"http://p\", max = 1 }".to_owned(), "this `watch` has no `query`"),
            (
                "{ watch = \"http://p\", query = \"a{host}\", max = 1 }".to_owned(),
                "`{host}` cannot stand in a query: it is asked once, for all hosts",
            ),
            (
                "{ watch = \"http://p\", query = \"a{reason}\", max = 1 }".to_owned(),
                "`{reason}` may hold any text, so it cannot stand in a query",
            ),
            ("{ watch = \"http://p\", query = \"a{nothing}\", max = 1 }".to_owned(), "unknown variable `{nothing}`"),
            (
                "{ run = \"x\", watch = \"http://p\" }".to_owned(),
                "beside another command `watch` is a table of its own",
            ),
            (
                "{ run = \"x\", watch = { url = \"http://p\", query = \"x\", max = 1 } }".to_owned(),
                "this `watch` would never be asked: the chunk does not grow",
            ),
            (
                "{ roll = [{ watch = \"http://p\", query = \"x\", max = 1 }] }".to_owned(),
                "a roll cannot hold a `watch`: each host would wait on its own",
            ),
        ] {
            let errors = read(&command).err().unwrap_or_default();
            assert!(errors.iter().any(|error| error == &format!("error: {title}")), "{command}: {errors:?}");
        }
    }
}
