//! Whom announcements go to, and by which name the server itself acts. It must never decide what is announced.

use crate::config::{About, Config};
use crate::desk::view::StackFiles;
use crate::stack::Destination;
use std::sync::Arc;
use tokio::sync::watch;

/// How the audit and holds name the server itself.
pub(crate) const SERVER: &str = "pushbutton";

/// Who is told, and where the pages are.
#[derive(Clone, Debug)]
pub(crate) struct NotifyTargets {
    config: Arc<Config>,
    /// What the stacks name in `tell`, as their files are now.
    stack_files: watch::Receiver<Arc<StackFiles>>,
}

impl NotifyTargets {
    /// Of the server's file, and of the stack files.
    pub(crate) fn new(config: Arc<Config>, stack_files: watch::Receiver<Arc<StackFiles>>) -> Self {
        Self { config, stack_files }
    }

    /// The server's address.
    pub(crate) fn url(&self) -> &str {
        &self.config.url
    }

    /// Where an announcement goes.
    pub(crate) fn of(&self, about: About<'_>) -> Vec<Destination> {
        let files = Arc::clone(&self.stack_files.borrow());
        let loaded = files.stacks.iter().find(|loaded| loaded.name == *about.stack);
        let tell = loaded.and_then(|loaded| loaded.stack.as_ref()).map(|stack| stack.tell.as_slice());
        self.config.destinations(about, tell.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests;
