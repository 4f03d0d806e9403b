//! A release that goes from host to host: real hosts, a key between them that may read releases and nothing else, and the
//! hosts' own logs as witnesses of who signed in where.

use crate::house::{House, Plans, served, tree, until};
use pushbutton::process::Program;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

const HOSTS: [&str; 8] = ["web1", "web2", "web3", "web4", "web5", "web6", "web7", "web8"];

const ROLL_OUT: &str = r#"{ release = "/srv/web", shared = ["log/"] }, { activate = "/srv/web" },"#;

/// What a host runs for another that signs in: rsync, reading releases. A test makes it slow, or a liar.
const FEED: &str = r#"#!/bin/sh
# rsync before 3.5 has no -absolute; then only reading is the limit.
give() {
  if grep -q -e '-absolute' "$(command -v rrsync)"; then exec rrsync -ro -absolute "$1"; else exec rrsync -ro /; fi
}
if [ -e /srv/lie ]; then
  # `rrsync` takes an absolute path as one below its directory.
  mkdir -p /srv/lies/srv/web; cp -a /srv/web/releases /srv/lies/srv/web
  for build in /srv/lies/srv/web/releases/*; do rm -f "$build/index.html"; echo evil >"$build/index.html"; done
  exec rrsync -ro /srv/lies
fi
[ -e /srv/slow ] || give /srv/web/releases
set -- $SSH_ORIGINAL_COMMAND
[ "$1 $2 $3" = "rsync --server --sender" ] || exit 1
shift 3
exec rsync --server --sender --bwlimit=20 "$@"
"#;

struct Relayed {
    house: House,
    /// How the hosts' logs name the key between hosts.
    fingerprint: String,
}

impl Relayed {
    /// Eight hosts that may read each other's releases.
    async fn build() -> Self {
        let stage = "fan_out = \"relay\"\nrelay = { key = \"~/relay_key\" }";
        let house = House::build(Plans { qa: &HOSTS, commands: ROLL_OUT, stage, ..Plans::default() }).await;
        let key = house.dir.path().join("relay_key");
        let limit = Duration::from_secs(30);
        let make = Program::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key);
        assert!(make.output(limit).await.unwrap().status.success());
        let shown = Program::new("ssh-keygen").arg("-lf").arg(&key).output(limit).await.unwrap();
        let shown = String::from_utf8(shown.stdout).unwrap();
        let fingerprint = shown.split_whitespace().nth(1).unwrap().to_owned();
        let public = std::fs::read_to_string(key.with_extension("pub")).unwrap();
        for machine in house.fleet.hosts() {
            let mine = machine.home_dir().join("relay_key");
            std::fs::copy(&key, &mine).unwrap();
            std::fs::set_permissions(&mine, std::fs::Permissions::from_mode(0o600)).unwrap();
            let feed = machine.tmp_dir().join("feed");
            std::fs::write(&feed, FEED).unwrap();
            std::fs::set_permissions(&feed, std::fs::Permissions::from_mode(0o755)).unwrap();
            let keys = machine.sshd_log().with_file_name("authorized_keys");
            let known = std::fs::read_to_string(&keys).unwrap();
            std::fs::write(&keys, format!("{known}restrict,command=\"/tmp/feed\" {public}")).unwrap();
        }
        let relayed = Self { house, fingerprint };
        relayed.commit().await;
        relayed
    }

    /// A commit with enough that no build before had, so that a slow relay is met in the middle.
    async fn commit(&self) {
        let noise = self.house.shop.dir().join("assets/noise.svg");
        let n = u32::try_from(self.house.shop.commits().await.unwrap()).unwrap();
        let random: Vec<u8> = (0..10_000).flat_map(|k| sha(n * 100_000 + k)).collect();
        std::fs::write(noise, random).unwrap();
        self.house.commit().await;
    }

    async fn push(&self) -> (Value, String) {
        let id = self.house.press("qa").await;
        let ended = self.house.ended(id).await;
        (ended, self.house.log(id).await)
    }

    /// How often hosts signed in to hosts so far, as the hosts themselves tell it.
    fn sign_ins(&self) -> usize {
        let logs = self.house.fleet.hosts().iter().map(|machine| std::fs::read_to_string(machine.sshd_log()).unwrap());
        logs.map(|log| {
            log.lines().filter(|l| l.contains("Accepted publickey") && l.contains(&self.fingerprint)).count()
        })
        .sum()
    }

    fn mark(&self, host: &str, name: &str) -> std::path::PathBuf {
        let path = self.house.fleet.host(host).unwrap().srv_dir().join(name);
        std::fs::write(&path, "").unwrap();
        path
    }

    /// The process on a host that feeds another, by its number there.
    async fn feeding(&self, host: &str) -> i32 {
        let machine = self.house.fleet.host(host).unwrap();
        until("a host feeds another", async || {
            let listed = machine.in_it(["pgrep", "-f", "rsync --server --sender --bwlimit"]).await.ok()?;
            String::from_utf8_lossy(&listed.stdout).lines().next()?.parse().ok()
        })
        .await
    }

    /// Every host serves the same tree, which is the build.
    fn all_serve(&self, ended: &Value) {
        let build = ended["push"]["build"].as_str().unwrap();
        let wanted = tree(&self.house.data().join("builds/web").join(build).join("tree"));
        for host in HOSTS {
            let mut found = served(&self.house.fleet, host);
            found.remove("log");
            assert_eq!(found, wanted, "{host}");
        }
    }
}

/// 32 bytes that nothing compresses.
fn sha(n: u32) -> [u8; 32] {
    use sha2::Digest as _;
    sha2::Sha256::digest(n.to_be_bytes()).into()
}

fn well(ended: &Value, log: &str) {
    assert_eq!(ended["push"]["state"], "succeeded", "{log}");
    assert_eq!(ended["push"]["hosts_ok"], 8, "{log}");
}

#[tokio::test]
async fn hosts_pass_a_release_on_and_the_push_host_sends_two_copies() {
    let relayed = Relayed::build().await;
    let (ended, log) = relayed.push().await;
    well(&ended, &log);
    relayed.all_serve(&ended);
    assert_eq!(relayed.sign_ins(), 6, "as the hosts tell it: the push host fed the other two\n{log}");
    assert_eq!(log.matches("note | from the push host").count(), 2, "{log}");
    assert_eq!(log.matches("note | from web").count(), 6, "{log}");
    assert!(log.contains("release /srv/web, from host to host"), "{log}");

    // A relay that dies in the middle is replaced.
    relayed.commit().await;
    let slow = relayed.mark("web1", "slow");
    let id = relayed.house.press("qa").await;
    let pid = relayed.feeding("web1").await;
    let killed = relayed.house.fleet.host("web1").unwrap().in_it(["kill", "-9", &pid.to_string()]).await.unwrap();
    assert!(killed.status.success());
    std::fs::remove_file(slow).unwrap();
    let (ended, log) = (relayed.house.ended(id).await, relayed.house.log(id).await);
    well(&ended, &log);
    relayed.all_serve(&ended);
    assert!(log.contains("copying from web1 failed (rsync exit code"), "{log}");

    // One that gives something else is found out, and harms nobody.
    relayed.commit().await;
    let lie = relayed.mark("web1", "lie");
    let (ended, log) = relayed.push().await;
    std::fs::remove_file(lie).unwrap();
    well(&ended, &log);
    relayed.all_serve(&ended);
    assert_eq!(log.matches("the copy from web1 does not match the build").count(), 1, "it is not asked again\n{log}");
}

#[tokio::test]
async fn a_cancel_ends_both_ends_of_a_relay_and_a_wrong_key_between_hosts_is_never_taken() {
    let relayed = Relayed::build().await;
    let slow = relayed.mark("web1", "slow");
    let id = relayed.house.press("qa").await;
    relayed.feeding("web1").await;
    relayed.house.send("POST", &format!("/api/v1/pushes/{id}/cancel"), &json!({})).await;
    let ended = relayed.house.ended(id).await;
    assert_eq!(ended["push"]["state"], "cancelled", "{ended:#}");
    until("nothing runs on any host", async || {
        relayed.house.fleet.hosts().iter().all(|machine| machine.processes().is_empty()).then_some(())
    })
    .await;
    for machine in relayed.house.fleet.hosts() {
        let left = std::fs::read_dir(machine.home_dir().join(".pushbutton")).into_iter().flatten().flatten();
        let left: Vec<_> = left.filter(|entry| entry.file_name().to_string_lossy().starts_with("peer.")).collect();
        assert!(left.is_empty(), "{left:?}");
    }
    std::fs::remove_file(slow).unwrap();

    // The push host is connected already; only what it tells the hosts of web1 is wrong now.
    let known = relayed.house.fleet.ssh_config().with_file_name("known_hosts");
    let text = std::fs::read_to_string(&known).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let (place, key) = (lines[0].split_once(' ').unwrap().0, lines[1].split_once(' ').unwrap().1);
    let wrong = std::iter::once(format!("{place} {key}")).chain(lines[1..].iter().map(|line| (*line).to_owned()));
    std::fs::write(&known, wrong.map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    until("the lock is free", async || relayed.house.stack_view().await["lock"].is_null().then_some(())).await;
    let before = relayed.sign_ins();
    relayed.commit().await;
    let (ended, log) = relayed.push().await;
    well(&ended, &log);
    relayed.all_serve(&ended);
    assert!(log.contains("Host key verification failed") && log.contains("copying from web1 failed"), "{log}");
    assert!(relayed.sign_ins() > before, "the others feed each other\n{log}");
    let web1 = std::fs::read_to_string(relayed.house.fleet.host("web1").unwrap().sshd_log()).unwrap();
    let fed = web1.lines().filter(|l| l.contains("Accepted publickey") && l.contains(&relayed.fingerprint)).count();
    assert_eq!(fed, 1, "web1 fed one host before the cancel, and none since");
}
