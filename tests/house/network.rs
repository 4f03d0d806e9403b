//! Addresses of a test's own: loopback ones that no other test has, and a network of others that nobody outside sees.

use pushbutton::process::Program;
use std::time::Duration;

/// Says that this process is inside.
const INSIDE: &str = "PUSHBUTTON_OWN_NETWORK";
/// The loopback interface takes any addresses.
const SET_UP: &str = "set -e; ip link set lo up; for at in $AT; do ip address add $at/32 dev lo; done; exec \"$@\"";

/// Whether this process is in a network of its own with these addresses. If not, the test of this name is run again in one, to its
/// end, and there is nothing left to do here.
pub async fn own(test: &str, addresses: &[&str]) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let user: &[&str] = if nix::unistd::geteuid().is_root() { &[] } else { &["--user", "--map-root-user"] };
    let itself = std::env::current_exe().unwrap();
    let program = Program::new("unshare").args(user).args(["--net", "--", "/bin/sh", "-c", SET_UP, "sh"]).arg(itself);
    let program = program.args(["--exact", test, "--nocapture"]).env("AT", addresses.join(" ")).env(INSIDE, "1");
    let program = ["PATH", "HOME", "TMPDIR"].into_iter().fold(program, |program, name| match std::env::var_os(name) {
        Some(value) => program.env(name, value),
        None => program,
    });
    let ran = program.output(Duration::from_secs(120)).await.unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success() && said.contains("1 passed"), "in a network of its own: {said}");
    false
}

/// A loopback address of this process's own, so that tests in parallel never meet.
pub fn own_address() -> String {
    let pid = std::process::id();
    let [_, high, middle, low] = pid.to_be_bytes();
    format!("127.{}.{middle}.{low}:8090", 64 + high % 64)
}
