//! The listener for a proxy that signs people in: on it alone a header says who asks, and every request says it anew; there are no sessions.
//! It must never take a header that someone behind the proxy could have written: one that is there twice, one of a like name, one that
//! `Connection` takes away. Called by the server and the gate.

use super::caller::{Caller, Proof, SEEN_EVERY_MS, groups_of, note_seen};
use crate::config::{Config, ProxyListen};
use crate::ledger::{LedgerResult, accounts};
use crate::socket::{self, Listening};
use crate::stack::{Access, BadName, Member, Who};
use crate::time::At;
use crate::web::app::App;
use crate::web::http::door::DoorSign;
use crate::web::http::problem::Problem;
use actix_web::HttpRequest;
use actix_web::http::header::{CONNECTION, HeaderMap};
use std::io;
use std::net::TcpListener;
use std::time::Instant;

/// Groups of one person, at most.
const MOST_GROUPS: usize = 500;

/// The proxy's own listener.
pub enum Door {
    /// A Unix socket.
    Socket(Listening),
    /// An address of this machine.
    Address(TcpListener),
}

impl Door {
    /// Opens the door, where the server's file has one.
    ///
    /// # Errors
    /// What the system said.
    pub fn open(config: &Config) -> io::Result<Option<Self>> {
        let Some(proxy) = config.proxy.as_ref().filter(|_| config.auth.mode.believes_a_proxy()) else {
            return Ok(None);
        };
        let listen = proxy.listen().map_err(|(title, _)| io::Error::other(title))?;
        let named = |at: String| {
            move |error: io::Error| io::Error::new(error.kind(), format!("cannot listen on {at}: {error}"))
        };
        match listen {
            ProxyListen::Socket(path, mode) => {
                let listening = socket::listen_for(&path, mode).map_err(named(path.display().to_string()))?;
                Ok(Some(Self::Socket(listening)))
            }
            ProxyListen::Address(address) => {
                Ok(Some(Self::Address(TcpListener::bind(address).map_err(named(address.to_string()))?)))
            }
        }
    }

    /// How a connection through it is known.
    ///
    /// # Errors
    /// What the system said.
    pub fn sign(&self) -> io::Result<DoorSign> {
        match self {
            Self::Socket(listening) => Ok(DoorSign::Socket(listening.address().to_owned())),
            Self::Address(listener) => Ok(DoorSign::Address(listener.local_addr()?)),
        }
    }
}

/// A header of a request that says who asks, or would to another reader, by its name.
pub fn says_who(config: &Config, headers: &HeaderMap) -> Option<String> {
    let ours: Vec<String> = config.proxy.iter().flat_map(|proxy| proxy.headers()).collect();
    let found = headers.keys().find(|name| ours.contains(&name.as_str().replace('_', "-")));
    found.map(|name| name.as_str().to_owned())
}

/// Who asks through the door; nobody where the proxy says nobody.
///
/// # Errors
/// When what it says could be somebody else's, or is no name.
pub async fn caller_of(app: &App, request: &HttpRequest) -> Result<Option<Caller>, Problem> {
    let Some(proxy) = &app.desk.config().proxy else { return Ok(None) };
    let headers = request.headers();
    for name in proxy.headers() {
        refuse_tricks(headers, &name)?;
    }
    let said = |name: &str| headers.get(name).map(|value| value.to_str().map_err(|_| bad(name, "it is not text")));
    let Some(name) = said(&proxy.user_header).transpose()? else { return Ok(None) };
    let who: Who = name.parse().map_err(|why: BadName| bad(&proxy.user_header, &why.to_string()))?;
    let groups = proxy.groups_header.as_deref().and_then(said).transpose()?.unwrap_or_default();
    let groups = groups.split(',').map(str::trim).filter(|group| !group.is_empty()).take(MOST_GROUPS);
    let groups: Vec<String> = groups.map(str::to_owned).collect();
    note(app, &who, &groups).await?;
    let groups = groups_of(groups.iter().map(String::as_str));
    let access = Access::of_person(app.desk.rights(), Member { who: who.clone(), groups });
    Ok(Some(Caller { who, full_name: None, proof: Proof::Proxy(Instant::now()), access }))
}

/// Writes down what the proxy says of a person, for their programs: when it is something else, and every few minutes.
async fn note(app: &App, who: &Who, groups: &[String]) -> LedgerResult<()> {
    let (now, asked) = (At::now(), who.clone());
    let known = app.desk.ledger().read(move |connection| accounts::find(connection, &asked)).await?;
    let is_new =
        known.is_none_or(|account| account.groups != groups || now.millis_since(account.confirmed_at) >= SEEN_EVERY_MS);
    if is_new {
        let (who, groups) = (who.clone(), groups.to_vec());
        note_seen(app, move |tx| accounts::confirm(tx, &who, &groups, now));
    }
    Ok(())
}

/// A header that is there twice, under a like name, or that `Connection` takes away on the way: then it is not the proxy's, or not its
/// alone.
fn refuse_tricks(headers: &HeaderMap, name: &str) -> Result<(), Problem> {
    if headers.get_all(name).count() > 1 {
        return Err(bad(name, "it is there twice"));
    }
    if let Some(like) = headers.keys().find(|key| key.as_str() != name && key.as_str().replace('_', "-") == name) {
        return Err(bad(like.as_str(), "its name is like that of the proxy's header"));
    }
    let mut options = headers.get_all(CONNECTION).flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    if options.any(|option| option.trim_ascii().eq_ignore_ascii_case(name.as_bytes())) {
        return Err(bad(name, "the header Connection names it"));
    }
    Ok(())
}

fn bad(header: &str, why: &str) -> Problem {
    let cure = "the proxy must set it to one value of its own, and remove what browsers send under that name";
    Problem::bad_request(format!("the header {header}, which says who asks, is not accepted: {why}")).with_cure(cure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::{HeaderName, HeaderValue};

    #[test]
    fn a_header_that_is_not_the_proxys_alone_is_refused() {
        let tried = |lines: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
            refuse_tricks(&headers, "x-remote-user").is_ok()
        };
        assert!(tried(&[]));
        assert!(tried(&[("x-remote-user", "mary"), ("connection", "close, x-other"), ("x-remote-users", "x")]));
        for lines in [
            &[("x-remote-user", "mary"), ("x-remote-user", "mary")][..],
            &[("x-remote-user", "mary"), ("x_remote_user", "eve")],
            &[("x_remote-user", "eve")],
            &[("x-remote-user", "mary"), ("connection", "close, X-Remote-User")],
            &[("connection", "x-remote-user")],
            &[("x-remote-user", "mary"), ("connection", "close"), ("connection", "\tX-REMOTE-USER ")],
        ] {
            assert!(!tried(lines), "{lines:?}");
        }
    }
}
