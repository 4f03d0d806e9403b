//! Records of pushes at GitHub, in Jira and in Grafana: one for each push, from its start to its end, also when a request was done and nobody
//! could say so; and requests of one's own making, as docs/records.md shows them.

use super::services::{Fault, Services};
use super::several::config_of;
use super::*;
use pushbutton::announce::{Trial, look, try_out};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;

const TOKEN: &str = "t0ken-of-the-service";

/// A file with the token.
fn token(office: &Office) -> String {
    let file = office.dir.path().join("token");
    std::fs::write(&file, format!("{TOKEN}\n")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    file.display().to_string()
}

pub fn github(office: &Office, port: u16) -> String {
    format!(
        "[[channel]]\nname = \"gh\"\nkind = \"github\"\nrepository = \"example/web\"\napi = \"http://127.0.0.1:{port}\"\n\
         password_file = {:?}\n",
        token(office)
    )
}

pub fn jira(office: &Office, port: u16) -> String {
    format!(
        "[[channel]]\nname = \"tickets\"\nkind = \"jira\"\nurl = \"http://127.0.0.1:{port}/\"\nuser = \"push@example.com\"\n\
         project = \"OPS\"\ndone = \"Done\"\npassword_file = {:?}\n",
        token(office)
    )
}

pub fn grafana(office: &Office, port: u16) -> String {
    format!(
        "[[channel]]\nname = \"graphs\"\nkind = \"grafana\"\nurl = \"http://127.0.0.1:{port}\"\ntags = [\"shop\"]\n\
         dashboard = \"abc\"\npassword_file = {:?}\n",
        token(office)
    )
}

/// Has a push begin and end on a channel; `faults` come at its beginning, and then at its end.
async fn push(office: &Office, services: &Services, to: &'static [&'static str], faults: [&[Fault]; 2], state: &str) {
    services.will(faults[0]);
    office.write(started(1), to).await;
    tell(office, "started", to[0]).await;
    services.will(faults[1]);
    office.write(announcement(1, Moment::Ended, state), to).await;
    tell(office, "ended", to[0]).await;
}

/// Waits until it is told, and lets no back-off pass.
async fn tell(office: &Office, event: &str, to: &str) -> OutboxRow {
    let mut tries = -1;
    loop {
        let row = office.row(1, event, to, |row| row.state != DeliveryState::Waiting || row.tries > tries.max(0)).await;
        assert_ne!(row.state, DeliveryState::GivenUp, "{row:?}");
        if row.state == DeliveryState::Told {
            return row;
        }
        tries = row.tries;
        office.hurry().await;
    }
}

const CUT: &[Fault] = &[Fault::DoneAndCut];

#[tokio::test]
async fn a_push_is_one_deployment_on_github_with_its_states_and_a_commit_status() {
    for faults in [[&[][..], &[]], [CUT, CUT], [&[Fault::Refused(503), Fault::DoneAndCut], &[Fault::Refused(502)]]] {
        let office = Office::open();
        let services = Services::start("Bearer t0ken-of-the-service").await;
        let _delivery = Delivery::with(&office, config_of(&github(&office, services.port)));
        push(&office, &services, &["gh"], faults, "failed").await;
        let made = services.deployments();
        assert_eq!(made.len(), 1, "{faults:?}: {:#?}", services.changes());
        assert_eq!(
            made[0],
            json!({
                "id": 1000, "ref": "9d8e7f6a".repeat(5), "task": "deploy", "auto_merge": false, "required_contexts": [],
                "payload": { "pushbutton": "push.example.com:8443/pushes/1" }, "environment": "prod",
                "description": "started web Prod: 3f2c1ab to 9d8e7f6 by mary"
            })
        );
        assert_eq!(services.states(1000), ["in_progress", "failure"], "{faults:?}");
        let statuses = services.commit_statuses();
        let states: Vec<&str> = statuses.iter().map(|one| one["state"].as_str().unwrap()).collect();
        assert_eq!(states, ["pending", "failure"], "{faults:?}");
        assert_eq!(statuses[1]["context"], "pushbutton/prod");
        assert_eq!(statuses[1]["target_url"], "https://push.example.com:8443/pushes/1");
        let told = office.told(1, "ended", "gh").await.told.unwrap();
        assert_eq!(told, "deployment 1000 to prod of example/web");
    }
}

#[tokio::test]
async fn a_push_is_one_issue_in_jira_with_its_commits_its_outcome_and_closed() {
    for faults in [[&[][..], &[]], [CUT, CUT], [&[Fault::Refused(429)], &[Fault::Refused(500), Fault::DoneAndCut]]] {
        let office = Office::open();
        let services = Services::start("Basic cHVzaEBleGFtcGxlLmNvbTp0MGtlbi1vZi10aGUtc2VydmljZQ==").await;
        let _delivery = Delivery::with(&office, config_of(&jira(&office, services.port)));
        push(&office, &services, &["tickets"], faults, "succeeded").await;
        let issues = services.issues();
        assert_eq!(issues.len(), 1, "{faults:?}: {:#?}", services.changes());
        let fields = &issues[0]["fields"];
        assert_eq!((&fields["project"]["key"], &fields["issuetype"]["name"]), (&json!("OPS"), &json!("Task")));
        assert_eq!(fields["summary"], "started web Prod: 3f2c1ab to 9d8e7f6 by mary");
        assert_eq!(fields["labels"], json!(["pushbutton", "pushbutton-push.example.com-8443-1"]));
        let text = fields["description"].to_string();
        assert!(text.contains("9d8e7f6 Warm the cart → faster (Märy Okafor)"), "{text}");
        assert_eq!(services.comments().len(), 1, "{faults:?}: {:#?}", services.changes());
        assert!(services.comments()[0]["body"].to_string().contains("mary pushed web to Prod: succeeded."));
        assert_eq!(services.moved(), ["OPS-7 31"], "{faults:?}");
        let told = office.told(1, "started", "tickets").await.told.unwrap();
        assert_eq!(told, format!("issue OPS-7: http://127.0.0.1:{}/browse/OPS-7", services.port));
    }
}

#[tokio::test]
async fn a_push_is_one_annotation_in_grafana_that_becomes_a_region() {
    for faults in [[&[][..], &[]], [CUT, CUT], [&[Fault::Refused(503), Fault::DoneAndCut], &[Fault::Refused(503)]]] {
        let office = Office::open();
        let services = Services::start("Bearer t0ken-of-the-service").await;
        let _delivery = Delivery::with(&office, config_of(&grafana(&office, services.port)));
        push(&office, &services, &["graphs"], faults, "succeeded").await;
        let made = services.annotations();
        assert_eq!(made.len(), 1, "{faults:?}: {:#?}", services.changes());
        assert_eq!(made[0]["dashboardUID"], "abc");
        let tags = ["pushbutton", "web", "prod", "succeeded", "push.example.com:8443/pushes/1", "shop"];
        assert_eq!(made[0]["tags"], json!(tags));
        assert!(
            made[0]["text"].as_str().unwrap().starts_with("[web] mary pushed 3f2c1ab → 9d8e7f6 to PROD: succeeded")
        );
        assert_eq!(
            office.told(1, "ended", "graphs").await.told.unwrap(),
            format!("annotation 50: http://127.0.0.1:{}", services.port)
        );
    }
}

#[tokio::test]
async fn a_wrong_token_stands_on_the_page_and_on_every_page_and_what_waits_is_recorded_once_it_is_right() {
    let office = Office::open();
    let services = Services::start("Bearer another").await;
    let delivery = Delivery::with(&office, config_of(&github(&office, services.port)));
    office.write(started(1), &["gh"]).await;
    let row = office.row(1, "started", "gh", |row| row.problem.is_some()).await;
    let problem = row.problem.unwrap();
    assert!(problem.contains("answered 401") && problem.contains("Bad credentials"), "{problem}");
    assert!(
        problem.contains("the secret of [[channel]] `gh` is not accepted") && !problem.contains(TOKEN),
        "{problem}"
    );
    assert!(delivery.broken("gh").is_some());
    // A number of Subversion's is nothing that GitHub knows.
    let mut of_svn = started(2);
    of_svn.push.sha = "4711".to_owned();
    office.write(of_svn, &["gh"]).await;
    let row = office.row(2, "started", "gh", |row| row.state == DeliveryState::GivenUp).await;
    assert_eq!(row.problem.unwrap(), "4711 is not a commit of git, and GitHub knows no other");
}

#[tokio::test]
async fn a_test_of_the_channels_arrives_or_says_what_is_wrong_and_makes_no_record() {
    let office = Office::open();
    let services = Services::start("Bearer t0ken-of-the-service").await;
    let (server, witness) = irc(&office).await;
    let mailbox = MailCatcher::start(&office.dir.path().join("mail")).await.unwrap();
    let own = config(Some(server.address().port()), Some(mailbox.address().port()), |_| {});
    let more = config_of(&[github(&office, services.port), grafana(&office, services.port)].concat());
    let gone = config_of(&jira(&office, 1));
    let trial =
        Trial { who: "mary".to_owned(), at: At::now(), url: "https://push.example.com:8443/announcements".to_owned() };
    let mut said = Vec::new();
    for config in [&own, &more, &gone] {
        for channel in &config.channels {
            look(channel, config)
                .await
                .err()
                .into_iter()
                .for_each(|why| assert!(why.contains("cannot reach"), "{why}"));
            said.push(try_out(channel, None, config, &trial).await.unwrap_or_else(|why| format!("wrong: {why}")));
        }
    }
    let port = |port: u16| format!("127.0.0.1:{port}");
    assert_eq!(said[0], format!("said in #push on {}", port(server.address().port())));
    assert_eq!(said[1], format!("taken by {} for all@example.com, ops@example.com", port(mailbox.address().port())));
    assert_eq!(
        said[2],
        format!("http://{} accepts the token for example/web; no deployment was made", port(services.port))
    );
    assert_eq!(said[3], format!("http://{} accepts the token; no annotation was made", port(services.port)));
    assert!(said[4].starts_with("wrong: cannot reach http://127.0.0.1:1:"), "{}", said[4]);
    let line =
        "[pushbutton] mary is testing announcements: this one arrived · https://push.example.com:8443/announcements";
    assert_eq!(heard(&witness, 1).await[0].1, line);
    assert!(mailbox.readable_mails()[0].contains("Subject: [push] test of announcements by mary"));
    assert_eq!(services.changes(), Vec::<String>::new(), "nothing was made");
    let place = try_out(&own.channels[0], Some("#web"), &own, &trial).await.unwrap();
    assert!(place.starts_with("said in #web on "), "{place}");
}

/// Every request of one's own making that the page shows, sent for a push whose words are hostile: each value is text, wherever it stands.
#[tokio::test]
async fn each_request_of_the_page_is_sent_with_values_that_are_never_syntax() {
    let page = crate::docs::page("docs/records.md");
    let blocks: Vec<String> =
        page.blocks().into_iter().map(|block| block.text).filter(|text| text.contains("kind    = \"http\"")).collect();
    assert!(blocks.len() >= 6, "{}", blocks.len());
    for block in blocks {
        let office = Office::open();
        let receiver = crate::announce::hook::Receiver::start(&[]).await;
        // The page's own servers are not here.
        let mut text = String::new();
        for line in block.lines() {
            let here = format!("http://127.0.0.1:{}/", receiver.port);
            text += &match line.split_once("\"https://") {
                Some((before, rest)) if before.starts_with("url") => {
                    format!("{before}\"{here}{}\n", rest.split_once('/').map_or("\"", |(_, path)| path))
                }
                _ if line.starts_with("header_files") => {
                    let name = line.split('"').nth(1).unwrap();
                    format!("header_files = {{ {name:?} = {:?} }}\n", token(&office))
                }
                _ => format!("{line}\n"),
            };
        }
        let config = config_of(&text);
        let name: &'static str = config.channels[0].name.to_string().leak();
        let _delivery = Delivery::with(&office, config);
        let to: &'static [&'static str] = vec![name].leak();
        let mut hostile = announcement(1, Moment::Ended, "failed");
        hostile.push.who = "m\"ary\", \"admin\": true, \"x\": \"{sha}".to_owned();
        hostile.push.why = Some("a/../b?c#d \\\" \u{1}\n".to_owned());
        office.write(hostile.clone(), to).await;
        let told = office.told(1, "ended", name).await.told.unwrap();
        let (head, body) = receiver.got().pop().unwrap();
        assert_eq!(told, body);
        let sent: Value = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{name}: {error}: {body}"));
        assert!(!body.contains("\"admin\":true"), "{name}: {body}");
        assert!(!body.contains("{sha}") || body.contains("{sha}\""), "{name}: no field is filled twice: {body}");
        assert!(!sent.to_string().contains("{stack}") && !head.contains('{'), "{name}: {head}{body}");
        assert!(head.lines().any(|line| line == "idempotency-key: push-1-ended"), "{name}: {head}");
        assert!(head.lines().any(|line| line == "content-type: application/json"), "{name}: {head}");
    }
}

#[test]
fn the_page_lists_every_field_and_no_other() {
    let rows = crate::docs::page("docs/records.md").table("<!-- fields -->");
    let told: Vec<String> = rows.iter().map(|row| row[0].trim_matches(['`', '{', '}']).to_owned()).collect();
    assert_eq!(told, pushbutton::config::FIELDS.map(|(name, _)| name.to_owned()));
}
