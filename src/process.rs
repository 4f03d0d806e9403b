//! The only door to child processes: argv arrays, an environment that begins empty but for PATH and LC_ALL, piped or null streams; ended
//! with its handle, unless it is to outlive us. It must never build a shell string: a shell's script is given whole, its values come
//! as environment. Used by all rooms that start a program: the tools of sources, ssh and rsync, the local guard, the runner, the demo.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

/// The most bytes that each stream of a program is read, where its answer is wanted whole.
const LONGEST_ANSWER: u64 = 4 << 20;

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

    /// Runs it to its end, with its output; killed when `limit` has passed, or when it has printed more than 4 MiB: what asks here
    /// wants some lines, and a host's shell, a tool or a file that it shows may have no end.
    ///
    /// # Errors
    /// When it cannot be started, has not ended in time, or prints too much.
    pub async fn output(self, limit: Duration) -> std::io::Result<std::process::Output> {
        let name = self.0.as_std().get_program().to_string_lossy().into_owned();
        ended(self.start()?, &name, Vec::new(), limit).await
    }

    /// The same for a program that reads something from its standard input.
    ///
    /// # Errors
    /// As [`Program::output`].
    pub async fn output_given(self, input: Vec<u8>, limit: Duration) -> std::io::Result<std::process::Output> {
        let name = self.0.as_std().get_program().to_string_lossy().into_owned();
        ended(self.with_input().start()?, &name, input, limit).await
    }
}

/// Gives a program its input and waits for its end; dropped, and so killed, when this ends early.
async fn ended(mut child: Child, name: &str, input: Vec<u8>, limit: Duration) -> std::io::Result<std::process::Output> {
    let (out, err, stdin) = (child.stdout.take(), child.stderr.take(), child.stdin.take());
    let given = async {
        if let Some(mut stdin) = stdin {
            // Who ends before it has read all says why by how it ends.
            let _ = stdin.write_all(&input).await;
        }
        Ok(())
    };
    let all = async { tokio::try_join!(given, all_of(out, name), all_of(err, name), child.wait()) };
    match tokio::time::timeout(limit, all).await {
        Ok(ended) => ended.map(|((), stdout, stderr, status)| std::process::Output { status, stdout, stderr }),
        Err(_) => {
            Err(std::io::Error::new(std::io::ErrorKind::TimedOut, format!("timed out after {} s", limit.as_secs())))
        }
    }
}

/// All that a stream says.
async fn all_of(stream: Option<impl AsyncRead + Unpin>, name: &str) -> std::io::Result<Vec<u8>> {
    let mut said = Vec::new();
    if let Some(stream) = stream {
        stream.take(LONGEST_ANSWER + 1).read_to_end(&mut said).await?;
    }
    match said.len() as u64 > LONGEST_ANSWER {
        true => {
            Err(std::io::Error::other(format!("{name} printed more than {} MiB, and was ended", LONGEST_ANSWER >> 20)))
        }
        false => Ok(said),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_program_that_prints_without_end_is_ended_and_named() {
        for to in ["", " >&2"] {
            let began = std::time::Instant::now();
            let program = Program::new("sh").args(["-c", &format!("exec cat /dev/zero{to}")]);
            let error = program.output(Duration::from_secs(60)).await.unwrap_err().to_string();
            assert_eq!(error, "sh printed more than 4 MiB, and was ended");
            assert!(began.elapsed() < Duration::from_secs(50), "it was not waited for");
        }
        let program = Program::new("sh").args(["-c", "head -c 4194304 /dev/zero; exit 3"]);
        let said = program.output(Duration::from_secs(60)).await.unwrap();
        assert_eq!((said.stdout.len(), said.status.code()), (4 << 20, Some(3)));
    }
}
