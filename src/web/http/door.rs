//! The mark of a connection that came through the listener for a proxy that signs people in. It must never be put on one that came another
//! way. Called by the server for each connection, and wherever it counts which way a request came.

use actix_web::HttpRequest;
use actix_web::dev::Extensions;
use actix_web::rt::net::{TcpStream, UnixStream};
use std::any::Any;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// How a connection through the door is known.
#[derive(Clone, Debug)]
pub enum DoorSign {
    /// By the socket that it came to.
    Socket(PathBuf),
    /// By the address that it came to.
    Address(SocketAddr),
}

/// Marks a connection that came through the door.
#[derive(Clone, Copy, Debug)]
struct ThroughDoor;

/// Marks a connection that came through the door; leaves all others alone.
pub fn greet(connection: &dyn Any, extensions: &mut Extensions, sign: &DoorSign) {
    let is_here = match sign {
        DoorSign::Socket(path) => came_to(connection, path),
        DoorSign::Address(address) => connection
            .downcast_ref::<TcpStream>()
            .is_some_and(|stream| stream.local_addr().is_ok_and(|local| local == *address)),
    };
    if is_here {
        extensions.insert(ThroughDoor);
    }
}

/// Whether a connection came to the Unix socket with this address.
pub fn came_to(connection: &dyn Any, path: &Path) -> bool {
    let stream = connection.downcast_ref::<UnixStream>();
    stream.and_then(|stream| stream.local_addr().ok()).is_some_and(|local| local.as_pathname() == Some(path))
}

/// Whether the request came through the door.
pub fn is_here(request: &HttpRequest) -> bool {
    request.conn_data::<ThroughDoor>().is_some()
}
