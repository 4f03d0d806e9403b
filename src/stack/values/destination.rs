//! Where an announcement goes: a channel of the server's file, or a place in one; and `tell`, by which a stack names some. Pure. It must
//! never know which channels there are: that is the server's file. Called by `parse`, by the outbox and by whoever chooses channels.

use super::{Refused, refused};
use crate::diagnostic::{Mistake, shown};
use crate::stack::ChannelName;
use crate::stack::reader::{Reader, Value};
use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use toml::de::DeTable;

/// The longest place: an address of mail has at most 254 bytes.
const LONGEST_PLACE: usize = 254;
/// The most channels that one stack names.
const MOST: usize = 20;

/// Where an announcement goes: `irc`, or `irc:#web`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Destination {
    /// The channel.
    pub channel: ChannelName,
    /// The place in it: a channel of an IRC server, an address of mail. None: wherever the server's file says.
    pub place: Option<String>,
}

/// A text that is no destination.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no channel of announcements")]
pub struct BadDestination(String);

impl From<ChannelName> for Destination {
    fn from(channel: ChannelName) -> Self {
        Self { channel, place: None }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(f, "{}:{place}", self.channel),
            None => self.channel.fmt(f),
        }
    }
}

impl FromStr for Destination {
    type Err = BadDestination;

    fn from_str(text: &str) -> Result<Self, BadDestination> {
        let bad = || BadDestination(text.chars().take(80).collect());
        let (channel, place) = match text.split_once(':') {
            Some((channel, place)) if is_place(place) => (channel, Some(place.to_owned())),
            Some(_) => return Err(bad()),
            None => (text, None),
        };
        Ok(Self { channel: channel.parse().map_err(|_| bad())?, place })
    }
}

/// One line that can stand in a list: no space, no control character.
fn is_place(place: &str) -> bool {
    !place.is_empty() && place.len() <= LONGEST_PLACE && !place.contains(|c: char| c.is_control() || c.is_whitespace())
}

/// What a stack's `tell` names: a channel, a place in one, or a place alone, where the server has one channel of that kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tell {
    /// `slack-web`, or `irc:#web`.
    To(Destination),
    /// `#web`: a channel of the IRC server.
    Room(String),
    /// `web@example.com`
    Address(String),
}

impl fmt::Display for Tell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::To(to) => to.fmt(f),
            Self::Room(place) | Self::Address(place) => f.write_str(place),
        }
    }
}

impl Tell {
    fn parse(text: &str) -> Result<Self, Refused> {
        let place = || text.to_owned();
        match text {
            _ if text.starts_with(['#', '&', '+', '!']) && is_place(text) => Ok(Self::Room(place())),
            _ if text.contains('@') && !text.contains(':') && is_place(text) => Ok(Self::Address(place())),
            _ => text.parse().map(Self::To).map_err(|_| {
                let title = format!("`{}` is not a channel of announcements", shown(text));
                refused(
                    title,
                    "write the name of a channel in config.toml, \"#web\", \"web@example.com\", or \"irc:#web\"",
                )
            }),
        }
    }
}

/// Reads `tell`; what is wrong is noted and left out.
pub(in crate::stack) fn read(reader: &mut Reader<'_>, value: Option<&Value<'_>>) -> Vec<Tell> {
    let Some(value) = value else { return Vec::new() };
    let texts = reader.texts(value).unwrap_or_default();
    if texts.len() > MOST {
        let title = format!("a stack names at most {MOST} channels");
        reader.refuse(Mistake::new(value.span(), title).cure("one channel may be read by many"));
    }
    let mut told: Vec<Tell> = Vec::new();
    for text in &texts {
        let Some(tell) = reader.parsed_text(text, Tell::parse) else { continue };
        if told.contains(&tell) {
            let title = format!("`{tell}` is listed twice");
            reader.refuse(Mistake::new(text.at.clone(), title).cure("keep one"));
            continue;
        }
        told.push(tell);
    }
    told
}

/// Where in a good stack file each name of `tell` stands, in their order.
pub fn places_of_tell(text: &str) -> Vec<Range<usize>> {
    let (root, _) = DeTable::parse_recoverable(text);
    let list = root.get_ref().get("tell").and_then(|tell| tell.get_ref().as_array());
    list.into_iter().flat_map(|list| list.iter()).map(Value::span).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_is_read_as_it_is_written() {
        for text in ["irc", "irc:#web", "email:web@example.com", "a-b_c:&local"] {
            assert_eq!(text.parse::<Destination>().unwrap().to_string(), text);
        }
        for text in ["", ":", "irc:", "IRC", "irc:#a b", "irc:#a\nb", "#web", "irc web"] {
            assert!(text.parse::<Destination>().is_err(), "{text:?}");
        }
        assert!(format!("irc:{}", "x".repeat(255)).parse::<Destination>().is_err());
    }

    #[test]
    fn tell_names_a_channel_a_place_in_one_or_a_place_alone() {
        let of = |text: &str| Tell::parse(text).ok();
        assert_eq!(of("#web"), Some(Tell::Room("#web".to_owned())));
        assert_eq!(of("web@example.com"), Some(Tell::Address("web@example.com".to_owned())));
        assert_eq!(of("slack-web").map(|tell| tell.to_string()), Some("slack-web".to_owned()));
        assert_eq!(of("irc:#web"), Some(Tell::To("irc:#web".parse().unwrap())));
        for bad in ["", "Slack", "# web", "a b@c", "#a\r\nQUIT"] {
            assert_eq!(of(bad), None, "{bad:?}");
        }
    }
}
