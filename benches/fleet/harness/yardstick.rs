//! The yardstick: shell loops as a good engineer writes them, `xargs -P10` over warm multiplexed connections of their own.

use super::place::Place;
use anyhow::ensure;
use pushbutton::process::Program;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const A_LOOP: Duration = Duration::from_secs(120);

/// The loops, by name; `$@` are the hosts, `$TREE` the build, `$CONFIG` an ssh configuration that keeps connections.
const TRUE: &str = r#"printf '%s\n' "$@" | xargs -P10 -I{} ssh -F "$CONFIG" {} true"#;
const COLD: &str =
    r#"printf '%s\n' "$@" | xargs -P10 -I{} ssh -F "$CONFIG" -o ControlMaster=no -o ControlPath=none {} true"#;
const THREE: &str = r#"set -e
printf '%s\n' "$@" | xargs -P10 -I{} ssh -F "$CONFIG" {} 'mkdir -p /srv/theirs/new'
printf '%s\n' "$@" | xargs -P10 -I{} rsync -a -e "ssh -F $CONFIG" "$TREE/small/" {}:/srv/theirs/new/
printf '%s\n' "$@" | xargs -P10 -I{} ssh -F "$CONFIG" {} \
  'ln -sfn new /srv/theirs/next && mv -T /srv/theirs/next /srv/theirs/current'"#;
const MANY: &str = r#"printf '%s\n' "$@" |
xargs -P10 -I{} rsync -a --mkpath --info=stats1 -e "ssh -F $CONFIG" "$TREE/many/" {}:/srv/theirs-many/"#;
const SLOW: &str = r#"printf '%s\n' "$@" |
xargs -P10 -I{} ssh -F "$CONFIG" {} 'if [ -e /srv/slow ]; then sleep 2; else sleep 0.1; fi'"#;
/// Some may have ended by themselves.
const CLOSE: &str = r#"for host; do ssh -F "$CONFIG" -O exit "$host" 2>/dev/null || true; done"#;

/// The loops, and where they are run.
pub struct Yardstick {
    config: PathBuf,
    tree: PathBuf,
    names: Vec<String>,
}

impl Yardstick {
    /// Warms a connection to each host.
    pub async fn beside(place: &Place) -> anyhow::Result<Self> {
        let dir = place.dir().join("y");
        std::fs::create_dir(&dir)?;
        let config = dir.join("config");
        let text = format!(
            "Host *\n  ControlMaster auto\n  ControlPath {}/%C\n  ControlPersist 90\n  BatchMode yes\n  LogLevel ERROR\n\
             Include {:?}\n",
            dir.display(),
            place.fleet.ssh_config()
        );
        std::fs::write(&config, text)?;
        let yardstick = Self { config, tree: place.tree()?, names: place.names.clone() };
        yardstick.on_all(TRUE).await?;
        Ok(yardstick)
    }

    /// `true` on all hosts.
    pub async fn nothing(&self) -> anyhow::Result<Duration> {
        Ok(self.on_all(TRUE).await?.0)
    }

    /// The same without any connection.
    pub async fn cold(&self) -> anyhow::Result<Duration> {
        Ok(self.on_all(COLD).await?.0)
    }

    /// mkdir, rsync of 200 files, flip: on all hosts, one after the other.
    pub async fn three(&self) -> anyhow::Result<Duration> {
        Ok(self.on_all(THREE).await?.0)
    }

    /// All files to so many hosts, and what rsync says of it.
    pub async fn many(&self, hosts: usize) -> anyhow::Result<(Duration, String)> {
        self.run(MANY, &self.names[..hosts.min(self.names.len())]).await
    }

    /// A command that takes its time, and on some hosts much of it.
    pub async fn slow(&self) -> anyhow::Result<Duration> {
        Ok(self.on_all(SLOW).await?.0)
    }

    /// Ends the connections.
    pub async fn close(&self) -> anyhow::Result<()> {
        self.on_all(CLOSE).await.map(drop)
    }

    async fn on_all(&self, script: &str) -> anyhow::Result<(Duration, String)> {
        self.run(script, &self.names).await
    }

    async fn run(&self, script: &str, hosts: &[String]) -> anyhow::Result<(Duration, String)> {
        let program = Program::new("sh").args(["-c", script, "yardstick"]).args(hosts);
        let began = Instant::now();
        let output = program.env("CONFIG", &self.config).env("TREE", &self.tree).output(A_LOOP).await?;
        let took = began.elapsed();
        ensure!(output.status.success(), "the yardstick failed: {}", String::from_utf8_lossy(&output.stderr));
        Ok((took, String::from_utf8_lossy(&output.stdout).into_owned()))
    }
}
