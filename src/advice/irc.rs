//! What an IRC server, or the way to it, says when the bot cannot come in, and what to do. Called by the connection to IRC.

use super::{Advice, Case, tls};

/// What keeps the bot out.
pub const CASES: &[Case] = &[
    Case {
        marks: &["(+i)", "invite only", "invite-only"],
        cause: "the channel is for those who were invited",
        cure: "invite the bot, or put it on the channel's invite list: /mode CHANNEL +I NICK!*@*",
        again: false,
    },
    Case {
        marks: &["(+k)", "bad channel key"],
        cause: "the channel has a key",
        cure: "take the key off, or name another channel: pushbutton has no key of a channel",
        again: false,
    },
    Case {
        marks: &["(+b)", "you are banned from", "banned from channel", "banned from this channel"],
        cause: "the channel has a ban on the bot",
        cure: "have the ban lifted",
        again: false,
    },
    Case {
        marks: &["(+l)", "channel is full"],
        cause: "the channel is full",
        cure: "raise its limit; it is tried again each minute",
        again: true,
    },
    Case {
        marks: &["(+r)", "identified to services", "registered nick", "identify with services", "sasl"],
        cause: "only registered nicks may come in",
        cure: "let the bot's nick in without, or name another channel",
        again: false,
    },
    Case {
        marks: &["(+z)", "(+s)", "secure connection", "only users with ssl", "ssl only"],
        cause: "only those who come by TLS may come in",
        cure: "write tls = true in [irc], with the server's TLS port (6697)",
        again: false,
    },
    Case {
        marks: &["password incorrect", "bad password", "password mismatch", "invalid password", "password required"],
        cause: "the server does not take our password",
        cure: "set password_file or password_env of [irc] right",
        again: false,
    },
    Case {
        marks: &["k-lined", "g-lined", "z-lined", "k:lined", "you are banned", "banned from this server", "klined"],
        cause: "the server has a ban on this machine",
        cure: "have the ban lifted by who runs the server",
        again: false,
    },
    Case {
        marks: &["cannot send to channel", "cannot send to nick/channel"],
        cause: "the channel does not let the bot speak",
        cure: "give it voice: /mode CHANNEL +v NICK; or take the channel's mode +m off",
        again: false,
    },
    Case {
        marks: &["no such channel", "illegal channel name", "invalid channel"],
        cause: "the server has no such channel and makes none of that name",
        cure: "look at `channel` in [irc]",
        again: false,
    },
    Case {
        marks: &["too many channels", "joined too many"],
        cause: "the bot is in as many channels as the server allows",
        cure: "give pushbutton a nick of its own",
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
        cause: "the server has seen too many connections from here",
        cure: "it is tried again by itself, ever more slowly",
        again: true,
    },
    Case {
        marks: &["nick and all its variants are taken"],
        cause: "others have the bot's nick",
        cure: "write another `nick` in [irc]",
        again: false,
    },
    Case {
        marks: &["failed to lookup address", "name or service not known", "temporary failure in name resolution"],
        cause: "this machine does not know the server's name",
        cure: "look at `server` in [irc], and at this machine's DNS: getent hosts NAME",
        again: true,
    },
    Case {
        marks: &["connection refused"],
        cause: "nothing listens there",
        cure: "look at `server` and `port` in [irc] (6697 with TLS, 6667 without), and whether it runs",
        again: true,
    },
    Case {
        marks: &["timed out", "no route to host", "network is unreachable"],
        cause: "there is no way to the server",
        cure: "look at the network, and at firewalls between",
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
            ("Cannot join channel (+i) -- Invited users only", "the channel is for those who were invited"),
            ("Cannot join channel (+k)", "the channel has a key"),
            ("Cannot join channel (+b) -- You are banned", "the channel has a ban on the bot"),
            ("Cannot join channel (+l)", "the channel is full"),
            ("Cannot join channel (+r) - you need to be identified with services", "only registered nicks may come in"),
            ("Closing Link: 192.0.2.1 (Bad Password)", "the server does not take our password"),
            ("Closing Link: (K-Lined)", "the server has a ban on this machine"),
            ("Connection refused (os error 111)", "nothing listens there"),
            (
                "failed to lookup address information: Name or service not known",
                "this machine does not know the server's name",
            ),
            (
                "invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))",
                "the server's certificate is self-signed: nobody vouches for it",
            ),
        ] {
            let words = words(said);
            let said = said.replace("Other(OtherError(CaUsedAsEndEntity))", "CaUsedAsEndEntity");
            assert!(words.starts_with(&format!("{said} ({cause}): ")), "{words}");
        }
        assert_eq!(words("kicked by eve"), "kicked by eve");
    }
}
