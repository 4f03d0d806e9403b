//! A channel that keeps a record of each push, from its start to its end, instead of telling words. It must never make a second record of one
//! push: what may be there already is looked for first. Called by the channels that keep records; what they do with a push is theirs.

use super::channel::{Begin, Channel, Delivered, Trouble};
use super::delivery::deliver;
use crate::config::ChannelKind;
use crate::ledger::outbox::{Announced, Announcement, Moment};
use crate::stack::ChannelName;
use std::future::pending;

/// What a service does with a push. Each answers what people read: the record's name, and its address last.
pub(super) trait Record: Clone + Send + Sync + 'static {
    /// Of which kind it is.
    const KIND: ChannelKind;

    /// Begins the record of a push that begins.
    fn begin(&self, push: &Announcement) -> impl Future<Output = Result<String, Trouble>> + Send;

    /// Ends it; `begun` is what the beginning answered, where that was told.
    fn end(&self, push: &Announcement, begun: Option<&str>) -> impl Future<Output = Result<String, Trouble>> + Send;
}

/// What begins such a channel.
pub(super) fn ready<R: Record>(name: ChannelName, record: R) -> Begin {
    Box::new(move |with, tasks| {
        let (health, stop) = (with.health.clone(), with.stop.clone());
        tasks.spawn(
            health.keep("record pushes", stop, move || deliver(Recorder(record.clone()), name.clone(), with.clone())),
        );
    })
}

struct Recorder<R>(R);

impl<R: Record> Channel for Recorder<R> {
    const KIND: ChannelKind = R::KIND;

    async fn tell(
        &mut self,
        place: Option<&str>,
        announced: &Announced,
        begun: Option<&str>,
    ) -> Result<Delivered, Trouble> {
        if let Some(place) = place {
            return Err(Trouble::no_such_place(place));
        }
        let words = match announced {
            Announced::Push(push) => match push.event {
                Moment::Started => self.0.begin(push).await?,
                Moment::Ended => self.0.end(push, begun).await?,
                Moment::Asked | Moment::Paused | Moment::Resumed => nothing(),
            },
            Announced::Stage(_) | Announced::Week(_) => nothing(),
        };
        Ok(Delivered { words, problem: None })
    }

    async fn tell_piled(&mut self, place: Option<&str>, piled: &[Announcement]) -> Result<Delivered, Trouble> {
        // Its limits say that nothing is folded: it is never given more than one.
        match piled {
            [one, ..] => self.tell(place, &Announced::Push(Box::new(one.clone())), None).await,
            [] => Ok(Delivered { words: String::new(), problem: None }),
        }
    }

    async fn recovered(&mut self) {
        // It is known only by trying.
        pending().await
    }
}

/// Of what is no record: the filter lets only starts and ends through.
fn nothing() -> String {
    "nothing to record".to_owned()
}

/// The number in the words that a beginning answered, `annotation 55: https://…`.
pub(super) fn number_in(begun: Option<&str>, before: &str) -> Option<u64> {
    let rest = begun?.strip_prefix(before)?.trim_start();
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..digits].parse().ok()
}

/// What tells a push of this server from one of another: `push.example.com/pushes/214`.
pub(super) fn mark_of(push: &Announcement) -> String {
    let address = push.url.split_once("://").map_or(push.url.as_str(), |(_, rest)| rest);
    address.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_a_record_is_read_from_the_words_that_told_of_it() {
        let words = Some("annotation 55: https://grafana.example.com/");
        assert_eq!(number_in(words, "annotation"), Some(55));
        assert_eq!(number_in(words, "deployment"), None);
        assert_eq!(number_in(Some("annotation x"), "annotation"), None);
        assert_eq!(number_in(None, "annotation"), None);
    }
}
