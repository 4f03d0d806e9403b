//! What a stack file says of isolation: read, refused, and part of the plan that people see and approve.

use pushbutton::plan::{Artifact, BuildFrom, Target, plan};
use pushbutton::stack::{RunsAs, Stack, parse};

fn text(top: &str, command: &str) -> String {
    format!(
        "source = {{ git = \"https://git.example.com/web.git\", branch = \"main\" }}\n{top}\n[[stage]]\nname = \"qa\"\n\
         hosts = [\"web1\"]\ncommands = [{command}]\n"
    )
}

fn good(top: &str, command: &str) -> Stack {
    parse("web".parse().unwrap(), "web.toml", &text(top, command)).unwrap()
}

/// What is wrong with it, as one text.
fn told(top: &str, command: &str) -> String {
    let mistakes = parse("web".parse().unwrap(), "web.toml", &text(top, command)).unwrap_err();
    mistakes.iter().map(ToString::to_string).collect()
}

const RUN: &str = "{ run = \"true\" }";

#[test]
fn caches_are_directories_of_the_checkout_and_none_lies_in_another() {
    let stack = good("cache = [\"./node_modules/\", \"web/vendor\"]\nnetwork = true", RUN);
    assert_eq!((stack.cache, stack.network), (vec!["node_modules".to_owned(), "web/vendor".to_owned()], true));
    assert!(!good("", RUN).network);
    for (cache, words) in [
        ("\".\"", "all of the checkout cannot be a cache"),
        ("\".git\"", "all of the checkout cannot be a cache"),
        ("\"a/.git/x\"", "all of the checkout cannot be a cache"),
        ("\"../other\"", "path `../other` is not allowed"),
        ("\"/etc\"", "path `/etc` is not allowed"),
        ("\"a\", \"a/b\"", "`a/b` and `a` are one directory"),
        ("\"a\", \"a/\"", "`a` and `a` are one directory"),
    ] {
        let said = told(&format!("cache = [{cache}]"), RUN);
        assert!(said.contains(words), "{cache}: {said}");
    }
    let many: Vec<String> = (0..21).map(|n| format!("\"d{n}\"")).collect();
    assert!(told(&format!("cache = [{}]", many.join(",")), RUN).contains("more than 20 caches"));
}

#[test]
fn an_operators_command_is_local_and_begins_with_an_absolute_path() {
    let stack = good("", "{ local = \"/usr/bin/lb out\", as = \"operator\" }, \"true\"");
    let runs_as: Vec<RunsAs> = stack.stages[0].commands.iter().map(|command| command.runs_as).collect();
    assert_eq!(runs_as, [RunsAs::Operator, RunsAs::Committer]);
    for (command, words) in [
        ("{ local = \"./lb out\", as = \"operator\" }", "begins with the absolute path of its program"),
        ("{ local = \"cd x; /usr/bin/lb\", as = \"operator\" }", "begins with the absolute path of its program"),
        ("{ local = \"/usr/bin/lb\", as = \"root\" }", "`as` takes one word only: `operator`"),
        ("{ run = \"/usr/bin/lb\", as = \"operator\" }", "`as` belongs to `local`, not to `run`"),
    ] {
        let said = told("", command);
        assert!(said.contains(words), "{command}: {said}");
    }
}

#[test]
fn what_a_build_and_a_command_may_is_part_of_the_plan_and_its_hash() {
    let hash = |top: &str, command: &str| {
        // The hash of the file's text would differ anyway.
        let stack = Stack { text_hash: "0".repeat(64), ..good(top, command) };
        let artifact = Artifact::Revision("a".repeat(40).parse().unwrap());
        let target = Target { artifact, branch: "main".to_owned(), old: None };
        let plan = plan(&stack, &"qa".parse().unwrap(), target).unwrap();
        assert!(matches!(plan.build, BuildFrom::Made { .. }));
        plan.hash()
    };
    let plain = hash("", "\"/bin/true\"");
    assert_eq!(plain, hash("network = false\ncache = []", "{ local = \"/bin/true\" }"));
    for (top, command) in [
        ("network = true", "\"/bin/true\""),
        ("cache = [\"deps\"]", "\"/bin/true\""),
        ("", "{ local = \"/bin/true\", as = \"operator\" }"),
    ] {
        assert_ne!(plain, hash(top, command), "{top} {command}");
    }
}
