//! The lines of a server, each whole: a server that sends ever more of one is noticed before it fills the memory of the `irc` crate, which
//! keeps its buffer to itself. It must never count what wakes us for another reason: only how often the connection itself had something.
//! Called by the session.

use futures::StreamExt;
use futures::task::{ArcWake, AtomicWaker, waker};
use irc::client::ClientStream;
use irc::client::prelude::Message;
use irc::error::Error;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

/// How often in a row the connection may have something that is no whole line yet. A line has 512 bytes, and comes in one piece or two.
const MOST_WAKES: u32 = 20;

/// The lines.
pub(super) struct Lines<S = ClientStream> {
    stream: S,
    woken: Arc<Woken>,
    /// How often in a row something came that was no whole line.
    wakes: u32,
}

/// Whether the connection has something, and whom that wakes.
struct Woken {
    /// So at first: nobody has looked yet.
    by_stream: AtomicBool,
    session: AtomicWaker,
}

impl ArcWake for Woken {
    fn wake_by_ref(woken: &Arc<Self>) {
        woken.by_stream.store(true, Ordering::SeqCst);
        woken.session.wake();
    }
}

impl<S: futures::Stream<Item = Result<Message, Error>> + Unpin> Lines<S> {
    /// Of this connection.
    pub(super) fn new(stream: S) -> Self {
        let woken = Woken { by_stream: AtomicBool::new(true), session: AtomicWaker::new() };
        Self { stream, woken: Arc::new(woken), wakes: 0 }
    }

    /// The next line, once it is there, or the end of the connection; none when a line has no end. Nothing is lost when it is not
    /// waited for any more.
    pub(super) async fn next(&mut self) -> Option<Option<Result<Message, Error>>> {
        poll_fn(|context| {
            self.woken.session.register(context.waker());
            // A timer or a line of ours may have woken the session as well.
            if !self.woken.by_stream.swap(false, Ordering::SeqCst) {
                return Poll::Pending;
            }
            match self.stream.poll_next_unpin(&mut Context::from_waker(&waker(Arc::clone(&self.woken)))) {
                Poll::Ready(message) => {
                    // What came with it is looked at next.
                    self.woken.by_stream.store(true, Ordering::SeqCst);
                    self.wakes = 0;
                    Poll::Ready(Some(message))
                }
                Poll::Pending if self.wakes == MOST_WAKES => Poll::Ready(None),
                Poll::Pending => {
                    self.wakes += 1;
                    Poll::Pending
                }
            }
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    /// A connection that has something when it is told to, and a whole line when there is one.
    struct Told(futures::channel::mpsc::UnboundedReceiver<Option<Message>>);

    impl futures::Stream for Told {
        type Item = Result<Message, Error>;

        fn poll_next(mut self: std::pin::Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            match std::task::ready!(self.0.poll_next_unpin(context)) {
                Some(Some(line)) => Poll::Ready(Some(Ok(line))),
                Some(None) => {
                    // A part of a line; the next one wakes.
                    let _ = self.0.poll_next_unpin(context);
                    Poll::Pending
                }
                None => Poll::Ready(None),
            }
        }
    }

    #[test]
    fn parts_of_a_line_are_counted_and_what_else_wakes_the_session_is_not() {
        let (say, told) = futures::channel::mpsc::unbounded();
        let mut lines = Lines::new(Told(told));
        let line = || Some("PING :x".parse::<Message>().unwrap());
        for _ in 0..1000 {
            assert!(lines.next().now_or_never().is_none(), "nothing came, however often it is asked");
        }
        for _ in 0..MOST_WAKES - 1 {
            say.unbounded_send(None).unwrap();
            assert!(lines.next().now_or_never().is_none());
        }
        say.unbounded_send(line()).unwrap();
        assert!(matches!(lines.next().now_or_never(), Some(Some(Some(Ok(_))))), "a whole line after many parts");
        let given_up = (0..10 * MOST_WAKES).position(|_| {
            say.unbounded_send(None).unwrap();
            matches!(lines.next().now_or_never(), Some(None))
        });
        assert_eq!(given_up, Some(MOST_WAKES as usize), "a line without an end");
        drop(say);
    }

    #[test]
    fn the_end_of_a_connection_is_its_end() {
        let (say, told) = futures::channel::mpsc::unbounded();
        let mut lines = Lines::new(Told(told));
        drop(say);
        assert!(matches!(lines.next().now_or_never(), Some(Some(None))));
    }
}
