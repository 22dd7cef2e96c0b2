//! The socket: takes connections, hands over requests, and stops without cutting any short.

use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use crate::answer::answer;
use crate::platform::{Platform, Settings};
use crate::schedules;

/// Requests and scheduled runs in flight get this long to finish when the server stops.
const GRACE: Duration = Duration::from_secs(10);
/// A client that takes longer to send its headers is not one.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections at a time; more wait in the system's queue.
const MAX_CONNECTIONS: usize = 1024;

/// A platform that listens.
pub struct Server {
    platform: Arc<Platform>,
    address: SocketAddr,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Server {
    /// Opens the platform and starts to listen; returns once requests are answered.
    pub async fn start(settings: Settings) -> anyhow::Result<Self> {
        let listener = bind(settings.address).await?;
        let address = listener.local_addr()?;
        let with_schedules = settings.schedules;
        let opened = tokio::task::spawn_blocking(move || Platform::open(&settings)).await?;
        let (platform, scheduled) = opened?;
        platform.objects.set_base_url(&format!("http://{address}"))?;
        let platform = Arc::new(platform);
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(platform.clone(), listener, stopped.clone()));
        if with_schedules {
            for one in scheduled {
                tasks.spawn(schedules::run(platform.app.clone(), platform.clock.clone(), one, stopped.clone()));
            }
        }
        Ok(Self { platform, address, stop, tasks })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The platform behind it.
    #[must_use]
    pub fn platform(&self) -> &Platform {
        &self.platform
    }

    /// Takes no more requests, lets those in flight finish for at most ten seconds, and returns.
    pub async fn stop(mut self) {
        // Fails only when nobody listens any more, which is what is wanted.
        let _ = self.stop.send(true);
        let finished = tokio::time::timeout(GRACE, async { while self.tasks.join_next().await.is_some() {} }).await;
        if finished.is_err() {
            tracing::warn!("stopped with work in flight");
        }
    }
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => {
            anyhow::anyhow!("{address} is taken by another program; set PORT to another port (PORT=0 picks a free one)")
        }
        _ => anyhow::Error::new(error).context(format!("cannot listen on {address}; set PORT to another port")),
    })
}

async fn accept(platform: Arc<Platform>, listener: TcpListener, mut stopped: watch::Receiver<bool>) {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut stop = pin!(stopped.wait_for(|stopped| *stopped));
    loop {
        let accepted = tokio::select! {
            _ = &mut stop => break,
            accepted = next_connection(&listener, &places) => accepted,
        };
        let (stream, peer, place) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, most often: it passes when connections close.
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let watcher = graceful.watcher();
        let platform = platform.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let platform = platform.clone();
                async move { Ok::<_, Infallible>(answer(&platform, peer, request).await.map(Full::new)) }
            });
            let mut builder = http1::Builder::new();
            builder.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
            let connection = builder.serve_connection(TokioIo::new(stream), service);
            if let Err(error) = watcher.watch(connection).await {
                tracing::debug!(%peer, %error, "the connection ended early");
            }
            drop(place);
        });
    }
    drop(listener);
    graceful.shutdown().await;
}

async fn next_connection(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> anyhow::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await?;
    let (stream, peer) = listener.accept().await?;
    // Answers are written whole: waiting to fill a packet would only delay their ends.
    stream.set_nodelay(true)?;
    Ok((stream, peer, place))
}

#[cfg(test)]
mod tests;
