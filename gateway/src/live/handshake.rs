//! Makes a live connection, if its function lets it be made.

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

use crate::event_function::Ended;
use crate::live::Live;
use crate::live::connections::Connections;
use crate::live::event::{self, Connection, Moment};
use crate::live::session::{self, Session};
use crate::platform::Platform;
use crate::request_line::check_query;

impl Live {
    /// Whether the request is for this API: it asks for a WebSocket where the stage is.
    #[must_use]
    pub fn is_asked(&self, request: &Request<Incoming>) -> bool {
        let upgrade = request.headers().get(header::UPGRADE).and_then(|value| value.to_str().ok());
        let websocket = upgrade.is_some_and(|protocol| protocol.eq_ignore_ascii_case("websocket"));
        websocket && request.uri().path().strip_prefix('/') == Some(&self.stage)
    }
}

/// Answers a request that [`Live::is_asked`]: 101 and a session, or a refusal and none.
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
        (Ended::Done(answer), Some(passed)) if lets_pass(&answer) => {
            // Before the client can know that it is connected: what it asks for at once can be answered at once.
            if !live.connections.open(&connection.id) {
                tracing::info!(request_id = moment.request_id, "a live connection was closed before it was made");
                return refusal(StatusCode::FORBIDDEN, "Forbidden");
            }
            passed.begin(hyper::upgrade::on(&mut request));
            accepted
        }
        (Ended::Done(answer), _) => {
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

/// Asks the function whether the connection may be made, to the end even where the client hangs up meanwhile: this future
/// is dropped then, and so is the connection that was let pass, whose end is told.
async fn ask(market: &MarketData, live: &Live, event: Value, session: Session) -> (Ended, Option<Passed>) {
    let (function, connections, market) = (live.function.clone(), live.connections.clone(), market.clone());
    let (answers, answer) = oneshot::channel();
    tokio::spawn(async move {
        let ended = function.run(&market, event).await;
        let passed = match &ended {
            Ended::Done(answer) if lets_pass(answer) => Some(Passed(Some(session))),
            _ => {
                connections.forget(session.id());
                None
            }
        };
        // Given back when nobody waits, and dropped here.
        let _ = answers.send((ended, passed));
    });
    answer.await.unwrap_or_else(|gone| (Ended::Failed(gone.into()), None))
}

/// A session whose function has let it pass. One that does not begin has ended all the same.
struct Passed(Option<Session>);

impl Passed {
    /// Begins to serve the connection that the handshake makes.
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

/// Whether the function's answer to a CONNECT event lets the connection be made.
fn lets_pass(answer: &Value) -> bool {
    answer["statusCode"].as_u64().is_some_and(|status| (200..300).contains(&status))
}

/// The status of a refusal: the function's own, as API Gateway passes it on.
fn refused_with(answer: &Value) -> StatusCode {
    let status = answer["statusCode"].as_u64().and_then(|status| u16::try_from(status).ok());
    let status = status.and_then(|status| StatusCode::from_u16(status).ok());
    status.filter(|status| status.is_client_error() || status.is_server_error()).unwrap_or(StatusCode::FORBIDDEN)
}

/// The answer to a well-formed handshake.
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
