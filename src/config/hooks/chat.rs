//! `[chat]`: what the bot answers in chats, and by whose rights. It must never hold a secret, only where it is.

use crate::config::SecretName;
use crate::config::broken_rules::Rules;
use crate::config::key::{Key, Kind, key};
use crate::diagnostic::shown;
use crate::stack::Who;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// The keys of the table.
pub(in crate::config) const KEYS: &[Key] =
    &[key("as", Kind::Text), key("commands", Kind::Flag), key("slack_secret_file", Kind::Text)];

/// `[chat]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Chat {
    /// By whose rights a question in a channel of IRC is answered: a person of this server. Nothing is answered there without.
    #[serde(rename = "as")]
    pub answers_as: Option<String>,
    /// Whether accounts that are bound may push, roll back and hold.
    pub commands: bool,
    slack_secret_file: Option<PathBuf>,
}

impl Chat {
    /// Where the signing secret of Slack's app is; none where there is no slash command.
    pub fn slack_secret(&self) -> Option<SecretName> {
        let file = self.slack_secret_file.clone();
        file.map(|file| SecretName { password_file: Some(file), password_env: None })
    }

    /// Relative paths count from the file's own directory.
    pub(in crate::config) fn resolve(&mut self, here: &Path) {
        self.slack_secret_file = self.slack_secret_file.take().map(|file| here.join(file));
    }
}

impl Rules<'_> {
    /// Eyes that can be nobody's.
    pub(in crate::config) fn chat(&mut self, chat: Option<&Chat>) {
        if let Some(name) = chat.and_then(|chat| chat.answers_as.as_deref())
            && name.parse::<Who>().is_err()
        {
            let title = format!("`{}` is not the name of a person", shown(name));
            self.refuse(
                &["chat", "as"],
                title,
                "name a person of this server, who may `see` what the channel may read",
            );
        }
    }
}
