//! The guard's text, constant, and the input that it reads. It must never hold a value in the text: values are encoded
//! lines on its input. Called by the guard's leash.

use crate::remote::Task;
use std::fmt::Write as _;

/// What runs on the host, in place of the login shell: reads the guard's text from its input and becomes it.
pub(super) const SSH_COMMAND: &str =
    r#"exec /bin/sh -c 'IFS= read -r g; g=$(printf %b "$g"); exec /bin/sh -c "$g" pushbutton-guard'"#;

/// The same for the push host, where no login shell is between: the script of `/bin/sh -c`.
pub(super) const LOCAL_COMMAND: &str = r#"IFS= read -r g; g=$(printf %b "$g"); exec /bin/sh -c "$g" pushbutton-guard"#;

/// The guard (TRUST section 4). It runs the script of PUSH_SCRIPT in its own session, and kills all of it when its input
/// ends or is silent for the lease.
pub(super) const GUARD: &str = r#"
IFS=' ' read -r nonce mark lease grace lock fence n || exit 96   # lock: STACK@HOST, or - for none; fence: PUSH.RUN
while [ "$n" -gt 0 ]; do IFS=' ' read -r k v || exit 96; v=$(printf '%b.' "$v"); export "$k=${v%.}"; n=$((n-1)); done
script=$PUSH_SCRIPT; unset PUSH_SCRIPT; exec 3<&0 </dev/null
no() { printf '\nguard-no %s %s\n' "$nonce" "$1"; exit 96; }
[ "$(cut -d' ' -f6 /proc/$$/stat)" = $$ ] || no session
if [ "$lock" != - ]; then f=$HOME/.pushbutton; { mkdir -p "$f" && chmod 700 "$f" && (: >>"$f/$lock"); } || no lock-dir
  f=$f/$lock; exec 9<>"$f"; flock -w 60 9 || no locked; read -r old <"$f" || old=0.0
  [ "${old%.*}" -lt "${fence%.*}" ] || [ "$old" = "$fence" ] || no "fence $old"
  echo "$fence" >&9 || no lock-dir; fi
watch='sid=$1 nonce=$2 mark=$3 lease=$4 grace=$5
left() { { grep -ls ") [^ZX] [0-9]* [0-9]* $sid " /proc/[0-9]*/stat; grep -ls "PUSH_MARK=$mark" /proc/[0-9]*/environ
  } | cut -d/ -f3 | grep -vx "$sid" | sort -u; }
while timeout "$lease" sh -c "read -r x" >/dev/null 2>&1; do :; done; trap "" TERM
for s in TERM KILL; do t=0; while p=$(left); [ -n "$p" ] && [ $t -lt $((grace * 5)) ]; do
  [ $t = 0 ] || [ $s = KILL ] && kill -s $s $p; kill -s CONT $p; sleep 0.2; t=$((t + 1)); done; done >/dev/null 2>&1
n=$(left | wc -l); [ "$n" = 0 ] && exit 0; printf "\nguard-left %s %s\n" "$nonce" "$n"; kill -s KILL "$sid"'
env -i PATH="$PATH" setsid /bin/sh -c "$watch" guard-watch $$ "$nonce" "$mark" "$lease" "$grace" <&3 3<&- 9>&- & w=$!
trap : HUP INT TERM PIPE; exec 3<&-; PUSH_MARK=$mark /bin/sh -c "$script" 9>&-; rc=$?
{ kill -s TERM $w; wait $w; } 2>/dev/null; for f in 1 2; do printf '\nguard-exit %s %s\n' "$nonce" "$rc" >&$f; done
"#;

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

/// What a guard is told: its text, its terms, its values. Heartbeats follow.
///
/// # Errors
/// When a name or value cannot be sent.
pub(super) fn input(task: &Task, nonce: &str, mark: &str) -> Result<String, BadTask> {
    let lock = task.lock.as_deref().unwrap_or("-");
    word("lock", lock)?;
    word("fence", &task.fence)?;
    let mut input = encoded(GUARD.trim());
    // At least a second of each: with 0 the guard would look away instead of killing.
    let (lease, grace) = (task.lease_s.max(1), task.grace_s.max(1));
    let count = task.values.len() + 1;
    let _ = writeln!(input, "\n{nonce} {mark} {lease} {grace} {lock} {} {count}", task.fence);
    let script = ("PUSH_SCRIPT", task.script.as_str());
    for (name, value) in task.values.iter().map(|(name, value)| (name.as_str(), value.as_str())).chain([script]) {
        let plain = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
        if name.is_empty() || name.as_bytes()[0].is_ascii_digit() || !name.bytes().all(plain) {
            return Err(BadTask::Name(name.to_owned()));
        }
        if value.contains('\0') {
            return Err(BadTask::Nul(name.to_owned()));
        }
        let _ = writeln!(input, "{name} {}", encoded(value));
    }
    Ok(input)
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
            for text in [GUARD, LOCAL_COMMAND, SSH_COMMAND] {
                let check = Program::new(shell[0]).args(&shell[1..]).args(["-n", "-c", text]);
                let output = check.output(Duration::from_secs(20)).await.unwrap();
                assert!(output.status.success(), "{shell:?}: {}", String::from_utf8_lossy(&output.stderr));
            }
        }
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
