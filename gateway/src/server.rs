//! The server socket: accepts connections, passes on requests, and stops gracefully.

mod places;
mod sending;

use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::answer::answer;
use crate::platform::{Platform, Settings};
use crate::request_body::{Bodies, Deadlines};
use crate::schedules::{self, Scheduled};
use crate::{expirations, local_bus};

use places::{Closing, Place, Places};
use sending::{Flushed, ReadPace, Sending};

/// The time that requests and scheduled runs in progress have to finish when the server stops.
const GRACE: Duration = Duration::from_secs(10);
/// The time that a client has to send its headers.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// Limits of clients' use of resources.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most open connections. When all places are taken, a new connection replaces the one that has been idle longest.
    /// If none is idle, new ones wait in the system's queue.
    pub connections: u32,
    /// How long a request's body may take.
    pub body: Deadlines,
    /// How slowly a client may read a response.
    pub(crate) answer: ReadPace,
    /// Memory for bodies to public routes in KiB, and as much again for all others. Bodies beyond that wait and are
    /// eventually refused. The first 64 KiB of each body do not count.
    pub buffered_kib: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 1024, body: Deadlines::default(), answer: ReadPace::default(), buffered_kib: 128 << 10 }
    }
}

/// A listening platform.
pub struct Server {
    platform: Arc<Platform>,
    address: SocketAddr,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
    /// Stopped last, since requests in progress may publish.
    stop_delivering: watch::Sender<bool>,
    delivering: JoinSet<()>,
}

impl Server {
    /// Opens the platform and starts to listen; returns when it serves requests.
    pub async fn start(settings: Settings) -> anyhow::Result<Self> {
        let listener = bind(settings.address).await?;
        let with_schedules = settings.schedules;
        let opened = tokio::task::spawn_blocking(move || Platform::open(&settings)).await?;
        let (platform, scheduled) = opened?;
        let scheduled = if with_schedules { scheduled } else { Vec::new() };
        Self::listen(listener, platform, scheduled, Limits::default())
    }

    /// Serves `listener`, runs these schedules and delivers published events.
    pub(crate) fn listen(
        listener: TcpListener,
        platform: Platform,
        scheduled: Vec<Scheduled>,
        limits: Limits,
    ) -> anyhow::Result<Self> {
        let address = listener.local_addr()?;
        platform.objects.set_base_url(&local_url(address))?;
        let platform = Arc::new(platform);
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(platform.clone(), listener, limits, stopped.clone()));
        if let Some(replay) = platform.replay.clone() {
            tasks.spawn(replay.run(platform.market.clone(), stopped.clone()));
        }
        let (objects, expirations) = (platform.objects.clone(), platform.expirations.clone());
        tasks.spawn(expirations::run(objects, expirations, platform.clock.clone(), stopped.clone()));
        tasks.spawn(schedules::run(platform.market.clone(), platform.clock.clone(), scheduled, stopped));
        let (stop_delivering, stopped) = watch::channel(false);
        let mut delivering = JoinSet::new();
        if let Some(deliveries) = local_bus::take(&platform.undelivered) {
            delivering.spawn(deliveries.run(platform.market.clone(), platform.subscribers.clone(), stopped));
        }
        Ok(Self { platform, address, stop, tasks, stop_delivering, delivering })
    }

    /// The address on which it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The platform.
    #[must_use]
    pub fn platform(&self) -> &Platform {
        &self.platform
    }

    /// Stops accepting requests, lets those in progress and their events finish, closes the live connections, and
    /// returns, all within ten seconds.
    pub async fn stop(mut self) {
        let finished = tokio::time::timeout(GRACE, async {
            // Fails only if nothing is listening any more, which is fine.
            let _ = self.stop.send(true);
            while self.tasks.join_next().await.is_some() {}
            let _ = self.stop_delivering.send(true);
            while self.delivering.join_next().await.is_some() {}
            if let Some(live) = &self.platform.live {
                live.connections.stop().await;
            }
        });
        if finished.await.is_err() {
            tracing::warn!("stopped before all requests and events were finished");
        }
    }
}

/// The URL at which a program on this machine reaches a server that listens on `address`.
#[must_use]
pub fn local_url(mut address: SocketAddr) -> String {
    match address.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    format!("http://{address}")
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        ErrorKind::AddrNotAvailable => {
            anyhow::anyhow!(
                "this machine does not have the address {}; set SEXTANT_BIND to one that it has",
                address.ip()
            )
        }
        ErrorKind::AddrInUse => {
            anyhow::anyhow!("another program uses {address}; set PORT to another port (PORT=0 picks a free one)")
        }
        _ => anyhow::Error::new(error).context(format!("cannot listen on {address}; set PORT to another port")),
    })
}

async fn accept(platform: Arc<Platform>, listener: TcpListener, limits: Limits, stopped: watch::Receiver<bool>) {
    let places = Places::new(limits.connections);
    let bodies = Bodies::new(limits.body, limits.buffered_kib);
    let pace = limits.answer;
    let mut stopping = stopped.clone();
    let mut stop = pin!(stopping.wait_for(|stopped| *stopped));
    loop {
        let accepted = tokio::select! {
            _ = &mut stop => break,
            accepted = accept_connection(&listener, &places) => accepted,
        };
        match accepted {
            Ok((accepted, stream)) => {
                tokio::spawn(serve(platform.clone(), stream, accepted, (bodies.clone(), pace), stopped.clone()));
            }
            Err(error) => {
                // Usually out of file descriptors, which passes when connections close.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    places.wait_until_free().await;
}

/// Serves one connection until it ends or becomes a live connection, which has its own place.
async fn serve(
    platform: Arc<Platform>,
    stream: TcpStream,
    accepted: Accepted,
    (bodies, pace): (Bodies, ReadPace),
    mut stopped: watch::Receiver<bool>,
) {
    let Accepted { peer, place, closing } = accepted;
    let sending = Sending::default();
    let service = service_fn(|request| {
        let (platform, place, sending, bodies) = (platform.clone(), place.clone(), sending.clone(), bodies.clone());
        async move {
            // The connection is already closed.
            let Some(busy) = sending.take().or_else(|| place.busy()) else { return std::future::pending().await };
            let response = answer(&platform, &bodies, peer, request).await;
            Ok::<_, Infallible>(sending.answer(response, busy))
        }
    });
    let stream = Flushed::new(stream, sending.clone(), pace);
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service).with_upgrades());
    let early = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = wait_for_stop(&mut stopped) => None,
        _ = closing => return tracing::debug!(%peer, "an idle connection is closed for a new one"),
    };
    let ended = if let Some(ended) = early {
        ended
    } else {
        connection.as_mut().graceful_shutdown();
        connection.await
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "the connection ended early");
    }
}

async fn wait_for_stop(stopped: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, which also means to stop.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// An accepted connection: the client's address and the connection's place.
struct Accepted {
    peer: SocketAddr,
    place: Arc<Place>,
    closing: Closing,
}

async fn accept_connection(listener: &TcpListener, places: &Arc<Places>) -> anyhow::Result<(Accepted, TcpStream)> {
    let (stream, peer) = listener.accept().await?;
    // Responses are written whole: waiting to fill a packet would only delay their ends.
    stream.set_nodelay(true)?;
    let (place, closing) = places.take().await.context("no connection is taken any more")?;
    Ok((Accepted { peer, place, closing }, stream))
}

#[cfg(test)]
mod tests;
