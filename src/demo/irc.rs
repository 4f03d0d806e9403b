//! A real IRC server (`ngircd`) on loopback, and a witness that sits in the channel and writes down every raw line.
//! The witness must never use what the product uses to speak IRC: it is how we know what was really said.

use super::lifeline::Lifeline;
use super::port::free_port;
use super::{DemoError, last_lines, tried, write};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// The channel that everything is said in.
pub const CHANNEL: &str = "#push";
/// Milliseconds on a quiet machine; many things start at once on a busy one.
const START_LIMIT: Duration = Duration::from_secs(20);
/// How often we look whether the server listens.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A running IRC server; ends when dropped.
#[derive(Debug)]
pub struct IrcServer {
    at: SocketAddrV4,
    _lifeline: Lifeline,
}

impl IrcServer {
    /// Starts `ngircd` on a free loopback port, with its files in `dir` (made when missing).
    ///
    /// # Errors
    /// When it is not installed, or does not listen after 20 seconds.
    pub async fn start(dir: &Path) -> Result<Self, DemoError> {
        let include = dir.join("more");
        std::fs::create_dir_all(&include).map_err(tried(format!("making {}", include.display())))?;
        let dir = std::fs::canonicalize(dir).map_err(tried(format!("finding {}", dir.display())))?;
        let at = free_port(Ipv4Addr::LOCALHOST)?;
        let (config, log) = (dir.join("ngircd.conf"), dir.join("ngircd.log"));
        write(&config, &server_config(at, &include))?;
        let config = config.to_string_lossy();
        let lifeline = Lifeline::keep_running(&["/usr/sbin/ngircd", "-n", "-f", &config], &log).await?;
        let deadline = Instant::now() + START_LIMIT;
        while TcpStream::connect(at).await.is_err() {
            if Instant::now() > deadline {
                return Err(DemoError::Refused { what: "starting ngircd".to_owned(), said: last_lines(&log) });
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(Self { at, _lifeline: lifeline })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddrV4 {
        self.at
    }
}

/// Nicks of ngircd are at most 9 characters unless it is told otherwise; `pushbutton` has 10.
fn server_config(at: SocketAddrV4, include: &Path) -> String {
    format!(
        "[Global]
Name = irc.demo.example
Info = The demo's IRC server
AdminInfo1 = pushbutton demo
{}Listen = {}
Ports = {}
MotdPhrase = Here you read who pushed what: join {CHANNEL}
[Limits]
MaxConnectionsIP = 0
MaxNickLength = 30
[Options]
DNS = no
Ident = no
PAM = no
IncludeDir = {}
[Channel]
Name = {CHANNEL}
Topic = Who pushes what
",
        ids(),
        at.ip(),
        at.port(),
        include.display()
    )
}

/// As root, ngircd becomes nobody; else it must be told to stay who it is.
fn ids() -> String {
    match nix::unistd::geteuid().is_root() {
        true => String::new(),
        false => format!("ServerUID = {}\nServerGID = {}\n", nix::unistd::geteuid(), nix::unistd::getegid()),
    }
}

/// A real client in the channel that keeps every raw line it got, without its line end.
#[derive(Debug)]
pub struct IrcWitness {
    lines: Arc<Mutex<Vec<String>>>,
    reader: tokio::task::JoinHandle<()>,
}

impl IrcWitness {
    /// Joins the channel; returns once the server says that it is in. Lines also go to `log`, when one is named.
    ///
    /// # Errors
    /// When the server cannot be reached, or does not let it in within 20 seconds.
    pub async fn join(at: SocketAddrV4, nick: &str, log: Option<PathBuf>) -> std::io::Result<Self> {
        Self::join_to(CHANNEL, at, nick, log).await
    }

    /// The same in another channel.
    ///
    /// # Errors
    /// As [`IrcWitness::join`].
    pub async fn join_to(channel: &str, at: SocketAddrV4, nick: &str, log: Option<PathBuf>) -> std::io::Result<Self> {
        let mut stream = BufReader::new(TcpStream::connect(at).await?);
        stream.write_all(format!("NICK {nick}\r\nUSER {nick} 0 * :{nick}\r\n").as_bytes()).await?;
        let late = || std::io::Error::new(std::io::ErrorKind::TimedOut, format!("{nick} was not welcomed"));
        // Some servers take nothing before that.
        tokio::time::timeout(START_LIMIT, welcome(&mut stream)).await.map_err(|_| late())??;
        stream.write_all(format!("JOIN {channel}\r\n").as_bytes()).await?;
        let lines = Arc::new(Mutex::new(Vec::new()));
        let reader = tokio::spawn(read_lines(stream, lines.clone(), log));
        let witness = Self { lines, reader };
        // 366 is the end of the list of names, the last thing that a server says of a join.
        let joined = |line: &str| line.split(' ').nth(1) == Some("366");
        match witness.wait_for(START_LIMIT, joined).await {
            Some(_) => Ok(witness),
            None => Err(std::io::Error::new(std::io::ErrorKind::TimedOut, format!("{nick} could not join {channel}"))),
        }
    }

    /// All raw lines so far.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What was said in the channel so far: nick and words.
    pub fn said(&self) -> Vec<(String, String)> {
        self.lines().iter().filter_map(|line| spoken(line)).collect()
    }

    /// The first line that is so, as soon as there is one; none when `limit` has passed.
    pub async fn wait_for(&self, limit: Duration, is_it: impl Fn(&str) -> bool) -> Option<String> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(line) = self.lines().into_iter().find(|line| is_it(line)) {
                return Some(line);
            }
            if Instant::now() > deadline {
                return None;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

impl Drop for IrcWitness {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// Reads until the server knows us.
async fn welcome(stream: &mut BufReader<TcpStream>) -> std::io::Result<()> {
    let mut line = String::new();
    while stream.read_line(&mut line).await? > 0 {
        if let Some(key) = line.strip_prefix("PING ") {
            let answer = format!("PONG {}\r\n", key.trim_end());
            stream.write_all(answer.as_bytes()).await?;
        }
        if line.split(' ').nth(1) == Some("001") {
            return Ok(());
        }
        line.clear();
    }
    Err(std::io::ErrorKind::UnexpectedEof.into())
}

async fn read_lines(mut stream: BufReader<TcpStream>, lines: Arc<Mutex<Vec<String>>>, log: Option<PathBuf>) {
    use std::io::Write;
    let open = |path: PathBuf| std::fs::OpenOptions::new().create(true).append(true).open(path).ok();
    let mut log = log.and_then(open);
    let mut raw = Vec::new();
    while stream.read_until(b'\n', &mut raw).await.is_ok_and(|read| read > 0) {
        let line = String::from_utf8_lossy(&raw).trim_end_matches(['\r', '\n']).to_owned();
        raw.clear();
        if let Some(key) = line.strip_prefix("PING ") {
            let _ = stream.write_all(format!("PONG {key}\r\n").as_bytes()).await;
        }
        if let Some(log) = &mut log {
            let _ = writeln!(log, "{line}");
        }
        lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }
}

/// Nick and words of a raw line, when it is something that was said in the channel.
pub fn spoken(line: &str) -> Option<(String, String)> {
    let (prefix, rest) = line.strip_prefix(':')?.split_once(' ')?;
    let words = rest.strip_prefix("PRIVMSG ")?.strip_prefix(CHANNEL)?.strip_prefix(" :")?;
    let nick = prefix.split('!').next().unwrap_or(prefix);
    Some((nick.to_owned(), words.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_said_in_the_channel_counts_as_spoken() {
        for (line, words) in [
            (":bot!~bot@127.0.0.1 PRIVMSG #push :[web] ann: pushed", Some(("bot", "[web] ann: pushed"))),
            (":bot!~bot@127.0.0.1 PRIVMSG #other :hello", None),
            (":bot!~bot@127.0.0.1 NOTICE #push :hello", None),
            (":irc.demo.example 366 eve #push :End of NAMES list", None),
            ("PING :irc.demo.example", None),
        ] {
            let expected = words.map(|(nick, words)| (nick.to_owned(), words.to_owned()));
            assert_eq!(spoken(line), expected, "{line}");
        }
    }
}
