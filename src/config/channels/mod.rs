//! The channels of announcements as the server's file has them: `[irc]`, `[email]`, `[webhook]`, `[graphite]`, and any number of `[[channel]]`. It must never
//! speak to one: that is `announce`.

mod chosen;
mod filled;
mod filter;
mod kind;
mod settings;
mod table;

pub(super) mod email;
pub(super) mod github;
pub(super) mod grafana;
pub(super) mod graphite;
pub(super) mod http;
pub(super) mod irc;
pub(super) mod jira;
pub(super) mod webhook;
pub(super) mod weekly;

pub use chosen::NoSuchChannel;
pub use filled::{FIELDS, Filled};
pub use filter::{About, ChannelEvent, Filter, RESULTS};
pub use kind::{ChannelKind, ChannelKinds, ChannelLimits};
pub use settings::ChannelSettings;
pub use table::ChannelConfig;
#[cfg(test)]
pub(super) use table::keys_of_kinds;
pub(super) use table::{keys, mend, resolve, take};
