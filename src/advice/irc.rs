//! What an IRC server, or the way to it, says when the bot cannot come in, and what to do. Called by the connection to IRC.

use super::{Advice, Case, tls};

/// What keeps the bot out.
pub const CASES: &[Case] = &[
    Case {
        marks: &["(+i)", "invite only", "invite-only"],
        cause: "the channel is invite-only",
        cure: "invite the bot, or put it on the channel's invite list: /mode CHANNEL +I NICK!*@*",
        again: false,
    },
    Case {
        marks: &["(+k)", "bad channel key"],
        cause: "the channel has a key",
        cure: "remove the key, or use another channel: pushbutton does not support channel keys",
        again: false,
    },
    Case {
        marks: &["(+b)", "you are banned from", "banned from channel", "banned from this channel"],
        cause: "the channel has a ban on the bot",
        cure: "ask an operator to remove the ban",
        again: false,
    },
    Case {
        marks: &["(+l)", "channel is full"],
        cause: "the channel is full",
        cure: "raise its limit; the bot tries again every minute",
        again: true,
    },
    Case {
        marks: &["(+r)", "identified to services", "registered nick", "identify with services", "sasl"],
        cause: "only registered nicks may join",
        cure: "allow the bot's nick without registration, or use another channel",
        again: false,
    },
    Case {
        marks: &["(+z)", "(+s)", "secure connection", "only users with ssl", "ssl only"],
        cause: "only TLS connections may join",
        cure: "write tls = true in [irc], with the server's TLS port (6697)",
        again: false,
    },
    Case {
        marks: &["password incorrect", "bad password", "password mismatch", "invalid password", "password required"],
        cause: "the server does not accept the password",
        cure: "correct password_file or password_env of [irc]",
        again: false,
    },
    Case {
        marks: &["k-lined", "g-lined", "z-lined", "k:lined", "you are banned", "banned from this server", "klined"],
        cause: "the server has a ban on this machine",
        cure: "ask the server's administrator to remove the ban",
        again: false,
    },
    Case {
        marks: &["cannot send to channel", "cannot send to nick/channel"],
        cause: "the channel does not let the bot speak",
        cure: "give it voice: /mode CHANNEL +v NICK; or remove the channel's mode +m",
        again: false,
    },
    Case {
        marks: &["no such channel", "illegal channel name", "invalid channel"],
        cause: "the server has no such channel, and does not create one with that name",
        cure: "check `channel` in [irc]",
        again: false,
    },
    Case {
        marks: &["too many channels", "joined too many"],
        cause: "the bot is in as many channels as the server allows",
        cure: "give pushbutton its own nick",
        again: false,
    },
    Case {
        marks: &[
            "too many connections",
            "throttled",
            "reconnecting too fast",
            "connection limit",
            "too many host connections",
        ],
        cause: "the server refuses more connections from this address",
        cure: "the bot retries automatically, with growing intervals",
        again: true,
    },
    Case {
        marks: &["nick and all its variants are taken"],
        cause: "the bot's nick is in use",
        cure: "write another `nick` in [irc]",
        again: false,
    },
    Case {
        marks: &["failed to lookup address", "name or service not known", "temporary failure in name resolution"],
        cause: "this machine cannot resolve the server's name",
        cure: "check `server` in [irc], and this machine's DNS: getent hosts NAME",
        again: true,
    },
    Case {
        marks: &["connection refused"],
        cause: "nothing listens there",
        cure: "check `server` and `port` in [irc] (6697 with TLS, 6667 without), and whether the server is running",
        again: true,
    },
    Case {
        marks: &["timed out", "no route to host", "network is unreachable"],
        cause: "there is no network route to the server",
        cure: "check the network and the firewalls in between",
        again: true,
    },
];

/// The words for people: what was said, and what to do where that is known.
pub fn words(said: &str) -> String {
    let advice = Advice::of(said, CASES, &[]);
    match advice.case {
        Some(_) => advice.words(),
        None => tls::advice(said).unwrap_or(advice).words(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keeps_the_bot_out_is_told_with_its_cure() {
        for (said, cause) in [
            ("Cannot join channel (+i) -- Invited users only", "the channel is invite-only"),
            ("Cannot join channel (+k)", "the channel has a key"),
            ("Cannot join channel (+b) -- You are banned", "the channel has a ban on the bot"),
            ("Cannot join channel (+l)", "the channel is full"),
            ("Cannot join channel (+r) - you need to be identified with services", "only registered nicks may join"),
            ("Closing Link: 192.0.2.1 (Bad Password)", "the server does not accept the password"),
            ("Closing Link: (K-Lined)", "the server has a ban on this machine"),
            ("Connection refused (os error 111)", "nothing listens there"),
            (
                "failed to lookup address information: Name or service not known",
                "this machine cannot resolve the server's name",
            ),
            (
                "invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))",
                "the server's certificate is self-signed, so it is not trusted",
            ),
        ] {
            let words = words(said);
            let said = said.replace("Other(OtherError(CaUsedAsEndEntity))", "CaUsedAsEndEntity");
            assert!(words.starts_with(&format!("{said} ({cause}): ")), "{words}");
        }
        assert_eq!(words("kicked by eve"), "kicked by eve");
    }
}
