//! What is well written in the server's file and still must not be. It must never look at the machine. Called by the draft.

use super::broken_rules::Rules;
use super::site::Site;
use super::{Config, Metrics};
use crate::diagnostic::{Mistake, shown};
use crate::isolation;
use std::path::{Component, Path};
use toml::de::DeTable;

/// Directories whose whole would give a build what it is kept from: secrets, sockets, processes, other people's files.
const KEPT_FROM_BUILDS: [&str; 13] =
    ["/", "/boot", "/build", "/dev", "/etc", "/home", "/proc", "/root", "/run", "/sys", "/tmp", "/usr", "/var"];

/// Of whom to ask, in characters: it stands on one line of the sign-in page.
const MOST_ASK: usize = 100;

/// Everything that is against the rules.
pub(super) fn broken(config: &Config, root: &DeTable<'_>) -> Vec<Mistake> {
    let mut rules = Rules { root, found: Vec::new() };
    rules.site(config);
    config.channels.iter().for_each(|channel| channel.judge(&mut rules));
    rules.provider(config);
    config.metrics.iter().for_each(|metrics| rules.metrics(config, metrics));
    rules.artifacts(&config.artifacts);
    rules.hooks(&config.hooks);
    rules.chat(config.chat.as_ref());
    rules.audit(&config.audit);
    rules.numbers(config);
    rules.build(&config.build);
    rules.retention(&config.retention);
    rules.found
}

impl Rules<'_> {
    fn site(&mut self, config: &Config) {
        let loopback = config.listen.ip().is_loopback();
        if let Err(fault) = Site::parse(&config.url) {
            self.refuse(&["url"], fault.title, fault.cure);
        }
        let mode = config.auth.mode;
        if mode.believes_names() && !loopback {
            let (mode, listen) = (mode.word(), config.listen);
            let title =
                format!("mode = \"{mode}\" accepts any name, so it is allowed on loopback only, not on {listen}");
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
            let title = format!("`{}` is not a name or an address", shown(ask));
            self.refuse(&["auth", "ask"], title, "a name or an address on one line: ask = \"ops@example.com\"");
        }
    }

    fn provider(&mut self, config: &Config) {
        match &config.oidc {
            Some(oidc) => oidc.judge(self),
            None if config.auth.mode.asks_a_provider() => {
                let cure = "write [oidc] with issuer, client_id and client_secret_file; config.example.toml shows it";
                self.refuse(&["auth", "mode"], "mode = \"oidc\" needs the provider of accounts", cure);
            }
            None => {}
        }
        match &config.proxy {
            Some(proxy) => proxy.judge(config, self),
            None if config.auth.mode.believes_a_proxy() => {
                let cure = "write [proxy] with listen and user_header; config.example.toml shows it";
                self.refuse(&["auth", "mode"], "mode = \"proxy\" needs the listener of the proxy", cure);
            }
            None => {}
        }
    }

    fn build(&mut self, build: &isolation::Settings) {
        for path in &build.read_only {
            let plain = path.is_absolute() && path.components().all(|part| !matches!(part, Component::ParentDir));
            let kept = KEPT_FROM_BUILDS.iter().any(|kept| path == Path::new(kept));
            if !plain || kept {
                let title = format!("builds cannot be given `{}`", shown(&path.display().to_string()));
                let cure = "name a directory of tools by its absolute path: read_only = [\"/opt/node\"]";
                self.refuse(&["build", "read_only"], title, cure);
            }
        }
    }

    fn metrics(&mut self, config: &Config, metrics: &Metrics) {
        let listen = metrics.listen;
        if listen == config.listen {
            let title = format!("the pages listen on {listen}, and the metrics need their own address");
            self.refuse(&["metrics", "listen"], title, "name another port: listen = \"127.0.0.1:9091\"");
        }
        if !listen.ip().is_loopback() && !metrics.open {
            let title = format!("{listen} is reachable from other machines: anyone there could read the metrics");
            let cure = "listen on 127.0.0.1, or set open = true if everyone on that network may read them";
            self.refuse(&["metrics", "listen"], title, cure);
        }
    }

    fn numbers(&mut self, config: &Config) {
        if config.ssh.lease_s <= 5 {
            let cure = "heartbeats are sent every 5 s, so it must be 6 or more; 30 tolerates a slow network";
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
            let cure = "60 is a good pause; a push asks them anyway";
            self.refuse(&["limits", "inventory_every_s"], title, cure);
        }
        if config.limits.fetch_every_s == 0 {
            let title = "branches cannot be fetched without a pause";
            self.refuse(&["limits", "fetch_every_s"], title, "15 is a good pause");
        }
    }
}
