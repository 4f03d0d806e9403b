//! A syslog daemon: of this machine by its socket, of another one by UDP or TCP. It must never count a line as sent that it knows was not
//! taken. What UDP loses on the way nobody knows (`docs/audit.md` says so); over TCP each batch is a connection of its own, which the other
//! side ends when it has read all: what is in a buffer when a daemon dies would be lost otherwise.

use super::line;
use super::target::{Handed, Target};
use crate::config::Syslog;
use crate::ledger::audit::rows::AuditRow;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket, UnixDatagram, lookup_host};
use tokio::time::timeout;

/// How long a daemon may keep one batch waiting.
const LIMIT: Duration = Duration::from_secs(10);

/// A daemon, and by what name it is told of us.
pub(super) struct Daemon {
    daemon: Syslog,
    host: String,
}

impl Daemon {
    /// A socket is opened anew for each batch: a daemon that was restarted has another one.
    pub fn new(daemon: Syslog, host: String) -> Self {
        Self { daemon, host }
    }

    fn lines(&self, rows: &[AuditRow]) -> io::Result<Vec<String>> {
        let process = std::process::id();
        let line = |row: &AuditRow| match &self.daemon {
            Syslog::Local(_) => line::of_this_machine(row, process),
            Syslog::Udp(..) | Syslog::Tcp(..) => line::of_network(row, &self.host, process),
        };
        Ok(rows.iter().map(line).collect::<Result<_, _>>()?)
    }
}

impl Target for Daemon {
    fn name(&self) -> &'static str {
        "syslog"
    }

    fn has(&mut self) -> io::Result<Option<(i64, String)>> {
        Ok(None)
    }

    fn look_again(&mut self) {}

    fn send<'a>(&'a mut self, rows: &'a [AuditRow]) -> Pin<Box<dyn Future<Output = Handed> + Send + 'a>> {
        Box::pin(async move {
            let lines = match self.lines(rows) {
                Ok(lines) => lines,
                Err(error) => return Handed::of(0, Err(error)),
            };
            // Of what was sent piece by piece, the pieces count.
            let mut sent = 0;
            let sending = async {
                match &self.daemon {
                    Syslog::Local(path) => by_socket(path, &lines, &mut sent).await,
                    Syslog::Udp(host, port) => by_udp(host, *port, &lines, &mut sent).await,
                    Syslog::Tcp(host, port) => by_tcp(host, *port, &lines, &mut sent).await,
                }
            };
            let done = match timeout(LIMIT, sending).await {
                Ok(done) => done,
                Err(_) => Err(io::ErrorKind::TimedOut.into()),
            };
            Handed { rows: sent, trouble: done.err() }
        })
    }
}

async fn by_socket(path: &Path, lines: &[String], sent: &mut usize) -> io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    socket.connect(path)?;
    for line in lines {
        socket.send(line.as_bytes()).await?;
        *sent += 1;
    }
    Ok(())
}

async fn by_udp(host: &str, port: u16, lines: &[String], sent: &mut usize) -> io::Result<()> {
    let address = address(host, port).await?;
    let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(address).await?;
    for line in lines {
        socket.send(line.as_bytes()).await?;
        // That nobody listens there is known by now where it is near.
        if let Some(error) = socket.take_error()? {
            return Err(error);
        }
        *sent += 1;
    }
    Ok(())
}

async fn by_tcp(host: &str, port: u16, lines: &[String], sent: &mut usize) -> io::Result<()> {
    let mut stream = TcpStream::connect(address(host, port).await?).await?;
    // Each line with its length before it (RFC 6587).
    let frames: String = lines.iter().map(|line| format!("{} {line}", line.len())).collect();
    stream.write_all(frames.as_bytes()).await?;
    stream.shutdown().await?;
    let mut answer = [0; 512];
    while stream.read(&mut answer).await? > 0 {}
    *sent = lines.len();
    Ok(())
}

async fn address(host: &str, port: u16) -> io::Result<SocketAddr> {
    let found = lookup_host((host, port)).await?.next();
    found.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("{host} has no address")))
}
