//! A release that another host gives: the host that wants it fetches it by rsync over ssh of its own, under its guard, with
//! lock and fence like all else; so that who feeds needs to be read only. What comes is believed when it is verified.
//! It must never accept a host key that the push host does not know, and never forward an agent. Called by the release.

use super::{REVISION, Visit};
use crate::remote::Ending;
use crate::remote::guard::far;
use crate::remote::masters::Address;
use crate::remote::masters::settings::STRICT;
use crate::remote::transfer::{self, Compression, names};
use crate::stack::{BuildId, Relay};
use std::fmt::Write as _;

/// A host that holds the verified release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its name, for people.
    pub name: String,
    /// Where it is, and by which keys it is known.
    pub address: Address,
    /// How hosts sign in to each other.
    pub relay: Relay,
}

/// Where the bytes of a release come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The push host.
    PushHost,
    /// Another host.
    Peer(Box<Peer>),
}

/// Why the copy of a release from another host was in vain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CopyFault {
    /// rsync failed, with this code.
    Failed(i32),
    /// What it gave is not the build.
    Mismatch,
}

/// What rsync has in common with a transfer from the push host.
const ALWAYS: [&str; 7] =
    ["-rlpt", "--no-owner", "--no-group", "--delay-updates", "--timeout=60", names::OUT_FORMAT, "--info=stats1"];

/// Runs rsync with the arguments of the environment, and with an ssh that knows one host only.
pub(super) const FETCH: &str = r#"set -eu
umask 077
mkdir -p -- "$HOME/.pushbutton"; cd -- "$HOME/.pushbutton"
find . -maxdepth 1 -name 'peer.*' -mmin +1440 -exec rm -rf -- {} +
d=$(mktemp -d peer.XXXXXX)
trap 'rm -rf -- "$d"' EXIT; trap 'exit 143' HUP INT TERM
printf '%s' "$PUSH_PEER_CONFIG" >"$d/config"; printf '%s' "$PUSH_PEER_KEYS" >"$d/keys"
umask 022
unset RSYNC_RSH RSYNC_PROXY RSYNC_CONNECT_PROG RSYNC_ICONV RSYNC_OLD_ARGS RSYNC_PROTECT_ARGS PUSH_PEER_CONFIG PUSH_PEER_KEYS
i=1; set --
while [ "$i" -le "$PUSH_ARGUMENTS" ]; do eval "set -- \"\$@\" \"\$PUSH_ARGUMENT_$i\""; i=$((i + 1)); done
rsync -e "ssh -F $d/config -o UserKnownHostsFile=$d/keys" "$@"
"#;

/// What holds between hosts besides [`STRICT`]: no key of the host's own list, no connection that outlives the transfer.
const OURS: &str = "\
  GlobalKnownHostsFile /dev/null
  ControlMaster no
  ControlPath none
  LogLevel ERROR
";

impl Peer {
    /// The ssh configuration of the host that fetches.
    fn config(&self) -> String {
        let Address { hostname, port, user, alias, .. } = &self.address;
        let user = self.relay.user.as_ref().unwrap_or(user);
        // `%` begins a token there; the address of a link has one.
        let hostname = hostname.replace('%', "%%");
        let mut text = format!("Host *\n  HostName {hostname}\n  Port {port}\n  User {user}\n{STRICT}{OURS}");
        // Writing to a String cannot fail.
        if let Some(alias) = alias {
            let _ = writeln!(text, "  HostKeyAlias {alias}");
        }
        if let Some(key) = &self.relay.key {
            let _ = writeln!(text, "  IdentityFile {key}\n  IdentitiesOnly yes");
        }
        if let Some(agent) = &self.relay.agent {
            let _ = writeln!(text, "  IdentityAgent {agent}");
        }
        // What the operator says on the hosts: keys, jump hosts.
        text.push_str("  Include ~/.ssh/config\n  Include /etc/ssh/ssh_config\n");
        text
    }
}

impl Visit<'_> {
    /// Fetches the build from another host, which holds it verified, into its place here.
    pub(super) async fn fetch(&self, peer: &Peer, live: Option<&BuildId>, more: &[&str]) -> Ending {
        let Some(release) = self.release else { return Ending::Refused("no release to upload".to_owned()) };
        let path = format!("{}/releases/{}/", release.dir, self.build.id);
        let ask = async |way: Compression| {
            let mut arguments: Vec<String> = ALWAYS.iter().chain(more).map(|word| (*word).to_owned()).collect();
            arguments.extend(self.options(live));
            // What the other host has linked in is its own.
            arguments.extend(release.shared_names().map(|shared| format!("--exclude=/{}", shared.name)));
            arguments.extend(way.options());
            // A host that gives nothing but releases away (rrsync) must see what is asked for; a plain path needs no cover.
            arguments.extend((!is_plain(&path)).then(|| "-s".to_owned()));
            arguments.extend(["--".to_owned(), format!("{}:{path}", plain(&peer.name)), path.clone()]);
            let mut task = self.task(FETCH);
            task.values.extend(transfer::values(&arguments, way));
            task.values.insert("PUSH_PEER_CONFIG".to_owned(), peer.config());
            task.values.insert("PUSH_PEER_KEYS".to_owned(), peer.address.keys.clone());
            names::bounded(self.lines, async |lines| far(self.on, task, lines).await).await
        };
        match Compression::of(release.compress) {
            Compression::Plain => ask(Compression::Plain).await,
            Compression::Compressed => {
                let ending = ask(Compression::Compressed).await;
                if ending == Ending::Exited(transfer::UNSUPPORTED) { ask(Compression::Plain).await } else { ending }
            }
        }
    }

    /// What a transfer of a release has, wherever it comes from.
    pub(super) fn options(&self, live: Option<&BuildId>) -> Vec<String> {
        let mut options = vec!["--delete".to_owned(), format!("--exclude=/{REVISION}")];
        options.extend(live.map(|live| format!("--link-dest=../{live}")));
        options
    }
}

/// A name that rsync does not cut at a colon; where the host is, our ssh configuration says.
fn plain(name: &str) -> String {
    name.replace(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '_', "-")
}

fn is_plain(path: &str) -> bool {
    path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-+@,=:".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_told_where_the_other_is_and_nothing_loosens_it() {
        let address = Address {
            hostname: "10.0.0.7".to_owned(),
            port: "2222".to_owned(),
            user: "push".to_owned(),
            alias: None,
            keys: "[10.0.0.7]:2222 ssh-ed25519 AAAA\n".to_owned(),
        };
        let relay = Relay { key: Some("~/.ssh/relay".to_owned()), user: Some("feed".to_owned()), ..Relay::default() };
        let of_the_link = Address { hostname: "fe80::7%eth0".to_owned(), ..address.clone() };
        let config = Peer { name: "web8".to_owned(), address: of_the_link, relay: relay.clone() }.config();
        assert!(config.contains("  HostName fe80::7%%eth0\n"), "{config}");
        let config = Peer { name: "web7".to_owned(), address, relay }.config();
        assert!(config.starts_with("Host *\n  HostName 10.0.0.7\n  Port 2222\n  User feed\n"), "{config}");
        let ours = config.find("StrictHostKeyChecking yes").unwrap();
        assert!(ours < config.find("Include").unwrap() && config.contains("  IdentityFile ~/.ssh/relay\n"), "{config}");
    }
}
