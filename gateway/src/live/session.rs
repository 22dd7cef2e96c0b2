//! A live connection from its first message to its end.
//!
//! The client's messages are handled one after the other, so that their order is kept and a client that sends too fast
//! is slowed down by its socket. Messages posted by functions are sent meanwhile.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use market_data::MarketData;
use serde_json::json;
use store::Clock;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::event_function::{EventFunction, RunOutcome};
use crate::live::Live;
use crate::live::connections::{MAX_MESSAGE_BYTES, Outbox, Reason};
use crate::live::event::{self, Connection, Ending, Moment};
use crate::live::rate_limiter::RateLimiter;

/// The largest frame that API Gateway accepts.
const MAX_FRAME_BYTES: usize = 32 * 1024;
/// A connection that is idle for this long is closed.
const IDLE_TIMEOUT: Duration = Duration::from_mins(10);
/// The longest duration of a connection.
const LIFETIME: Duration = Duration::from_hours(2);
/// A client whose socket accepts nothing for this long does not read.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the client has to answer the platform's close frame.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long after the handshake's response the connection must be established.
const UPGRADE_TIMEOUT: Duration = Duration::from_secs(10);
/// Allocated for every connection; API Gateway's messages are small.
const READ_BUFFER_BYTES: usize = 4 * 1024;
/// The code of an end without a close frame (RFC 6455, section 7.4.1).
const ABNORMAL: u16 = 1006;
/// The code of a close frame that has none.
const NO_STATUS: u16 = 1005;

type Handling = Pin<Box<dyn Future<Output = (Moment, RunOutcome)> + Send>>;

/// One live connection.
pub struct Session {
    market: MarketData,
    clock: Clock,
    live: Live,
    connection: Connection,
    outbox: Outbox,
    rate_limiter: RateLimiter,
    /// Released when the session has ended and its last event has been handled.
    _place: OwnedSemaphorePermit,
}

/// Why a conversation has ended.
enum Over {
    /// The client closed it or is gone.
    Theirs(Ending),
    /// The platform closes it.
    Ours(CloseFrame),
    /// The client sent a message that cannot be read.
    Unreadable(CloseFrame),
}

impl Session {
    /// The session of an accepted connection.
    pub fn new(
        market: &MarketData,
        clock: &Clock,
        live: &Live,
        connection: Connection,
        outbox: Outbox,
        place: OwnedSemaphorePermit,
    ) -> Self {
        let (market, clock, live) = (market.clone(), clock.clone(), live.clone());
        Self { market, clock, live, connection, outbox, rate_limiter: RateLimiter::new(Instant::now()), _place: place }
    }

    /// The connection's id.
    pub fn id(&self) -> &str {
        &self.connection.id
    }

    /// Serves the connection.
    pub async fn run(self, upgrade: OnUpgrade) {
        match timeout(UPGRADE_TIMEOUT, upgrade).await {
            Ok(Ok(upgraded)) => self.serve(TokioIo::new(upgraded)).await,
            _ => self.finish(abnormal()).await,
        }
    }

    /// Reports to the function the end of a connection that it accepted but that was never established.
    pub async fn end_unmade(self) {
        self.finish(abnormal()).await;
    }

    /// Serves the connection until it ends, and reports the end to the function.
    pub async fn serve<S: AsyncRead + AsyncWrite + Unpin>(mut self, stream: S) {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(0)
            .max_write_buffer_size(2 * MAX_MESSAGE_BYTES)
            .max_message_size(Some(MAX_MESSAGE_BYTES))
            .max_frame_size(Some(MAX_FRAME_BYTES));
        let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await;
        let over = self.converse(&mut socket).await;
        self.live.connections.forget(&self.connection.id);
        let ending = leave(socket, over).await;
        self.finish(ending).await;
    }

    async fn finish(self, ending: Ending) {
        self.live.connections.forget(&self.connection.id);
        let moment = self.moment();
        let event = event::disconnect(&self.connection, &moment, &ending);
        let ended = self.live.function.run(&self.market, event).await;
        log_failure(&self.live.function, &moment, ended);
    }

    async fn converse<S: AsyncRead + AsyncWrite + Unpin>(&mut self, socket: &mut WebSocketStream<S>) -> Over {
        let lifetime = Instant::now() + LIFETIME;
        let mut idle = Instant::now() + IDLE_TIMEOUT;
        let mut handling: Option<Handling> = None;
        loop {
            tokio::select! {
                posted = self.outbox.next() => {
                    let text = match posted {
                        Ok(text) => text,
                        Err(reason) => return Over::Ours(reason.frame()),
                    };
                    if let Err(over) = send(socket, Message::Text(text)).await {
                        return over;
                    }
                }
                (moment, ended) = wait_for_end(&mut handling), if handling.is_some() => {
                    handling = None;
                    if let Some(apology) = self.apology(&moment, ended)
                        && let Err(over) = send(socket, apology).await
                    {
                        return over;
                    }
                }
                received = socket.next(), if handling.is_none() => {
                    match self.received(received) {
                        Ok(begun) => handling = begun,
                        Err(over) => return over,
                    }
                }
                () = sleep_until(idle) => return Over::Ours(Reason::Stopping.frame()),
                () = sleep_until(lifetime) => return Over::Ours(Reason::Stopping.frame()),
            }
            idle = Instant::now() + IDLE_TIMEOUT;
        }
    }

    /// Processes a frame from the client and starts to handle a message.
    fn received(&mut self, received: Option<Result<Message, Error>>) -> Result<Option<Handling>, Over> {
        let message = match received {
            Some(Ok(message)) => message,
            Some(Err(error)) => return Err(unreadable(&error)),
            None => return Err(Over::Theirs(abnormal())),
        };
        if !self.rate_limiter.takes_one_more(Instant::now()) {
            return Err(Over::Ours(CloseFrame { code: CloseCode::Policy, reason: "Too many messages".into() }));
        }
        let moment = self.moment();
        let event = match message {
            Message::Text(text) => event::text(&self.connection, &moment, &text),
            Message::Binary(_) => {
                let frame = CloseFrame { code: CloseCode::Unsupported, reason: "Binary is not supported".into() };
                return Err(Over::Ours(frame));
            }
            Message::Close(frame) => return Err(Over::Theirs(ending_of(frame))),
            // Answered by the protocol implementation if necessary.
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => return Ok(None),
        };
        let (function, market) = (self.live.function.clone(), self.market.clone());
        Ok(Some(Box::pin(async move { (moment, function.run(&market, event).await) })))
    }

    /// The error message to the client if its message could not be handled; `None` otherwise.
    fn apology(&self, moment: &Moment, ended: RunOutcome) -> Option<Message> {
        let handled = matches!(&ended, RunOutcome::Done(_));
        log_failure(&self.live.function, moment, ended);
        let (id, request_id) = (&self.connection.id, &moment.request_id);
        let words = || json!({ "message": "Internal server error", "connectionId": id, "requestId": request_id });
        (!handled).then(|| Message::text(words().to_string()))
    }

    fn moment(&self) -> Moment {
        Moment { request_id: self.market.app.new_id().to_string(), time: (self.clock)() }
    }
}

/// Logs how a run ended, if it failed.
pub fn log_failure(function: &EventFunction, moment: &Moment, ended: RunOutcome) {
    if let Err(error) = ended.answer() {
        let (function, request_id) = (&function.name, &moment.request_id);
        tracing::error!(function, request_id, error = format!("{error:#}"), "failed to handle a live event");
    }
}

async fn wait_for_end(handling: &mut Option<Handling>) -> (Moment, RunOutcome) {
    match handling {
        Some(running) => running.await,
        None => std::future::pending().await,
    }
}

async fn send<S: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut WebSocketStream<S>,
    message: Message,
) -> Result<(), Over> {
    match timeout(SEND_TIMEOUT, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(Over::Theirs(abnormal())),
        Err(_) => Err(Over::Unreadable(Reason::TooSlow.frame())),
    }
}

fn unreadable(error: &Error) -> Over {
    let (code, reason) = match error {
        Error::Capacity(_) => (CloseCode::Size, "Message too long"),
        Error::Utf8(_) => (CloseCode::Invalid, "Text is not UTF-8"),
        Error::Protocol(_) => (CloseCode::Protocol, "Protocol error"),
        _ => return Over::Theirs(abnormal()),
    };
    Over::Unreadable(CloseFrame { code, reason: reason.into() })
}

/// An end without a close frame.
fn abnormal() -> Ending {
    Ending { code: ABNORMAL, reason: String::new() }
}

fn ending_of(frame: Option<CloseFrame>) -> Ending {
    match frame {
        Some(frame) => Ending { code: frame.code.into(), reason: frame.reason.to_string() },
        None => Ending { code: NO_STATUS, reason: "Client-side close frame status not set".to_owned() },
    }
}

/// Performs the closing handshake and closes the socket.
async fn leave<S: AsyncRead + AsyncWrite + Unpin>(mut socket: WebSocketStream<S>, over: Over) -> Ending {
    match over {
        Over::Theirs(ending) => {
            // The reply to the client's close frame is sent while reading.
            let _ = timeout(LEAVE_TIMEOUT, async { while let Some(Ok(_)) = socket.next().await {} }).await;
            ending
        }
        Over::Ours(frame) => {
            let goodbye = async {
                socket.close(Some(frame.clone())).await?;
                while socket.next().await.transpose()?.is_some() {}
                Ok::<_, Error>(())
            };
            let _ = timeout(LEAVE_TIMEOUT, goodbye).await;
            ending_of(Some(frame))
        }
        Over::Unreadable(frame) => {
            let goodbye = async {
                socket.close(Some(frame.clone())).await?;
                // Unread bytes would turn the close into a reset, which can discard the close frame.
                let mut unread = [0; READ_BUFFER_BYTES];
                while socket.get_mut().read(&mut unread).await? > 0 {}
                Ok::<_, Error>(())
            };
            let _ = timeout(LEAVE_TIMEOUT, goodbye).await;
            ending_of(Some(frame))
        }
    }
}
