use super::keys::tables;
use super::*;
use insta::assert_snapshot;
use toml::de::DeTable;

const EXAMPLE: &str = include_str!("../../config.example.toml");

fn parsed(text: &str) -> Config {
    finished(text).unwrap_or_else(|error| panic!("{error}"))
}

fn finished(text: &str) -> Result<Config, ConfigError> {
    Draft::parse(Path::new("config.toml"), text.to_owned()).and_then(Draft::finish)
}

/// What a person reads.
fn refused(text: &str) -> String {
    match finished(text).expect_err("this must be refused") {
        ConfigError::Bad { diagnostics, .. } => super::listed(&diagnostics),
        error @ ConfigError::Read { .. } => error.to_string(),
    }
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
    let names: Vec<&str> = all.channels.iter().map(|channel| channel.name.as_str()).collect();
    assert_eq!(
        names,
        ["irc", "email", "webhook", "graphite", "web-chat", "web-github", "tickets", "graphs", "honeycomb"]
    );
    let ChannelSettings::Irc(irc) = &all.channels[0].settings else { panic!() };
    assert_eq!((irc.channel.as_str(), irc.also.as_slice()), ("#push", &["#ops".to_owned()][..]));
    assert_eq!(all.channels[4].filter.results.as_ref().unwrap().len(), 4);
}

#[test]
fn every_key_is_in_the_example() {
    let text = everything_on();
    let (root, _) = DeTable::parse_recoverable(&text);
    for (table, keys) in tables() {
        for key in keys.iter().map(|key| key.name) {
            let found = match table {
                "" => root.get_ref().contains_key(key),
                name => root.get_ref()[name].get_ref().as_table().unwrap().contains_key(key),
            };
            assert!(
                found || EXAMPLE.contains(&format!("or: {key} =")) || EXAMPLE.contains(&format!("above: {key}")),
                "[{table}] {key}"
            );
        }
    }
}

#[test]
fn every_key_of_every_kind_of_channel_is_in_the_example() {
    // What several kinds have need not stand in each section.
    const SHARED: [&str; 6] = ["stacks", "stages", "events", "results", "password_file", "password_env"];
    for (kind, keys) in super::channels::keys_of_kinds() {
        let of_kind = |section: &&str| {
            let ending = format!("= \"{}\"", kind.name());
            section.lines().any(|line| line.starts_with("#kind") && line.ends_with(&ending))
        };
        let section = EXAMPLE.split("#[[channel]]\n").find(of_kind).unwrap_or_default();
        for key in keys.iter().map(|key| key.name).filter(|key| !SHARED.contains(key)) {
            let text = if kind.has_own_table() { EXAMPLE } else { section };
            let said = [format!("#{key} "), format!("or: {key} =")];
            assert!(said.iter().any(|said| text.contains(said.as_str())), "{}: {key}", kind.name());
        }
    }
}

#[test]
fn mistakes_of_every_sort_are_told_all_at_once_with_their_places() {
    assert_snapshot!(refused(r#"
lisen = "127.0.0.1:8090"
url = "https://mary:hunter2@example.com/deploy"
insecure_http = "no"
data = 5
[irc]
server = "irc.example.com:6697"
port = 70000
chanel = "x"
nick = "my bot"
password = "secret"
[email]
server = "smtp.example.com"
port = "587"
tls = "ssl"
from = "nobody"
to = ["all@example.com", 7]
helo = "push host"
user = "push"
[graphite]
host = "x"
prefix = "a b"
[limits]
frobnicate = 1
check_every_s = 60
connections_per_address = 0
"#), @r##"
    error: unknown key `lisen` in this file
     --> config.toml:2:1
      |
    2 | lisen = "127.0.0.1:8090"
      | ^^^^^
      |
      = help: did you mean `listen`?

    error: `url` holds a name or a password before its @
     --> config.toml:3:7
      |
    3 | url = "https://************@example.com/deploy"
      |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: people sign in on the page: write https://example.com

    error: `insecure_http` is true or false, without quotes, not text
     --> config.toml:4:17
      |
    4 | insecure_http = "no"
      |                 ^^^^

    error: `data` is text in quotes, not a whole number
     --> config.toml:5:8
      |
    5 | data = 5
      |        ^

    error: [irc] does not say `channel`
     --> config.toml:6:1
      |
    6 | [irc]
      | ^^^^^
      |
      = help: channel = "#push"

    error: `irc.example.com:6697` is not the name of a server
     --> config.toml:7:10
      |
    7 | server = "irc.example.com:6697"
      |          ^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write its name or its address alone; a port has a key of its own: port = …

    error: `port` is a whole number from 1 to 65535
     --> config.toml:8:8
      |
    8 | port = 70000
      |        ^^^^^

    error: unknown key `chanel` in [irc]
     --> config.toml:9:1
      |
    9 | chanel = "x"
      | ^^^^^^
      |
      = help: did you mean `channel`?

    error: `my bot` is not a nick
      --> config.toml:10:8
       |
    10 | nick = "my bot"
       |        ^^^^^^^^
       |
       = help: a nick has letters, digits and any of -[]\`_^{|}, and begins with no digit and no -

    error: a secret is never written in this file
      --> config.toml:11:1
       |
    11 | password = "******"
       | ^^^^^^^^
       |
       = help: write it into its own file, mode 0600, and refer to that: password_file = "…"

    error: `port` is a whole number, without quotes, not text
      --> config.toml:14:8
       |
    14 | port = "587"
       |        ^^^^^

    error: `tls` cannot be `ssl`
      --> config.toml:15:7
       |
    15 | tls = "ssl"
       |       ^^^^^
       |
       = help: it is "starttls" or "tls" or "none"

    error: `nobody` is not a mail address: invalid input
      --> config.toml:16:8
       |
    16 | from = "nobody"
       |        ^^^^^^^^
       |
       = help: write it as in "push@example.com" or "Pushbutton <push@example.com>"

    error: `to` holds a whole number, not text
      --> config.toml:17:26
       |
    17 | to = ["all@example.com", 7]
       |                          ^

    error: `push host` is not a valid name for EHLO
      --> config.toml:18:8
       |
    18 | helo = "push host"
       |        ^^^^^^^^^^^
       |
       = help: it is this machine's full host name, such as push.example.com, or its address: [192.0.2.7]

    error: user `push` has no password
      --> config.toml:19:8
       |
    19 | user = "push"
       |        ^^^^^^
       |
       = help: name it with password_file or password_env

    error: [graphite] does not say `server`
      --> config.toml:20:1
       |
    20 | [graphite]
       | ^^^^^^^^^^
       |
       = help: server = "graphite.example.com"

    error: unknown key `host` in [graphite]
      --> config.toml:21:1
       |
    21 | host = "x"
       | ^^^^
       |
       = help: did you mean `port`?

    error: `a b` is not the beginning of a metric's name
      --> config.toml:22:10
       |
    22 | prefix = "a b"
       |          ^^^^^
       |
       = help: write letters, digits, `_` and `-`, with dots between the parts: prefix = "pushes"

    error: unknown key `frobnicate` in [limits]
      --> config.toml:24:1
       |
    24 | frobnicate = 1
       | ^^^^^^^^^^
       |
       = help: [limits] may have: fetch_every_s, free_mib, connections, connections_per_address, warm_hosts, check_every_s, probe_every_s, inventory_every_s, source_mib, source_entries, upload_mib, published_kept, builds_kept

    error: connections are checked every 1 to 10 seconds
      --> config.toml:25:17
       |
    25 | check_every_s = 60
       |                 ^^
       |
       = help: a host counts as ready for 15 s after it answered, so 10 is the most

    error: `connections_per_address` is a whole number from 1 to 1000000
      --> config.toml:26:27
       |
    26 | connections_per_address = 0
       |                           ^
    "##);
}

#[test]
fn a_value_of_the_wrong_kind_is_told_at_its_place() {
    for (text, title) in [
        ("listen = \"everywhere\"", "`everywhere` is not an address to listen on"),
        ("listen = \"localhost:8090\"", "`localhost:8090` is not an address to listen on"),
        ("listen = \"127.0.0.1\"", "`127.0.0.1` is not an address to listen on"),
        ("listen = \"127.0.0.1:0\"", "with port 0 the server listens on an unknown port"),
        (
            "listen = 8090",
            "`listen` is an address with a port in quotes, such as \"127.0.0.1:8090\", not a whole number",
        ),
        ("auth = \"open\"", "`auth` is a table, [auth], not text"),
        ("[auth]\nmode = \"magic\"", "`mode` cannot be `magic`"),
        ("[auth]\nmode = true", "`mode` is a word in quotes, not true or false"),
        ("[ssh]\nlease_s = -1", "`lease_s` is a whole number from 0 to 86400"),
        ("[ssh]\nlease_s = 99999999999999999999", "`lease_s` is a whole number from 0 to 86400"),
        ("[ssh]\nlease_s = 6.5", "`lease_s` is a whole number, without quotes, not a number with a point"),
        ("[ssh]\nlease_s = \"30\"", "`lease_s` is a whole number, without quotes, not text"),
        ("[limits]\nfetch_every_s = 0", "branches cannot be fetched without a pause"),
        ("[build]\nisolation = \"some\"", "`isolation` cannot be `some`"),
        ("[build]\nread_only = [\"/opt/node\", \"/etc\"]", "builds cannot be given `/etc`"),
        ("[build]\nread_only = [\"opt\"]", "builds cannot be given `opt`"),
        ("[build]\nread_only = [\"/opt/../root\"]", "builds cannot be given `/opt/../root`"),
        ("[build]\nhidden = []", "unknown key `hidden` in [build]"),
        ("[irc]\nchannel = \"#x\"\nserver = 5", "`server` is text in quotes, not a whole number"),
        ("[irc]\nserver = \"irc\"", "[irc] does not say `channel`"),
        ("[irc]\nserver = \"irc\"\nchannel = \"push\"", "`push` is not the name of a channel"),
        ("[irc]\nserver = \"irc\"\nchannel = \"#a,#b\"", "`#a,#b` is not the name of a channel"),
        ("[irc]\nserver = \"irc\"\nchannel = \"#a\\r\\nQUIT\"", "`#a\\r\\nQUIT` is not the name of a channel"),
        ("[irc]\nserver = \"irc\"\nchannel = \"#a\"\nnick = \"4u\"", "`4u` is not a nick"),
        ("[email]\nserver = \"a\"\nfrom = \"a@b\"", "[email] does not say `to`"),
        ("[email]\nserver = \"a\"\nfrom = \"a@b\"\nto = \"a@b\"", "`to` is a list of texts, to = [\"…\"], not text"),
        ("[email]\nserver = \"a\"\nfrom = \"a@b\"\nto = []", "nobody would get mail"),
        ("[email]\nserver = \"a\"\nfrom = \"a@b\"\nto = [\"a@b\", \"x\"]", "`x` is not a mail address"),
        ("[email]\nserver = \"\"\nfrom = \"a@b\"\nto = [\"a@b\"]", "`` is not the name of a server"),
        ("[email]\nserver = \"a\"\nfrom = \"a@b\"\nto = [\"a@b\"]\npassword_env = \"X\"", "a password without a user"),
        ("[email]\nserver = \"a\"\nfrom = \"a@b\"\nto = [\"a@b\"]\nuser = \"me\"", "user `me` has no password"),
    ] {
        let said = refused(&format!("url = \"http://x\"\n{text}\n"));
        let first = said.lines().next().unwrap();
        assert!(first.starts_with(&format!("error: {title}")), "{text}: {said}");
        assert_eq!(said.matches("error: ").count(), 1, "{said}");
        assert!(!said.contains("config.toml:1:"), "it has a place of its own: {said}");
    }
    let said = refused("listen = \"127.0.0.1:1\"\n");
    assert!(said.starts_with("error: this file does not say `url`") && said.contains("url = \"http://127"), "{said}");
    let said = refused("url = \n");
    assert!(said.contains("error: not TOML: string values must be quoted"), "{said}");
}

#[test]
fn a_secret_that_was_written_into_the_file_is_not_shown() {
    let said =
        refused("url = \"http://mary:hünter2@push\"\n[irc]\npassword = \"s3cret\"\nserver = \"x\"\nchannel = \"#x\"\n");
    assert!(!said.contains("nter2") && !said.contains("s3cret") && !said.contains("mary"), "{said}");
    assert!(said.contains("url = \"http://*************@push\"") && said.contains("password = \"******\""), "{said}");
}

#[test]
fn where_to_listen_follows_from_an_address_of_this_machine_unless_the_file_says_it() {
    for (text, listen) in [
        ("url = \"http://127.0.0.1:9000\"", "127.0.0.1:9000"),
        ("url = \"http://localhost:9000\"", "127.0.0.1:9000"),
        ("url = \"http://[::1]:9000\"", "[::1]:9000"),
        ("url = \"http://127.0.0.1:9000\"\nlisten = \"127.0.0.1:9001\"", "127.0.0.1:9001"),
        ("url = \"https://push.example.com\"", "127.0.0.1:8090"),
        ("url = \"https://localhost:8443\"", "127.0.0.1:8090"),
    ] {
        assert_eq!(parsed(text).listen.to_string(), listen, "{text}");
    }
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
      = help: it must begin with http:// or https://, as people see it in their browser

    error: 0.0.0.0:80 is plain HTTP beyond this machine
     --> config.toml:3:10
      |
    3 | listen = "0.0.0.0:80"
      |          ^^^^^^^^^^^^
      |
      = help: listen on 127.0.0.1 behind a TLS proxy, or set insecure_http = true

    error: mode = "open" accepts any name, so it is allowed on loopback only, not on 0.0.0.0:80
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
      = help: heartbeats are sent every 5 s, so it must be 6 or more; 30 tolerates a slow network

    error: `x` is not a mail address: invalid input
      --> config.toml:10:8
       |
    10 | from = "x"
       |        ^^^
       |
       = help: write it as in "push@example.com" or "Pushbutton <push@example.com>"

    error: nobody would get mail
      --> config.toml:11:6
       |
    11 | to = []
       |      ^^
       |
       = help: name at least one address, or take [email] out

    error: a password without a user
      --> config.toml:12:17
       |
    12 | password_file = "a"
       |                 ^^^
       |
       = help: say who signs in: user = "…"

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

#[test]
fn the_numbers_have_an_address_of_this_machine_unless_they_are_open() {
    let url = "url = \"http://127.0.0.1:8090\"\n";
    let with = |metrics: &str| format!("{url}[metrics]\n{metrics}\n");
    assert_eq!(parsed(url).metrics, None, "off unless it is said");
    for (good, open) in [
        ("listen = \"127.0.0.1:9091\"", false),
        ("listen = \"[::1]:9091\"", false),
        ("listen = \"10.20.0.7:9091\"\nopen = true", true),
    ] {
        assert_eq!(parsed(&with(good)).metrics.unwrap().open, open);
    }
    assert_snapshot!(refused(&with("listen = \"0.0.0.0:9091\"")), @r#"
    error: 0.0.0.0:9091 is reachable from other machines: anyone there could read the metrics
     --> config.toml:3:10
      |
    3 | listen = "0.0.0.0:9091"
      |          ^^^^^^^^^^^^^^
      |
      = help: listen on 127.0.0.1, or set open = true if everyone on that network may read them
    "#);
    assert_snapshot!(refused(&with("listen = \"127.0.0.1:8090\"")), @r#"
    error: the pages listen on 127.0.0.1:8090, and the metrics need their own address
     --> config.toml:3:10
      |
    3 | listen = "127.0.0.1:8090"
      |          ^^^^^^^^^^^^^^^^
      |
      = help: name another port: listen = "127.0.0.1:9091"
    "#);
    assert_snapshot!(refused(&with("open = true")), @r#"
    error: [metrics] does not say `listen`
     --> config.toml:2:1
      |
    2 | [metrics]
      | ^^^^^^^^^
      |
      = help: listen = "127.0.0.1:9091"
    "#);
}

#[test]
fn any_number_of_channels_each_with_its_filter() {
    let config = parsed(
        r##"
url = "https://push.example.com"
[irc]
server = "irc.example.com"
channel = "#push"
[[channel]]
name = "web-mail"
kind = "email"
server = "smtp.example.com"
from = "push@example.com"
to = ["web@example.com"]
stacks = ["web"]
stages = ["prod"]
events = ["ended", "marked_bad"]
results = ["failed", "rolled back"]
[[channel]]
name = "other-irc"
kind = "irc"
server = "irc.example.org"
channel = "#push"
stacks = []
"##,
    );
    let names: Vec<(&str, ChannelKind, String)> = config
        .channels
        .iter()
        .map(|channel| (channel.name.as_str(), channel.settings.kind(), channel.table()))
        .collect();
    assert_eq!(
        names,
        [
            ("irc", ChannelKind::Irc, "[irc]".to_owned()),
            ("web-mail", ChannelKind::Email, "[[channel]] `web-mail`".to_owned()),
            ("other-irc", ChannelKind::Irc, "[[channel]] `other-irc`".to_owned())
        ]
    );
    let filter = &config.channels[1].filter;
    assert_eq!(filter.events, Some(vec![ChannelEvent::Ended, ChannelEvent::MarkedBad]));
    assert_eq!(filter.results, Some(vec!["failed", "rolled back"]));

    let (stack, stage) = ("web".parse().unwrap(), "prod".parse().unwrap());
    let failed = About { stack: &stack, stage: Some(&stage), event: ChannelEvent::Ended, result: Some("failed") };
    let to = |about, told: &[&str]| {
        let file = format!(
            "source = {{ dir = \"/x\" }}\ntell = {told:?}\n[[stage]]\nname = \"qa\"\nhosts = [\"a\"]\ncommands = [\"true\"]"
        );
        let stack = crate::stack::parse("web".parse().unwrap(), "", &file).unwrap_or_else(|bad| panic!("{}", bad[0]));
        let to = config.destinations(about, &stack.tell);
        to.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(to(failed, &[]), ["irc", "web-mail"]);
    assert_eq!(to(About { result: Some("succeeded"), ..failed }, &[]), ["irc"]);
    assert_eq!(to(failed, &["other-irc", "#web", "web-mail", "#push"]), ["irc", "web-mail", "other-irc", "irc:#web"]);
    // An address goes to the only channel of mail; where its filter lets nothing through, nothing goes there.
    assert_eq!(to(failed, &["ops@example.com", "web@example.com"]), ["irc", "web-mail", "web-mail:ops@example.com"]);
    assert_eq!(to(About { result: Some("succeeded"), ..failed }, &["ops@example.com"]), ["irc"]);
    // What leads nowhere is a destination all the same: the outbox says so.
    assert_eq!(to(failed, &["slack-web"]), ["irc", "web-mail", "slack-web"]);
}

#[test]
fn what_is_wrong_with_channels_is_told_with_its_place() {
    assert_snapshot!(refused(
        r##"
url = "https://push.example.com"
[irc]
server = "irc.example.com"
channel = "#push"
also = ["ops"]
sasl_user = "push"
[[channel]]
name = "irc"
kind = "irc"
server = "irc.example.com"
channel = "#push"
[[channel]]
name = "email"
kind = "webhook"
url = "http://hooks.example.com/"
[[channel]]
name = "Web"
kind = "webhook"
url = "https://hooks.example.com/"
[[channel]]
name = "chat"
kind = "slack"
url = "https://hooks.example.com/"
stack = ["web"]
[[channel]]
kind = "email"
server = "smtp.example.com"
from = "push@example.com"
to = []
authors = true
author_domains = ["@example.com"]
events = ["start", "ended"]
results = ["success", "failed"]
password = "secret"
[[channel]]
name = "by-program"
kind = "email"
sendmail = "sendmail"
port = 25
from = "push@example.com"
to = ["all@example.com"]
[[channel]]
name = "plain"
kind = "irc"
tls = false
server = "irc.example.com"
channel = "#push"
sasl_user = "push"
sasl_password_file = "irc.sasl"
"##
    ));
    assert_snapshot!(refused("url = \"https://push.example.com\"\n[channel]\nname = \"x\"\n"));
}

#[test]
fn what_a_stack_names_and_the_file_has_not_is_said_with_what_was_meant() {
    let config = parsed(
        "url = \"https://push.example.com\"\n[[channel]]\nname = \"a\"\nkind = \"irc\"\nserver = \"x\"\nchannel = \"#a\"\n\
         [[channel]]\nname = \"b\"\nkind = \"irc\"\nserver = \"x\"\nchannel = \"#b\"\n\
         [[channel]]\nname = \"slack-web\"\nkind = \"webhook\"\nurl = \"https://x\"\n",
    );
    let said = |told: &str| {
        let file = format!(
            "source = {{ dir = \"/x\" }}\ntell = [\"{told}\"]\n[[stage]]\nname = \"qa\"\nhosts = [\"a\"]\ncommands = [\"true\"]"
        );
        let stack = crate::stack::parse("web".parse().unwrap(), "", &file).unwrap_or_else(|bad| panic!("{}", bad[0]));
        let bad = config.named(&stack.tell[0]).unwrap_err();
        format!("{}: {}", bad.title, bad.cure)
    };
    for (told, words) in [
        ("slak-web", "config.toml has no channel `slak-web`: did you mean \"slack-web\"?"),
        ("zzz", "config.toml has no channel `zzz`: it has: a, b, slack-web"),
        ("#web", "config.toml has more than one channel of kind irc for `#web`: say which: \"a:#web\", or \"b:#web\""),
        (
            "web@example.com",
            "config.toml has no channel of kind email for `web@example.com`: add [email] there, or take `web@example.com` out of tell",
        ),
        (
            "slack-web:#x",
            "`slack-web:#x` is nowhere in the channel `slack-web`: a webhook has one address: write its name alone",
        ),
        ("a:web", "`a:web` is nowhere in the channel `a`: it is not a channel of IRC: did you mean \"#web\"?"),
    ] {
        assert_eq!(said(told), words);
    }
}
