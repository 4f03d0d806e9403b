use super::keys::KEYS;
use super::*;
use insta::assert_snapshot;

const EXAMPLE: &str = include_str!("../../config.example.toml");

fn parsed(text: &str) -> Config {
    Config::parse("config.toml", text).unwrap_or_else(|found| panic!("{}", super::told(&found)))
}

/// What a person reads.
fn refused(text: &str) -> String {
    super::told(&Config::parse("config.toml", text).expect_err("this must be refused"))
}

/// The example with all that is commented out switched on: `#key` is a key, `# words` are words.
fn everything_on() -> String {
    let on = |line: &str| match line.strip_prefix('#') {
        Some(rest) if !rest.starts_with(' ') => format!("{rest}\n"),
        _ => format!("{line}\n"),
    };
    EXAMPLE.lines().map(on).collect()
}

#[test]
fn the_example_is_right_as_it_is_and_with_everything_on() {
    let as_it_is = parsed(EXAMPLE);
    let bare = parsed("url = \"http://127.0.0.1:8090\"");
    assert_eq!(format!("{as_it_is:?}"), format!("{bare:?}"), "what the example sets is what it is when left out");
    let all = parsed(&everything_on());
    assert_eq!(all.irc.unwrap().channel, "#push");
    assert_eq!(all.email.unwrap().to, ["engineering@example.com"]);
}

#[test]
fn every_key_is_in_the_example() {
    let text = everything_on();
    let (root, _) = DeTable::parse_recoverable(&text);
    for (table, keys) in KEYS {
        for key in *keys {
            let found = match *table {
                "" => root.get_ref().contains_key(*key),
                name => root.get_ref()[name].get_ref().as_table().unwrap().contains_key(*key),
            };
            assert!(
                found || EXAMPLE.contains(&format!("or: {key} =")) || EXAMPLE.contains(&format!("above: {key}")),
                "[{table}] {key}"
            );
        }
    }
}

#[test]
fn unknown_keys_are_told_all_at_once_with_what_was_meant() {
    assert_snapshot!(refused(r#"
lisen = "127.0.0.1:8090"
url = "http://127.0.0.1:8090"
[irc]
server = "irc.example.com"
chanel = "x"
password = "secret"
[graphite]
host = "x"
[limits]
frobnicate = 1
"#), @r#"
    error: unknown key `lisen` in this file
     --> config.toml:2:1
      |
    2 | lisen = "127.0.0.1:8090"
      | ^^^^^
      |
      = help: did you mean `listen`?

    error: unknown key `chanel` in [irc]
     --> config.toml:6:1
      |
    6 | chanel = "x"
      | ^^^^^^
      |
      = help: did you mean `channel`?

    error: a secret is never written in this file
     --> config.toml:7:1
      |
    7 | password = "secret"
      | ^^^^^^^^
      |
      = help: write it into a file of its own, mode 0600, and name that: password_file = "…"

    error: this version of Pushbutton does not have [graphite] yet
     --> config.toml:8:2
      |
    8 | [graphite]
      |  ^^^^^^^^
      |
      = help: take it out for now: what it promises would not happen

    error: unknown key `frobnicate` in [limits]
      --> config.toml:11:1
       |
    11 | frobnicate = 1
       | ^^^^^^^^^^
       |
       = help: [limits] may have: fetch_every_s, free_mib, connections_per_address, warm_hosts, check_every_s, probe_every_s, inventory_every_s, source_mib, source_entries, upload_mib, published_kept
    "#);
}

#[test]
fn a_value_of_the_wrong_kind_is_told_at_its_place() {
    assert_snapshot!(refused("url = \"http://x\"\nlisten = \"everywhere\"\n"), @r#"
    error: invalid socket address syntax
     --> config.toml:2:10
      |
    2 | listen = "everywhere"
      |          ^^^^^^^^^^^^
      |
      = help: config.example.toml shows every key
    "#);
    assert_snapshot!(refused("url = \"http://x\"\n[auth]\nmode = \"magic\"\n"), @r#"
    error: unknown variant `magic`, expected `password` or `open`
     --> config.toml:3:8
      |
    3 | mode = "magic"
      |        ^^^^^^^
      |
      = help: config.example.toml shows every key
    "#);
    assert_snapshot!(refused("listen = \"127.0.0.1:1\"\n"), @r#"
    error: missing field `url`
     --> config.toml:1:1
      |
    1 | listen = "127.0.0.1:1"
      | ^
      |
      = help: config.example.toml shows every key
    "#);
    assert_snapshot!(refused("url = \"http://x\"\n[irc]\nserver = 5\nchannel = \"x\"\n"), @r#"
    error: invalid type: integer `5`, expected a string
     --> config.toml:3:10
      |
    3 | server = 5
      |          ^
      |
      = help: config.example.toml shows every key
    "#);
    assert_snapshot!(refused("url = \n"), @r#"
    error: not TOML: string values must be quoted, expected literal string
     --> config.toml:1:7
      |
    1 | url = 
      |       ^
    "#);
}

#[test]
fn what_would_be_unsafe_is_refused() {
    assert_snapshot!(refused(r#"
url = "push.example.com/"
listen = "0.0.0.0:80"
[auth]
mode = "open"
[ssh]
lease_s = 1
[email]
server = "x"
from = "x"
to = []
password_file = "a"
password_env = "b"
"#), @r#"
    error: `push.example.com/` is not an address of a site
     --> config.toml:2:7
      |
    2 | url = "push.example.com/"
      |       ^^^^^^^^^^^^^^^^^^^
      |
      = help: it must begin with http:// or https:// and not end with /

    error: 0.0.0.0:80 is plain HTTP beyond this machine
     --> config.toml:3:10
      |
    3 | listen = "0.0.0.0:80"
      |          ^^^^^^^^^^^^
      |
      = help: listen on 127.0.0.1 behind a TLS proxy, or set insecure_http = true

    error: mode = "open" believes any name, so it is allowed on loopback only, not on 0.0.0.0:80
     --> config.toml:5:8
      |
    5 | mode = "open"
      |        ^^^^^^
      |
      = help: write mode = "password"

    error: this lease is too short
     --> config.toml:7:11
      |
    7 | lease_s = 1
      |           ^
      |
      = help: heartbeats go out each 5 s, so it must be 6 or more; 30 forgives a slow line

    error: nobody is told
      --> config.toml:11:6
       |
    11 | to = []
       |      ^^
       |
       = help: name at least one address, or take [email] out

    error: password_file and password_env are both set
      --> config.toml:13:16
       |
    13 | password_env = "b"
       |                ^^^
       |
       = help: keep one
    "#);
}

#[test]
fn a_pause_that_would_not_keep_hosts_ready_is_refused() {
    assert_snapshot!(refused("url = \"http://x\"\n[limits]\ncheck_every_s = 60\nprobe_every_s = 0\n"), @r"
    error: connections are checked every 1 to 10 seconds
     --> config.toml:3:17
      |
    3 | check_every_s = 60
      |                 ^^
      |
      = help: a host counts as ready for 15 s after it answered, so 10 is the most

    error: hosts cannot be asked without a pause
     --> config.toml:4:17
      |
    4 | probe_every_s = 0
      |                 ^
      |
      = help: 30 is a good pause
    ");
}
