//! The guard's text, constant, and the input that it reads. It must never hold a value in the text: values are lines on its
//! input. Called by the guard's lease.
//!
//! Each command on each host pays for what is in here, so it starts no process that a shell's own words can replace: five
//! are left, of which three (`setsid`, `sleep`, `flock`) are programs. `docs/performance.md` has the count.

use crate::remote::Task;
use std::fmt::Write as _;
use std::sync::LazyLock;

/// The guard (TRUST section 4): runs the script of its input in a session of its own, and kills all of it when the lifeline
/// ends or is silent for the lease.
///
/// It is one word in single quotes to whatever login shell a host has, so it holds no single quote, no backslash, no `!` but
/// before a blank (tcsh) and, once its lines are joined, no line end.
const GUARD: &str = r##"
nl=${IFS#??};
IFS=" " read -r nonce mark lease grace lock fence n || exit 96; set --; v=;
while [ "$n" -gt 0 ]; do IFS= read -r l || exit 96; n=$((n - 1));
  case $l in +*) v=$v$nl${l#+}; continue;; esac; [ -z "$v" ] || set -- "$@" "$v";
  case $l in %*) l=${l#%}; v=$(printf "%b." "${l#*=}"); v=${l%%=*}=${v%.};; *) v=$l;; esac; done;
script=${v#=}; exec 3<&0 </dev/null;
no() { m=${1%%$nl*}; printf "%s%.180s%s" "${nl}guard-no $nonce " "$m" "$nl"; exit 96; };
for p in setsid sleep grep; do command -v $p >/dev/null || no "tool $p"; done;
[ -r /proc/self/stat ] || no proc;
case $lock in -) ;; *) f=$HOME/.pushbutton; l=$f/$lock; command -v flock >/dev/null || no "tool flock";
  { true >>"$l"; } 2>/dev/null || e=$({ mkdir -p "$f" && chmod 700 "$f" && true >>"$l"; } 2>&1) || { [ -d "$HOME" ] || no "home $HOME"; no "lock-dir $e"; };
  exec 9<>"$l"; flock -w 60 9 2>/dev/null || { flock -V >/dev/null 2>&1 && no locked; no "tool flock -w"; };
  read -r old <"$l" || old=0.0;
  [ "${old%.*}" -lt "${fence%.*}" ] || [ "$old" = "$fence" ] || no "fence $old";
  echo "$fence" 2>/dev/null >&9 || no "lock-dir $(echo "$fence" 2>&1 >&9)";; esac;
left() { { grep -ls ") [^ZX] [0-9]* [0-9]* $s " /proc/[0-9]*/stat; grep -ls "PUSH_MARK=$mark" /proc/[0-9]*/environ;
    grep -ls ") [^ZX] $$ " "/proc/$s/stat"; } | cut -d/ -f3 | sort -u; };
seek() { read -r k l </proc/self/stat;
  s=$(grep -ls ") [^ZX] $$ " /proc/[0-9]*/stat | cut -d/ -f3 | grep -vx "$k" | head -n 1); };
over() { kill "$t" "$r" $! ; exit 0; };
watch() { exec 4>&1 >/dev/null 2>&1; s= t= r=; trap over TERM;
  while :; do sleep "$lease" 3<&- 4>&- & t=$! ;
    { if read -r l; then kill -s KILL "$t"; else kill -s ALRM "$t"; fi; } <&3 3<&- 4>&- & r=$! ;
    wait "$t"; c=$?; kill "$r"; case $c in 0|142) break;; esac; [ -n "$s" ] || seek; done;
  trap "exit 0" TERM; exec 3<&-;
  while [ -z "$s" ] && kill -0 $$; do seek; [ -n "$s" ] || sleep 0.1; done;
  trap "" TERM PIPE;
  [ -n "$s" ] || s=$(grep -ls "PUSH_MARK=$mark" /proc/[0-9]*/environ | sed s/environ/stat/ | xargs cat |
    cut -d")" -f2- | cut -d" " -f5 | head -n 1);
  for g in TERM KILL; do i=0; while p=$(left); [ -n "$p" ] && [ "$i" -lt $((grace * 5)) ]; do
    [ "$i" = 0 ] || [ "$g" = KILL ] && kill -s "$g" $p; kill -s CONT $p; sleep 0.2; i=$((i + 1)); done; done;
  n=$(left | wc -l); [ "$n" = 0 ] && exit 0; printf "%s" "${nl}guard-left $nonce $n$nl" >&4; kill -s KILL $$; };
watch 9>&- & w=$! ; trap : HUP INT TERM PIPE; exec 3<&-;
( for v; do export "$v"; done; export PUSH_MARK="$mark"; exec 9>&- setsid /bin/sh -c "$script" ); rc=$?;
{ kill -s TERM "$w"; wait "$w"; } 2>/dev/null; for f in 1 2; do printf "%s" "${nl}guard-exit $nonce $rc$nl" >&$f; done
"##;

/// What runs on a host, in place of the login shell.
static SSH_COMMAND: LazyLock<String> = LazyLock::new(|| format!("exec /bin/sh -c '{}' {NAME}", one_line(GUARD)));

/// What the guard is called in a list of processes.
pub(super) const NAME: &str = "pushbutton-guard";

/// What runs on a host, in place of the login shell.
pub(super) fn ssh_command() -> &'static str {
    &SSH_COMMAND
}

/// What a POSIX shell on the push host is given as its script.
pub(super) fn script() -> String {
    one_line(GUARD)
}

fn one_line(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Why a task cannot be given to a guard at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadTask {
    /// A name that a shell would not take, or that the guard uses itself (all of its own are lower-case).
    #[error("{0:?} cannot be the name of a variable: capitals, digits and _ only, not beginning with a digit")]
    Name(String),
    /// A NUL byte cannot be in an environment.
    #[error("the value of {0} holds a NUL byte, which no environment can carry")]
    Nul(String),
    /// A word of the guard's second line would not stay one word.
    #[error("the {0} {1:?} of a command must be letters, digits and _.@:-")]
    Word(&'static str, String),
}

/// What a guard is told: its terms, then the values and the script. Heartbeats follow.
///
/// A value is `NAME=` and its first line, each further line behind a `+`. What is not plain ASCII is one word for `printf %b`,
/// behind a `%`: that costs the host a process. The script comes last and has no name.
///
/// # Errors
/// When a name or value cannot be sent.
pub(super) fn input(task: &Task, nonce: &str, mark: &str) -> Result<String, BadTask> {
    let lock = task.lock.as_deref().unwrap_or("-");
    word("lock", lock)?;
    word("fence", &task.fence)?;
    let mut lines = String::new();
    for (name, value) in &task.values {
        let plain = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
        if name.is_empty() || name.as_bytes()[0].is_ascii_digit() || !name.bytes().all(plain) {
            return Err(BadTask::Name(name.clone()));
        }
        add(&mut lines, name, value)?;
    }
    add(&mut lines, "", &task.script)?;
    // At least a second of each: with 0 the guard would look away instead of killing.
    let (lease, grace) = (task.lease_s.max(1), task.grace_s.max(1));
    let count = lines.lines().count();
    Ok(format!("{nonce} {mark} {lease} {grace} {lock} {} {count}\n{lines}", task.fence))
}

fn add(lines: &mut String, name: &str, value: &str) -> Result<(), BadTask> {
    if value.contains('\0') {
        let name = if name.is_empty() { "the script" } else { name };
        return Err(BadTask::Nul(name.to_owned()));
    }
    // Writing to a String cannot fail.
    let _ = match value.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n')) {
        true => writeln!(lines, "{name}={}", value.replace('\n', "\n+")),
        false => writeln!(lines, "%{name}={}", encoded(value)),
    };
    Ok(())
}

fn word(what: &'static str, text: &str) -> Result<(), BadTask> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_.@:-".contains(&b);
    match !text.is_empty() && !text.starts_with('.') && text.bytes().all(plain) {
        true => Ok(()),
        false => Err(BadTask::Word(what, text.to_owned())),
    }
}

/// Text as `printf %b` reads it back: one word without a line end, whatever is in it.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => out.push(char::from(byte)),
            b'_' | b'.' | b'/' | b':' | b'@' | b'=' | b'+' | b',' | b'-' => out.push(char::from(byte)),
            _ => {
                let _ = write!(out, "\\0{byte:03o}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::Program;
    use std::time::Duration;

    #[tokio::test]
    async fn the_guard_is_a_correct_script_in_each_shell_and_without_values() {
        for shell in [&["dash"][..], &["bash", "--posix"], &["busybox", "sh"]] {
            for text in [GUARD, &script(), ssh_command()] {
                let check = Program::new(shell[0]).args(&shell[1..]).args(["-n", "-c", text]);
                let output = check.output(Duration::from_secs(20)).await.unwrap();
                assert!(output.status.success(), "{shell:?}: {}", String::from_utf8_lossy(&output.stderr));
            }
        }
    }

    #[test]
    fn the_guard_is_one_word_to_every_login_shell() {
        let text = script().replace("! ", "");
        assert_eq!(text.find(|c: char| "'\\!".contains(c) || c.is_control() || !c.is_ascii()), None);
        assert!(script().len() < 4096, "it goes over the wire for each command");
    }

    #[test]
    fn values_are_lines_and_what_is_not_plain_is_encoded() {
        let mut task = crate::remote::guard::tests::task("echo '\\\\n' \"$A\"\n\n  true\n");
        task.values = [("A", " x\\y "), ("B", "+\n%é"), ("C", "")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        assert_eq!(
            input(&task, "nonce", "mark").unwrap(),
            "nonce mark 30 1 - 1.1 7\nA= x\\y \n%B=+\\0012\\0045\\0303\\0251\nC=\n=echo '\\\\n' \"$A\"\n+\n+  true\n+\n"
        );
    }

    #[test]
    fn everything_but_plain_bytes_is_encoded() {
        assert_eq!(encoded("a-b_c.d/e:f@g=h+i,j"), "a-b_c.d/e:f@g=h+i,j");
        assert_eq!(
            encoded("a b\n$(x)'\"\\é%"),
            "a\\0040b\\0012\\0044\\0050x\\0051\\0047\\0042\\0134\\0303\\0251\\0045"
        );
    }

    #[test]
    fn names_that_the_guard_uses_and_bytes_that_no_environment_carries_are_refused() {
        let task = |name: &str, value: &str, lock: &str| {
            let mut task = crate::remote::guard::tests::task("true");
            task.values.insert(name.to_owned(), value.to_owned());
            task.lock = Some(lock.to_owned());
            input(&task, "nonce", "mark")
        };
        assert!(task("PUSH_SHA", "x", "web@web1").is_ok());
        for name in ["", "nonce", "1A", "A B", "A=B", "A\n", "É"] {
            assert_eq!(task(name, "x", "web@web1"), Err(BadTask::Name(name.to_owned())));
        }
        assert_eq!(task("A", "x\0", "web@web1"), Err(BadTask::Nul("A".to_owned())));
        for lock in ["", "a b", "a/../b", "a\n", ".."] {
            assert_eq!(task("A", "x", lock), Err(BadTask::Word("lock", lock.to_owned())));
        }
    }
}
