//! `kind = "http"`: its keys, and what must not be said of it. It must never hold a secret, nor send anything: that is `announce/http`.

use super::filled::Filled;
use super::webhook::{address, judge_address};
use crate::config::SecretName;
use crate::config::broken_rules::TableRules;
use crate::config::key::{Key, Kind, key};
use crate::diagnostic::shown;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use url::Url;

/// A request of one's own making, for each announcement.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Where it is sent; may name fields in its path and query.
    pub url: Option<String>,
    /// A file with that address in its first line, where it is itself a secret; must not be readable by others.
    pub url_file: Option<PathBuf>,
    /// How it is sent.
    #[serde(default)]
    pub method: HttpMethod,
    /// Lines of its head.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Lines of its head whose value is the first line of a file; must not be readable by others.
    #[serde(default)]
    pub header_files: BTreeMap<String, PathBuf>,
    /// The JSON that is sent, with fields in its texts.
    pub body: String,
}

/// How a request is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum HttpMethod {
    /// Something new.
    #[default]
    #[serde(rename = "POST")]
    Post,
    /// Something that takes another's place.
    #[serde(rename = "PUT")]
    Put,
    /// A part of something.
    #[serde(rename = "PATCH")]
    Patch,
}

impl HttpMethod {
    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
        }
    }
}

/// Its keys.
pub(super) const KEYS: &[Key] = &[
    key("url", Kind::Text),
    key("url_file", Kind::Text),
    key("method", Kind::Word(&["POST", "PUT", "PATCH"])),
    key("headers", Kind::Map),
    key("header_files", Kind::Map),
    crate::config::key::needed("body", Kind::Text, "{}"),
];

/// Headers that we set, or that say how the request is read.
const OURS: [&str; 7] =
    ["content-length", "host", "user-agent", "idempotency-key", "transfer-encoding", "connection", "expect"];

impl Http {
    /// The address, with its fields still in it, read from where the file says it is.
    ///
    /// # Errors
    /// What is wrong with it. The address is not shown: it may be a secret.
    pub fn address(&self) -> Result<String, String> {
        let text = match &self.url {
            Some(text) => text.clone(),
            None => {
                let name = SecretName { password_file: self.url_file.clone(), password_env: None };
                let text = name.read().map_err(|why| why.to_string())?.ok_or("neither url nor url_file is set")?;
                text.reveal().to_owned()
            }
        };
        check(&text).map(|_| text).map_err(str::to_owned)
    }

    /// The body, understood.
    ///
    /// # Errors
    /// Why it is none.
    pub fn filled(&self) -> Result<Filled, String> {
        Filled::parse(&self.body)
    }

    /// The secrets that it names, each with its key in the file.
    pub(super) fn secrets(&self) -> Vec<(&'static str, SecretName)> {
        let files = self.header_files.values().chain(&self.url_file).cloned();
        let name = |file| SecretName { password_file: Some(file), password_env: None };
        files.map(|file| ("header_files", name(file))).collect()
    }

    /// Notes what is against the rules.
    pub(super) fn judge(&self, rules: &mut TableRules<'_, '_>) {
        match (&self.url, &self.url_file) {
            (Some(_), Some(_)) => rules.refuse("url_file", "url and url_file are both set", "keep one"),
            (None, None) => {
                let cure = "url = \"https://api.example.com/events\", or url_file where the address is a secret";
                rules.refuse("", format!("{} does not say where to send announcements", rules.of), cure);
            }
            (Some(text), None) if check(text).is_err() => match fields_unknown(text) {
                Some((title, cure)) => rules.refuse("url", title, cure),
                None => judge_address(rules, "url", &plain(text)),
            },
            (Some(_), None) | (None, Some(_)) => {}
        }
        if let Err(why) = Filled::parse(&self.body) {
            let cure = "it is JSON, and {fields} stand within its texts: body = '{ \"text\": \"{text}\" }'";
            rules.refuse("body", format!("this body cannot be sent: {why}"), cure);
        }
        let names = self.headers.keys().map(|name| ("headers", name));
        for (key, name) in names.chain(self.header_files.keys().map(|name| ("header_files", name))) {
            let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
            if name.is_empty() || !name.bytes().all(token) {
                rules.refuse(key, format!("`{}` is not the name of a header", shown(name)), "such as \"X-Api-Key\"");
            } else if OURS.contains(&name.to_ascii_lowercase().as_str()) {
                rules.refuse(key, format!("`{name}` is set by Pushbutton itself"), "take it out");
            }
        }
        for (name, value) in &self.headers {
            if !value.bytes().all(|b| (b' '..=b'~').contains(&b)) {
                let title = format!("the value of `{}` is not a line of ASCII", shown(name));
                rules.refuse("headers", title, "a header has letters, digits and signs of ASCII");
            }
        }
    }
}

/// The address without what fields bring.
fn plain(text: &str) -> String {
    Filled::field_names(text).into_iter().fold(text.to_owned(), |text, name| text.replace(&format!("{{{name}}}"), "x"))
}

fn check(text: &str) -> Result<Url, &'static str> {
    if fields_unknown(text).is_some() {
        return Err("it names a field that there is not");
    }
    let url = address(&plain(text))?;
    // The server must be the same for every announcement.
    let server = text.split_once("://").map_or("", |(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or_default());
    match server.contains(['{', '}']) {
        true => Err("fields may stand in its path and query only"),
        false => Ok(url),
    }
}

fn fields_unknown(text: &str) -> Option<(String, String)> {
    let unknown = Filled::field_names(text).into_iter().find(|name| !Filled::is_field(name))?;
    Some((format!("there is no field `{{{}}}`", shown(unknown)), Filled::near(unknown)))
}
