use crate::stack::{Answers, Inventory, InventoryAnswer, Stack, parse, parse_with};
use insta::assert_snapshot;
use std::time::Duration;

const TOP: &str = "source = { git = \"/srv/git/web\", branch = \"main\" }\n";

/// A stack with one stage; `hosts` is its `hosts`.
fn text(top: &str, hosts: &str) -> String {
    format!("{TOP}{top}\n[[stage]]\nname = \"qa\"\nhosts = {hosts}\nchunk = \"50%\"\ncommands = [{{ run = \"x\" }}]\n")
}

fn read(text: &str, answers: &Answers) -> Stack {
    parse_with("web".parse().unwrap(), "stacks/web.toml", text, answers).unwrap_or_else(|errors| {
        panic!("{}", errors.iter().map(|error| format!("{error}\n")).collect::<String>());
    })
}

fn told(text: &str) -> String {
    let errors = parse("web".parse().unwrap(), "stacks/web.toml", text).unwrap_err();
    errors.iter().map(|error| format!("{error}\n\n")).collect::<String>().trim_end().to_owned()
}

/// The hosts of the first stage.
fn names(stack: &Stack) -> String {
    stack.stages[0].hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn asked(command: &str) -> Inventory {
    let text = text("", &format!("{{ command = {command:?} }}"));
    read(&text, &Answers::new()).stages.remove(0).inventories.remove(0)
}

fn answer(hosts: &[&str], problem: Option<&str>) -> InventoryAnswer {
    let hosts = hosts.iter().map(|host| host.parse().unwrap()).collect();
    InventoryAnswer { hosts, problem: problem.map(str::to_owned) }
}

#[test]
fn groups_may_hold_groups_and_each_host_its_own_user_port_and_way() {
    let top = r#"jump = "ops@bastion:2022"
[hosts]
web = ["web[1-2]", "deploy@web3:2222"]
db = { hosts = ["db1", "db2 via other"], jump = "db-bastion" }
office = { hosts = ["desk"], jump = "none" }
edge = ["bastion"]
fleet = ["@web", "@db", "@office", "@edge"]"#;
    let stack = read(&text(top, "\"fleet\""), &Answers::new());
    assert_eq!(
        names(&stack),
        "web1 via ops@bastion:2022, web2 via ops@bastion:2022, deploy@web3:2222 via ops@bastion:2022, \
         db1 via db-bastion, db2 via other, desk, bastion"
    );
    assert_eq!(stack.stages[0].commands[0].chunk, 3, "half of seven");
}

#[test]
fn hosts_that_a_command_lists_are_known_once_it_was_asked() {
    let top = r#"[hosts]
prod = { command = "./inventory prod", min = 3, timeout = "5s", shrink = "20%", jump = "bastion" }
all = ["web0", "@prod"]"#;
    let text = text(top, "[\"@all\", \"web9\"]");
    let stack = read(&text, &Answers::new());
    let stage = &stack.stages[0];
    assert_eq!(names(&stack), "web0, web9");
    assert_eq!(
        stage.unlisted.as_deref(),
        Some("the hosts of group prod are not known: `./inventory prod` has not been asked yet")
    );
    let [inventory] = stage.inventories.as_slice() else { panic!("{:?}", stage.inventories) };
    assert_eq!((inventory.min, inventory.timeout, inventory.shrink), (3, Duration::from_secs(5), 20));
    let mut answers = Answers::from([(inventory.clone(), answer(&["web1 via bastion", "web2", "web3"], None))]);
    let stack = read(&text, &answers);
    assert_eq!(
        (names(&stack).as_str(), &stack.stages[0].unlisted),
        ("web0, web1 via bastion, web2, web3, web9", &None)
    );
    assert_eq!(stack.stages[0].commands[0].chunk, 2, "half of five");
    let problem = Some("exited with 3: no route");
    answers.insert(inventory.clone(), answer(&["web1"], problem));
    let stack = read(&text, &answers);
    assert_eq!(names(&stack), "web0, web1, web9", "those of the last good answer are still shown");
    let why = "the hosts of group prod are not known: `./inventory prod` exited with 3: no route";
    assert_eq!(stack.stages[0].unlisted.as_deref(), Some(why));
}

#[test]
fn a_host_that_a_command_repeats_closes_the_stage_and_not_the_file() {
    let top = "[hosts]\na = { command = \"a\" }\nb = { command = \"b\" }";
    let answers = Answers::from([(asked("a"), answer(&["h1"], None)), (asked("b"), answer(&["h2", "H1"], None))]);
    for (hosts, why) in [
        ("[\"@a\", \"@b\"]", "host H1 is named twice: by the command of group a and by the command of group b"),
        ("[\"h1\", \"@a\"]", "host h1 is named twice: on line 7 and by the command of group a"),
        ("[\"@a\", \"@a\"]", "host h1 is named twice: by the command of group a and by the command of group a"),
    ] {
        let stack = read(&text(top, hosts), &answers);
        assert_eq!(stack.stages[0].unlisted.as_deref(), Some(why), "{hosts}");
    }
    assert_eq!(read(&text(top, "\"a\""), &answers).stages[0].unlisted, None);
}

#[test]
fn what_is_wrong_with_a_group_is_told_at_its_place() {
    let top = r#"jump = "a via b"
[hosts]
a = { command = "./inventory {stage} 'x" }
b = { command = "./inventory {sha}", min = 0, timeout = "5", shrink = "half" }
c = { hosts = ["c1"], min = 3, comand = "x" }
d = { jump = "x" }
e = { hosts = { command = "x" } }"#;
    assert_snapshot!(told(&text(top, "[\"x1\"]")), @r#"
    error: `a via b` is not a jump host
     --> stacks/web.toml:2:8
      |
    2 | jump = "a via b"
      |        ^^^^^^^^^
      |
      = help: write one host as ssh reads it, jump = "ops@bastion.example.com:22", or "none" for the direct way

    error: single quotes are opened here and never closed
     --> stacks/web.toml:4:38
      |
    4 | a = { command = "./inventory {stage} 'x" }
      |                                      ^
      |
      = help: close them

    error: a command that lists hosts has no variables: it runs before there is a push
     --> stacks/web.toml:5:17
      |
    5 | b = { command = "./inventory {sha}", min = 0, timeout = "5", shrink = "half" }
      |                 ^^^^^^^^^^^^^^^^^^^
      |
      = help: write the value out; plain braces are written {{ and }}

    error: `min` belongs to a command that lists hosts
     --> stacks/web.toml:6:23
      |
    6 | c = { hosts = ["c1"], min = 3, comand = "x" }
      |                       ^^^
      |
      = help: take it out

    error: unknown key `comand` in a host group
     --> stacks/web.toml:6:32
      |
    6 | c = { hosts = ["c1"], min = 3, comand = "x" }
      |                                ^^^^^^
      |
      = help: did you mean `command`?

    error: a host group has either `hosts` or a `command`
     --> stacks/web.toml:7:5
      |
    7 | d = { jump = "x" }
      |     ^^^^^^^^^^^^^^
      |
      = help: write { hosts = ["web1"], jump = "bastion" } or { command = "./inventory prod" }

    error: this must be a list of hosts
     --> stacks/web.toml:8:15
      |
    8 | e = { hosts = { command = "x" } }
      |               ^^^^^^^^^^^^^^^^^
      |
      = help: write hosts = ["web[001-040].example.com"]
    "#);
}

#[test]
fn secrets_are_named_and_never_written() {
    let top = r#"[vars]
colour = "red"
[secrets]
token = { file = "/etc/pushbutton/token" }
sha = { env = "TOKEN" }
colour = { env = "TOKEN" }
written = "hunter2"
both = { env = "A", file = "/b" }
none = {}
odd = { credential = "../x" }
low = { env = "token" }
path = { file = "token" }"#;
    assert_snapshot!(told(&text(top, "[\"x1\"]")), @r#"
    error: `sha` is a variable of Pushbutton itself
     --> stacks/web.toml:6:1
      |
    6 | sha = { env = "TOKEN" }
      | ^^^
      |
      = help: write a name of its own: letters a-z, digits and _

    error: `colour` is a variable in [vars] already
     --> stacks/web.toml:7:1
      |
    7 | colour = { env = "TOKEN" }
      | ^^^^^^
      |
      = help: write a name of its own: letters a-z, digits and _

    error: a secret is never written in this file
     --> stacks/web.toml:8:11
      |
    8 | written = "hunter2"
      |           ^^^^^^^^^
      |
      = help: say where it is found: token = { file = "/etc/pushbutton/token" }

    error: a secret is found in exactly one place
     --> stacks/web.toml:9:8
      |
    9 | both = { env = "A", file = "/b" }
      |        ^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: say where it is found: token = { file = "/etc/pushbutton/token" }

    error: a secret is found in exactly one place
      --> stacks/web.toml:10:8
       |
    10 | none = {}
       |        ^^
       |
       = help: say where it is found: token = { file = "/etc/pushbutton/token" }

    error: `../x` is not the name of a credential
      --> stacks/web.toml:11:22
       |
    11 | odd = { credential = "../x" }
       |                      ^^^^^^
       |
       = help: write the name of LoadCredential= in the server's unit: letters, digits, _, - and dots

    error: `token` is not the name of an environment variable
      --> stacks/web.toml:12:15
       |
    12 | low = { env = "token" }
       |               ^^^^^^^
       |
       = help: write capital letters, digits and _: env = "DEPLOY_TOKEN"

    error: path `token` is not allowed
      --> stacks/web.toml:13:17
       |
    13 | path = { file = "token" }
       |                 ^^^^^^^
       |
       = help: write an absolute path below / without .. and without characters that shells read: /srv/web
    "#);
    let top = "[secrets]\ntoken = { file = \"/etc/pushbutton/token\" }\nkey = { credential = \"key\" }";
    let stage = |commands: &str| text(top, "[\"x1\"]").replace("[{ run = \"x\" }]", commands);
    let stack = read(&stage("[{ run = \"login --token {token}\" }]"), &Answers::new());
    assert_eq!(stack.secrets.len(), 2);
    let crate::stack::Form::Run(script) = &stack.stages[0].commands[0].form else { panic!("a command") };
    assert_eq!(script.text, "login --token \"$PUSH_SECRET_TOKEN\"");
    let values = std::collections::BTreeMap::from([("PUSH_SECRET_TOKEN".to_owned(), "hunter2".to_owned())]);
    assert_eq!(script.show(&values), "login --token ***", "not even by mistake");
    assert_snapshot!(told(&stage("[\"echo \\\"{token}\\\"\", { check = \"http://x/?t={token}\" }]")), @r#"
    error: this variable may hold any text, so it cannot stand within double quotes
     --> stacks/web.toml:9:21
      |
    9 | commands = ["echo \"{token}\"", { check = "http://x/?t={token}" }]
      |                     ^^^^^^^
      |
      = help: make it a word of its own, outside of the quotes, or read $PUSH_SECRET_TOKEN in a script

    error: `{token}` may hold any text, so it cannot stand in an address
     --> stacks/web.toml:9:56
      |
    9 | commands = ["echo \"{token}\"", { check = "http://x/?t={token}" }]
      |                                                        ^^^^^^^
      |
      = help: use {host}, {sha}, {build} or another plain variable, or ask with `run` or `local`
    "#);
}
