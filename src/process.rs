//! The only door to child processes. argv arrays, a cleared environment, a session of its own, piped or null streams.
//! It must never build a shell string: a shell's script is given whole, its values come as environment.
//! Used by `source` (git), `remote` (ssh, rsync, the local guard) and `desk` (the runner).

use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};

/// Where programs are looked for: the server's own PATH.
fn search_path() -> std::ffi::OsString {
    std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".into())
}

/// A program to start, with arguments and an environment that begins empty but for PATH and LC_ALL.
pub struct Program(Command);

impl Program {
    /// Names the program.
    #[expect(clippy::disallowed_methods, reason = "this module is the one door")]
    pub fn new(name: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(name);
        command.env_clear().env("PATH", search_path()).env("LC_ALL", "C");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        Self(command)
    }

    /// Adds arguments.
    pub fn args<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(mut self, args: I) -> Self {
        self.0.args(args);
        self
    }

    /// Adds one argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.0.arg(arg);
        self
    }

    /// Sets a variable.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.0.env(name, value);
        self
    }

    /// Sets the directory that it starts in.
    pub fn dir(mut self, dir: &Path) -> Self {
        self.0.current_dir(dir);
        self
    }

    /// Gives it a pipe as standard input.
    pub fn with_input(mut self) -> Self {
        self.0.stdin(Stdio::piped());
        self
    }

    /// Makes it the leader of a process group of its own.
    pub fn own_group(mut self) -> Self {
        self.0.process_group(0);
        self
    }

    /// Lets it live on when its handle is dropped, with no streams of ours.
    pub fn outlives_us(mut self) -> Self {
        self.0.kill_on_drop(false).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self
    }

    /// Writes both of its streams to a file.
    ///
    /// # Errors
    /// When the file cannot be opened twice.
    pub fn log_to(mut self, file: std::fs::File) -> std::io::Result<Self> {
        self.0.stdout(file.try_clone()?).stderr(file);
        Ok(self)
    }

    /// Starts it.
    ///
    /// # Errors
    /// When the system cannot start it.
    pub fn start(mut self) -> std::io::Result<Child> {
        self.0.spawn()
    }

    /// Runs it to its end, with its output; killed when `limit` has passed.
    ///
    /// # Errors
    /// When it cannot be started, or has not ended in time.
    pub async fn output(mut self, limit: Duration) -> std::io::Result<std::process::Output> {
        match tokio::time::timeout(limit, self.0.output()).await {
            Ok(output) => output,
            Err(_) => {
                Err(std::io::Error::new(std::io::ErrorKind::TimedOut, format!("not done after {} s", limit.as_secs())))
            }
        }
    }
}
