//! Our ssh configuration and the directory of the sockets. It must never let the operator's file loosen ours: ssh takes
//! the first value that it meets, and ours come first. Called by the masters, once.

use crate::reading;
use std::fs;
use std::io::{Error, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// The length of a socket's name.
pub(super) const SOCKET_NAME: usize = 12;

/// A Unix socket's path has at most 107 bytes, and ssh binds under a name that is 17 longer before it renames.
const LONGEST_SOCKET: usize = 107 - 17;

/// How every connection of ours is made, from here and from one host to another, whatever any other file says (TRUST
/// section 4).
pub(in crate::remote) const STRICT: &str = "\
  StrictHostKeyChecking yes
  UpdateHostKeys no
  BatchMode yes
  ForwardAgent no
  ForwardX11 no
  ClearAllForwardings yes
  PermitLocalCommand no
  RemoteCommand none
  RequestTTY no
  ConnectTimeout 10
  ServerAliveInterval 5
  ServerAliveCountMax 3
";

/// What holds whatever the operator's file says.
fn ours() -> String {
    format!(
        "# Written by pushbutton at each start; a change here does not last. ssh takes the first value that it meets.\n\
         Host *\n{STRICT}  ControlPersist 600\n  LogLevel INFO\n"
    )
}

/// Makes the directory and the configuration; returns the absolute paths of both.
///
/// # Errors
/// When they cannot be made, or a path cannot be used by ssh.
pub(super) fn prepare(dir: &Path, operator: Option<&Path>) -> std::io::Result<(PathBuf, PathBuf)> {
    // What the system says has no path; what we say has.
    let with_path = |error: Error| match error.raw_os_error() {
        Some(_) => Error::new(error.kind(), format!("{}: {error}", dir.display())),
        None => error,
    };
    prepared(dir, operator).map_err(with_path)
}

fn prepared(dir: &Path, operator: Option<&Path>) -> std::io::Result<(PathBuf, PathBuf)> {
    let dir = std::path::absolute(dir)?;
    check_dir(&dir)?;
    let text = format!("{}{}", ours(), includes(operator)?);
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir)?;
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o700))?;
    let config = dir.join("config");
    if reading::text(&config, reading::NOTE).is_ok_and(|old| old == text) {
        return Ok((dir, config));
    }
    // Server and runners may write it at the same time, and ssh may read it meanwhile: each writes a whole one.
    let fresh = dir.join(format!("config.{}", std::process::id()));
    let _ = fs::remove_file(&fresh);
    fs::File::options().write(true).create_new(true).mode(0o600).open(&fresh)?.write_all(text.as_bytes())?;
    fs::rename(&fresh, &config)?;
    Ok((dir, config))
}

fn check_dir(dir: &Path) -> std::io::Result<()> {
    let bytes = dir.as_os_str().as_encoded_bytes();
    let most = LONGEST_SOCKET - SOCKET_NAME - 1;
    if bytes.len() > most {
        let words = format!("{} is too long for ssh's sockets: at most {most} bytes", dir.display());
        return Err(Error::new(ErrorKind::InvalidInput, words));
    }
    // ssh expands % and ${…} in a socket's path, rsync splits its ssh command at spaces.
    match bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"_./@+,:=-".contains(b)) {
        true => Ok(()),
        false => {
            let words =
                format!("{} cannot hold ssh's sockets: only letters, digits and _./@+,:=- please", dir.display());
            Err(Error::new(ErrorKind::InvalidInput, words))
        }
    }
}

fn includes(operator: Option<&Path>) -> std::io::Result<String> {
    let Some(file) = operator else {
        return Ok("  Include ~/.ssh/config\n  Include /etc/ssh/ssh_config\n".to_owned());
    };
    let file = std::path::absolute(file)?;
    // ssh passes over an Include that is not there; the operator wants to know.
    fs::File::open(&file)
        .map_err(|e| Error::new(e.kind(), format!("the ssh configuration {}: {e}", file.display())))?;
    match file.to_str() {
        Some(text) if !text.contains(|c: char| c.is_control() || "\"\\*?[]%$".contains(c)) => {
            Ok(format!("  Include \"{text}\"\n"))
        }
        _ => {
            let words = format!("the ssh configuration {} has a name that ssh cannot use", file.display());
            Err(Error::new(ErrorKind::InvalidInput, words))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_comes_before_the_operators_and_only_we_may_read_it() {
        let room = tempfile::tempdir().unwrap();
        let operator = room.path().join("mine");
        fs::write(&operator, "Host *\n  BatchMode no\n").unwrap();
        let (dir, config) = prepare(&room.path().join("ssh"), Some(&operator)).unwrap();
        let text = fs::read_to_string(&config).unwrap();
        assert!(text.find("BatchMode yes").unwrap() < text.find("Include").unwrap());
        assert!(text.ends_with(&format!("  Include \"{}\"\n", operator.display())));
        assert_eq!(fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::metadata(&config).unwrap().permissions().mode() & 0o777, 0o600);
        let (_, again) = prepare(&dir, None).unwrap();
        assert!(fs::read_to_string(again).unwrap().ends_with("Include ~/.ssh/config\n  Include /etc/ssh/ssh_config\n"));
    }

    #[test]
    fn a_directory_that_sockets_do_not_fit_in_is_refused_with_the_reason() {
        let table = [
            ("/tmp/a b".to_owned(), "only letters"),
            ("/tmp/%h".to_owned(), "only letters"),
            (format!("/tmp/{}", "x".repeat(80)), "at most 77 bytes"),
        ];
        for (dir, words) in table {
            let error = prepare(Path::new(&dir), None).unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
        }
        let missing = prepare(Path::new("/tmp"), Some(Path::new("/nowhere/at/all"))).unwrap_err();
        assert!(missing.to_string().contains("/nowhere/at/all"), "{missing}");
    }
}
