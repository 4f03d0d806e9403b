//! Secrets that commands take: read once at the runner's start, from where the plan says they are found, and given as
//! environment to the commands that name them, over the guard's input alone. It must never write one down: not in the
//! journal, an argument list, an error. Called by the runner and its steps.

use crate::remote::output::Mask;
use crate::stack::{Script, SecretSource};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The longest secret: keys and certificates fit many times.
const LONGEST: u64 = 64 * 1024;
/// A shorter one could not be told from ordinary words, and so not be kept out of the output.
const SHORTEST: usize = 6;

/// The secrets of one push. There is no way to print it.
#[derive(Default)]
pub struct Secrets {
    /// By environment variable.
    values: BTreeMap<String, String>,
    /// What covers them in all output.
    pub mask: Arc<Mask>,
}

impl Secrets {
    /// Reads them all.
    ///
    /// # Errors
    /// Which one is not there, or not safe where it is; never its value.
    pub fn read(sources: &BTreeMap<String, SecretSource>) -> Result<Self, String> {
        let mut values = BTreeMap::new();
        for (name, source) in sources {
            let bad = |why: String| format!("the secret ${name} cannot be used: {why}");
            let value = read_one(source, &|name| std::env::var_os(name)).map_err(bad)?;
            values.insert(name.clone(), value);
        }
        let mask = Arc::new(Mask::new(values.values().map(String::as_str)));
        Ok(Self { values, mask })
    }

    /// Those that a script takes, as environment.
    pub fn of<'a>(&'a self, script: &'a Script) -> impl Iterator<Item = (String, String)> + 'a {
        let taken = self.values.iter().filter(|(name, _)| script.takes(name));
        taken.map(|(name, value)| (name.clone(), value.clone()))
    }
}

fn read_one(source: &SecretSource, env: &dyn Fn(&str) -> Option<OsString>) -> Result<String, String> {
    let (value, from) = match source {
        SecretSource::Env(name) => {
            let value = env(name).ok_or_else(|| format!("the server's environment has no {name}"))?;
            let value = value.into_string().map_err(|_| format!("{name} in the server's environment is not UTF-8"))?;
            (value, format!("{name} in the server's environment"))
        }
        SecretSource::File(path) => (read_file(Path::new(path))?, path.clone()),
        SecretSource::Credential(name) => {
            let dir = env("CREDENTIALS_DIRECTORY").ok_or(
                "the server has no credentials (CREDENTIALS_DIRECTORY is not set; LoadCredential= in its unit)",
            )?;
            let path = PathBuf::from(dir).join(name);
            (read_file(&path)?, format!("the credential {name}"))
        }
    };
    // An editor ends a file with a line end that nobody means.
    let value = value.strip_suffix('\n').map(|rest| rest.strip_suffix('\r').unwrap_or(rest)).unwrap_or(&value);
    match value {
        "" => Err(format!("{from} is empty")),
        value if value.len() < SHORTEST => {
            Err(format!("{from} has fewer than {SHORTEST} bytes, too few to be kept out of the output"))
        }
        value if value.contains('\0') => Err(format!("{from} holds a NUL byte")),
        value => Ok(value.to_owned()),
    }
}

/// Reads a file that is ours and nobody else's.
fn read_file(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let unreadable = |error: std::io::Error| format!("cannot read {shown}: {error}");
    let file = File::open(path).map_err(unreadable)?;
    let meta = file.metadata().map_err(unreadable)?;
    let us = nix::unistd::geteuid().as_raw();
    match meta {
        _ if !meta.is_file() => return Err(format!("{shown} is not a file")),
        _ if meta.mode() & 0o077 != 0 => return Err(format!("{shown} can be read by others: chmod 600 {shown}")),
        _ if meta.uid() != us => {
            return Err(format!("{shown} belongs to user {}, and the server is user {us}", meta.uid()));
        }
        _ if meta.len() > LONGEST => return Err(format!("{shown} is longer than {LONGEST} bytes")),
        _ => {}
    }
    let mut bytes = Vec::new();
    file.take(LONGEST).read_to_end(&mut bytes).map_err(unreadable)?;
    String::from_utf8(bytes).map_err(|_| format!("{shown} is not UTF-8 text"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_secret_is_read_from_where_it_is_safe_and_refused_in_words_that_do_not_show_it() {
        let room = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str, mode: u32| {
            let path = room.path().join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            SecretSource::File(path.display().to_string())
        };
        let dir = room.path().as_os_str().to_owned();
        let env = move |name: &str| match name {
            "TOKEN" => Some(OsString::from("hunter2")),
            "EMPTY" => Some(OsString::new()),
            "CREDENTIALS_DIRECTORY" => Some(dir.clone()),
            _ => None,
        };
        let path = |name: &str| room.path().join(name).display().to_string();
        let table = [
            (file("good", "hunter2\n", 0o600), Ok("hunter2".to_owned())),
            (file("lines", "first line\nsecond line\r\n", 0o400), Ok("first line\nsecond line".to_owned())),
            (SecretSource::Env("TOKEN".to_owned()), Ok("hunter2".to_owned())),
            (SecretSource::Credential("good".to_owned()), Ok("hunter2".to_owned())),
            (file("open", "hunter2", 0o640), Err(format!("{0} can be read by others: chmod 600 {0}", path("open")))),
            (
                file("short", "hunte\n", 0o600),
                Err(format!("{} has fewer than 6 bytes, too few to be kept out of the output", path("short"))),
            ),
            (file("nul", "hunter2\0", 0o600), Err(format!("{} holds a NUL byte", path("nul")))),
            (SecretSource::Env("EMPTY".to_owned()), Err("EMPTY in the server's environment is empty".to_owned())),
            (SecretSource::Env("NONE".to_owned()), Err("the server's environment has no NONE".to_owned())),
            (SecretSource::File(path(".")), Err(format!("{} is not a file", path(".")))),
        ];
        for (source, wanted) in table {
            assert_eq!(read_one(&source, &env), wanted, "{source:?}");
        }
        let missing = read_one(&SecretSource::Credential("none".to_owned()), &env).unwrap_err();
        assert!(missing.starts_with("cannot read ") && missing.contains("No such file"), "{missing}");
    }
}
