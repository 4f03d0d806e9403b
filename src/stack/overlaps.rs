//! Stacks that release to one directory of one host: each would prune and flip what the other lives from. Pure. It must never call two
//! hosts one when the stack files tell them apart. Called by `check` and by the server's shelf, over all stacks.

use super::{Command, Form, Host, Stack};
use std::collections::{BTreeMap, BTreeSet};

/// A stack, and where it was read from.
#[derive(Clone, Copy, Debug)]
pub struct Read<'a> {
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
}

/// What below a directory of releases belongs to its stack alone.
const ITS_OWN: [&str; 4] = ["releases", "current", ".verified", ".made"];

/// All pairs of stacks that release to one directory of one host, or into each other's releases.
pub fn overlaps(stacks: &[Read<'_>]) -> Vec<Overlap> {
    let mut by_name: BTreeMap<String, Vec<Place<'_>>> = BTreeMap::new();
    for (at, read) in stacks.iter().enumerate() {
        for stage in &read.stack.stages {
            let lists = [&stage.before, &stage.commands, &stage.finally, &stage.drop];
            let dirs: BTreeSet<&str> = lists.into_iter().flatten().flat_map(dirs).collect();
            for host in &stage.hosts {
                let name = host.address().trim_end_matches('.').to_ascii_lowercase();
                let places = dirs.iter().map(|dir| Place { stack: at, host, dir });
                by_name.entry(name).or_default().extend(places);
            }
        }
    }
    let mut found: BTreeMap<(usize, usize, &str, &str), BTreeSet<&str>> = BTreeMap::new();
    for places in by_name.values() {
        for (at, one) in places.iter().enumerate() {
            for other in places[at + 1..].iter().filter(|other| other.stack != one.stack) {
                let (one, other) = if one.stack < other.stack { (one, other) } else { (other, one) };
                if same(one.host, other.host) && meet(one.dir, other.dir) {
                    found.entry((one.stack, other.stack, one.dir, other.dir)).or_default().insert(one.host.name());
                }
            }
        }
    }
    let told = found.into_iter().map(|((one, other, dir, other_dir), hosts)| {
        let at = |read: &Read<'_>, dir: &str| match line_of(read.text, dir) {
            Some(line) => format!("{}:{line} releases to {dir}", read.file),
            None => format!("{} releases to {dir}", read.file),
        };
        let first = hosts.iter().next().copied().unwrap_or_default();
        let hosts = match hosts.len() {
            1 => first.to_owned(),
            more => format!("{first} and {} more hosts", more - 1),
        };
        let words = format!(
            "two stacks release to one directory of {hosts}: {}, and {}\nhint: give each stack a directory of its own: each flips \
             `current` and removes old releases in it",
            at(&stacks[one], dir),
            at(&stacks[other], other_dir)
        );
        Overlap { of: (one, other), words }
    });
    told.collect()
}

/// The directories that a command releases to or flips.
fn dirs(command: &Command) -> Vec<&str> {
    match &command.form {
        Form::Release(release) => vec![release.dir.as_str()],
        Form::Activate { dir } => vec![dir.as_str()],
        Form::Roll(list) => list.iter().flat_map(dirs).collect(),
        _ => Vec::new(),
    }
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
    let parts = |dir: &str| -> Vec<String> {
        dir.split('/').filter(|part| !part.is_empty() && *part != ".").map(str::to_owned).collect()
    };
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
    let quoted = [format!("\"{dir}\""), format!("'{dir}'")];
    let names = |line: &str| quoted.iter().any(|quoted| line.contains(quoted.as_str()));
    let lines = || text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with('#') && names(line));
    let release = lines().find(|(_, line)| line.contains("release"));
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
            Read { stack: &web, file: "stacks/web.toml", text: &texts[0] },
            Read { stack: &shop, file: "stacks/shop.toml", text: &texts[1] },
        ];
        overlaps(&reads).into_iter().map(|overlap| overlap.words).collect()
    }

    #[test]
    fn two_stacks_on_one_directory_of_one_host_are_told_with_file_and_line_of_both() {
        let words = told(("\"web1\", \"web2\", \"web3\"", "/srv/web"), ("\"web[2-3]\"", "/srv/web"));
        assert_eq!(
            words,
            [
                "two stacks release to one directory of web2 and 1 more hosts: stacks/web.toml:7 releases to /srv/web, and \
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
    fn two_stages_of_one_stack_may_share_a_directory() {
        let text = text("\"web1\"", "/srv/web");
        let text = format!(
            "{text}[[stage]]\nname = \"prod\"\nhosts = [\"web1\"]\ncommands = [{{ release = \"/srv/web\" }}]\n"
        );
        let stack = parse("web".parse().unwrap(), "x.toml", &text).unwrap();
        assert_eq!(overlaps(&[Read { stack: &stack, file: "x.toml", text: &text }]), []);
    }
}
