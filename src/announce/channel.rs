//! What a channel of announcements is to the delivery: it tells, and says how that went. It must never know the outbox: what is due,
//! and what becomes of it, is the delivery's. One folder beside this file for each; `mod.rs` begins them.

use crate::announce::incoming::IncomingMessage;
use crate::config::ChannelKind;
use crate::desk::Channels;
use crate::ledger::Ledger;
use crate::ledger::outbox::{Announced, Announcement};
use crate::supervise::Health;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Somewhere announcements are told: IRC, mail; in tests, a script.
pub(super) trait Channel: Send + 'static {
    /// Of which kind it is.
    const KIND: ChannelKind;

    /// Tells it, and answers the very words once the other side has taken them. A `place` is one that a stack names: a channel of an IRC
    /// server, an address of mail; none: wherever the server's file says. `begun` is what it
    /// answered of the beginning of the same push, for who keeps a record of it.
    fn tell(
        &mut self,
        place: Option<&str>,
        announced: &Announced,
        begun: Option<&str>,
    ) -> impl Future<Output = Result<Delivered, Trouble>> + Send;

    /// Tells what piled up of pushes, in the order in which it was written, as one. A channel whose limits say that it folds nothing is never
    /// given more than one.
    fn tell_piled(
        &mut self,
        place: Option<&str>,
        piled: &[Announcement],
    ) -> impl Future<Output = Result<Delivered, Trouble>> + Send;

    /// Returns when the channel works again after it did not, so that what waits goes out at once.
    fn recovered(&mut self) -> impl Future<Output = ()> + Send;
}

/// What was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Delivered {
    /// The very words.
    pub words: String,
    /// What was not well all the same: an address that was refused.
    pub problem: Option<String>,
}

/// Why something was not told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It may work later.
    Later(String),
    /// The channel as a whole does not work now; later it may.
    Broken(String),
    /// It never will.
    Never(String),
}

impl Trouble {
    /// Why, and what to do.
    pub(super) fn why(self) -> String {
        match self {
            Self::Later(why) | Self::Broken(why) | Self::Never(why) => why,
        }
    }

    /// Of a channel that has one place, and was asked for another.
    pub(super) fn no_such_place(place: &str) -> Self {
        Self::Never(format!("this channel has one place, and {place} is not in it"))
    }
}

/// What every channel works with.
#[derive(Clone)]
pub(super) struct Surroundings {
    /// Where the outbox is.
    pub ledger: Ledger,
    /// Where it stands which channel does not work.
    pub channels: Channels,
    /// Rings when something may be due.
    pub changes: watch::Receiver<u64>,
    /// Where a task stands that breaks.
    pub health: Health,
    /// Ends all of it.
    pub stop: CancellationToken,
    /// Where what people say to the bot is handed on; none where nothing is answered.
    pub incoming: Option<mpsc::Sender<IncomingMessage>>,
}

/// Begins the tasks of a channel that is ready.
pub(super) type Begin = Box<dyn FnOnce(Surroundings, &TaskTracker)>;
