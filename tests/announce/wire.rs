//! A wire between the bot and a real IRC server: keeps every byte that the bot sent, and can be closed, cut, made mute,
//! or made to say something that the server did not.

use std::net::{SocketAddr, SocketAddrV4};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

pub struct Wire {
    at: SocketAddr,
    socket: Option<TcpSocket>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    sent: Mutex<Vec<u8>>,
    connections: AtomicUsize,
    mute: AtomicBool,
    /// Into the newest connection; `None` cuts it.
    inject: Mutex<Option<mpsc::UnboundedSender<Option<Vec<u8>>>>>,
}

impl Wire {
    /// An address where nobody listens yet: connections are refused.
    pub fn closed() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        Self { at: socket.local_addr().unwrap(), socket: Some(socket), shared: Arc::default() }
    }

    /// A wire to a server.
    pub fn to(server: SocketAddrV4) -> Self {
        let mut wire = Self::closed();
        wire.open(server);
        wire
    }

    /// Begins to listen.
    pub fn open(&mut self, server: SocketAddrV4) {
        let listener = self.socket.take().unwrap().listen(64).unwrap();
        let shared = self.shared.clone();
        tokio::spawn(async move {
            while let Ok((bot, _)) = listener.accept().await {
                shared.connections.fetch_add(1, Ordering::SeqCst);
                let (inject, injected) = mpsc::unbounded_channel();
                *shared.inject.lock().unwrap() = Some(inject);
                tokio::spawn(carry(bot, server, injected, shared.clone()));
            }
        });
    }

    pub fn port(&self) -> u16 {
        self.at.port()
    }

    /// Keeps the server's PONGs from the bot.
    pub fn mute(&self, mute: bool) {
        self.shared.mute.store(mute, Ordering::SeqCst);
    }

    /// Ends the newest connection.
    pub fn cut(&self) {
        self.shared.inject.lock().unwrap().as_ref().unwrap().send(None).unwrap();
    }

    /// Sends the bot these bytes, as if the server had.
    pub fn inject(&self, bytes: &[u8]) {
        self.shared.inject.lock().unwrap().as_ref().unwrap().send(Some(bytes.to_vec())).unwrap();
    }

    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// All that the bot sent so far, over all connections.
    pub fn sent(&self) -> Vec<u8> {
        self.shared.sent.lock().unwrap().clone()
    }

    /// The lines that the bot sent so far, without their line ends.
    pub fn sent_lines(&self) -> Vec<String> {
        String::from_utf8(self.sent()).unwrap().split_terminator("\r\n").map(str::to_owned).collect()
    }
}

async fn carry(
    bot: TcpStream,
    server: SocketAddrV4,
    mut injected: mpsc::UnboundedReceiver<Option<Vec<u8>>>,
    shared: Arc<Shared>,
) {
    let Ok(server) = TcpStream::connect(server).await else { return };
    let (mut from_bot, mut to_bot) = bot.into_split();
    let (from_server, mut to_server) = server.into_split();
    let mut ways = JoinSet::new();
    let kept = shared.clone();
    ways.spawn(async move {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = from_bot.read(&mut bytes).await {
            kept.sent.lock().unwrap().extend_from_slice(&bytes[..count]);
            to_server.write_all(&bytes[..count]).await.unwrap();
        }
    });
    ways.spawn(async move {
        let mut lines = BufReader::new(from_server).split(b'\n');
        loop {
            let bytes = tokio::select! {
                Some(what) = injected.recv() => what,
                Ok(Some(line)) = lines.next_segment() => Some([&line[..], b"\n"].concat()),
                else => None,
            };
            let Some(bytes) = bytes else { return };
            let pong = bytes.windows(6).any(|word| word == b" PONG ");
            if !(pong && shared.mute.load(Ordering::SeqCst)) && to_bot.write_all(&bytes).await.is_err() {
                return;
            }
        }
    });
    // When one way ends, so does the other.
    ways.join_next().await;
}
