//! What a committer may try, one shell text each: it exits with 0 when it has reached something. Whether it did is also asked of
//! witnesses outside.

/// Where a try is kept from what it wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Where {
    /// In every command.
    Everywhere,
    /// In `build` only: other commands have the network of the machine, and so what listens there for everybody.
    WithoutNetwork,
}

use Where::{Everywhere, WithoutNetwork};
use nix::libc;
use pushbutton::isolation::refused;

/// A name, where it counts, and the text.
pub const TRIES: [(&str, Where, &str); 79] = [
    // Sockets and agents.
    ("the admin socket", Everywhere, r#"$CONNECT "$PUSH_VAR_DATA/admin.sock""#),
    ("the sockets of warm connections", Everywhere, r#"ls "$PUSH_VAR_DATA"/ssh/*"#),
    ("an open socket of this machine", Everywhere, r#"$CONNECT "$PUSH_VAR_SOCKET""#),
    ("an abstract socket", WithoutNetwork, r#"$CONNECT "@$PUSH_VAR_ABSTRACT""#),
    ("the control socket of this push", Everywhere, r#"$CONNECT "$PUSH_VAR_DATA/pushes/$PUSH_ID/control.sock""#),
    ("an ssh agent", Everywhere, r#"[ -n "$SSH_AUTH_SOCK" ]"#),
    ("sockets of services", Everywhere, "ls /run/* /var/run/*"),
    ("a port of this machine", WithoutNetwork, r#"$CONNECT "127.0.0.1:$PUSH_VAR_PORT""#),
    ("the server's own port", WithoutNetwork, r#"$CONNECT "$PUSH_VAR_SERVER""#),
    ("another network", WithoutNetwork, r#"[ "$(grep -c : /proc/net/dev)" != 1 ]"#),
    // /proc.
    ("the server's process", Everywhere, r#"[ -e "/proc/$PUSH_VAR_PID" ]"#),
    ("its environment", Everywhere, r#"cat /proc/[0-9]*/environ | tr '\0' '\n' | grep -qx "HOME=$PUSH_VAR_HOME""#),
    ("its memory", Everywhere, r#"head -c 1 "/proc/$PUSH_VAR_PID/mem""#),
    ("its root by /proc", Everywhere, r#"ls "/proc/$PUSH_VAR_PID/root/" "/proc/1/root$PUSH_VAR_DATA""#),
    (
        "variables of the server",
        Everywhere,
        r#"env | cut -d= -f1 | grep -vxE 'PATH|HOME|USER|LOGNAME|LC_ALL|PWD|OLDPWD|SHLVL|_|CONNECT|CALL|PUSH_.*'"#,
    ),
    (
        "variables of what started it",
        Everywhere,
        r#"tr '\0' '\n' </proc/1/environ | cut -d= -f1 | grep -vxE 'PATH|LC_ALL|PWD'"#,
    ),
    (
        "open files of the server",
        Everywhere,
        r#"ls -l /proc/self/fd /proc/$$/fd | grep -- '->' | grep -vE 'pipe:|/dev/null|/proc/|/build'"#,
    ),
    ("names of the kernel", Everywhere, "echo pwned >/proc/sys/kernel/hostname"),
    ("where cores go", Everywhere, "echo '|/tmp/x' >/proc/sys/kernel/core_pattern"),
    ("the magic key", Everywhere, "echo b >/proc/sysrq-trigger"),
    ("the memory of the machine", Everywhere, "head -c 1 /proc/kcore || head -c 1 /dev/mem"),
    ("processes of others", Everywhere, r#"[ "$(ls -d /proc/[0-9]* | wc -l)" -gt 60 ]"#),
    // ptrace and signals.
    (
        "ptrace of the server",
        Everywhere,
        r#"python3 -c 'import ctypes,os,sys; sys.exit(0 if ctypes.CDLL(None).ptrace(16, int(os.environ["PUSH_VAR_PID"]), 0, 0) == 0 else 1)'"#,
    ),
    (
        "ptrace of a program outside",
        Everywhere,
        r#"python3 -c 'import ctypes,os,sys; sys.exit(0 if ctypes.CDLL(None).ptrace(16, int(os.environ["PUSH_VAR_VICTIM"]), 0, 0) == 0 else 1)'"#,
    ),
    ("a signal to the server", Everywhere, r#"kill -s STOP "$PUSH_VAR_PID""#),
    ("the end of a program outside", Everywhere, r#"kill -s KILL "$PUSH_VAR_VICTIM""#),
    ("its group", Everywhere, r#"kill -s KILL -- "-$PUSH_VAR_VICTIM""#),
    (
        "another priority",
        Everywhere,
        r#"renice -n -5 -p "$PUSH_VAR_VICTIM" || nice -n -20 true && [ "$(nice -n -20 nice 2>/dev/null)" -lt 0 ]"#,
    ),
    // Files and links.
    ("the ledger", Everywhere, r#"cat "$PUSH_VAR_DATA/pushbutton.db""#),
    ("the ledger by a link", Everywhere, r#"ln -sf "$PUSH_VAR_DATA/pushbutton.db" /tmp/link && cat /tmp/link"#),
    ("the ledger by a hard link", Everywhere, r#"ln "$PUSH_VAR_DATA/pushbutton.db" /tmp/hard"#),
    ("the ledger from above", Everywhere, r#"ls ../../../pushbutton.db ../../../../data"#),
    ("the plan of this push", Everywhere, r#"cat "$PUSH_VAR_DATA/pushes/$PUSH_ID/plan.json" ../plan.json"#),
    ("other builds", Everywhere, r#"ls "$PUSH_VAR_DATA/builds""#),
    ("other checkouts", Everywhere, r#"echo pwned >"$PUSH_VAR_DATA/pushes/1/checkout/pwned""#),
    ("mirrors", Everywhere, r#"echo pwned >"$PUSH_VAR_DATA/mirrors/pwned""#),
    ("caches of other stacks", Everywhere, r#"ls "$PUSH_VAR_DATA/caches""#),
    ("the server's file", Everywhere, r#"cat "$PUSH_VAR_HOME/config.toml""#),
    ("the stack file", Everywhere, r#"echo pwned >>"$PUSH_VAR_HOME/stacks/web.toml""#),
    ("a file that all may read", Everywhere, r#"cat "$PUSH_VAR_HOME/secret""#),
    ("keys of ssh", Everywhere, "ls /root/.ssh ~root/.ssh ~/.ssh /home/*/.ssh /etc/ssh"),
    ("passwords and private keys of the system", Everywhere, "cat /etc/shadow || ls /etc/ssl/private /etc/sudoers*"),
    (
        "writing to the system",
        Everywhere,
        "touch /usr/pwned || touch /etc/pwned || touch /pwned || touch /dev/pwned || touch /bin/pwned",
    ),
    // Mounts and devices.
    ("a mount", Everywhere, "mount -t tmpfs none /tmp"),
    ("a mount in namespaces of its own", Everywhere, "unshare -Urm mount -t tmpfs none /tmp"),
    ("more namespaces", Everywhere, "unshare -Ur true || unshare -m true || unshare -n true"),
    ("what a mount covers", Everywhere, "umount /proc || umount -l /usr || umount /etc/passwd"),
    ("a system that can be written", Everywhere, "mount -o remount,rw /usr || mount -o remount,bind,rw /"),
    ("the namespaces of the server", Everywhere, r#"nsenter -t "$PUSH_VAR_PID" -m true || nsenter -t 1 -a true"#),
    ("another root", Everywhere, "chroot /usr/.. /bin/true"),
    ("a device", Everywhere, "mknod /tmp/disk b 254 0 || mknod /tmp/null c 1 3"),
    ("disks", Everywhere, "ls /dev/vd* /dev/sd* /dev/nvme* /dev/mapper /sys/block"),
    // Rights.
    ("root by its number", Everywhere, r#"python3 -c 'import os; os.setuid(0)'"#),
    (
        "root by a set-uid copy",
        Everywhere,
        r#"cp /bin/busybox /tmp/sh && chmod 4755 /tmp/sh && [ "$(stat -c %u /tmp/sh)" = 0 ]"#,
    ),
    (
        "programs that become root",
        Everywhere,
        r#"echo | timeout 5 su -c true || timeout 5 sudo -n true || [ "$(grep -c '^NoNewPrivs:.*1' /proc/self/status)" != 1 ]"#,
    ),
    ("capabilities", Everywhere, r#"grep -E '^Cap(Prm|Eff|Bnd|Amb):' /proc/self/status | grep -vE '0{16}$'"#),
    (
        "the clock, the name and the end of the machine",
        Everywhere,
        "date -s 2001-01-01 || hostname pwned || python3 -c 'import ctypes,sys; sys.exit(0 if ctypes.CDLL(None).reboot(0) == 0 else 1)'",
    ),
    // Limits.
    (
        "more processes than it may have",
        Everywhere,
        r#"python3 -c 'import os, signal, sys
kids = []
try:
    while len(kids) < 400:
        kid = os.fork()
        if kid == 0: signal.pause()
        kids.append(kid)
except OSError: pass
for kid in kids: os.kill(kid, 9)
sys.exit(0 if len(kids) == 400 else 1)'"#,
    ),
    ("more memory than it may have", Everywhere, r#"python3 -c 'x = bytearray(800 << 20)'"#),
    ("a larger file than it may have", Everywhere, "truncate -s 1G /tmp/large"),
    // Calls of the kernel, by their numbers.
    ("a life without a list of refused calls", Everywhere, "[ \"$(grep -c '^Seccomp:.*2' /proc/self/status)\" != 1 ]"),
    ("each refused call", Everywhere, "$CALL all {all}"),
    ("the session keyring", Everywhere, "$CALL {keyctl} 0 -3 0"),
    ("a key for the session", Everywhere, "$CALL {add_key} :user :pushbutton :secret 6 -3"),
    ("a key of the session", Everywhere, "$CALL {request_key} :user :pushbutton 0 0"),
    ("the names of keys", Everywhere, "head -c 1 /proc/keys || head -c 1 /proc/key-users"),
    ("a program in the kernel", Everywhere, "$CALL {bpf} 5 @128 128"),
    ("a counter of the kernel", Everywhere, "$CALL {perf_event_open} @128 0 -1 -1 0"),
    ("faults of memory", Everywhere, "$CALL {userfaultfd} 1"),
    ("a ring of calls", Everywhere, "$CALL {io_uring_setup} 1 @128"),
    ("another kernel", Everywhere, "$CALL {kexec_load} 0 0 0 0"),
    ("a mount by the newer calls", Everywhere, "$CALL {fsopen} :tmpfs 0"),
    ("a tree of mounts", Everywhere, "$CALL {open_tree} -100 :/usr 0"),
    ("namespaces by unshare", Everywhere, "$CALL {unshare} 0x10000000 || $CALL {unshare} 0x80"),
    ("namespaces by clone", Everywhere, "$CALL {clone} 0x10000011 0 0 0 0 || $CALL {clone} 0x20011 0 0 0 0"),
    ("namespaces by clone3", Everywhere, "$CALL {clone3} @88 88"),
    ("the numbers of x32", Everywhere, "$CALL $((0x40000000 + 39))"),
    (
        "calls of 32 bits",
        Everywhere,
        r#"python3 -c 'import ctypes, mmap
m = mmap.mmap(-1, 4096, prot=7)
m.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")
ctypes.CFUNCTYPE(ctypes.c_long)(ctypes.addressof(ctypes.c_char.from_buffer(m)))()'"#,
    ),
    (
        "typing on a terminal",
        Everywhere,
        r#"python3 -c 'import fcntl, os, pty, sys, termios
kid, _ = pty.fork()
if kid == 0:
    try: fcntl.ioctl(0, termios.TIOCSTI, b"x")
    except OSError: os._exit(1)
    os._exit(0)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(kid, 0)[1]))'"#,
    ),
];

/// A text with the numbers of the calls that it names.
fn with_numbers(text: &str) -> String {
    let more = [("unshare", libc::SYS_unshare), ("clone", libc::SYS_clone), ("clone3", libc::SYS_clone3)];
    let all: Vec<String> = refused().iter().map(|(_, number)| number.to_string()).collect();
    let text = text.replace("{all}", &all.join(" "));
    refused()
        .iter()
        .chain(&more)
        .fold(text, |text, (name, number)| text.replace(&format!("{{{name}}}"), &number.to_string()))
}

/// The script of all tries: a line each, `kept from NAME` or `REACHED NAME`.
pub fn script() -> String {
    let mut text = "export CONNECT='python3 /build/connect.py' CALL='python3 /build/call.py'\n".to_owned();
    for (name, place, body) in TRIES {
        let when = if place == WithoutNetwork { "[ \"$1\" = build ] && " } else { "" };
        let quoted = with_numbers(body).replace('\'', "'\\''");
        text.push_str(&format!(
            "if {when}timeout -k 1 30 sh -c '{quoted}' >/dev/null 2>&1; then echo \"REACHED {name}\"; else echo \"kept from {name}\"; fi\n"
        ));
    }
    text
}

/// Connects to a path, an abstract name or an address, and says something.
pub const CONNECT: &str = r#"import socket, sys
to = sys.argv[1]
if to.startswith(("/", "@")):
    s = socket.socket(socket.AF_UNIX)
    s.connect("\0" + to[1:] if to.startswith("@") else to)
else:
    host, _, port = to.rpartition(":")
    s = socket.create_connection((host, int(port)), 5)
s.sendall(b"GET / HTTP/1.0\r\n\r\n")
"#;

/// Makes a call by its number, with numbers, texts (`:text`) and rooms of zeros (`@bytes`); or sees whether each of these is refused.
pub const CALL: &str = r#"import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
def value(text):
    if text[0] == ":": return ctypes.c_char_p(text[1:].encode())
    if text[0] == "@": return ctypes.create_string_buffer(int(text[1:]))
    return ctypes.c_long(int(text, 0))
def call(number, *rest): return libc.syscall(ctypes.c_long(int(number)), *map(value, rest))
if sys.argv[1] == "all":
    missed = [number for number in sys.argv[2:] if call(number, *["0"] * 6) != -1 or ctypes.get_errno() != 1]
    sys.exit(0 if missed else 1)
sys.exit(0 if call(*sys.argv[1:]) >= 0 else 1)
"#;
