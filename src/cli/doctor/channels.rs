//! Whether announcements would be told: each channel of the configuration, entered and left again without a word.

use super::report::{Area, Check};
use crate::announce;
use crate::config::{ChannelKind, Config};

/// Looks at all of them at once.
pub(super) async fn look(config: &Config) -> Vec<Check> {
    let looks = ChannelKind::ALL.map(|kind| async move { (kind, announce::look(kind, config).await) });
    let looked = futures::future::join_all(looks).await;
    looked.into_iter().filter_map(|(kind, found)| Some(judged(kind, found?))).collect()
}

fn judged(kind: ChannelKind, found: Result<String, String>) -> Check {
    match found {
        Ok(words) => Check::ok(Area::Channels, kind.title(), words),
        Err(why) => {
            let cure = format!("then nothing is announced {}: see [{}] in config.toml", kind.way(), kind.name());
            Check::wrong(Area::Channels, kind.title(), why, &cure)
        }
    }
}
