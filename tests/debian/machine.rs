//! A bare Debian in a container of its own: systemd is its first process, as on any machine. Its files are unpacked for each test from what
//! `script/bootstrap` made; it ends with the test.

use crate::house::{in_time, until};
use nix::fcntl::{Flock, FlockArg};
use pushbutton::demo::lifeline::Lifeline;
use pushbutton::process::Program;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long one command in it may take.
const LIMIT: Duration = Duration::from_secs(120);

/// Where commands there are looked for.
const SEARCHED: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Whether we may have machines: only root may start one. Where we may not, it is said, and nothing is tried.
pub fn may_be_had() -> bool {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        eprintln!("a Debian in a container needs root: this is not tried");
    }
    root
}

/// A machine that runs.
pub struct Debian {
    /// Its root, out here.
    pub root: PathBuf,
    /// Its first process, by the number that it has out here.
    first: i32,
    _lifeline: Lifeline,
    _dir: tempfile::TempDir,
    /// One at a time: their control groups have one name.
    _turn: Flock<File>,
}

/// Which network a machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// The one of the tests, where their hosts are.
    Tests,
    /// Its own loopback alone.
    Own,
}

/// What a command there said.
#[derive(Debug)]
pub struct Said {
    pub well: bool,
    pub text: String,
}

fn tools() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools")
}

/// Runs a program out here, which must end well.
pub async fn must(program: Program) -> String {
    let said = program.output(LIMIT).await.unwrap();
    let text = [said.stdout, said.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(said.status.success(), "{text}");
    text
}

/// A bare Debian's files below a directory.
pub async fn unpacked(dir: &Path) -> PathBuf {
    let files = tools().join("debian/base.tar");
    assert!(files.is_file(), "run `script/bootstrap test`: it makes {}", files.display());
    let root = dir.join("root");
    std::fs::create_dir(&root).unwrap();
    must(Program::new("tar").arg("-xf").arg(&files).arg("-C").arg(&root)).await;
    root
}

impl Debian {
    /// Unpacks it and starts it. What lies in `shown` is seen there at the same place.
    pub async fn start(shown: &[PathBuf], network: Network) -> Self {
        let turn = File::create(tools().join("debian/turn")).unwrap();
        let turn = tokio::task::spawn_blocking(|| Flock::lock(turn, FlockArg::LockExclusive).map_err(|(_, why)| why));
        let turn = turn.await.unwrap().unwrap();
        let dir = tempfile::Builder::new().prefix("pb").tempdir().unwrap();
        let root = unpacked(dir.path()).await;
        let mut argv = vec!["/usr/bin/systemd-nspawn".to_owned(), "--quiet".to_owned(), "--boot".to_owned()];
        argv.extend(["--register=no", "--keep-unit", "--console=pipe", "--machine=pushbutton-test"].map(str::to_owned));
        argv.extend(["--resolv-conf=off".to_owned(), "--directory".to_owned(), root.display().to_string()]);
        argv.extend(shown.iter().map(|path| format!("--bind-ro={}", path.display())));
        if network == Network::Own {
            argv.push("--private-network".to_owned());
        }
        let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
        let lifeline = Lifeline::keep_running(&argv, &dir.path().join("console.log")).await.unwrap();
        let first = until("its first process", async || first_process(&lifeline)).await;
        let machine = Self { root, first, _lifeline: lifeline, _dir: dir, _turn: turn };
        until("Debian has started", async || {
            let said = machine.run("systemctl is-system-running").await;
            // `degraded` would be a unit of Debian's own that needs more of a machine.
            ["running", "degraded"].contains(&said.text.trim()).then_some(())
        })
        .await;
        machine
    }

    /// Starts a command there, as root.
    pub fn program(&self, command: &str) -> Program {
        let first = self.first.to_string();
        let program = Program::new("nsenter").args(["--target", &first, "--all", "--", "/bin/sh", "-c", command]);
        program
            .env("PATH", format!("{}:{SEARCHED}", std::env::var("PATH").unwrap()))
            .env("HOME", "/root")
            .env("USER", "root")
    }

    /// Runs a command there, as root.
    pub async fn run(&self, command: &str) -> Said {
        let said = in_time(command, self.program(command).output(LIMIT)).await.unwrap();
        let text = [said.stdout, said.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        Said { well: said.status.success(), text }
    }

    /// The same; it must end well.
    pub async fn must(&self, command: &str) -> String {
        let said = self.run(command).await;
        assert!(said.well, "{command}: {}\n{}", said.text, self.run("journalctl -n 40 --no-pager").await.text);
        said.text
    }

    /// Writes a file there.
    pub fn write(&self, path: &str, text: &str) {
        std::fs::write(self.root.join(path.trim_start_matches('/')), text).unwrap();
    }

    /// Every file there that is on its disk, but what every use of Debian changes.
    pub async fn files(&self) -> Vec<String> {
        let found = self
            .must("find / -xdev ! -path '/var/log/*' ! -path '/var/cache/*' ! -path '/tmp/*' ! -path '/var/tmp/*' ! -path '/var/lib/dpkg/*'")
            .await;
        let mut files: Vec<String> = found.lines().map(str::to_owned).collect();
        files.sort();
        files
    }
}

/// The only child of the container's keeper, once it is systemd: before that it is a helper that makes the namespaces.
fn first_process(lifeline: &Lifeline) -> Option<i32> {
    let keeper = lifeline.pids().into_iter().find(|pid| {
        std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "systemd-nspawn")
    })?;
    let children = std::fs::read_to_string(format!("/proc/{keeper}/task/{keeper}/children")).ok()?;
    let child: i32 = children.split_whitespace().next()?.parse().ok()?;
    let name = std::fs::read_to_string(format!("/proc/{child}/comm")).ok()?;
    (name.trim() == "systemd").then_some(child)
}

/// Makes the package of the program under test, with a version; it is made once and changed for another version.
pub async fn package(dir: &Path, version: &str) -> PathBuf {
    let (cargo_deb, target) = (tools().join("deb/bin/cargo-deb"), dir.join("target"));
    assert!(cargo_deb.is_file(), "run `script/bootstrap test`: it makes {}", cargo_deb.display());
    let release = target.join("release");
    if !release.exists() {
        std::fs::create_dir_all(&release).unwrap();
        // Only what a debugger reads goes; the tests have no release build.
        let program = Program::new("strip").args(["-o", release.join("pushbutton").to_str().unwrap()]);
        must(program.arg(env!("CARGO_BIN_EXE_pushbutton"))).await;
    }
    let package = dir.join(format!("pushbutton_{version}.deb"));
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let program =
        Program::new(cargo_deb).args(["--locked", "--offline", "--no-build", "--no-strip", "--no-dbgsym", "--fast"]);
    let program = program.args(["--deb-version", version, "--manifest-path"]);
    let program = program.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).arg("-o").arg(&package);
    let program =
        program.env("CARGO_TARGET_DIR", &target).env("CARGO", cargo).env("HOME", std::env::var_os("HOME").unwrap());
    must(program).await;
    package
}
