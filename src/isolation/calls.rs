//! Which calls of the kernel an isolated command may not make: those that reach keys, programs and counters in the kernel, that make or enter
//! mounts and namespaces, or that type for others. Its namespaces and missing rights refuse most of them already; this refuses them
//! whatever the kernel has wrong. It must never refuse what a build needs, and never let another way of calling pass by. Pure.

use nix::libc;
use seccompiler::{
    SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
    sock_filter,
};

/// Refused whatever is asked of them.
const REFUSED: &[(&str, libc::c_long)] = &[
    // Keys: the server's session may hold some.
    ("add_key", libc::SYS_add_key),
    ("keyctl", libc::SYS_keyctl),
    ("request_key", libc::SYS_request_key),
    // Programs and counters in the kernel, memory from outside, other kernels.
    ("bpf", libc::SYS_bpf),
    ("delete_module", libc::SYS_delete_module),
    ("finit_module", libc::SYS_finit_module),
    ("init_module", libc::SYS_init_module),
    ("io_uring_enter", libc::SYS_io_uring_enter),
    ("io_uring_register", libc::SYS_io_uring_register),
    ("io_uring_setup", libc::SYS_io_uring_setup),
    ("kexec_file_load", libc::SYS_kexec_file_load),
    ("kexec_load", libc::SYS_kexec_load),
    ("perf_event_open", libc::SYS_perf_event_open),
    ("userfaultfd", libc::SYS_userfaultfd),
    // Mounts, roots and namespaces.
    ("chroot", libc::SYS_chroot),
    ("fsconfig", libc::SYS_fsconfig),
    ("fsmount", libc::SYS_fsmount),
    ("fsopen", libc::SYS_fsopen),
    ("fspick", libc::SYS_fspick),
    ("mount", libc::SYS_mount),
    ("mount_setattr", libc::SYS_mount_setattr),
    ("move_mount", libc::SYS_move_mount),
    ("name_to_handle_at", libc::SYS_name_to_handle_at),
    ("open_by_handle_at", libc::SYS_open_by_handle_at),
    ("open_tree", libc::SYS_open_tree),
    ("pivot_root", libc::SYS_pivot_root),
    ("setns", libc::SYS_setns),
    ("umount2", libc::SYS_umount2),
    // The machine.
    ("acct", libc::SYS_acct),
    ("quotactl", libc::SYS_quotactl),
    ("reboot", libc::SYS_reboot),
    ("swapoff", libc::SYS_swapoff),
    ("swapon", libc::SYS_swapon),
    ("syslog", libc::SYS_syslog),
];

/// Namespaces, one of which is enough.
const NAMESPACES: [libc::c_int; 7] = [
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWUTS,
];
/// That of time: `clone` has a signal's number in the same bit, and cannot make one.
const NEW_TIME: libc::c_int = 0x80;

/// What types for others, or moves what a console shows.
const TYPES: [u64; 2] = [0x5412, 0x541c];

/// The numbers of x32, another way of calling the same kernel: all have this bit.
const X32: u32 = 0x4000_0000;

/// The calls that are refused whatever is asked of them, by name, for tests.
pub fn refused() -> &'static [(&'static str, libc::c_long)] {
    REFUSED
}

/// The program that the kernel runs at each call, as `bwrap --seccomp` takes it.
///
/// # Errors
/// For which processor there is none.
pub fn program() -> Result<Vec<u8>, String> {
    let arch = std::env::consts::ARCH;
    let none = |_| format!("there is no list of refused calls for the processor {arch}");
    let target: TargetArch = arch.try_into().map_err(none)?;
    let bad = |error: seccompiler::BackendError| format!("the list of refused calls: {error}");
    let mut rules: std::collections::BTreeMap<i64, Vec<SeccompRule>> =
        REFUSED.iter().map(|(_, number)| (*number, Vec::new())).collect();
    let any = |argument: u8, bits: &[libc::c_int]| -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
        let rule = |bit: &libc::c_int| {
            let bit = u64::from(bit.cast_unsigned());
            let set = SeccompCmpOp::MaskedEq(bit);
            SeccompRule::new(vec![SeccompCondition::new(argument, SeccompCmpArgLen::Dword, set, bit)?])
        };
        bits.iter().map(rule).collect()
    };
    rules.insert(libc::SYS_unshare, any(0, &[&NAMESPACES[..], &[NEW_TIME]].concat()).map_err(bad)?);
    rules.insert(libc::SYS_clone, any(0, &NAMESPACES).map_err(bad)?);
    let types = TYPES.iter().map(|what| {
        SeccompRule::new(vec![SeccompCondition::new(1, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, *what)?])
    });
    rules.insert(libc::SYS_ioctl, types.collect::<Result<_, _>>().map_err(bad)?);
    let refuse = SeccompAction::Errno(libc::EPERM.cast_unsigned());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, target).map_err(bad)?;
    let program: seccompiler::BpfProgram = filter.try_into().map_err(bad)?;
    Ok(other_ways().into_iter().chain(program).flat_map(bytes).collect())
}

/// What comes first, since a list by numbers does not see it. `clone3` hides what it is asked for behind a pointer: to be told that there is
/// none makes every libc ask by `clone`. And x32 has numbers of its own for everything. Calls of 32 bits end the process, by the check of
/// the processor that follows.
fn other_ways() -> Vec<sock_filter> {
    let clone3 = u32::try_from(libc::SYS_clone3).unwrap_or(u32::MAX);
    let step = |code, jt, jf, k| sock_filter { code, jt, jf, k };
    // Words of `linux/bpf_common.h`: load the call's number; equal?; greater or equal?; return.
    let (load, equal, at_least, give) = (0x20, 0x15, 0x35, 0x06);
    let missing = libc::SECCOMP_RET_ERRNO | libc::ENOSYS.cast_unsigned();
    vec![step(load, 0, 0, 0), step(equal, 1, 0, clone3), step(at_least, 0, 1, X32), step(give, 0, 0, missing)]
}

fn bytes(step: sock_filter) -> [u8; 8] {
    let [a, b] = step.code.to_ne_bytes();
    let [c, d, e, f] = step.k.to_ne_bytes();
    [a, b, step.jt, step.jf, c, d, e, f]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_one_that_the_kernel_takes_and_the_same_each_time() {
        let program = program().unwrap();
        assert!(program.len().is_multiple_of(8) && program.len() / 8 < 4096, "{}", program.len());
        assert_eq!(program, super::program().unwrap());
        // The jump over the answer leads to the check of the processor: its word is loaded next.
        assert_eq!(program[32..40], bytes(sock_filter { code: 0x20, jt: 0, jf: 0, k: 4 }));
    }
}
