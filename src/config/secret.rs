//! Where the server's own secrets are found, and what they are once read. It must never print one.

use serde::Deserialize;
use std::fmt;
use std::path::PathBuf;

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
    /// Reads the secret from where its name says; `None` when nothing is named.
    ///
    /// # Errors
    /// When the file cannot be read or others can read it, or the variable is not set.
    pub fn read(&self) -> Result<Option<Secret>, String> {
        use std::os::unix::fs::PermissionsExt;
        match (&self.password_file, &self.password_env) {
            (None, None) => Ok(None),
            (Some(_), Some(_)) => Err("password_file and password_env are both set: keep one".to_owned()),
            (Some(path), None) => {
                let shown = path.display();
                let meta = std::fs::metadata(path).map_err(|e| format!("cannot read {shown}: {e}"))?;
                if meta.permissions().mode() & 0o077 != 0 {
                    return Err(format!("{shown} can be read by others: chmod 600 {shown}"));
                }
                let text = std::fs::read_to_string(path).map_err(|e| format!("cannot read {shown}: {e}"))?;
                Ok(Some(Secret(text.lines().next().unwrap_or_default().to_owned())))
            }
            (None, Some(name)) => match std::env::var(name) {
                Ok(value) => Ok(Some(Secret(value))),
                Err(_) => Err(format!("the environment variable {name} is not set")),
            },
        }
    }
}
