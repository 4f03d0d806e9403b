//! Words of people as options and commands: refused by `check` in every wrapper, and only words where a command takes them.

use crate::cli::{Said, check_of};
use crate::house::{House, Plans};
use serde_json::json;

async fn check(command: &str) -> Said {
    let stack = format!(
        "source = {{ published = true }}\n[[stage]]\nname = \"qa\"\nhosts = [\"web1\"]\ncommands = [{{ run = {command:?} }}]\n"
    );
    check_of(&stack).await
}

#[tokio::test]
async fn a_word_of_a_person_begins_no_word_of_a_command_whatever_wraps_it() {
    let wrappers = [
        "WORD",
        "ls WORD",
        "setsid WORD",
        "env WORD",
        "env A=b WORD",
        "nice WORD",
        "nice -n 5 WORD",
        "nohup WORD",
        "timeout 5 WORD",
        "sudo WORD",
        "sudo -u www WORD",
        "xargs WORD",
        "time WORD",
        "exec WORD",
        "command WORD",
        "eval WORD",
        "sh -c WORD",
        "ssh h WORD",
        "true && WORD",
        "true; WORD",
        "true | WORD",
        "! WORD",
        "if true; then WORD; fi",
        "( WORD )",
        "{ WORD; }",
        "echo $(WORD)",
        "find . -name x -exec WORD",
        "git log WORD",
        "rm -- x WORD",
        "ionice -c3 WORD",
        "stdbuf -o0 WORD",
        "chroot / WORD",
    ];
    let mut checks = Vec::new();
    for wrapper in wrappers {
        for value in ["{reason}", "{who}", "{ref}"] {
            checks.push(wrapper.replace("WORD", value));
        }
    }
    for command in &checks {
        let said = check(command).await;
        assert_eq!(said.code, Some(1), "{command}: {}{}", said.out, said.err);
        assert!(said.err.contains("= help: "), "{command}: {}", said.err);
    }
    for command in ["logger pushed: by={who} why={reason}", "./tell --reason={reason}", "echo by-{who}"] {
        let said = check(command).await;
        assert_eq!(said.code, Some(0), "{command}: {}{}", said.out, said.err);
    }
}

#[tokio::test]
async fn what_a_person_writes_arrives_as_words_and_runs_nothing() {
    let commands = "{ run = \"printf '%s\\\\n' reason={reason} by={who} >>/srv/said\" }";
    let house = House::build(Plans { qa: &["qa1"], commands, ..Plans::default() }).await;
    let reasons = [
        "--help",
        "-rf /",
        "-x; touch /srv/pwned",
        "$(touch /srv/pwned)",
        "`touch /srv/pwned`",
        "'; touch /srv/pwned; '",
        "\" && touch /srv/pwned #",
        "x | tee /srv/pwned",
        "${IFS}touch${IFS}/srv/pwned",
        "{sha} {reason} {{reason}}",
    ];
    for reason in reasons {
        let next = house.button("qa").await;
        let body = json!({ "seen": next["seen"], "plan_hash": next["plan_hash"], "reason": reason });
        let answer = house.send("POST", "/api/v1/stacks/web/stages/qa/push", &body).await;
        // Ten a minute is the limit for one person, and the last of these is the tenth.
        assert_eq!(answer.status, 201, "{reason}: {}", answer.text);
        let id = answer.json()["id"].as_i64().unwrap();
        let push = house.ended(id).await;
        assert_eq!(push["push"]["state"], "succeeded", "{reason}: {push:#}");
    }
    let srv = house.fleet.host("qa1").unwrap().srv_dir();
    let said = std::fs::read_to_string(srv.join("said")).unwrap();
    let expected: String = reasons.iter().map(|reason| format!("reason={reason}\nby=mary\n")).collect();
    assert_eq!(said, expected);
    assert!(!srv.join("pwned").exists());
}
