//! `confirm` and `watch` beside another form: what is asked, of a person or of Prometheus, before a command's batches grow. It must never be taken where nothing
//! grows, for nobody would be asked. Called by `commands` and `parse`.

use crate::diagnostic::{Mistake, shown};
use crate::stack::draft::{Draft, Limits};
use crate::stack::form::kind::{ANSWER, FormKind};
use crate::stack::reader::{Keys, Reader, Value};
use crate::stack::values::{Refused, refused};
use crate::stack::variables::Scope;
use crate::stack::{AnswerBy, Question, Watch, values};
use std::ops::Range;
use toml::de::{DeTable, DeValue};

pub(in crate::stack) const QUESTION: Keys = Keys { of: "`confirm`", known: &["ask", "timeout", "by"], later: &[] };
const GROW: &str = "let the batches grow, and it is asked before each larger one: chunk = [1, 10, \"25%\"]";

/// Reads a question: its text, or `{ ask = "…", timeout = "30m", by = "another" }`.
pub(in crate::stack) fn read(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<Question> {
    let DeValue::Table(table) = value.get_ref() else {
        let text = reader.parsed(value, values::line)?;
        return Some(Question { text, timeout_s: ANSWER.as_secs(), by: AnswerBy::Anyone });
    };
    reader.check_keys(table, &QUESTION);
    let timeout = table.get("timeout").map_or(Some(ANSWER), |value| reader.parsed(value, values::timeout));
    let Some(ask) = table.get("ask") else {
        reader.missing(value.span(), "this `confirm`", "ask", "write what is asked: ask = \"Canary fine?\"");
        return None;
    };
    let by = table.get("by").map_or(Some(AnswerBy::Anyone), |value| reader.parsed(value, by));
    Some(Question { text: reader.parsed(ask, values::line)?, timeout_s: timeout?.as_secs(), by: by? })
}

/// Reads what is watched before another form's batches grow: a table of its own, since the keys beside it are those of the form.
pub(in crate::stack) fn read_watch(
    reader: &mut Reader<'_>,
    scope: Scope<'_>,
    value: &Value<'_>,
    at: &Range<usize>,
) -> Option<Watch> {
    if !matches!(value.get_ref(), DeValue::Table(_)) {
        let cure =
            "write watch = { url = \"http://prometheus.example.com:9090\", query = \"…\", max = 1.3, of = \"before\" }";
        reader.refuse(Mistake::new(value.span(), "beside another command `watch` is a table of its own").cure(cure));
        return None;
    }
    // The keys beside it are those of the other form, which are looked at there.
    Watch::read(reader, scope, &DeTable::new(), value, at)
}

fn by(text: &str) -> Result<AnswerBy, Refused> {
    match text {
        "anyone" => Ok(AnswerBy::Anyone),
        "another" => Ok(AnswerBy::Another),
        other => {
            let title = format!("by `{}` is not known", shown(other));
            Err(refused(title, "write by = \"another\", for someone else than who started the push"))
        }
    }
}

/// Refuses questions that nobody would be asked, on a stage whose own limits are `stage`.
pub(in crate::stack) fn check(reader: &mut Reader<'_>, drafts: &[Draft], stage: &Limits) {
    let beside =
        |draft: &&Draft| draft.confirm.is_some() && draft.form.kind() != FormKind::Confirm || draft.watch.is_some();
    for draft in drafts.iter().filter(beside) {
        let word = if draft.watch.is_some() { "watch" } else { "confirm" };
        let limits = draft.limits.clone().within(stage);
        let refused = if draft.form.flips().is_some() {
            Some((
                "all hosts flip at once: there is nothing to ask between".to_owned(),
                format!("put {{ {word} = \"…\" }} before it"),
            ))
        } else if !draft.form.is_per_host() {
            Some((
                "this runs once, on the push host: there is nothing to ask between".to_owned(),
                format!("put {{ {word} = \"…\" }} before or after it"),
            ))
        } else if limits.chunk.is_none_or(|chunk| chunk.first.is_empty()) {
            Some((format!("this `{word}` would never be asked: the chunk does not grow"), GROW.to_owned()))
        } else {
            None
        };
        if let Some((title, cure)) = refused {
            reader.refuse(Mistake::new(draft.at.clone(), title).cure(cure));
        }
    }
}
