//! The fleet of the demo and the journeys: real hosts, really apart, really broken, really gone.

use crate::house::until_so;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pushbutton::demo::fleet::Fleet;
use pushbutton::demo::machine::Machine;
use pushbutton::demo::trouble::How;
use pushbutton::process::Program;
use std::path::Path;
use std::time::Duration;

const NAMES: [&str; 3] = ["qa1", "princess1", "web001"];

async fn three(dir: &Path) -> Fleet {
    Fleet::start(dir, &NAMES).await.unwrap()
}

async fn says(fleet: &Fleet, host: &str, script: &str) -> String {
    let output = fleet.ssh(host, script).await.unwrap();
    assert!(output.status.success(), "{host}: {script}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

async fn fails(fleet: &Fleet, host: &str, script: &str) -> String {
    let output = fleet.ssh(host, script).await.unwrap();
    assert!(!output.status.success(), "{host}: {script} went well: {}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr).unwrap()
}

/// Processes of this machine whose command line names `mark`: each test uses its own number of seconds to sleep.
fn alive(mark: &str) -> usize {
    let lines = std::fs::read_dir("/proc").unwrap().flatten();
    lines.filter_map(|e| std::fs::read(e.path().join("cmdline")).ok()).filter(|l| has(l, mark)).count()
}

fn has(line: &[u8], mark: &str) -> bool {
    String::from_utf8_lossy(line).split('\0').any(|word| word == mark)
}

#[tokio::test]
async fn every_host_of_a_fleet_is_a_machine_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let fleet = three(dir.path()).await;
    assert_eq!(fleet.hosts().iter().map(Machine::name).collect::<Vec<_>>(), NAMES);
    for name in NAMES {
        assert_eq!(says(&fleet, name, "hostname").await, name);
        says(&fleet, name, "echo $(hostname) >/srv/web; echo $(hostname) >~/mine; echo $(hostname) >/tmp/mine").await;
    }
    for name in NAMES {
        let host = fleet.host(name).unwrap();
        assert_eq!(says(&fleet, name, "cat /srv/web ~/mine /tmp/mine").await, format!("{name}\n{name}\n{name}"));
        assert_eq!(std::fs::read_to_string(host.srv_dir().join("web")).unwrap().trim(), name);
        assert_eq!(std::fs::read_to_string(host.home_dir().join("mine")).unwrap().trim(), name);
        assert_eq!(std::fs::read_to_string(host.tmp_dir().join("mine")).unwrap().trim(), name);
        assert!(std::fs::read_to_string(host.sshd_log()).unwrap().contains("Accepted publickey"));
    }
    let mut keys: Vec<String> = Vec::new();
    for name in NAMES {
        keys.push(says(&fleet, name, "cut -d' ' -f2 /run/host/host_key.pub").await);
    }
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), NAMES.len(), "equal host keys would mean one machine");
}

#[tokio::test]
async fn what_runs_on_a_host_is_a_clear_question() {
    let dir = tempfile::tempdir().unwrap();
    let fleet = three(dir.path()).await;
    let (qa, web) = (fleet.host("qa1").unwrap(), fleet.host("web001").unwrap());
    assert_eq!(qa.processes(), Vec::<String>::new());
    let two = "setsid sleep 86001 >/dev/null 2>&1 </dev/null & \
               bash -c 'exec -a sshd: sleep 86002' >/dev/null 2>&1 </dev/null &";
    says(&fleet, "qa1", two).await;
    // A process is known by what it is, not by its title.
    until_so("both sleeps are seen", || {
        let mut seen = qa.processes();
        seen.sort();
        seen == ["sleep 86001", "sshd: 86002"]
    })
    .await;
    assert_eq!(web.processes(), Vec::<String>::new(), "another host's processes are its own");
    let listed = qa.in_it(["ps", "-e", "-o", "args="]).await.unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.contains("sleep 86001") && !listed.contains("princess1"), "{listed}");
    says(&fleet, "qa1", "pkill sleep").await;
    until_so("the sleeps are gone", || qa.processes().is_empty()).await;
}

#[tokio::test]
async fn a_full_host_takes_no_byte_and_a_mended_one_has_what_it_had() {
    let dir = tempfile::tempdir().unwrap();
    let fleet = three(dir.path()).await;
    let web = fleet.host("web001").unwrap();
    let release = "mkdir -p /srv/web/releases/a; head -c 300000 /dev/urandom >/srv/web/releases/a/big; \
                   ln -s releases/a /srv/web/current";
    says(&fleet, "web001", release).await;
    let before = says(&fleet, "web001", "sha256sum </srv/web/current/big").await;
    web.break_(How::Full).await.unwrap();
    let error = fails(&fleet, "web001", "head -c 5000 /dev/zero >/srv/web/new").await;
    assert!(error.contains("No space left on device"), "{error}");
    assert_eq!(says(&fleet, "web001", "sha256sum </srv/web/current/big").await, before);
    says(&fleet, "qa1", "head -c 5000 /dev/zero >/srv/new").await;
    web.mend().await.unwrap();
    says(&fleet, "web001", "head -c 5000 /dev/zero >/srv/web/new").await;
    assert_eq!(says(&fleet, "web001", "sha256sum </srv/web/current/big").await, before);
}

#[tokio::test]
async fn a_readonly_host_takes_nothing_below_srv_until_it_is_mended() {
    let dir = tempfile::tempdir().unwrap();
    let fleet = three(dir.path()).await;
    let web = fleet.host("web001").unwrap();
    web.break_(How::Readonly).await.unwrap();
    let error = fails(&fleet, "web001", "touch /srv/new").await;
    assert!(error.contains("Read-only file system"), "{error}");
    says(&fleet, "web001", "touch ~/new").await;
    web.mend().await.unwrap();
    web.mend().await.unwrap();
    says(&fleet, "web001", "touch /srv/new").await;
}

#[tokio::test]
async fn a_slow_host_waits_before_each_command_until_it_is_mended() {
    let dir = tempfile::tempdir().unwrap();
    let fleet = three(dir.path()).await;
    let web = fleet.host("web001").unwrap();
    web.break_(How::Slow).await.unwrap();
    let (slow, seen) = tokio::join!(says(&fleet, "web001", "echo done"), async {
        until_so("the host sleeps first", || web.processes().contains(&"sleep 3".to_owned())).await;
    });
    assert_eq!((slow.as_str(), seen), ("done", ()));
    web.mend().await.unwrap();
    let listed = says(&fleet, "web001", "ps -e -o args=").await;
    assert!(!listed.contains("sleep 3"), "{listed}");
    assert_eq!(
        says(&fleet, "web001", "readlink /proc/$$/exe").await,
        says(&fleet, "qa1", "readlink /proc/$$/exe").await
    );
}

#[tokio::test]
async fn a_hung_host_takes_connections_and_says_nothing_until_it_is_mended() {
    let dir = tempfile::tempdir().unwrap();
    let fleet = three(dir.path()).await;
    let web = fleet.host("web001").unwrap();
    web.break_(How::Hung).await.unwrap();
    let mut call = tokio::net::TcpStream::connect(web.address()).await.expect("the kernel takes the connection");
    let mut banner = [0; 8];
    let read = tokio::io::AsyncReadExt::read(&mut call, &mut banner);
    assert!(tokio::time::timeout(Duration::from_secs(1), read).await.is_err(), "a hung host said {banner:?}");
    assert_eq!(says(&fleet, "qa1", "echo well").await, "well");
    web.mend().await.unwrap();
    assert_eq!(says(&fleet, "web001", "echo well").await, "well");
}

#[tokio::test]
async fn a_dead_host_refuses_connections_and_comes_back_at_the_same_address_with_its_files() {
    let dir = tempfile::tempdir().unwrap();
    let fleet = three(dir.path()).await;
    let web = fleet.host("web001").unwrap();
    says(&fleet, "web001", "echo kept >/srv/kept; setsid sleep 86011 >/dev/null 2>&1 </dev/null &").await;
    until_so("it sleeps", || alive("86011") == 1).await;
    web.break_(How::Dead).await.unwrap();
    assert_eq!(alive("86011"), 0);
    assert_eq!(web.processes(), Vec::<String>::new());
    let error = fails(&fleet, "web001", "true").await;
    assert!(error.contains("Connection refused"), "{error}");
    assert!(web.in_it(["true"]).await.unwrap_err().to_string().contains("switched off"));
    web.mend().await.unwrap();
    assert_eq!(says(&fleet, "web001", "cat /srv/kept").await, "kept");
}

#[tokio::test]
async fn nothing_is_left_of_a_fleet_that_was_stopped_or_dropped_however_broken_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let mounts = || std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    let before = mounts();
    for (name, stop) in [("stopped", Fleet::stop as fn(Fleet)), ("dropped", drop)] {
        let fleet = three(&dir.path().join(name)).await;
        says(&fleet, "qa1", "setsid sleep 86021 >/dev/null 2>&1 </dev/null &").await;
        says(&fleet, "web001", "setsid sleep 86021 >/dev/null 2>&1 </dev/null &").await;
        until_so("both sleep", || alive("86021") == 2).await;
        fleet.host("web001").unwrap().break_(How::Full).await.unwrap();
        fleet.host("web001").unwrap().break_(How::Hung).await.unwrap();
        let addresses: Vec<_> = fleet.hosts().iter().map(Machine::address).collect();
        stop(fleet);
        assert_eq!(alive("86021"), 0);
        assert!(addresses.iter().all(|at| std::net::TcpStream::connect(at).is_err()), "a port still answers");
        assert_eq!(mounts(), before);
    }
}

/// Not a test of its own: the process that the next test kills. It holds a fleet until it dies.
#[tokio::test]
#[ignore = "run by nothing_is_left_of_a_fleet_whose_process_was_killed"]
async fn hold_a_fleet_until_killed() {
    let dir = std::path::PathBuf::from(std::env::var("FLEET_DIR").unwrap());
    let fleet = three(&dir).await;
    says(&fleet, "qa1", "setsid sleep 86031 >/dev/null 2>&1 </dev/null &").await;
    fleet.host("web001").unwrap().break_(How::Hung).await.unwrap();
    std::fs::write(dir.join("ready"), "").unwrap();
    std::future::pending().await
}

#[tokio::test]
async fn nothing_is_left_of_a_fleet_whose_process_was_killed() {
    let dir = tempfile::tempdir().unwrap();
    let holder = Program::new(std::env::current_exe().unwrap());
    let holder = holder.args(["--ignored", "--exact", "fleet::hold_a_fleet_until_killed"]).env("FLEET_DIR", dir.path());
    let mut holder = holder.start().unwrap();
    until_so("the fleet is up", || dir.path().join("ready").exists() && alive("86031") == 1).await;
    kill(Pid::from_raw(holder.id().unwrap().cast_signed()), Signal::SIGKILL).unwrap();
    holder.wait().await.unwrap();
    until_so("its processes end", || alive("86031") == 0).await;
    let mine = dir.path().to_string_lossy().into_owned();
    until_so("its hosts end", || {
        let all = std::fs::read_dir("/proc").unwrap().flatten();
        !all.filter_map(|e| std::fs::read_link(e.path().join("cwd")).ok()).any(|cwd| cwd.starts_with(&mine))
    })
    .await;
}
