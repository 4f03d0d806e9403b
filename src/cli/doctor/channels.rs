//! Whether announcements would be told: each channel of the configuration, entered and left again without a word.

use super::report::{Area, Check};
use crate::announce;
use crate::config::{ChannelConfig, Config};
use crate::stack::Destination;

/// Looks at all of them at once.
pub(super) async fn look(config: &Config) -> Vec<Check> {
    let looks = config.channels.iter().map(|channel| async move { (channel, announce::look(channel, config).await) });
    let looked = futures::future::join_all(looks).await;
    looked.into_iter().map(|(channel, found)| judged(config, channel, found)).collect()
}

fn judged(config: &Config, channel: &ChannelConfig, found: Result<String, String>) -> Check {
    let kinds = config.channel_kinds();
    let title = kinds.title(&Destination::from(channel.name.clone()));
    match found {
        Ok(words) => Check::ok(Area::Channels, &title, words),
        Err(why) => {
            let way = kinds.way(&channel.name);
            let cure = format!("then nothing is announced {way}: see {} in config.toml", channel.table());
            Check::wrong(Area::Channels, &title, why, &cure)
        }
    }
}
