//! A release: the directory that it lives in on every host, and what its releases share. Plain data; it must never touch a host.

use crate::stack::commands::fan_out::FanOut;

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
