//! The kinds of channels of announcements: the one list of them. What differs from kind to kind and is no more than a word or a number
//! stands here, so that the outbox, the pages and the command line need not know any of them. It must never know how a channel
//! speaks: that is its folder in `announce`.

use crate::stack::{ChannelName, Destination};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A kind of channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChannelKind {
    /// One line for each announcement, in a channel of an IRC server.
    Irc,
    /// A mail for each announcement.
    Email,
    /// A request for each announcement, to a server of one's own or to a chat.
    Webhook,
    /// A request of one's own making for each announcement.
    Http,
    /// An annotation on graphs for each push.
    Grafana,
    /// A point at the start and at the end of each push.
    Graphite,
    /// A deployment for each push, and a status for its commit.
    Github,
    /// An issue for each push.
    Jira,
}

/// What a channel can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelLimits {
    /// The most bytes of an announcement's text.
    pub bytes: usize,
    /// From how many on what piled up is told as one; none: each on its own.
    pub folds_from: Option<usize>,
}

impl ChannelKind {
    /// All of them, in the order in which people read them.
    pub const ALL: [Self; 8] =
        [Self::Irc, Self::Email, Self::Webhook, Self::Http, Self::Grafana, Self::Graphite, Self::Github, Self::Jira];

    /// The words of `kind`.
    pub(super) const WORDS: [&str; Self::ALL.len()] = [
        Self::Irc.name(),
        Self::Email.name(),
        Self::Webhook.name(),
        Self::Http.name(),
        Self::Grafana.name(),
        Self::Graphite.name(),
        Self::Github.name(),
        Self::Jira.name(),
    ];

    /// Its word in the server's file; a channel of that table alone has this name, too.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Irc => "irc",
            Self::Email => "email",
            Self::Webhook => "webhook",
            Self::Http => "http",
            Self::Grafana => "grafana",
            Self::Graphite => "graphite",
            Self::Github => "github",
            Self::Jira => "jira",
        }
    }

    /// The name of a channel that is a table of its own.
    pub(super) fn channel_name(self) -> ChannelName {
        self.name().parse().expect("the word of a kind is a plain name")
    }

    /// The kind of a word.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether it may stand as a table of its own, `[irc]`, as well as in `[[channel]]`.
    pub const fn has_own_table(self) -> bool {
        match self {
            Self::Irc | Self::Email | Self::Webhook | Self::Graphite => true,
            Self::Http | Self::Grafana | Self::Github | Self::Jira => false,
        }
    }

    /// Whether it keeps a record of each push, from its start to its end, instead of telling words.
    pub const fn keeps_records(self) -> bool {
        match self {
            Self::Irc | Self::Email | Self::Webhook | Self::Http => false,
            Self::Grafana | Self::Graphite | Self::Github | Self::Jira => true,
        }
    }

    /// Its name for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Irc => "IRC",
            Self::Email => "Email",
            Self::Webhook => "Webhook",
            Self::Http => "HTTP",
            Self::Grafana => "Grafana",
            Self::Graphite => "Graphite",
            Self::Github => "GitHub",
            Self::Jira => "Jira",
        }
    }

    /// How it is announced there: `No announcements on IRC`.
    const fn way(self) -> &'static str {
        match self {
            Self::Irc => "on IRC",
            Self::Email => "by mail",
            Self::Webhook => "by webhook",
            Self::Http => "by HTTP",
            Self::Grafana => "in Grafana",
            Self::Graphite => "in Graphite",
            Self::Github => "on GitHub",
            Self::Jira => "in Jira",
        }
    }

    /// Its icon on pages.
    pub const fn icon(self) -> &'static str {
        match self {
            Self::Irc => "irc",
            Self::Email => "mail",
            Self::Webhook | Self::Http | Self::Grafana | Self::Graphite | Self::Github | Self::Jira => "link",
        }
    }

    /// What it can carry.
    pub const fn limits(self) -> ChannelLimits {
        match self {
            // With prefix, command and channel a line stays below the 512 bytes of the protocol. Two that piled up are a beginning and
            // an end, or two pushes: one line is enough for either.
            Self::Irc => ChannelLimits { bytes: 400, folds_from: Some(2) },
            Self::Email | Self::Webhook | Self::Http | Self::Grafana | Self::Graphite | Self::Github | Self::Jira => {
                ChannelLimits { bytes: usize::MAX, folds_from: None }
            }
        }
    }
}

/// Which kind each channel is of, by its name: what pages call it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChannelKinds(Arc<BTreeMap<ChannelName, ChannelKind>>);

impl FromIterator<(ChannelName, ChannelKind)> for ChannelKinds {
    fn from_iter<T: IntoIterator<Item = (ChannelName, ChannelKind)>>(all: T) -> Self {
        Self(Arc::new(all.into_iter().collect()))
    }
}

impl ChannelKinds {
    /// Of a channel that the file has no more only the name may say it.
    fn of(&self, name: &ChannelName) -> Option<ChannelKind> {
        self.0.get(name).copied().or_else(|| ChannelKind::named(name.as_str()))
    }

    /// What people call it: `IRC` of the table of that kind, otherwise its own name.
    pub fn title(&self, to: &Destination) -> String {
        let name = match ChannelKind::named(to.channel.as_str()) {
            Some(kind) => kind.title(),
            None => to.channel.as_str(),
        };
        match &to.place {
            Some(place) => format!("{name} {place}"),
            None => name.to_owned(),
        }
    }

    /// Whether a record of a push is kept there.
    pub fn keeps_records(&self, to: &Destination) -> bool {
        self.of(&to.channel).is_some_and(ChannelKind::keeps_records)
    }

    /// How it is announced there: `on IRC`, `in slack-web`.
    pub fn way(&self, name: &ChannelName) -> String {
        ChannelKind::named(name.as_str()).map_or_else(|| format!("in {name}"), |kind| kind.way().to_owned())
    }

    /// Its icon.
    pub fn icon(&self, to: &Destination) -> &'static str {
        self.of(&to.channel).map_or("link", ChannelKind::icon)
    }

    /// Every channel of the file, by its name.
    pub fn names(&self) -> impl Iterator<Item = &ChannelName> {
        self.0.keys()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A kind that is added must be given a place here, and so is found missing in the list.
    fn place(kind: ChannelKind) -> usize {
        match kind {
            ChannelKind::Irc => 0,
            ChannelKind::Email => 1,
            ChannelKind::Webhook => 2,
            ChannelKind::Http => 3,
            ChannelKind::Grafana => 4,
            ChannelKind::Graphite => 5,
            ChannelKind::Github => 6,
            ChannelKind::Jira => 7,
        }
    }

    #[test]
    fn every_kind_is_in_the_list_is_found_by_its_word_and_has_an_icon() {
        let icons = include_str!("../../../templates/sprite.html");
        for (at, kind) in ChannelKind::ALL.into_iter().enumerate() {
            assert_eq!(place(kind), at);
            assert_eq!(ChannelKind::named(kind.name()), Some(kind));
            assert!(icons.contains(&format!("id=\"i-{}\"", kind.icon())), "{kind:?}");
        }
        assert_eq!(ChannelKind::named(""), None);
    }

    #[test]
    fn a_channel_is_called_by_its_name_and_a_table_of_its_own_by_its_kind() {
        let kinds: ChannelKinds = [("ops".parse().unwrap(), ChannelKind::Irc)].into_iter().collect();
        for (to, title, icon) in
            [("irc", "IRC", "irc"), ("irc:#web", "IRC #web", "irc"), ("ops", "ops", "irc"), ("gone", "gone", "link")]
        {
            let to: Destination = to.parse().unwrap();
            assert_eq!((kinds.title(&to).as_str(), kinds.icon(&to)), (title, icon));
        }
        assert_eq!(kinds.way(&"ops".parse().unwrap()), "in ops");
        assert_eq!(kinds.way(&"email".parse().unwrap()), "by mail");
    }
}
