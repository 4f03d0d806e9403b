//! Going back in anger, and waiting for a person, on real hosts: a rollback changes something and asks nobody; one number says
//! on how many hosts a build is, wherever it is read; a push that waits for an answer says so everywhere.

use crate::house::{DEADLINE, Got, House, Plans, until};
use pushbutton::process::Program;
use serde_json::{Value, json};

const HOSTS: [&str; 3] = ["qa1", "qa2", "qa3"];
const BACK: &str = "/api/v1/stacks/web/stages/qa/rollback";

/// What a command said, and with which code it ended.
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl House {
    async fn olga_says(&self, args: &[&str]) -> Said {
        let config = self.dir.path().join("config.toml");
        let program = Program::new(env!("CARGO_BIN_EXE_pushbutton")).arg("--config").arg(config).args(args);
        let program = program.env("HOME", self.dir.path()).env("USER", "olga").dir(self.dir.path());
        let output = program.output(DEADLINE).await.unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Said { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// Presses, waits for the question, and answers yes; gives the push as it ended.
    async fn confirmed(&self) -> Value {
        let id = self.press("qa").await;
        self.asks(id).await;
        let answer = self.send("POST", &format!("/api/v1/pushes/{id}/confirm"), &json!({ "answer": "yes" })).await;
        assert_eq!(answer.status, 202, "{}", answer.text);
        self.ended(id).await
    }

    async fn asks(&self, id: i64) -> Value {
        until("the push asks", async || {
            let question = self.push(id).await["push"]["question"].clone();
            (!question.is_null()).then_some(question)
        })
        .await
    }

    async fn way_back(&self, query: &str) -> (u16, Value) {
        let Got { status, text } = self.get(&format!("{BACK}{query}")).await;
        (status, serde_json::from_str(&text).unwrap())
    }

    /// Puts all hosts onto a release, as an operator would.
    async fn by_hand(&self, build: &str) {
        for host in HOSTS {
            let script = format!("ln -sfn releases/{build} /srv/web/current");
            assert!(self.fleet.ssh(host, &script).await.unwrap().status.success());
        }
    }
}

fn message(answer: &Value) -> &str {
    answer["error"]["message"].as_str().unwrap_or_default()
}

fn build(push: &Value) -> String {
    push["push"]["build"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_push_that_waits_is_seen_everywhere_and_a_rollback_changes_something_and_asks_nobody() {
    let commands = r#"{ release = "/srv/web" }, { activate = "/srv/web" }, { confirm = "Graphs calm?", timeout = "9m" },
        { run = "test ! -e /srv/bad" }"#;
    let config = "check_every_s = 1\nprobe_every_s = 1\n".to_owned();
    let mut house = House::build(Plans { qa: &HOSTS, commands, config, ..Plans::default() }).await;
    let bad = house.fleet.host("qa3").unwrap().srv_dir().join("bad");

    // The first push waits: everybody can see it, also after the server was away.
    let id = house.press("qa").await;
    house.asks(id).await;
    house.kill_server().await;
    house.start().await;
    house.asks(id).await;
    let street = house.street().await;
    assert_eq!(street["lock"]["question"]["question"], "Graphs calm?", "{street:#}");
    assert_eq!(
        (&street["lock"]["hosts_ok"], &street["lock"]["hosts_total"]),
        (&json!(3), &json!(3)),
        "all have flipped"
    );
    let page = house.get("/stacks/web").await.text;
    for words in ["action=\"/pushes/1/confirm\"", "Yes, go on", "3 of 3 hosts have", "waits for an answer since"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(house.get("/").await.text.contains("Answer: Graphs calm?"), "the dashboard leads to it");
    let listed = house.get("/api/v1/pushes?state=running").await.text;
    assert!(listed.contains("Graphs calm?"), "{listed}");
    let status = house.olga_says(&["status"]).await.out;
    for words in
        ["push 1 of mary to qa waits for an answer; 3 of 3 hosts have", "“Graphs calm?”; hint: pushbutton confirm 1"]
    {
        assert!(status.contains(words), "{words}: {status}");
    }
    let refused = house.olga_says(&["push", "web", "qa"]).await;
    assert!(refused.err.contains("it waits for an answer: “Graphs calm?”"), "{}", refused.err);
    assert!(refused.err.contains("hint: pushbutton confirm 1"), "{}", refused.err);
    let refused = house.olga_says(&["rollback", "web", "qa", "--reason", "now"]).await;
    assert!(refused.err.contains("push 1 is running: cancel it first"), "{}", refused.err);
    assert!(refused.err.contains("hint: pushbutton cancel 1") && refused.code == Some(1), "{}", refused.err);
    let (code, refused) = house.way_back("").await;
    assert_eq!((code, message(&refused).starts_with("push 1 is running: cancel it first")), (409, true), "{refused}");
    assert_eq!(house.olga_says(&["confirm", "1"]).await.code, Some(0));
    let first = house.ended(id).await;
    assert_eq!((&first["push"]["state"], &first["push"]["hosts_ok"]), (&json!("succeeded"), &json!(3)), "{first:#}");
    assert!(first["push"]["waited_ms"].as_i64().unwrap() > 0, "the time of the person is known: {first:#}");

    // Once more the same commit: another build with the same content is no way back.
    let second = house.confirmed().await;
    assert_ne!(build(&first), build(&second));
    let (code, none) = house.way_back("").await;
    assert!(
        code == 409
            && message(&none).contains(&format!("{} has the same content as {}", build(&first), build(&second))),
        "{none}"
    );
    let (code, equal) = house.way_back(&format!("?to={}", build(&first))).await;
    let words = format!("build {} has the same content as {}, which qa runs", build(&first), build(&second));
    assert!(code == 409 && message(&equal).contains(&words), "{equal}");

    // Another commit: of the two equal builds one is offered; the plan is whole, and asks nobody.
    house.commit().await;
    let third = house.confirmed().await;
    let (_, back) = house.way_back("").await;
    assert_eq!((&back["to"]["build"], &back["others"]), (&json!(build(&second)), &json!([])), "{back:#}");
    assert_eq!(back["questions"], json!(["Graphs calm?"]));
    let titles = back["plan"]["commands"].to_string();
    assert!(!titles.contains("confirm:") && titles.contains("test ! -e /srv/bad"), "{titles}");
    assert!(back["plan"]["changes"]["counts"].is_array() && back["plan"]["usual"]["median_ms"].is_number(), "{back:#}");
    let (_, asking) = house.way_back("?ask=true").await;
    assert!(asking["plan"]["commands"].to_string().contains("confirm: Graphs calm?"), "{asking:#}");
    assert_ne!(asking["plan_hash"], back["plan_hash"]);
    let page = house.get("/stacks/web/stages/qa/rollback").await.text;
    for words in [
        "Nobody is asked, so that nothing waits: “Graphs calm?”",
        "Files that change",
        "qa1 qa2 qa3",
        "Hosts in their order",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    // A build whose bytes are gone is not offered, the equal one is.
    let bytes = house.data().join("builds/web").join(build(&second));
    let aside = house.dir.path().join("aside");
    std::fs::rename(&bytes, &aside).unwrap();
    let (_, back) = house.way_back("").await;
    assert_eq!(back["to"]["build"], json!(build(&first)), "{back:#}");
    let (code, gone) = house.way_back(&format!("?to={}", build(&second))).await;
    assert!(code == 409 && message(&gone).contains("is not on the push host any more"), "{gone}");
    std::fs::rename(&aside, &bytes).unwrap();

    // It fails behind the flip: one number, wherever it is read.
    house.commit().await;
    std::fs::write(&bad, "").unwrap();
    let failed = house.confirmed().await;
    let (id, sha) = (failed["push"]["id"].as_i64().unwrap(), &failed["push"]["sha"].as_str().unwrap()[..7]);
    assert_eq!((&failed["push"]["state"], &failed["push"]["hosts_ok"]), (&json!("failed"), &json!(3)), "{failed:#}");
    let have = format!("3 of 3 hosts have {sha}");
    assert!(house.get(&format!("/pushes/{id}")).await.text.contains(&format!("At its end {have}.")));
    let status = house.olga_says(&["status"]).await.out;
    assert!(
        status.contains(&format!("push {id}: 3 of 3 hosts have {} as of ", build(&failed)))
            && status.contains("0 of 3 hosts as of "),
        "{status}"
    );
    let csv = house.get("/pushes.csv").await.text;
    let row = csv.lines().find(|row| row.starts_with(&format!("{id},"))).unwrap();
    assert!(row.contains(",3,3,"), "{row}");
    assert!(house.get("/pushes").await.text.contains("3 of 3 hosts have it"));
    assert!(house.log(id).await.contains("3 of 3 hosts have the build"));

    // Behind it, undo goes to what was live, at once.
    std::fs::remove_file(&bad).unwrap();
    let (_, back) = house.way_back("").await;
    assert_eq!(
        (&back["to"]["build"], &back["from"]["build"]),
        (&json!(build(&third)), &json!(build(&failed))),
        "{back:#}"
    );
    let rolled = house.olga_says(&["rollback", "web", "qa", "--reason", "broken", "--follow"]).await;
    assert_eq!(rolled.code, Some(0), "{}{}", rolled.out, rolled.err);
    assert!(rolled.out.contains("nobody is asked “Graphs calm?”; --ask does"), "{}", rolled.out);
    assert!(!rolled.out.contains("? Graphs calm?"), "{}", rolled.out);

    // The next bad one is healed by a catch-up, which asks nobody either: then its page says what is true.
    std::fs::write(&bad, "").unwrap();
    let failed = house.confirmed().await;
    std::fs::remove_file(&bad).unwrap();
    until("the hosts have said what they run", async || {
        let behind = house.stage("qa").await["catch_up"]["hosts"].as_array()?.len();
        (behind == 3).then_some(())
    })
    .await;
    let caught = house.olga_says(&["catch-up", "web", "qa", "--follow"]).await;
    assert_eq!(caught.code, Some(0), "{}{}", caught.out, caught.err);
    let page = house.get(&format!("/pushes/{}", failed["push"]["id"])).await.text;
    let runs = &third["push"]["sha"].as_str().unwrap()[..7];
    assert!(page.contains(&format!("Now QA runs {runs} on all 3 hosts, as of ")), "{page}");
    assert!(page.contains("(catch-up, succeeded)") && !page.contains("Roll back to"), "{page}");
    let (_, back) = house.way_back("").await;
    assert_eq!(back["to"]["build"], json!(build(&second)), "what is healed already is no way back: {back:#}");

    // Somebody puts all hosts back by hand: from there it goes, and what the ledger calls live can come back.
    house.by_hand(&build(&second)).await;
    let (code, none) = until("the hosts have said so", async || {
        let (code, answer) = house.way_back("").await;
        (code == 409).then_some((code, answer))
    })
    .await;
    assert!(code == 409 && message(&none).contains(&build(&second)), "{none}");
    let (code, back) = house.way_back(&format!("?to={}", build(&third))).await;
    assert_eq!((code, &back["from"]["build"]), (200, &json!(build(&second))), "{back:#}");
}
