//! What a request is answered when it cannot be done: a status, a code for programs, words for people. It must never
//! show what went wrong inside; that goes to the log. Use [`Problem`] in every handler; the gate draws it as JSON below
//! `/api/` and as a page elsewhere.

use super::faults::Fault;
use super::origin::OwnAddress;
use crate::config::Config;
use crate::desk::{Refusal, Row};
use crate::diagnostic::shown;
use crate::ledger::LedgerError;
use crate::web::view::templates::PageError;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use serde_json::{Map, Value, json};
use std::fmt;
use std::time::Duration;

/// What a handler answers.
pub type Reply = Result<HttpResponse, Problem>;

/// Why a request was not done.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// The status.
    pub status: StatusCode,
    /// For programs.
    pub code: &'static str,
    /// The row of the table that it is: title, cause and cure.
    pub row: &'static Row,
    /// For people: what happened, a phrase without a full stop.
    pub message: String,
    /// What else a program may want to know.
    pub detail: Map<String, Value>,
    /// When it makes sense to try again.
    pub retry_after: Option<Duration>,
    /// What to do about it, where more is known than the row says.
    own_cure: Option<Box<str>>,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, fault: Fault, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            row: fault.row(),
            message: message.into(),
            detail: Map::new(),
            retry_after: None,
            own_cure: None,
        }
    }

    /// There is no such thing, or nobody may know of it.
    pub fn unknown(what: impl fmt::Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, "unknown", Fault::Unknown, format!("{what} does not exist"))
    }

    /// Something is missing in what was sent.
    pub fn missing(why: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", Fault::Missing, why)
    }

    /// What was sent is not what it must be.
    pub fn bad_request(why: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", Fault::BadRequest, why)
    }

    /// Nobody is signed in.
    pub fn nobody() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "signed_out", Fault::SignedOut, "nobody is signed in")
    }

    /// No program has this token.
    pub fn no_token() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "token", Fault::Token, "this token is not valid")
    }

    /// A webhook that is not signed with the secret of its forge.
    pub fn not_signed(forge: &str) -> Self {
        let message = format!("the webhook is not signed with the secret for {forge}");
        Self::new(StatusCode::UNAUTHORIZED, "signature", Fault::Signature, message)
    }

    /// The token may not do this.
    pub fn beyond_scope(why: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "scope", Fault::Scope, why)
    }

    /// The same, with what to do about it.
    pub fn with_cure(self, cure: &str) -> Self {
        Self { own_cure: Some(cure.into()), ..self }
    }

    /// This is for administrators.
    pub fn admins_only(who: impl fmt::Display, admins: &str) -> Self {
        let message = match admins {
            "nobody" => format!("{who} is not an administrator: the server's configuration names none"),
            admins => format!("{who} is not an administrator: only {admins}"),
        };
        Self::new(StatusCode::FORBIDDEN, "admin", Fault::Admin, message)
    }

    /// The request was not sent by a page of ours.
    pub fn foreign() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "foreign",
            Fault::Foreign,
            "the request did not come from a page of Pushbutton, so nothing was done",
        )
    }

    /// The request names another host.
    pub fn misdirected(own: &OwnAddress, named: Option<&str>) -> Self {
        let asked = named.map_or_else(|| "names no host".to_owned(), |named| format!("asks for {}", shown(named)));
        let message = format!("this server answers to {}, and this request {asked}", own.host());
        // nginx's $host has no port.
        let variable = if own.has_own_port { "$host" } else { "$http_host" };
        let cure = format!(
            "open {}; if you did, the proxy in front of this server does not pass the Host header on: for nginx, the line is \
             `proxy_set_header Host {variable};`",
            own.origin()
        );
        let detail = [("asked", json!(named.map(shown))), ("wanted", json!(own.host()))];
        let detail = detail.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let problem = Self::new(StatusCode::MISDIRECTED_REQUEST, "misdirected", Fault::Misdirected, message);
        Self { detail, own_cure: Some(cure.into()), ..problem }
    }

    /// A header says who asks, as a proxy that signs people in writes it.
    pub fn names_a_person(header: impl fmt::Display) -> Self {
        let message = format!(
            "the request names a user in a header ({header}), but this server does not accept sign-in by header"
        );
        let cure = format!("the proxy must not set it: for nginx, the line is `proxy_set_header {header} \"\";`");
        Self { own_cure: Some(cure.into()), ..Self::bad_request(message) }
    }

    /// The address exists, the method does not.
    pub fn wrong_method() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "wrong_method",
            Fault::WrongMethod,
            "this address does not take that method",
        )
    }

    /// The length of the body is not said.
    pub fn no_length() -> Self {
        Self::new(
            StatusCode::LENGTH_REQUIRED,
            "no_length",
            Fault::NoLength,
            "the body must come with its length, not in chunks",
        )
    }

    /// The body is compressed.
    pub fn encoded() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "encoded",
            Fault::Encoded,
            "the body must not be compressed: send it without Content-Encoding",
        )
    }

    /// The body is too long.
    pub fn too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", Fault::TooLarge, "the body is larger than 64 KiB")
    }

    /// The headers, or the address, are too long.
    pub fn headers_too_large() -> Self {
        Self::new(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "too_large",
            Fault::TooLarge,
            "the headers of the request, or its address, are larger than 16 KiB",
        )
    }

    /// The upload is too long.
    pub fn upload_too_large(most: u64) -> Self {
        let message = format!(
            "the build is larger than {} MiB; upload_mib in the server's configuration sets the limit",
            most >> 20
        );
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", Fault::TooLarge, message)
    }

    /// A webhook that is too long.
    pub fn hook_too_large(most: u64) -> Self {
        let message = format!("the webhook is larger than {} MiB", most >> 20);
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", Fault::TooLarge, message)
    }

    /// Others are uploading.
    pub fn uploading() -> Self {
        let busy = Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "busy",
            Fault::Busy,
            "other builds are being uploaded at this moment",
        );
        Self { retry_after: Some(Duration::from_secs(5)), ..busy }
    }

    /// The body did not come in time.
    pub fn too_slow() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "too_slow", Fault::TooSlow, "the request did not come in time")
    }

    /// Done too often.
    pub fn too_often(what: &str, wait: Duration) -> Self {
        let seconds = wait.as_secs() + 1;
        let message = format!("{what} too often; try again in {seconds} s");
        Self {
            retry_after: Some(wait),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, "too_often", Fault::TooOften, message)
        }
    }

    /// The server is busy with the same for others.
    pub fn busy(why: &str) -> Self {
        let wait = Some(Duration::from_secs(2));
        let busy = Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", Fault::Busy, why);
        Self { retry_after: wait, ..busy }
    }

    /// A request with this key is being done.
    pub fn under_way() -> Self {
        let message = "a request with this Idempotency-Key is being done at this moment";
        let wait = Some(Duration::from_secs(1));
        Self { retry_after: wait, ..Self::new(StatusCode::CONFLICT, "under_way", Fault::UnderWay, message) }
    }

    /// Another request had this key.
    pub fn other_request() -> Self {
        let message = "this Idempotency-Key belongs to a request that asked for something else";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "other_request", Fault::OtherRequest, message)
    }

    /// What is asked for is known only when the push has ended.
    pub fn running(push: impl fmt::Display) -> Self {
        let message = format!("push {push} is still running: until it ends, read its events or its log");
        Self::new(StatusCode::CONFLICT, "running", Fault::Running, message)
    }

    /// Something broke that nobody outside can fix; `cause` goes to the log only.
    pub fn broken(cause: impl fmt::Display) -> Self {
        tracing::error!(%cause, "a request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "broken",
            Fault::Broken,
            "internal error; see the server's log. Pushes are not affected",
        )
    }

    /// What an error of the framework means for who asked.
    pub fn of(error: &actix_web::Error) -> Self {
        if let Some(problem) = error.as_error::<Self>() {
            return problem.clone();
        }
        match error.as_response_error().status_code() {
            StatusCode::PAYLOAD_TOO_LARGE => Self::too_large(),
            StatusCode::REQUEST_TIMEOUT => Self::too_slow(),
            StatusCode::NOT_FOUND => Self::unknown("this address"),
            status if status.is_client_error() => Self::bad_request(error.to_string()),
            _ => Self::broken(error),
        }
    }

    /// The same without the places of the server's own files: they are nobody's business over the network. The log has them.
    pub fn without_places(mut self, config: &Config) -> Self {
        let hide = |text: &str| hide_places(text, config);
        self.message = hide(&self.message);
        self.own_cure = self.own_cure.map(|cure| hide(&cure).into());
        for value in self.detail.values_mut() {
            if let Value::String(text) = value {
                *text = hide(text);
            }
        }
        self
    }

    /// What to do about it: a phrase without a full stop.
    pub fn cure(&self) -> &str {
        self.own_cure.as_deref().unwrap_or(self.row.cure)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let (status, code) = match &refusal {
            Refusal::Unknown { .. } => (StatusCode::NOT_FOUND, "unknown"),
            Refusal::NoRight { .. } => (StatusCode::FORBIDDEN, "no_right"),
            Refusal::Locked { .. } | Refusal::CancelFirst { .. } => (StatusCode::CONFLICT, "locked"),
            Refusal::Held { .. } => (StatusCode::CONFLICT, "held"),
            Refusal::Moved { .. } => (StatusCode::CONFLICT, "moved"),
            Refusal::Nothing { .. } => (StatusCode::CONFLICT, "nothing"),
            Refusal::Unapproved { .. } => (StatusCode::CONFLICT, "unapproved"),
            Refusal::BadStack { .. } => (StatusCode::CONFLICT, "bad_stack"),
            Refusal::Taken { .. } => (StatusCode::CONFLICT, "taken"),
            Refusal::Fewer { .. } => (StatusCode::CONFLICT, "fewer"),
            Refusal::NoHosts { .. } => (StatusCode::CONFLICT, "no_hosts"),
            Refusal::BadRequest { .. } => (StatusCode::BAD_REQUEST, "bad_request"),
            Refusal::Unable { .. } => (StatusCode::SERVICE_UNAVAILABLE, "unable"),
        };
        let mut detail = match serde_json::to_value(&refusal) {
            Ok(Value::Object(detail)) => detail,
            _ => Map::new(),
        };
        // These are said of every problem.
        detail.retain(|name, _| name != "code" && name != "case");
        detail.extend(refusal.hint().map(|hint| ("hint".to_owned(), Value::String(hint))));
        let (row, message) = (refusal.case().row(), refusal.to_string());
        Self { status, code, row, message, detail, retry_after: None, own_cure: None }
    }
}

impl From<LedgerError> for Problem {
    fn from(error: LedgerError) -> Self {
        tracing::error!(%error, "the ledger did not answer a request");
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unable",
            Fault::Ledger,
            "the ledger does not answer, so nothing can be shown or done",
        )
    }
}

impl From<PageError> for Problem {
    fn from(error: PageError) -> Self {
        Self::broken(error)
    }
}

/// A text without the places of the server's own files.
pub(crate) fn hide_places(text: &str, config: &Config) -> String {
    let places = [(&config.data, "the data directory"), (&config.stacks, "the directory of stack files")];
    let mut text = text.to_owned();
    for (place, words) in places {
        // Of `/` nothing would be left.
        if let Some(place) = place.to_str().filter(|place| place.starts_with('/') && place.len() > 1) {
            text = text.replace(place, words);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_on_the_network_learns_where_the_servers_files_lie() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config.toml");
        std::fs::write(&file, "url = \"http://127.0.0.1:8090\"\n").unwrap();
        let config = Config::load(&file).unwrap();
        let incoming = config.data.join("incoming/build-x").display().to_string();
        let refusal =
            Refusal::Unable { case: crate::desk::Case::NotKept, why: format!("{incoming}: no space, {incoming}") };
        let problem = Problem::from(refusal).without_places(&config);
        assert!(!format!("{problem:?}").contains(&dir.path().display().to_string()), "{problem:?}");
        assert!(problem.message.contains("the data directory/incoming/build-x: no space"), "{}", problem.message);
    }

    #[test]
    fn a_wrong_name_is_answered_with_both_names_and_the_line_that_mends_it() {
        for (url, named, words) in [
            (
                "https://push.example.com",
                Some("127.0.0.1:8090"),
                "this server answers to push.example.com, and this request asks for 127.0.0.1:8090. open \
                 https://push.example.com; if you did, the proxy in front of this server does not pass the Host header on: \
                 for nginx, the line is `proxy_set_header Host $host;`",
            ),
            (
                "https://push.example.com:8443",
                Some("push.example.com"),
                "this server answers to push.example.com:8443, and this request asks for push.example.com. open \
                 https://push.example.com:8443; if you did, the proxy in front of this server does not pass the Host header \
                 on: for nginx, the line is `proxy_set_header Host $http_host;`",
            ),
            (
                "http://127.0.0.1:8090",
                None,
                "this server answers to 127.0.0.1:8090, and this request names no host. open http://127.0.0.1:8090; if you \
                 did, the proxy in front of this server does not pass the Host header on: for nginx, the line is `proxy_set_header \
                 Host $http_host;`",
            ),
        ] {
            let problem = Problem::misdirected(&OwnAddress::of(url), named);
            assert_eq!(format!("{problem}. {}", problem.cure()), words);
        }
    }
}
