//! `kind = "github"`: its keys, and what must not be said of it. It must never speak to a server: that is `announce/github`.

use super::webhook::judge_address;
use crate::config::SecretName;
use crate::config::broken_rules::TableRules;
use crate::config::key::{Key, Kind, key, needed};
use crate::diagnostic::shown;
use serde::Deserialize;

/// A repository whose commits say where they run.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Github {
    /// `OWNER/NAME`.
    pub repository: String,
    /// The address of the API.
    #[serde(default = "default_api")]
    pub api: String,
    /// What GitHub calls the environment: `{stage}` and `{stack}` stand for their names.
    #[serde(default = "default_environment")]
    pub environment: String,
    /// Whether commits get a status, too.
    #[serde(default = "yes")]
    pub statuses: bool,
    /// The token, with the right to write deployments and commit statuses.
    #[serde(flatten)]
    pub password: SecretName,
}

/// Its keys.
pub(super) const KEYS: &[Key] = &[
    needed("repository", Kind::Text, "example/web"),
    key("api", Kind::Text),
    key("environment", Kind::Text),
    key("statuses", Kind::Flag),
    key("password_file", Kind::Text),
    key("password_env", Kind::Text),
];

fn default_api() -> String {
    "https://api.github.com".to_owned()
}

fn default_environment() -> String {
    "{stage}".to_owned()
}

fn yes() -> bool {
    true
}

impl Github {
    /// Notes what is against the rules.
    pub(super) fn judge(&self, rules: &mut TableRules<'_, '_>) {
        judge_address(rules, "api", &self.api);
        if !is_repository(&self.repository) {
            let title = format!("`{}` is not a repository of GitHub", shown(&self.repository));
            rules.refuse("repository", title, "write its owner and its name: repository = \"example/web\"");
        }
        let rest = self.environment.replace("{stack}", "").replace("{stage}", "");
        if self.environment.is_empty() || rest.contains(['{', '}']) || rest.contains(char::is_control) {
            let title = format!("`{}` is not the name of an environment", shown(&self.environment));
            rules.refuse("environment", title, "it may hold {stack} and {stage}: environment = \"{stack} {stage}\"");
        }
        rules.token("github.token");
    }
}

fn is_repository(text: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && part.len() <= 100
            && !part.starts_with('.')
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    };
    text.split_once('/').is_some_and(|(owner, name)| part(owner) && part(name))
}
