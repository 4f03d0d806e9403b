//! Who is in our channels, and what they say to the bot. A nick is somebody only for one stay: from when the server says that it came into one of our
//! channels until it leaves the last of them, is thrown out, changes its name or goes, or our connection ends. It must never answer, nor
//! believe a nick that is in none of our channels.

use crate::announce::incoming::{IncomingMessage, Reply};
use crate::stack::Who;
use irc::client::prelude::{Command, Message, Response};
use irc::proto::command::CapSubCommand;
use std::collections::{BTreeSet, HashMap};
use tokio::sync::mpsc;

/// Nicks that are known; of more nobody can prove who they are.
const MOST_NICKS: usize = 20_000;
/// Answers that wait for their turn; when there are more, they are not said.
const WAITING_REPLIES: usize = 16;
/// What IRC says before the nick of who may more in a channel.
const MARKS: [char; 6] = ['@', '+', '%', '&', '~', '!'];
/// The capability by which the server says whose account speaks.
pub(super) const ACCOUNTS: &str = "account-tag";

/// What hands on what is said.
pub(super) struct Presence {
    server: String,
    incoming: mpsc::Sender<IncomingMessage>,
    replies: mpsc::Sender<Reply>,
    /// Whether the server says whose account speaks: it has said yes to our asking.
    tagged: bool,
    next_stay: u64,
    nicks: HashMap<String, Nick>,
}

struct Nick {
    stay: u64,
    channels: BTreeSet<String>,
    proven: Option<Who>,
}

impl Presence {
    /// For one connection, and where its answers come.
    pub fn new(server: &str, incoming: mpsc::Sender<IncomingMessage>) -> (Self, mpsc::Receiver<Reply>) {
        let (replies, waiting) = mpsc::channel(WAITING_REPLIES);
        let presence =
            Self { server: server.to_owned(), incoming, replies, tagged: false, next_stay: 1, nicks: HashMap::new() };
        (presence, waiting)
    }

    /// Notes who comes and goes, and hands on what is said to us; `is_ours` says of a channel whether the bot is there.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the messages of IRC are not ours")]
    pub fn listen(&mut self, message: &Message, own: &str, is_ours: impl Fn(&str) -> bool) {
        let from = message.source_nickname().unwrap_or_default();
        let is_own = fold(from) == fold(own);
        match &message.command {
            Command::CAP(_, CapSubCommand::ACK, first, second) => {
                let acknowledged = [first, second].into_iter().flatten().flat_map(|caps| caps.split_whitespace());
                self.tagged |= acknowledged.into_iter().any(|cap| cap == ACCOUNTS);
            }
            Command::CAP(_, CapSubCommand::DEL, ..) => self.tagged = false,
            Command::Response(Response::RPL_NAMREPLY, arguments) => {
                let Some([channel, names]) = arguments.last_chunk::<2>() else { return };
                if is_ours(channel) {
                    for name in names.split_whitespace() {
                        // With `userhost-in-names`, which we do not ask for, there would be more behind the nick.
                        let nick = name.trim_start_matches(MARKS);
                        self.enter(nick.split('!').next().unwrap_or_default(), channel);
                    }
                }
            }
            Command::JOIN(channel, ..) if is_own => self.leave_all(channel),
            Command::JOIN(channel, ..) if is_ours(channel) => self.enter(from, channel),
            Command::PART(channel, _) | Command::KICK(channel, _, _) if is_own && !is_kick(message) => {
                self.leave_all(channel);
            }
            Command::PART(channel, _) => self.leave(from, channel),
            Command::KICK(channel, nick, _) if fold(nick) == fold(own) => self.leave_all(channel),
            Command::KICK(channel, nick, _) => self.leave(nick, channel),
            Command::QUIT(_) => _ = self.nicks.remove(&fold(from)),
            Command::NICK(new) => self.rename(from, new),
            Command::PRIVMSG(to, text) if !is_own && !from.is_empty() => {
                let channel = is_ours(to).then(|| to.clone());
                // To another channel, or to a part of one: not to us.
                if channel.is_some() || fold(to) == fold(own) {
                    self.hand_on(message, from, channel, text);
                }
            }
            _ => {}
        }
    }

    fn hand_on(&self, message: &Message, nick: &str, channel: Option<String>, text: &str) {
        let account = || {
            let tags = message.tags.iter().flatten();
            tags.filter(|tag| tag.0 == "account").find_map(|tag| tag.1.clone()).filter(|account| !account.is_empty())
        };
        let known = self.nicks.get(&fold(nick));
        let incoming = IncomingMessage {
            server: self.server.clone(),
            nick: nick.to_owned(),
            account: if self.tagged { account() } else { None },
            stay: known.map(|known| known.stay),
            proven: known.and_then(|known| known.proven.clone()),
            channel,
            text: text.to_owned(),
            replies: self.replies.clone(),
        };
        // Who floods the bot gets no answer.
        let _ = self.incoming.try_send(incoming);
    }

    /// Remembers who a nick is, if it is the very stay in which that was proven.
    pub fn prove(&mut self, nick: &str, stay: u64, who: Who) {
        if let Some(known) = self.nicks.get_mut(&fold(nick)).filter(|known| known.stay == stay) {
            known.proven = Some(who);
        }
    }

    fn enter(&mut self, nick: &str, channel: &str) {
        if nick.is_empty() || (self.nicks.len() >= MOST_NICKS && !self.nicks.contains_key(&fold(nick))) {
            return;
        }
        let stay = &mut self.next_stay;
        let known = self.nicks.entry(fold(nick)).or_insert_with(|| {
            *stay += 1;
            Nick { stay: *stay, channels: BTreeSet::new(), proven: None }
        });
        known.channels.insert(fold(channel));
    }

    fn leave(&mut self, nick: &str, channel: &str) {
        if let Some(known) = self.nicks.get_mut(&fold(nick)) {
            known.channels.remove(&fold(channel));
            if known.channels.is_empty() {
                self.nicks.remove(&fold(nick));
            }
        }
    }

    /// We do not see any more who is in a channel.
    fn leave_all(&mut self, channel: &str) {
        let channel = fold(channel);
        self.nicks.retain(|_, known| {
            known.channels.remove(&channel);
            !known.channels.is_empty()
        });
    }

    /// A new name is a new stay: who had proven something proves it again.
    fn rename(&mut self, old: &str, new: &str) {
        let Some(known) = self.nicks.remove(&fold(old)) else { return };
        self.nicks.remove(&fold(new));
        for channel in known.channels {
            self.enter(new, &channel);
        }
    }
}

fn is_kick(message: &Message) -> bool {
    matches!(message.command, Command::KICK(..))
}

/// A nick or a channel as servers compare them (RFC 1459): capital letters, and `[]\~` are those of `{}|^`.
pub(super) fn fold(name: &str) -> String {
    let folded = |c: char| match c {
        '[' => '{',
        ']' => '}',
        '\\' => '|',
        '~' => '^',
        c => c.to_ascii_lowercase(),
    };
    name.chars().map(folded).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Wire {
        presence: Presence,
        incoming: mpsc::Receiver<IncomingMessage>,
        _replies: mpsc::Receiver<Reply>,
    }

    impl Wire {
        fn new() -> Self {
            let (sender, incoming) = mpsc::channel(64);
            let (presence, _replies) = Presence::new("irc.example.com", sender);
            Self { presence, incoming, _replies }
        }

        fn says(&mut self, lines: &[&str]) -> Option<IncomingMessage> {
            for line in lines {
                let message = format!("{line}\r\n").parse::<Message>().unwrap();
                self.presence.listen(&message, "Pushbot", |channel| ["#push", "#web"].contains(&channel));
            }
            self.incoming.try_recv().ok()
        }

        fn proven(&mut self, lines: &[&str]) -> Option<String> {
            let said = [lines, &[":mary!m@h PRIVMSG #push :!status"]].concat();
            self.says(&said).unwrap().proven.map(|who| who.to_string())
        }
    }

    #[test]
    fn who_has_proven_who_they_are_is_so_for_one_stay_alone() {
        let bound = || {
            let mut wire = Wire::new();
            let said = wire.says(&[":s 353 Pushbot = #push :@joe +mary Pushbot", ":mary!m@h PRIVMSG pushbot :bind X"]);
            let said = said.unwrap();
            assert_eq!((said.channel, said.proven, said.account), (None, None, None));
            wire.presence.prove("MARY", said.stay.unwrap(), "mary".parse().unwrap());
            wire
        };
        assert_eq!(bound().proven(&[]).as_deref(), Some("mary"));
        assert_eq!(
            bound().proven(&[":mary!m@h JOIN #web", ":mary!m@h PART #push", ":mary!m@h JOIN #push"]).as_deref(),
            Some("mary")
        );
        for gone in [
            &[":mary!m@h PART #push", ":mary!m@h JOIN #push"][..],
            &[":mary!m@h QUIT :bye", ":mary!m@h JOIN #push"],
            &[":mary!m@h NICK mary_", ":eve!e@h NICK mary", ":mary!e@h JOIN #push"],
            &[":joe!j@h KICK #push mary :out", ":mary!m@h JOIN #push"],
            &[":joe!j@h KICK #push Pushbot :out", ":Pushbot!p@h JOIN #push", ":s 353 Pushbot = #push :mary"],
            &[":Pushbot!p@h PART #push", ":Pushbot!p@h JOIN #push", ":s 353 Pushbot = #push :mary"],
            &[":mary!m@h QUIT"],
        ] {
            assert_eq!(bound().proven(gone), None, "{gone:?}");
        }
        // What was proven for a stay that is over holds for nobody.
        let mut wire = bound();
        let old = wire.says(&[":mary!m@h PRIVMSG #push :!who"]).unwrap().stay.unwrap();
        wire.says(&[":mary!m@h QUIT", ":mary!e@h JOIN #push"]);
        wire.presence.prove("mary", old, "mary".parse().unwrap());
        assert_eq!(wire.proven(&[]), None);
    }

    #[test]
    fn an_account_is_believed_only_when_the_server_was_asked_for_it_and_no_notice_is_heard() {
        let mut wire = Wire::new();
        let line = "@account=mary :mary!m@h PRIVMSG #push :!status";
        assert_eq!(wire.says(&[line]).unwrap().account, None);
        assert_eq!(wire.says(&[":s CAP Pushbot NAK :account-tag", line]).unwrap().account, None);
        assert_eq!(wire.says(&[":s CAP Pushbot ACK :account-tag", line]).unwrap().account.as_deref(), Some("mary"));
        assert_eq!(
            wire.says(&[":mary!m@h PRIVMSG #push :!status"]).unwrap().account,
            None,
            "she is not signed in there"
        );
        for line in [
            ":bot!b@h NOTICE #push :!status",
            ":bot!b@h NOTICE Pushbot :!status",
            ":mary!m@h PRIVMSG #other :!status",
            ":mary!m@h PRIVMSG @#push :!status",
            ":Pushbot!p@h PRIVMSG #push :!status",
            "PRIVMSG #push :!status",
        ] {
            assert!(wire.says(&[line]).is_none(), "{line}");
        }
    }
}
