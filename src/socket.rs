//! Unix sockets by paths of any length: a socket's address holds 108 bytes, and data directories may lie deep. So a socket
//! is named by way of its directory's descriptor. It must never make a socket that others may speak to than it was told.

use std::fs::{File, Permissions};
use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// A socket's path, short whatever its directory's is; good as long as the file is kept.
fn short(path: &Path) -> io::Result<(File, PathBuf)> {
    let (Some(dir), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::Error::new(ErrorKind::InvalidInput, format!("{} names no socket", path.display())));
    };
    let dir = File::open(if dir.as_os_str().is_empty() { Path::new(".") } else { dir })?;
    let short = Path::new("/proc/self/fd").join(dir.as_raw_fd().to_string()).join(name);
    Ok((dir, short))
}

/// Connects to a socket.
///
/// # Errors
/// What the system said: `NotFound` where there is none, `ConnectionRefused` where nobody listens any more.
pub async fn connect(path: &Path) -> io::Result<tokio::net::UnixStream> {
    let (_dir, short) = short(path)?;
    tokio::net::UnixStream::connect(short).await
}

/// A socket that listens; its file goes when it is dropped.
#[derive(Debug)]
pub struct Listening {
    /// The listener.
    pub listener: std::os::unix::net::UnixListener,
    short: PathBuf,
    _dir: File,
}

impl Listening {
    /// What whoever connected to it has connected to, as the system says it of the connection.
    pub fn address(&self) -> &Path {
        &self.short
    }
}

/// Makes a socket that whoever this mode names may speak to, in place of one that a dead process left.
///
/// # Errors
/// What the system said; `AddrInUse` where somebody listens there, `AlreadyExists` where something else has the name.
pub fn listen_for(path: &Path, mode: u32) -> io::Result<Listening> {
    let (_dir, short) = short(path)?;
    match std::fs::symlink_metadata(&short) {
        Ok(meta) if !meta.file_type().is_socket() => return Err(ErrorKind::AlreadyExists.into()),
        Ok(_) if std::os::unix::net::UnixStream::connect(&short).is_ok() => return Err(ErrorKind::AddrInUse.into()),
        Ok(_) | Err(_) => {}
    }
    let listening = listen(path)?;
    std::fs::set_permissions(&listening.short, Permissions::from_mode(mode))?;
    Ok(listening)
}

/// Makes a socket that only our user may speak to, in place of one that a dead process left. The caller knows that no
/// living one listens there: it holds the lock of the directory.
///
/// # Errors
/// What the system said.
pub fn listen(path: &Path) -> io::Result<Listening> {
    let (dir, short) = short(path)?;
    match std::fs::remove_file(&short) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = std::os::unix::net::UnixListener::bind(&short)?;
    std::fs::set_permissions(&short, Permissions::from_mode(0o600))?;
    Ok(Listening { listener, short, _dir: dir })
}

impl Drop for Listening {
    fn drop(&mut self) {
        // Whoever comes next removes it first.
        let _ = std::fs::remove_file(&self.short);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_in_a_deep_directory_is_ours_alone_and_goes_with_us() {
        let room = tempfile::tempdir().unwrap();
        let deep = room.path().join("x".repeat(120));
        std::fs::create_dir(&deep).unwrap();
        let path = deep.join("admin.sock");
        assert_eq!(connect(&path).await.unwrap_err().kind(), ErrorKind::NotFound);
        let first = listen(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        connect(&path).await.unwrap();
        std::fs::rename(&path, deep.join("left")).unwrap();
        drop(first);
        std::fs::rename(deep.join("left"), &path).unwrap();
        assert_eq!(connect(&path).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
        let second = listen(&path).unwrap();
        connect(&path).await.unwrap();
        drop(second);
        assert!(!path.exists());
    }
}
