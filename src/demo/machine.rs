//! One host of the fleet: a namespace of mounts, processes and name, with a real `sshd` in it.
//!
//! Inside, `/srv`, `/tmp`, `/run` and the user's home are the host's own; the rest of the file system is this machine's.
//! The process tree is `unshare` → `sh` (process 1 of the namespace, which holds the lifeline) → `sshd`. The mounts belong
//! to the namespace and go with it, so nothing is ever unmounted by us. It must never touch a process that is not the
//! host's own.

use super::key::make_key;
use super::lifeline::{Lifeline, unshare};
use super::port::free_port;
use super::{DemoError, tried, write};
use crate::process::Program;
use nix::unistd::Pid;
use rustix::process::Signal;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// `sshd` wants to be started by its full name; Debian's.
pub(super) const SSHD: &str = "/usr/sbin/sshd";
/// How long an `sshd` may take to listen: milliseconds, but many start at once on a small machine.
const BOOT_LIMIT: Duration = Duration::from_secs(30);
/// How often a boot looks whether it is done.
const LOOK_EVERY: Duration = Duration::from_millis(4);
/// How many ports are tried when others are quicker.
const PORT_TRIES: usize = 5;

/// What process 1 of a host does: mounts, name, `sshd`, then hold the lifeline. Sources are relative to the host's
/// directory and not looked up again (`-c`), since the mounts before may hide the path to it.
const BOOT: &str = r#"set -eu
mount -t tmpfs -o mode=755 run /run
mkdir /run/sshd /run/host
mount -c --bind etc /run/host
mount -c --bind srv /srv
mount -c --bind tmp /tmp
mount -c --bind home "$HOST_HOME"
mount --bind /run/host/passwd /etc/passwd
[ -z "$HOST_ROOT" ] || mount --bind /run/host/shadow /etc/shadow
hostname "$HOST_NAME"
cd /
if [ -n "$HOST_ROOT" ]; then set --; else set -- unshare --user --map-user="$HOST_UID" --map-group="$HOST_GID"; fi
"$@" "$HOST_SSHD" -D -e -f /run/host/sshd_config </dev/null >>/run/host/sshd.log 2>&1 &
cat >/dev/null"#;

/// Who people sign in as: the user that we are.
#[derive(Clone, Debug)]
pub(super) struct Login {
    pub(super) user: String,
    home: PathBuf,
    uid: u32,
    gid: u32,
    /// `/etc/passwd` with this user's shell being bash, whatever it is on this machine.
    passwd: String,
}

impl Login {
    pub(super) fn of_this_process() -> Result<Self, DemoError> {
        let what = "finding out who we are";
        let uid = nix::unistd::geteuid();
        let user = nix::unistd::User::from_uid(uid).map_err(|errno| tried(what)(errno.into()))?;
        let Some(user) = user else {
            return Err(DemoError::Refused { what: what.to_owned(), said: format!("user {uid} has no name") });
        };
        let text = std::fs::read_to_string("/etc/passwd").map_err(tried("reading /etc/passwd"))?;
        let prefix = format!("{}:", user.name);
        let mut passwd: String =
            text.lines().filter(|line| !line.starts_with(&prefix)).map(|line| format!("{line}\n")).collect();
        let (uid, gid) = (user.uid.as_raw(), user.gid.as_raw());
        let _ = writeln!(passwd, "{}:x:{uid}:{gid}::{}:/bin/bash", user.name, user.dir.display());
        Ok(Self { user: user.name, home: user.dir, uid, gid, passwd })
    }

    fn is_root(&self) -> bool {
        self.uid == 0
    }
}

/// One host: a machine that can be switched off and on again.
#[derive(Debug)]
pub struct Machine {
    name: String,
    dir: PathBuf,
    address: SocketAddrV4,
    login: Login,
    power: Mutex<Option<Lifeline>>,
}

impl Machine {
    /// Lays the host's directories, makes its key, and boots it on a free port of `ip`.
    pub(super) async fn install(
        name: &str,
        dir: PathBuf,
        ip: Ipv4Addr,
        client_key: &Path,
        login: Login,
    ) -> Result<Self, DemoError> {
        for part in ["etc", "srv", "tmp", "home"] {
            let path = dir.join(part);
            std::fs::create_dir_all(&path).map_err(tried(format!("making {}", path.display())))?;
        }
        let etc = dir.join("etc");
        make_key(&etc.join("host_key"), name).await?;
        let client = client_key.with_extension("pub");
        std::fs::copy(&client, etc.join("authorized_keys")).map_err(tried(format!("copying {}", client.display())))?;
        write(&etc.join("passwd"), &login.passwd)?;
        write(&etc.join("shadow"), &format!("{}:*:19000:0:99999:7:::\n", login.user))?;
        let mut machine = Self { name: name.to_owned(), dir, address: free_port(ip)?, login, power: Mutex::new(None) };
        for _ in 1..PORT_TRIES {
            match machine.switch_on().await {
                Err(DemoError::AddressTaken(_)) => machine.address = free_port(ip)?,
                other => return other.map(|()| machine),
            }
        }
        machine.switch_on().await.map(|()| machine)
    }

    /// The name that the fleet's ssh configuration gives it, and its host name inside.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where its `sshd` listens.
    pub fn address(&self) -> SocketAddrV4 {
        self.address
    }

    /// The host's `/srv`, as seen from here. While the host is made `full`, it sees another one (see `trouble`).
    pub fn srv_dir(&self) -> PathBuf {
        self.dir.join("srv")
    }

    /// The host's home directory, as seen from here.
    pub fn home_dir(&self) -> PathBuf {
        self.dir.join("home")
    }

    /// The host's `/tmp`, as seen from here.
    pub fn tmp_dir(&self) -> PathBuf {
        self.dir.join("tmp")
    }

    /// Its keys and the files of its `sshd`.
    pub(super) fn etc_dir(&self) -> PathBuf {
        self.dir.join("etc")
    }

    /// What its `sshd` says: an outside witness of who came and went.
    pub fn sshd_log(&self) -> PathBuf {
        self.dir.join("etc/sshd.log")
    }

    /// Its public host key.
    pub(super) fn public_key(&self) -> Result<String, DemoError> {
        let path = self.dir.join("etc/host_key.pub");
        std::fs::read_to_string(&path).map_err(tried(format!("reading {}", path.display())))
    }

    /// Runs a program in the host's namespaces, past ssh.
    ///
    /// # Errors
    /// When the host is switched off, the program cannot be started, or it has not ended after 60 seconds.
    pub async fn in_it<S: AsRef<OsStr>>(&self, argv: impl IntoIterator<Item = S>) -> Result<Output, DemoError> {
        let init = self.init().ok_or_else(|| DemoError::Off(self.name.clone()))?;
        let mut program = Program::new("nsenter").arg("--target").arg(init.to_string());
        if !self.login.is_root() {
            program = program.args(["--user", "--preserve-credentials"]);
        }
        program = program.args(["--mount", "--uts", "--pid", "--"]).args(argv).env("HOME", &self.login.home);
        program.output(Duration::from_secs(60)).await.map_err(tried(format!("entering {}", self.name)))
    }

    /// The command lines of all that runs on the host: every process of its namespace, however it was started and
    /// whatever it calls itself. Left out are only process 1 with its lifeline, every `sshd` (told by the file that is
    /// executed, not by its title), and dead processes that wait to be reaped. Empty when the host is switched off.
    pub fn processes(&self) -> Vec<String> {
        let sshd = |pid: Pid| {
            let exe = std::fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
            exe.file_name().is_some_and(|name| name.to_string_lossy().starts_with("sshd"))
        };
        let lines = self.pids().into_iter().filter(|pid| !sshd(*pid)).filter_map(|pid| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
            let line = String::from_utf8_lossy(&line).trim_end_matches('\0').replace('\0', " ");
            (!line.is_empty()).then_some(line)
        });
        lines.collect()
    }

    /// All processes of the host but those that hold its lifeline, by the numbers that they have out here.
    pub(super) fn pids(&self) -> Vec<Pid> {
        let power = self.power();
        let Some(lifeline) = power.as_ref() else { return Vec::new() };
        lifeline.pids().into_iter().filter(|pid| !lifeline.is_held_by(*pid)).collect()
    }

    /// Sends a signal to a process of the host, if it is still there; whether it was.
    pub(super) fn signal(&self, pid: Pid, signal: Signal) -> std::io::Result<bool> {
        self.power().as_ref().map_or(Ok(false), |lifeline| lifeline.signal(pid, signal))
    }

    /// Process 1 of the namespace, by the number that it has out here; none when the host is switched off.
    pub(super) fn init(&self) -> Option<Pid> {
        self.power().as_ref().map(Lifeline::init)
    }

    fn power(&self) -> MutexGuard<'_, Option<Lifeline>> {
        self.power.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Boots the host: returns when its `sshd` listens. What lies in `/srv`, `/tmp` and home is what was there before.
    pub(super) async fn switch_on(&self) -> Result<(), DemoError> {
        let etc = self.dir.join("etc");
        write(&etc.join("sshd_config"), &sshd_config(self.address))?;
        write(&etc.join("sshd.log"), "")?;
        let _ = std::fs::remove_file(etc.join("sshd.pid"));
        let program = unshare(&["--uts"], "--map-root-user").args(["/bin/sh", "-c", BOOT, "fleet-host"]).dir(&self.dir);
        let program = program.env("HOST_NAME", &self.name).env("HOST_HOME", &self.login.home).env("HOST_SSHD", SSHD);
        let program = program.env("HOST_ROOT", if self.login.is_root() { "yes" } else { "" });
        let program = program.env("HOST_UID", self.login.uid.to_string()).env("HOST_GID", self.login.gid.to_string());
        let mut lifeline = Lifeline::start(program).await?;
        self.listening(&mut lifeline).await?;
        *self.power() = Some(lifeline);
        Ok(())
    }

    /// Waits until `sshd` has written its process id, which it does once it listens.
    async fn listening(&self, lifeline: &mut Lifeline) -> Result<(), DemoError> {
        let etc = self.dir.join("etc");
        let refused = |said: String| DemoError::Refused { what: format!("starting the host {}", self.name), said };
        let deadline = Instant::now() + BOOT_LIMIT;
        while !etc.join("sshd.pid").exists() {
            let log = std::fs::read_to_string(etc.join("sshd.log")).unwrap_or_default();
            if log.contains("Cannot bind any address") {
                return Err(DemoError::AddressTaken(self.address));
            }
            let failed = log.contains("fatal") || log.contains("terminating") || log.contains("not found");
            if failed || Instant::now() > deadline {
                return Err(refused(format!("sshd does not listen: {}", log.trim())));
            }
            if let Some(said) = lifeline.ended_with().await {
                return Err(refused(said));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Pulls the plug: ends everything on the host; returns when nothing is left.
    pub(super) fn switch_off(&self) {
        let lifeline = self.power().take();
        drop(lifeline);
    }
}

/// `MaxStartups` is raised, since journeys connect by the dozen; `MaxSessions` stays at OpenSSH's 10. No PAM: a host must not
/// depend on how this machine lets people in.
fn sshd_config(at: SocketAddrV4) -> String {
    format!(
        "ListenAddress {at}
HostKey /run/host/host_key
AuthorizedKeysFile /run/host/authorized_keys
PidFile /run/host/sshd.pid
AuthenticationMethods publickey
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
UsePAM no
UseDNS no
StrictModes no
MaxStartups 100
PrintMotd no
PrintLastLog no
Subsystem sftp internal-sftp
"
    )
}
