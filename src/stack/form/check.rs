//! A check: what it asks, until the answer is good. Plain data; it must never ask anything.

use super::read;
use crate::stack::reader::{Keys, Reader, Value};
use crate::stack::script::{Address, Script};
use crate::stack::urls;
use crate::stack::variables::Scope;
use toml::de::DeValue;

pub(in crate::stack) const CHECK: Keys = Keys { of: "`check`", known: &["run"], later: &[] };

/// What a check asks.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// An address, from the push host, until it answers 2xx; once per host when it names `{host}`.
    Http(Address),
    /// A shell command on every host, until it exits with 0.
    Run(Script),
}

impl Check {
    /// Reads an address, or `{ run = "…" }`.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the kinds of values of TOML are not ours")]
    pub(super) fn read(reader: &mut Reader<'_>, scope: Scope<'_>, value: &Value<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::String(_) => {
                let text = reader.text(value)?;
                read::compiled(reader, &text, urls::address(&text.value, scope)).map(Self::Http)
            }
            DeValue::Table(table) => {
                reader.check_keys(table, &CHECK);
                let Some(run) = table.get("run") else {
                    reader.missing(
                        value.span(),
                        "this check",
                        "run",
                        "write check = { run = \"systemctl is-active web\" }",
                    );
                    return None;
                };
                let text = reader.text(run)?;
                read::script(reader, scope, &text).map(Self::Run)
            }
            other => reader.wrong(value, "an address like \"http://{host}/health\", or { run = \"…\" }", other),
        }
    }
}
