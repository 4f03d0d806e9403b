//! How many connections there may be, of one address and in all: by real sockets, of addresses that are not this machine's own.

use super::*;
use crate::house::network;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;
use tokio::net::TcpSocket;

/// Longer than a free place takes to be found, and nothing happens in it.
const MOMENT: Duration = Duration::from_millis(700);

impl Site {
    /// Opens a stream from an address, and sends its request; what comes is not looked at yet.
    async fn knock(&self, from: &str, session: &str) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((from.parse::<Ipv4Addr>().unwrap(), 0).into()).unwrap();
        let mut connection = in_time("a connection", socket.connect(self.at)).await.unwrap();
        let request = format!("GET /api/v1/events HTTP/1.1\r\nhost: {}\r\ncookie: {session}\r\n\r\n", self.at);
        // Who is closed at once may not even get this far.
        let _ = connection.write_all(request.as_bytes()).await;
        connection
    }
}

/// A connection on which the request was sent with nothing in between.
fn written_at_once(from: &str, to: SocketAddr, request: &str) -> std::net::TcpStream {
    use nix::sys::socket::{self, AddressFamily, SockFlag, SockType, SockaddrIn, bind, connect};
    let socket = socket::socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
    let SocketAddr::V4(to) = to else { panic!("{to} is of IPv4") };
    let from = std::net::SocketAddrV4::new(from.parse().unwrap(), 0);
    bind(socket.as_raw_fd(), &SockaddrIn::from(from)).unwrap();
    connect(socket.as_raw_fd(), &SockaddrIn::from(to)).unwrap();
    let mut connection = std::net::TcpStream::from(socket);
    // Who is closed at once may not even get this far.
    let _ = std::io::Write::write_all(&mut connection, request.as_bytes());
    connection
}

/// Whether somebody answers: no, when the connection is closed instead.
async fn is_answered(connection: &mut TcpStream) -> bool {
    let mut first = [0; 12];
    match in_time("an answer, or the end", connection.read_exact(&mut first)).await {
        Ok(_) => matches!(&first, b"HTTP/1.1 200" | b"HTTP/1.1 204"),
        Err(_) => false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_as_many_connections_as_the_file_says_and_one_that_ends_makes_room() {
    let (server, one, other, proxy) = ("192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4");
    let name = "web::connections::an_address_has_as_many_connections_as_the_file_says_and_one_that_ends_makes_room";
    if !network::own(name, &[server, one, other, proxy]).await {
        return;
    }
    let proxies = format!("trusted_proxies = [\"{proxy}\"]\n");
    let site = Site::at(server, "open", &proxies, "connections_per_address = 3\n").await;
    let mary = site.mary().await;
    let mut open = Vec::new();
    for from in [one, other] {
        for _ in 0..3 {
            let mut connection = site.knock(from, &mary).await;
            assert!(is_answered(&mut connection).await, "{from} may have three");
            open.push(connection);
        }
        for _ in 0..5 {
            assert!(!is_answered(&mut site.knock(from, &mary).await).await, "{from} has three already");
        }
    }
    assert_eq!((site.streams)(), 6);
    // A proxy that is written down brings everybody.
    for _ in 0..5 {
        let mut connection = site.knock(proxy, &mary).await;
        assert!(is_answered(&mut connection).await);
        open.push(connection);
    }
    drop(open.remove(0));
    let mut again = until("the place of one that ended", async || {
        let mut connection = site.knock(one, &mary).await;
        is_answered(&mut connection).await.then_some(connection)
    })
    .await;
    assert!(!is_answered(&mut site.knock(one, &mary).await).await, "it was one place");
    assert!(!is_answered(&mut site.knock(other, &mary).await).await, "and none of the other's");
    assert!(again.write_all(b"\r\n").await.is_ok());
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_address_with_too_many_connections_has_sent_does_nothing() {
    let (server, one) = ("192.0.2.1", "192.0.2.2");
    let name = "web::connections::what_an_address_with_too_many_connections_has_sent_does_nothing";
    if !network::own(name, &[server, one]).await {
        return;
    }
    let site = Site::at(server, "open", "", "connections_per_address = 1\n").await;
    let mary = site.mary().await;
    let mut first = site.knock(one, &mary).await;
    assert!(is_answered(&mut first).await);
    let hold = format!(
        "PUT /api/v1/stacks/web/hold HTTP/1.1\r\nhost: {}\r\norigin: {}\r\ncookie: {mary}\r\ncontent-type: application/json\r\n\
         content-length: 16\r\n\r\n{{\"reason\": \"no\"}}",
        site.at, site.origin
    );
    // Each is written in the moment in which it is connected, so that it is there before the server has looked.
    let (at, text) = (site.at, hold.clone());
    let wrote =
        tokio::task::spawn_blocking(move || (0..200).map(|_| written_at_once(one, at, &text)).collect::<Vec<_>>());
    for connection in wrote.await.unwrap() {
        connection.set_nonblocking(true).unwrap();
        assert!(!is_answered(&mut TcpStream::from_std(connection).unwrap()).await);
    }
    assert_eq!((site.streams)(), 1);
    drop(first);
    // It is set now, so it was not before: with a place the same request is carried out.
    until("the place of the one that ended", async || {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((one.parse::<Ipv4Addr>().unwrap(), 0).into()).unwrap();
        let mut connection = in_time("a connection", socket.connect(site.at)).await.unwrap();
        let _ = connection.write_all(hold.as_bytes()).await;
        is_answered(&mut connection).await.then_some(())
    })
    .await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_all_there_are_as_many_connections_as_the_file_says_and_who_comes_then_waits_for_a_place() {
    let site = Site::at("127.0.0.1", "open", "", "connections = 2\n").await;
    let mary = site.mary().await;
    let mut open = Vec::new();
    for _ in 0..2 {
        open.push(site.stream(&mary, "/api/v1/events", "").await);
    }
    let mut waits = site.knock("127.0.0.1", &mary).await;
    let mut waits_too = site.knock("127.0.0.1", &mary).await;
    for connection in [&mut waits, &mut waits_too] {
        let heard = tokio::time::timeout(MOMENT, connection.read(&mut [0; 12])).await;
        assert!(heard.is_err(), "nobody speaks with a third one: {heard:?}");
    }
    drop(open.remove(0));
    assert!(is_answered(&mut waits).await, "who came first is the next");
    let heard = tokio::time::timeout(MOMENT, waits_too.read(&mut [0; 12])).await;
    assert!(heard.is_err(), "there was one place: {heard:?}");
    drop(open);
    assert!(is_answered(&mut waits_too).await);
    drop((waits, waits_too));
    site.close().await;
}
