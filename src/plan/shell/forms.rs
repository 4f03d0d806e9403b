//! What `plan --shell` writes for each form of command, besides what all have. Pure. It must never let a value out of its quotes. Called by
//! `form`, which knows which form a command has.

use super::relay;
use super::texts::{FLIP, PREPARE, READ_BACK};
use super::words::{block, document, quoted};
use crate::stack::script::Piece;
use crate::stack::{
    Address, BuildId, FanOut, Release, Revision, Root, Rsync, RunsAs, Script, SecretSource, Source, VariablePath, Watch,
};
use std::collections::BTreeMap;
use std::path::Path;

/// What the lines of a command are made of, besides what it says itself.
pub struct ShellContext<'a> {
    /// The revision that the build is of.
    pub sha: &'a Revision,
    /// Where it comes from, of a build that is made.
    pub source: Option<&'a Source>,
    /// The part of the checkout that goes out, of a build that is made.
    pub ship: Option<&'a str>,
    /// The id of the build.
    pub build: &'a BuildId,
    /// The root hash of a build that exists.
    pub root: Option<&'a Root>,
    /// Where the mirror of its source lies, if it has one.
    pub mirror: &'a Path,
    /// Of all hosts.
    pub values: &'a BTreeMap<String, String>,
    /// The secrets of the plan.
    pub secrets: &'a BTreeMap<String, SecretSource>,
    /// Whether the command works on each host, be it in a roll.
    pub per_host: bool,
    /// As whom the command runs, where it runs on the push host.
    pub runs_as: RunsAs,
    /// How often the command is tried.
    pub tries: u32,
    /// How long it waits between two tries.
    pub every_s: u64,
    /// After this long a try is ended.
    pub timeout_s: u64,
}

/// The lines of a command.
pub enum Lines {
    /// Once, on the push host.
    Once(String),
    /// The body of a function that gets a host as `$1`.
    OnHosts(String),
}

/// Brings the revision to a new directory.
pub fn check_out(context: &ShellContext<'_>) -> String {
    let bring = context.source.map(|source| source.by_hand(context.sha, context.mirror)).unwrap_or_default();
    format!("work=$(mktemp -d)\ntrap 'rm -rf -- \"$work\"' EXIT\nmkdir -- \"$work/checkout\"\n{bring}")
}

/// The same kinds and modes as a frozen build has.
pub fn freeze(context: &ShellContext<'_>) -> String {
    let ship = context.ship.map(|ship| format!("/{ship}")).unwrap_or_default();
    format!(
        "build=$work/checkout{}\nfind \"$build\" -name .git -prune -exec rm -rf -- {{}} +\n\
         find \"$build\" -type d -exec chmod 755 {{}} +\nfind \"$build\" -type f -perm -u+x -exec chmod 755 {{}} +\n\
         find \"$build\" -type f ! -perm -u+x -exec chmod 644 {{}} +\n",
        quoted(&ship)
    )
}

/// A script that runs once on the push host, in this directory.
pub fn here(dir: &str, script: &Script) -> String {
    format!("here \"{dir}\" {}", document(&block(script)))
}

/// A script of a stage that runs on the push host once.
pub fn near(script: &Script, context: &ShellContext<'_>) -> String {
    format!("{} {}", place_of(context), document(&block(script)))
}

/// A script of a stage that runs on the push host for a host.
pub fn near_for_host(script: &Script, context: &ShellContext<'_>) -> String {
    format!("  {{ named \"$1\"; cat {}  }} | {}\n", document(&block(script)), place_of(context))
}

/// Where it runs.
fn place_of(context: &ShellContext<'_>) -> &'static str {
    match context.runs_as {
        RunsAs::Committer => "here \"$build\"",
        RunsAs::Operator => "outside",
    }
}

/// A script that runs on a host, without the end of its line.
pub fn far(script: &Script, context: &ShellContext<'_>) -> String {
    let values = values_of(script, context);
    format!("{{ {values}; named \"$1\"; cat {}  }} | remote \"$1\" /bin/sh -s", document(&block(script)))
}

/// What a script on a host is given before it begins.
fn values_of(script: &Script, context: &ShellContext<'_>) -> &'static str {
    match context.secrets.keys().any(|name| script.takes(name)) {
        true => "values; secrets",
        false => "values",
    }
}

/// A question to who works by hand.
pub fn asked(question: &str) -> String {
    format!("asked {}\n", quoted(question))
}

/// A value of Prometheus, read once; who works by hand looks on, and says whether it is well.
pub fn watched(watch: &Watch, values: &BTreeMap<String, String>) -> String {
    let mut url = watch.url.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(["api", "v1", "query"]);
    }
    let query = quoted(&format!("query={}", watch.filled(values)));
    let ask = format!("curl -q -sS --noproxy '*' -G --data-urlencode {query} -- {}\n", quoted(url.as_str()));
    format!("{ask}asked {}\n", quoted(&format!("Is it well? {}", watch.words(values))))
}

/// Asks an address until it answers 2xx. A host's name is plain, and stands outside of the quotes of the rest.
pub fn checked(address: &Address, context: &ShellContext<'_>) -> String {
    let is_host = |piece: &Piece| matches!(piece, Piece::Var(name) if name == "PUSH_HOST");
    let part = |piece: &Piece| match is_host(piece) {
        true => "\"$host\"".to_owned(),
        false => quoted(&Address { pieces: vec![piece.clone()] }.filled(context.values)),
    };
    let url: String = address.pieces.iter().map(part).collect();
    let ask = format!(
        "case $(curl -q -sS -g --noproxy '*' --proto '=http,https' --max-time {} -o /dev/null -w '%{{http_code}}' -- {url}) \
         in 2??) ;; *) false ;; esac",
        context.timeout_s
    );
    until(&ask, context)
}

/// A command that is tried as often as it says.
pub fn until(ask: &str, context: &ShellContext<'_>) -> String {
    format!(
        "  try=1\n  until {ask}; do\n    [ \"$try\" -lt {} ] || exit 1\n    try=$((try + 1)); sleep {}\n  done\n",
        context.tries, context.every_s
    )
}

/// A value that cannot stand in its path stops the script there, as it stops a push.
pub fn rsync(what: &Rsync, values: &BTreeMap<String, String>) -> String {
    if let Err(bad) = what.from.check(values).and_then(|()| what.to.check(values)) {
        return format!("  echo {} >&2; exit 1\n", quoted(&bad.to_string()));
    }
    let of_host = what.from.names_host() || what.to.names_host();
    let name = if of_host { "  parts \"$1\"; name=${host#\\[} name=${name%\\]}\n" } else { "" };
    let (from, to) = (path(&what.from, values), path(&what.to, values));
    let mut words = vec![format!("{name}  copy \"$1\""), format!("\"$build\"/{from}"), to];
    words.extend(what.delete.then(|| "--delete-delay".to_owned()));
    words.extend(what.compress.then(|| "-z".to_owned()));
    words.extend(what.exclude.iter().map(|pattern| quoted(&format!("--exclude={pattern}"))));
    words.extend(what.options.iter().map(|option| quoted(option)));
    format!("{}\n", words.join(" "))
}

/// A path as one word. A host's name stands outside of the quotes of the rest.
fn path(path: &VariablePath, values: &BTreeMap<String, String>) -> String {
    let mut word = String::new();
    let mut text = String::new();
    for piece in path.pieces() {
        match piece {
            Piece::Var(name) if name == "PUSH_HOST" => {
                word.push_str(&if text.is_empty() { String::new() } else { quoted(&std::mem::take(&mut text)) });
                word.push_str("\"$name\"");
            }
            Piece::Var(name) => text.push_str(values.get(&name).map_or("", String::as_str)),
            Piece::Text(plain) => text.push_str(&plain),
        }
    }
    if !text.is_empty() {
        word.push_str(&quoted(&text));
    }
    word
}

/// Beside what is live, hard links for what did not change; then every byte is compared once more, and must be the same.
pub fn release(what: &Release, context: &ShellContext<'_>) -> String {
    let (dir, build) = (&what.dir, context.build);
    let mut excludes = "--exclude=/REVISION".to_owned();
    let mut finish = format!(
        "set -eu\numask 022\ncd -- {}\nchmod 755 .\nprintf '%s\\n' {} >REVISION\n",
        quoted(&format!("{dir}/releases/{build}")),
        context.sha
    );
    // What must be there is looked at before anything is brought.
    let mut look = String::new();
    for name in what.shared_names() {
        excludes.push_str(&format!(" {}", quoted(&format!("--exclude=/{}", name.name))));
        let shared = quoted(&format!("{dir}/shared/{}", name.name));
        look.push_str(&match name.made {
            true => format!("mkdir -p -- {shared}\n"),
            false => format!("[ -e {shared} ] || {{ echo {shared} is missing >&2; exit 1; }}\n"),
        });
        for parent in name.parents() {
            finish.push_str(&format!("mkdir -p -- {}\n", quoted(parent)));
        }
        finish.push_str(&format!("ln -sfn -- {} {}\n", quoted(&name.target()), quoted(name.name)));
    }
    let to = quoted(&format!("{dir}/releases/{build}/"));
    let verified = match context.root {
        Some(root) => {
            let mark = quoted(&format!("{dir}/.verified/{build}"));
            format!("  remote \"$1\" /bin/sh -s {}", document(&format!("printf '%s\\n' {root} >{mark}\n")))
        }
        None => String::new(),
    };
    let z = if what.compress { " -z" } else { "" };
    let direct = format!("copy \"$1\" \"$build\"/ {to} --delete {excludes}{z} ${{live:+\"--link-dest=../$live\"}}\n");
    let bring = match &what.fan_out {
        FanOut::Direct => format!("  {direct}"),
        FanOut::Relay(relay) => {
            relay::fed(relay, &format!("{dir}/releases/{build}/"), &format!("{excludes}{z}"), &direct)
        }
    };
    format!(
        "  live=$({{ located; cat {}  }} | remote \"$1\" /bin/sh -s)\n{bring}  remote \"$1\" /bin/sh -s {}  differ=$(copy \"$1\" \"$build\"/ {to} \
         --checksum --dry-run --delete --omit-dir-times --out-format=%n {excludes})\n  \
         [ -z \"$differ\" ] || {{ echo \"$1 differs: $differ\" >&2; exit 1; }}\n{verified}",
        document(&format!("{look}{}", PREPARE.replace("DIR", &quoted(dir)).replace("BUILD", build.as_str()))),
        document(&finish),
    )
}

/// Flips `current` of a host.
pub fn flip(dir: &str, context: &ShellContext<'_>) -> String {
    on_host(FLIP, dir, context.build)
}

/// Asks a host what is live.
pub fn read_back(dir: &str, context: &ShellContext<'_>) -> String {
    on_host(READ_BACK, dir, context.build)
}

fn on_host(script: &str, dir: &str, build: &BuildId) -> String {
    let script = script.replace("DIR", &quoted(dir)).replace("BUILD", build.as_str());
    format!("  {{ located; cat {}  }} | remote \"$1\" /bin/sh -s\n", document(&script))
}
