//! The sockets of masters. A host's socket is a link to the socket of the master that takes new channels now: each master has
//! a name of its own, since one that ends late unlinks its name, which must not be its successor's. It must never end a
//! master but by `-O stop`, after which what runs over it finishes. Called by the masters, under the host's lock.

use super::settings::SOCKET_NAME;
use openssh::Session;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::timeout;

/// How long a master may take to say that it stops; it is a process on this machine.
const STOP_LIMIT: Duration = Duration::from_secs(2);

/// A name for a new master's socket that nobody had before.
///
/// # Errors
/// When there are no random numbers.
pub(super) fn fresh(dir: &Path) -> io::Result<PathBuf> {
    let mut bytes = [0; SOCKET_NAME / 2];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    let name: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    // A letter that no hash has tells a master's name from a host's.
    Ok(dir.join(format!("m{}", &name[1..])))
}

/// Lets new channels go over the master behind `socket`.
///
/// # Errors
/// When the link cannot be made.
pub(super) fn publish(socket: &Path, link: &Path) -> io::Result<()> {
    let beside = link.with_extension("new");
    let _ = fs::remove_file(&beside);
    std::os::unix::fs::symlink(socket.file_name().unwrap_or(socket.as_os_str()), &beside)?;
    fs::rename(&beside, link)
}

/// The master's own socket. Masters of earlier versions stood under the link's name themselves.
pub(super) fn behind(link: &Path) -> PathBuf {
    let name = fs::read_link(link).ok();
    name.and_then(|name| Some(link.parent()?.join(name))).unwrap_or_else(|| link.to_owned())
}

/// Lets a master take no new channels; those that run over it finish, and it ends with the last.
pub(super) async fn retire(link: &Path) {
    let socket = behind(link);
    // Nobody comes by it any more, whatever becomes of the master.
    if link != socket {
        let _ = fs::remove_file(link);
    }
    if fs::symlink_metadata(&socket).is_ok() {
        let _ = timeout(STOP_LIMIT, Session::resume_mux(socket.clone().into(), None).close()).await;
        let _ = fs::remove_file(&socket);
    }
}

pub(super) mod lane;
#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[tokio::test]
    async fn a_master_that_unlinks_its_name_late_does_not_take_its_successors() {
        let room = tempfile::tempdir().unwrap();
        let link = room.path().join("abc");
        let [old, new] = [(); 2].map(|()| fresh(room.path()).unwrap());
        assert!(old != new && old.file_name().unwrap().len() == SOCKET_NAME);
        drop(UnixListener::bind(&old).unwrap());
        publish(&old, &link).unwrap();
        assert_eq!(behind(&link), old);
        retire(&link).await;
        assert!(!old.exists() && fs::symlink_metadata(&link).is_err(), "no litter of one that is dead");
        let _listens = UnixListener::bind(&new).unwrap();
        publish(&new, &link).unwrap();
        let _ = fs::remove_file(&old);
        assert!(link.exists() && behind(&link) == new);
    }

    #[tokio::test]
    async fn a_master_of_an_earlier_version_stands_under_the_hosts_name_and_is_retired_too() {
        let room = tempfile::tempdir().unwrap();
        let link = room.path().join("abc");
        drop(UnixListener::bind(&link).unwrap());
        assert_eq!(behind(&link), link);
        retire(&link).await;
        assert!(fs::symlink_metadata(&link).is_err());
    }
}
