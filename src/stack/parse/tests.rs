use super::super::{Check, FanOut, Form, OnFailure, Policy, Relay};
use super::*;
use insta::assert_snapshot;
use proptest::prelude::*;
use std::time::Duration;

/// The smallest good stack, with room for more at its beginning and in its one stage.
fn stack(top: &str, stage: &str) -> String {
    format!(
        "source = {{ git = \"https://git.example.com/web.git\", branch = \"main\" }}\n{top}\n[[stage]]\nname = \"qa\"\n{stage}\n"
    )
}

fn parse_text(text: &str) -> Result<Stack, Vec<Diagnostic>> {
    parse("web".parse().unwrap(), "stacks/web.toml", text)
}

/// What a person reads.
fn told(text: &str) -> String {
    match parse_text(text) {
        Ok(_) => panic!("this must be refused:\n{text}"),
        Err(diagnostics) => {
            diagnostics.iter().map(|one| format!("{one}\n\n")).collect::<String>().trim_end().to_owned()
        }
    }
}

/// The errors alone, one line each.
fn titles(text: &str) -> Vec<String> {
    parse_text(text).unwrap_err().into_iter().map(|one| format!("{}:{}: {}", one.line, one.column, one.title)).collect()
}

/// The errors of one command on one stage.
fn command_titles(command: &str) -> Vec<String> {
    titles(&stack("", &format!("hosts = [\"a\"]\ncommands = [\n{command}\n]")))
}

fn good(text: &str) -> Stack {
    parse_text(text).unwrap_or_else(|errors| panic!("{}", errors.iter().map(|e| format!("{e}\n")).collect::<String>()))
}

#[test]
fn a_whole_stack_is_read() {
    let stack = good(include_str!("../../../stacks/web.toml"));
    assert_eq!(stack.title, "Web");
    assert_eq!(stack.ship.as_deref(), Some("dist"));
    let names: Vec<_> = stack.stages.iter().map(|stage| (stage.name.as_str(), stage.button.as_str())).collect();
    assert_eq!(names, [("qa", "Push to QA"), ("princess", "Save the Princess"), ("prod", "PROD!!!")]);
    let prod = &stack.stages[2];
    assert_eq!(prod.hosts.len(), 41);
    assert_eq!(prod.hosts[39].to_string(), "web040.example.com");
    assert_eq!(prod.hosts[40].to_string(), "deploy@web-spare.example.com:2222");
    let roll_out = stack.stages[0].commands.len();
    assert_eq!(prod.commands.len(), roll_out + 2);
    assert!(matches!(&prod.commands[2].form, Form::Activate { dir } if dir == "/srv/web"));
    assert_eq!(prod.commands[2].chunk, 41, "a flip runs at full width");
    assert_eq!(prod.commands[3].timeout, Duration::from_secs(30));
    assert_eq!(prod.commands[0].timeout, Duration::from_secs(15 * 60));
    assert_eq!(stack.stage_before(&"princess".parse().unwrap()).unwrap().name.as_str(), "qa");
    assert_eq!(stack.stage_before(&"qa".parse().unwrap()), None);
}

#[test]
fn limits_come_from_the_command_then_the_stage_then_the_stack() {
    let text = stack(
        "chunk = 3\ntimeout = \"1m\"",
        "hosts = [\"h[1-8]\"]\nchunk = \"50%\"\ncommands = [{ run = \"a\" }, { run = \"b\", chunk = 2, timeout = \"5s\" }]",
    );
    let stack = good(&text);
    let limits: Vec<_> = stack.stages[0].commands.iter().map(|c| (c.chunk, c.timeout.as_secs())).collect();
    assert_eq!(limits, [(4, 60), (2, 5)]);
    assert_eq!(stack.build_timeout.as_secs(), 60);
}

#[test]
fn unknown_keys_are_told_with_what_was_meant() {
    assert_snapshot!(told(r#"titel = "x"
source = { git = "/srv/git/web", brnch = "main", branch = "main" }
[[stage]]
name = "qa"
hots = []
hosts = ["a"]
commands = [{ run = "x", tiemout = "5s", frobnicate = 1 }]"#), @r#"
    error: unknown key `titel` in a stack file
     --> stacks/web.toml:1:1
      |
    1 | titel = "x"
      | ^^^^^
      |
      = help: did you mean `title`?

    error: unknown key `brnch` in `source`
     --> stacks/web.toml:2:34
      |
    2 | source = { git = "/srv/git/web", brnch = "main", branch = "main" }
      |                                  ^^^^^
      |
      = help: did you mean `branch`?

    error: unknown key `hots` in a stage
     --> stacks/web.toml:5:1
      |
    5 | hots = []
      | ^^^^
      |
      = help: did you mean `hosts`?

    error: unknown key `tiemout` in a command
     --> stacks/web.toml:7:26
      |
    7 | commands = [{ run = "x", tiemout = "5s", frobnicate = 1 }]
      |                          ^^^^^^^
      |
      = help: did you mean `timeout`?

    error: unknown key `frobnicate` in a command
     --> stacks/web.toml:7:42
      |
    7 | commands = [{ run = "x", tiemout = "5s", frobnicate = 1 }]
      |                                          ^^^^^^^^^^
      |
      = help: a command may have: local, run, rsync, release, activate, check, roll, confirm, watch, as, to, delete, exclude, options, keep, shared, query, max, min, of, for, name, chunk, timeout, quiet, tries, every, on_failure, max_failed, fan_out, compress
    "#);
}

#[test]
fn how_a_release_reaches_the_hosts_is_said_by_it_its_stage_or_the_stack() {
    let bring = |top: &str, stage: &str, command: &str| {
        let commands = format!("hosts = [\"web[1-20]\"]\n{stage}\ncommands = [{command}]");
        let commands = good(&stack(top, &commands)).stages[0].commands.clone();
        let Form::Release(release) = &commands[0].form else { panic!("{commands:?}") };
        (release.fan_out.clone(), release.compress, commands[0].chunk)
    };
    let release = "{ release = \"/srv/web\" }";
    assert_eq!(bring("", "", release), (FanOut::Direct, false, 10));
    assert_eq!(bring("compress = true", "", release), (FanOut::Direct, true, 10));
    let plain = FanOut::Relay(Relay::default());
    assert_eq!(bring("fan_out = \"relay\"\nchunk = 2", "", release), (plain.clone(), true, 20), "as wide as it goes");
    let own = "{ release = \"/srv/web\", fan_out = \"relay\", compress = false, chunk = 4 }";
    assert_eq!(bring("", "", own), (plain, false, 4));
    assert_eq!(bring("fan_out = \"relay\"", "fan_out = \"direct\"", release).0, FanOut::Direct);
    let top = "relay = { key = \"~/.ssh/relay\", user = \"feed\", seeds = 7, width = 2 }";
    let relay =
        Relay { key: Some("~/.ssh/relay".to_owned()), agent: None, user: Some("feed".to_owned()), width: 2, seeds: 7 };
    assert_eq!(bring(top, "fan_out = \"relay\"", release).0, FanOut::Relay(relay));
    let agent = Relay { agent: Some("/run/agent".to_owned()), ..Relay::default() };
    let stage = "fan_out = \"relay\"\nrelay = { agent = \"/run/agent\" }";
    assert_eq!(bring(top, stage, release).0, FanOut::Relay(agent));
}

#[test]
fn what_cannot_be_passed_on_is_refused() {
    let found = titles(&stack(
        "fan_out = \"rely\"\nrelay = { key = \"a b\", user = \"-x\", width = 0, depth = 1 }",
        "hosts = [\"a\"]\ncommands = [{ run = \"x\", fan_out = \"relay\", compress = true }, { rsync = \"a/\", to = \"/b\", fan_out = \"relay\" }]",
    ));
    let found: Vec<&str> = found.iter().map(|title| title.splitn(3, ':').nth(2).unwrap().trim()).collect();
    assert_eq!(
        found,
        [
            "`rely` is not a way for a release to reach hosts",
            "path `a b` is not allowed",
            "user `-x` is not allowed",
            "0 is out of range: it must be 1 to 10",
            "unknown key `depth` in `relay`",
            "`run` has no `fan_out`: it copies nothing that hosts could pass on",
            "`run` has no `compress`: it brings no files",
            "`rsync` has no `fan_out`: only a release is verified on the hosts, so only a release is passed on",
        ]
    );
}

#[test]
fn what_this_version_has_not_is_refused_and_never_ignored() {
    assert_snapshot!(told(&stack("", r#"hosts = ["a"]
commands = [
{ run = "x", hosts = "qa" },
]
allow_skip = true"#)), @r#"
    error: this version of Pushbutton does not have `hosts` yet
     --> stacks/web.toml:7:14
      |
    7 | { run = "x", hosts = "qa" },
      |              ^^^^^
      |
      = help: remove it for now: it would have no effect

    error: this version of Pushbutton does not have `allow_skip` yet
     --> stacks/web.toml:9:1
      |
    9 | allow_skip = true
      | ^^^^^^^^^^
      |
      = help: remove it for now: it would have no effect
    "#);
}

#[test]
fn a_roll_is_a_list_with_shared_lists_put_in_and_its_own_batches() {
    let lists =
        "[lists]\nrestart = [{ run = \"restart\", timeout = \"5s\" }, { check = \"http://{host}/\", tries = 3 }]";
    let text = stack(
        lists,
        r#"hosts = ["web[1-8]"]
chunk = 4
commands = [
  { release = "/srv/web" },
  { confirm = "Ready?", timeout = "2m" },
  { roll = ["./lb out {host}", { activate = "/srv/web" }, "@restart", "sleep 1"], chunk = [1, "50%"], max_failed = 2, confirm = "Canary fine?" },
  { run = "true", chunk = [1, 2], confirm = { ask = "Go on?", timeout = "1h" } },
]"#,
    );
    let commands = &good(&text).stages[0].commands;
    assert_eq!((&commands[1].form, commands[1].timeout.as_secs()), (&Form::Confirm("Ready?".to_owned()), 120));
    let roll = &commands[2];
    let Form::Roll(inner) = &roll.form else { panic!("{roll:?}") };
    assert_eq!(inner.len(), 5);
    assert_eq!((&roll.grow[..], roll.chunk, roll.policy.max_failed), (&[1][..], 4, 2));
    assert_eq!(inner[2].timeout.as_secs(), 5);
    assert_eq!(inner[3].tries, 3);
    assert_eq!(
        roll.confirm,
        Some(crate::stack::Question {
            text: "Canary fine?".to_owned(),
            timeout_s: 1800,
            by: crate::stack::AnswerBy::Anyone
        })
    );
    assert_eq!(
        commands[3].confirm,
        Some(crate::stack::Question { text: "Go on?".to_owned(), timeout_s: 3600, by: crate::stack::AnswerBy::Anyone })
    );
}

#[test]
fn what_a_roll_or_a_question_cannot_be_is_refused_with_a_cure() {
    assert_snapshot!(told(&stack("", r#"hosts = ["a", "b"]
commands = [
{ roll = [{ roll = ["x"] }, { confirm = "Fine?" }, { release = "/srv/web" }, { run = "x", chunk = 2 }] },
{ roll = [] },
{ roll = ["x"], timeout = "5m" },
{ run = "x", chunk = 2, confirm = "Fine?" },
{ local = "x", chunk = [1, 2], confirm = "Fine?" },
{ confirm = "Fine?", max_failed = 1 },
]
finally = [{ confirm = "Bye?" }]"#)), @r#"
    error: a roll cannot hold a roll
     --> stacks/web.toml:7:11
      |
    7 | { roll = [{ roll = ["x"] }, { confirm = "Fine?" }, { release = "/srv/web" }, { run = "x", chunk = 2 }] },
      |           ^^^^^^^^^^^^^^^^
      |
      = help: write one list: each host walks through all of it

    error: a roll cannot hold a `confirm`: each host would wait on its own
     --> stacks/web.toml:7:29
      |
    7 | { roll = [{ roll = ["x"] }, { confirm = "Fine?" }, { release = "/srv/web" }, { run = "x", chunk = 2 }] },
      |                             ^^^^^^^^^^^^^^^^^^^^^
      |
      = help: put it at the roll, and let its batches grow: { roll = […], chunk = [1, 10], confirm = "Canary fine?" }

    error: a roll cannot hold a `release`: every host has the verified build before the first one changes
     --> stacks/web.toml:7:52
      |
    7 | { roll = [{ roll = ["x"] }, { confirm = "Fine?" }, { release = "/srv/web" }, { run = "x", chunk = 2 }] },
      |                                                    ^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: put it before the roll

    error: a command inside a roll has no `chunk`: its hosts go in the batches of the roll
     --> stacks/web.toml:7:78
      |
    7 | { roll = [{ roll = ["x"] }, { confirm = "Fine?" }, { release = "/srv/web" }, { run = "x", chunk = 2 }] },
      |                                                                              ^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write `chunk` at the roll

    error: there are no commands here
     --> stacks/web.toml:8:10
      |
    8 | { roll = [] },
      |          ^^
      |
      = help: write at least one command

    error: `roll` has no `timeout`: each command inside has its own
     --> stacks/web.toml:9:17
      |
    9 | { roll = ["x"], timeout = "5m" },
      |                 ^^^^^^^
      |
      = help: take it out

    error: this `confirm` would never be asked: the chunk does not grow
      --> stacks/web.toml:10:1
       |
    10 | { run = "x", chunk = 2, confirm = "Fine?" },
       | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: let the batches grow, and it is asked before each larger one: chunk = [1, 10, "25%"]

    error: this runs once, on the push host: there is nothing to ask between
      --> stacks/web.toml:11:1
       |
    11 | { local = "x", chunk = [1, 2], confirm = "Fine?" },
       | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: put { confirm = "…" } before or after it

    error: `confirm` has no `max_failed`: without a yes nothing continues
      --> stacks/web.toml:12:22
       |
    12 | { confirm = "Fine?", max_failed = 1 },
       |                      ^^^^^^^^^^
       |
       = help: take it out

    error: `finally` takes `local`, `run` and `check` only
      --> stacks/web.toml:14:12
       |
    14 | finally = [{ confirm = "Bye?" }]
       |            ^^^^^^^^^^^^^^^^^^^^
       |
       = help: what goes to the hosts belongs into `commands`
    "#);
}

#[test]
fn limits_come_from_the_command_then_its_stage_then_the_stack() {
    let text = stack(
        "max_failed = 1\ntries = 2",
        r#"
hosts = ["web[01-40]"]
max_failed = "25%"
on_failure = "continue"
chunk = [1, "10%", 20]
before = [{ local = "./freeze.sh", tries = 5 }]
commands = [
{ run = "a" },
{ run = "b", max_failed = 0, on_failure = "stop", tries = 3, every = "2s", chunk = 5 },
{ release = "/srv/web" },
{ activate = "/srv/web" },
{ check = "http://{host}/health?sha={sha}" },
{ check = { run = "systemctl is-active web" }, tries = 4, timeout = "2m" },
]
finally = ["./unfreeze.sh $PUSH_RESULT"]"#,
    );
    let stage = good(&text).stages.remove(0);
    let policy = |max_failed, on_failure| Policy { max_failed, on_failure, max_dropped: 0 };
    let of_stage = policy(10, OnFailure::Continue);
    assert_eq!(stage.policy, of_stage);
    let told: Vec<_> =
        stage.commands.iter().map(|c| (c.tries, c.every.as_secs(), c.policy, &c.grow[..], c.chunk)).collect();
    assert_eq!(
        told,
        [
            (2, 1, of_stage, &[1, 4][..], 20),
            (3, 2, policy(0, OnFailure::Stop), &[], 5),
            (1, 1, of_stage, &[1, 4], 20),
            (1, 1, of_stage, &[], 40),
            (10, 1, of_stage, &[1, 4], 20),
            (4, 1, of_stage, &[1, 4], 20),
        ]
    );
    let seconds: Vec<u64> = stage.commands.iter().map(|command| command.timeout.as_secs()).collect();
    assert_eq!(seconds, [900, 900, 900, 900, 10, 120]);
    assert_eq!((stage.before[0].tries, stage.finally[0].tries), (5, 2));
    let Form::Check(Check::Http(address)) = &stage.commands[4].form else { panic!("{:?}", stage.commands[4]) };
    let values =
        BTreeMap::from([("PUSH_HOST", "web07"), ("PUSH_SHA", "ab c")].map(|(k, v)| (k.to_owned(), v.to_owned())));
    assert_eq!(address.filled(&values), "http://web07/health?sha=ab%20c");
    assert!(address.names_host());
}

#[test]
fn policies_checks_and_what_stands_around_a_push_have_their_own_mistakes() {
    let told = told(&stack(
        "",
        r#"hosts = ["a"]
max_failed = "half"
on_failure = "contine"
before = [{ release = "/srv/web" }, { local = "x", max_failed = 1 }]
finally = "x y"
commands = [
{ check = "ftp://{host}/" },
{ check = "http://{host}/{ref}" },
{ check = "http://{hots}/ x" },
{ check = { local = "x" } },
{ check = 7 },
{ release = "/srv/web", tries = 2 },
{ run = "x", tries = 0, every = "soon", chunk = [] },
]"#,
    ));
    assert_snapshot!(told, @r#"
    error: max_failed `half` is not allowed
     --> stacks/web.toml:6:14
      |
    6 | max_failed = "half"
      |              ^^^^^^
      |
      = help: write a number of hosts (max_failed = 1) or a percentage of them, 0% to 100% (max_failed = "5%")

    error: `contine` is not what can happen on a failure
     --> stacks/web.toml:7:14
      |
    7 | on_failure = "contine"
      |              ^^^^^^^^^
      |
      = help: did you mean `continue`?

    error: `before` takes `local`, `run`, `check`, `confirm` and `watch` only
     --> stacks/web.toml:8:11
      |
    8 | before = [{ release = "/srv/web" }, { local = "x", max_failed = 1 }]
      |           ^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: what goes to the hosts belongs into `commands`

    error: a failure in `before` always ends the push
     --> stacks/web.toml:8:37
      |
    8 | before = [{ release = "/srv/web" }, { local = "x", max_failed = 1 }]
      |                                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: take `max_failed` and `on_failure` out

    error: `finally` must be a list of commands, or the name of one
     --> stacks/web.toml:9:11
      |
    9 | finally = "x y"
      |           ^^^^^
      |
      = help: commands must be in a list: finally = ["x y"]

    error: the address `ftp://{host}/` is not allowed
      --> stacks/web.toml:11:12
       |
    11 | { check = "ftp://{host}/" },
       |            ^^^^^^^^^^^^^
       |
       = help: write an http:// or https:// address: check = "http://{host}/health"

    error: `{ref}` may hold any text, so it cannot stand in an address
      --> stacks/web.toml:12:26
       |
    12 | { check = "http://{host}/{ref}" },
       |                          ^^^^^
       |
       = help: use {host}, {sha}, {build} or another plain variable, or ask with `run` or `local`

    error: unknown variable `{hots}`
      --> stacks/web.toml:13:19
       |
    13 | { check = "http://{hots}/ x" },
       |                   ^^^^^^
       |
       = help: did you mean {host}?

    error: a blank cannot be in an address
      --> stacks/web.toml:13:26
       |
    13 | { check = "http://{hots}/ x" },
       |                          ^
       |
       = help: write it percent-encoded, as %20 for a blank

    error: this check has no `run`
      --> stacks/web.toml:14:11
       |
    14 | { check = { local = "x" } },
       |           ^^^^^^^^^^^^^^^
       |
       = help: write check = { run = "systemctl is-active web" }

    error: unknown key `local` in `check`
      --> stacks/web.toml:14:13
       |
    14 | { check = { local = "x" } },
       |             ^^^^^
       |
       = help: `check` may have: run

    error: this must be an address like "http://{host}/health", or { run = "…" }, not a whole number
      --> stacks/web.toml:15:11
       |
    15 | { check = 7 },
       |           ^

    error: `release` has no `tries`: it compares with the manifest, and uploads what differs again automatically
      --> stacks/web.toml:16:25
       |
    16 | { release = "/srv/web", tries = 2 },
       |                         ^^^^^
       |
       = help: take it out

    error: 0 is out of range: it must be 1 to 1000
      --> stacks/web.toml:17:22
       |
    17 | { run = "x", tries = 0, every = "soon", chunk = [] },
       |                      ^

    error: every `soon` is not allowed
      --> stacks/web.toml:17:33
       |
    17 | { run = "x", tries = 0, every = "soon", chunk = [] },
       |                                 ^^^^^^
       |
       = help: write a whole number with s, m or h, one second to one day: "30s", "15m", "2h"

    error: this chunk has no size
      --> stacks/web.toml:17:49
       |
    17 | { run = "x", tries = 0, every = "soon", chunk = [] },
       |                                                 ^^
       |
       = help: write the sizes one after the other; the last one is used to the end: chunk = [1, 10, "25%"]
    "#);
}

#[test]
fn broken_toml_is_told_at_its_place() {
    assert_snapshot!(told(r#"title = "Web
source = 1
"#), @r#"
    error: not TOML: invalid basic string, expected `"`
     --> stacks/web.toml:1:13
      |
    1 | title = "Web
      |             ^
    "#);
    assert_snapshot!(told(r#"title = "Web"
title = "Web"
"#), @r#"
    error: not TOML: duplicate key
     --> stacks/web.toml:2:1
      |
    2 | title = "Web"
      | ^^^^^
    "#);
}

#[test]
fn an_empty_file_says_what_a_stack_needs() {
    assert_snapshot!(told(""), @r#"
    error: the stack has no `source`
     --> stacks/web.toml:1:1
      |
    1 |
      | ^
      |
      = help: say where it comes from: source = { git = "https://git.example.com/web.git", branch = "main" }

    error: the stack has no stages
     --> stacks/web.toml:1:1
      |
    1 |
      | ^
      |
      = help: begin each stage with [[stage]]: name, hosts, commands
    "#);
    assert_snapshot!(told(r#"[[stage]]
[stage.x]
"#), @r#"
    error: the stack has no `source`
     --> stacks/web.toml:1:1
      |
    1 | [[stage]]
      | ^
      |
      = help: say where it comes from: source = { git = "https://git.example.com/web.git", branch = "main" }

    error: this stage has no `commands`
     --> stacks/web.toml:1:1
      |
    1 | [[stage]]
      | ^^^^^^^^^
      |
      = help: name a list of [lists], or write the commands: commands = [{ run = "…" }]

    error: this stage has no `hosts`
     --> stacks/web.toml:1:1
      |
    1 | [[stage]]
      | ^^^^^^^^^
      |
      = help: name a group of [hosts], or the hosts: hosts = ["qa1.example.com"]

    error: this stage has no `name`
     --> stacks/web.toml:1:1
      |
    1 | [[stage]]
      | ^^^^^^^^^
      |
      = help: name it: name = "qa"

    error: unknown key `x` in a stage
     --> stacks/web.toml:2:8
      |
    2 | [stage.x]
      |        ^
      |
      = help: a stage may have: name, button, refs, approval, approval_expires, needs, auto, auto_after, auto_window, hosts, before, commands, finally, chunk, timeout, tries, every, max_failed, on_failure, drop, max_dropped, fan_out, relay, compress
    "#);
    assert_snapshot!(told(r#"source = { git = "x", branch = "main" }
[stage]
name = "qa"
"#), @r#"
    error: there may be many stages, so each has double brackets
     --> stacks/web.toml:2:2
      |
    2 | [stage]
      |  ^^^^^
      |
      = help: begin each stage with [[stage]]: name, hosts, commands
    "#);
}

#[test]
fn hosts_are_told_at_their_place() {
    assert_snapshot!(told(&stack(r#"[hosts]
web = ["web[001-40].example.com", "a b", "w[1-3"]
db = []
qa = "qa1"
loop = ["@ring"]
ring = ["x", "@loop"]
twice = ["h[1-3]", "deploy@H2", "h2:2222"]"#, r#"hosts = "wbe"
commands = ["x"]"#)), @r#"
    error: both ends of a padded range must be equally long
     --> stacks/web.toml:3:13
      |
    3 | web = ["web[001-40].example.com", "a b", "w[1-3"]
      |             ^^^^^^
      |
      = help: write [001-040], or both without leading zeros

    error: host `a b` is not allowed
     --> stacks/web.toml:3:35
      |
    3 | web = ["web[001-40].example.com", "a b", "w[1-3"]
      |                                   ^^^^^
      |
      = help: it must be [user@]name[:port], the name of letters, digits, dots, hyphens and _, or an address, an IPv6 one in brackets before a port: [2001:db8::1]:2222; a jump host comes after it: web1 via bastion.example.com

    error: `[` without `]`
     --> stacks/web.toml:3:44
      |
    3 | web = ["web[001-40].example.com", "a b", "w[1-3"]
      |                                            ^
      |
      = help: a range is written web[1-40], web[001-040] or db[1,3,7-9]

    error: there are no hosts here
     --> stacks/web.toml:4:6
      |
    4 | db = []
      |      ^^
      |
      = help: name at least one host

    error: this must be a list of hosts
     --> stacks/web.toml:5:6
      |
    5 | qa = "qa1"
      |      ^^^^^
      |
      = help: write a list: ["qa1"]

    error: host group `loop` contains itself: loop → ring → loop
     --> stacks/web.toml:7:14
      |
    7 | ring = ["x", "@loop"]
      |              ^^^^^^^
      |
      = help: take `@loop` out of `ring`

    error: host `deploy@H2` is named twice
     --> stacks/web.toml:8:20
      |
    8 | twice = ["h[1-3]", "deploy@H2", "h2:2222"]
      |                    ^^^^^^^^^^^
      |
      = help: `h2` on line 8 has the same name; another user or jump host does not make it another host

    error: unknown host group `wbe`
      --> stacks/web.toml:11:9
       |
    11 | hosts = "wbe"
       |         ^^^^^
       |
       = help: did you mean `web`?
    "#);
}

#[test]
fn a_host_that_two_groups_bring_is_told_once() {
    let text = stack("[hosts]\na = [\"h1\", \"h2\"]\nb = [\"h[2-3]\"]", "hosts = [\"@a\", \"@b\"]\ncommands = [\"x\"]");
    assert_eq!(titles(&text), ["4:6: host `h2` is named twice"]);
    let text = stack("[hosts]\na = [\"h1\", \"h1\"]", "hosts = \"a\"\ncommands = [\"x\"]");
    assert_eq!(titles(&text), ["3:12: host `h1` is named twice"]);
}

#[test]
fn stages_have_names_hosts_and_commands() {
    assert_snapshot!(told(r#"source = { git = "x", branch = "main" }
[[stage]]
name = "qa"
hosts = []
commands = []
[[stage]]
name = "qa"
[[stage]]
name = "Prod"
hosts = ["a"]
commands = "rollout"
[lists]
roll-out = ["true"]
"#), @r#"
    error: there are no hosts here
     --> stacks/web.toml:4:9
      |
    4 | hosts = []
      |         ^^
      |
      = help: name at least one host

    error: there are no commands here
     --> stacks/web.toml:5:12
      |
    5 | commands = []
      |            ^^
      |
      = help: write at least one command

    error: this stage has no `commands`
     --> stacks/web.toml:6:1
      |
    6 | [[stage]]
      | ^^^^^^^^^
      |
      = help: name a list of [lists], or write the commands: commands = [{ run = "…" }]

    error: this stage has no `hosts`
     --> stacks/web.toml:6:1
      |
    6 | [[stage]]
      | ^^^^^^^^^
      |
      = help: name a group of [hosts], or the hosts: hosts = ["qa1.example.com"]

    error: there are two stages named `qa`
     --> stacks/web.toml:7:8
      |
    7 | name = "qa"
      |        ^^^^
      |
      = help: the first one is on line 3

    error: stage name `Prod` is not allowed
     --> stacks/web.toml:9:8
      |
    9 | name = "Prod"
      |        ^^^^^^
      |
      = help: it must match [a-z0-9][a-z0-9_-]* and be at most 63 long

    error: unknown command list `rollout`
      --> stacks/web.toml:11:12
       |
    11 | commands = "rollout"
       |            ^^^^^^^^^
       |
       = help: did you mean `roll-out`?
    "#);
}

#[test]
fn lists_may_not_contain_themselves() {
    let text = stack(
        "[lists]\na = [\"@b\", \"true\"]\nb = [\"@a\"]\nc = [\"@c\"]\nd = [\"@a\", \"@x\"]",
        "hosts = [\"a\"]\ncommands = \"a\"",
    );
    assert_eq!(
        titles(&text),
        [
            "4:6: command list `a` contains itself: a → b → a",
            "5:6: command list `c` contains itself: c → c",
            "6:12: unknown command list `x`",
        ]
    );
}

#[test]
fn knotted_lists_end_in_an_error_and_not_in_a_hang() {
    let mut lists = String::from("[lists]\nl0 = [\"true\"]\n");
    for n in 1..25 {
        lists.push_str(&format!("l{n} = [\"@l{}\", \"@l{}\"]\n", n - 1, n - 1));
    }
    let found = titles(&stack(&lists, "hosts = [\"a\"]\ncommands = \"l24\""));
    assert!(found.iter().any(|title| title.contains("holds too much")), "{found:?}");
}

#[test]
fn commands_are_checked_one_by_one() {
    assert_snapshot!(told(&stack("", r#"hosts = ["a"]
commands = [
{ run = "x", local = "y" },
{ name = "nothing" },
{ run = "x", keep = 5 },
{ rsync = "/etc", options = ["--rsync-path=x", "--checksums"] },
{ release = "/srv/../etc", keep = 0, shared = ["../x"] },
{ release = "/srv/{stage}" },
{ activate = "/srv/other" },
{ run = "x", timeout = "5 min", chunk = "0%", quiet = "yes", name = "" },
7,
]"#)), @r#"
    error: one command cannot be both `local` and `run`
     --> stacks/web.toml:7:1
      |
    7 | { run = "x", local = "y" },
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write two commands, one after the other

    error: this command does not say what to do
     --> stacks/web.toml:8:1
      |
    8 | { name = "nothing" },
      | ^^^^^^^^^^^^^^^^^^^^
      |
      = help: it needs one of `local`, `run`, `rsync`, `release`, `activate`, `check`, `roll`, `confirm`, `watch`

    error: `keep` belongs to `release`, not to `run`
     --> stacks/web.toml:9:14
      |
    9 | { run = "x", keep = 5 },
      |              ^^^^
      |
      = help: take `keep` out here; a command with `release` may have it

    error: this `rsync` has no `to`
      --> stacks/web.toml:10:1
       |
    10 | { rsync = "/etc", options = ["--rsync-path=x", "--checksums"] },
       | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: say where on the hosts: to = "/srv/web/assets/"

    error: path `/etc` is not allowed
      --> stacks/web.toml:10:11
       |
    10 | { rsync = "/etc", options = ["--rsync-path=x", "--checksums"] },
       |           ^^^^^^
       |
       = help: write a relative path without .. and without characters that shells read: dist/assets

    error: rsync option `--rsync-path=x` is not allowed
      --> stacks/web.toml:10:30
       |
    10 | { rsync = "/etc", options = ["--rsync-path=x", "--checksums"] },
       |                              ^^^^^^^^^^^^^^^^
       |
       = help: allowed are --checksum, --compress, --whole-file, --omit-dir-times, --omit-link-times, --no-times, --no-perms, --executability, --ignore-existing, --existing, --size-only, --update, --prune-empty-dirs, --delete-before, --delete-during, --delete-delay, --delete-after, --delete-excluded, --copy-links, --safe-links, --hard-links, --stats, --verbose, --itemize-changes, --fuzzy, --numeric-ids, --chmod=, --max-delete=, --bwlimit=, --block-size=, --compress-level=, --compress-choice=, --max-size=, --min-size=, --modify-window=, --include=

    error: rsync option `--checksums` is not allowed
      --> stacks/web.toml:10:48
       |
    10 | { rsync = "/etc", options = ["--rsync-path=x", "--checksums"] },
       |                                                ^^^^^^^^^^^^^
       |
       = help: did you mean `--checksum`?

    error: path `/srv/../etc` is not allowed
      --> stacks/web.toml:11:13
       |
    11 | { release = "/srv/../etc", keep = 0, shared = ["../x"] },
       |             ^^^^^^^^^^^^^
       |
       = help: write an absolute path below / without .. and without characters that shells read: /srv/web

    error: 0 is out of range: it must be 1 to 1000
      --> stacks/web.toml:11:35
       |
    11 | { release = "/srv/../etc", keep = 0, shared = ["../x"] },
       |                                   ^

    error: path `../x` is not allowed
      --> stacks/web.toml:11:48
       |
    11 | { release = "/srv/../etc", keep = 0, shared = ["../x"] },
       |                                                ^^^^^^
       |
       = help: write a relative path without .. and without characters that shells read: dist/assets

    error: this path cannot hold a variable: `{stage}`
      --> stacks/web.toml:12:13
       |
    12 | { release = "/srv/{stage}" },
       |             ^^^^^^^^^^^^^^
       |
       = help: write it out; the paths of `rsync`, and commands, may hold variables

    error: `/srv/other` is activated before it was uploaded
      --> stacks/web.toml:13:1
       |
    13 | { activate = "/srv/other" },
       | ^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: put { release = "/srv/other" } before it

    error: timeout `5 min` is not allowed
      --> stacks/web.toml:14:24
       |
    14 | { run = "x", timeout = "5 min", chunk = "0%", quiet = "yes", name = "" },
       |                        ^^^^^^^
       |
       = help: write a whole number with s, m or h, one second to one day: "30s", "15m", "2h"

    error: chunk `0%` is not allowed
      --> stacks/web.toml:14:41
       |
    14 | { run = "x", timeout = "5 min", chunk = "0%", quiet = "yes", name = "" },
       |                                         ^^^^
       |
       = help: write a number of hosts (chunk = 10) or a percentage of them, 1% to 100% (chunk = "25%")

    error: this must be true or false, not text
      --> stacks/web.toml:14:55
       |
    14 | { run = "x", timeout = "5 min", chunk = "0%", quiet = "yes", name = "" },
       |                                                       ^^^^^

    error: `` is not allowed here
      --> stacks/web.toml:14:69
       |
    14 | { run = "x", timeout = "5 min", chunk = "0%", quiet = "yes", name = "" },
       |                                                                     ^^
       |
       = help: write one line of 1 to 100 characters, without spaces at its ends

    error: this must be a command: text, or a table like { run = "…" }, not a whole number
      --> stacks/web.toml:15:1
       |
    15 | 7,
       | ^
    "#);
}

#[test]
fn a_variable_is_told_within_its_command() {
    assert_snapshot!(told(&stack(r#"build = ["make {host}"]
[vars]
colour = "blue"
sha = "x"
bad = "{sha}""#, r#"hosts = ["a"]
commands = [
"echo {shaa}",
"echo 'x {sha}'",
{ run = "echo \"on {colour}\"" },
{ run = '''
set -e
{who} --help
''' },
]"#)), @r#"
    error: `{host}` cannot be used in `build`
     --> stacks/web.toml:2:16
      |
    2 | build = ["make {host}"]
      |                ^^^^^^
      |
      = help: a build is made once, before any host is touched

    error: `sha` is a variable of Pushbutton itself
     --> stacks/web.toml:5:1
      |
    5 | sha = "x"
      | ^^^
      |
      = help: write a name of your own: letters a-z, digits and _

    error: `{sha}` would not be filled in: the value of a variable is plain text
     --> stacks/web.toml:6:7
      |
    6 | bad = "{sha}"
      |       ^^^^^^^
      |
      = help: use both variables in the command instead

    error: unknown variable `{shaa}`
      --> stacks/web.toml:11:7
       |
    11 | "echo {shaa}",
       |       ^^^^^^
       |
       = help: did you mean {sha}?
       = help: for plain braces write {{shaa}}

    error: a variable cannot stand within single quotes
      --> stacks/web.toml:12:10
       |
    12 | "echo 'x {sha}'",
       |          ^^^^^
       |
       = help: end the quotes before it and begin them again after it: 'a '{sha}' b'

    error: this variable may hold any text, so it cannot stand within double quotes
      --> stacks/web.toml:13:20
       |
    13 | { run = "echo \"on {colour}\"" },
       |                    ^^^^^^^^
       |
       = help: make it a word of its own, outside of the quotes, or read $PUSH_VAR_COLOUR in a script

    error: a variable cannot be (part of) a command's name
      --> stacks/web.toml:16:1
       |
    16 | {who} --help
       | ^^^^^
       |
       = help: name the program in plain words, and give the value as an argument
    "#);
}

#[test]
fn small_values_are_refused_with_a_cure() {
    assert_snapshot!(told(r#"title = ""
source = { git = "ext::sh -c x", branch = "a..b" }
ship = "../x"
diff = "javascript:x"
chunk = 0
timeout = 30
build = "make"
[[stage]]
name = "qa"
hosts = ["a"]
commands = "npm test""#), @r#"
    error: `` is not allowed here
     --> stacks/web.toml:1:9
      |
    1 | title = ""
      |         ^^
      |
      = help: write one line of 1 to 100 characters, without spaces at its ends

    error: git address `ext::sh -c x` is not allowed
     --> stacks/web.toml:2:18
      |
    2 | source = { git = "ext::sh -c x", branch = "a..b" }
      |                  ^^^^^^^^^^^^^^
      |
      = help: write what `git clone` takes: https://host/path.git, user@host:path.git or /absolute/path

    error: branch `a..b` is not allowed
     --> stacks/web.toml:2:43
      |
    2 | source = { git = "ext::sh -c x", branch = "a..b" }
      |                                           ^^^^^^
      |
      = help: write the name of a branch as `git branch` lists it: main

    error: path `../x` is not allowed
     --> stacks/web.toml:3:8
      |
    3 | ship = "../x"
      |        ^^^^^^
      |
      = help: write a relative path without .. and without characters that shells read: dist/assets

    error: diff address `javascript:x` is not allowed
     --> stacks/web.toml:4:8
      |
    4 | diff = "javascript:x"
      |        ^^^^^^^^^^^^^^
      |
      = help: write an http:// or https:// address: https://git.example.com/web/compare/{old_sha}...{sha}

    error: 0 is out of range: it must be 1 to 10000
     --> stacks/web.toml:5:9
      |
    5 | chunk = 0
      |         ^

    error: this must be text in quotes, not a whole number
     --> stacks/web.toml:6:11
      |
    6 | timeout = 30
      |           ^^

    error: `build` must be a list of commands
     --> stacks/web.toml:7:9
      |
    7 | build = "make"
      |         ^^^^^^
      |
      = help: write a list: build = ["make"]

    error: `commands` must be a list of commands, or the name of one
      --> stacks/web.toml:11:12
       |
    11 | commands = "npm test"
       |            ^^^^^^^^^^
       |
       = help: commands must be in a list: commands = ["npm test"]
    "#);
}

#[test]
fn a_slip_between_a_name_and_a_list_is_cured() {
    for (stage, title) in [
        ("hosts = \"a.example.com\"\ncommands = [\"x\"]", "5:9: `hosts` is the name of a group, or a list"),
        ("hosts = [\"a\"]\ncommands = \"npm test\"", "6:12: `commands` must be a list of commands, or the name of one"),
    ] {
        assert_eq!(titles(&stack("", stage)), [title]);
    }
    let text = stack("build = [\"@all\"]", "hosts = [\"a\"]\ncommands = [\"x\"]");
    assert_eq!(titles(&text), ["2:10: `build` cannot use a list of [lists]"]);
}

#[test]
fn a_flip_needs_what_it_flips_to() {
    assert_eq!(
        command_titles("{ activate = \"/srv/web\" },\n{ release = \"/srv/web/\" },\n{ activate = \"/srv/web\" },"),
        ["7:1: `/srv/web` is activated before it was uploaded"]
    );
}

#[test]
fn every_error_of_a_file_is_told_at_once_and_in_order() {
    let text = stack("build = [\"'\"]\nx = 1\ny = 2", "hosts = [\"-\"]\ncommands = [\"{nope}\", { run = \"{nope}\" }]");
    let found = titles(&text);
    assert_eq!(found.len(), 6, "{found:#?}");
    let lines: Vec<usize> = found.iter().map(|title| title.split(':').next().unwrap().parse().unwrap()).collect();
    assert!(lines.is_sorted(), "{found:#?}");
}

#[test]
fn the_examples_are_right() {
    for (name, text) in [
        ("web", include_str!("../../../stacks/web.toml")),
        ("static-site", include_str!("../../../stacks/examples/static-site.toml")),
        ("object-store", include_str!("../../../stacks/examples/object-store.toml")),
    ] {
        let parsed = parse(name.parse().unwrap(), "stacks/example.toml", text);
        assert!(parsed.is_ok(), "{:?}", parsed.unwrap_err());
    }
}

/// Text that is near to a stack file, so that more than the first check is met.
fn near_toml() -> impl Strategy<Value = String> {
    let pieces = proptest::sample::select(vec![
        "[[stage]]\n",
        "name = ",
        "hosts = ",
        "commands = ",
        "[hosts]\n",
        "[lists]\n",
        "[vars]\n",
        "source = ",
        "\"qa\"",
        "[\"a\", \"@b\"]",
        "{ run = \"x {sha}\" }",
        "{ git = \"x\", branch = \"m\" }",
        "\n",
        "[",
        "]",
        "{",
        "}",
        "\"",
        "'",
        "'''",
        "\"\"\"",
        "chunk = ",
        "10",
        "\"25%\"",
        "\"w[1-9]\"",
        "a = ",
        "b = ",
        "[\"@a\"]",
        "é",
        "\u{0}",
        "\r\n",
        "#",
        "\"$(( {push}\"",
        "\"<<E {sha}\"",
        "\\u00e9",
        "= ",
        ".",
    ]);
    proptest::collection::vec(pieces, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn parsing_never_panics_on_any_text(text in "\\PC{0,200}") {
        let _ = parse_text(&text);
    }

    #[test]
    fn parsing_never_panics_on_nearly_right_text(text in near_toml()) {
        if let Err(diagnostics) = parse_text(&text) {
            prop_assert!(!diagnostics.is_empty());
        }
    }

    #[test]
    fn a_cut_file_is_refused_or_read_and_never_panics(end in 0usize..4000) {
        let text = include_str!("../../../stacks/web.toml");
        let end = (0..=end.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap();
        if let Err(diagnostics) = parse_text(&text[..end]) {
            prop_assert!(!diagnostics.is_empty());
        }
    }
}

#[test]
fn variables_stand_in_the_paths_of_rsync_and_are_looked_at_where_they_can_be_known() {
    let with = |vars: &str, command: &str| {
        let vars = format!("[vars]\n{vars}");
        parse_text(&stack(&vars, &format!("hosts = [\"a\"]\ncommands = [\n{command}\n]")))
    };
    let rsync =
        "{ rsync = \"dist/{color}/\", to = \"/srv/web/assets/{sha}-{build}/{push}/{stack}/{stage}/{host}/{ref}\" }";
    let stages = with("color = \"blue-2.1\"", rsync).unwrap().stages;
    let Form::Rsync(read) = &stages[0].commands[0].form else { panic!("{stages:?}") };
    assert_eq!(read.from.as_str(), "dist/{color}/");
    assert_eq!(read.to.as_str(), "/srv/web/assets/{sha}-{build}/{push}/{stack}/{stage}/{host}/{ref}");
    for value in ["", ".", "..", "a/b", "a b", "$(id)", "a*", "`x`", "~", "a;b", "a'b"] {
        let found = with(&format!("color = \"{value}\""), rsync).unwrap_err();
        assert_eq!(found.len(), 1, "{value}");
        assert!(found[0].title.starts_with("`{color}` cannot be part of a path: its value is "), "{}", found[0].title);
    }
    assert_eq!(with("color = \"-x\"", rsync).unwrap_err().len(), 1, "a bad value is told once");
}

#[test]
fn what_is_shared_twice_or_shared_as_a_part_says_what_to_write() {
    let said = |shared: &str| {
        told(&stack("", &format!("hosts = [\"a\"]\ncommands = [{{ release = \"/srv/web\", shared = {shared} }}]")))
    };
    for shared in [r#"["log", "log/"]"#, r#"["./log/", "log"]"#, r#"["log", "log"]"#] {
        let said = said(shared);
        assert!(said.contains("error: `log` is shared twice"), "{shared}: {said}");
        assert!(
            said.contains("= help: write it once: `log/` is a directory, made when missing; `log` must be there"),
            "{said}"
        );
    }
    let said = said(r#"["data/", "data/up/"]"#);
    assert!(said.contains("`data/up` lies inside `data`") && said.contains("= help: leave `data/up` out"), "{said}");
}
