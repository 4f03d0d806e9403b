//! A plan as a plain shell script of `ssh` and `rsync` lines, for the day when there is nothing but a shell: what
//! Pushbutton would do, without its journal, locks, guards and announcements. Pure. It must never put a value where a shell
//! would read it as code: each is a word in single quotes, and scripts are the very texts that a push runs.

mod locate;
mod relay;
mod texts;
mod words;

pub use locate::LOCATE;

use super::{BuildFrom, Part, Plan, PlannedCommand, PlannedForm};
use crate::stack::script::Piece;
use crate::stack::{Address, BuildId, Check, FanOut, Release, Rsync, Script, SecretSource, VariablePath, Who};
use std::collections::BTreeMap;
use std::path::PathBuf;
use texts::{FLIP, FUNCTIONS, PREPARE, READ_BACK, SECRETS};
use words::{block, by_hand, document, place, quoted};

/// Where things lie on the push host, and whose hand it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByHand {
    /// Who asked for the script.
    pub who: Who,
    /// The server's address.
    pub url: String,
    /// The id of the build, which is made or exists.
    pub build: BuildId,
    /// The tree of a build that exists.
    pub tree: PathBuf,
    /// The git mirror that a build is made from.
    pub mirror: PathBuf,
    /// The operator's own ssh configuration.
    pub ssh_config: Option<PathBuf>,
}

/// Writes the script of a plan.
pub fn script(plan: &Plan, hand: &ByHand) -> String {
    let mut values = plan.values();
    values.extend(
        [
            ("PUSH_ID", "0"),
            ("PUSH_BUILD", hand.build.as_str()),
            ("PUSH_WHO", hand.who.as_str()),
            ("PUSH_REASON", "by hand"),
            ("PUSH_URL", &hand.url),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    let mut out = format!(
        "#!/bin/sh\n# {} to {} by hand: {}, plan {}\n# Run it on the push host as the server's user. The ledger learns \
         nothing of it, nobody is told, and nothing keeps two\n# people from doing it at once: hold the stack first, and \
         push once more when Pushbutton is back.\nset -eu\n",
        plan.stack,
        plan.stage,
        plan.sha,
        plan.hash()
    );
    if let BuildFrom::Existing { .. } = plan.build {
        out.push_str(&format!("build={}\n", quoted(&hand.tree.display().to_string())));
    }
    let exports: String = values.iter().map(|(name, value)| format!("export {name}={}\n", quoted(value))).collect();
    out.push_str(&format!("\nvalues() {{\n  cat {}}}\neval \"$(values)\"\n", document(&exports)));
    out.push_str(&secrets(plan));
    out.push_str(&ways(plan));
    out.push_str(&FUNCTIONS.replace("SSH_OPTIONS", &ssh_options(hand)).replace("LOCATED", &document(LOCATE)));
    if plan.commands.iter().any(|command| command.form.relay().is_some()) {
        out.push_str(relay::IN_ROUNDS);
    }
    let mut roll = Vec::new();
    for (number, (command, title)) in (1..).zip(plan.commands.iter().zip(plan.titles(&values))) {
        if command.part.is_conditional() {
            // Who works by hand decides by hand what a failure means.
            out.push_str(&format!("\n# {number}. {title}: only after a failure, so it is not written out here\n"));
            continue;
        }
        let on = match command.per_host() {
            true => format!(" ({} hosts, {})", plan.hosts.len(), command.batch_words(plan.hosts.len())),
            false => " (push host)".to_owned(),
        };
        let always = if command.part == Part::Finally { "; do this whatever came of the rest" } else { "" };
        let lines = lines(plan, hand, number, command, &values);
        out.push_str(&format!("\n# {number}. {title}{on}{always}\n{lines}"));
        let Some(its) = &command.roll else { continue };
        roll.push(format!("command_{number} \"$1\""));
        if !plan.commands.get(number).is_some_and(|next| next.rolls_with(command)) {
            let name = format!("roll_{}", its.number);
            out.push_str(&format!("\n{name}() {{ {}; }}\n{}", roll.join(" && "), batches(plan, command, &name)));
            roll.clear();
        }
    }
    out
}

/// A line for each growing batch, with the question before the next one where the plan asks; and one for the rest.
fn batches(plan: &Plan, command: &PlannedCommand, function: &str) -> String {
    let total = plan.hosts.len();
    let mut hosts = plan.hosts.iter().map(by_hand);
    let mut line = |size: usize, width: usize| {
        let names: Vec<String> = hosts.by_ref().take(size).collect();
        format!("at_once {function} {width} {}\n", names.join(" "))
    };
    let growing: Vec<usize> = command.batches(total).into_iter().take(command.grow.len()).collect();
    let rest = total - growing.iter().sum::<usize>();
    let mut lines: Vec<String> = growing.iter().map(|size| line(*size, *size)).collect();
    lines.extend((rest > 0).then(|| line(rest, command.at_once(total))));
    let between = command.confirm.as_ref().map(|question| format!("asked {}\n", quoted(&question.text)));
    lines.join(between.as_deref().unwrap_or_default())
}

/// Reads the plan's secrets from where they are found, and hands them to the hosts with the other values.
fn secrets(plan: &Plan) -> String {
    let mut out = String::new();
    for (name, source) in &plan.secrets {
        let found = match source {
            SecretSource::Env(variable) => format!("${{{variable}:?is not set}}"),
            SecretSource::File(path) => format!("$(cat -- {})", quoted(path)),
            SecretSource::Credential(credential) => {
                format!("$(cat -- \"${{CREDENTIALS_DIRECTORY:?is not set}}\"/{})", quoted(credential))
            }
        };
        out.push_str(&format!("{name}=\"{found}\"; export {name}\n"));
    }
    let names: Vec<&str> = plan.secrets.keys().map(String::as_str).collect();
    if !names.is_empty() {
        out.push_str(&SECRETS.replace("NAMES", &names.join(" ")));
    }
    out
}

/// What a script on a host is given before it begins.
fn given(plan: &Plan, script: &Script) -> &'static str {
    match plan.secrets.keys().any(|name| script.takes(name)) {
        true => "values; secrets",
        false => "values",
    }
}

/// `way HOST`: the jump host that leads to it, if any.
fn ways(plan: &Plan) -> String {
    let mut by_jump: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (host, jump) in plan.hosts.iter().filter_map(|host| Some((host, host.jump()?))) {
        by_jump.entry(jump.jump_word()).or_default().push(quoted(&place(host)));
    }
    let cases = by_jump.iter().map(|(jump, hosts)| way(hosts, jump));
    format!("\n# way HOST: its jump host\nway() {{\n  case $1 in\n{}  esac\n}}\n", cases.collect::<String>())
}

/// The case of the hosts behind a jump host. Some shells' `echo` takes a backslash away, and users of a domain have two.
fn way(hosts: &[String], jump: &str) -> String {
    format!("    {}) printf '%s\\n' {} ;;\n", hosts.join("|"), quoted(jump))
}

fn lines(
    plan: &Plan,
    hand: &ByHand,
    number: usize,
    command: &PlannedCommand,
    values: &BTreeMap<String, String>,
) -> String {
    let body = match &command.form {
        PlannedForm::Checkout => return check_out(plan, hand),
        PlannedForm::Build(script) => return format!("here \"$work/checkout\" {}", document(&block(script))),
        PlannedForm::Freeze => return freeze(plan),
        PlannedForm::Confirm(question) => return format!("asked {}\n", quoted(question)),
        PlannedForm::Local(script) if !command.per_host() => {
            return format!("here \"$build\" {}", document(&block(script)));
        }
        PlannedForm::Local(script) => {
            format!("  {{ named \"$1\"; cat {}  }} | here \"$build\"\n", document(&block(script)))
        }
        PlannedForm::Run(script) => {
            format!(
                "  {{ {}; named \"$1\"; cat {}  }} | remote \"$1\" /bin/sh -s\n",
                given(plan, script),
                document(&block(script))
            )
        }
        PlannedForm::Check(Check::Run(script)) => {
            let ask = format!(
                "{{ {}; named \"$1\"; cat {}  }} | remote \"$1\" /bin/sh -s",
                given(plan, script),
                document(&block(script))
            );
            until(&ask, command)
        }
        PlannedForm::Check(Check::Http(address)) if !command.per_host() => return checked(address, command, values),
        PlannedForm::Check(Check::Http(address)) => {
            format!("  parts \"$1\"\n{}", checked(address, command, values))
        }
        PlannedForm::Rsync(what) => rsync(what, values),
        PlannedForm::Release(what) => release(plan, hand, what),
        PlannedForm::Activate { dir } => on_host(FLIP, dir, &hand.build),
        PlannedForm::ReadBack { dirs } => dirs.iter().map(|dir| on_host(READ_BACK, dir, &hand.build)).collect(),
    };
    let function = format!("command_{number}");
    let run = match (&command.roll, command.form.relay()) {
        (Some(_), _) => String::new(),
        (None, Some(relay)) => {
            let hosts: Vec<String> = plan.hosts.iter().map(by_hand).collect();
            format!("in_rounds {function} {} {}\n", relay.seeds, hosts.join(" "))
        }
        (None, None) => batches(plan, command, &function),
    };
    format!("{function}() {{\n{body}}}\n{run}")
}

/// Asks an address until it answers 2xx. A host's name is plain, and stands outside of the quotes of the rest.
fn checked(address: &Address, command: &PlannedCommand, values: &BTreeMap<String, String>) -> String {
    let is_host = |piece: &Piece| matches!(piece, Piece::Var(name) if name == "PUSH_HOST");
    let part = |piece: &Piece| match is_host(piece) {
        true => "\"$host\"".to_owned(),
        false => quoted(&Address { pieces: vec![piece.clone()] }.filled(values)),
    };
    let url: String = address.pieces.iter().map(part).collect();
    let ask = format!(
        "case $(curl -q -sS -g --noproxy '*' --proto '=http,https' --max-time {} -o /dev/null -w '%{{http_code}}' -- {url}) \
         in 2??) ;; *) false ;; esac",
        command.timeout_s
    );
    until(&ask, command)
}

/// A command that is tried as often as it says.
fn until(ask: &str, command: &PlannedCommand) -> String {
    format!(
        "  try=1\n  until {ask}; do\n    [ \"$try\" -lt {} ] || exit 1\n    try=$((try + 1)); sleep {}\n  done\n",
        command.tries, command.every_s
    )
}

fn check_out(plan: &Plan, hand: &ByHand) -> String {
    let bring = match &plan.build {
        BuildFrom::Made { source, .. } => source.by_hand(&plan.sha, &hand.mirror),
        // It is there, and no command of its plan checks anything out.
        BuildFrom::Existing { .. } => String::new(),
    };
    format!("work=$(mktemp -d)\ntrap 'rm -rf -- \"$work\"' EXIT\nmkdir -- \"$work/checkout\"\n{bring}")
}

/// The same kinds and modes as a frozen build has.
fn freeze(plan: &Plan) -> String {
    let ship = match &plan.build {
        BuildFrom::Made { ship: Some(ship), .. } => format!("/{ship}"),
        BuildFrom::Made { ship: None, .. } | BuildFrom::Existing { .. } => String::new(),
    };
    format!(
        "build=$work/checkout{}\nfind \"$build\" -name .git -prune -exec rm -rf -- {{}} +\n\
         find \"$build\" -type d -exec chmod 755 {{}} +\nfind \"$build\" -type f -perm -u+x -exec chmod 755 {{}} +\n\
         find \"$build\" -type f ! -perm -u+x -exec chmod 644 {{}} +\n",
        quoted(&ship)
    )
}

/// A value that cannot stand in its path stops the script there, as it stops a push.
fn rsync(what: &Rsync, values: &BTreeMap<String, String>) -> String {
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
fn release(plan: &Plan, hand: &ByHand, what: &Release) -> String {
    let (dir, build) = (&what.dir, &hand.build);
    let mut excludes = "--exclude=/REVISION".to_owned();
    let mut finish = format!(
        "set -eu\numask 022\ncd -- {}\nchmod 755 .\nprintf '%s\\n' {} >REVISION\n",
        quoted(&format!("{dir}/releases/{build}")),
        plan.sha
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
    let verified = match &plan.build {
        BuildFrom::Existing { root, .. } => {
            let mark = quoted(&format!("{dir}/.verified/{build}"));
            format!("  remote \"$1\" /bin/sh -s {}", document(&format!("printf '%s\\n' {root} >{mark}\n")))
        }
        BuildFrom::Made { .. } => String::new(),
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

fn on_host(script: &str, dir: &str, build: &BuildId) -> String {
    let script = script.replace("DIR", &quoted(dir)).replace("BUILD", build.as_str());
    format!("  {{ located; cat {}  }} | remote \"$1\" /bin/sh -s\n", document(&script))
}

fn ssh_options(hand: &ByHand) -> String {
    let config = hand.ssh_config.as_ref().map(|file| format!("-F {} ", quoted(&file.display().to_string())));
    format!("{}-o BatchMode=yes -o StrictHostKeyChecking=yes", config.unwrap_or_default())
}

#[cfg(test)]
mod tests;
