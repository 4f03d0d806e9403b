//! `[hooks]`: the forges that may say that there are new commits, each with a secret of its own. It must never hold one, only where it is.

pub(super) mod chat;

use super::SecretName;
use super::broken_rules::Rules;
use super::key::{Key, Kind, key};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Where commits are pushed to, and webhooks come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forge {
    /// github.com and GitHub Enterprise.
    GitHub,
    /// gitlab.com and one's own GitLab.
    GitLab,
    /// Gitea and Forgejo.
    Gitea,
    /// Bitbucket Cloud and Data Center.
    Bitbucket,
}

impl Forge {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::GitHub, Self::GitLab, Self::Gitea, Self::Bitbucket];

    /// Its word in the address of its webhook.
    pub const fn word(self) -> &'static str {
        match self {
            Self::GitHub => "github",
            Self::GitLab => "gitlab",
            Self::Gitea => "gitea",
            Self::Bitbucket => "bitbucket",
        }
    }

    /// The key of its secret in the file.
    pub const fn key(self) -> &'static str {
        match self {
            Self::GitHub => "github_secret_file",
            Self::GitLab => "gitlab_secret_file",
            Self::Gitea => "gitea_secret_file",
            Self::Bitbucket => "bitbucket_secret_file",
        }
    }

    /// Its name for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::GitHub => "GitHub",
            Self::GitLab => "GitLab",
            Self::Gitea => "Gitea and Forgejo",
            Self::Bitbucket => "Bitbucket",
        }
    }

    /// The forge of a word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|forge| forge.word() == word)
    }
}

/// The keys of the table.
pub(super) const KEYS: &[Key] = &[
    key(Forge::GitHub.key(), Kind::Text),
    key(Forge::GitLab.key(), Kind::Text),
    key(Forge::Gitea.key(), Kind::Text),
    key(Forge::Bitbucket.key(), Kind::Text),
];

/// `[hooks]`: for each forge a file with the secret in its first line, which others must not be able to read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Hooks {
    github_secret_file: Option<PathBuf>,
    gitlab_secret_file: Option<PathBuf>,
    gitea_secret_file: Option<PathBuf>,
    bitbucket_secret_file: Option<PathBuf>,
}

impl Hooks {
    /// Where the secret of a forge is; none where it has no webhook here.
    pub fn secret_of(&self, forge: Forge) -> Option<SecretName> {
        let file = match forge {
            Forge::GitHub => &self.github_secret_file,
            Forge::GitLab => &self.gitlab_secret_file,
            Forge::Gitea => &self.gitea_secret_file,
            Forge::Bitbucket => &self.bitbucket_secret_file,
        };
        file.clone().map(|file| SecretName { password_file: Some(file), password_env: None })
    }

    /// Relative paths count from the file's own directory.
    pub(super) fn resolve(&mut self, here: &Path) {
        let files = [
            &mut self.github_secret_file,
            &mut self.gitlab_secret_file,
            &mut self.gitea_secret_file,
            &mut self.bitbucket_secret_file,
        ];
        for file in files {
            *file = file.take().map(|file| here.join(file));
        }
    }
}

impl Rules<'_> {
    /// Two forges with one secret: each could speak for the other.
    pub(super) fn hooks(&mut self, hooks: &Hooks) {
        for (at, forge) in Forge::ALL.into_iter().enumerate() {
            let Some(file) = hooks.secret_of(forge).and_then(|secret| secret.password_file) else { continue };
            let same =
                |other: &Forge| hooks.secret_of(*other).and_then(|secret| secret.password_file).as_ref() == Some(&file);
            if let Some(other) = Forge::ALL[..at].iter().find(|other| same(other)) {
                let title = format!("{} and {} have the same secret", other.title(), forge.title());
                self.refuse(&["hooks", forge.key()], title, "give each its own: openssl rand -hex 32");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_forge_is_found_by_its_word_and_has_a_key() {
        for forge in Forge::ALL {
            assert_eq!(Forge::named(forge.word()), Some(forge));
            let text = format!("{} = \"secret\"", forge.key());
            let hooks: Hooks = toml::from_str(&text).unwrap();
            let named: Vec<Forge> = Forge::ALL.into_iter().filter(|forge| hooks.secret_of(*forge).is_some()).collect();
            assert_eq!(named, [forge]);
        }
        assert_eq!(Forge::named("sourcehut"), None);
    }
}
