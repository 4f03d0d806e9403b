//! Where the server's own secrets are found, and what they are once read. It must never print one.

use serde::Deserialize;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::{fmt, io};

/// No password or token is as long.
const LONGEST_LINE: u64 = 64 << 10;

/// Where a secret is found: `password_file` or `password_env`.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct SecretName {
    /// A file with the secret in its first line; must not be readable by others.
    pub password_file: Option<PathBuf>,
    /// An environment variable of the server.
    pub password_env: Option<String>,
}

/// A secret: prints as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// What was read from a private file.
    pub(super) fn of(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The secret itself, for the one place that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl SecretName {
    /// The key that names it; none when nothing is named.
    pub fn key(&self) -> Option<&'static str> {
        match (&self.password_file, &self.password_env) {
            (Some(_), _) => Some("password_file"),
            (None, Some(_)) => Some("password_env"),
            (None, None) => None,
        }
    }

    /// Reads the secret from where its name says; `None` when nothing is named.
    ///
    /// # Errors
    /// When the file cannot be read or others can read it, the variable is not set, or there is nothing in it.
    pub fn read(&self) -> Result<Option<Secret>, Unreadable> {
        let text = match (&self.password_file, &self.password_env) {
            (None, None) => return Ok(None),
            (Some(_), Some(_)) => return Err(Unreadable::Twice),
            (Some(path), None) => first_line(path)?,
            (None, Some(name)) => variable(name)?,
        };
        let name = || match &self.password_file {
            Some(path) => path.display().to_string(),
            None => self.password_env.clone().unwrap_or_default(),
        };
        match text {
            text if text.is_empty() => Err(Unreadable::Empty { name: name() }),
            text if text.contains(char::is_control) => Err(Unreadable::Control { name: name() }),
            text => Ok(Some(Secret(text))),
        }
    }
}

/// Why a secret cannot be read. None of them shows it.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// Two places are named.
    #[error("password_file and password_env are both set")]
    Twice,
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others can read the file.
    #[error("{path} can be read by others")]
    Open {
        /// The file.
        path: PathBuf,
    },
    /// There is no such variable.
    #[error("the environment variable {name} is not set")]
    Unset {
        /// The variable.
        name: String,
    },
    /// There is nothing in it.
    #[error("{name} holds no password")]
    Empty {
        /// The file or the variable.
        name: String,
    },
    /// It is no line of text.
    #[error("the password in {name} holds a control character")]
    Control {
        /// The file or the variable.
        name: String,
    },
}

impl Unreadable {
    /// Whether there is no such file.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::File { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// What to do.
    pub fn cure(&self) -> String {
        match self {
            Self::Twice => "keep one".to_owned(),
            Self::File { path, source } if source.kind() == io::ErrorKind::NotFound => {
                format!("write the password into it, then: chmod 600 {}", path.display())
            }
            Self::File { .. } => "the user who runs the server must be able to read it".to_owned(),
            Self::Open { path } => format!("chmod 600 {}", path.display()),
            Self::Unset { name } => {
                format!("set it where the server is started; for systemd: Environment={name}=… or EnvironmentFile=")
            }
            Self::Empty { .. } => "its first line is the password; remove the key if there is none".to_owned(),
            Self::Control { .. } => "write it again as one line of plain text".to_owned(),
        }
    }
}

/// Opens a file with a secret in it: it must be there, and nobody else's to read.
///
/// # Errors
/// When it is not so.
pub fn private_file(path: &Path) -> Result<File, Unreadable> {
    let unreadable = |source| Unreadable::File { path: path.to_owned(), source };
    let meta = std::fs::metadata(path).map_err(unreadable)?;
    if meta.is_dir() {
        return Err(unreadable(io::ErrorKind::IsADirectory.into()));
    }
    if meta.permissions().mode() & 0o077 != 0 {
        return Err(Unreadable::Open { path: path.to_owned() });
    }
    File::open(path).map_err(unreadable)
}

fn first_line(path: &Path) -> Result<String, Unreadable> {
    let unreadable = |source| Unreadable::File { path: path.to_owned(), source };
    let mut text = String::new();
    let file = BufReader::new(private_file(path)?);
    file.take(LONGEST_LINE).read_line(&mut text).map_err(unreadable)?;
    match text.len() as u64 >= LONGEST_LINE {
        true => Err(unreadable(io::Error::other(format!("its first line is longer than {} KiB", LONGEST_LINE >> 10)))),
        false => Ok(text.trim_end_matches(['\n', '\r']).to_owned()),
    }
}

fn variable(name: &str) -> Result<String, Unreadable> {
    match std::env::var(name) {
        Ok(value) => Ok(value),
        Err(std::env::VarError::NotPresent) => Err(Unreadable::Unset { name: name.to_owned() }),
        Err(std::env::VarError::NotUnicode(_)) => Err(Unreadable::Control { name: name.to_owned() }),
    }
}
