//! Why a server did not do as asked, in the words of its answer. It must never show the token that the request had, nor follow where an
//! answer leads.

use super::target::Elsewhere;
use crate::client::site::Site;
use crate::desk::Refusal;
use serde_json::Value;
use std::collections::BTreeMap;

/// Why a server did not do as asked.
#[derive(Debug, thiserror::Error)]
#[error("{message}{}", hint.as_ref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default())]
pub struct Refused {
    message: String,
    hint: Option<String>,
    problem: Option<String>,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self { message: refusal.to_string(), hint: Some(refusal.cure().to_owned()), problem: None }
    }
}

impl Refused {
    /// What an answer says that is no good one; of a server on another machine also what of it is ours to change.
    pub(super) fn of(
        elsewhere: Option<&Elsewhere>,
        status: u16,
        headers: &BTreeMap<String, String>,
        text: &str,
    ) -> Self {
        let answer: Value = serde_json::from_str(text).unwrap_or_default();
        let error = &answer["error"];
        let Some(message) = error["message"].as_str() else { return Self::without_words(elsewhere, status, headers) };
        let cure = error["cure"].as_str();
        let command = error["hint"].as_str().map(str::to_owned);
        let hint = match (cure, command) {
            (Some(cure), Some(command)) => Some(format!("{command}\nhint: {cure}")),
            (cure, command) => command.or_else(|| cure.map(str::to_owned)),
        };
        // Which token it was that is not known, or may not do it.
        let token = elsewhere.filter(|_| matches!(status, 401 | 403)).map(|elsewhere| &elsewhere.token_from);
        let of_token = token.map(|from| format!(" (the token of {from})")).unwrap_or_default();
        Self { message: format!("{message}{of_token}"), hint, problem: Some(answer.to_string()) }
    }

    /// What the server said of it, for programs.
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// An answer that is not one of Pushbutton's own.
    fn without_words(elsewhere: Option<&Elsewhere>, status: u16, headers: &BTreeMap<String, String>) -> Self {
        let Some(elsewhere) = elsewhere else {
            return Self { message: format!("the server answered {status}"), hint: None, problem: None };
        };
        let named = elsewhere.named();
        match headers.get("location").and_then(|location| Site::of_redirect(location)) {
            Some(site) if (300..400).contains(&status) => Self {
                message: format!("{named} leads to {}, where the token is not sent", site.origin()),
                hint: Some(format!("if that is the server: --server {}", site.origin())),
                problem: None,
            },
            Some(_) | None => Self {
                message: format!("{named} answered {status}, not in the words of a Pushbutton server"),
                hint: Some("is that its address, and does the proxy before it reach it?".to_owned()),
                problem: None,
            },
        }
    }
}
