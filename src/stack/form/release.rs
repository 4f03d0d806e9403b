//! A release: the directory that it lives in on every host, and what its releases share. Plain data; it must never touch a host.

use super::read;
use crate::diagnostic::{Mistake, shown};
use crate::stack::commands::fan_out::FanOut;
use crate::stack::reader::{Reader, Value};
use crate::stack::values;
use std::collections::BTreeSet;
use toml::de::DeTable;

/// Releases that stay on a host when the file says nothing: enough to go back a few times, little enough for a small disk.
const KEEP: usize = 5;

/// A release directory on every host.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Release {
    /// The directory that holds `current` and `releases/`; absolute.
    pub dir: String,
    /// How many releases stay, the live one counted.
    pub keep: usize,
    /// Names under `dir/shared` that are linked into the release: with a `/` at the end a directory, which is made when missing;
    /// without one something that must be there.
    pub shared: Vec<String>,
    /// How it reaches the hosts.
    #[serde(default, skip_serializing_if = "FanOut::is_direct")]
    pub fan_out: FanOut,
    /// Compressed on the way, where both ends can.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub compress: bool,
}

impl Release {
    /// Reads where it lives, how many stay, and what they share.
    pub(super) fn read(reader: &mut Reader<'_>, table: &DeTable<'_>, value: &Value<'_>) -> Option<Self> {
        let dir = reader.parsed(value, values::release_dir);
        let keep = table.get("keep").map_or(Some(KEEP), |value| reader.number(value, 1..=1000));
        let shared = read::texts(reader, table.get("shared"), |text| {
            let path = values::inner_path(text)?;
            let name = path.trim_start_matches("./").trim_end_matches('/');
            Ok(if path.ends_with('/') { format!("{name}/") } else { name.to_owned() })
        });
        let bare: Vec<&str> = shared.iter().map(|name| name.trim_end_matches('/')).collect();
        let mut seen = BTreeSet::new();
        if let (Some(again), Some(value)) = (bare.iter().find(|name| !seen.insert(*name)), table.get("shared")) {
            let cure =
                format!("write it once: `{0}/` is a directory, made when missing; `{0}` must be there", shown(again));
            reader.refuse(Mistake::new(value.span(), format!("`{}` is shared twice", shown(again))).cure(cure));
        }
        let inside = |name: &&&str| {
            bare.iter().find(|outer| name.strip_prefix(**outer).is_some_and(|rest| rest.starts_with('/')))
        };
        if let (Some((name, outer)), Some(value)) =
            (bare.iter().find_map(|name| Some((name, inside(&name)?))), table.get("shared"))
        {
            let title = format!("`{}` lies inside `{}`, which is shared as a whole", shown(name), shown(outer));
            reader.refuse(Mistake::new(value.span(), title).cure(format!("leave `{}` out", shown(name))));
        }
        // What is open here is settled with the stage.
        Some(Self { dir: dir?, keep: keep?, shared, fan_out: FanOut::Direct, compress: false })
    }

    /// What is linked into the release.
    pub fn shared_names(&self) -> impl Iterator<Item = SharedName<'_>> {
        self.shared.iter().map(|text| match text.strip_suffix('/') {
            Some(name) => SharedName { name, made: true },
            None => SharedName { name: text, made: false },
        })
    }
}

/// What releases share under one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharedName<'a> {
    /// The name below `shared/` and below the release.
    pub name: &'a str,
    /// A directory that is made when it is missing; anything else must be there.
    pub made: bool,
}

impl SharedName<'_> {
    /// What its link in a release says: relative, so that the directory of the release may move.
    pub fn target(&self) -> String {
        format!("{}shared/{}", "../".repeat(2 + self.name.matches('/').count()), self.name)
    }

    /// The directories of a release that lead to it, the outermost first.
    pub fn parents(&self) -> impl Iterator<Item = &str> {
        self.name.match_indices('/').map(|(at, _)| &self.name[..at])
    }
}
