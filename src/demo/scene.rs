//! The whole demo: fleet, shop, IRC, mail, and the server itself, in one directory that goes with it.
//! It must never touch anything outside of its directory, and leaves nothing running: everything is on a lifeline.
//!
//! The server has a process namespace of its own. So its runners, ssh masters and whatever a build left behind end with
//! the demo, also when the demo is killed; and so process ids in journals are not ids out here: use `kill_server` and
//! `kill_runner`, or `pushbutton demo kill`.

use super::control::Control;
use super::fleet::Fleet;
use super::http::Client;
use super::irc::{CHANNEL, IrcServer, IrcWitness};
use super::lifeline::Lifeline;
use super::mail::MailCatcher;
use super::port::free_port;
use super::repo::Shop;
use super::{DemoError, last_lines, tried, write};
use nix::fcntl::{Flock, FlockArg};
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Where people look first.
const DEFAULT_PORT: u16 = 8090;
/// The server starts in well under a second; a debug build on a busy machine takes longer.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How often we look whether the server answers.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// The file that marks a directory as the demo's, and is locked while it runs.
const MARK: &str = "demo.lock";

/// What is wanted.
#[derive(Clone, Debug)]
pub struct DemoOptions {
    /// The directory of everything; made when missing, and emptied when an earlier demo's.
    pub dir: PathBuf,
    /// How many hosts in all, at least 3.
    pub hosts: usize,
    /// The server's port; default: 8090 if it is free, otherwise any free port.
    pub port: Option<u16>,
    /// The program that is the server.
    pub binary: PathBuf,
    /// Whether the directory stays when the demo ends.
    pub keep: bool,
}

/// A running demo; ends when dropped, the server first.
#[derive(Debug)]
pub struct Scene {
    _server: Arc<Lifeline>,
    _control: Control,
    /// The client in the channel.
    pub witness: IrcWitness,
    /// The IRC server.
    pub irc: IrcServer,
    /// The mailbox.
    pub mail: MailCatcher,
    /// The hosts.
    pub fleet: Arc<Fleet>,
    /// The repository.
    pub shop: Shop,
    at: SocketAddrV4,
    _directory: Directory,
}

impl Scene {
    /// Starts everything; returns when the server answers.
    ///
    /// # Errors
    /// When another demo runs in the directory, a program is missing, or the server does not answer after a minute.
    pub async fn start(wanted: &DemoOptions) -> Result<Self, DemoError> {
        let directory = Directory::claim(&wanted.dir, wanted.keep)?;
        let dir = directory.path.clone();
        let names = host_names(wanted.hosts);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let (shop_dir, fleet_dir, irc_dir, mail_dir) =
            (shop_in(&dir), dir.join("fleet"), dir.join("irc"), dir.join("mail"));
        let (fleet, shop, irc, mail) = tokio::try_join!(
            Fleet::start(&fleet_dir, &names),
            Shop::open_in(&shop_dir),
            IrcServer::start(&irc_dir),
            MailCatcher::start(&mail_dir),
        )?;
        let witness = IrcWitness::join(irc.address(), "witness", Some(irc_log_in(&dir))).await;
        let witness = witness.map_err(tried(format!("joining {CHANNEL}")))?;
        let at = match wanted.port {
            Some(port) => SocketAddrV4::new(Ipv4Addr::LOCALHOST, port),
            None => default_or_free_port()?,
        };
        std::fs::create_dir_all(dir.join("stacks")).map_err(tried("making the directory of stacks"))?;
        write(&dir.join("stacks/web.toml"), &stack_file(&shop, wanted.hosts))?;
        write(&dir.join("config.toml"), &config_file(at, &fleet, irc.address(), mail.address()))?;
        let config = dir.join("config.toml");
        let argv = [&*wanted.binary.to_string_lossy(), "serve", "--config", &config.to_string_lossy()];
        let server = Arc::new(Lifeline::keep_running(&argv, &server_log_in(&dir)).await?);
        let fleet = Arc::new(fleet);
        let control = Control::listen(&dir, &fleet, &server)?;
        let scene =
            Self { _server: server, _control: control, witness, irc, mail, fleet, shop, at, _directory: directory };
        scene.answers().await?;
        Ok(scene)
    }

    /// The address that people type; without `/` at its end.
    pub fn url(&self) -> String {
        format!("http://{}", self.at)
    }

    /// Where the server listens.
    pub fn address(&self) -> SocketAddr {
        self.at.into()
    }

    /// The directory of everything.
    pub fn dir(&self) -> &Path {
        &self._directory.path
    }

    /// The last lines that the server wrote to its log.
    pub fn server_said(&self) -> String {
        last_lines(&server_log_in(self.dir()))
    }

    /// Keeps the directory when the demo ends, so that someone can look what went wrong.
    pub fn keep_dir(&mut self) {
        self._directory.keep = true;
    }

    async fn answers(&self) -> Result<(), DemoError> {
        let deadline = Instant::now() + START_LIMIT;
        while !matches!(Client::new(self.address()).get("/healthz").await, Ok(answer) if answer.status == 200) {
            let said = self.server_said();
            if Instant::now() > deadline || said.lines().any(|line| line.starts_with("pushbutton: ")) {
                return Err(DemoError::Refused { what: "starting the server".to_owned(), said });
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }
}

/// Where the shop's repository is.
pub fn shop_in(dir: &Path) -> PathBuf {
    dir.join("shop")
}

/// Where the witness writes what it hears.
pub fn irc_log_in(dir: &Path) -> PathBuf {
    dir.join("irc.log")
}

/// Where the mails are, for people.
pub fn mails_in(dir: &Path) -> Vec<String> {
    super::mail::kept(&super::mail::folder_in(&dir.join("mail")), "txt")
}

fn server_log_in(dir: &Path) -> PathBuf {
    dir.join("server.log")
}

/// Whether a demo runs in a directory.
pub fn runs_in(dir: &Path) -> bool {
    let Ok(mark) = File::open(dir.join(MARK)) else { return false };
    Flock::lock(mark, FlockArg::LockSharedNonblock).is_err()
}

fn host_names(hosts: usize) -> Vec<String> {
    let prod = (1..=hosts.saturating_sub(2)).map(|n| format!("web{n:03}"));
    ["qa1".to_owned(), "princess1".to_owned()].into_iter().chain(prod).collect()
}

fn default_or_free_port() -> Result<SocketAddrV4, DemoError> {
    let preferred = SocketAddrV4::new(Ipv4Addr::LOCALHOST, DEFAULT_PORT);
    match TcpListener::bind(preferred) {
        Ok(_) => Ok(preferred),
        Err(_) => free_port(Ipv4Addr::LOCALHOST),
    }
}

fn stack_file(shop: &Shop, hosts: usize) -> String {
    include_str!("web.toml")
        .replace("@SHOP@", &shop.dir().to_string_lossy())
        .replace("@LAST@", &format!("{:03}", hosts.saturating_sub(2)))
}

/// Branches are fetched each 2 seconds, so that a commit is on the page before someone has found the window.
fn config_file(at: SocketAddrV4, fleet: &Fleet, irc: SocketAddrV4, mail: SocketAddrV4) -> String {
    format!(
        "# Written by `pushbutton demo`.
listen = \"{at}\"
url    = \"http://{at}\"
data   = \"data\"
stacks = \"stacks\"

[auth]
mode = \"open\"

[ssh]
config = \"{}\"

[irc]
server  = \"{}\"
port    = {}
tls     = false
nick    = \"pushbutton\"
channel = \"{CHANNEL}\"

[email]
server = \"{}\"
port   = {}
tls    = \"none\"
from   = \"Pushbutton <push@demo.example>\"
to     = [\"everybody@shop.example\"]

[limits]
fetch_every_s = 2
",
        fleet.ssh_config().display(),
        irc.ip(),
        irc.port(),
        mail.ip(),
        mail.port(),
    )
}

/// The demo's own directory.
#[derive(Debug)]
struct Directory {
    path: PathBuf,
    keep: bool,
    _lock: Flock<File>,
}

impl Directory {
    /// Takes a directory that is missing, empty, or an earlier demo's, and empties it. Anybody else's is refused.
    fn claim(path: &Path, keep: bool) -> Result<Self, DemoError> {
        let refused = |said: &str| DemoError::Refused { what: path.display().to_string(), said: said.to_owned() };
        let here = tried(format!("making {}", path.display()));
        std::fs::create_dir_all(path).and_then(|()| std::fs::canonicalize(path)).map_err(here).and_then(|path| {
            let empty = std::fs::read_dir(&path).is_ok_and(|mut entries| entries.next().is_none());
            let mark = path.join(MARK);
            if !empty && !mark.exists() {
                return Err(refused("is not empty, and no demo's: name another with --dir"));
            }
            let file = File::create(&mark).map_err(tried(format!("making {}", mark.display())))?;
            let Ok(lock) = Flock::lock(file, FlockArg::LockExclusiveNonblock) else {
                return Err(refused("another demo runs in it: stop that, or name another with --dir"));
            };
            empty_but_mark(&path).map_err(tried(format!("emptying {}", path.display())))?;
            Ok(Self { path, keep, _lock: lock })
        })
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if !self.keep {
            let _ = empty_but_mark(&self.path).and_then(|()| std::fs::remove_dir_all(&self.path));
        }
    }
}

fn empty_but_mark(dir: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(dir)?.flatten() {
        match entry.file_type()?.is_dir() {
            true => remove_tree(&entry.path())?,
            false if entry.file_name() != MARK => std::fs::remove_file(entry.path())?,
            false => {}
        }
    }
    Ok(())
}

/// Builds and releases may have directories that even their owner may not write in.
fn remove_tree(dir: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700))?;
    for entry in std::fs::read_dir(dir)?.flatten() {
        match entry.file_type()?.is_dir() {
            true => remove_tree(&entry.path())?,
            false => std::fs::remove_file(entry.path())?,
        }
    }
    std::fs::remove_dir(dir)
}
