//! The way to a host through its jump host, and why it is closed: a master that stays in the background lets its jump
//! host's ssh say nothing, so that is asked once more, without a master. It must never ask one jump host many times for
//! many hosts. Called by the masters.

use super::failure::is_of_the_way;
use super::inner::Inner;
use super::ssh::{SIGN_IN_LIMIT, ssh, words};
use crate::stack::Host;
use std::path::Path;
use std::time::{Duration, Instant};

/// For so long what a jump host said counts for all hosts behind it.
const COUNTS_FOR: Duration = Duration::from_secs(10);

/// The jump host as words of ssh's argument list. ssh starts another ssh to it with the same configuration, so that its
/// key is checked as strictly. They come before what the operator's file says.
pub(super) fn way(host: &Host) -> Vec<String> {
    host.jump().into_iter().flat_map(|jump| ["-o".to_owned(), format!("ProxyJump={}", jump.jump_word())]).collect()
}

impl Inner {
    /// What ssh said of a host that could not be reached, with what its jump host's ssh has to say.
    pub(super) async fn with_the_way(&self, host: &Host, said: String) -> String {
        if !is_of_the_way(&said) {
            return said;
        }
        let Some(jump) = host.jump() else {
            // The operator's own ProxyJump or ProxyCommand, whichever it is: nobody here knows which hosts share it.
            return ask(&self.config, host).await.ok().filter(|complaint| is_of_the_way(complaint)).unwrap_or(said);
        };
        let mut closed = self.closed.lock().await;
        if let Some((at, words)) = closed.get(jump)
            && at.elapsed() < COUNTS_FOR
        {
            return words.clone();
        }
        let complaint = ask(&self.config, host).await.unwrap_or_default();
        match is_of_the_way(&complaint) {
            false => said,
            // It let us in: what is wrong is behind it.
            true if complaint.contains("stdio forwarding failed") => complaint,
            true => {
                closed.insert(jump.clone(), (Instant::now(), complaint.clone()));
                complaint
            }
        }
    }
}

/// Goes as far as the host's door and says what went wrong.
async fn ask(config: &Path, host: &Host) -> std::io::Result<String> {
    let asked = ssh(config)
        .args(["-T", "-o", "ControlMaster=no", "-o", "ControlPath=none", "-o", "PreferredAuthentications=none"])
        .args(way(host))
        .args(words(host))
        .args(["--", host.address(), "true"]);
    Ok(String::from_utf8_lossy(&asked.output(SIGN_IN_LIMIT).await?.stderr).into_owned())
}
