//! Headers that are long, many, slow or without end; and streams that should have ended.

use super::target::Target;
use crate::house::{DEADLINE, got, in_time};
use futures::future::join_all;
use pushbutton::demo::http::RequestBody;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A stream ends so long after its session has.
const ENDS_IN: Duration = Duration::from_secs(5);
/// Headers must be in after 5 s; what a busy machine adds.
const GIVEN_UP_IN: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread")]
async fn headers_of_sixteen_kib_are_the_end_however_they_are_made_up() {
    let target = Target::open().await;
    let mut attacks: Vec<(String, String)> = Vec::new();
    for kib in [16, 64, 256, 1024, 8192] {
        attacks.push((format!("a header of {kib} KiB"), format!("x: {}\r\n\r\n", "a".repeat(kib << 10))));
        attacks.push((format!("a cookie of {kib} KiB"), format!("cookie: a={}\r\n\r\n", "b".repeat(kib << 10))));
        attacks.push((format!("{kib} KiB of small headers"), "x: yy\r\n".repeat((kib << 10) / 7 + 1) + "\r\n"));
        attacks.push((
            format!("{kib} KiB of cookies"),
            format!("cookie: {}\r\n\r\n", "a=b; ".repeat((kib << 10) / 5 + 1)),
        ));
        attacks.push((format!("a name of {kib} KiB"), format!("{}: x\r\n\r\n", "n".repeat(kib << 10))));
    }
    target
        .under("long headers", async {
            for (what, headers) in &attacks {
                let back = target.raw(target.head("GET /") + headers).await;
                assert!(matches!(back.status, None | Some(400 | 413 | 431)), "{what}: {:?}", back.status);
            }
            for kib in [16, 64, 1024] {
                let back = target.raw(target.head(&format!("GET /stacks/{}", "a".repeat(kib << 10))) + "\r\n").await;
                assert!(
                    matches!(back.status, None | Some(400 | 414 | 431)),
                    "an address of {kib} KiB: {:?}",
                    back.status
                );
            }
        })
        .await;
    // Just below, it is a request like any other.
    let back = target.raw(target.head("GET /healthz") + &format!("x: {}\r\n\r\n", "a".repeat(15 << 10))).await;
    assert_eq!(back.status, Some(200), "{}", back.text);
    // All at once, without an end.
    let flood = target.head("GET /") + &"x: y\r\n".repeat(200_000);
    let backs = target.under("endless headers, 60 at once", join_all((0..60).map(|_| target.raw(&flood)))).await;
    assert!(backs.iter().all(|back| matches!(back.status, None | Some(400..=499))), "{backs:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_sends_slowly_is_given_up_and_holds_nobody_up() {
    let target = Target::open().await;
    let slow = |head: String| {
        let target = &target;
        async move {
            let mut connection = TcpStream::connect(&target.address).await.unwrap();
            connection.write_all(head.as_bytes()).await.unwrap();
            let began = Instant::now();
            let (mut from, mut to) = connection.split();
            // A byte now and then, forever.
            let drip = async {
                while to.write_all(b"x").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                std::future::pending::<()>().await;
            };
            let mut read = Vec::new();
            let given_up = async {
                tokio::select! {
                    _ = from.read_to_end(&mut read) => {}
                    () = drip => {}
                }
            };
            in_time("a slow sender is given up", given_up).await;
            began.elapsed()
        }
    };
    let heads: Vec<String> = (0..300)
        .map(|one| match one % 3 {
            0 => "GET / HTTP/1.1\r\nx: ".to_owned(),
            1 => target.head("GET /") + "x-",
            _ => String::new(),
        })
        .collect();
    let lasted = target.under("300 slow headers", join_all(heads.into_iter().map(slow))).await;
    let longest = lasted.into_iter().max().unwrap();
    assert!(longest < GIVEN_UP_IN, "someone was waited for {longest:?}");
    // A body that comes in drops.
    let head = target.head("POST /sign-in");
    let body = format!("{head}origin: http://{}\r\ncontent-length: 60000\r\n\r\n", target.address);
    let lasted = target.under("100 slow bodies", join_all((0..100).map(|_| slow(body.clone())))).await;
    let longest = lasted.into_iter().max().unwrap();
    assert!(longest < GIVEN_UP_IN, "a body was waited for {longest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_streams_end_within_five_seconds_of_signing_out() {
    let target = Target::start("[auth]\nmode = \"open\"\n", &[]).await;
    let signed_in = async || {
        let mut client = target.client.clone();
        client.send("POST", "/sign-in", RequestBody::Form("name=mary&next=%2F"), &[]).await.unwrap();
        client
    };
    let (client, other) = (signed_in().await, signed_in().await);
    let open = |client: &pushbutton::demo::http::Client| {
        let mut client = client.clone();
        async move { client.get("/api/v1/events").await }
    };
    let mut streams = Vec::new();
    for answer in join_all((0..200).map(|_| open(&client))).await {
        match answer {
            Ok(answer) if answer.status == 200 => streams.push(answer.events()),
            // There may be a limit for one person; that is as well.
            Ok(answer) => assert_eq!(answer.status, 429, "or 200"),
            Err(error) => panic!("a stream is answered: {error}"),
        }
    }
    assert!(streams.len() >= 20, "{} streams are open", streams.len());
    let mut of_other = open(&other).await.unwrap().events();
    let began = target.under("200 streams at sign-out", async {
        let mut client = client.clone();
        let out = got(client.send("POST", "/sign-out", RequestBody::Form(""), &[]).await.unwrap()).await.unwrap();
        assert_eq!(out.status, 303);
        let began = Instant::now();
        let ended =
            join_all(streams.iter_mut().map(async |stream| while matches!(stream.next().await, Ok(Some(_))) {}));
        tokio::time::timeout(DEADLINE, ended).await.expect("all streams end");
        began.elapsed()
    });
    let lasted = began.await;
    assert!(lasted < ENDS_IN, "the last stream ended after {lasted:?}");
    // That of another session goes on.
    let still = tokio::time::timeout(Duration::from_secs(30), of_other.next()).await.expect("it says something");
    assert!(matches!(still, Ok(Some(_))), "{still:?}");
}
