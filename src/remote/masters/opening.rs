//! Opening a master: one handshake with a host, behind a jump host where it has one. It must never take longer than someone
//! who waits for it can bear, nor leave a half-opened one behind. Called by the masters, under the host's lock.

use super::failure::{self, Failure};
use super::inner::Inner;
use super::keys;
use super::ssh::{SIGN_IN_LIMIT, ssh, words};
use super::way::way;
use crate::stack::Host;
use std::path::Path;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

/// How long ssh's last words may take after it has gone.
const LAST_WORDS_LIMIT: Duration = Duration::from_millis(200);

/// How long a host that was not heard lately has for its banner, in seconds, and for all of the handshake.
const SHORT: (u32, Duration) = (5, Duration::from_secs(8));

/// How long a handshake may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// As long as a slow host needs.
    Long,
    /// Someone waits, and the host has not answered in its last tries.
    Short,
}

impl Inner {
    /// Opens a master behind `socket`.
    pub(super) async fn open_master(&self, host: &Host, socket: &Path, patience: Patience) -> Result<(), Failure> {
        let _room = self.handshakes.begin().await.map_err(|error| Failure::no_lock(&self.dir, &error))?;
        let (more, limit) = match patience {
            Patience::Long => (Vec::new(), SIGN_IN_LIMIT),
            Patience::Short => (vec!["-o".to_owned(), format!("ConnectTimeout={}", SHORT.0)], SHORT.1),
        };
        let ssh = ssh(&self.config).args(["-M", "-N", "-f", "-S"]).arg(socket).args(more).args(way(host));
        let mut child = match ssh.args(words(host)).arg("--").arg(host.address()).start() {
            Ok(child) => child,
            Err(error) => return Err(Failure::no_ssh(&error)),
        };
        let mut said = Vec::new();
        let stderr = child.stderr.take();
        let signing_in = async {
            let reading = async {
                if let Some(stderr) = stderr {
                    // Enough for any complaint of ssh.
                    let _ = stderr.take(64 * 1024).read_to_end(&mut said).await;
                }
            };
            tokio::pin!(reading);
            tokio::select! {
                () = &mut reading => child.wait().await,
                status = child.wait() => {
                    // A master of an old ssh keeps the stream open in the background: what is there already is enough.
                    let _ = timeout(LAST_WORDS_LIMIT, reading).await;
                    status
                }
            }
        };
        let status = timeout(limit, signing_in).await;
        match status {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(_) => {
                let said = self.with_the_way(host, String::from_utf8_lossy(&said).into_owned()).await;
                let failure = Failure::from_ssh(host, &said);
                match failure::is_of_keys(&said) {
                    true => Err(failure.because(keys::wrong(&self.config, host).await)),
                    false => Err(failure),
                }
            }
            Err(_) => Err(Failure::silent(host)),
        }
    }
}
