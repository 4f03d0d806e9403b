//! Services that keep records of pushes, as far as a test needs them: they hold what they are sent, answer what is asked of them, and each
//! request must have the token. They can do what was asked and hang up without an answer, as when either side is killed in between.

use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What goes wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is refused with this status, and nothing is done.
    Refused(u16),
    /// It is done, and the connection ends without an answer.
    DoneAndCut,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub body: Value,
}

#[derive(Default)]
struct Kept {
    asked: Vec<Asked>,
    /// What goes wrong with the next requests that change something.
    faults: VecDeque<Fault>,
    deployments: Vec<Value>,
    deployment_statuses: Vec<(u64, Value)>,
    commit_statuses: Vec<Value>,
    annotations: Vec<Value>,
    issues: Vec<Value>,
    comments: Vec<Value>,
    moved: Vec<String>,
}

/// All of them, on one port.
pub struct Services {
    pub port: u16,
    kept: Arc<Mutex<Kept>>,
}

impl Services {
    /// They take requests with this line in the head.
    pub async fn start(authorization: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let kept: Arc<Mutex<Kept>> = Arc::default();
        let shared = Arc::clone(&kept);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(answer(connection, authorization, Arc::clone(&shared)));
            }
        });
        Self { port, kept }
    }

    /// What goes wrong with the next requests that change something.
    pub fn will(&self, faults: &[Fault]) {
        self.kept.lock().unwrap().faults.extend(faults);
    }

    /// Every request that changed something, or would have: method and path.
    pub fn changes(&self) -> Vec<String> {
        let kept = self.kept.lock().unwrap();
        let changes = kept.asked.iter().filter(|asked| asked.method != "GET");
        changes.map(|asked| format!("{} {}", asked.method, asked.path)).collect()
    }

    /// Every request.
    pub fn asked(&self) -> Vec<Asked> {
        self.kept.lock().unwrap().asked.clone()
    }

    pub fn deployments(&self) -> Vec<Value> {
        self.kept.lock().unwrap().deployments.clone()
    }

    /// The states that a deployment was given, in their order.
    pub fn states(&self, id: u64) -> Vec<String> {
        let kept = self.kept.lock().unwrap();
        let of = kept.deployment_statuses.iter().filter(|(of, _)| *of == id);
        of.map(|(_, status)| status["state"].as_str().unwrap().to_owned()).collect()
    }

    pub fn commit_statuses(&self) -> Vec<Value> {
        self.kept.lock().unwrap().commit_statuses.clone()
    }

    pub fn annotations(&self) -> Vec<Value> {
        self.kept.lock().unwrap().annotations.clone()
    }

    pub fn issues(&self) -> Vec<Value> {
        self.kept.lock().unwrap().issues.clone()
    }

    pub fn comments(&self) -> Vec<Value> {
        self.kept.lock().unwrap().comments.clone()
    }

    pub fn moved(&self) -> Vec<String> {
        self.kept.lock().unwrap().moved.clone()
    }
}

async fn answer(mut connection: TcpStream, authorization: &str, kept: Arc<Mutex<Kept>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = connection.read_u8().await else { return };
        head.push(byte);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
    let mut body = vec![0; length.parse().unwrap()];
    connection.read_exact(&mut body).await.unwrap();
    let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() };
    let mut words = head.split(' ');
    let (method, path) = (words.next().unwrap().to_owned(), words.next().unwrap().to_owned());
    let (status, said) = {
        let mut kept = kept.lock().unwrap();
        let asked = Asked { method: method.clone(), path: path.clone(), body: body.clone() };
        kept.asked.push(asked);
        let fault = if method == "GET" { None } else { kept.faults.pop_front() };
        match fault {
            _ if !head.lines().any(|line| line == format!("authorization: {authorization}")) => {
                (401, json!({ "message": "Bad credentials" }))
            }
            Some(Fault::Refused(status)) => (status, json!({ "message": "not now" })),
            Some(Fault::DoneAndCut) => {
                kept.does(&method, &path, &body);
                return;
            }
            None => kept.does(&method, &path, &body),
        }
    };
    let said = if said.is_null() { String::new() } else { said.to_string() };
    let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{said}", said.len());
    let _ = connection.write_all(answer.as_bytes()).await;
}

/// A value of the query, decoded.
fn query(path: &str, name: &str) -> Option<String> {
    let url = url::Url::parse(&format!("http://x{path}")).unwrap();
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

impl Kept {
    fn does(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let bare = path.split('?').next().unwrap();
        let parts: Vec<&str> = bare.trim_matches('/').split('/').collect();
        match (method, parts.as_slice()) {
            ("GET", ["repos", "example", "web", "deployments"]) => {
                let (sha, environment) = (query(path, "sha"), query(path, "environment"));
                let is = |one: &&Value| {
                    sha.as_deref().is_none_or(|sha| one["ref"] == sha)
                        && environment.as_deref().is_none_or(|environment| one["environment"] == environment)
                };
                (200, self.deployments.iter().rev().filter(is).cloned().collect())
            }
            ("POST", ["repos", "example", "web", "deployments"]) => {
                let mut made = body.clone();
                made["id"] = (1000 + self.deployments.len()).into();
                self.deployments.push(made.clone());
                (201, made)
            }
            ("GET", ["repos", "example", "web", "deployments", id, "statuses"]) => {
                let id: u64 = id.parse().unwrap();
                let of = self.deployment_statuses.iter().rev().filter(|(of, _)| *of == id).map(|(_, it)| it.clone());
                (200, of.take(1).collect())
            }
            ("POST", ["repos", "example", "web", "deployments", id, "statuses"]) => {
                self.deployment_statuses.push((id.parse().unwrap(), body.clone()));
                (201, body.clone())
            }
            ("GET", ["repos", "example", "web", "commits", _, "statuses"]) => {
                (200, self.commit_statuses.iter().rev().cloned().collect())
            }
            ("POST", ["repos", "example", "web", "statuses", _]) => {
                self.commit_statuses.push(body.clone());
                (201, body.clone())
            }
            ("GET", ["api", "annotations"]) => {
                let tag = query(path, "tags");
                let has = |one: &&Value| {
                    tag.as_deref().is_none_or(|tag| one["tags"].as_array().unwrap().iter().any(|it| it == tag))
                };
                (200, self.annotations.iter().filter(has).cloned().collect())
            }
            ("POST", ["api", "annotations"]) => {
                let id = 50 + self.annotations.len();
                let mut made = body.clone();
                made["id"] = id.into();
                self.annotations.push(made);
                (200, json!({ "message": "Annotation added", "id": id }))
            }
            ("PATCH", ["api", "annotations", id]) => {
                let id: u64 = id.parse().unwrap();
                let one = self.annotations.iter_mut().find(|one| one["id"] == id).unwrap();
                for (name, value) in body.as_object().unwrap() {
                    one[name] = value.clone();
                }
                (200, json!({ "message": "Annotation patched" }))
            }
            ("GET", ["rest", "api", "3", "search", "jql"]) => {
                let jql = query(path, "jql").unwrap();
                let label = jql.split("labels = \"").nth(1).unwrap().trim_end_matches('"').to_owned();
                let has =
                    |one: &&Value| one["fields"]["labels"].as_array().unwrap().iter().any(|it| *it == label.as_str());
                (200, json!({ "issues": self.issues.iter().filter(has).collect::<Vec<_>>() }))
            }
            ("POST", ["rest", "api", "3", "issue"]) => {
                let key = format!("OPS-{}", self.issues.len() + 7);
                let mut made = body.clone();
                made["key"] = key.clone().into();
                self.issues.push(made);
                (201, json!({ "id": "1", "key": key }))
            }
            ("GET", ["rest", "api", "3", "issue", _, "comment"]) => (200, json!({ "comments": self.comments })),
            ("POST", ["rest", "api", "3", "issue", _, "comment"]) => {
                self.comments.push(body.clone());
                (201, json!({ "id": "1" }))
            }
            ("GET", ["rest", "api", "3", "issue", _, "transitions"]) => {
                let offered = json!([{ "id": "11", "name": "Start", "to": { "name": "In Progress" } },
                                     { "id": "31", "name": "Close it", "to": { "name": "Done" } }]);
                // From where it has gone it does not go again.
                (200, json!({ "transitions": if self.moved.is_empty() { offered } else { json!([]) } }))
            }
            ("POST", ["rest", "api", "3", "issue", key, "transitions"]) => {
                self.moved.push(format!("{key} {}", body["transition"]["id"].as_str().unwrap()));
                (204, Value::Null)
            }
            ("GET", ["rest", "api", "3", "project", "OPS"]) => (200, json!({ "key": "OPS" })),
            _ => (404, json!({ "message": format!("no {method} {path}") })),
        }
    }
}
