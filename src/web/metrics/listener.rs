//! Who may read the numbers, and how often they are read. A scraper has no cookie, so they have an address of their own, where there is
//! nothing else: on this machine, unless the server's file says `open`. A scraper that hangs holds a connection of this address for some
//! seconds, and nothing that a page needs.

use super::encode::{CONTENT_TYPE, MeasuredMetric, encode};
use super::table::{METRICS, Sources};
use super::totals::Totals;
use crate::config::Proxies;
use crate::time::At;
use crate::web::app::App;
use crate::web::http::limits::connections::{Connections, HEADERS_IN};
use actix_web::dev::Server;
use actix_web::http::KeepAlive;
use actix_web::http::header::{CACHE_CONTROL, HOST, X_CONTENT_TYPE_OPTIONS};
use actix_web::web::{self, Bytes, Data};
use actix_web::{HttpRequest, HttpResponse, HttpServer, guard};
use std::io;
use std::net::{IpAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Connections at once; when there are so many, others wait until one ends.
const MOST_CONNECTIONS: usize = 64;
/// Connections of one address that is not this machine's, so that a scraper which hangs leaves room for the others.
const OF_AN_ADDRESS: usize = 8;
/// An answer is given again for so long: nobody costs the ledger more than one reading a second.
const FRESH: Duration = Duration::from_secs(1);
/// How long a scrape may take to end when the server stops, in seconds.
const STOPPING_S: u64 = 2;

/// What scrapes share.
#[derive(Default)]
struct Scrapes {
    totals: Arc<Mutex<Totals>>,
    /// The last answer. Held while one is made: whoever asks meanwhile gets that one.
    latest: tokio::sync::Mutex<Option<(Instant, Bytes)>>,
    /// Whether only this machine reaches the address.
    loopback: bool,
}

/// A server of the numbers alone.
///
/// # Errors
/// What the system said.
pub fn serve(app: Data<App>, listener: TcpListener) -> io::Result<Server> {
    let loopback = listener.local_addr()?.ip().is_loopback();
    let scrapes = Data::new(Scrapes { loopback, ..Scrapes::default() });
    let begin = (app.clone(), scrapes.clone());
    // What ended before this is history: it must not wait for the first scrape.
    tokio::spawn(async move {
        let _ = begin.1.read(&begin.0).await;
    });
    let connections = Connections::new(OF_AN_ADDRESS, Proxies::default());
    let server = HttpServer::new(move || {
        actix_web::App::new()
            .app_data(app.clone())
            .app_data(scrapes.clone())
            .route("/metrics", web::route().guard(guard::Any(guard::Get()).or(guard::Head())).to(metrics))
            .default_service(web::to(HttpResponse::NotFound))
    });
    Ok(server
        .workers(1)
        .max_connections(MOST_CONNECTIONS)
        .client_request_timeout(HEADERS_IN)
        .keep_alive(KeepAlive::Disabled)
        .on_connect(move |connection, extensions| connections.greet(connection, extensions))
        .disable_signals()
        .shutdown_timeout(STOPPING_S)
        .listen(listener)?
        .run())
}

/// `GET /metrics`.
async fn metrics(request: HttpRequest, app: Data<App>, scrapes: Data<Scrapes>) -> HttpResponse {
    if scrapes.loopback && !names_this_machine(&request) {
        return HttpResponse::MisdirectedRequest().body("ask by this machine's address, such as 127.0.0.1\n");
    }
    match scrapes.read(&app).await {
        Ok(text) => HttpResponse::Ok()
            .content_type(CONTENT_TYPE)
            .insert_header((CACHE_CONTROL, "no-store"))
            .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .body(text),
        Err(error) => {
            tracing::error!(%error, "the numbers of /metrics cannot be read");
            HttpResponse::ServiceUnavailable().body("the ledger does not answer\n")
        }
    }
}

/// Whether a request names an address of this machine, or `localhost`. A page of another site that has its own name point here, and a
/// browser on this machine, would be let in otherwise.
fn names_this_machine(request: &HttpRequest) -> bool {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        Some(_) | None => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl Scrapes {
    /// All numbers, as text: one reading at a time, from the ledger as it is at one moment.
    async fn read(&self, app: &Data<App>) -> Result<Bytes, Box<dyn std::error::Error + Send + Sync>> {
        let mut latest = self.latest.lock().await;
        if let Some((_, text)) = latest.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
            return Ok(text.clone());
        }
        let (totals, of) = (Arc::clone(&self.totals), app.clone());
        let read = app.desk.ledger().read(move |connection| {
            let ledger = connection.unchecked_transaction()?;
            let mut totals = totals.lock().unwrap_or_else(PoisonError::into_inner);
            totals.update(&ledger)?;
            let (totals, stages, now) = (&*totals, stages(&of), At::now());
            let sources = Sources { app: &of, ledger: &ledger, totals, stages: &stages, now };
            METRICS.iter().map(|metric| Ok(MeasuredMetric { metric, samples: metric.samples(&sources)? })).collect()
        });
        let text = Bytes::from(encode(read.await?)?);
        *latest = Some((Instant::now(), text.clone()));
        Ok(text)
    }
}

/// The stages of all stacks that have a file.
fn stages(app: &App) -> Vec<(String, String)> {
    let files = app.desk.stack_files();
    let stacks = files.stacks.iter().filter_map(|loaded| loaded.stack.as_ref());
    stacks.flat_map(|stack| stack.stages.iter().map(|stage| (stack.name.to_string(), stage.name.to_string()))).collect()
}
