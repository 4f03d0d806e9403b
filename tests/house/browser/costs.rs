//! What a browser counts and complains of.

use super::Browser;
use serde_json::{Value, json};
use std::collections::HashMap;

impl Browser {
    /// What the browser itself complained of since it was last asked: errors, warnings, broken rules of the site.
    pub async fn complaints(&self) -> Vec<String> {
        let found = self.drive("se/log", &json!({ "type": "browser" })).await;
        let entries = found.as_array().unwrap().iter();
        let bad = entries.filter(|entry| entry["level"] == "SEVERE" || entry["level"] == "WARNING");
        bad.map(|entry| entry["message"].as_str().unwrap().to_owned()).collect()
    }

    /// What was traced so far. It can be asked for once.
    pub async fn trace(&self) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            // chromedriver gives so many at a time.
            let found = self.drive("se/log", &json!({ "type": "performance" })).await;
            let found = found.as_array().unwrap();
            if found.is_empty() {
                return all;
            }
            let told = found.iter().map(|entry| serde_json::from_str(entry["message"].as_str().unwrap()).unwrap());
            let told = told.filter(|told: &Value| told["message"]["method"] == "Tracing.dataCollected");
            all.extend(told.map(|mut told| told["message"]["params"].take()));
        }
    }

    /// What Chromium counts of the page since it was opened, by name; times in seconds that the processor worked.
    pub async fn metrics(&self) -> HashMap<String, f64> {
        self.tell_chromium("Performance.enable", json!({ "timeDomain": "threadTicks" })).await;
        let told = self.tell_chromium("Performance.getMetrics", json!({})).await;
        let all = told["metrics"].as_array().unwrap().iter();
        all.map(|m| (m["name"].as_str().unwrap().to_owned(), m["value"].as_f64().unwrap())).collect()
    }

    /// Frees what the page no longer holds, so that its heap can be compared.
    pub async fn collect_garbage(&self) {
        self.tell_chromium("HeapProfiler.collectGarbage", json!({})).await;
    }
}
