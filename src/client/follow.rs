//! Follows a push over its event stream. It must never pass over a record, take one twice, or take another order for
//! good: what is shown is the journal, from its first record to its last.

use super::http::{Client, RequestBody, SseEvent};
use crate::journal::{Ended, Event, Record};
use std::time::{Duration, Instant};

/// How long a stream may be silent: the server pings each 10 seconds.
const SILENT_LIMIT: Duration = Duration::from_secs(45);
/// How long it is tried to open a broken stream again, and how long between: a server that is restarted is back by then.
const REOPEN: (Duration, Duration) = (Duration::from_secs(30), Duration::from_millis(500));
/// How often a stream may break in a row without a record: more is no accident.
const FRUITLESS: usize = 60;

/// Why a push could not be followed to its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The stream cannot be had now; whoever follows may go on later, or elsewhere.
    #[error("{0}")]
    Broken(String),
    /// It will never be right: no such push, or a journal that is not one.
    #[error("{0}")]
    Wrong(String),
}

/// How far someone has seen a push.
#[derive(Clone, Debug, Default)]
pub struct Viewer {
    cursor: Option<String>,
    seen: u64,
    opened: u64,
    ended: Option<Ended>,
}

impl Viewer {
    /// Follows to the end and shows every record once, in order; a stream that breaks is taken up where it broke.
    ///
    /// # Errors
    /// When the stream cannot be had for half a minute, or a record is missing, doubled or not understood.
    pub async fn follow(
        &mut self,
        client: &mut Client,
        push: i64,
        show: &mut (dyn FnMut(&Record) + Send),
    ) -> Result<Ended, Trouble> {
        let (mut broken, mut fruitless) = (None, 0);
        loop {
            let (seen, opened) = (self.seen, self.opened);
            let problem = match self.view(client, push, show).await {
                Ok(()) => {
                    let without = || Trouble::Wrong(format!("push {push} ended without push_ended"));
                    return self.ended.ok_or_else(without);
                }
                Err(Trouble::Wrong(what)) => return Err(Trouble::Wrong(what)),
                Err(Trouble::Broken(what)) => what,
            };
            fruitless = if self.seen > seen { 0 } else { fruitless + 1 };
            // A stream that was open has not been broken for as long as that.
            let since = *if self.opened > opened {
                broken.insert(Instant::now())
            } else {
                broken.get_or_insert_with(Instant::now)
            };
            if since.elapsed() > REOPEN.0 || fruitless > FRUITLESS {
                return Err(Trouble::Broken(format!("the stream of push {push} cannot be followed: {problem}")));
            }
            tokio::time::sleep(REOPEN.1).await;
        }
    }

    /// How often its stream could be opened.
    pub fn opened(&self) -> u64 {
        self.opened
    }

    async fn view(
        &mut self,
        client: &mut Client,
        push: i64,
        show: &mut (dyn FnMut(&Record) + Send),
    ) -> Result<(), Trouble> {
        let path = format!("/api/v1/pushes/{push}/events");
        let cursor = self.cursor.clone();
        let resume = cursor.as_deref().map(|cursor| ("Last-Event-ID", cursor));
        let head: Vec<(&str, &str)> = [("Accept", "text/event-stream")].into_iter().chain(resume).collect();
        let answer = client.send("GET", &path, RequestBody::Nothing, &head).await.map_err(broken)?;
        match answer.status {
            200 => self.opened += 1,
            // Everything was seen before the stream broke.
            204 => return Ok(()),
            status => {
                let words = said(status, &answer.text().await.map_err(broken)?);
                // Asked again, these would be the same; all others may pass.
                let stays = matches!(status, 300..400 | 400 | 401 | 403 | 404 | 421);
                return Err(if stays { Trouble::Wrong(words) } else { Trouble::Broken(words) });
            }
        }
        let mut events = answer.events();
        loop {
            let next = tokio::time::timeout(SILENT_LIMIT, events.next()).await;
            match next.map_err(|_| Trouble::Broken("silent for too long".to_owned()))?.map_err(broken)? {
                None => return Err(Trouble::Broken("closed before the end".to_owned())),
                Some(event) if event.name == "end" => return Ok(()),
                Some(event) if matches!(event.name.as_str(), "records" | "message") => self.take(event, show)?,
                Some(_) => {}
            }
        }
    }

    fn take(&mut self, event: SseEvent, show: &mut (dyn FnMut(&Record) + Send)) -> Result<(), Trouble> {
        for line in &event.data {
            let record: Record =
                serde_json::from_str(line).map_err(|error| Trouble::Wrong(format!("{error}: {line}")))?;
            if record.n != self.seen + 1 {
                return Err(Trouble::Wrong(format!("record {} came after record {}", record.n, self.seen)));
            }
            self.seen = record.n;
            if let Event::PushEnded { state, .. } = &record.event {
                self.ended = Some(*state);
            }
            show(&record);
        }
        self.cursor = event.id.or(self.cursor.take());
        Ok(())
    }
}

/// What an answer that is no stream says.
fn said(status: u16, text: &str) -> String {
    let problem: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let detail = problem["detail"].as_str().map(|detail| format!(": {detail}")).unwrap_or_default();
    format!("answered {status}{detail}")
}

fn broken(error: std::io::Error) -> Trouble {
    Trouble::Broken(error.to_string())
}
