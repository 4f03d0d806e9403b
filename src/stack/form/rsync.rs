//! Files that go from the build to every host. Plain data; it must never run anything.

use super::read;
use crate::stack::paths::{self, VariablePath};
use crate::stack::reader::{Reader, Value};
use crate::stack::values;
use crate::stack::variables::Scope;
use std::ops::Range;
use toml::de::DeTable;

/// Files from the build to every host.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Rsync {
    /// A path inside the build; a trailing `/` means its contents, as rsync reads it.
    pub from: VariablePath,
    /// An absolute path on the host.
    pub to: VariablePath,
    /// Removes on the host what the build does not have.
    pub delete: bool,
    /// Patterns left out.
    pub exclude: Vec<String>,
    /// Further options, each from the allow-list.
    pub options: Vec<String>,
    /// Compressed on the way, where both ends can.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub compress: bool,
}

impl Rsync {
    /// Reads what goes where, and how.
    pub(super) fn read(
        reader: &mut Reader<'_>,
        scope: Scope<'_>,
        table: &DeTable<'_>,
        value: &Value<'_>,
        at: &Range<usize>,
    ) -> Option<Self> {
        let from = reader.parsed(value, |text| paths::read(text, scope, values::inner_path));
        let to = match table.get("to") {
            Some(to) => reader.parsed(to, |text| paths::read(text, scope, values::absolute_path)),
            None => {
                reader.missing(at.clone(), "this `rsync`", "to", "say where on the hosts: to = \"/srv/web/assets/\"");
                None
            }
        };
        let delete = table.get("delete").map_or(Some(false), |value| reader.boolean(value));
        let exclude = read::texts(reader, table.get("exclude"), values::pattern);
        let options = read::texts(reader, table.get("options"), values::rsync_option);
        // What is open here is settled with the stage.
        Some(Self { from: from?, to: to?, delete: delete?, exclude, options, compress: false })
    }
}
