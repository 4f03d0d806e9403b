//! Processes of ours, by their numbers.

use nix::sys::signal::Signal;
use nix::unistd::Pid;
use serde_json::Value;
use std::path::Path;

/// Ends a process the hard way.
pub fn kill(pid: i32) {
    let _ = nix::sys::signal::kill(Pid::from_raw(pid), Signal::SIGKILL);
}

/// Stops a process as it is, or lets it go on.
pub fn freeze(pid: i32, frozen: bool) {
    let signal = if frozen { Signal::SIGSTOP } else { Signal::SIGCONT };
    nix::sys::signal::kill(Pid::from_raw(pid), signal).unwrap();
}

/// The most memory that a process has had, in kB, as the kernel counts it; none when it is gone.
pub fn peak_kb(pid: i32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches(" kB").parse().unwrap())
}

/// Ends the runners whose journals have no end.
pub fn end_runners(data: &Path) {
    let Ok(pushes) = std::fs::read_dir(data.join("pushes")) else { return };
    for push in pushes.flatten() {
        let Ok(text) = std::fs::read_to_string(push.path().join("journal.jsonl")) else { continue };
        let first: Option<Value> = text.lines().next().and_then(|line| serde_json::from_str(line).ok());
        let pid = first.and_then(|record| record["pid"].as_i64()).and_then(|pid| i32::try_from(pid).ok());
        if let (Some(pid), false) = (pid, text.contains("\"push_ended\"")) {
            kill(pid);
        }
    }
}

/// The masters outlive everybody by design; in a test they end with the house.
pub fn end_masters(data: &Path) {
    for process in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Ok(line) = std::fs::read_to_string(process.path().join("cmdline")) else { continue };
        let ours = data.join("ssh").display().to_string();
        let is_ours = (line.starts_with("ssh\0") || line.starts_with("ssh:")) && line.contains(&ours);
        let pid = process.file_name().to_str().and_then(|name| name.parse().ok());
        if let (true, Some(pid)) = (is_ours, pid) {
            kill(pid);
        }
    }
}
