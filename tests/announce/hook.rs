//! Webhooks: what a server gets, byte for byte, whether it is there, slow, refuses or falls silent; each once, in order, and a repeat under the
//! same key.

use super::*;
use pushbutton::config::{ChannelConfig, Filter, Secret, SecretName, Webhook, WebhookFormat};
use pushbutton::process::Program;
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const HOOK: &str = "webhook";
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// How a server answers a request.
#[derive(Clone, Copy)]
pub enum Reply {
    /// With a status and this behind it.
    Status(&'static str),
    /// It takes the request and hangs up.
    HangsUp,
    /// It takes the request and says nothing more.
    Silence,
}

/// A server that gets webhooks: each request as it came, head and body.
pub struct Receiver {
    pub port: u16,
    got: Arc<Mutex<Vec<(String, String)>>>,
}

impl Receiver {
    /// It answers as it is told, one after the other, then 204.
    pub async fn start(replies: &[Reply]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, got) = (listener.local_addr().unwrap().port(), Arc::new(Mutex::new(Vec::new())));
        let (kept, replies) = (Arc::clone(&got), replies.to_vec());
        tokio::spawn(async move {
            let mut replies = replies.into_iter();
            while let Ok((mut connection, _)) = listener.accept().await {
                let reply = replies.next().unwrap_or(Reply::Status("204 No Content"));
                let kept = Arc::clone(&kept);
                tokio::spawn(async move {
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        // Who hangs up before a whole request has sent none.
                        let Ok(byte) = connection.read_u8().await else { return };
                        head.push(byte);
                    }
                    let head = String::from_utf8(head).unwrap();
                    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
                    let mut body = vec![0; length.parse().unwrap()];
                    let Ok(_) = connection.read_exact(&mut body).await else { return };
                    kept.lock().unwrap().push((head, String::from_utf8(body).unwrap()));
                    match reply {
                        Reply::Status(status) => {
                            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\nno");
                            let answer = if status.starts_with("204") {
                                "HTTP/1.1 204 No Content\r\n\r\n".to_owned()
                            } else {
                                answer
                            };
                            let _ = connection.write_all(answer.as_bytes()).await;
                        }
                        Reply::HangsUp => {}
                        // As long as the other side waits.
                        Reply::Silence => _ = connection.read_u8().await,
                    }
                });
            }
        });
        Self { port, got }
    }

    pub fn got(&self) -> Vec<(String, String)> {
        self.got.lock().unwrap().clone()
    }

    /// The keys of what came.
    pub fn keys(&self) -> Vec<String> {
        let key = |head: &str| head.lines().find_map(|line| line.strip_prefix("webhook-id: ")).unwrap().to_owned();
        self.got().iter().map(|(head, _)| key(head)).collect()
    }
}

/// The table `[webhook]`.
fn table(webhook: Webhook) -> ChannelConfig {
    let settings = ChannelSettings::Webhook(webhook);
    ChannelConfig { name: HOOK.parse().unwrap(), filter: Filter::default(), settings, path: vec![HOOK.to_owned()] }
}

fn to(office: &Office, port: u16, format: WebhookFormat) -> Delivery {
    let file = office.dir.path().join("webhook.secret");
    std::fs::write(&file, SECRET).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let password = SecretName { password_file: Some(file), password_env: None };
    assert_eq!(password.read().unwrap().as_ref().map(Secret::reveal), Some(SECRET));
    let url = Some(format!("http://127.0.0.1:{port}/hooks/s3cret?room=7"));
    let webhook = Webhook { url, url_file: None, format, password };
    Delivery::with(office, config(None, None, |config| config.channels.push(table(webhook.clone()))))
}

#[tokio::test]
async fn a_webhook_is_one_signed_event_that_others_can_verify_by_the_lines_of_the_page() {
    let office = Office::open();
    let receiver = Receiver::start(&[]).await;
    let _delivery = to(&office, receiver.port, WebhookFormat::Cloudevents);
    office.write(started(1), &[HOOK]).await;
    office.write(ended(1), &[HOOK]).await;
    let told = office.told(1, "ended", HOOK).await.told.unwrap();
    let got = receiver.got();
    assert_eq!(receiver.keys(), ["push-1-started", "push-1-ended"]);
    let (head, body) = &got[1];
    assert_eq!(&told, body, "what was sent is what the page shows");
    for line in [
        "POST /hooks/s3cret?room=7 HTTP/1.1",
        "content-type: application/cloudevents+json; charset=utf-8",
        "idempotency-key: push-1-ended",
        "user-agent: pushbutton",
    ] {
        assert!(head.lines().any(|one| one == line), "{line} in {head}");
    }
    let event: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!((&event["type"], &event["text"]), (&"pushbutton.push.ended".into(), &ENDED_1.into()));
    assert_eq!(
        (&event["data"]["push"]["id"], &event["data"]["commits"][0]["author"]),
        (&1.into(), &"Märy Okafor".into())
    );

    let script = crate::docs::page("docs/announcements.md").block("import base64");
    let verify = async |head: &str, body: &str| {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in [("head", head), ("body", body), ("secret", SECRET)] {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        let said = Program::new("python3").args(["-c", &script]).dir(dir.path()).output(Duration::from_secs(30));
        let said = said.await.unwrap();
        (said.status.success(), String::from_utf8(said.stdout).unwrap())
    };
    assert_eq!(verify(head, body).await, (true, "push-1-ended\n".to_owned()));
    assert!(!verify(head, &body.replace("succeeded", "failed")).await.0, "another body");
    assert!(!verify(&head.replace("push-1-ended", "push-2-ended"), body).await.0, "another key");
}

#[tokio::test]
async fn a_server_that_refuses_hangs_up_or_redirects_gets_it_again_under_the_same_key_and_in_order() {
    let office = Office::open();
    let replies = [
        Reply::Status("503 Service Unavailable"),
        Reply::HangsUp,
        Reply::Status("302 Found\r\nlocation: http://127.0.0.1:1/"),
        Reply::Status("429 Too Many Requests"),
    ];
    let receiver = Receiver::start(&replies).await;
    let delivery = to(&office, receiver.port, WebhookFormat::Slack);
    office.write(started(1), &[HOOK]).await;
    office.write(ended(1), &[HOOK]).await;
    for tries in 1..=4 {
        let row = office.row(1, "started", HOOK, |row| row.tries >= tries).await;
        let problem = row.problem.unwrap();
        assert!(problem.contains("127.0.0.1") && !problem.contains("s3cret"), "the address stays a secret: {problem}");
        office.hurry().await;
    }
    office.told(1, "ended", HOOK).await;
    let mut keys = vec!["push-1-started"; 5];
    keys.push("push-1-ended");
    assert_eq!(receiver.keys(), keys);
    let bodies: Vec<String> = receiver.got().into_iter().map(|(_, body)| body).collect();
    assert!(bodies[..5].iter().all(|body| *body == bodies[0]), "a repeat is word for word the same");
    assert_eq!(delivery.broken(HOOK), None, "it works again");
    drop(delivery);

    // What a server will never take does not keep the others back.
    let receiver = Receiver::start(&[Reply::Status("400 Bad Request")]).await;
    let _delivery = to(&office, receiver.port, WebhookFormat::Slack);
    office.write(started(2), &[HOOK]).await;
    office.write(started(3), &[HOOK]).await;
    office.told(3, "started", HOOK).await;
    let row = office.row(2, "started", HOOK, |row| row.state == DeliveryState::GivenUp).await;
    assert!(row.problem.unwrap().contains("answered 400 Bad Request: no"), "what it said is shown");
}

#[tokio::test]
async fn a_server_that_is_away_or_silent_is_shown_keeps_nobody_else_waiting_and_is_told_when_it_is_back() {
    let office = Office::open();
    let mailbox = MailCatcher::start(&office.dir.path().join("mail")).await.unwrap();
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let away = to(&office, port, WebhookFormat::Discord);
    office.write(started(1), &[HOOK]).await;
    let row = office.row(1, "started", HOOK, |row| row.problem.is_some()).await;
    assert!(row.problem.unwrap().contains("cannot reach http://127.0.0.1:"), "it says which server");
    assert!(away.broken(HOOK).is_some());
    drop(away);

    let silent = Receiver::start(&[Reply::Silence]).await;
    let mut both = config(None, Some(mailbox.address().port()), |_| {});
    both.channels.push(table(Webhook {
        url: Some(format!("http://127.0.0.1:{}/", silent.port)),
        url_file: None,
        format: WebhookFormat::Teams,
        password: SecretName::default(),
    }));
    let _delivery = Delivery::with(&office, both);
    office.hurry().await;
    office.write(ended(2), &[HOOK, EMAIL]).await;
    // While the server says nothing.
    office.told(2, "ended", EMAIL).await;
    assert_eq!(office.row(1, "started", HOOK, |_| true).await.state, DeliveryState::Waiting);
    let row =
        office.row(1, "started", HOOK, |row| row.problem.as_deref().is_some_and(|why| why.contains("within"))).await;
    assert!(row.tries >= 2, "{row:?}");
    office.hurry().await;
    office.told(1, "started", HOOK).await;
    office.told(2, "ended", HOOK).await;
    assert!(
        silent.got().iter().all(|(head, _)| !head.contains("webhook-signature")),
        "without a secret nothing is signed"
    );
}
