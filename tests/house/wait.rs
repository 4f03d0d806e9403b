//! Waiting for something to happen, the only way to wait here: asked again and again, against one deadline. Nobody else sleeps;
//! `tests/waits.rs` says who may.

use std::time::{Duration, Instant};

/// Long enough for a loaded machine; a test that needs it all has failed anyway.
pub const DEADLINE: Duration = Duration::from_secs(90);

/// The pauses between two questions: short at first, since most things are so at once.
const PAUSES_MS: std::ops::RangeInclusive<u64> = 2..=20;

/// Asks again and again until there is an answer, or the deadline has passed.
pub async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    let mut pause = *PAUSES_MS.start();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(began.elapsed() < DEADLINE, "not within {DEADLINE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(pause)).await;
        pause = (2 * pause).min(*PAUSES_MS.end());
    }
}

/// [`until`] for what is so or not.
pub async fn until_so(what: &str, mut is_so: impl FnMut() -> bool) {
    until(what, async || is_so().then_some(())).await;
}

/// Waits for something that ends by itself, at most until the deadline.
pub async fn in_time<T>(what: &str, ask: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, ask).await.unwrap_or_else(|_| panic!("not within {DEADLINE:?}: {what}"))
}
