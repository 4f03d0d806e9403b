//! The page's own reader of a push (`static/live/stream.js`, `shared.js`) against a server that does everything wrong that a server,
//! a proxy and a network can do: it cuts inside events and inside letters, answers 503, says things twice, leaves holes, hangs up,
//! and begins its journal anew. The page must have every record once, in order (rule S8 of the design).

use crate::house::browser::Browser;
use actix_web::web::{Bytes, Data, Query};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use futures::stream;
use pushbutton::web::pages::asset;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::io;
use std::sync::Mutex;

const RECORDS: usize = 60_000;
/// No more in a batch (rule S2).
const BATCH: usize = 200;
/// How many records there are when the journal begins anew.
const ANEW_AT: usize = 20_000;

/// Takes what the product's reader gives, and notes what is out of order.
const PROBE: &str = "
    import { PushStream } from '/static/live/stream.js';
    const probe = (window.probe = { records: [], wrong: [], resets: 0, states: [] });
    new PushStream(1, true, false, {
      records: (records) => {
        for (const record of records) {
          if (record.n !== probe.records.length + 1) probe.wrong.push([probe.records.length, record.n]);
          probe.records.push(record.text);
        }
      },
      reset: () => { probe.resets++; probe.records = []; },
      state: (name) => probe.states.push(name),
    });
    window.sum = async () => {
      const bytes = new TextEncoder().encode(probe.records.join('\\n'));
      const sum = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
      return [...sum].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    };";

/// Small numbers that look like chance and are the same each time (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % most as u64).unwrap()
    }

    fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }
}

/// What the server holds, and what it has done.
struct Hostile {
    journal: Vec<u8>,
    /// The offset behind each record.
    ends: Vec<usize>,
    state: Mutex<State>,
}

struct State {
    dice: Dice,
    /// So many records are in the journal by now.
    written: usize,
    anew: bool,
    /// What was done, by its name.
    done: HashMap<&'static str, usize>,
}

impl State {
    fn does(&mut self, what: &'static str) {
        *self.done.entry(what).or_default() += 1;
    }
}

fn texts() -> impl Iterator<Item = String> {
    // Letters of one to four bytes: a cut may fall into each.
    (1..=RECORDS).map(|n| format!("line {n} · größe ✓ 🚀 {}", "x".repeat(n * 7 % 60)))
}

impl Hostile {
    fn new() -> Self {
        let (mut journal, mut ends) = (Vec::new(), Vec::new());
        for (n, text) in (1..).zip(texts()) {
            journal.extend_from_slice(json!({ "n": n, "event": "line", "text": text }).to_string().as_bytes());
            journal.push(b'\n');
            ends.push(journal.len());
        }
        let state = State { dice: Dice(20_261_122), written: BATCH, anew: false, done: HashMap::new() };
        Self { journal, ends, state: Mutex::new(state) }
    }

    /// How many records lie before an offset; none when it is inside of one.
    fn records_before(&self, offset: usize) -> Option<usize> {
        if offset == 0 { Some(0) } else { self.ends.binary_search(&offset).ok().map(|at| at + 1) }
    }

    fn offset(&self, records: usize) -> usize {
        records.checked_sub(1).map_or(0, |last| self.ends[last])
    }

    /// One connection's events, cut anywhere, up to where it hangs up.
    fn events(&self, from: usize) -> Vec<io::Result<Bytes>> {
        let mut state = self.state.lock().unwrap();
        let mut said = b"retry: 30\n\n".to_vec();
        let mut at = from;
        let (mut hangs_up, mut cuts) = (true, true);
        for _ in 0..40 + state.dice.below(60) {
            if state.written >= ANEW_AT && !state.anew {
                state.anew = true;
                state.does("began anew");
                said.extend_from_slice(b"id: life-1;1=0\nevent: reset\ndata: 1\n\n");
                cuts = false;
                break;
            }
            if at >= RECORDS {
                said.extend_from_slice(b"event: end\ndata: 1\n\n");
                hangs_up = false;
                break;
            }
            if state.dice.one_in(12) && at > BATCH {
                at -= state.dice.below(BATCH);
                state.does("said again");
            } else if state.dice.one_in(12) && at + 2 * BATCH < RECORDS {
                at += 1 + state.dice.below(BATCH);
                state.does("left a hole");
            }
            let next = (at + 1 + state.dice.below(BATCH)).min(RECORDS);
            let (begin, end) = (self.offset(at), self.offset(next));
            said.extend_from_slice(format!("id: life-1;1={end}\nevent: push\ndata: 1 {end}\n").as_bytes());
            for line in self.journal[begin..end].split_inclusive(|byte| *byte == b'\n') {
                said.extend_from_slice(b"data: ");
                said.extend_from_slice(line);
            }
            said.push(b'\n');
            state.written = state.written.max(next);
            at = next;
        }
        if hangs_up && cuts && state.dice.one_in(2) {
            state.does("hung up inside an event");
            said.truncate(said.len() - said.len().min(1 + state.dice.below(2000)));
        }
        let mut pieces = Vec::new();
        while !said.is_empty() {
            let cut = said.len().min(1 + state.dice.below(30_000));
            pieces.push(Ok(Bytes::from(said.drain(..cut).collect::<Vec<u8>>())));
        }
        if hangs_up && state.dice.one_in(2) {
            state.does("broke the connection");
            pieces.push(Err(io::Error::from(io::ErrorKind::ConnectionReset)));
        }
        pieces
    }
}

async fn log(hostile: Data<Hostile>, asked: Query<HashMap<String, String>>) -> HttpResponse {
    let after: usize = asked["after"].parse().unwrap();
    let mut state = hostile.state.lock().unwrap();
    if hostile.records_before(after).is_none() {
        return HttpResponse::BadRequest().finish();
    }
    if state.dice.one_in(6) {
        state.does("answered 503");
        return HttpResponse::ServiceUnavailable().finish();
    }
    let end = hostile.offset(state.written).max(after);
    let mut body = hostile.journal[after..end].to_vec();
    if state.dice.one_in(4) && !body.is_empty() {
        state.does("cut the journal");
        let cut = state.dice.below(body.len());
        body.truncate(cut);
        let pieces = [Ok(Bytes::from(body)), Err(io::Error::from(io::ErrorKind::ConnectionReset))];
        return HttpResponse::Ok().streaming(stream::iter(pieces));
    }
    HttpResponse::Ok().body(body)
}

async fn events(hostile: Data<Hostile>, request: HttpRequest, asked: Query<HashMap<String, String>>) -> HttpResponse {
    {
        let mut state = hostile.state.lock().unwrap();
        if state.dice.one_in(5) && state.done.get("refused the stream").is_none_or(|times| *times < 3) {
            state.does("refused the stream");
            return HttpResponse::ServiceUnavailable().finish();
        }
    }
    let Some(named) = asked.get("push") else {
        return HttpResponse::Ok().content_type("text/event-stream").streaming(stream::pending::<io::Result<Bytes>>());
    };
    // What the browser heard last wins over what it asked for first (rule S3).
    let last = request.headers().get("last-event-id").and_then(|id| id.to_str().ok()?.split_once(";1="));
    let offset = last.map_or_else(|| named.split_once(':').unwrap().1, |(_, offset)| offset);
    let from =
        hostile.records_before(offset.parse().unwrap()).unwrap_or_else(|| panic!("{offset} is inside of a record"));
    let pieces = hostile.events(from);
    HttpResponse::Ok().content_type("text/event-stream").streaming(stream::iter(pieces))
}

#[actix_web::test]
async fn every_record_comes_once_and_in_order_whatever_the_server_and_the_network_do() {
    let hostile = Data::new(Hostile::new());
    let page = async || {
        HttpResponse::Ok().content_type("text/html; charset=utf-8").body(
            "<!doctype html><html class=js lang=en><title>Probe</title><script type=module src=/probe.js></script>",
        )
    };
    let probe = async || HttpResponse::Ok().content_type("text/javascript; charset=utf-8").body(PROBE);
    let file = async |name: web::Path<String>| match asset(&name) {
        Some(file) => HttpResponse::Ok().content_type(file.content_type).body(file.bytes),
        None => HttpResponse::NotFound().finish(),
    };
    let shared = hostile.clone();
    let server = HttpServer::new(move || {
        App::new()
            .app_data(shared.clone())
            .route("/", web::get().to(page))
            .route("/probe.js", web::get().to(probe))
            .route("/static/{name:.+}", web::get().to(file))
            .route("/api/v1/pushes/1/log", web::get().to(log))
            .route("/api/v1/events", web::get().to(events))
    });
    let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", server.addrs()[0]);
    actix_web::rt::spawn(server.run());

    let browser = Browser::at(&url).await;
    browser.go("/").await;
    browser.holds("window.probe?.states.at(-1) === 'done'").await;
    assert_eq!(
        browser.ask("return probe.wrong.slice(0, 5)").await,
        json!([]),
        "none is missing, twice, or out of order"
    );
    assert_eq!(browser.ask("return probe.records.length").await, RECORDS);
    let sent = texts().collect::<Vec<_>>().join("\n");
    let sum: String = Sha256::digest(&sent).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(browser.ask("return window.sum()").await, json!(sum), "letter by letter");

    assert_eq!(browser.ask("return probe.resets").await, 1);

    let state = hostile.state.lock().unwrap();
    for what in [
        "answered 503",
        "began anew",
        "broke the connection",
        "cut the journal",
        "hung up inside an event",
        "left a hole",
        "refused the stream",
        "said again",
    ] {
        assert!(state.done.contains_key(what), "the server never {what}: {:?}", state.done);
    }
}
