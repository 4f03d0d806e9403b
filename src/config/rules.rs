//! What is well written in the server's file and still must not be. It must never look at the machine. Called by the draft.

use super::keys::place;
use super::site::Site;
use super::{AuthMode, ChannelKind, Config, Email, Irc, Metrics};
use crate::diagnostic::{Mistake, shown};
use lettre::message::Mailbox;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use toml::de::DeTable;

/// Of whom to ask, in characters: it stands on one line of the sign-in page.
const MOST_ASK: usize = 100;

/// Everything that is against the rules.
pub(super) fn broken(config: &Config, root: &DeTable<'_>) -> Vec<Mistake> {
    let mut rules = Rules { root, found: Vec::new() };
    rules.site(config);
    for kind in ChannelKind::ALL {
        match kind {
            ChannelKind::Irc => config.irc.iter().for_each(|irc| rules.irc(irc)),
            ChannelKind::Email => config.email.iter().for_each(|email| rules.email(email)),
        }
    }
    config.metrics.iter().for_each(|metrics| rules.metrics(config, metrics));
    rules.numbers(config);
    rules.found
}

struct Rules<'a> {
    root: &'a DeTable<'a>,
    found: Vec<Mistake>,
}

impl Rules<'_> {
    fn refuse(&mut self, at: &[&str], title: impl Into<String>, cure: impl Into<String>) {
        self.found.push(Mistake::new(place(self.root, at), title).cure(cure));
    }

    fn has(&self, at: &[&str; 2]) -> bool {
        let table = self.root.get(at[0]).and_then(|table| table.get_ref().as_table());
        table.is_some_and(|table| table.contains_key(at[1]))
    }

    fn site(&mut self, config: &Config) {
        let loopback = config.listen.ip().is_loopback();
        if let Err(fault) = Site::parse(&config.url) {
            self.refuse(&["url"], fault.title, fault.cure);
        }
        if config.auth.mode == AuthMode::Open && !loopback {
            let listen = config.listen;
            let title =
                format!("mode = \"open\" believes any name, so it is allowed on loopback only, not on {listen}");
            self.refuse(&["auth", "mode"], title, "write mode = \"password\"");
        }
        if !loopback && !config.insecure_http {
            let title = format!("{} is plain HTTP beyond this machine", config.listen);
            let cure = "listen on 127.0.0.1 behind a TLS proxy, or set insecure_http = true";
            self.refuse(&["listen"], title, cure);
        }
        for (text, network) in config.trusted_proxies.written() {
            if let Err(why) = network {
                let title = format!("`{}` is not the address of a proxy", shown(text));
                self.refuse(&["trusted_proxies"], title, format!("write the addresses of your own proxies: {why}"));
            }
        }
        if let Some(ask) = &config.auth.ask
            && (ask.trim().is_empty() || ask.chars().count() > MOST_ASK || ask.contains(char::is_control))
        {
            let title = format!("`{}` says nobody whom people could ask", shown(ask));
            self.refuse(&["auth", "ask"], title, "a name or an address on one line: ask = \"ops@example.com\"");
        }
    }

    fn irc(&mut self, irc: &Irc) {
        self.server("irc", &irc.server);
        if let Err(cure) = channel(&irc.channel) {
            let title = format!("`{}` is not the name of a channel", shown(&irc.channel));
            self.refuse(&["irc", "channel"], title, cure);
        }
        if !is_nick(&irc.nick) {
            let title = format!("`{}` is not a nick", shown(&irc.nick));
            let cure = "a nick has letters, digits and any of -[]\\`_^{|}, and begins with no digit and no -";
            self.refuse(&["irc", "nick"], title, cure);
        }
        self.one_password("irc");
    }

    fn email(&mut self, email: &Email) {
        self.server("email", &email.server);
        if email.to.is_empty() {
            self.refuse(&["email", "to"], "nobody is told", "name at least one address, or take [email] out");
        }
        let from = [("from", &email.from)];
        for (key, text) in from.into_iter().chain(email.to.iter().map(|to| ("to", to))) {
            if let Err(error) = text.parse::<Mailbox>() {
                let title = format!("`{}` is not a mail address: {}", shown(text), error.to_string().to_lowercase());
                let cure = "write it as in \"push@example.com\" or \"Pushbutton <push@example.com>\"";
                self.refuse(&["email", key], title, cure);
            }
        }
        if let Some(helo) = email.helo.as_ref().filter(|helo| !is_helo(helo)) {
            let title = format!("`{}` is not a name that a mail server can be told", shown(helo));
            let cure = "it is this machine's whole name, such as push.example.com, or its address: [192.0.2.7]";
            self.refuse(&["email", "helo"], title, cure);
        }
        let named = self.has(&["email", "password_file"]) || self.has(&["email", "password_env"]);
        match (&email.user, named) {
            (Some(user), false) => {
                let title = format!("user `{}` has no password", shown(user));
                self.refuse(&["email", "user"], title, "name it with password_file or password_env");
            }
            (None, true) => {
                let at = if self.has(&["email", "password_file"]) { "password_file" } else { "password_env" };
                self.refuse(&["email", at], "a password without a user", "say who signs in: user = \"…\"");
            }
            (Some(_), true) | (None, false) => {}
        }
        self.one_password("email");
    }

    fn metrics(&mut self, config: &Config, metrics: &Metrics) {
        let listen = metrics.listen;
        if listen == config.listen {
            let title = format!("the pages listen on {listen}, and the numbers need an address of their own");
            self.refuse(&["metrics", "listen"], title, "name another port: listen = \"127.0.0.1:9091\"");
        }
        if !listen.ip().is_loopback() && !metrics.open {
            let title = format!("{listen} is beyond this machine: whoever reaches it would read the numbers");
            let cure = "listen on 127.0.0.1, or set open = true if everyone on that network may read them";
            self.refuse(&["metrics", "listen"], title, cure);
        }
    }

    /// A server is a name or an address, without scheme, port or user.
    fn server(&mut self, table: &str, server: &str) {
        let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let good = !server.is_empty() && server.len() <= 253 && server.chars().all(name);
        if !good && server.parse::<IpAddr>().is_err() {
            let title = format!("`{}` is not the name of a server", shown(server));
            let cure = "write its name or its address alone; a port has a key of its own: port = …";
            self.refuse(&[table, "server"], title, cure);
        }
    }

    fn one_password(&mut self, table: &str) {
        if self.has(&[table, "password_file"]) && self.has(&[table, "password_env"]) {
            self.refuse(&[table, "password_env"], "password_file and password_env are both set", "keep one");
        }
    }

    fn numbers(&mut self, config: &Config) {
        if config.ssh.lease_s <= 5 {
            let cure = "heartbeats go out each 5 s, so it must be 6 or more; 30 forgives a slow line";
            self.refuse(&["ssh", "lease_s"], "this lease is too short", cure);
        }
        if !(1..=10).contains(&config.limits.check_every_s) {
            let cure = "a host counts as ready for 15 s after it answered, so 10 is the most";
            self.refuse(&["limits", "check_every_s"], "connections are checked every 1 to 10 seconds", cure);
        }
        if config.limits.probe_every_s == 0 {
            let title = "hosts cannot be asked without a pause";
            self.refuse(&["limits", "probe_every_s"], title, "30 is a good pause");
        }
        if config.limits.inventory_every_s == 0 {
            let title = "commands that list hosts cannot be asked without a pause";
            let cure = "60 is a good pause; a press asks them anyway";
            self.refuse(&["limits", "inventory_every_s"], title, cure);
        }
        if config.limits.fetch_every_s == 0 {
            let title = "branches cannot be fetched without a pause";
            self.refuse(&["limits", "fetch_every_s"], title, "15 is a good pause");
        }
    }
}

/// A word that IRC can carry.
fn is_word(text: &str) -> bool {
    !text.is_empty() && text.len() <= 64 && !text.chars().any(|c| c.is_control() || c.is_whitespace())
}

fn channel(name: &str) -> Result<(), String> {
    let good = |name: &str| {
        is_word(name) && name.starts_with(['#', '&', '+', '!']) && name.len() > 1 && !name.contains([',', ':'])
    };
    match (good(name), good(&format!("#{name}"))) {
        (true, _) => Ok(()),
        (false, true) => Err(format!("did you mean \"#{name}\"?")),
        (false, false) => {
            Err("one channel, such as \"#push\": it begins with #, and has no space and no comma".to_owned())
        }
    }
}

fn is_nick(nick: &str) -> bool {
    let good = |c: char| c.is_alphanumeric() || "-[]\\`_^{|}".contains(c);
    is_word(nick) && nick.chars().all(good) && !nick.starts_with(|c: char| c.is_ascii_digit() || c == '-')
}

/// What EHLO may say (RFC 5321, 4.1.3): a name, or an address in brackets.
fn is_helo(helo: &str) -> bool {
    if let Some(literal) = helo.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return match literal.strip_prefix("IPv6:") {
            Some(address) => address.parse::<Ipv6Addr>().is_ok(),
            None => literal.parse::<Ipv4Addr>().is_ok(),
        };
    }
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    helo.len() <= 253 && helo.split('.').all(label) && helo.parse::<IpAddr>().is_err()
}
