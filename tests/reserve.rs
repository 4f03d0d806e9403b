//! The disk of the push host fills up while pushes run. Ledger and journals lie on a small file system that only the
//! server and its runners see, and that goes with them.

use crate::house::{DEADLINE, House, Plans, freeze, kill, until, waits_for};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

/// Puts a file system of 64 MiB at `data` before the server begins.
const SMALL_DISK: &str = r#"#!/bin/sh
data=$(dirname "$2")/data
mkdir -p "$data"
[ "$(id -u)" = 0 ] && set -- BINARY "$@" || set -- unshare --user --map-user="$(id -u)" --map-group="$(id -g)" BINARY "$@"
[ "$(id -u)" = 0 ] && more= || more="--user --map-root-user"
exec unshare --mount $more /bin/sh -c 'mount -t tmpfs -o size=64m,mode=700 data "$0" && exec "$@"' "$data" "$@"
"#;

/// A house on a small disk, and the runner that must not outlive the test.
struct Small {
    house: House,
    runner: Option<i32>,
    _tools: tempfile::TempDir,
}

impl Drop for Small {
    fn drop(&mut self) {
        self.runner.into_iter().for_each(kill);
    }
}

impl Small {
    async fn build(hosts: &[&str], commands: &str) -> Self {
        let tools = tempfile::tempdir().unwrap();
        let binary = tools.path().join("on-a-small-disk");
        std::fs::write(&binary, SMALL_DISK.replace("BINARY", env!("CARGO_BIN_EXE_pushbutton"))).unwrap();
        std::fs::set_permissions(&binary, std::fs::Permissions::from_mode(0o700)).unwrap();
        let plans = Plans { qa: hosts, commands, binary: Some(binary), ..Plans::default() };
        Self { house: House::build(plans).await, runner: None, _tools: tools }
    }

    /// A path in the data directory, as it is for the server.
    fn data(&self, path: &str) -> PathBuf {
        let data = self.house.data();
        PathBuf::from(format!("/proc/{}/root{}", self.house.server_pid(), data.display())).join(path)
    }

    fn of_push(&self, id: i64, name: &str) -> PathBuf {
        self.data(&format!("pushes/{id}/{name}"))
    }

    async fn journal_says(&self, id: i64, words: &str) {
        until(&format!("the journal says {words}"), async || {
            std::fs::read_to_string(self.of_push(id, "journal.jsonl")).ok()?.contains(words).then_some(())
        })
        .await;
    }

    /// Presses, and waits until the command waits on all hosts.
    async fn begin(&mut self, hosts: &[&str]) -> i64 {
        let id = self.house.press("qa").await;
        for host in hosts {
            self.journal_says(id, &format!("begun on {host}\"")).await;
        }
        self.journal_says(id, "\"push_started\"").await;
        let journal = std::fs::read_to_string(self.of_push(id, "journal.jsonl")).unwrap();
        let first: Value = serde_json::from_str(journal.lines().next().unwrap()).unwrap();
        self.runner = Some(i32::try_from(first["pid"].as_i64().unwrap()).unwrap());
        assert_eq!(std::fs::metadata(self.of_push(id, "reserve")).unwrap().len(), 1 << 20);
        id
    }

    /// Takes from the ledger the room that its file of changes has already: SQLite begins it anew now and then, and what fits needs no
    /// disk.
    fn leave_no_room_in_the_ledger(&self) {
        let ledger = rusqlite::Connection::open(self.data("pushbutton.db")).unwrap();
        ledger.busy_timeout(DEADLINE).unwrap();
        let busy: i64 = ledger.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).unwrap();
        assert_eq!(busy, 0);
    }

    /// Fills the disk up to the last byte.
    fn fill(&self) {
        let fill = std::fs::File::create(self.data("fill")).unwrap();
        let zeros = [0; 4096];
        let full = loop {
            if let Err(error) = std::io::Write::write_all(&mut &fill, &zeros) {
                break error;
            }
        };
        assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    }

    fn make_room(&self) {
        std::fs::remove_file(self.data("fill")).unwrap();
    }

    /// The end that the journal has.
    fn end(&self, id: i64) -> Value {
        let journal = std::fs::read_to_string(self.of_push(id, "journal.jsonl")).unwrap();
        serde_json::from_str(journal.lines().last().unwrap()).unwrap()
    }
}

/// A command that waits to be let go and then says ever more.
fn talks() -> String {
    let go = waits_for("go");
    format!("{{ run = \"echo begun on {{host}}; {go}; yes {} | head -c 30000000\" }}", "x".repeat(2000))
}

#[tokio::test]
async fn a_push_whose_disk_fills_up_gives_its_reserve_back_stops_and_has_its_end_on_the_full_disk() {
    let hosts = ["qa1", "qa2", "qa3"];
    let mut small = Small::build(&hosts, &talks()).await;
    let id = small.begin(&hosts).await;
    small.fill();
    crate::house::let_go(&small.house, "go", &hosts);
    small.journal_says(id, "\"push_ended\"").await;
    assert!(!small.of_push(id, "reserve").exists(), "it was given back");
    let end = small.end(id);
    assert_eq!(end["state"], "failed", "{end}");
    assert!(end["why"].as_str().unwrap().contains("the disk of the push host is full"), "{end}");
    assert_eq!(small.house.get("/").await.status, 200, "pages are there all the same");
    for host in hosts {
        assert!(!small.house.fleet.host(host).unwrap().processes().iter().any(|line| line.contains("yes x")), "{host}");
    }

    small.make_room();
    let push = small.house.ended(id).await;
    assert_eq!(push["push"]["state"], "failed", "{push:#}");
    assert_eq!(push["push"]["why"], end["why"], "journal and ledger agree");
    // Room is all that was missing.
    let again = small.begin(&[]).await;
    let push = small.house.ended(again).await;
    assert_eq!(push["push"]["state"], "succeeded", "{push:#}");
    assert!(!small.of_push(again, "reserve").exists());
}

#[tokio::test]
async fn a_runner_killed_on_a_full_disk_is_interrupted_when_there_is_room_and_leaves_no_reserve_behind() {
    let mut small = Small::build(&["qa1"], &talks()).await;
    let id = small.begin(&["qa1"]).await;
    // Else it may give its reserve back before it is killed, and there is room.
    freeze(small.runner.unwrap(), true);
    small.leave_no_room_in_the_ledger();
    small.fill();
    kill(small.runner.unwrap());
    until("who looks is told", async || {
        small.house.get("/").await.text.contains("Pushbutton cannot write its history").then_some(())
    })
    .await;
    assert_eq!(small.house.push(id).await["push"]["state"], "running", "nobody calls it what the ledger does not have");
    small.make_room();
    let push = small.house.ended(id).await;
    assert_eq!(push["push"]["state"], "interrupted", "{push:#}");
    let end = small.end(id);
    assert_eq!((&end["state"], &end["unknown"]), (&"interrupted".into(), &serde_json::json!(["qa1"])), "{end}");
    assert!(!small.of_push(id, "reserve").exists());
}
