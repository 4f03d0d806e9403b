//! What several forms of command read: scripts, each flaw at its place in the file, and lists of texts. It must never know a form.

use crate::diagnostic::Mistake;
use crate::stack::reader::{Reader, Text, Value};
use crate::stack::script::Script;
use crate::stack::variables::Scope;
use crate::stack::{shell, values};
use toml::de::DeValue;

/// The script that a value is.
pub fn script_of(reader: &mut Reader<'_>, scope: Scope<'_>, value: &Value<'_>) -> Option<Script> {
    let text = reader.text(value)?;
    script(reader, scope, &text)
}

/// Compiles a script, each flaw at its place in the file.
pub fn script(reader: &mut Reader<'_>, scope: Scope<'_>, text: &Text) -> Option<Script> {
    compiled(reader, text, shell::compile(&text.value, scope))
}

/// What was read, or nothing and each flaw at its place in the file.
pub fn compiled<T>(reader: &mut Reader<'_>, text: &Text, read: Result<T, Vec<shell::Flaw>>) -> Option<T> {
    match read {
        Ok(read) => Some(read),
        Err(flaws) => {
            for flaw in flaws {
                let at = reader.part(text, &flaw.at);
                reader.refuse(Mistake { at, title: flaw.title, cures: flaw.cures });
            }
            None
        }
    }
}

/// Every string of a list that `parse` takes; a lone string is a list of one.
pub fn texts(
    reader: &mut Reader<'_>,
    value: Option<&Value<'_>>,
    parse: impl Fn(&str) -> Result<String, values::Refused>,
) -> Vec<String> {
    let texts = match value {
        None => Vec::new(),
        Some(value) if matches!(value.get_ref(), DeValue::String(_)) => reader.text(value).into_iter().collect(),
        Some(value) => reader.texts(value).unwrap_or_default(),
    };
    texts.iter().filter_map(|text| reader.parsed_text(text, &parse)).collect()
}
