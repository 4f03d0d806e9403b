//! Tasks that live as long as the server: one that breaks is started again, later each time, and is named as broken until it
//! has worked for a while. It must never end a task, and never let one that breaks harm another. Used by `desk` and
//! `announce`; `readyz` and the pages say what is broken.

use futures::FutureExt;
use std::any::Any;
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// How a broken task is treated.
#[derive(Clone, Copy, Debug)]
struct Waits {
    /// The wait before it is started again; it doubles with each time…
    first: Duration,
    /// … up to this.
    longest: Duration,
    /// One that has worked for so long works.
    proven: Duration,
}

/// Soon enough that nobody notices a single break, late enough that one which always breaks costs nothing.
const WAITS: Waits =
    Waits { first: Duration::from_secs(1), longest: Duration::from_secs(60), proven: Duration::from_secs(60) };

/// Which tasks are broken, and why. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<Mutex<BTreeMap<&'static str, String>>>);

impl Health {
    /// The tasks that broke and have not worked for a while since, by name, with what they said.
    pub fn broken(&self) -> BTreeMap<&'static str, String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, task: &'static str, why: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(task, why);
    }

    fn clear(&self, task: &'static str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(task);
    }

    /// Runs a task until `stop`, whatever breaks: each time it panics, or ends before it should, it is made anew after a wait.
    /// `task` says what it does, for people: `fetch branches`.
    pub async fn keep<F, Fut>(self, task: &'static str, stop: CancellationToken, make: F)
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = ()>,
    {
        self.keep_with(WAITS, task, stop, make).await;
    }

    async fn keep_with<F, Fut>(self, waits: Waits, task: &'static str, stop: CancellationToken, make: F)
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = ()>,
    {
        self.run(waits, task, stop, false, make).await;
    }

    /// As [`Health::keep`], for a task that has an end: when it ends by itself, it is done.
    pub async fn finish<F, Fut>(self, task: &'static str, stop: CancellationToken, make: F)
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = ()>,
    {
        self.run(WAITS, task, stop, true, make).await;
    }

    async fn run<F, Fut>(self, waits: Waits, task: &'static str, stop: CancellationToken, ends: bool, mut make: F)
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = ()>,
    {
        let mut wait = waits.first;
        while !stop.is_cancelled() {
            let began = Instant::now();
            let mut work = std::pin::pin!(AssertUnwindSafe(make()).catch_unwind());
            let ended = tokio::select! {
                ended = &mut work => ended,
                () = sleep(waits.proven) => {
                    self.clear(task);
                    work.await
                }
            };
            if ends && ended.is_ok() {
                self.clear(task);
                return;
            }
            if stop.is_cancelled() {
                return;
            }
            let why = match &ended {
                Ok(()) => "it ended by itself".to_owned(),
                Err(panic) => panic_words(panic.as_ref()).to_owned(),
            };
            if began.elapsed() >= waits.proven {
                wait = waits.first;
            }
            tracing::error!(task, why, again_in_s = wait.as_secs(), "a task of the server broke, and is started again");
            self.note(task, why);
            tokio::select! { () = stop.cancelled() => return, () = sleep(wait) => {} }
            wait = (wait * 2).min(waits.longest);
        }
    }
}

/// Runs a task that is not started again; none when it panicked, which is logged. `task` says what it does.
pub async fn unbroken<T>(task: &'static str, work: impl Future<Output = T>) -> Option<T> {
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(value) => Some(value),
        Err(panic) => {
            tracing::error!(task, panic = panic_words(panic.as_ref()), "a task of the server broke");
            None
        }
    }
}

/// What a panic said.
pub fn panic_words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic without words")
}

/// Runs disk work off the async threads.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[tokio::test]
    async fn a_task_that_breaks_is_started_again_and_named_until_it_has_worked_for_a_while() {
        let (health, stop, runs) = (Health::default(), CancellationToken::new(), Arc::new(AtomicU32::new(0)));
        let (counted, seen) = (Arc::clone(&runs), Arc::new(Mutex::new(Vec::new())));
        let (noted, looked) = (Arc::clone(&seen), health.clone());
        let ms = Duration::from_millis;
        let waits = Waits { first: ms(1), longest: ms(4), proven: ms(200) };
        let kept = tokio::spawn(health.clone().keep_with(waits, "count", stop.clone(), move || {
            let run = counted.fetch_add(1, Ordering::SeqCst);
            noted.lock().unwrap().push(looked.broken().remove("count"));
            async move {
                match run {
                    0 => panic!("the first time"),
                    1 => {}
                    2 => panic!("time {}", run + 1),
                    _ => std::future::pending().await,
                }
            }
        }));
        while runs.load(Ordering::SeqCst) < 4 || !health.broken().is_empty() {
            sleep(ms(1)).await;
        }
        let said = ["the first time", "it ended by itself", "time 3"].map(|why| Some(why.to_owned()));
        assert_eq!(seen.lock().unwrap()[..], [vec![None], said.to_vec()].concat());
        stop.cancel();
        kept.abort();
    }

    #[tokio::test]
    async fn a_task_with_an_end_is_started_again_until_it_gets_there() {
        let (health, runs) = (Health::default(), AtomicU32::new(0));
        let waits = Waits { first: Duration::ZERO, longest: Duration::ZERO, proven: Duration::from_secs(60) };
        let make = || {
            let run = runs.fetch_add(1, Ordering::SeqCst);
            async move { assert!(run == 2, "not yet") }
        };
        health.clone().run(waits, "get there", CancellationToken::new(), true, make).await;
        assert_eq!((runs.load(Ordering::SeqCst), health.broken().len()), (3, 0));
    }

    #[tokio::test]
    async fn what_breaks_once_gives_nothing_and_harms_nobody() {
        assert_eq!(unbroken("count", async { 7 }).await, Some(7));
        assert_eq!(unbroken("count", async { panic!("no") }).await, None::<()>);
    }
}
