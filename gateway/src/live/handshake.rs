//! Accepts a live connection if its function agrees.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use market_data::MarketData;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::handshake::server::create_response;

use crate::event_function::RunOutcome;
use crate::live::Live;
use crate::live::connections::Connections;
use crate::live::event::{self, Connection, Moment};
use crate::live::session::{self, Session};
use crate::platform::Platform;
use crate::request_line::check_query;

impl Live {
    /// Whether the request is for this API: a WebSocket upgrade at the stage's path.
    #[must_use]
    pub fn is_asked(&self, request: &Request<Incoming>) -> bool {
        let upgrade = request.headers().get(header::UPGRADE).and_then(|value| value.to_str().ok());
        let websocket = upgrade.is_some_and(|protocol| protocol.eq_ignore_ascii_case("websocket"));
        websocket && request.uri().path().strip_prefix('/') == Some(&self.stage)
    }
}

/// Answers a request for which [`Live::is_asked`] holds: 101 and a session, or a refusal.
pub async fn answer(
    platform: &Arc<Platform>,
    live: &Live,
    peer: SocketAddr,
    host: String,
    mut request: Request<Incoming>,
) -> Response<Bytes> {
    let moment = Moment { request_id: platform.market.app.new_id().to_string(), time: (platform.clock)() };
    let connection = Connection {
        id: Connections::new_id(),
        stage: live.stage.clone(),
        host,
        source_ip: peer.ip(),
        user_agent: user_agent(request.headers()),
        connected_at: moment.time,
    };
    let refusal = |status, message| refused(status, message, &connection.id, &moment.request_id);
    let query = request.uri().query().unwrap_or_default().to_owned();
    if check_query(&query).is_err() {
        return refusal(StatusCode::BAD_REQUEST, "Bad Request");
    }
    let Ok(accepted) = accepted(&request) else { return refusal(StatusCode::BAD_REQUEST, "Bad Request") };
    let Some(place) = live.connections.place() else {
        return refusal(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests");
    };
    let event = event::connect(&connection, &moment, request.headers(), &query);
    let outbox = live.connections.announce(connection.id.clone());
    let session = Session::new(&platform.market, &platform.clock, live, connection.clone(), outbox, place);
    match ask(&platform.market, live, event, session).await {
        (RunOutcome::Done(answer), Some(passed)) if lets_pass(&answer) => {
            // Before the client knows that it is connected, so that its first message can be answered immediately.
            if !live.connections.open(&connection.id) {
                tracing::info!(request_id = moment.request_id, "a live connection was closed during its handshake");
                return refusal(StatusCode::FORBIDDEN, "Forbidden");
            }
            passed.begin(hyper::upgrade::on(&mut request));
            accepted
        }
        (RunOutcome::Done(answer), _) => {
            tracing::info!(request_id = moment.request_id, status = %answer["statusCode"], "live connection refused");
            let status = refused_with(&answer);
            refusal(status, status.canonical_reason().unwrap_or_default())
        }
        (ended, _) => {
            session::log_failure(&live.function, &moment, ended);
            refusal(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error")
        }
    }
}

/// Asks the function whether to accept the connection. The call completes even if the client disconnects meanwhile:
/// then this future and the accepted connection are dropped, and the function gets the event of its end.
async fn ask(market: &MarketData, live: &Live, event: Value, session: Session) -> (RunOutcome, Option<Passed>) {
    let (function, connections, market) = (live.function.clone(), live.connections.clone(), market.clone());
    let (answers, answer) = oneshot::channel();
    tokio::spawn(async move {
        let ended = function.run(&market, event).await;
        let passed = match &ended {
            RunOutcome::Done(answer) if lets_pass(answer) => Some(Passed(Some(session))),
            _ => {
                connections.forget(session.id());
                None
            }
        };
        // Returned if the future was dropped, and dropped here.
        let _ = answers.send((ended, passed));
    });
    answer.await.unwrap_or_else(|gone| (RunOutcome::Failed(gone.into()), None))
}

/// A session that its function has accepted. If it never starts, its end is still reported.
struct Passed(Option<Session>);

impl Passed {
    /// Starts to serve the connection.
    fn begin(mut self, upgrade: OnUpgrade) {
        if let Some(session) = self.0.take() {
            tokio::spawn(session.run(upgrade));
        }
    }
}

impl Drop for Passed {
    fn drop(&mut self) {
        if let Some(session) = self.0.take() {
            tokio::spawn(session.end_unmade());
        }
    }
}

/// Whether the function's response to a CONNECT event accepts the connection.
fn lets_pass(answer: &Value) -> bool {
    answer["statusCode"].as_u64().is_some_and(|status| (200..300).contains(&status))
}

/// The status of a refusal: the function's own, as API Gateway passes it on.
fn refused_with(answer: &Value) -> StatusCode {
    let status = answer["statusCode"].as_u64().and_then(|status| u16::try_from(status).ok());
    let status = status.and_then(|status| StatusCode::from_u16(status).ok());
    status.filter(|status| status.is_client_error() || status.is_server_error()).unwrap_or(StatusCode::FORBIDDEN)
}

/// The response to a well-formed handshake.
fn accepted(request: &Request<Incoming>) -> Result<Response<Bytes>, tokio_tungstenite::tungstenite::Error> {
    let mut bare = Request::new(());
    *bare.method_mut() = request.method().clone();
    *bare.version_mut() = request.version();
    *bare.headers_mut() = request.headers().clone();
    create_response(&bare).map(|response| response.map(|()| Bytes::new()))
}

fn refused(status: StatusCode, message: &str, connection: &str, request_id: &str) -> Response<Bytes> {
    let body = json!({ "message": message, "connectionId": connection, "requestId": request_id }).to_string();
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn user_agent(headers: &HeaderMap) -> String {
    headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}
