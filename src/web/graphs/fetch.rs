//! Fetches graphs from where their stack says, once for all who look at the same moment. It must never ask a server more often than every few
//! seconds for one graph, keep more than its limits, or follow a redirect.

use super::image::{Picture, picture};
use crate::graph::{Series, graphite, prometheus};
use crate::stack::{Graph, GraphSource, StackName};
use crate::time::At;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{OnceCell, Semaphore};

/// What was fetched is shown to everybody for so long.
pub const FRESH: Duration = Duration::from_secs(5);
/// More graphs are not kept.
const MOST_KEPT: usize = 256;
/// More servers are not asked at once.
const AT_ONCE: usize = 8;
/// So many values are a smooth line.
const VALUES: i64 = 150;

/// Which graph, and of which time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    stack: StackName,
    /// The place of the graph in its file.
    place: usize,
    /// What the file says of it: it may change.
    says: String,
    from: i64,
    to: i64,
}

/// What came.
pub enum Fetched {
    /// Lines.
    Series(Vec<Series>),
    /// A picture.
    Picture(Picture),
    /// Nothing: why.
    Nothing(String),
}

struct Kept {
    at: Instant,
    fetched: Arc<OnceCell<Fetched>>,
}

/// Fetches, and keeps for a moment.
pub struct Graphs {
    kept: Mutex<HashMap<Key, Kept>>,
    turns: Semaphore,
}

impl Default for Graphs {
    fn default() -> Self {
        Self { kept: Mutex::default(), turns: Semaphore::new(AT_ONCE) }
    }
}

impl Graphs {
    /// One graph of a stack, from one moment to another.
    pub async fn of(
        &self,
        stack: &StackName,
        (place, graph): (usize, &Graph),
        from: At,
        to: At,
    ) -> Arc<OnceCell<Fetched>> {
        let says = format!("{:?}", graph.source);
        let key = Key { stack: stack.clone(), place, says, from: from.millis(), to: to.millis() };
        let cell = self.cell(key);
        cell.get_or_init(|| async {
            // It is never closed.
            let _turn = self.turns.acquire().await;
            fetch(&graph.source, from, to).await
        })
        .await;
        cell
    }

    fn cell(&self, key: Key) -> Arc<OnceCell<Fetched>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, kept| kept.at.elapsed() < FRESH);
        if kept.len() >= MOST_KEPT {
            let oldest = kept.iter().min_by_key(|(_, kept)| kept.at).map(|(key, _)| key.clone());
            oldest.map(|key| kept.remove(&key));
        }
        let fresh = || Kept { at: Instant::now(), fetched: Arc::default() };
        Arc::clone(&kept.entry(key).or_insert_with(fresh).fetched)
    }
}

async fn fetch(source: &GraphSource, from: At, to: At) -> Fetched {
    let step = (to.millis_since(from) / 1000 / VALUES).clamp(1, 3600);
    let series = match source {
        GraphSource::Image(url) => return picture(url).await.map_or_else(Fetched::Nothing, Fetched::Picture),
        GraphSource::Prometheus(url, query) => {
            prometheus::range(url, query, from, to, step.unsigned_abs()).await.map_err(|why| why.to_string())
        }
        GraphSource::Graphite(url, query) => graphite::range(url, query, from, to).await.map_err(|why| why.to_string()),
    };
    series.map_or_else(Fetched::Nothing, Fetched::Series)
}
