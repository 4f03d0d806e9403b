//! The words that start a program in namespaces of its own: `bwrap`, with all that it sees. Pure but for what this machine has: it must
//! never bind what the server keeps, and never pass on an environment. Called by the guard and the probe.
//!
//! As root the server gives each stack a user of its own first: a first `bwrap`, with mounts and processes of its own, brings the
//! directories to where that user may reach them (`data` is 0700), `setpriv` becomes that user, and the second `bwrap` is started by it as
//! by any user. Any other server starts the second one itself: then the command has the server's number outside, and what keeps it from
//! the server are its namespaces alone.

use super::Settings;
use super::place::CALLS;
use sha2::{Digest, Sha256};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Where the build is, for the command.
pub const BUILD: &str = "/build";

/// Where the file is that says what a push brings, for the command.
pub const COMMITS: &str = "/commits.json";

/// The number that the command has in its own eyes, with a name in its `passwd`.
const INSIDE: &str = "1000";

/// Users of stacks begin here: far above those that any tool gives out, systemd's too (it leaves all above 1,879,048,191 unused).
const FIRST_USER: u32 = 1_900_000_000;

/// How many users there are for stacks.
const USERS: u32 = 100_000_000;

/// What of `/etc` a command sees: who is where on the network, whom to trust, where libraries and programs are. No file of it is secret
/// on any system; `passwd` and `group` are our own.
const ETC: [&str; 22] = [
    "alternatives",
    "ca-certificates",
    "ca-certificates.conf",
    "crypto-policies",
    "host.conf",
    "hosts",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "locale.alias",
    "localtime",
    "mime.types",
    "networks",
    "nsswitch.conf",
    "pki/ca-trust",
    "pki/tls/certs",
    "protocols",
    "resolv.conf",
    "services",
    "ssl/certs",
    "ssl/openssl.cnf",
    "timezone",
];

/// Where the kernel names keys.
const KEYS: [&str; 2] = ["/proc/keys", "/proc/key-users"];

/// Where the root has links into `/usr`, or directories of its own.
const TOP: [&str; 6] = ["bin", "sbin", "lib", "lib32", "lib64", "libx32"];

/// Where in `/usr` a server may have a home; `/usr/sbin`, the home of some users, is none.
const OWN_USR: [&str; 5] = ["/usr/local", "/usr/lib", "/usr/share", "/usr/src", "/usr/home"];

/// Opens the list of refused calls, which comes first, for the `bwrap` that starts the command: it takes an open file, and closes it.
const WITH_CALLS: &str = "exec 9<\"$0\"; exec \"$@\"";
/// Its number there.
const CALLS_FD: &str = "9";

/// What shared memory a command may have, in bytes: browsers that test pages need some.
const SHARED_MEMORY: &str = "268435456";

/// A directory that a stack's builds keep from one to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cache {
    /// Where it lies.
    pub kept: PathBuf,
    /// Where the build has it, below its directory.
    pub path: String,
}

/// What one command sees and may take.
#[derive(Clone, Debug)]
pub struct Sandbox {
    /// What it sees as `/build`, where it starts.
    pub dir: PathBuf,
    /// Whether it may write there.
    pub writable: bool,
    /// What it sees as `/tmp`, its home.
    pub tmp: PathBuf,
    /// The caches, in a directory that it may write to.
    pub caches: Vec<Cache>,
    /// Whether it has the machine's network.
    pub network: bool,
    /// What it sees as [`COMMITS`].
    pub commits: Option<PathBuf>,
    /// Where its `passwd` and `group` are, and the list of calls that are refused.
    pub etc: PathBuf,
    /// Whose it is outside, when the server is root.
    pub user: Option<u32>,
    /// Its limits.
    pub settings: Settings,
}

/// The user of a stack outside, when the server is root. None of another user's server, which can be nobody else.
pub fn build_user(stack: &str) -> Option<u32> {
    nix::unistd::geteuid().is_root().then(|| {
        let digest = Sha256::digest(stack.as_bytes());
        FIRST_USER + u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]) % USERS
    })
}

/// Words of a command line.
#[derive(Default)]
struct Words(Vec<OsString>);

impl Words {
    fn add<const N: usize>(&mut self, words: [&str; N]) {
        self.0.extend(words.map(OsString::from));
    }

    /// An option of two paths.
    fn mount(&mut self, option: &str, from: impl AsRef<Path>, to: impl AsRef<Path>) {
        self.0.push(option.into());
        self.0.push(from.as_ref().into());
        self.0.push(to.as_ref().into());
    }
}

/// Brings what only the server may reach to where a stack's user may reach it too.
struct Staging {
    at: &'static str,
    brought: Vec<PathBuf>,
}

impl Staging {
    fn new() -> Self {
        // What is mounted there is seen by this command alone.
        let at = if Path::new("/mnt").is_dir() { "/mnt" } else { "/tmp" };
        Self { at, brought: Vec::new() }
    }

    fn bring(&mut self, path: &Path) -> PathBuf {
        self.brought.push(path.to_owned());
        Path::new(self.at).join(self.brought.len().to_string())
    }

    /// What comes before the second `bwrap`.
    fn words(self, user: u32) -> Words {
        let mut words = Words::default();
        // A user of the stack may not be signalled by what has dropped its own rights; the end of all its processes needs no signal. They
        // have their own `/proc` from the start: by another one, the second `bwrap` would take other processes for its own.
        words.add([
            "setpriv",
            "--pdeathsig",
            "KILL",
            "--",
            "unshare",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
            "--",
        ]);
        words.add(["bwrap", "--die-with-parent", "--dev-bind", "/", "/", "--tmpfs", self.at]);
        for (at, path) in self.brought.iter().enumerate() {
            words.mount("--bind", path, Path::new(self.at).join((at + 1).to_string()));
        }
        let user = user.to_string();
        words.add(["--", "setpriv", "--reuid", &user, "--regid", &user, "--clear-groups"]);
        words.add(["--inh-caps=-all", "--bounding-set=-all", "--no-new-privs", "--"]);
        words
    }
}

impl Sandbox {
    /// The words before a program and its arguments.
    pub fn words(&self) -> Vec<OsString> {
        let mut staging = Staging::new();
        let mut inner = Words::default();
        inner.add(["bwrap", "--die-with-parent", "--new-session", "--unshare-all", "--disable-userns"]);
        inner.add(["--unshare-user", "--uid", INSIDE, "--gid", INSIDE, "--hostname", "build", "--clearenv"]);
        if self.network {
            inner.add(["--share-net"]);
        }
        self.environment(&mut inner);
        self.system(&mut inner, &mut staging);
        inner.add(["--proc", "/proc", "--dev", "/dev", "--size", SHARED_MEMORY, "--tmpfs", "/dev/shm"]);
        // The names of keys, which no other namespace hides; a kernel without keys has no such file.
        for keys in KEYS.into_iter().filter(|keys| Path::new(keys).exists()) {
            inner.mount("--ro-bind", "/dev/null", keys);
        }
        inner.add(["--remount-ro", "/dev", "--dir", "/var", "--symlink", "/tmp", "/var/tmp"]);
        let mut bind = |option, from: &Path, to: &Path| {
            let from = if self.user.is_some() { staging.bring(from) } else { from.to_owned() };
            inner.mount(option, from, to);
        };
        bind("--bind", &self.tmp, Path::new("/tmp"));
        bind(if self.writable { "--bind" } else { "--ro-bind" }, &self.dir, Path::new(BUILD));
        if let Some(commits) = &self.commits {
            bind("--ro-bind", commits, Path::new(COMMITS));
        }
        for cache in &self.caches {
            bind("--bind", &cache.kept, &Path::new(BUILD).join(&cache.path));
        }
        inner.add(["--remount-ro", "/", "--chdir", BUILD, "--seccomp", CALLS_FD, "--"]);
        self.limits(&mut inner);
        let mut words: Vec<OsString> =
            vec!["/bin/sh".into(), "-c".into(), WITH_CALLS.into(), self.etc.join(CALLS).into()];
        words.append(&mut self.user.map(|user| staging.words(user)).unwrap_or_default().0);
        words.append(&mut inner.0);
        words
    }

    /// None of the server's but where programs are: that is no secret, and a build needs the same ones.
    fn environment(&self, words: &mut Words) {
        let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
        words.mount("--setenv", "PATH", path);
        for (name, value) in [("HOME", "/tmp"), ("USER", "build"), ("LOGNAME", "build"), ("LC_ALL", "C.UTF-8")] {
            words.add(["--setenv", name, value]);
        }
    }

    /// The system's own directories, read-only, without what the server keeps there.
    fn system(&self, words: &mut Words, staging: &mut Staging) {
        words.add(["--ro-bind", "/usr", "/usr"]);
        for name in TOP {
            let path = Path::new("/").join(name);
            match std::fs::read_link(&path) {
                Ok(target) => words.mount("--symlink", target, path),
                Err(_) => words.mount("--ro-bind-try", &path, &path),
            }
        }
        words.add(["--dir", "/etc"]);
        for name in ETC {
            let path = Path::new("/etc").join(name);
            // Directories that are made on the way are closed to others by bubblewrap; nobody else is there.
            words.mount("--ro-bind-try", &path, &path);
        }
        for name in ["passwd", "group"] {
            let own = self.etc.join(name);
            let own = if self.user.is_some() { staging.bring(&own) } else { own };
            words.mount("--ro-bind", own, Path::new("/etc").join(name));
        }
        for path in &self.settings.read_only {
            words.mount("--ro-bind-try", path, path);
        }
        for hidden in self.settings.hidden.iter().filter(|path| self.is_seen(path)) {
            words.0.extend(["--tmpfs".into(), hidden.into(), "--remount-ro".into(), hidden.into()]);
        }
    }

    /// Whether a directory of the server's lies in one that the command sees.
    fn is_seen(&self, path: &Path) -> bool {
        let mut seen = self.settings.read_only.iter().map(PathBuf::as_path).chain(OWN_USR.map(Path::new));
        path.is_dir() && seen.any(|seen| path.starts_with(seen) && path != seen)
    }

    /// What the kernel itself holds it to. In the namespaces: there only its own processes are counted.
    fn limits(&self, words: &mut Words) {
        let Settings { memory_mib, processes, disk_mib, cpu_s, .. } = self.settings;
        let bytes = |mib: u64| mib.saturating_mul(1 << 20);
        words.add(["prlimit", "--core=0", &format!("--nproc={processes}"), &format!("--cpu={cpu_s}")]);
        words.add([&format!("--data={}", bytes(memory_mib)), &format!("--fsize={}", bytes(disk_mib)), "--"]);
        // Where memory runs out, this goes first, and the server last.
        words.add(["choom", "-n", "1000", "--", "nice", "-n", "10"]);
    }
}

#[cfg(test)]
mod tests;
