//! ssh as the masters call it: which configuration, which environment, and a host's user and port as words of its argument list. It
//! must never take anything else of ours along. Used by the masters' parts.

use crate::process::Program;
use crate::stack::Host;
use std::path::Path;
use std::time::Duration;

/// How long signing in may take, beyond the ConnectTimeout of 10 s.
pub(super) const SIGN_IN_LIMIT: Duration = Duration::from_secs(20);

/// ssh under our rules, with what it and its agent need to find keys and tickets; nothing else of ours.
pub(super) fn ssh(config: &Path) -> Program {
    let mut ssh = Program::new("ssh").arg("-F").arg(config);
    for name in ["HOME", "USER", "LOGNAME", "SSH_AUTH_SOCK", "KRB5CCNAME"] {
        if let Some(value) = std::env::var_os(name) {
            ssh = ssh.env(name, value);
        }
    }
    ssh
}

/// User and port as words of ssh's argument list.
pub(super) fn words(host: &Host) -> Vec<String> {
    let user = host.user().into_iter().flat_map(|user| ["-l".to_owned(), user.to_owned()]);
    user.chain(host.port().into_iter().flat_map(|port| ["-p".to_owned(), port.to_string()])).collect()
}
