use super::*;
use crate::stack::{Stage, parse};

/// A stack of one stage on some hosts, with more lines of its own.
fn text(hosts: &str, lines: &str) -> String {
    format!(
        "source = {{ git = \"https://git.example.com/web.git\", branch = \"main\" }}\n[[stage]]\nname = \"qa\"\nhosts = \
         [\"{hosts}\"]\n{lines}\n"
    )
}

fn good(hosts: &str, lines: &str) -> Stage {
    parse("web".parse().unwrap(), "web.toml", &text(hosts, lines)).unwrap().stages.remove(0)
}

/// Each mistake as `line: title; cure`.
fn told(lines: &str) -> Vec<String> {
    let mistakes = parse("web".parse().unwrap(), "web.toml", &text("web[1-9]", lines)).unwrap_err();
    mistakes.iter().map(ToString::to_string).collect()
}

#[test]
fn a_tenth_of_the_hosts_may_leave_or_what_the_file_says_but_never_the_last_one() {
    let rest = "on_failure = \"drop\"\ndrop = [\"./out {host}\"]\ncommands = [{ run = \"x\" }]";
    for (hosts, said, most) in [
        ("web[01-40]", "", 4),
        ("web[1-9]", "", 1),
        ("web1", "", 0),
        ("web[01-40]", "max_dropped = 6", 6),
        ("web[01-40]", "max_dropped = \"25%\"", 10),
        ("web[1-9]", "max_dropped = \"10%\"", 0),
        ("web[1-9]", "max_dropped = \"100%\"", 8),
        ("web[1-9]", "max_dropped = 30", 8),
    ] {
        let stage = good(hosts, &format!("{said}\n{rest}"));
        assert_eq!(stage.policy.max_dropped, most, "{hosts} {said}");
        assert_eq!((stage.commands[0].policy, stage.drop.len()), (stage.policy, 1));
    }
    let stage = good("web[1-9]", "on_failure = \"rollback\"\ncommands = [{ run = \"x\", on_failure = \"stop\" }]");
    assert_eq!((stage.policy.on_failure, stage.policy.max_dropped), (OnFailure::Rollback, 0));
    assert_eq!(stage.commands[0].policy.on_failure, OnFailure::Stop);
}

#[test]
fn what_cannot_work_together_is_refused() {
    let drop = "drop = [\"./out {host}\"]";
    for (lines, words) in [
        (
            "on_failure = \"drop\"\ncommands = [{ run = \"x\" }]".to_owned(),
            "hosts should be dropped here, but this stage does not say how",
        ),
        ("commands = [{ run = \"x\", on_failure = \"drop\" }]".to_owned(), "does not say how"),
        (format!("{drop}\ncommands = [{{ run = \"x\" }}]"), "`drop` is never used"),
        ("max_dropped = 2\ncommands = [{ run = \"x\" }]".to_owned(), "no host is ever dropped in this stage"),
        (
            format!("on_failure = \"drop\"\n{drop}\ncommands = [{{ run = \"x\", on_failure = \"rollback\" }}]"),
            "one stage cannot both drop hosts and roll back",
        ),
        (
            "on_failure = \"rollback\"\ncommands = [\"./all\"]".to_owned(),
            "on_failure = \"rollback\" can do nothing here: no command works on the hosts",
        ),
        (format!("on_failure = \"drop\"\n{drop}\ncommands = [\"./all\"]"), "on_failure = \"drop\" can do nothing here"),
        (
            "on_failure = \"drop\"\ndrop = [\"./out\"]\ncommands = [{ run = \"x\" }]".to_owned(),
            "this command of `drop` does not say which host to drop",
        ),
        (
            "on_failure = \"drop\"\ndrop = [{ release = \"/srv/web\" }]\ncommands = [{ run = \"x\" }]".to_owned(),
            "`drop` takes `local`, `run` and `check` only",
        ),
        (
            "on_failure = \"drop\"\ndrop = [{ run = \"x\", max_failed = 1 }]\ncommands = [{ run = \"x\" }]".to_owned(),
            "a host that cannot be dropped has failed",
        ),
        (
            format!("on_failure = \"drop\"\nmax_dropped = 0\n{drop}\ncommands = [{{ run = \"x\" }}]"),
            "0 is out of range: it must be 1 to",
        ),
        (
            format!("on_failure = \"drop\"\nmax_dropped = \"0%\"\n{drop}\ncommands = [{{ run = \"x\" }}]"),
            "max_dropped `0%` is not allowed",
        ),
        ("on_failure = \"rolback\"\ncommands = [{ run = \"x\" }]".to_owned(), "did you mean `rollback`?"),
        ("on_failure = \"explode\"\ncommands = [{ run = \"x\" }]".to_owned(), "(to what was live)"),
    ] {
        let told = told(&lines);
        assert!(told.len() == 1 && told[0].contains(words), "{lines}\n{told:#?}");
    }
}
