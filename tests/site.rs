//! A fleet with masters to it: what the journeys over hosts stand on.

use crate::house::until;
use pushbutton::demo::fleet::Fleet;
use pushbutton::demo::machine::Machine;
use pushbutton::journal::Stream;
use pushbutton::remote::guard::far;
use pushbutton::remote::masters::{Connection, Masters};
use pushbutton::remote::{Ending, Line, Lines, Task};
use pushbutton::stack::Host;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Real hosts and the masters to them. The masters end when the hosts do.
pub struct Site {
    pub masters: Masters,
    pub fleet: Fleet,
    pub room: tempfile::TempDir,
}

pub fn host(name: &str) -> Host {
    name.parse().unwrap()
}

/// A task with a script, no values, and times that fit a test.
pub fn task(script: &str) -> Task {
    Task {
        script: script.to_owned(),
        values: BTreeMap::new(),
        timeout: Duration::from_secs(60),
        lease_s: 30,
        grace_s: 1,
        lock: None,
        fence: "1.1".to_owned(),
        cancel: CancellationToken::new(),
        mask: std::sync::Arc::default(),
    }
}

/// The texts of one stream.
pub fn texts(lines: &[Line], stream: Stream) -> Vec<&str> {
    lines.iter().filter(|line| line.stream == stream).map(|line| line.text.as_str()).collect()
}

/// Runs something that says lines to its end; the lines come back in order.
pub async fn listen<T>(work: impl AsyncFnOnce(Lines) -> T) -> (T, Vec<Line>) {
    let (sender, mut receiver) = mpsc::channel(64);
    let collect = async {
        let mut lines = Vec::new();
        while let Some(line) = receiver.recv().await {
            lines.push(line);
        }
        lines
    };
    tokio::join!(work(sender), collect)
}

impl Site {
    pub async fn with(names: &[&str]) -> Self {
        let room = tempfile::tempdir().unwrap();
        let fleet = Fleet::start(&room.path().join("fleet"), names).await.unwrap();
        let operator = fleet.ssh_config().to_owned();
        let retries = vec![Duration::from_millis(10); 3];
        let masters = Masters::with_retries(&room.path().join("ssh"), Some(operator), retries).unwrap();
        Self { masters, fleet, room }
    }

    /// More masters on the same sockets, as another process would have them.
    pub fn masters_with(&self, retries: Vec<Duration>) -> Masters {
        let operator = self.fleet.ssh_config().to_owned();
        Masters::with_retries(&self.room.path().join("ssh"), Some(operator), retries).unwrap()
    }

    pub async fn connect(&self, name: &str) -> Connection {
        self.masters.connect(&host(name)).await.unwrap()
    }

    pub fn machine(&self, name: &str) -> &Machine {
        self.fleet.host(name).unwrap()
    }

    pub async fn far(&self, on: &Connection, task: Task) -> (Ending, Vec<Line>) {
        listen(async |lines| far(on, task, &lines).await).await
    }

    /// Runs a task whose first line is `up`; does something else when it is.
    pub async fn far_while_up<T>(&self, on: &Connection, task: Task, then: impl AsyncFnOnce() -> T) -> (Ending, T) {
        let (sender, mut receiver) = mpsc::channel(64);
        let run = async move { far(on, task, &sender).await };
        let watch = async {
            assert_eq!(receiver.recv().await.unwrap().text, "up");
            let done = then().await;
            while receiver.recv().await.is_some() {}
            done
        };
        tokio::join!(run, watch)
    }

    pub async fn nothing_runs_on(&self, name: &str) {
        let machine = self.machine(name);
        let mut left = Vec::new();
        let gone = async || {
            left = machine.processes();
            left.is_empty().then_some(())
        };
        until(&format!("nothing runs on {name}"), gone).await;
    }

    /// How often someone signed in, as the host tells it.
    pub fn sign_ins(&self, name: &str) -> usize {
        std::fs::read_to_string(self.machine(name).sshd_log()).unwrap().matches("Accepted publickey").count()
    }
}
