//! The audit sent on to a real syslog daemon and a file: in order, once, whatever is down meanwhile.

use super::office;
use crate::house::{until, until_so};
use pushbutton::announce;
use pushbutton::config::Config;
use pushbutton::desk::Channels;
use pushbutton::ledger::{Ledger, audit};
use pushbutton::process::Program;
use pushbutton::supervise::Health;
use pushbutton::time::At;
use serde_json::Value;
use std::path::{Path, PathBuf};
use tokio::process::Child;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// rsyslog by a configuration of its own: what it gets, by the way it came and as it understands it.
struct Daemon {
    dir: PathBuf,
    udp: u16,
    tcp: u16,
    process: Option<Child>,
}

impl Daemon {
    fn new(dir: &Path) -> Self {
        let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let dir = dir.join("rsyslog");
        std::fs::create_dir(&dir).unwrap();
        let place = dir.display();
        let text = format!(
            "global(workDirectory=\"{place}\" maxMessageSize=\"64k\")\n\
             module(load=\"imuxsock\" SysSock.Use=\"off\")\nmodule(load=\"imudp\")\nmodule(load=\"imtcp\")\n\
             input(type=\"imuxsock\" Socket=\"{place}/log\")\n\
             input(type=\"imudp\" address=\"127.0.0.1\" port=\"{udp}\")\n\
             input(type=\"imtcp\" address=\"127.0.0.1\" port=\"{tcp}\")\n\
             template(name=\"seen\" type=\"string\" string=\"%syslogfacility-text%.%syslogseverity-text% %app-name% %msg:::sp-if-no-1st-sp%%msg%\\n\")\n\
             template(name=\"by\" type=\"string\" string=\"{place}/%inputname%\")\n\
             action(type=\"omfile\" dynaFile=\"by\" template=\"seen\")\n"
        );
        std::fs::write(dir.join("rsyslog.conf"), text).unwrap();
        Self { dir, udp, tcp, process: None }
    }

    async fn start(&mut self) {
        let program = Program::new("/usr/sbin/rsyslogd").args(["-n", "-f", "rsyslog.conf", "-i"]);
        self.process = Some(program.arg(self.dir.join("pid")).dir(&self.dir).start().unwrap());
        until("the daemon listens", async || {
            let tcp = tokio::net::TcpStream::connect(("127.0.0.1", self.tcp)).await.ok();
            (tcp.is_some() && self.dir.join("log").exists()).then_some(())
        })
        .await;
    }

    async fn end(&mut self) {
        let mut process = self.process.take().unwrap();
        process.kill().await.unwrap();
        let _ = std::fs::remove_file(self.dir.join("log"));
    }

    /// The rows that came one way, by their details.
    fn details(&self, by: &str) -> Vec<String> {
        let text = std::fs::read_to_string(self.dir.join(by)).unwrap_or_default();
        let row = |line: &str| {
            let json = line.strip_prefix("audit.info pushbutton ").unwrap_or_else(|| panic!("{line}"));
            detail(json.trim_start())
        };
        text.lines().map(row).collect()
    }
}

fn detail(line: &str) -> String {
    let row: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    assert_ne!(row["action"], "seal");
    row["detail"].as_str().unwrap().to_owned()
}

/// A server's part that sends the audit on.
struct Sending {
    channels: Channels,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Sending {
    fn begin(dir: &Path, ledger: &Ledger) -> Self {
        let config = Config::load(&dir.join("config.toml")).unwrap();
        let (bell, stop) = (watch::Sender::new(0), CancellationToken::new());
        let (channels, health) = (Channels::new(bell.clone()), Health::default());
        let changes = bell.subscribe();
        let tasks = announce::start(&config, ledger.clone(), channels.clone(), changes, &health, stop.clone()).unwrap();
        Self { channels, stop, tasks }
    }

    async fn end(self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }

    /// What every page says when it lasts.
    fn trouble(&self) -> Vec<(&'static str, At, String)> {
        self.channels.audit_shown(At::from_millis(At::now().millis() + 61_000))
    }
}

async fn note(ledger: &Ledger, detail: &'static str) {
    let write = move |tx: &rusqlite::Transaction<'_>| audit::note(tx, At::now(), "mary", "hold", "web", detail);
    ledger.write(write).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_is_down_gets_the_rest_later_in_order_and_once_whatever_way_it_is_sent() {
    for by in ["imuxsock", "imudp", "imtcp"] {
        let office = office().await;
        let dir = office.path();
        let mut daemon = Daemon::new(dir);
        let address = match by {
            "imuxsock" => daemon.dir.join("log").display().to_string(),
            "imudp" => format!("udp://127.0.0.1:{}", daemon.udp),
            _ => format!("tcp://127.0.0.1:{}", daemon.tcp),
        };
        let text =
            format!("url = \"https://push.example.com\"\n[audit]\nsyslog = \"{address}\"\nfile = \"audit.jsonl\"\n");
        std::fs::write(dir.join("config.toml"), text).unwrap();
        let ledger = Ledger::open(&dir.join("data/pushbutton.db")).unwrap();
        let mut expected: Vec<String> = {
            let all = |it: &rusqlite::Connection| audit::rows::deeds_after(it, 0, 100);
            ledger.read(all).await.unwrap().into_iter().map(|row| row.detail).collect()
        };
        assert!(expected.len() == 5 && expected.iter().any(|detail| detail.contains('\n')), "{expected:?}");
        let in_file = |count: usize| {
            let text = std::fs::read_to_string(dir.join("audit.jsonl")).unwrap_or_default();
            let found: Vec<String> = text.lines().map(detail).collect();
            (found.len() >= count).then_some(found)
        };
        let arrived = async |daemon: &Daemon, expected: &[String]| {
            until_so("they arrive", || daemon.details(by).len() >= expected.len()).await;
            assert_eq!(daemon.details(by), expected, "{by}");
        };

        // The daemon is down: the file has them, and the trouble is said.
        let sending = Sending::begin(dir, &ledger);
        assert_eq!(until("the file has them", async || in_file(5)).await, expected);
        let trouble = until("it is said", async || {
            let trouble = sending.trouble();
            (!trouble.is_empty()).then_some(trouble)
        });
        assert_eq!(trouble.await[0].0, "syslog", "{by}");
        daemon.start().await;
        arrived(&daemon, &expected).await;
        until_so("it works again", || sending.trouble().is_empty()).await;

        // At once, while it works; and a restart sends neither less nor more.
        note(&ledger, "at once").await;
        expected.push("at once".to_owned());
        arrived(&daemon, &expected).await;
        sending.end().await;
        note(&ledger, "while the server is down").await;
        let sending = Sending::begin(dir, &ledger);
        expected.push("while the server is down".to_owned());
        arrived(&daemon, &expected).await;

        // A daemon that is started anew.
        daemon.end().await;
        note(&ledger, "while the daemon is down").await;
        until_so("it is said", || !sending.trouble().is_empty()).await;
        daemon.start().await;
        expected.push("while the daemon is down".to_owned());
        arrived(&daemon, &expected).await;
        assert_eq!(until("the file has all", async || in_file(expected.len())).await, expected);
        sending.end().await;
        daemon.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_has_each_row_once_also_after_a_kill_in_the_middle_and_when_it_was_moved_away() {
    let office = office().await;
    let dir = office.path();
    let file = dir.join("audit.jsonl");
    std::fs::write(dir.join("config.toml"), "url = \"http://127.0.0.1:8090\"\n[audit]\nfile = \"audit.jsonl\"\n")
        .unwrap();
    let ledger = Ledger::open(&dir.join("data/pushbutton.db")).unwrap();
    let lines = || std::fs::read_to_string(&file).unwrap_or_default().lines().count();
    let sending = Sending::begin(dir, &ledger);
    until_so("the file has them", || lines() == 5).await;
    sending.end().await;
    let whole = std::fs::read_to_string(&file).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions()) & 0o777, 0o600);

    // As a kill leaves it: a row of which the ledger does not know yet that it is there, and a part of the next one.
    ledger.write(|tx| Ok(tx.execute("UPDATE audit_sent SET number = 2", [])?)).await.unwrap();
    let cut = whole.char_indices().filter(|(_, c)| *c == '\n').nth(3).unwrap().0 + 20;
    std::fs::write(&file, &whole[..cut]).unwrap();
    let sending = Sending::begin(dir, &ledger);
    until_so("the rest is there", || std::fs::read_to_string(&file).unwrap() == whole).await;

    // Moved away: a new one begins where the old one ends.
    std::fs::rename(&file, dir.join("audit.jsonl.1")).unwrap();
    note(&ledger, "in the new one").await;
    until_so("the new file has it", || lines() == 1).await;
    assert!(std::fs::read_to_string(&file).unwrap().contains("in the new one"));
    sending.end().await;
}
