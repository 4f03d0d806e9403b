//! What a push leaves in the data directory.

use super::{House, until};
use pushbutton::journal::State;
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

    /// Its whole records, in order: one that is being written is left out.
    pub fn records(&self, id: i64) -> Vec<Value> {
        let journal = String::from_utf8(self.journal(id)).unwrap();
        let whole = journal.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        whole.map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The records of the lines that commands said.
    pub fn lines(&self, id: i64) -> Vec<Value> {
        self.records(id).into_iter().filter(|record| record["kind"] == "line").collect()
    }

    /// What the journal comes to, after proof that each record may follow the one before.
    pub fn folded(&self, id: i64) -> State {
        let mut state = State::default();
        for record in String::from_utf8(self.journal(id)).unwrap().lines() {
            state.apply(&serde_json::from_str(record).unwrap()).unwrap();
        }
        state
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
