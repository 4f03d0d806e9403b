//! A real SMTP server (`aiosmtpd`) on loopback that keeps every mail in a folder.
//! It must never send a mail on, and never change a byte of one.

use super::lifeline::Lifeline;
use super::port::free_port;
use super::{DemoError, last_lines, tried, write};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

/// Debian's Python: another one in the PATH does not have Debian's `python3-aiosmtpd`.
const PYTHON: &str = "/usr/bin/python3";
/// The server itself.
const CATCHER: &str = include_str!("mail_catcher.py");
/// Python takes its time on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(30);
/// How often we look whether the server listens, or a mail came.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A running mail server; ends when dropped. The mails stay.
#[derive(Debug)]
pub struct MailCatcher {
    at: SocketAddrV4,
    folder: PathBuf,
    _lifeline: Lifeline,
}

impl MailCatcher {
    /// Starts it on a free loopback port; mails go to `dir/mails`.
    ///
    /// # Errors
    /// When `python3-aiosmtpd` is not installed, or it does not listen after 30 seconds.
    pub async fn start(dir: &Path) -> Result<Self, DemoError> {
        let folder = folder_in(dir);
        std::fs::create_dir_all(&folder).map_err(tried(format!("making {}", folder.display())))?;
        let dir = std::fs::canonicalize(dir).map_err(tried(format!("finding {}", dir.display())))?;
        let folder = folder_in(&dir);
        let (script, log) = (dir.join("mail_catcher.py"), dir.join("mail_catcher.log"));
        write(&script, CATCHER)?;
        let at = free_port(Ipv4Addr::LOCALHOST)?;
        let argv = [PYTHON, &script.to_string_lossy(), &at.port().to_string(), &folder.to_string_lossy()];
        let lifeline = Lifeline::keep_running(&argv, &log).await?;
        let deadline = Instant::now() + START_LIMIT;
        while TcpStream::connect(at).await.is_err() {
            let said = last_lines(&log);
            if Instant::now() > deadline || said.contains("ModuleNotFoundError") {
                let what = "starting the mail catcher".to_owned();
                return Err(DemoError::Refused { what, said });
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(Self { at, folder, _lifeline: lifeline })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddrV4 {
        self.at
    }

    /// All mails so far, raw, in the order that they came; the envelope is in front, as `X-Mail-From` and `X-Rcpt-To`.
    pub fn mails(&self) -> Vec<String> {
        kept(&self.folder, "eml")
    }

    /// All mails so far for people: headers and plain text, decoded.
    pub fn readable_mails(&self) -> Vec<String> {
        kept(&self.folder, "txt")
    }

    /// All mails for people, as soon as there are `count` of them; those that there are when `limit` has passed.
    pub async fn wait_for(&self, count: usize, limit: Duration) -> Vec<String> {
        let deadline = Instant::now() + limit;
        while self.mails().len() < count && Instant::now() < deadline {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        self.readable_mails()
    }
}

/// Where the mails of a catcher in `dir` lie.
pub(super) fn folder_in(dir: &Path) -> PathBuf {
    dir.join("mails")
}

/// The kept files with an ending, in the order of their numbers.
pub(super) fn kept(folder: &Path, ending: &str) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == ending));
    paths.sort();
    paths.iter().filter_map(|path| std::fs::read(path).ok()).map(|mail| String::from_utf8_lossy(&mail).into()).collect()
}
