//! What is asked of the house's server, and what it answers.

use super::House;
use pushbutton::demo::http::{Client, Events, RequestBody, Response};
use serde_json::Value;

/// A whole answer.
pub struct Got {
    pub status: u16,
    pub text: String,
}

impl Got {
    /// The answer as data.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The number of the push that was asked for, which has to be there now.
    pub fn push_id(&self) -> i64 {
        assert_eq!(self.status, 201, "{}", self.text);
        self.json()["id"].as_i64().unwrap()
    }
}

impl House {
    /// Gets a page.
    pub async fn get(&self, path: &str) -> Got {
        get(&self.client, path).await.unwrap()
    }

    /// Sends JSON.
    pub async fn send(&self, method: &str, path: &str, body: &Value) -> Got {
        let mut client = self.client.clone();
        got(client.send(method, path, RequestBody::Json(&body.to_string()), &[]).await.unwrap()).await.unwrap()
    }

    /// Opens an event stream, from an offset on.
    pub async fn events(&self, path: &str, from: u64) -> Events {
        let mut client = self.client.clone();
        let from = from.to_string();
        let answer = client.send("GET", path, RequestBody::Nothing, &[("Last-Event-ID", &from)]).await.unwrap();
        answer.events()
    }

    /// Gets data of the API, which has to be there.
    pub(super) async fn json(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        answer.json()
    }
}

/// A client of the server at this address.
pub fn client_of(url: &str) -> Client {
    Client::new(url.strip_prefix("http://").unwrap().parse().unwrap())
}

/// Gets a page with someone's cookies.
pub async fn get(client: &Client, path: &str) -> std::io::Result<Got> {
    got(client.clone().get(path).await?).await
}

/// Reads a whole answer.
pub async fn got(answer: Response) -> std::io::Result<Got> {
    Ok(Got { status: answer.status, text: answer.text().await? })
}
