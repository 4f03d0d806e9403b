//! A message that announces nothing: whether it arrives says whether announcements would. It must never be taken for one of a push: it says
//! what it is, in every form. Called by `pushbutton announce test`.

use super::mail::MailWords;
use super::{clean, html};
use crate::time::At;

/// The message.
#[derive(Clone, Debug)]
pub struct Trial {
    /// Who sends it.
    pub who: String,
    /// When.
    pub at: At,
    /// The address of the page of announcements.
    pub url: String,
}

impl Trial {
    /// What tells it from every other one.
    pub(in crate::announce) fn key(&self) -> String {
        format!("test-{}", self.at.millis())
    }

    /// One clean line.
    pub(in crate::announce) fn line(&self) -> String {
        let words = format!("[pushbutton] {} is testing announcements: this one arrived", clean::short(&self.who, 40));
        clean::irc_line(&words, &[&self.url])
    }

    /// The words of a mail.
    pub(in crate::announce) fn letter(&self) -> MailWords {
        let who = clean::short(&self.who, 40);
        let words = format!("{who} is testing the announcements of Pushbutton: this mail arrived. Nothing was pushed.");
        MailWords {
            subject: format!("[push] test of announcements by {who}"),
            text: format!("{words}\n\n{}\n", self.url),
            html: html::trial(&words, &self.url),
        }
    }
}
