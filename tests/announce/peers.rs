//! What chats and services publish of their own formats judges what we send them, byte for byte as it was captured: the types of Slack's and Google's
//! own clients, of Discord's and GitHub's descriptions of their APIs, checked by TypeScript; and the cards of Teams, read by Microsoft's own reader.

use super::hook::Receiver;
use super::records;
use super::services::Services;
use super::several::config_of;
use super::*;
use pushbutton::process::Program;
use std::path::Path;

const TOOLS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/tools");

/// The types of what is published, and the names under which bodies are judged by them.
const TYPES: &str = r#"import type { IncomingWebhookSendArguments } from "@slack/webhook";
import type { chat_v1 } from "@googleapis/chat";
import type { IncomingWebhookRequestPartial } from "discord-api-spec";
import type { operations } from "@octokit/openapi-types";
type Body<O extends keyof operations> =
  operations[O] extends { requestBody?: { content: { "application/json": infer B } } } ? B : never;
type Slack = IncomingWebhookSendArguments;
type GoogleChat = chat_v1.Schema$Message;
type Discord = IncomingWebhookRequestPartial;
type Deployment = Body<"repos/create-deployment">;
type DeploymentStatus = Body<"repos/create-deployment-status">;
type CommitStatus = Body<"repos/create-commit-status">;
"#;

/// Judges bodies by the types of these names; what TypeScript has against them.
async fn judged(bodies: &[(&str, String)]) -> String {
    let tools = Path::new(TOOLS).join("peers");
    let tsc = Path::new(TOOLS).join("types/node_modules/typescript/bin/tsc");
    let there = tools.join("node_modules/@slack/webhook").exists() && tsc.exists();
    assert!(there, "`script/bootstrap test` brings the types, with npm");
    let file = tempfile::Builder::new().prefix("judged").suffix(".ts").tempfile_in(&tools).unwrap();
    let constants = bodies.iter().enumerate().map(|(at, (of, body))| format!("export const it{at}: {of} = {body};\n"));
    std::fs::write(file.path(), format!("{TYPES}{}", constants.collect::<String>())).unwrap();
    let program = Program::new("node").arg(tsc).args(["--noEmit", "--strict", "--skipLibCheck", "--target", "es2022"]);
    let program = program.args(["--module", "nodenext", "--moduleResolution", "nodenext"]).arg(file.path());
    let said = program.dir(&tools).output(LIMIT * 4).await.unwrap();
    String::from_utf8(said.stdout).unwrap()
}

/// What Microsoft's reader of adaptive cards has against a card.
async fn of_the_card(card: &str) -> String {
    const READ: &str =
        "const { AdaptiveCard, SerializationContext, Versions } = require('adaptivecards/dist/adaptivecards.js');
        const message = JSON.parse(require('fs').readFileSync(0, 'utf8'));
        if (message.type !== 'message' || message.attachments.length !== 1) throw new Error('no message with one card');
        const [one] = message.attachments;
        if (one.contentType !== 'application/vnd.microsoft.card.adaptive') throw new Error(one.contentType);
        const context = new SerializationContext(Versions.v1_4);
        new AdaptiveCard().parse(one.content, context);
        for (let at = 0; at < context.eventCount; at++) console.log(context.getEventAt(at).message);
        // What it does not know it leaves out.
        const known = new AdaptiveCard(); known.parse(one.content);
        require('assert').deepStrictEqual(known.toJSON(), one.content);";
    let tools = Path::new(TOOLS).join("peers");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("card.json");
    std::fs::write(&file, card).unwrap();
    let script = READ.replace("readFileSync(0, 'utf8')", "readFileSync(process.argv[1], 'utf8')");
    let program = Program::new("node").args(["-e", &script]).arg(&file).dir(&tools);
    let said = program.output(LIMIT).await.unwrap();
    format!("{}{}", String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr))
}

#[tokio::test]
async fn what_chats_and_services_publish_of_their_formats_takes_every_body_that_we_send() {
    let office = Office::open();
    let services = Services::start("Bearer t0ken-of-the-service").await;
    let formats = ["slack", "google-chat", "discord", "teams"];
    let mut receivers = Vec::new();
    let mut text = records::github(&office, services.port);
    for format in formats {
        let receiver = Receiver::start(&[]).await;
        text += &format!(
            "[[channel]]\nname = \"{format}\"\nkind = \"webhook\"\nformat = \"{format}\"\nurl = \"http://127.0.0.1:{}/\"\n",
            receiver.port
        );
        receivers.push(receiver);
    }
    let _delivery = Delivery::with(&office, config_of(&text));
    let mut hostile = announcement(1, Moment::Ended, "rolled back");
    hostile.push.who = "<!channel> @everyone \"*_~`|\\ ".repeat(3);
    hostile.push.why = Some("é".repeat(3000));
    const TO: &[&str] = &["slack", "google-chat", "discord", "teams", "gh"];
    office.write(started(1), TO).await;
    office.write(hostile, TO).await;
    let mut bodies: Vec<(&str, String)> = Vec::new();
    for to in TO {
        office.told(1, "ended", to).await;
    }
    for (format, receiver) in ["Slack", "GoogleChat", "Discord"].into_iter().zip(&receivers) {
        let got = receiver.got();
        assert_eq!(got.len(), 2, "{format}");
        bodies.extend(got.into_iter().map(|(_, body)| (format, body)));
    }
    for asked in services.asked().into_iter().filter(|asked| asked.method == "POST") {
        let of = match asked.path.rsplit('/').collect::<Vec<_>>()[..] {
            ["deployments", ..] => "Deployment",
            ["statuses", _, "deployments", ..] => "DeploymentStatus",
            [_, "statuses", ..] => "CommitStatus",
            _ => panic!("{asked:?}"),
        };
        bodies.push((of, asked.body.to_string()));
    }
    assert_eq!(bodies.len(), 11);
    assert_eq!(judged(&bodies).await, "");
    for (_, body) in receivers[3].got() {
        assert_eq!(of_the_card(&body).await, "", "{body}");
    }
    let (_, discord) = receivers[2].got().pop().unwrap();
    let content = serde_json::from_str::<serde_json::Value>(&discord).unwrap()["content"].as_str().unwrap().to_owned();
    assert!(content.chars().count() <= 2_000, "Discord takes no more");

    // The judges find what is wrong: a field that there is not, a type that is another.
    let wrong = judged(&[("Slack", "{\"txt\": \"x\"}".to_owned()), ("Deployment", "{\"ref\": 7}".to_owned())]).await;
    assert!(wrong.contains("'\"txt\"' does not exist") && wrong.contains("'number' is not assignable"), "{wrong}");
    let (_, card) = receivers[3].got().pop().unwrap();
    assert_ne!(of_the_card(&card.replace("\"TextBlock\"", "\"TextBlok\"")).await, "");
}
