//! Looks a host over before it is trusted with a push: which tools it has, whether the places that a push would write to can be
//! written, what stands at `current`, its clock. It must never change anything there. Called by the desk.

use super::guard::ask;
use super::masters::Connection;
use super::release::Current;
use super::{Ending, Task};
use crate::plan::shell::LOCATE;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::mpsc;

/// How long a host may take: it starts some thirty small programs.
const LIMIT: Duration = Duration::from_secs(30);
/// The most bytes of an answer: some hundreds of places.
const MOST: usize = 256 * 1024;

/// Says what a host has, a line each: `NAME TAB VALUE…`, and `end` behind the last. Places come as lines `KIND TAB PATH` in
/// `PUSH_PLACES`; a release's place also tells what its `current` is.
fn script() -> String {
    format!("{TOOLS}{LOCATE}{PLACES}")
}

/// Looks at the host itself, and has the functions for places. It stands before [`LOCATE`], which sets the umask.
const TOOLS: &str = r#"t=$(printf '\t')
say() { printf '%s' "$1"; shift; for v; do printf '\t%s' "$(printf %s "$v" | tr '\t\n' '  ')"; done; printf '\n'; }
IFS=' ' read -r up _ </proc/uptime
say clock "$(date +%s)"
say user "$(id -un 2>/dev/null || id -u)"
say umask "$(umask)"
say machine "$(cat /proc/sys/kernel/random/boot_id 2>/dev/null) $(uname -n)"
say kind "$(uname -sm)"
for p in rsync flock setsid find xargs stat sort paste cut sed cat ls sha256sum readlink mv ln mkdir rm chmod mktemp sync head wc; do
  command -v "$p" >/dev/null 2>&1 || say missing "$p"
done
lacks() { "$@" >/dev/null 2>&1 </dev/null || say lacks "$w"; }
w='find -printf'; lacks find / -maxdepth 0 -printf %m
w='sort -z'; lacks sort -z
w='xargs -0 -r'; lacks xargs -0 -r true
w='stat -c'; lacks stat -c %a /
w='flock -w'; lacks flock -V
case $(mv --help 2>&1) in *-T*) ;; *) say lacks 'mv -T' ;; esac
say rsync "$(rsync --version 2>/dev/null | head -n 1)"
there() { p=$1; while [ ! -e "$p" ]; do p=${p%/*}; [ -n "$p" ] || { p=/; break; }; done; }
room() { df "$1" -- "$p" 2>/dev/null | { read -r _; read -r _ n _ f _; [ "$n" = 0 ] || printf %s "$f"; }; }
may() { [ -w "$p" ] && [ -x "$p" ] && printf yes; }
place() {
  there "$2"; d=; [ -d "$p" ] && d=yes
  say place "$1" "$2" "$p" "$d" "$(may)" "$(stat -c %U "$p" 2>/dev/null)" "$(room -Pk)" "$(room -Pi)"
}
"#;

/// Goes through the places, behind [`LOCATE`], which says what `current` is.
const PLACES: &str = r#"live() (
  cd -- "$1" 2>/dev/null || { say current "$1" nothing ''; exit; }
  tell
  say current "$1" "$kind" "$more"
)
place home "$HOME"
[ ! -e "$HOME/.pushbutton" ] || place home "$HOME/.pushbutton"
while IFS=$t read -r kind path; do
  [ -n "$path" ] || continue
  place "$kind" "$path"
  case $kind in release) for s in releases .verified; do [ ! -e "$path/$s" ] || place release "$path/$s"; done; live "$path" ;; esac
done <<PLACES
$PUSH_PLACES
PLACES
say end
"#;

/// What a push does in a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Use {
    /// The account's own directory, with our locks.
    Home,
    /// A release's directory.
    Release,
    /// Where rsync writes to.
    Rsync,
}

/// A place that a push would write to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The path.
    pub path: String,
    /// The nearest part of it that is there.
    pub there: String,
    /// Whether that is a directory.
    pub is_dir: bool,
    /// Whether we may write in it.
    pub may_write: bool,
    /// Whose it is.
    pub owner: String,
    /// Free space in KiB, where the host says.
    pub free_kib: Option<u64>,
    /// Free inodes, where the file system counts them.
    pub free_inodes: Option<u64>,
}

/// What a host says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Its clock, in seconds since 1970.
    pub clock_s: i64,
    /// Who we are there.
    pub user: String,
    /// The login's umask.
    pub umask: u32,
    /// Which machine it is: the same words from two hosts are one machine.
    pub machine: String,
    /// `Linux x86_64`.
    pub kind: String,
    /// Programs that are not on the PATH.
    pub missing: Vec<String>,
    /// Options that its programs do not have.
    pub lacks: Vec<String>,
    /// The first line of `rsync --version`.
    pub rsync: String,
    /// The places.
    pub places: Vec<(Use, Place)>,
    /// What `current` is, by directory.
    pub currents: Vec<(String, Current)>,
}

/// Asks a host about itself and these places.
///
/// # Errors
/// Why it gave no answer.
pub async fn look(on: &Connection, places: &[(Use, String)]) -> Result<Facts, String> {
    let word = |kind: Use| match kind {
        Use::Home => "home",
        Use::Release => "release",
        Use::Rsync => "rsync",
    };
    let lines: Vec<String> = places.iter().map(|(kind, path)| format!("{}\t{path}", word(*kind))).collect();
    let values = BTreeMap::from([("PUSH_PLACES".to_owned(), lines.join("\n"))]);
    let task = Task::question(script(), values, LIMIT);
    // What it says on standard error helps nobody: the answer is whole, or none.
    let (lines, _) = mpsc::channel(1);
    let (ending, said) = ask(on, &task, &lines, MOST).await;
    match (ending, Facts::read(&String::from_utf8_lossy(&said))) {
        (Ending::Exited(0), Some(facts)) => Ok(facts),
        (Ending::Exited(_), _) => Err("its shell did not run our questions to their end".to_owned()),
        (Ending::Refused(why) | Ending::Stopped(why) | Ending::Unreachable(why) | Ending::Unknown(why), _) => Err(why),
        (Ending::TimedOut { .. } | Ending::Cancelled { .. }, _) => Err(format!(
            "it had not answered after {} s: is a disk or network file system there hung?",
            LIMIT.as_secs()
        )),
    }
}

impl Facts {
    /// Reads an answer; none when it is not whole.
    fn read(said: &str) -> Option<Self> {
        let mut facts = Self::default();
        for line in said.strip_suffix("end\n")?.lines() {
            let parts: Vec<&str> = line.split('\t').collect();
            match parts[..] {
                ["clock", at] => facts.clock_s = at.parse().unwrap_or(0),
                ["user", user] => user.clone_into(&mut facts.user),
                ["umask", mask] => facts.umask = u32::from_str_radix(mask, 8).unwrap_or(0),
                ["machine", words] => words.clone_into(&mut facts.machine),
                ["kind", words] => words.clone_into(&mut facts.kind),
                ["missing", name] => facts.missing.push(name.to_owned()),
                ["lacks", what] => facts.lacks.push(what.to_owned()),
                ["rsync", line] => line.clone_into(&mut facts.rsync),
                ["place", kind, path, there, is_dir, may, owner, kib, inodes] => {
                    let kind = match kind {
                        "home" => Use::Home,
                        "release" => Use::Release,
                        _ => Use::Rsync,
                    };
                    let place = Place {
                        path: path.to_owned(),
                        there: there.to_owned(),
                        is_dir: is_dir == "yes",
                        may_write: may == "yes",
                        owner: owner.to_owned(),
                        free_kib: kib.parse().ok(),
                        // File systems that make inodes as they need them have none to count.
                        free_inodes: inodes.parse().ok(),
                    };
                    facts.places.push((kind, place));
                }
                ["current", dir, kind, more] => facts.currents.push((dir.to_owned(), Current::read(kind, more)?)),
                _ => {}
            }
        }
        Some(facts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::Program;
    use std::os::unix::fs::symlink;

    #[tokio::test]
    async fn each_shell_says_the_same_of_tools_places_and_the_six_states_of_current() {
        let room = tempfile::tempdir().unwrap();
        let at = |name: &str| room.path().join(name);
        let names = ["nothing", "ours", "foreign", "nowhere", "directory", "file"];
        for name in names {
            std::fs::create_dir_all(at(name).join("releases/a-1")).unwrap();
        }
        std::fs::create_dir(at("ours").join(".verified")).unwrap();
        std::fs::write(at("ours").join(".verified/a-1"), "9f\n").unwrap();
        // The same release by an absolute link, as `ln -sfn` by hand makes it.
        symlink(at("ours").join("releases/a-1"), at("ours").join("current")).unwrap();
        symlink("releases/a-1", at("foreign").join("current")).unwrap();
        symlink("releases/gone", at("nowhere").join("current")).unwrap();
        std::fs::create_dir_all(at("directory").join("current/sub")).unwrap();
        std::fs::write(at("file").join("current"), "").unwrap();
        let mut places: Vec<String> = names.iter().map(|name| format!("release\t{}", at(name).display())).collect();
        places.push(format!("rsync\t{}", at("not/yet/there").display()));
        places.push(format!("rsync\t{}/x", at("file/current").display()));
        for shell in [&["dash"][..], &["bash", "--posix"], &["busybox", "sh"]] {
            let program = Program::new(shell[0]).args(&shell[1..]).args(["-c", &script()]);
            let program = program.env("PUSH_PLACES", places.join("\n")).env("HOME", room.path());
            let output = program.output(Duration::from_secs(60)).await.unwrap();
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            let facts = Facts::read(&said).unwrap_or_else(|| panic!("{shell:?}: {said}"));
            let states: Vec<&Current> = facts.currents.iter().map(|(_, state)| state).collect();
            let foreign = at("foreign").join("releases/a-1").canonicalize().unwrap().display().to_string();
            let wanted = [
                &Current::Nothing,
                &Current::Ours("a-1".to_owned()),
                &Current::Elsewhere(foreign),
                &Current::Nowhere("releases/gone".to_owned()),
                &Current::Directory("1".to_owned()),
                &Current::File,
            ];
            assert_eq!(states, wanted, "{shell:?}");
            let place = |path: std::path::PathBuf| {
                let path = path.display().to_string();
                facts.places.iter().find(|(_, place)| place.path == path).map(|(_, place)| place.clone()).unwrap()
            };
            let new = place(at("not/yet/there"));
            assert_eq!(
                (new.there, new.is_dir, new.may_write),
                (room.path().display().to_string(), true, true),
                "{shell:?}"
            );
            assert!(new.free_kib.is_some_and(|free| free > 0), "{shell:?}: {said}");
            assert!(!place(at("file/current/x")).is_dir, "{shell:?}");
            assert!(facts.clock_s > 1_700_000_000 && facts.machine.len() > 36 && !facts.user.is_empty(), "{said}");
        }
        assert_eq!(Facts::read("clock\t1\n"), None, "half an answer is none");
    }
}
