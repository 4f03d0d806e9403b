//! Going back in anger, and waiting for a person, on real hosts: a rollback changes something and asks nobody; one number says
//! on how many hosts a build is, wherever it is read; a push that waits for an answer says so everywhere.

use crate::cli::pushbutton;
use crate::house::{Channels, Got, House, Plans, until};
use serde_json::{Value, json};

const HOSTS: [&str; 3] = ["qa1", "qa2", "qa3"];
const BACK: &str = "/api/v1/stacks/web/stages/qa/rollback";

impl House {
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

    async fn rollback_view(&self, query: &str) -> (u16, Value) {
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
    let street = house.stack_view().await;
    assert_eq!(street["lock"]["question"]["question"], "Graphs calm?", "{street:#}");
    assert_eq!(
        (&street["lock"]["hosts_ok"], &street["lock"]["hosts_total"]),
        (&json!(3), &json!(3)),
        "all have flipped"
    );
    let page = house.get("/stacks/web").await.text;
    for words in ["action=\"/pushes/1/confirm\"", "Yes, continue", "3 of 3 hosts have", "waits for an answer since"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(house.get("/").await.text.contains("Answer: Graphs calm?"), "the dashboard leads to it");
    let listed = house.get("/api/v1/pushes?state=running").await.text;
    assert!(listed.contains("Graphs calm?"), "{listed}");
    let status = pushbutton(&house, &["status"]).await.out;
    for words in
        ["push 1 of mary to qa waits for an answer; 3 of 3 hosts have", "“Graphs calm?”; hint: pushbutton confirm 1"]
    {
        assert!(status.contains(words), "{words}: {status}");
    }
    let refused = pushbutton(&house, &["push", "web", "qa"]).await;
    assert!(refused.err.contains("it waits for an answer: “Graphs calm?”"), "{}", refused.err);
    assert!(refused.err.contains("hint: pushbutton confirm 1"), "{}", refused.err);
    let refused = pushbutton(&house, &["rollback", "web", "qa", "--reason", "now"]).await;
    assert!(refused.err.contains("push 1 is running: cancel it first"), "{}", refused.err);
    assert!(refused.err.contains("hint: pushbutton cancel 1") && refused.code == Some(1), "{}", refused.err);
    let (code, refused) = house.rollback_view("").await;
    assert_eq!((code, message(&refused).starts_with("push 1 is running: cancel it first")), (409, true), "{refused}");
    assert_eq!(pushbutton(&house, &["confirm", "1"]).await.code, Some(0));
    let first = house.ended(id).await;
    assert_eq!((&first["push"]["state"], &first["push"]["hosts_ok"]), (&json!("succeeded"), &json!(3)), "{first:#}");
    assert!(first["push"]["waited_ms"].as_i64().unwrap() > 0, "the time of the person is known: {first:#}");

    // Once more the same commit: another build with the same content is no rollback.
    let second = house.confirmed().await;
    assert_ne!(build(&first), build(&second));
    let (code, none) = house.rollback_view("").await;
    assert!(
        code == 409
            && message(&none).contains(&format!("{} has the same content as {}", build(&first), build(&second))),
        "{none}"
    );
    let (code, equal) = house.rollback_view(&format!("?to={}", build(&first))).await;
    let words = format!("build {} has the same content as {}, which qa runs", build(&first), build(&second));
    assert!(code == 409 && message(&equal).contains(&words), "{equal}");

    // Another commit: of the two equal builds one is offered; the plan is whole, and asks nobody.
    house.commit().await;
    let third = house.confirmed().await;
    let (_, back) = house.rollback_view("").await;
    assert_eq!((&back["to"]["build"], &back["others"]), (&json!(build(&second)), &json!([])), "{back:#}");
    assert_eq!(back["questions"], json!(["Graphs calm?"]));
    let titles = back["plan"]["commands"].to_string();
    assert!(!titles.contains("confirm:") && titles.contains("test ! -e /srv/bad"), "{titles}");
    assert!(back["plan"]["changes"]["counts"].is_array() && back["plan"]["usual"]["median_ms"].is_number(), "{back:#}");
    let (_, asking) = house.rollback_view("?ask=true").await;
    assert!(asking["plan"]["commands"].to_string().contains("confirm: Graphs calm?"), "{asking:#}");
    assert_ne!(asking["plan_hash"], back["plan_hash"]);
    let page = house.get("/stacks/web/stages/qa/rollback").await.text;
    for words in [
        "Skips these questions, so that nothing waits: “Graphs calm?”",
        "Files that change",
        "qa1 qa2 qa3",
        "Hosts in order",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    // A build whose bytes are gone is not offered, the equal one is.
    let bytes = house.data().join("builds/web").join(build(&second));
    let aside = house.dir.path().join("aside");
    std::fs::rename(&bytes, &aside).unwrap();
    let (_, back) = house.rollback_view("").await;
    assert_eq!(back["to"]["build"], json!(build(&first)), "{back:#}");
    let (code, gone) = house.rollback_view(&format!("?to={}", build(&second))).await;
    assert!(code == 409 && message(&gone).contains("is no longer on the push host"), "{gone}");
    std::fs::rename(&aside, &bytes).unwrap();

    // It fails behind the flip: one number, wherever it is read.
    house.commit().await;
    std::fs::write(&bad, "").unwrap();
    let failed = house.confirmed().await;
    let (id, sha) = (failed["push"]["id"].as_i64().unwrap(), &failed["push"]["sha"].as_str().unwrap()[..7]);
    assert_eq!((&failed["push"]["state"], &failed["push"]["hosts_ok"]), (&json!("failed"), &json!(3)), "{failed:#}");
    let have = format!("3 of 3 hosts have {sha}");
    assert!(house.get(&format!("/pushes/{id}")).await.text.contains(&format!("At the end, {have}.")));
    let status = pushbutton(&house, &["status"]).await.out;
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
    let (_, back) = house.rollback_view("").await;
    assert_eq!(
        (&back["to"]["build"], &back["from"]["build"]),
        (&json!(build(&third)), &json!(build(&failed))),
        "{back:#}"
    );
    let rolled = pushbutton(&house, &["rollback", "web", "qa", "--reason", "broken", "--follow"]).await;
    assert_eq!(rolled.code, Some(0), "{}{}", rolled.out, rolled.err);
    assert!(rolled.out.contains("skips the question “Graphs calm?”; --ask asks it"), "{}", rolled.out);
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
    let caught = pushbutton(&house, &["catch-up", "web", "qa", "--follow"]).await;
    assert_eq!(caught.code, Some(0), "{}{}", caught.out, caught.err);
    let page = house.get(&format!("/pushes/{}", failed["push"]["id"])).await.text;
    let runs = &third["push"]["sha"].as_str().unwrap()[..7];
    assert!(page.contains(&format!("Now QA runs {runs} on all 3 hosts, as of ")), "{page}");
    assert!(page.contains("(catch-up, succeeded)") && !page.contains("Roll back to"), "{page}");
    let (_, back) = house.rollback_view("").await;
    assert_eq!(back["to"]["build"], json!(build(&second)), "what is healed already is no rollback: {back:#}");

    // Someone puts all hosts back by hand: from there it goes, and what the ledger calls live can come back.
    house.by_hand(&build(&second)).await;
    let (code, none) = until("the hosts have said so", async || {
        let (code, answer) = house.rollback_view("").await;
        (code == 409).then_some((code, answer))
    })
    .await;
    assert!(code == 409 && message(&none).contains(&build(&second)), "{none}");
    let (code, back) = house.rollback_view(&format!("?to={}", build(&third))).await;
    assert_eq!((code, &back["from"]["build"]), (200, &json!(build(&second))), "{back:#}");
}

#[tokio::test]
async fn a_rollback_that_asks_is_answered_and_of_several_questions_and_a_pause_the_one_that_waits_is_named() {
    let channels = Channels::open().await;
    let commands = r#"{ release = "/srv/web" }, { activate = "/srv/web" }, { confirm = "Graphs calm?", timeout = "9m" },
        { confirm = "Shall it stay?", timeout = "9m" }, { run = "test ! -e /srv/bad" }"#;
    let config = format!("check_every_s = 1\nprobe_every_s = 1\n{}", channels.config());
    let plans =
        Plans { qa: &HOSTS[..2], princess: &["p1"], commands, stage: "max_failed = 1", config, ..Plans::default() };
    let house = House::build(plans).await;
    let bad = |host: &str| house.fleet.host(host).unwrap().srv_dir().join("bad");
    let answer = async |id: i64, question: &str| {
        until(question, async || {
            let asked = house.push(id).await["push"]["question"].clone();
            (asked["question"] == question).then_some(())
        })
        .await;
        let answer = house.send("POST", &format!("/api/v1/pushes/{id}/confirm"), &json!({ "answer": "yes" })).await;
        assert_eq!(answer.status, 202, "{}", answer.text);
    };
    let push = async |stage: &str| {
        let id = house.press(stage).await;
        answer(id, "Graphs calm?").await;
        answer(id, "Shall it stay?").await;
        house.ended(id).await
    };

    // The very first push fails on all hosts: nothing has ever succeeded there, and every door says so.
    for host in &HOSTS[..2] {
        std::fs::write(bad(host), "").unwrap();
    }
    let first = push("qa").await;
    assert_eq!(first["push"]["state"], "failed", "{first:#}");
    let (code, none) = house.rollback_view("").await;
    let words = "push 1 failed, and no push to qa has succeeded before, so there is no earlier successful build to roll back to";
    assert!(code == 409 && message(&none).starts_with(words), "{none}");
    let said = pushbutton(&house, &["rollback", "web", "qa", "--reason", "first"]).await;
    assert!(said.code == Some(1) && said.err.contains(words), "{}", said.err);
    let page = house.get("/pushes/1").await.text;
    assert!(page.contains("What each host had") && !page.contains("Roll back to"), "{page}");
    for host in &HOSTS[..2] {
        std::fs::remove_file(bad(host)).unwrap();
    }
    let good = push("qa").await;
    assert_eq!(good["push"]["state"], "succeeded", "{good:#}");

    // Two questions and a pause: the one that waits now is named, wherever someone looks.
    house.commit().await;
    let id = house.press("qa").await;
    until("it asks", async || (!house.push(id).await["push"]["question"].is_null()).then_some(())).await;
    let paused = house.send("POST", &format!("/api/v1/pushes/{id}/pause"), &json!({ "reason": "lunch" })).await;
    assert_eq!(paused.status, 200, "{}", paused.text);
    until("it is paused", async || (!house.push(id).await["push"]["paused"].is_null()).then_some(())).await;
    let seen = async |words: &[&str], hint: &str| {
        let status = pushbutton(&house, &["status"]).await.out;
        let refused = pushbutton(&house, &["push", "web", "qa"]).await.err;
        for word in words {
            assert!(status.contains(word) && refused.contains(word), "{word}: {status}\n{refused}");
        }
        assert!(refused.contains(&format!("hint: pushbutton {hint} {id}\n")), "{hint}: {refused}");
        (house.get("/").await.text, house.get("/stacks/web").await.text, house.stack_view().await["lock"].clone())
    };
    let (dashboard, page, lock) = seen(&["Graphs calm?", "paused by mary"], "confirm").await;
    assert!(
        dashboard.contains("Answer: Graphs calm?") && page.contains(&format!("action=\"/pushes/{id}/confirm\"")),
        "{page}"
    );
    assert!(
        page.contains("lunch") && lock["question"]["question"] == "Graphs calm?" && lock["paused"]["who"] == "mary",
        "{lock:#}"
    );
    answer(id, "Graphs calm?").await;
    until("the question is over", async || house.push(id).await["push"]["question"].is_null().then_some(())).await;
    let (dashboard, page, lock) = seen(&["paused by mary"], "resume").await;
    assert!(!dashboard.contains("Graphs calm?") && page.contains("lunch"), "{dashboard}");
    assert!(lock["question"].is_null() && lock["paused"]["who"] == "mary", "{lock:#}");
    assert_eq!(pushbutton(&house, &["resume", &id.to_string()]).await.code, Some(0));
    until("the second question", async || {
        (house.push(id).await["push"]["question"]["question"] == "Shall it stay?").then_some(())
    })
    .await;
    let (dashboard, page, _) = seen(&["Shall it stay?"], "confirm").await;
    assert!(dashboard.contains("Answer: Shall it stay?") && !dashboard.contains("Graphs calm?"), "{dashboard}");
    assert!(page.contains("Shall it stay?") && !page.contains("is paused by"), "{page}");
    until("IRC names the second question", async || {
        channels
            .witness
            .lines()
            .into_iter()
            .find(|line| line.contains(&format!("push {id} ")) && line.contains("Shall it stay?"))
    })
    .await;

    // It ends degraded: one host failed behind its flip. The rollback that asks is answered to its end.
    std::fs::write(bad(HOSTS[1]), "").unwrap();
    answer(id, "Shall it stay?").await;
    let degraded = house.ended(id).await;
    std::fs::remove_file(bad(HOSTS[1])).unwrap();
    assert_eq!(degraded["push"]["state"], "degraded", "{degraded:#}");
    let (_, back) = house.rollback_view("?ask=true").await;
    assert_eq!(
        (&back["to"]["build"], &back["from"]["build"]),
        (&json!(build(&good)), &json!(build(&degraded))),
        "{back:#}"
    );
    assert_eq!(back["questions"], json!(["Graphs calm?", "Shall it stay?"]));
    let body = json!({ "reason": "half", "ask": true });
    let pressed = house.send("POST", BACK, &body).await;
    let rolled = pressed.push_id();
    answer(rolled, "Graphs calm?").await;
    let status = until("it asks again", async || {
        let status = pushbutton(&house, &["status"]).await.out;
        status.contains("Shall it stay?").then_some(status)
    })
    .await;
    assert!(status.contains(&format!("hint: pushbutton confirm {rolled}")), "{status}");
    assert_eq!(pushbutton(&house, &["confirm", &rolled.to_string()]).await.code, Some(0));
    let rolled = house.ended(rolled).await;
    assert_eq!((&rolled["push"]["state"], &rolled["push"]["hosts_ok"]), (&json!("succeeded"), &json!(2)), "{rolled:#}");
    assert_eq!(rolled["questions"].as_array().unwrap().len(), 2, "{rolled:#}");
    for host in &HOSTS[..2] {
        let current = house.fleet.host(host).unwrap().srv_dir().join("web/current");
        assert!(std::fs::read_link(current).unwrap().ends_with(build(&good)), "{host}");
    }

    // By the command line with --ask, and no: it is cancelled, and says what is true.
    house.commit().await;
    let newer = push("qa").await;
    assert_eq!(newer["push"]["state"], "succeeded", "{newer:#}");
    let asked = pushbutton(&house, &["rollback", "web", "qa", "--reason", "so", "--ask"]).await;
    assert_eq!(asked.code, Some(0), "{}{}", asked.out, asked.err);
    let refused = newer["push"]["id"].as_i64().unwrap() + 1;
    until("it asks", async || (!house.push(refused).await["push"]["question"].is_null()).then_some(())).await;
    assert_eq!(pushbutton(&house, &["confirm", "--no", &refused.to_string(), "--reason", "stay"]).await.code, Some(0));
    let refused = house.ended(refused).await;
    assert_eq!(refused["push"]["state"], "cancelled", "{refused:#}");
    let why = refused["push"]["why"].as_str().unwrap();
    let sha = good["push"]["sha"].as_str().unwrap();
    assert!(why.starts_with(&format!("{} is back on all 2 hosts; ", &sha[..7])) && why.contains("with no"), "{why}");

    // A stage that is taken out of the file and put back has its history and its rollback again.
    let qa = push("qa").await;
    assert_eq!(qa["push"]["state"], "succeeded", "{qa:#}");
    let one = push("princess").await;
    house.commit().await;
    push("qa").await;
    let two = push("princess").await;
    assert_eq!((&one["push"]["state"], &two["push"]["state"]), (&json!("succeeded"), &json!("succeeded")), "{two:#}");
    let file = house.dir.path().join("stacks/web.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let without = text.split("[[stage]]\nname = \"princess\"").next().unwrap().to_owned();
    let stages = async || house.stack_view().await["stages"].as_array().unwrap().len();
    std::fs::write(&file, &without).unwrap();
    until("the stage is gone", async || (stages().await == 1).then_some(())).await;
    let gone = house.get("/api/v1/stacks/web/stages/princess/rollback").await;
    assert!(gone.status == 404 && gone.text.contains("stage princess of web does not exist"), "{}", gone.text);
    let listed = house.get("/api/v1/pushes?stage=princess").await.text;
    assert!(listed.contains(&build(&two)), "history stays: {listed}");
    assert_eq!(house.get(&format!("/pushes/{}", two["push"]["id"])).await.status, 200, "and its pages");
    std::fs::write(&file, &text).unwrap();
    until("the stage is there again", async || (stages().await == 2).then_some(())).await;
    assert_eq!(house.stage("princess").await["current"]["build"], json!(build(&two)));
    let back = house.get("/api/v1/stacks/web/stages/princess/rollback").await;
    let back: Value = serde_json::from_str(&back.text).unwrap();
    assert_eq!((&back["to"]["build"], &back["from"]["build"]), (&json!(build(&one)), &json!(build(&two))), "{back:#}");
}
