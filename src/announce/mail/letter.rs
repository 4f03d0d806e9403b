//! A mail before it is addressed: its key, its thread, its words. It must never hold a header that is not made of typed values.

use crate::announce::words;
use crate::ledger::outbox::{Announced, Moment};
use lettre::message::header::{Header, HeaderName, HeaderValue};
use std::error::Error;

/// A mail, before it is addressed.
pub(super) struct Letter {
    /// What tells a repeat.
    pub key: String,
    /// The key of the mail that began the thread.
    pub replies_to: Option<String>,
    pub words: words::MailWords,
}

impl Letter {
    pub(super) fn of(announced: &Announced) -> Self {
        let replies_to = match announced {
            Announced::Push(announcement) if announcement.event != Moment::Started => {
                Some(format!("push-{}-{}", announcement.push.id, Moment::Started.name()))
            }
            Announced::Push(_) | Announced::Stage(_) | Announced::Week(_) => None,
        };
        Self { key: announced.key(), replies_to, words: words::letter_of(announced) }
    }
}

/// Says that no person wrote the mail, so that no absence notice answers it (RFC 3834).
#[derive(Clone)]
pub(super) struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_text: &str) -> Result<Self, Box<dyn Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}
