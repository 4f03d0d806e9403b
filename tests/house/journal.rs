//! What a push leaves in the data directory.

use super::{House, until};
use serde_json::Value;
use std::path::PathBuf;

impl House {
    /// The raw log.
    pub async fn log(&self, id: i64) -> String {
        self.get(&format!("/api/v1/pushes/{id}/log")).await.text
    }

    /// The journal's bytes on the disk; none before its runner has begun.
    pub fn journal(&self, id: i64) -> Vec<u8> {
        std::fs::read(self.push_dir(id).join("journal.jsonl")).unwrap_or_default()
    }

    /// The directory of a push.
    pub fn push_dir(&self, id: i64) -> PathBuf {
        self.data().join("pushes").join(id.to_string())
    }

    /// The runner's process id, from the journal's first record.
    pub async fn runner(&self, id: i64) -> i32 {
        let path = self.push_dir(id).join("journal.jsonl");
        until("the runner has begun", async || {
            let text = std::fs::read_to_string(&path).ok()?;
            let first: Value = serde_json::from_str(text.lines().next()?).ok()?;
            i32::try_from(first["pid"].as_i64()?).ok()
        })
        .await
    }

    /// Waits until the journal holds a piece of text.
    pub async fn journal_says(&self, id: i64, words: &str) {
        let path = self.push_dir(id).join("journal.jsonl");
        until(&format!("the journal of {id} says {words:?}"), async || {
            std::fs::read_to_string(&path).is_ok_and(|text| text.contains(words)).then_some(())
        })
        .await;
    }
}
