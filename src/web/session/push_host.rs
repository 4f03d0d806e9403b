//! The door for the command line: a Unix socket in the data directory, `data/admin.sock`. That directory is 0700, so who
//! connects is the server's own user or root, and may do what any person may; who they are is believed from one header,
//! on this socket alone. What they change is in the audit with the user id that the kernel knows them by.
//! It must never be asked by a browser: nothing but the API is there. Called by the server and the gate.

use super::caller::{Caller, Proof};
use crate::stack::{Access, Who};
use crate::web::app::App;
use crate::web::http::door::came_to;
use crate::web::http::problem::Problem;
use actix_web::HttpRequest;
use actix_web::dev::{Extensions, ServiceRequest};
use actix_web::http::Method;
use actix_web::http::header::{COOKIE, HeaderMap, HeaderName};
use actix_web::rt::net::UnixStream;
use std::any::Any;
use std::path::{Path, PathBuf};

/// Says who asks; on the network its mere presence is refused.
pub const WHO_NAME: &str = "x-pushbutton-who";
const WHO: HeaderName = HeaderName::from_static(WHO_NAME);

/// The socket of a data directory.
pub fn socket_in(data: &Path) -> PathBuf {
    data.join("admin.sock")
}

/// Who is at the other end of a connection through the socket, as the kernel says.
#[derive(Clone, Copy, Debug)]
struct Peer {
    user: u32,
    process: Option<i32>,
}

/// Marks a connection that came through the socket; leaves all others alone.
pub fn greet(connection: &dyn Any, extensions: &mut Extensions, socket: &Path) {
    let Some(stream) = connection.downcast_ref::<UnixStream>().filter(|_| came_to(connection, socket)) else { return };
    // It cannot fail on a connected socket; without it nobody is let in.
    if let Ok(peer) = stream.peer_cred() {
        extensions.insert(Peer { user: peer.uid(), process: peer.pid() });
    }
}

/// Whether the request came through the socket.
pub fn is_here(request: &HttpRequest) -> bool {
    request.conn_data::<Peer>().is_some()
}

/// Who asks through the socket. What they are about to change is in the audit before it is done, unless the ledger cannot be
/// written: then as soon as it can.
///
/// # Errors
/// When the request is not the command line's, or names nobody.
pub async fn caller_of(app: &App, request: &ServiceRequest) -> Result<Caller, Problem> {
    let peer = request.conn_data::<Peer>().copied().ok_or_else(Problem::nobody)?;
    let headers = request.headers();
    if !request.path().starts_with("/api/") || headers.contains_key(COOKIE) {
        return Err(Problem::bad_request("only the API is available here, and cookies are ignored"));
    }
    let who = who_of(headers)?;
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let process = peer.process.map_or(String::new(), |process| format!(", process {process}"));
        let path: String = request.path().chars().filter(|c| !c.is_control()).take(300).collect();
        let audit_text = format!("{} {path} by user {} of the push host{process}", request.method(), peer.user);
        // A ledger that takes no note takes no change either; what needs none, as a cancel, must not wait for it.
        app.desk.note(&who, "command line", &path, audit_text).await;
    }
    let access = Access::of_push_host(app.desk.rights(), who.clone());
    Ok(Caller { who, full_name: None, proof: Proof::PushHost, access })
}

fn who_of(headers: &HeaderMap) -> Result<Who, Problem> {
    let mut names = headers.get_all(&WHO);
    let (Some(name), None) = (names.next(), names.next()) else {
        return Err(Problem::bad_request(format!("give your name once, in {WHO}")));
    };
    let name = name.to_str().map_err(|_| Problem::bad_request(format!("{WHO} is not text")))?;
    name.parse().map_err(|bad: crate::stack::BadName| Problem::bad_request(bad.to_string()))
}
