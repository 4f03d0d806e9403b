//! What people do with a street: they commit, look, press and see how it ended.

use super::{Got, House, until};
use serde_json::{Value, json};

impl House {
    /// Makes a commit, and waits until the first stage's button offers it.
    pub async fn commit(&self) -> String {
        let made = self.shop.commit(self.shop.commits().await.unwrap()).await.unwrap();
        until("the new commit is offered", async || {
            (self.stage("qa").await["next"]["sha"] == made.as_str()).then_some(())
        })
        .await;
        made
    }

    /// The stack's page as data.
    pub async fn stack_view(&self) -> Value {
        self.json("/api/v1/stacks/web").await
    }

    /// A stage of the street.
    pub async fn stage(&self, stage: &str) -> Value {
        let street = self.stack_view().await;
        street["stages"].as_array().unwrap().iter().find(|s| s["name"] == stage).unwrap().clone()
    }

    /// One push as data.
    pub async fn push(&self, id: i64) -> Value {
        self.json(&format!("/api/v1/pushes/{id}")).await
    }

    /// Waits until the stage can be pressed, and gives what a press must carry.
    pub async fn button(&self, stage: &str) -> Value {
        until(&format!("{stage} can be pressed"), async || {
            let stage = self.stage(stage).await;
            (stage["why_not"].is_null() && !stage["next"].is_null()).then(|| stage["next"].clone())
        })
        .await
    }

    /// Presses with what was seen; whatever the answer is.
    pub async fn press_with(&self, stage: &str, next: &Value) -> Got {
        let body = json!({ "seen": next["seen"], "plan_hash": next["plan_hash"] });
        self.send("POST", &format!("/api/v1/stacks/web/stages/{stage}/push"), &body).await
    }

    /// Presses, and gives the push's number.
    pub async fn press(&self, stage: &str) -> i64 {
        let next = self.button(stage).await;
        self.press_with(stage, &next).await.push_id()
    }

    /// Waits until a push has ended, and gives it.
    pub async fn ended(&self, id: i64) -> Value {
        until(&format!("push {id} has ended"), async || {
            let push = self.push(id).await;
            (push["push"]["state"] != "running").then_some(push)
        })
        .await
    }

    /// Presses and waits for a good end.
    pub async fn push_well(&self, stage: &str) -> Value {
        let id = self.press(stage).await;
        let push = self.ended(id).await;
        assert_eq!(push["push"]["state"], "succeeded", "{push:#}\n{}", self.log(id).await);
        push
    }
}

/// A command that waits on each host for the file `/tmp/NAME`, so that a test decides how long it runs.
pub fn waits_for(name: &str) -> String {
    format!("while [ ! -e /tmp/{name} ]; do sleep 0.05; done")
}

/// Lets the command that waits for `name` go on, on these hosts.
pub fn let_go(house: &House, name: &str, hosts: &[&str]) {
    for host in hosts {
        std::fs::write(house.fleet.host(host).unwrap().tmp_dir().join(name), "").unwrap();
    }
}
