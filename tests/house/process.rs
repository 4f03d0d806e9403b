//! Processes of ours, by their numbers.

use nix::sys::signal::Signal;
use nix::unistd::Pid;

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
