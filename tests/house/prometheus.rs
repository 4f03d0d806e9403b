//! A real Prometheus on an address of this process's own.

use super::{client_of, get, own_address, until};
use pushbutton::demo::lifeline::Lifeline;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// This process's own address with another port.
pub fn at(port: u16) -> String {
    own_address().replace(":8090", &format!(":{port}"))
}

/// A Prometheus that runs as long as this is kept.
pub struct Prometheus {
    pub url: String,
    _lifeline: Lifeline,
}

impl Prometheus {
    /// Starts one with this configuration, in this directory, and waits until it is ready.
    pub async fn start(dir: &Path, config: &str) -> Self {
        let (file, store, listen) = (dir.join("prometheus.yml"), dir.join("store"), at(9090));
        std::fs::write(&file, config).unwrap();
        let argv = [
            "/usr/bin/prometheus",
            &format!("--config.file={}", file.display()),
            &format!("--storage.tsdb.path={}", store.display()),
            &format!("--web.listen-address={listen}"),
        ];
        let lifeline = Lifeline::keep_running(&argv, &dir.join("prometheus.log")).await.unwrap();
        let url = format!("http://{listen}");
        until("Prometheus is ready", async || {
            (get(&client_of(&url), "/-/ready").await.ok()?.status == 200).then_some(())
        })
        .await;
        Self { url, _lifeline: lifeline }
    }

    /// What an expression gives now: each sample's labels, and its value.
    pub async fn ask(&self, expression: &str) -> Vec<(BTreeMap<String, String>, f64)> {
        let query: String = expression.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let answer = get(&client_of(&self.url), &format!("/api/v1/query?query={query}")).await.unwrap();
        let answer: Value = serde_json::from_str(&answer.text).unwrap();
        assert_eq!(answer["status"], "success", "{expression}: {answer:#}");
        let sample = |sample: &Value| {
            let labels = serde_json::from_value(sample["metric"].clone()).unwrap();
            (labels, sample["value"][1].as_str().unwrap().parse().unwrap())
        };
        answer["data"]["result"].as_array().unwrap().iter().map(sample).collect()
    }

    /// Waits until an expression has a value.
    pub async fn until(&self, expression: &str, value: f64) {
        until(&format!("{expression} is {value}"), async || {
            let found = self.ask(expression).await;
            found.first().filter(|(_, found)| (found - value).abs() < 1e-6).map(drop)
        })
        .await;
    }
}
