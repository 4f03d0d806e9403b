//! Where the hosts of a stage come from, and the ways to them: commands that list them, jump hosts, and host keys that
//! somebody has looked at.

use crate::house::{House, Plans, until};
use pushbutton::process::Program;
use serde_json::Value;
use std::time::Duration;

impl House {
    /// Runs the command line on this house's configuration: exit code, standard output, standard error.
    async fn cli(&self, args: &[&str]) -> (Option<i32>, String, String) {
        let config = self.dir.path().join("config.toml");
        let program = Program::new(env!("CARGO_BIN_EXE_pushbutton")).arg("--config").arg(config).args(args);
        let program = program.env("HOME", self.dir.path()).env("USER", "mary");
        let output = program.output(Duration::from_secs(90)).await.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    }

    /// Changes the stack file.
    fn edit_stack(&self, from: &str, to: &str) {
        let path = self.dir.path().join("stacks/web.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(path, text.replace(from, to)).unwrap();
    }

    fn list(&self, hosts: &str) {
        std::fs::write(self.dir.path().join("stacks/hosts"), hosts).unwrap();
    }

    /// Presses with what was seen, and takes the refusal.
    async fn refused(&self, stage: &str, next: &Value) -> (String, String) {
        let answer = self.press_with(stage, next).await;
        assert_eq!(answer.status, 409, "{}", answer.text);
        let answer: Value = serde_json::from_str(&answer.text).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&answer["error"]["code"]), text(&answer["error"]["message"]))
    }

    /// Waits until a stage's page says why it cannot be pressed.
    async fn closed(&self, stage: &str, words: &str) {
        until(&format!("{stage} is closed with {words:?}"), async || {
            let why = self.stage(stage).await["why_not"].as_str()?.to_owned();
            why.contains(words).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_command_lists_the_hosts_and_what_it_says_at_the_press_is_what_is_pushed_to() {
    let plans = Plans {
        qa: &["qa1", "qa2", "qa3"],
        princess: &["p1"],
        commands: "{ run = \"echo on {host}\" },",
        config: "inventory_every_s = 1\n".to_owned(),
        ..Plans::default()
    };
    let mut house = House::build(plans).await;
    house.list("# the fleet\nqa[1-2]\n");
    let command = "cat hosts && test ! -e hang || sleep 600";
    house
        .edit_stack("qa = [\"qa1\", \"qa2\", \"qa3\"]", &format!("qa = {{ command = {command:?}, timeout = \"2s\" }}"));
    until("the command is asked", async || {
        (house.stage("qa").await["hosts"] == serde_json::json!(["qa1", "qa2"])).then_some(())
    })
    .await;
    let pushed = house.push_well("qa").await;
    assert_eq!(pushed["hosts"], serde_json::json!(["qa1", "qa2"]));

    // What was added between the look and the press is named; the second press has seen it.
    house.commit().await;
    let seen = house.button("qa").await;
    house.list("qa[1-3]\n");
    let (code, words) = house.refused("qa", &seen).await;
    assert_eq!(code, "moved");
    assert!(words.contains("qa3 was added to the hosts of qa"), "{words}");
    let pushed = house.push_well("qa").await;
    assert_eq!(pushed["hosts"], serde_json::json!(["qa1", "qa2", "qa3"]));
    let id = pushed["push"]["id"].as_i64().unwrap();
    let plan: Value = serde_json::from_slice(&std::fs::read(house.push_dir(id).join("plan.json")).unwrap()).unwrap();
    assert_eq!(plan["plan"]["hosts"], serde_json::json!(["qa1", "qa2", "qa3"]), "frozen");

    // Bad answers close this stage and no other, at the press, on the page, in the API and in `check`.
    let seen = house.button("qa").await;
    for (listed, words) in [
        ("", "`cat hosts && test ! -e hang || sleep 600` named no host"),
        ("qa1\n", "leaves it 1 of the 3 hosts that push 2 had"),
        ("qa1\nqa2\nqa1\n", "named qa1 twice"),
    ] {
        house.list(listed);
        let (code, why) = house.refused("qa", &seen).await;
        assert_eq!(code, "no_hosts");
        assert!(why.starts_with("web cannot be pushed to qa: ") && why.contains(words), "{why}");
        house.closed("qa", words).await;
        assert!(house.stage("princess").await["why_not"].is_null(), "the other stage stays open");
    }
    let page = house.get("/stacks/web").await.text;
    assert!(page.contains("named qa1 twice"), "{page}");
    let (code, _, err) = house.cli(&["check"]).await;
    assert_eq!(code, Some(1));
    assert!(
        err.contains("stage qa: the hosts of group qa are not known: ") && err.contains("named qa1 twice"),
        "{err}"
    );
    assert_eq!(house.cli(&["check", "--offline"]).await.0, Some(0));

    // One that hangs is ended with all that it started, and a page never waits for it.
    std::fs::write(house.dir.path().join("stacks/hang"), "").unwrap();
    house.list("qa[1-3]\n");
    house.closed("qa", "had not ended after 2 s").await;
    let (_, why) = house.refused("qa", &seen).await;
    assert!(why.contains("had not ended after 2 s"), "{why}");
    std::fs::remove_file(house.dir.path().join("stacks/hang")).unwrap();
    house.button("qa").await;

    // Without a server, too.
    house.kill_server().await;
    house.list("qa[2-3]\n");
    let (code, out, err) = house.cli(&["plan", "web", "qa"]).await;
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("hosts      qa2 qa3"), "{out}");
}
