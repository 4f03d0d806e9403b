//! Stacks that release to one directory of one host, or copy over what another releases: each would prune, flip or delete what the
//! other lives from. Pure. It must never call two
//! hosts one when the stack files tell them apart. Called by `check` and by the server's shelf, over all stacks.

use super::{Command, Host, Stack, Writes};
use crate::size::counted;
use std::collections::{BTreeMap, BTreeSet};

/// A stack, and where it was read from.
#[derive(Clone, Copy, Debug)]
pub struct StackText<'a> {
    /// The stack.
    pub stack: &'a Stack,
    /// Its file, as people are told of it.
    pub file: &'a str,
    /// The file's text.
    pub text: &'a str,
}

/// Two stacks that are in each other's way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Overlap {
    /// The places of both in the list that was given.
    pub of: (usize, usize),
    /// What is wrong and where, in both files, and what to do.
    pub words: String,
}

/// One place that a stack releases to.
struct Place<'a> {
    stack: usize,
    host: &'a Host,
    dir: &'a str,
    does: Does,
}

/// What a stack does in a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Does {
    Releases,
    Copies,
    /// rsync with `delete`: what the build does not hold goes.
    Mirrors,
}

impl Does {
    fn words(self) -> &'static str {
        match self {
            Self::Releases => "releases to",
            Self::Copies => "copies to",
            Self::Mirrors => "copies with delete = true to",
        }
    }
}

/// What below a directory of releases belongs to its stack alone.
const ITS_OWN: [&str; 4] = ["releases", "current", ".verified", ".made"];

/// All pairs of stacks that release to one directory of one host, or into each other's releases.
pub fn overlaps(stacks: &[StackText<'_>]) -> Vec<Overlap> {
    let mut by_name: BTreeMap<String, Vec<Place<'_>>> = BTreeMap::new();
    for (at, read) in stacks.iter().enumerate() {
        for stage in &read.stack.stages {
            let lists = [&stage.before, &stage.commands, &stage.finally, &stage.drop];
            let dirs: BTreeSet<(&str, Does)> = lists.into_iter().flatten().flat_map(dirs).collect();
            for host in &stage.hosts {
                let name = host.address().trim_end_matches('.').to_ascii_lowercase();
                let places = dirs.iter().map(|(dir, does)| Place { stack: at, host, dir, does: *does });
                by_name.entry(name).or_default().extend(places);
            }
        }
    }
    type Pair<'a> = (usize, usize, (&'a str, Does), (&'a str, Does));
    let mut found: BTreeMap<Pair<'_>, BTreeSet<&str>> = BTreeMap::new();
    for places in by_name.values() {
        for (at, one) in places.iter().enumerate() {
            for other in places[at + 1..].iter().filter(|other| other.stack != one.stack) {
                let (one, other) = if one.stack < other.stack { (one, other) } else { (other, one) };
                if same(one.host, other.host) && harm(one, other) {
                    let pair = (one.stack, other.stack, (one.dir, one.does), (other.dir, other.does));
                    found.entry(pair).or_default().insert(one.host.name());
                }
            }
        }
    }
    let told = found.into_iter().map(|((one, other, dir, other_dir), hosts)| {
        let at = |read: &StackText<'_>, (dir, does): (&str, Does)| match line_of(read.text, dir) {
            Some(line) => format!("{}:{line} {} {dir}", read.file, does.words()),
            None => format!("{} {} {dir}", read.file, does.words()),
        };
        let both_release = dir.1 == Does::Releases && other_dir.1 == Does::Releases;
        let (what, why) = match both_release {
            true => ("two stacks release to one directory", "each flips `current` and removes old releases in it"),
            false => {
                ("a stack copies over what another one releases", "what rsync writes or deletes there is the other's")
            }
        };
        let first = hosts.iter().next().copied().unwrap_or_default();
        let hosts = match hosts.len() {
            1 => first.to_owned(),
            more => format!("{first} and {}", counted(more as u64 - 1, "more host")),
        };
        let words = format!(
            "{what} of {hosts}: {}, and {}\nhint: give each stack a directory of its own: {why}",
            at(&stacks[one], dir),
            at(&stacks[other], other_dir)
        );
        Overlap { of: (one, other), words }
    });
    told.collect()
}

/// The directories that a command releases to, flips or copies to; of a path with variables what stands before them.
fn dirs(command: &Command) -> Vec<(&str, Does)> {
    command.each().iter().filter_map(|command| command.form.writes()).map(dir).collect()
}

fn dir(written: Writes<'_>) -> (&str, Does) {
    match written {
        Writes::Releases(dir) => (dir, Does::Releases),
        // Below a variable it deletes in a directory of its own.
        Writes::Files { to, delete } => match to.split_once('{') {
            Some((before, _)) => (before, Does::Copies),
            None if delete => (to, Does::Mirrors),
            None => (to, Does::Copies),
        },
    }
}

/// Whether what one stack does harms what the other one releases.
fn harm(one: &Place<'_>, other: &Place<'_>) -> bool {
    match (one.does, other.does) {
        (Does::Releases, Does::Releases) => meet(one.dir, other.dir),
        (Does::Releases, does) => copies_over(other.dir, does, one.dir),
        (does, Does::Releases) => copies_over(one.dir, does, other.dir),
        // Two that copy may share a directory on purpose.
        (Does::Copies | Does::Mirrors, Does::Copies | Does::Mirrors) => false,
    }
}

/// Whether a copy to `to` reaches what belongs to the releases in `dir`: into it, or, where it deletes, from above or beside.
fn copies_over(to: &str, does: Does, dir: &str) -> bool {
    let (to, dir) = (parts(to), parts(dir));
    match to.strip_prefix(dir.as_slice()) {
        Some([]) => does == Does::Mirrors,
        Some([next, ..]) => ITS_OWN.contains(&next.as_str()),
        None => does == Does::Mirrors && dir.starts_with(&to),
    }
}

fn parts(dir: &str) -> Vec<String> {
    dir.split('/').filter(|part| !part.is_empty() && *part != ".").map(str::to_owned).collect()
}

/// Whether two hosts of one name may be one machine: another user is no other machine, another port or another way may be.
fn same(one: &Host, other: &Host) -> bool {
    let differ =
        |one: Option<String>, other: Option<String>| matches!((one, other), (Some(one), Some(other)) if one != other);
    let port = |host: &Host| host.port().map(|port| port.to_string());
    let jump = |host: &Host| host.jump().map(|jump| jump.name().to_ascii_lowercase());
    !differ(port(one), port(other)) && !differ(jump(one), jump(other))
}

/// Whether two directories are one, or one lies in what belongs to the other alone.
fn meet(one: &str, other: &str) -> bool {
    let (one, other) = (parts(one), parts(other));
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    match long.strip_prefix(short.as_slice()) {
        Some([]) => true,
        Some([next, ..]) => ITS_OWN.contains(&next.as_str()),
        None => false,
    }
}

/// The line of a file that names a directory to release to, from 1.
fn line_of(text: &str, dir: &str) -> Option<usize> {
    let slash = |quote: char| format!("{quote}{dir}/{quote}");
    // A variable may follow.
    let before = |quote: char| format!("{quote}{dir}{{");
    let quoted = [format!("\"{dir}\""), format!("'{dir}'"), slash('"'), slash('\''), before('"'), before('\'')];
    let names = |line: &str| quoted.iter().any(|quoted| line.contains(quoted.as_str()));
    let lines = || text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with('#') && names(line));
    let release = lines().find(|(_, line)| line.contains("release") || line.contains("rsync"));
    release.or_else(|| lines().next()).map(|(at, _)| at + 1)
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn text(hosts: &str, dir: &str) -> String {
        format!(
            "source = {{ git = \"x\", branch = \"main\" }}\n[[stage]]\nname = \"qa\"\nhosts = [{hosts}]\n# \"{dir}\"\ncommands = [\n  \
             {{ release = \"{dir}\" }},\n  {{ activate = \"{dir}\" }},\n]\n"
        )
    }

    fn told(one: (&str, &str), other: (&str, &str)) -> Vec<String> {
        let texts = [text(one.0, one.1), text(other.0, other.1)];
        let read = |at: usize, name: &str| parse(name.parse().unwrap(), "x.toml", &texts[at]).unwrap();
        let (web, shop) = (read(0, "web"), read(1, "shop"));
        let reads = [
            StackText { stack: &web, file: "stacks/web.toml", text: &texts[0] },
            StackText { stack: &shop, file: "stacks/shop.toml", text: &texts[1] },
        ];
        overlaps(&reads).into_iter().map(|overlap| overlap.words).collect()
    }

    #[test]
    fn two_stacks_on_one_directory_of_one_host_are_told_with_file_and_line_of_both() {
        let words = told(("\"web1\", \"web2\", \"web3\"", "/srv/web"), ("\"web[2-3]\"", "/srv/web"));
        assert_eq!(
            words,
            [
                "two stacks release to one directory of web2 and 1 more host: stacks/web.toml:7 releases to /srv/web, and \
              stacks/shop.toml:7 releases to /srv/web\nhint: give each stack a directory of its own: each flips `current` and \
              removes old releases in it"
            ]
        );
    }

    #[test]
    fn a_host_is_the_same_however_it_is_written_unless_port_or_way_tell_it_apart() {
        let table = [
            ("web1", "/srv/web", "deploy@web1", "/srv/web", true),
            ("web1", "/srv/web", "web1:22", "/srv/web", true),
            ("deploy@web1:2201", "/srv/web", "root@web1:2201", "/srv/web", true),
            ("WEB1", "/srv/web", "web1", "/srv/web", true),
            ("web1 via bastion", "/srv/web", "web1", "/srv/web", true),
            ("web1:2201", "/srv/web", "web1:2202", "/srv/web", false),
            ("web1 via eu", "/srv/web", "web1 via us", "/srv/web", false),
            ("web1", "/srv/web", "web2", "/srv/web", false),
            ("web1", "/srv/web", "web1", "/srv/web/releases/blog", true),
            ("web1", "/srv/web/current/blog", "web1", "/srv/web", true),
            ("web1", "/srv/web", "web1", "/srv/web/blog", false),
            ("web1", "/srv/web", "web1", "/srv/website", false),
        ];
        for (host, dir, other, other_dir, meet) in table {
            let words = told((&format!("\"{host}\""), dir), (&format!("\"{other}\""), other_dir));
            assert_eq!(words.len(), usize::from(meet), "{host} {dir}, {other} {other_dir}: {words:?}");
        }
        for (one, other) in [("/srv/web/", "/srv/web"), ("/srv//web", "/srv/web"), ("/srv/./web", "/srv/web")] {
            assert!(super::meet(one, other), "{one} {other}");
        }
    }

    #[test]
    fn a_copy_into_what_another_stack_releases_or_a_deleting_one_around_it_is_told() {
        let web = text("\"web1\"", "/srv/web");
        let stack = |text: &str| parse("web".parse().unwrap(), "x.toml", text).unwrap();
        for (rsync, told) in [
            ("to = \"/srv/web/\", delete = true", true),
            ("to = \"/srv/\", delete = true", true),
            ("to = \"/srv/web/\"", false),
            ("to = \"/srv/web/current/\"", true),
            ("to = \"/srv/web/shared/assets/\", delete = true", false),
            ("to = \"/srv/website/\", delete = true", false),
            ("to = \"/srv/web/{sha}/\", delete = true", false),
            ("to = \"/srv/web/releases/{sha}/\"", true),
        ] {
            let head = "source = { git = \"x\", branch = \"main\" }\n[[stage]]\nname = \"qa\"\nhosts = [\"web1\"]\n";
            let copies = format!("{head}commands = [{{ rsync = \"./\", {rsync} }}]\n");
            let (one, other) = (stack(&web), stack(&copies));
            let reads = [
                StackText { stack: &one, file: "stacks/web.toml", text: &web },
                StackText { stack: &other, file: "stacks/assets.toml", text: &copies },
            ];
            let words: Vec<String> = overlaps(&reads).into_iter().map(|overlap| overlap.words).collect();
            assert_eq!(words.len(), usize::from(told), "{rsync}: {words:?}");
            assert!(words.iter().all(|words| words.contains("assets.toml:5 copies")), "{words:?}");
        }
    }

    #[test]
    fn two_stages_of_one_stack_may_share_a_directory() {
        let text = text("\"web1\"", "/srv/web");
        let text = format!(
            "{text}[[stage]]\nname = \"prod\"\nhosts = [\"web1\"]\ncommands = [{{ release = \"/srv/web\" }}]\n"
        );
        let stack = parse("web".parse().unwrap(), "x.toml", &text).unwrap();
        assert_eq!(overlaps(&[StackText { stack: &stack, file: "x.toml", text: &text }]), []);
    }
}
