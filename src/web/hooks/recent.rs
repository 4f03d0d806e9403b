//! What webhooks share: their secrets, and what came lately, so that who kept one and sends it again moves nothing. It must never grow
//! without bound.

use crate::config::{Chat, Config, Forge, Secret};
use crate::time::At;
use sha2::{Digest, Sha256};
use std::collections::VecDeque;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// The same again within this time is a repetition; later the repository is looked at once more.
const REMEMBERED: Duration = Duration::from_secs(600);
/// So many are remembered.
const MOST: usize = 2_000;
/// Bodies that are read at once: each may be as long as they may be.
const AT_ONCE: usize = 8;

/// The webhooks of this server.
pub struct Hooks {
    secrets: Vec<(Forge, Secret)>,
    slack: Option<Secret>,
    lately: Mutex<VecDeque<(Instant, [u8; 32])>>,
    /// Since when this server remembers what came.
    pub remembers_since: At,
    /// Turns to send a body.
    pub turns: Semaphore,
}

impl Hooks {
    /// Those that the server's file names.
    ///
    /// # Errors
    /// When a secret cannot be read.
    pub fn of(config: &Config) -> io::Result<Self> {
        let mut secrets = Vec::new();
        for forge in Forge::ALL {
            let Some(name) = config.hooks.secret_of(forge) else { continue };
            let secret = name.read().map_err(io::Error::other)?.ok_or(io::ErrorKind::NotFound)?;
            secrets.push((forge, secret));
        }
        let slack = match config.chat.as_ref().and_then(Chat::slack_secret) {
            Some(name) => Some(name.read().map_err(io::Error::other)?.ok_or(io::ErrorKind::NotFound)?),
            None => None,
        };
        Ok(Self {
            secrets,
            slack,
            lately: Mutex::default(),
            remembers_since: At::now(),
            turns: Semaphore::new(AT_ONCE),
        })
    }

    /// The secret of a forge; none where it has no webhook here.
    pub fn secret(&self, forge: Forge) -> Option<&Secret> {
        self.secrets.iter().find(|(of, _)| *of == forge).map(|(_, secret)| secret)
    }

    /// The signing secret of Slack's app; none where there is no slash command.
    pub fn slack(&self) -> Option<&Secret> {
        self.slack.as_ref()
    }

    /// Whether the same came lately; from now on it did. Who sends it may choose the headers, so that the body alone counts.
    pub fn is_repeated(&self, forge: Forge, body: &[u8], now: Instant) -> bool {
        self.is_known(forge.word(), body, now)
    }

    /// The same of what anybody sends.
    pub fn is_known(&self, of: &str, bytes: &[u8], now: Instant) -> bool {
        let hash: [u8; 32] = Sha256::new().chain_update(of).chain_update([0]).chain_update(bytes).finalize().into();
        let mut lately = self.lately.lock().unwrap_or_else(PoisonError::into_inner);
        while lately.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) >= REMEMBERED) {
            lately.pop_front();
        }
        if lately.iter().any(|(_, known)| *known == hash) {
            return true;
        }
        if lately.len() >= MOST {
            lately.pop_front();
        }
        lately.push_back((now, hash));
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_body_is_a_repetition_for_ten_minutes_and_what_is_remembered_has_an_end() {
        let hooks = Hooks {
            secrets: Vec::new(),
            slack: None,
            lately: Mutex::default(),
            remembers_since: At::now(),
            turns: Semaphore::new(1),
        };
        let now = Instant::now();
        assert!(!hooks.is_repeated(Forge::GitHub, b"one", now));
        assert!(hooks.is_repeated(Forge::GitHub, b"one", now + Duration::from_secs(599)));
        assert!(!hooks.is_repeated(Forge::Gitea, b"one", now), "another forge");
        assert!(!hooks.is_repeated(Forge::GitHub, b"one", now + Duration::from_secs(600)));
        for number in 0..2 * MOST {
            hooks.is_repeated(Forge::GitHub, &number.to_be_bytes(), now);
        }
        assert_eq!(hooks.lately.lock().unwrap().len(), MOST);
    }
}
