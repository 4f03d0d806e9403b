//! A chromedriver of a test's own, and what is said to it beyond WebDriver.

use super::Browser;
use crate::house::client_of;
use pushbutton::demo::http::RequestBody;
use pushbutton::process::Program;
use serde_json::{Value, json};
use std::path::Path;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;

/// Starts a driver and gives its port. It takes some free port of IPv4 and then wants the same one of IPv6, which another
/// test may have: then another driver takes another.
pub(super) async fn driver(home: &Path) -> (Child, u16) {
    loop {
        let program = Program::new("chromedriver").arg("--port=0").env("HOME", home);
        let mut driver = program.start().unwrap();
        let mut errors = driver.stderr.take().unwrap();
        tokio::spawn(async move { tokio::io::copy(&mut errors, &mut tokio::io::sink()).await });
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let mut said = String::new();
        while let Some(line) = lines.next_line().await.unwrap() {
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                return (driver, port.trim_end_matches('.').parse().unwrap());
            }
            said.push_str(&line);
        }
        assert!(said.contains("port not available"), "chromedriver says its port, not: {said}");
    }
}

impl Browser {
    /// Sends a command of the DevTools protocol.
    pub(super) async fn tell_chromium(&self, command: &str, parameters: Value) -> Value {
        self.drive("goog/cdp/execute", &json!({ "cmd": command, "params": parameters })).await
    }

    /// Sends a command to chromedriver, and gives its value.
    pub(super) async fn drive(&self, command: &str, body: &Value) -> Value {
        let path = format!("/session/{}/{command}", self.session);
        let answer = client_of(&self.at).send("POST", &path, RequestBody::Json(&body.to_string()), &[]).await.unwrap();
        let (status, text) = (answer.status, answer.text().await.unwrap());
        assert_eq!(status, 200, "{command}: {text}");
        serde_json::from_str::<Value>(&text).unwrap()["value"].take()
    }
}
