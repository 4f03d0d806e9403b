//! `auto`, `auto_after` and `auto_window` of a stage: that it is pushed without anyone pressing its button, how long the stage before must have
//! run a build, and at which hours. It must never decide: `desk::decide::auto` does, by these. Called by `parse`.

mod read;
pub mod window;

pub(in crate::stack) use read::read;

use crate::time::At;
use std::time::Duration;
use window::Window;

/// How a stage is pushed automatically.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AutoRule {
    /// How long the stage before must have run the build.
    pub after: Option<Duration>,
    /// The hours at which it is pushed; at any hour where there are none.
    pub windows: Vec<Window>,
}

impl AutoRule {
    /// Whether it may be pushed at an instant, as far as the hours go.
    pub fn is_open(&self, now: At) -> bool {
        self.windows.is_empty() || self.windows.iter().any(|window| window.is_open(now))
    }

    /// When the hours begin next, and how people there call that: `Mon 09:00 Europe/Prague`.
    pub fn opens(&self, now: At) -> Option<(At, String)> {
        let opens = self.windows.iter().filter_map(|window| Some((window.opens(now)?, window)));
        opens.min_by_key(|(at, _)| *at).map(|(at, window)| (at, window.clock(at)))
    }
}
