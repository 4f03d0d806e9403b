//! What lies beside a person for the server on another machine: `client.toml`, the file with a token, the certificates of a company of one's own.
//! It must never use a token that others can read, nor show one in an error.

use super::person::name_in;
use crate::ledger::tokens::TokenText;
use crate::reading;
use crate::tls;
use anyhow::{Context, anyhow, ensure};
use rustls::ClientConfig;
use serde::Deserialize;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// `client.toml`: where the server is, and with which token it is asked.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientFile {
    /// The server.
    pub server: Option<String>,
    /// The file with the token; a path that begins with no slash is one beside this file.
    pub token_file: Option<PathBuf>,
    /// The certificates that vouch for the server.
    pub ca_file: Option<PathBuf>,
    /// Where this stands, as it is shown.
    #[serde(skip)]
    pub path: String,
}

impl ClientFile {
    /// Reads it; where there is none it says nothing.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read() -> anyhow::Result<Self> {
        let Some(path) = place() else { return Ok(Self::default()) };
        if !path.exists() {
            return Ok(Self::default());
        }
        let shown = path.display();
        let cannot = || format!("cannot read {shown}");
        let meta = path.metadata().with_context(cannot)?;
        let owner = meta.uid();
        // Who can write it can have the token sent to a server of their own.
        ensure!(
            meta.permissions().mode() & 0o022 == 0 && (owner == 0 || owner == nix::unistd::geteuid().as_raw()),
            "{shown} can be changed by others, who could name another server in it, so it is not used; hint: it must be \
             your own, chmod 644 {shown}"
        );
        let text = reading::text(&path, reading::BY_HAND).with_context(cannot)?;
        // Not the error's own words with the line: someone may have written a token there.
        let mut file: Self = toml::from_str(&text).map_err(|error| {
            let line =
                error.span().map_or(1, |span| 1 + text.bytes().take(span.start).filter(|byte| *byte == b'\n').count());
            anyhow!("{shown}, line {line}: {}; hint: it takes server, token_file and ca_file", error.message())
        })?;
        let dir = path.parent().unwrap_or(&path);
        file.token_file = file.token_file.map(|it| beside(dir, &it));
        file.ca_file = file.ca_file.map(|it| beside(dir, &it));
        file.path = shown.to_string();
        Ok(file)
    }
}

/// Where it is looked for, by the rules of XDG.
fn place() -> Option<PathBuf> {
    let home = || name_in("HOME").map(|home| Path::new(&home).join(".config"));
    let dir = name_in("XDG_CONFIG_HOME").map(PathBuf::from).filter(|dir| dir.is_absolute()).or_else(home)?;
    Some(dir.join("pushbutton/client.toml"))
}

/// A path as the file means it: `~/` is the home directory.
fn beside(dir: &Path, path: &Path) -> PathBuf {
    match (path.strip_prefix("~"), name_in("HOME")) {
        (Ok(rest), Some(home)) => Path::new(&home).join(rest),
        (Ok(_) | Err(_), _) => dir.join(path),
    }
}

/// The token of a file, which is for its owner alone.
///
/// # Errors
/// When it cannot be read, can be read by others, or holds no token.
pub fn token_in(path: &Path) -> anyhow::Result<TokenText> {
    let shown = path.display();
    let cannot = || format!("cannot read the token of {shown}");
    let file = File::open(path).with_context(cannot)?;
    // Asked of the very file that is read. A pipe (`<(pass show push)`) is its reader's own.
    let meta = file.metadata().with_context(cannot)?;
    let mode = meta.permissions().mode() & 0o777;
    ensure!(
        !meta.is_file() || mode & 0o077 == 0,
        "{shown} can be read or changed by others (mode {mode:04o}), so its token is not used; hint: chmod 600 {shown}"
    );
    let mut text = String::new();
    file.take(reading::NOTE).read_to_string(&mut text).with_context(cannot)?;
    TokenText::read(text.trim())
        .with_context(|| format!("{shown} is not a token, or not all of one; hint: it begins with pb_"))
}

/// The certificates of a file.
///
/// # Errors
/// When they cannot be read.
pub fn certificates(path: &Path) -> anyhow::Result<Arc<ClientConfig>> {
    let cannot = || format!("cannot use the certificates of {}", path.display());
    let text = reading::bytes(path, reading::BY_HAND).with_context(cannot)?;
    tls::trust_only(&text).with_context(cannot)
}
