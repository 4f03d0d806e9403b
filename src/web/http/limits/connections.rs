//! What happens to each connection as it comes in: it is counted by address, and told to give up on a reader that has
//! stopped reading. It must never wait. Called by the server, and by the request guard, which does nothing for one too many.

use crate::config::Proxies;
use actix_web::HttpRequest;
use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use nix::sys::socket::{Shutdown, setsockopt, shutdown, sockopt};
use std::any::Any;
use std::collections::HashMap;
use std::net::IpAddr;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Headers must be in after so long, or the answer is 408 (TRUST section 7).
pub const HEADERS_IN: Duration = Duration::from_secs(5);
/// A reader that takes nothing for so long is gone; the framework itself would wait forever (TRUST section 7: 10 s).
const STOPPED_READER_MS: u32 = 10_000;

/// Counts what is there now. Clones share the count.
#[derive(Clone, Debug, Default)]
pub struct Counter(Arc<AtomicUsize>);

/// One that is counted; until it is dropped.
#[derive(Debug)]
pub struct Counted(Arc<AtomicUsize>);

impl Counter {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// One more, until what is returned is dropped.
    pub fn one_more(&self) -> Counted {
        self.0.fetch_add(1, Ordering::Relaxed);
        Counted(Arc::clone(&self.0))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The open connections of each address.
#[derive(Debug)]
pub struct Connections {
    most: usize,
    proxies: Proxies,
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// A connection's place; kept by the connection until it ends.
#[derive(Debug)]
struct Place {
    address: IpAddr,
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// On a connection that was one too many and is closed. What its sender wrote before can still be read here, and must do nothing.
#[derive(Debug)]
struct Refused;

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.address);
            }
        }
    }
}

impl Connections {
    /// Allows `most` at once for each address but those of our own proxies.
    pub fn new(most: usize, proxies: Proxies) -> Self {
        Self { most, proxies, open: Arc::default() }
    }

    /// Readies a new connection, or closes it when its address has too many.
    pub fn greet(&self, connection: &dyn Any, extensions: &mut Extensions) {
        let Some(stream) = connection.downcast_ref::<TcpStream>() else { return };
        // Neither can fail on a socket that is open; on one that is closed already nothing is lost.
        let _ = stream.set_nodelay(true);
        let _ = setsockopt(stream, sockopt::TcpUserTimeout, &STOPPED_READER_MS);
        let Ok(peer) = stream.peer_addr() else { return };
        match self.enter(peer.ip()) {
            Some(place) => {
                extensions.insert(place);
            }
            None => {
                tracing::warn!(address = %peer.ip(), most = self.most, "an address has too many connections");
                let _ = shutdown(stream.as_raw_fd(), Shutdown::Both);
                extensions.insert(Refused);
            }
        }
    }

    /// A place for one more connection; none when there are too many. Of this machine's own address, and of the proxies that are
    /// written down, there may be any number: they bring everybody.
    fn enter(&self, address: IpAddr) -> Option<Place> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(address).or_default();
        if *count >= self.most && !address.is_loopback() && !self.proxies.has(address) {
            return None;
        }
        *count += 1;
        Some(Place { address, open: Arc::clone(&self.open) })
    }
}

/// Whether a request came by a connection that is refused.
pub fn is_refused(request: &HttpRequest) -> bool {
    request.conn_data::<Refused>().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_so_many_connections_and_the_others_theirs() {
        let connections = Connections::new(2, Proxies::default());
        let (one, other): (IpAddr, IpAddr) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let first = connections.enter(one);
        let _second = connections.enter(one);
        assert!(connections.enter(one).is_none());
        let _theirs = connections.enter(other).unwrap();
        drop(first);
        assert!(connections.enter(one).is_some());
        let local: Vec<_> = (0..9).map(|_| connections.enter("127.0.0.1".parse().unwrap())).collect();
        assert!(local.iter().all(Option::is_some), "a proxy on this machine is everybody");
    }
}
