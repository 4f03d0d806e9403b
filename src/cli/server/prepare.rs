//! Can the server run with this file, on this machine? One function that `check` and `serve` both call, so that what the one
//! finds the other refuses, in the same words: the file's text, secrets, ssh's configuration, directories, the address to
//! listen on. It must never make, change or lock anything, and never stop at the first mistake.

use crate::advice::Advice;
use crate::config::{Config, ConfigError, Draft, Forge, Proxy, ProxyListen};
use crate::desk::{self, DeskError};
use crate::ledger;
use crate::process::Program;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::time::Duration;
use tokio::net::TcpSocket;

/// ssh reads a few files; a `Match exec` of the operator's may take a moment.
const SSH_LIMIT: Duration = Duration::from_secs(10);

/// An address, so that ssh asks no DNS to make its name whole.
const ANY_HOST: &str = "127.0.0.1";

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum For {
    /// A person who wants to know.
    Check,
    /// The server, which will open the ledger itself and say the same of it.
    Serve,
}

/// Looks at the file, and at everything on this machine that it speaks of.
///
/// # Errors
/// When the file cannot be read, or is not TOML.
pub async fn prepare(path: &Path, asker: For) -> Result<Draft, ConfigError> {
    let mut draft = Draft::read(path)?;
    let config = draft.config().clone();
    look_at_secrets(&mut draft, &config);
    look_at_client_secret(&mut draft, &config);
    look_at_hooks(&mut draft, &config);
    look_at_slack(&mut draft, &config);
    look_at_ssh(&mut draft, &config).await;
    look_at_directories(&mut draft, &config, asker);
    look_at_listen(&mut draft, &["listen"], config.listen);
    if let Some(metrics) = config.metrics {
        look_at_listen(&mut draft, &["metrics", "listen"], metrics.listen);
    }
    match config.proxy.as_ref().map(Proxy::listen) {
        Some(Ok(ProxyListen::Address(address))) => look_at_listen(&mut draft, &["proxy", "listen"], address),
        Some(Ok(ProxyListen::Socket(path, _))) => look_at_socket(&mut draft, &path),
        // What is wrong with the text is told already.
        Some(Err(_)) | None => {}
    }
    Ok(draft)
}

/// Whether a socket can be made there: its directory is there, and nothing else has its name.
fn look_at_socket(draft: &mut Draft, path: &Path) {
    let (shown, dir) = (path.display(), path.parent().unwrap_or(path));
    if !dir.is_dir() {
        let title = format!("cannot make {shown}: there is no directory {}", dir.display());
        let cure = "make it for the server's user and the proxy's group; for systemd: RuntimeDirectory=pushbutton";
        draft.refuse(&["proxy", "listen"], title, Some(cure.to_owned()));
    } else if std::fs::symlink_metadata(path).is_ok_and(|meta| !meta.file_type().is_socket()) {
        let title = format!("{shown} is there, and no socket");
        draft.refuse(&["proxy", "listen"], title, Some("name a file that is not there yet".to_owned()));
    }
}

fn look_at_secrets(draft: &mut Draft, config: &Config) {
    for channel in &config.channels {
        for (key, secret) in channel.settings.secrets() {
            // Two places are a mistake of the text, and told as one.
            let one = secret.password_file.is_none() || secret.password_env.is_none();
            if let (Err(why), true) = (secret.read(), one) {
                let path: Vec<&str> = channel.path.iter().map(String::as_str).chain([key]).collect();
                draft.refuse(&path, why.to_string(), Some(why.cure()));
            }
        }
    }
}

/// The secrets of webhooks.
fn look_at_hooks(draft: &mut Draft, config: &Config) {
    for forge in Forge::ALL {
        let Some(secret) = config.hooks.secret_of(forge) else { continue };
        if let Err(why) = secret.read() {
            draft.refuse(&["hooks", forge.key()], why.to_string(), Some(why.cure()));
        }
    }
}

/// The signing secret of Slack's app.
fn look_at_slack(draft: &mut Draft, config: &Config) {
    if let Some(Err(why)) = config.chat.as_ref().and_then(crate::config::Chat::slack_secret).map(|secret| secret.read())
    {
        draft.refuse(&["chat", "slack_secret_file"], why.to_string(), Some(why.cure()));
    }
}

/// The secret of the client at a provider of accounts.
fn look_at_client_secret(draft: &mut Draft, config: &Config) {
    let Some(oidc) = &config.oidc else { return };
    let (secret, one) = (oidc.secret(), oidc.client_secret_file.is_none() || oidc.client_secret_env.is_none());
    if let (Err(why), true) = (secret.read(), one) {
        draft.refuse(&["oidc", oidc.secret_key()], why.to_string(), Some(why.cure()));
    }
}

/// Has ssh itself read its configuration; it connects to nobody.
async fn look_at_ssh(draft: &mut Draft, config: &Config) {
    let mut program = Program::new("ssh").arg("-G");
    if let Some(file) = &config.ssh.config {
        if let Err(error) = std::fs::File::open(file) {
            let cure = "give ssh's configuration for pushes, or remove the key: then the default files are read";
            draft.refuse(&["ssh", "config"], format!("cannot read {}: {error}", file.display()), Some(cure.to_owned()));
            return;
        }
        program = program.arg("-F").arg(file);
    }
    let (title, cure) = match program.args(["--", ANY_HOST]).output(SSH_LIMIT).await {
        Ok(said) if said.status.success() => return,
        Ok(said) => {
            let said = Advice::of(&String::from_utf8_lossy(&said.stderr), &[], &[]);
            (
                format!("ssh does not accept its configuration: {}", said.words()),
                "fix that line; `ssh -G HOST` tests it",
            )
        }
        Err(error) => (format!("ssh cannot be run: {error}"), "install OpenSSH's client on this machine"),
    };
    draft.refuse(&["ssh", "config"], title, Some(cure.to_owned()));
}

fn look_at_directories(draft: &mut Draft, config: &Config, asker: For) {
    let mut found = desk::look(config);
    if asker == For::Check && !found.iter().any(|error| matches!(error, DeskError::Data { .. })) {
        found.extend(ledger::look(&desk::ledger_in(&config.data)).err().map(DeskError::Ledger));
    }
    for error in found {
        draft.refuse(&[error.key()], error.to_string(), error.cure());
    }
}

/// Whether this machine lets us have the address. That someone listens there already is for the server to find: it may be
/// the very server that runs. Nobody who listens or is about to is disturbed: the socket never listens.
fn look_at_listen(draft: &mut Draft, key: &[&str], listen: SocketAddr) {
    let socket = if listen.is_ipv6() { TcpSocket::new_v6() } else { TcpSocket::new_v4() };
    let bound = socket.and_then(|socket| {
        socket.set_reuseaddr(true)?;
        socket.bind(listen)
    });
    match bound {
        Err(error) if error.kind() != ErrorKind::AddrInUse => {
            draft.refuse(key, cannot_listen(listen, &error), Some(listen_cure(listen, &error)));
        }
        Ok(()) | Err(_) => {}
    }
}

/// Why the server cannot listen.
pub fn cannot_listen(listen: SocketAddr, error: &std::io::Error) -> String {
    format!("cannot listen on {listen}: {error}")
}

/// What to do about it.
#[expect(clippy::wildcard_enum_match_arm, reason = "the system's kinds of errors are not ours")]
pub fn listen_cure(listen: SocketAddr, error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::AddrInUse => {
            format!(
                "another program listens there: `ss -ltnp 'sport = :{}'` shows which; end it, or choose another port",
                listen.port()
            )
        }
        ErrorKind::AddrNotAvailable => {
            "this machine does not have that address; `ip addr` shows which it has".to_owned()
        }
        ErrorKind::PermissionDenied => {
            "ports below 1024 are for root: listen on 127.0.0.1:8090, behind a proxy that has the port".to_owned()
        }
        _ => "choose another address: listen = \"127.0.0.1:8090\"".to_owned(),
    }
}
