//! Builds that another engine spreads: the example with an object store, run as it is shipped, over a store that the test
//! is; and what `release` makes of what it finds.

use crate::house::{House, Plans, tree, until};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

const HOSTS: [&str; 3] = ["web1", "web2", "web3"];

/// What was put, by path, and what was asked for.
#[derive(Default)]
struct Kept {
    objects: BTreeMap<String, Vec<u8>>,
    gets: usize,
    /// Whatever is asked for, another object comes.
    lies: bool,
}

type Store = Arc<Mutex<Kept>>;

/// An object store: PUT keeps, GET gives.
async fn open_store() -> (String, Store) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let store = Store::default();
    let kept = store.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, kept.clone()));
        }
    });
    (format!("http://{address}/builds"), store)
}

async fn serve(stream: TcpStream, store: Store) {
    let mut stream = BufReader::new(stream);
    let (mut first, mut length) = (String::new(), 0);
    stream.read_line(&mut first).await.unwrap();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        let line = line.trim().to_lowercase();
        if let Some(number) = line.strip_prefix("content-length:") {
            length = number.trim().parse().unwrap();
        }
        if line == "expect: 100-continue" {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    let words: Vec<&str> = first.split(' ').collect();
    let answer = {
        let mut kept = store.lock().unwrap();
        match words[0] {
            "PUT" => {
                kept.objects.insert(words[1].to_owned(), body);
                Some(Vec::new())
            }
            _ => {
                kept.gets += 1;
                let other = kept.objects.iter().find(|(path, _)| path.as_str() != words[1]).map(|(_, object)| object);
                if kept.lies { other } else { kept.objects.get(words[1]) }.cloned()
            }
        }
    };
    let (status, body) = answer.map_or(("404 Not Found", Vec::new()), |body| ("200 OK", body));
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body).await.unwrap();
}

/// The example with what every reader must change: addresses, hosts, and how the build is made.
fn example(house: &House, store: &str) -> String {
    let text = include_str!("../stacks/examples/object-store.toml");
    let changes = [
        ("git@git.example.com:maps.git", house.shop.dir().to_str().unwrap()),
        ("make tiles", "./build.sh"),
        ("https://objects.example.com/builds", store),
        ("maps-qa.example.com", "qa1"),
        ("maps[001-200].example.com", "web[1-3]"),
    ];
    changes.into_iter().fold(text.to_owned(), |text, (from, to)| {
        assert_eq!(text.matches(from).count(), 1, "{from}");
        text.replace(from, to)
    })
}

/// Every host serves the build.
fn all_serve(house: &House, push: &Value) {
    let build = push["push"]["build"].as_str().unwrap();
    let wanted = tree(&house.data().join("builds/web").join(build).join("tree"));
    for host in HOSTS {
        let maps = house.fleet.host(host).unwrap().srv_dir().join("maps");
        let mut found = tree(&maps.join(std::fs::read_link(maps.join("current")).unwrap()));
        found.remove("REVISION");
        assert_eq!(found, wanted, "{host}");
    }
}

/// How many times rsync ran for the hosts, as it says itself.
fn transfers(log: &str) -> usize {
    log.lines().filter(|line| line.contains("out | sent ") && line.contains(" bytes")).count()
}

#[tokio::test]
async fn what_an_object_store_gave_is_proved_and_only_what_differs_is_brought() {
    let (url, store) = open_store().await;
    let house = House::build(Plans { qa: &["qa1"], prod: &HOSTS, ..Plans::default() }).await;
    std::fs::write(house.dir.path().join("stacks/web.toml"), example(&house, &url)).unwrap();
    until("the example is read", async || {
        house.get("/api/v1/stacks/web").await.text.contains("\"Maps\"").then_some(())
    })
    .await;
    let shipped = |log: &str| log.contains("already there, not yet verified: nothing to upload");
    let push = house.push_well("qa").await;
    let log = house.log(push["push"]["id"].as_i64().unwrap()).await;
    assert!(shipped(&log) && transfers(&log) == 0, "{log}");
    let push = house.push_well("prod").await;
    let log = house.log(push["push"]["id"].as_i64().unwrap()).await;
    let (objects, gets) = {
        let kept = store.lock().unwrap();
        (kept.objects.len(), kept.gets)
    };
    assert_eq!((objects, gets), (1, 4), "{log}");
    assert!(shipped(&log), "{log}");
    assert_eq!(transfers(&log), 0, "{log}");
    all_serve(&house, &push);

    // A store that gives an older build's bytes harms nobody.
    house.commit().await;
    house.push_well("qa").await;
    store.lock().unwrap().lies = true;
    let push = house.push_well("prod").await;
    let log = house.log(push["push"]["id"].as_i64().unwrap()).await;
    assert!(log.contains("is partly there: uploading what differs"), "{log}");
    assert_eq!(transfers(&log), 3, "{log}");
    all_serve(&house, &push);
}
