//! What a host's facts mean for a push, in words. Pure.

use crate::desk::parts::hosts::checkups::Finding;
use crate::remote::checkup::{Facts, Place, Use};
use crate::remote::release::Current;
use crate::size::bytes_words;
use crate::time::At;
use std::collections::{BTreeMap, BTreeSet};

/// Less free space than this makes a push fail, or soon (KiB).
const TOO_FULL_KIB: u64 = 64 * 1024;
/// Less than this is worth knowing (KiB).
const NEARLY_FULL_KIB: u64 = 1024 * 1024;
/// As many files as a small build has.
const TOO_FEW_INODES: u64 = 1000;
/// Fewer inodes than this are worth knowing.
const FEW_INODES: u64 = 20_000;
/// A clock may differ by so much before someone should know, in milliseconds; `make` and certificates care about seconds.
const CLOCK_MS: i64 = 5000;
/// The oldest rsync that a host may have: it must know `--mkpath`.
const OLDEST_RSYNC: (u32, u32, u32) = (3, 2, 3);

/// What a host is like, in few words: `Linux x86_64, as deploy, rsync 3.2.7, 34 GB free`.
pub(super) fn is(facts: &Facts) -> String {
    let rsync = facts.rsync.split_whitespace().nth(2).map(|version| format!("rsync {version}"));
    let least = facts.places.iter().filter_map(|(_, place)| place.free_kib).min();
    let free = least.map(|kib| format!("{} free", bytes_words(kib.saturating_mul(1024))));
    let parts = [Some(facts.kind.clone()), Some(format!("as {}", facts.user)), rsync, free];
    parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

/// What is to be said of a host that the stack uses in these ways; it was asked between two moments.
pub(super) fn findings(facts: &Facts, uses: &BTreeSet<(Use, String)>, asked: (At, At)) -> Vec<Finding> {
    let is_used = |kind: Use| uses.iter().any(|(used, _)| *used == kind);
    let mut found = tools(facts, is_used(Use::Release), is_used(Use::Rsync));
    let mut told = BTreeSet::new();
    for (kind, place) in &facts.places {
        if told.insert((place.there.clone(), place.path.clone())) {
            found.extend(written(*kind, place, &facts.user));
        }
    }
    // Places of one file system are told once.
    let mut full = BTreeSet::new();
    for (_, place) in &facts.places {
        found.extend(room(place).filter(|_| full.insert((place.free_kib, place.free_inodes))));
    }
    found.extend(facts.currents.iter().filter_map(|(dir, state)| current(dir, state)));
    found.extend(umask(facts.umask));
    found.extend(clock(facts.clock_s, asked));
    found
}

fn tools(facts: &Facts, releases: bool, copies: bool) -> Vec<Finding> {
    let mut found = Vec::new();
    for name in &facts.missing {
        let (needed, cure) = match name.as_str() {
            "rsync" => (releases || copies, "on the host: apt install rsync (or dnf install rsync, apk add rsync)"),
            "flock" => (true, "on the host: apt install util-linux (or apk add flock)"),
            "setsid" => (true, "on the host: apt install util-linux (or apk add setsid)"),
            _ => (releases, "on the host: apt install coreutils findutils (or apk add coreutils findutils)"),
        };
        if needed {
            found.push(Finding::must(format!("`{name}` is not on the PATH of commands there"), cure));
        }
    }
    for what in &facts.lacks {
        let program = what.split(' ').next().unwrap_or_default();
        let needed = program == "flock" || releases;
        if needed && !facts.missing.iter().any(|name| name == program) {
            let words = format!("its `{program}` cannot do `{what}`: it is not the GNU or util-linux version");
            found.push(Finding::must(words, "on the host: apk add coreutils findutils util-linux flock"));
        }
    }
    let version = facts.rsync.split_whitespace().nth(2).unwrap_or_default();
    let mut numbers = version
        .trim_start_matches('v')
        .split('.')
        .map(|part| part.chars().take_while(char::is_ascii_digit).collect::<String>().parse::<u32>().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    if (releases || copies) && !facts.rsync.is_empty() && (next(), next(), next()) < OLDEST_RSYNC {
        let words = format!("its rsync is too old: {}", facts.rsync);
        found.push(Finding::must(words, "update it on the host: 3.2.3 is needed, 3.5.0 recommended"));
    }
    found
}

/// Whether a push may write where it would.
fn written(kind: Use, place: &Place, user: &str) -> Option<Finding> {
    let Place { path, there, is_dir, may_write, owner, .. } = place;
    if !is_dir {
        let words = format!("{there} blocks {path}: it is not a directory");
        return Some(Finding::must(
            words,
            &format!("check it on the host (ls -ld {there}), and move it elsewhere if nobody needs it"),
        ));
    }
    let what = match kind {
        Use::Home => "for its lock",
        Use::Release => "for releases",
        Use::Rsync => "for rsync",
    };
    if *may_write {
        return (kind == Use::Home && path != there).then(|| {
            Finding::must(
                format!("the home directory of {user}, {path}, is not there"),
                &format!("on the host, as root: install -d -o {user} {path}"),
            )
        });
    }
    let whose = if owner.is_empty() { String::new() } else { format!(" ({there} belongs to {owner})") };
    let words = format!("{user} may not write to {path} {what}{whose}");
    let cure = match (user, path == there) {
        ("root", _) => format!("root may not: it is mounted read-only; findmnt -T {there} on the host says how"),
        (user, true) => format!("on the host, as root: chown -R {user} {path}"),
        (user, false) => format!("on the host, as root: install -d -o {user} {path}"),
    };
    Some(Finding::must(words, &cure))
}

/// Whether there is room.
fn room(place: &Place) -> Option<Finding> {
    let at = &place.there;
    let inodes = |free: u64| format!("only {free} more files can be made at {at}: its inodes are used up");
    let space = |free: u64| format!("only {} are free at {at}", bytes_words(free.saturating_mul(1024)));
    match (place.free_kib, place.free_inodes) {
        (Some(free), _) if free < TOO_FULL_KIB => {
            Some(Finding::must(space(free), &format!("free space on the host: df -h {at}")))
        }
        (_, Some(free)) if free < TOO_FEW_INODES => {
            Some(Finding::must(inodes(free), &format!("remove files on the host that nobody needs: df -i {at}")))
        }
        (Some(free), _) if free < NEARLY_FULL_KIB => {
            Some(Finding::note(space(free), format!("free space on the host: df -h {at}")))
        }
        (_, Some(free)) if free < FEW_INODES => Some(Finding::note(inodes(free), format!("on the host: df -i {at}"))),
        _ => None,
    }
}

fn current(dir: &str, state: &Current) -> Option<Finding> {
    let entries = |count: &str| if count == "1" { "1 entry".to_owned() } else { format!("{count} entries") };
    match state {
        Current::Nothing | Current::Ours(_) => None,
        Current::Directory(count) => Some(Finding::must(
            format!("{dir}/current is a real directory with {}, where a push puts a link", entries(count)),
            &format!(
                "on the host, while the site stays as it is: mv {dir}/current {dir}/current.before-pushbutton && ln -s \
                 current.before-pushbutton {dir}/current"
            ),
        )),
        Current::File => Some(Finding::must(
            format!("{dir}/current is a file, where a push puts a link to a release"),
            &format!("on the host: mv {dir}/current {dir}/current.before-pushbutton"),
        )),
        Current::Elsewhere(to) => Some(Finding::note(
            format!("{dir}/current points to {to}, which Pushbutton has not made"),
            "the first push puts its own link there, and leaves that directory as it is",
        )),
        Current::Nowhere(to) => Some(Finding::note(
            format!("{dir}/current points to {to}, and nothing is there"),
            "the next push puts its own link there",
        )),
    }
}

fn umask(mask: u32) -> Option<Finding> {
    (mask & 0o055 != 0).then(|| {
        Finding::note(
            format!(
                "the login's umask is {mask:03o}: others cannot read what commands make there, a web server among them"
            ),
            "umask 022 in the login's start-up file on the host (.bashrc, .profile), or at the beginning of the command",
        )
    })
}

fn clock(clock_s: i64, (began, ended): (At, At)) -> Option<Finding> {
    let host = clock_s.saturating_mul(1000);
    // It said whole seconds, at some moment between the two.
    let behind = began.millis() - (host + 1000);
    let ahead = host - ended.millis();
    let (off, which) = if behind > ahead { (behind, "behind") } else { (ahead, "ahead of") };
    (off > CLOCK_MS).then(|| {
        Finding::note(
            format!("its clock is {} s {which} the push host's", off / 1000),
            "synchronize both clocks: timedatectl set-ntp true",
        )
    })
}

/// Hosts that are one machine, each with what is to be said of it.
pub(super) fn same_machines(machines: &[(String, String)]) -> Vec<(String, Finding)> {
    let mut by_machine: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (place, machine) in machines.iter().filter(|(_, machine)| machine.trim().contains(' ')) {
        by_machine.entry(machine).or_default().push(place);
    }
    let many = by_machine.into_values().filter(|places| places.len() > 1);
    many.flat_map(|places| {
        let words = format!(
            "{} are one machine: each command of a push to both runs there once for each name",
            places.join(" and ")
        );
        let finding = Finding::note(words, "list it once in a stage");
        places.into_iter().map(move |place| (place.to_owned(), finding.clone())).collect::<Vec<_>>()
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::parts::hosts::checkups::Weight;

    fn lines(found: &[Finding]) -> Vec<String> {
        let word = |weight| match weight {
            Weight::Must => "must",
            Weight::Note => "note",
        };
        found.iter().map(|one| format!("{}: {}: {}", word(one.weight), one.what, one.cure)).collect()
    }

    fn place(path: &str, there: &str) -> Place {
        let (path, there, owner) = (path.to_owned(), there.to_owned(), "root".to_owned());
        Place { path, there, is_dir: true, may_write: true, owner, free_kib: Some(1 << 30), free_inodes: Some(1 << 20) }
    }

    fn well() -> Facts {
        Facts {
            clock_s: 1_795_255_200,
            user: "deploy".to_owned(),
            umask: 0o022,
            machine: "boot web1".to_owned(),
            kind: "Linux x86_64".to_owned(),
            rsync: "rsync  version 3.2.7  protocol version 31".to_owned(),
            places: vec![(Use::Home, place("/home/deploy", "/home/deploy")), (Use::Release, place("/srv/web", "/srv"))],
            currents: vec![("/srv/web".to_owned(), Current::Ours("a-1".to_owned()))],
            ..Facts::default()
        }
    }

    fn told(facts: &Facts) -> Vec<String> {
        let at = At::from_millis(1_795_255_200_000);
        lines(&findings(facts, &BTreeSet::from([(Use::Release, "/srv/web".to_owned())]), (at, at)))
    }

    #[test]
    fn of_a_host_that_is_well_nothing_is_said_but_what_it_is_like() {
        assert_eq!(told(&well()), Vec::<String>::new());
        assert!(is(&well()).starts_with("Linux x86_64, as deploy, rsync 3.2.7, "), "{}", is(&well()));
    }

    #[test]
    fn each_thing_that_a_push_would_stumble_over_is_told_with_its_cure() {
        type Change = fn(&mut Facts);
        let table: &[(Change, &str)] = &[
            (
                |it| it.missing.push("rsync".into()),
                "must: `rsync` is not on the PATH of commands there: on the host: apt install rsync",
            ),
            (
                |it| it.missing.push("flock".into()),
                "must: `flock` is not on the PATH of commands there: on the host: apt install util-linux",
            ),
            (|it| it.lacks.push("find -printf".into()), "must: its `find` cannot do `find -printf`"),
            (|it| it.rsync = "rsync  version 3.1.3  protocol version 31".into(), "must: its rsync is too old"),
            (
                |it| it.places[1].1.may_write = false,
                "must: deploy may not write to /srv/web for releases (/srv belongs to root): on the host, as root: install -d -o deploy /srv/web",
            ),
            (
                |it| it.places[1].1 = Place { may_write: false, ..place("/srv/web", "/srv/web") },
                "chown -R deploy /srv/web",
            ),
            (|it| it.places[1].1.is_dir = false, "must: /srv blocks /srv/web"),
            (
                |it| it.places[0].1.there = "/home".into(),
                "must: the home directory of deploy, /home/deploy, is not there",
            ),
            (|it| it.places[1].1.free_kib = Some(100), "must: only 102"),
            (|it| it.places[1].1.free_inodes = Some(0), "must: only 0 more files can be made at /srv"),
            (|it| it.places[1].1.free_kib = Some(500 * 1024), "note: only "),
            (
                |it| it.currents[0].1 = Current::Directory("12".into()),
                "must: /srv/web/current is a real directory with 12 entries",
            ),
            (|it| it.currents[0].1 = Current::File, "must: /srv/web/current is a file"),
            (
                |it| it.currents[0].1 = Current::Elsewhere("/srv/old".into()),
                "note: /srv/web/current points to /srv/old, which Pushbutton has not made",
            ),
            (
                |it| it.currents[0].1 = Current::Nowhere("releases/x".into()),
                "note: /srv/web/current points to releases/x, and nothing",
            ),
            (|it| it.umask = 0o077, "note: the login's umask is 077"),
            (|it| it.clock_s -= 90, "note: its clock is 89 s behind the push host's"),
            (|it| it.clock_s += 90, "note: its clock is 90 s ahead of the push host's"),
        ];
        for (change, words) in table {
            let mut facts = well();
            change(&mut facts);
            let told = told(&facts);
            assert!(told.len() == 1 && told[0].contains(words), "{words}\n  gave {told:?}");
        }
    }

    #[test]
    fn a_stack_that_only_runs_commands_needs_no_rsync() {
        let mut facts = well();
        facts.missing.extend(["rsync".to_owned(), "paste".to_owned()]);
        let at = At::from_millis(1_795_255_200_000);
        assert_eq!(findings(&facts, &BTreeSet::new(), (at, at)), vec![]);
    }

    #[test]
    fn one_machine_under_two_names_is_told_of_both() {
        let host = |name: &str, machine: &str| (name.to_owned(), machine.to_owned());
        let told =
            same_machines(&[host("a", "boot web1"), host("b", "boot web2"), host("c", "boot web1"), host("d", " ")]);
        let places: Vec<&str> = told.iter().map(|(place, _)| place.as_str()).collect();
        assert_eq!(places, ["a", "c"]);
        assert!(told[0].1.what.starts_with("a and c are one machine"));
    }
}
