//! How many connections there may be, of one address and in all: by real sockets, of addresses that are not this machine's own.

use super::*;
use crate::house::network;
use std::net::Ipv4Addr;
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

/// Whether somebody answers: no, when the connection is closed instead.
async fn is_answered(connection: &mut TcpStream) -> bool {
    let mut first = [0; 12];
    match in_time("an answer, or the end", connection.read_exact(&mut first)).await {
        Ok(_) => &first == b"HTTP/1.1 200",
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
