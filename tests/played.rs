//! A runner that is played: a program that holds its push's lock as a runner does and does nothing, while the test writes
//! the journal. For journeys about desk and web that need no host; and what both of them stand on.

use crate::house::DEADLINE;
use pushbutton::journal::{Event, Stream};
use pushbutton::plan::Assignment;
use pushbutton::process::Program;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Takes the lock, says so, and lives until it is let go, but never longer than its test.
const RUNNER: &str = r#"#!/bin/sh
exec 9>>"$2/runner.lock"
flock -n 9 || exit 0
echo $$ >"$2/pid"
mkfifo "$2/go.new" && mv "$2/go.new" "$2/go"
exec timeout 60 cat "$2/go"
"#;

/// Two stages, whose hosts nobody ever asks for.
pub const STACK: &str = r#"
source = { git = "REPOSITORY", branch = "main" }
diff = "https://example.com/compare/{old_sha}...{sha}"
[hosts]
qa = ["qa1.example.com"]
prod = ["web[1-2].example.com"]
[[stage]]
name = "qa"
hosts = "qa"
commands = ["true"]
[[stage]]
name = "prod"
button = "PROD!!!"
hosts = "prod"
commands = ["true"]
"#;

/// A directory in which no played runner outlives its test.
pub struct Home(pub tempfile::TempDir);

impl Home {
    /// With a repository that has no commit yet, the stack `web` of it, and the runner's program.
    pub async fn lay_out() -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        let repository = home.repository();
        std::fs::create_dir(&repository).unwrap();
        git(&repository, &["init", "-q", "-b", "main"]).await;
        let stacks = home.0.path().join("stacks");
        std::fs::create_dir(&stacks).unwrap();
        std::fs::write(stacks.join("web.toml"), STACK.replace("REPOSITORY", repository.to_str().unwrap())).unwrap();
        std::fs::write(home.runner(), RUNNER).unwrap();
        std::fs::set_permissions(home.runner(), std::fs::Permissions::from_mode(0o700)).unwrap();
        home
    }

    /// Where the stack's source is.
    pub fn repository(&self) -> PathBuf {
        self.0.path().join("repository")
    }

    /// The program that plays the runner.
    pub fn runner(&self) -> PathBuf {
        self.0.path().join("runner")
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let Ok(pushes) = std::fs::read_dir(self.0.path().join("data/pushes")) else { return };
        for push in pushes.flatten() {
            // Opening fails when nobody waits there, which is all that is wanted.
            let mut go = std::fs::OpenOptions::new();
            let _ = go.write(true).custom_flags(nix::libc::O_NONBLOCK).open(push.path().join("go"));
        }
    }
}

/// git, in the name of mary.
pub async fn git(repository: &Path, args: &[&str]) -> String {
    let identity = ["AUTHOR_NAME", "AUTHOR_EMAIL", "COMMITTER_NAME", "COMMITTER_EMAIL"];
    let git = identity.iter().fold(Program::new("git"), |git, name| git.env(format!("GIT_{name}"), "mary@example.com"));
    let output = git.args(args).env("HOME", repository).dir(repository).output(DEADLINE).await.unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The first record of a push that has one command.
pub fn started(assignment: &Assignment, command: &str) -> Event {
    Event::PushStarted {
        push: assignment.push,
        stack: assignment.plan.stack.clone(),
        stage: assignment.plan.stage.clone(),
        who: assignment.who.clone(),
        build: assignment.build.clone(),
        sha: assignment.plan.sha.clone(),
        pid: 0,
        pid_start: 0,
        boot: String::new(),
        plan_hash: assignment.plan_hash.clone(),
        hosts: assignment.plan.hosts.iter().map(|host| host.name().to_owned()).collect(),
        commands: vec![command.to_owned()],
        conditional: Vec::new(),
        flips: Vec::new(),
        proof: None,
    }
}

/// A line that the first command says on the push host.
pub fn line(text: &str) -> Event {
    Event::Line { command: 1, host: None, stream: Stream::Out, line: 0, text: text.to_owned() }
}
