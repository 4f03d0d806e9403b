//! The file while it is looked at: what was understood of it so far, and everything that is wrong with it, wherever that is
//! found: in the text, on this machine, by other rooms. It must never stop at a mistake while others can be found, and
//! never show a secret that someone wrote into the file. `check` and `serve` both make one.

use super::broken_rules::{Rules, place};
use super::site::Site;
use super::{Config, ConfigError, FileRead, access, channels, keys, rules};
use crate::diagnostic::{Diagnostic, Mistake, toml_mistakes};
use crate::reading;
use serde::Deserialize;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use toml::de::{DeTable, DeValue, Deserializer};

/// What was understood, and what is wrong.
#[derive(Debug)]
pub struct Draft {
    path: PathBuf,
    text: String,
    config: Config,
    mistakes: Vec<Mistake>,
}

impl Draft {
    /// Reads the file and finds all that is wrong with its text.
    ///
    /// # Errors
    /// When it cannot be read, or is not TOML, so that there is nothing to go on with.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let unreadable = |source| ConfigError::Read { path: path.to_owned(), source };
        let text = reading::text(path, reading::BY_HAND).map_err(unreadable)?;
        let here = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let here = std::path::absolute(here).map_err(unreadable)?;
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let read = FileRead::of(name, path, &text);
        let mut draft = Self::parse(path, text)?;
        draft.config.read = Some(read);
        draft.config.file = Some(std::path::absolute(path).map_err(unreadable)?);
        draft.config.resolve(&here);
        Ok(draft)
    }

    /// Reads the file's text; paths stay as they are written.
    pub(super) fn parse(path: &Path, text: String) -> Result<Self, ConfigError> {
        let bad = |text: &str, mistakes| ConfigError::Bad {
            path: path.to_owned(),
            diagnostics: Diagnostic::all(&path.display().to_string(), text, mistakes),
        };
        let (mut root, errors) = DeTable::parse_recoverable(&text);
        if !errors.is_empty() {
            return Err(bad(&text, toml_mistakes(&errors)));
        }
        let shown = hide_secrets(&text, root.get_ref());
        let whole = root.get_ref().clone();
        let mut mistakes = keys::mend(root.get_mut());
        mistakes.extend(access::mend(root.get_mut()));
        let read = channels::take(root.get_mut(), &mut mistakes)
            .and_then(|channels| Ok(Config { channels, ..Config::deserialize(Deserializer::from(root))? }));
        let mut config = match read {
            Ok(config) => config,
            Err(error) => {
                // A kind that the table of keys does not know well enough; told, not hidden.
                let title = error.message().lines().next().unwrap_or_default().to_owned();
                let mistake = Mistake::new(error.span().unwrap_or(0..0), title);
                mistakes.push(mistake.cure("config.example.toml shows every key"));
                return Err(bad(&shown, mistakes));
            }
        };
        if !whole.contains_key("listen")
            && let Some(listen) = Site::parse(&config.url).ok().and_then(|site| site.listen())
        {
            config.listen = listen;
        }
        let mut rules = Rules { root: &whole, found: Vec::new() };
        config.access = Arc::new(access::rights(&config, &mut rules));
        mistakes.extend(rules.found);
        mistakes.extend(rules::broken(&config, &whole));
        // `url` has a rule of its own.
        let url = whole.get("url").map(toml::Spanned::span);
        let passwords = keys::passwords(&whole).into_iter().filter(|(at, _)| Some(at) != url.as_ref());
        mistakes.extend(passwords.map(|(_, mistake)| mistake));
        Ok(Self { path: path.to_owned(), text: shown, config, mistakes })
    }

    /// What was understood; where something is wrong, what it is when it is left out.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Notes that what the file says at a key (`["ssh", "config"]`) cannot be so, and what to do.
    pub fn refuse(&mut self, key: &[&str], title: impl Into<String>, cure: Option<String>) {
        let (root, _) = DeTable::parse_recoverable(&self.text);
        let mut mistake = Mistake::new(place(root.get_ref(), key), title);
        mistake.cures.extend(cure);
        self.mistakes.push(mistake);
    }

    /// The configuration, if nothing is wrong.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn finish(self) -> Result<Config, ConfigError> {
        if self.mistakes.is_empty() {
            return Ok(self.config);
        }
        let diagnostics = Diagnostic::all(&self.path.display().to_string(), &self.text, self.mistakes);
        Err(ConfigError::Bad { path: self.path, diagnostics })
    }
}

impl Config {
    /// Reads and checks the file; not whether this machine can do what it says, which is [`Draft`]'s second half.
    ///
    /// # Errors
    /// When it cannot be read, has unknown keys, or asks for something unsafe.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Draft::read(path)?.finish()
    }

    /// Relative paths count from the file's own directory.
    fn resolve(&mut self, here: &Path) {
        self.data = here.join(&self.data);
        self.stacks = here.join(&self.stacks);
        self.hooks.resolve(here);
        self.chat.iter_mut().for_each(|chat| chat.resolve(here));
        let home = std::env::var_os("HOME").map(PathBuf::from);
        self.build.hidden = [self.data.clone(), self.stacks.clone(), here.to_owned()].into_iter().chain(home).collect();
        self.audit.file = self.audit.file.take().map(|file| here.join(file));
        if let Some(oidc) = &mut self.oidc {
            oidc.client_secret_file = oidc.client_secret_file.take().map(|file| here.join(file));
        }
        self.ssh.config = self.ssh.config.take().map(|file| here.join(file));
        channels::resolve(&mut self.channels, here);
    }
}

/// The text as it may be shown, byte for byte at the same places: a password that does not belong there is covered.
fn hide_secrets(text: &str, root: &DeTable<'_>) -> String {
    let mut secrets: Vec<Range<usize>> = Vec::new();
    let lists = root.values().filter_map(|value| value.get_ref().as_array()).flat_map(|list| list.iter());
    let tables = root.values().chain(lists).filter_map(|value| value.get_ref().as_table());
    for table in std::iter::once(root).chain(tables) {
        for key in ["password", "client_secret"] {
            secrets.extend(table.get(key).filter(|value| !value.get_ref().is_table()).map(toml::Spanned::span));
        }
    }
    if let Some(url) = root.get("url").filter(|url| matches!(url.get_ref(), DeValue::String(_))) {
        let written = &text[url.span()];
        let begin = written.find("//").map_or(0, |at| at + 2);
        let end = written[begin..].find(['/', '?', '#']).map_or(written.len(), |at| begin + at);
        if let Some(at) = written[begin..end].rfind('@') {
            secrets.push(url.span().start + begin..url.span().start + begin + at);
        }
    }
    // Of `url` the name alone is covered.
    let url = root.get("url").map(toml::Spanned::span);
    secrets.extend(keys::passwords(root).into_iter().map(|(at, _)| at).filter(|at| Some(at) != url.as_ref()));
    let hidden = |at: usize| secrets.iter().any(|secret| secret.contains(&at));
    let cover = |(at, c): (usize, char)| match hidden(at) && !matches!(c, '"' | '\'' | '\n') {
        true => "*".repeat(c.len_utf8()),
        false => c.to_string(),
    };
    text.char_indices().map(cover).collect()
}
