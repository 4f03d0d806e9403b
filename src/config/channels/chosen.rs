//! Which channels get an announcement: those whose filter lets it through, and those that its stack names in `tell`. Pure. It must never leave
//! out what a stack names in silence: what is not there is a destination all the same, and the outbox says what became of it.

use super::filter::About;
use super::kind::{ChannelKind, ChannelKinds};
use super::table::ChannelConfig;
use crate::config::Config;
use crate::diagnostic::nearest;
use crate::stack::{ChannelName, Destination, Tell};

/// What a stack names in `tell` and the server's file has not, or not so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{title}")]
pub struct NoSuchChannel {
    /// What is wrong.
    pub title: String,
    /// What to write.
    pub cure: String,
}

/// All that a channel tells by itself.
fn everywhere(channel: &ChannelConfig) -> impl Iterator<Item = Destination> {
    let also = channel
        .settings
        .also()
        .iter()
        .map(|place| Destination { channel: channel.name.clone(), place: Some(place.clone()) });
    std::iter::once(channel.name.clone().into()).chain(also)
}

impl Config {
    /// The channel of a name.
    pub fn channel(&self, name: &ChannelName) -> Option<&ChannelConfig> {
        self.channels.iter().find(|channel| channel.name == *name)
    }

    /// The kind of each channel.
    pub fn channel_kinds(&self) -> ChannelKinds {
        self.channels.iter().map(|channel| (channel.name.clone(), channel.settings.kind())).collect()
    }

    /// Everywhere that channels tell by themselves.
    pub fn places(&self) -> Vec<Destination> {
        self.channels.iter().flat_map(everywhere).collect()
    }

    /// Where an announcement goes, of a stack that names these channels.
    pub fn destinations(&self, about: About<'_>, told: &[Tell]) -> Vec<Destination> {
        let whole = self.channels.iter().filter(|channel| channel.filter.passes(about));
        let mut to: Vec<Destination> = whole.flat_map(everywhere).collect();
        for tell in told {
            let named = match self.named(tell) {
                Ok((channel, named)) if channel.filter.passes_of_any_stack(about) => {
                    let anyway = named.place.as_deref().is_some_and(|place| channel.settings.tells_anyway(place));
                    // A place that gets it with the whole channel gets it once.
                    if anyway && to.contains(&channel.name.clone().into()) {
                        continue;
                    }
                    named
                }
                Ok(_) => continue,
                Err(_) => self.unknown(tell),
            };
            if !to.contains(&named) {
                to.push(named);
            }
        }
        to
    }

    /// The channel that a stack names, and where in it.
    ///
    /// # Errors
    /// When there is none, or more than one.
    pub fn named(&self, tell: &Tell) -> Result<(&ChannelConfig, Destination), NoSuchChannel> {
        let (channel, place) = match tell {
            Tell::To(to) => (self.channel(&to.channel).ok_or_else(|| self.no_channel(&to.channel))?, to.place.clone()),
            Tell::Room(place) => (self.only(ChannelKind::Irc, place)?, Some(place.clone())),
            Tell::Address(place) => (self.only(ChannelKind::Email, place)?, Some(place.clone())),
        };
        if let Some(why) = place.as_deref().and_then(|place| channel.settings.refuse_place(place)) {
            let title = format!("`{tell}` is nowhere in the channel `{}`", channel.name);
            return Err(NoSuchChannel { title, cure: why });
        }
        Ok((channel, Destination { channel: channel.name.clone(), place }))
    }

    /// The channel of a kind: the table of its own, or the only one.
    fn only(&self, kind: ChannelKind, place: &str) -> Result<&ChannelConfig, NoSuchChannel> {
        if let Some(own) = self.channel(&kind.channel_name()) {
            return Ok(own);
        }
        let mut all = self.channels.iter().filter(|channel| channel.settings.kind() == kind);
        match (all.next(), all.next()) {
            (Some(one), None) => Ok(one),
            (None, _) => Err(NoSuchChannel {
                title: format!("config.toml has no channel of kind {} for `{place}`", kind.name()),
                cure: format!("add [{}] there, or take `{place}` out of tell", kind.name()),
            }),
            (Some(one), Some(other)) => Err(NoSuchChannel {
                title: format!("config.toml has more than one channel of kind {} for `{place}`", kind.name()),
                cure: format!("say which: \"{}:{place}\", or \"{}:{place}\"", one.name, other.name),
            }),
        }
    }

    fn no_channel(&self, name: &ChannelName) -> NoSuchChannel {
        let names: Vec<&str> = self.channels.iter().map(|channel| channel.name.as_str()).collect();
        let cure = match (nearest(name.as_str(), names.iter().copied()), names.is_empty()) {
            (Some(near), _) => format!("did you mean \"{near}\"?"),
            (None, true) => "it has none: see docs/announcements.md".to_owned(),
            (None, false) => format!("it has: {}", names.join(", ")),
        };
        NoSuchChannel { title: format!("config.toml has no channel `{name}`"), cure }
    }

    /// What a name that leads nowhere is called in the outbox.
    fn unknown(&self, tell: &Tell) -> Destination {
        let of = |kind: ChannelKind, place: &String| Destination {
            channel: kind.channel_name(),
            place: Some(place.clone()),
        };
        match tell {
            Tell::To(to) => to.clone(),
            Tell::Room(place) => of(ChannelKind::Irc, place),
            Tell::Address(place) => of(ChannelKind::Email, place),
        }
    }
}
