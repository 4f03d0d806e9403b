//! A port of this machine for a server of the demo. It must never hold it: who asks listens on it, and asks again when another
//! was quicker.

use super::{DemoError, tried};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};

/// A port that is free on this address now.
pub(super) fn free_port(address: Ipv4Addr) -> Result<SocketAddrV4, DemoError> {
    let claim = TcpListener::bind((address, 0)).and_then(|listener| listener.local_addr());
    let port = claim.map_err(tried(format!("finding a free port on {address}")))?.port();
    Ok(SocketAddrV4::new(address, port))
}
