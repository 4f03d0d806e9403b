//! Promise 9, at the shells: what a variable holds reaches a command byte for byte, and is never code.

use pushbutton::plan::{Artifact, Assignment, PlannedForm, Target, plan, values};
use pushbutton::process::Program;
use pushbutton::stack::{PushNumber, parse};
use std::time::Duration;

const SHELLS: &[&[&str]] = &[&["dash"], &["bash"], &["bash", "--posix"], &["busybox", "sh"]];

const HOSTILE: &[&str] = &[
    "",
    " ",
    "a b",
    "  a  b  ",
    "*",
    "~",
    "$HOME",
    "${HOME}",
    "$(touch pwned)",
    "`touch pwned`",
    "$((1+1))",
    "a;touch pwned",
    "a;touch${IFS}pwned",
    "a&&touch pwned",
    "a|touch pwned",
    "a&touch pwned",
    ">pwned",
    "<(touch pwned)",
    "'",
    "\"",
    "'\"'",
    "\\",
    "\\\\",
    "\\'",
    "';touch pwned;'",
    "\";touch pwned;\"",
    "\"$(touch pwned)\"",
    "#",
    "!x",
    "!!",
    "-n",
    "--",
    "{a,b}",
    "{sha}",
    "{{sha}}",
    "%s%n",
    "\\n\\t\\0",
    "é ü 漢",
    "[a-z]*",
    "?",
    "x=y",
    "\t",
    "a\u{202e}b",
    "\u{feff}",
    "EOF",
];

#[tokio::test]
async fn a_value_is_never_code_and_arrives_as_it_is() {
    let text = r#"
source = { git = "x", branch = "main" }
[vars]
colour = "it's $(touch pwned) \"blue\""
[[stage]]
name = "qa"
hosts = ["a"]
commands = ['''
set -f
printf '%s\n' "$PUSH_REASON" a{reason}b "$(printf '%s' a{reason})" "$PUSH_REASON" {colour}
A={reason} sh -c 'printf "%s\n" "$A" "$1"' sh a{reason}
case {reason} in "$PUSH_REASON") echo same;; *) echo other;; esac
''']
"#;
    let stack = match parse("web".parse().unwrap(), "stacks/web.toml", text) {
        Ok(stack) => stack,
        Err(told) => panic!("{}", told.iter().map(|one| format!("{one}\n")).collect::<String>()),
    };
    let sha = "a".repeat(40);
    let artifact = Artifact::Build {
        id: "aaaaaaa-1".parse().unwrap(),
        root: "b".repeat(64).parse().unwrap(),
        sha: sha.parse().unwrap(),
    };
    let target = Target { artifact, branch: "main".to_owned(), old: None };
    let plan = plan(&stack, &"qa".parse().unwrap(), target).unwrap();
    let PlannedForm::Local(script) = plan.commands[0].form.clone() else { panic!("{:?}", plan.commands[0].form) };
    let dir = tempfile::tempdir().unwrap();
    for hostile in HOSTILE {
        let assignment = Assignment {
            push: PushNumber::new(1).unwrap(),
            who: "mary".parse().unwrap(),
            reason: Some((*hostile).to_owned()),
            approved_by: None,
            override_why: None,
            url: "http://127.0.0.1/pushes/1".to_owned(),
            build: "aaaaaaa-1".parse().unwrap(),
            plan_hash: plan.hash(),
            plan: plan.clone(),
            held: Vec::new(),
            ssh_config: None,
            lease_s: 30,
            grace_s: 5,
            source_most: pushbutton::size::Most::default(),
            isolation: pushbutton::isolation::Settings::default(),
        };
        let environment = values(&assignment, None);
        let colour = "it's $(touch pwned) \"blue\"";
        let wanted = format!("{hostile}\na{hostile}b\na{hostile}\n{hostile}\n{colour}\n{hostile}\na{hostile}\nsame\n");
        for shell in SHELLS {
            let mut program = Program::new(shell[0]).args(&shell[1..]).args(["-c", &script.text]).dir(dir.path());
            for (name, value) in &environment {
                program = program.env(name, value);
            }
            let output = program.output(Duration::from_secs(30)).await.unwrap();
            assert_eq!(String::from_utf8_lossy(&output.stdout), wanted, "{shell:?} with {hostile:?}");
            assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{shell:?} with {hostile:?}");
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "{hostile:?} made a file");
    }
}
