//! Many hosts on one machine: each a real `sshd` with its own key, address, `/srv`, home and processes.
//! It must never leave anything behind: all that a fleet starts ends with it, however it ends (see `lifeline`).
//! Called by the demo, and by every journey that needs hosts.

use super::key::make_key;
use super::machine::{Login, Machine, SSHD};
use super::{DemoError, must_be_there, tried, write};
use crate::process::Program;
use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A running fleet. Dropping it switches all its hosts off, also when a test panics.
#[derive(Debug)]
pub struct Fleet {
    hosts: Vec<Machine>,
    ssh_config: PathBuf,
}

impl Fleet {
    /// Starts one host for each name, all at once, below `dir` (made when missing). Root is not needed where the kernel
    /// lets users have namespaces of their own.
    ///
    /// # Errors
    /// When a program is missing, namespaces are not allowed, or an `sshd` does not come up.
    pub async fn start(dir: &Path, names: &[&str]) -> Result<Self, DemoError> {
        must_be_there(SSHD)?;
        let login = Login::of_this_process()?;
        std::fs::create_dir_all(dir).map_err(tried(format!("making {}", dir.display())))?;
        let dir = std::fs::canonicalize(dir).map_err(tried(format!("finding {}", dir.display())))?;
        let client_key = dir.join("client_key");
        make_key(&client_key, "the fleet's client").await?;
        let net = Ipv4Net::pick();
        let starting = names.iter().enumerate().map(|(place, name)| {
            let (dir, client_key, login) = (dir.join(name), &client_key, &login);
            async move { Machine::install(name, dir, net.address(place), client_key, login.clone()).await }
        });
        let hosts = futures::future::try_join_all(starting).await?;
        let ssh_config = dir.join("ssh_config");
        let known_hosts = dir.join("known_hosts");
        write(&ssh_config, &client_config(&hosts, &client_key, &known_hosts, &login.user))?;
        write(&known_hosts, &known_hosts_of(&hosts)?)?;
        Ok(Self { hosts, ssh_config })
    }

    /// The configuration that lets `ssh -F` reach the hosts by their names: what an operator would have written.
    pub fn ssh_config(&self) -> &Path {
        &self.ssh_config
    }

    /// The hosts, in the order of their names at the start.
    pub fn hosts(&self) -> &[Machine] {
        &self.hosts
    }

    /// One host by its name.
    pub fn host(&self, name: &str) -> Option<&Machine> {
        self.hosts.iter().find(|host| host.name() == name)
    }

    /// Runs a shell command on a host with the system's own `ssh` and the fleet's configuration, past the product: how
    /// an outside witness asks.
    ///
    /// # Errors
    /// When ssh cannot be started or has not ended after 60 seconds.
    pub async fn ssh(&self, host: &str, script: &str) -> std::io::Result<std::process::Output> {
        let program = Program::new("ssh").arg("-F").arg(&self.ssh_config);
        program.args(["-o", "BatchMode=yes", "-o", "ControlPath=none", "--", host, script]).output(ASK_LIMIT).await
    }

    /// Switches every host off and waits until nothing of it is left.
    pub fn stop(self) {
        drop(self);
    }
}

/// An answer of one host takes milliseconds; a hung one should not hang the asker.
const ASK_LIMIT: Duration = Duration::from_secs(60);

/// Where a fleet's addresses lie: each fleet takes its own random part of 127.16.0.0 … 127.239.255.255, so that fleets of
/// tests that run side by side do not meet; when they do, the `sshd` cannot bind, and the next port is tried.
#[derive(Clone, Copy)]
struct Ipv4Net(u32);

impl Ipv4Net {
    fn pick() -> Self {
        let mut random = [0; 2];
        // Without random numbers all fleets would begin at the same place, which is slower but not wrong.
        let _ = getrandom::fill(&mut random);
        Self(u32::from_be_bytes([127, 16 + random[0] % 224, random[1], 0]))
    }

    /// The address of the host at a place; never one that ends in 0 or 255.
    fn address(self, place: usize) -> Ipv4Addr {
        let place = u32::try_from(place).unwrap_or(0);
        Ipv4Addr::from_bits(self.0 + (place / 254) * 256 + place % 254 + 1)
    }
}

fn client_config(hosts: &[Machine], client_key: &Path, known_hosts: &Path, user: &str) -> String {
    let mut text = String::from("# Written by `pushbutton demo`. Try: ssh -F THIS_FILE HOST\n");
    for host in hosts {
        let (name, at) = (host.name(), host.address());
        // Writing to a String cannot fail.
        let _ = writeln!(text, "Host {name}\n  HostName {}\n  Port {}", at.ip(), at.port());
        let _ = writeln!(text, "  User {user}\n  IdentityFile {}\n  IdentitiesOnly yes", quoted(client_key));
        let _ = writeln!(text, "  UserKnownHostsFile {}", quoted(known_hosts));
    }
    text
}

/// A path as ssh's configuration takes it: blanks are kept by the quotes, `%` begins a token.
fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.display().to_string().replace('%', "%%"))
}

fn known_hosts_of(hosts: &[Machine]) -> Result<String, DemoError> {
    let mut text = String::new();
    for host in hosts {
        let at = host.address();
        let _ = writeln!(text, "[{}]:{} {}", at.ip(), at.port(), host.public_key()?.trim());
    }
    Ok(text)
}
