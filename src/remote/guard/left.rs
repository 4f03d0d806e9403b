//! What a command leaves behind that still holds its output, as a daemon that was started without a redirection: it is killed by
//! the next word that it writes, since nobody reads it any more, and the person is told before they wonder. It must never end
//! anything, nor be asked of a command that left nothing. Called by `far` and `near`.

use crate::journal::Stream;
use crate::remote::output::{Cleaner, Mask};
use crate::remote::{Line, Lines, Task};
use std::sync::Arc;
use std::time::Duration;

/// The most bytes that the answer may have.
pub(super) const MOST: usize = 4096;
/// Processes that are named.
const NAMED: usize = 3;

/// Names the processes that have the mark of the command and its output. A pipe that another of them reads is their own.
const WHO: &str = r#"in=" "
of=$(grep -ls "PUSH_MARK=$PUSH_LEFT_BY" /proc/[0-9]*/environ | cut -d/ -f3)
for p in $of; do in="$in$(readlink "/proc/$p/fd/0") "; done
for p in $of; do for f in 1 2; do
  l=$(readlink "/proc/$p/fd/$f") || continue
  case $l in pipe:*|socket:*) ;; *) continue;; esac
  case $in in *" $l "*) continue;; esac
  printf '%s %s\n' "$p" "$(tr '\0' ' ' <"/proc/$p/cmdline" | cut -c1-80)"; break
done; done 2>/dev/null
exit 0"#;

/// Asks who holds the output of the command with this mark.
pub(super) fn task(of: &Task, mark: String) -> Task {
    let values = [("PUSH_LEFT_BY".to_owned(), mark)].into();
    Task { script: WHO.to_owned(), values, timeout: Duration::from_secs(10), ..of.clone() }
}

/// Says what holds it, and what to do.
pub(super) async fn report(said: &[u8], place: &str, mask: &Arc<Mask>, lines: &Lines) {
    // Nobody receives lines any more: then nobody misses this one.
    let _ = lines.send(Line { stream: Stream::Note, text: words(said, place, mask) }).await;
}

fn words(said: &[u8], place: &str, mask: &Arc<Mask>) -> String {
    let mut cleaner = Cleaner::new(Arc::clone(mask));
    let mut found = cleaner.push(said);
    found.extend(cleaner.finish());
    let named: Vec<String> = found.iter().filter_map(|line| line.split_once(' ')).map(named).collect();
    let more = named.len().saturating_sub(NAMED);
    let (who, verb) = match named.as_slice() {
        [] => ("a process that this command left running".to_owned(), "holds"),
        [one] => (format!("{one}, left running by this command,"), "holds"),
        many => {
            let listed = many.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            (format!("{listed}{more}, left running by this command,"), "hold")
        }
    };
    format!(
        "{who} still {verb} its output on {place}: nobody reads it now, so the next write to it ends the process \
         (SIGPIPE). Start it with >/dev/null 2>&1 or with its own log file, or as a service (systemd-run)"
    )
}

fn named((process, command): (&str, &str)) -> String {
    // Colours stand in a line of output; here they would be in the middle of ours.
    let command: String = command.chars().filter(|c| !c.is_control()).collect();
    match command.trim() {
        "" => format!("process {process}"),
        command => format!("`{command}` (process {process})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_the_output_is_named_with_the_cure_and_never_by_what_a_host_makes_up() {
        let words = |said: &str| words(said.as_bytes(), "web1", &Arc::default());
        insta::assert_snapshot!(words("4711 sleep 600 \n"), @"`sleep 600` (process 4711), left running by this command, still holds its output on web1: nobody reads it now, so the next write to it ends the process (SIGPIPE). Start it with >/dev/null 2>&1 or with its own log file, or as a service (systemd-run)");
        assert!(words("").starts_with("a process that this command left running still holds its output on web1: "));
        assert!(
            words("1 a\n2 b\n3 c\n4 d\n")
                .starts_with("`a` (process 1), `b` (process 2), `c` (process 3) and 1 more, left")
        );
        assert!(words("7 \n").starts_with("process 7, left"));
        assert!(!words("7 a\u{1b}[31m\u{7}b\n").contains(|c: char| c.is_control()));
    }
}
