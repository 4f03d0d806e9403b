//! HTTP in, pages and streams out. It must never decide whether a push may happen (the desk does), and never hold state
//! of a push: what it shows it asks for. Every request comes through [`gate`], every address is a row of [`routes`]; only [`metrics`]
//! listens elsewhere.
//!
//! Folders of pages use `view`, `http` and `session`, and none of these uses a folder of pages. Of each other's they use no more
//! than: `stream` > `output`, `push` > `output`, `push` > `stack`, `stack` > `push`, `stack` > `approval`, `stack` > `auto`,
//! `hooks` > `auto`, `chat` > `hooks`. `tests/layers.rs` looks at it.

mod api;
mod app;
mod approval;
mod audit;
mod auto;
mod builds;
mod chat;
mod dashboard;
mod graphs;
mod history;
mod hooks;
mod hosts;
mod http;
mod metrics;
mod output;
mod people;
mod push;
mod reports;
pub mod routes;
mod session;
mod stack;
mod stream;
mod view;

pub use session::push_host;
pub(crate) use stream::event_mux::wanted;

/// The pages, for who draws them without a server.
pub mod pages {
    pub use super::audit::view::{AuditFilter, AuditPage};
    pub use super::history::compare_view::ComparePage;
    pub use super::history::view::{LogFilter, LogPage};
    pub use super::people::view::{Overview, Person, PersonPage};
    pub use super::push::shown::PushPage;
    pub use super::reports::announcements_view::{AnnouncementsPage, ToldFilter};
    pub use super::reports::stats_view::{Span, StatsPage};
    pub use super::session::account_view::{Account, NewFactor, NewTokenForm, SignedIn};
    pub use super::session::sign_in_view::{Asks, SignIn, SignInForm, SignedOut, form as sign_in_form};
    pub use super::session::totp::picture::picture;
    pub use super::stack::hold_view::HoldForm;
    pub use super::view::assets::asset;
    pub use super::view::error::NextLink;
    pub use super::view::frame::{Frame, Section};
    pub use super::view::pages::Pages;
    pub use super::view::templates::PageError;
}

/// The metrics, for who writes about them.
pub mod numbers {
    pub use super::metrics::table::{METRICS, Metric, MetricKind};
}

use crate::announce::incoming::IncomingMessage;
use crate::desk::Desk;
use crate::socket::{self, Listening};
use actix_web::middleware::{Compress, from_fn};
use actix_web::web::{Data, FormConfig, PayloadConfig};
use actix_web::{HttpServer, web};
use app::App;
use futures::future::{OptionFuture, join_all};
use http::api::document::document;
pub use http::faults::Fault;
use http::limits::connections::{Connections, Counter, HEADERS_IN};
use http::problem::Problem;
use http::request_guard::LONGEST_BODY;
use session::proxy_door::Door;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use tokio::sync::mpsc::Receiver;
use tokio_util::sync::CancellationToken;

/// How long requests may take to end when the server stops, in seconds; streams are ended before.
const STOPPING_S: u64 = 10;

/// The server, bound but not yet running.
pub struct Server {
    /// For browsers and programs; none where only the command line is served.
    listener: Option<TcpListener>,
    /// For the command line on this machine.
    push_host: Listening,
    /// For a proxy that signs people in; none where none does.
    door: Option<Door>,
    /// For Prometheus; none where the server's file does not say `[metrics]`.
    scraped: Option<TcpListener>,
    /// What people say to the bot on IRC.
    incoming: Option<Receiver<IncomingMessage>>,
    app: Data<App>,
}

impl Server {
    /// Makes a server of a desk and a bound listener; `url` in the desk's configuration must name the listener's
    /// address, as requests for other hosts are refused.
    ///
    /// # Errors
    /// When the templates are wrong, the system has no random bits, a socket cannot be made, or what the way to sign in needs
    /// is not there.
    pub fn bind(desk: Arc<Desk>, listener: TcpListener) -> io::Result<Self> {
        Self::of(desk, Some(listener))
    }

    /// Makes a server that the command line of this machine alone can reach.
    ///
    /// # Errors
    /// As [`Server::bind`].
    pub fn for_push_host(desk: Arc<Desk>) -> io::Result<Self> {
        Self::of(desk, None)
    }

    fn of(desk: Arc<Desk>, listener: Option<TcpListener>) -> io::Result<Self> {
        // The desk holds the directory's lock: whatever socket is there, nobody listens.
        let push_host = socket::listen(&session::push_host::socket_in(&desk.config().data))?;
        let door = listener.as_ref().map(|_| Door::open(desk.config())).transpose()?.flatten();
        Ok(Self {
            listener,
            push_host,
            door,
            scraped: None,
            incoming: None,
            app: Data::new(App::new(desk, routes::pages().collect(), document(&routes::rows()))?),
        })
    }

    /// With the numbers for Prometheus, at a listener of their own.
    #[must_use]
    pub fn with_metrics(self, listener: TcpListener) -> Self {
        Self { scraped: Some(listener), ..self }
    }

    /// With a bot that answers what is said to it on IRC.
    #[must_use]
    pub fn with_chat(self, incoming: Receiver<IncomingMessage>) -> Self {
        Self { incoming: Some(incoming), ..self }
    }

    /// Where it listens.
    ///
    /// # Errors
    /// What the system said; `NotFound` when it is only for the push host.
    pub fn addr(&self) -> io::Result<SocketAddr> {
        self.listener.as_ref().ok_or(io::ErrorKind::NotFound)?.local_addr()
    }

    /// How many streams are open, for whoever watches the server.
    pub fn viewers(&self) -> Counter {
        self.app.viewers.clone()
    }

    /// Serves until `stop`: then ends the streams, lets requests come to their end, and returns.
    ///
    /// # Errors
    /// What the system said.
    pub async fn run_until(mut self, stop: CancellationToken) -> io::Result<()> {
        let (app, closing) = (self.app.clone(), self.app.closing.clone());
        let scraped = self.scraped.take().map(|listener| metrics::serve(app.clone(), listener)).transpose()?;
        let incoming = self.incoming.take();
        // Kept to the end: with them go the sockets' files, before the desk's lock.
        let (server, _sockets) = self.begin()?;
        let handles: Vec<_> = scraped.iter().chain([&server]).map(actix_web::dev::Server::handle).collect();
        let stopping = async {
            stop.cancelled().await;
            closing.cancel();
            join_all(handles.iter().map(|handle| handle.stop(true))).await;
        };
        let scraping = async { OptionFuture::from(scraped).await.unwrap_or(Ok(())) };
        let ahead = app.closing.run_until_cancelled(output::ahead::ahead(&app));
        let rechecks = app.closing.run_until_cancelled(session::oidc::recheck::rounds(&app));
        let chatting = async {
            if let Some(incoming) = incoming {
                let _ = app.closing.run_until_cancelled(chat::keep(&app, incoming)).await;
            }
        };
        let (served, scraped, (), _, _, ()) = tokio::join!(server, scraping, stopping, ahead, rechecks, chatting);
        served.and(scraped)
    }

    fn begin(self) -> io::Result<(actix_web::dev::Server, (Listening, Option<Door>))> {
        let Self { listener, push_host: socket, door, scraped: _, incoming: _, app: shared } = self;
        let (socket_address, sign) = (socket.address().to_owned(), door.as_ref().map(Door::sign).transpose()?);
        let (limits, proxies) = (&shared.desk.config().limits, shared.desk.config().trusted_proxies.clone());
        let (connections, in_all) = (Connections::new(limits.connections_per_address, proxies), limits.connections);
        // Each worker counts its own: with fewer connections than processors there are fewer workers.
        let workers = std::thread::available_parallelism().map_or(2, |cores| cores.get().max(2)).min(in_all);
        let mut server = HttpServer::new(move || {
            actix_web::App::new()
                .app_data(shared.clone())
                .app_data(PayloadConfig::new(LONGEST_BODY))
                .app_data(
                    FormConfig::default().limit(LONGEST_BODY).error_handler(|error, _| http::body::of_form(error)),
                )
                .app_data(web::QueryConfig::default().error_handler(|error, _| http::body::of_query(error)))
                .wrap(Compress::default())
                .wrap(from_fn(http::request_guard::gate))
                .configure(routes::configure)
                .default_service(web::to(|| async { Err::<&str, _>(Problem::unknown("this address")) }))
        })
        .workers(workers)
        .max_connections(in_all / workers)
        .client_request_timeout(HEADERS_IN)
        // A browser that is gone says so by closing its side; its stream is to be dropped there and then.
        .h1_allow_half_closed(false)
        .on_connect(move |connection, extensions| {
            connections.greet(connection, extensions);
            session::push_host::greet(connection, extensions, &socket_address);
            sign.iter().for_each(|sign| http::door::greet(connection, extensions, sign));
        })
        .disable_signals()
        .shutdown_timeout(STOPPING_S)
        .listen_uds(socket.listener.try_clone()?)?;
        if let Some(listener) = listener {
            server = server.listen(listener)?;
        }
        match &door {
            Some(Door::Socket(listening)) => server = server.listen_uds(listening.listener.try_clone()?)?,
            Some(Door::Address(listener)) => server = server.listen(listener.try_clone()?)?,
            None => {}
        }
        Ok((server.run(), (socket, door)))
    }
}
