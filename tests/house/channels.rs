//! Those who are told of pushes: an IRC server with somebody in its channel, and a mail server.

use super::until;
use pushbutton::demo::irc::{CHANNEL, IrcServer, IrcWitness};
use pushbutton::demo::mail::MailCatcher;

/// An IRC server with somebody in its channel, and a mail server.
pub struct Channels {
    irc: IrcServer,
    pub witness: IrcWitness,
    pub mail: MailCatcher,
    /// Goes last.
    pub dir: tempfile::TempDir,
}

impl Channels {
    /// Starts both.
    pub async fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let irc = IrcServer::start(&dir.path().join("irc")).await.unwrap();
        let witness = IrcWitness::join(irc.address(), "watcher", None).await.unwrap();
        let mail = MailCatcher::start(&dir.path().join("mail")).await.unwrap();
        Self { irc, witness, mail, dir }
    }

    /// Where the IRC server listens.
    pub fn irc(&self) -> std::net::SocketAddr {
        self.irc.address().into()
    }

    /// The tables of `config.toml` that name them.
    pub fn config(&self) -> String {
        format!(
            "[irc]\nserver = \"127.0.0.1\"\nport = {}\ntls = false\nchannel = \"{CHANNEL}\"\n\
             [email]\nserver = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nfrom = \"Pushbutton <push@example.com>\"\n\
             to = [\"team@example.com\"]\n",
            self.irc.address().port(),
            self.mail.address().port()
        )
    }

    /// Waits for a line on IRC with these words, and gives it.
    pub async fn irc_says(&self, words: &str) -> String {
        let line = async || self.witness.lines().into_iter().find(|line| line.contains(words));
        until(&format!("IRC says {words:?}"), line).await
    }

    /// Waits for a mail with these words, wherever its lines end, and gives it.
    pub async fn mail_says(&self, words: &str) -> String {
        let says = |mail: &String| mail.split_whitespace().collect::<Vec<_>>().join(" ").contains(words);
        until(&format!("a mail says {words:?}"), async || self.mail.readable_mails().into_iter().find(says)).await
    }
}
