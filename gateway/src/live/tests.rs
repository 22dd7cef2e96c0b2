//! Live connections, over a socket in memory or, for the handshake, over a real one.

use std::sync::Mutex;
use std::time::Duration;

use app::push::PushError;
use futures::{SinkExt, StreamExt};
use market_data::MarketData;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, DuplexStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::connections::MAX_MESSAGE_BYTES;
use super::event::Connection;
use super::session::Session;
use super::*;
use crate::Server;
use crate::platform::Platform;
use crate::platform::tests_support::settings;
use crate::registry::EventAnswer;
use crate::server::Limits;

type Events = Arc<Mutex<Vec<Value>>>;

/// A platform whose live function records its events and follows the instructions in messages.
fn platform() -> (Platform, Events, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let (mut platform, _) = Platform::open(&settings(&folder)).unwrap();
    let events = Events::default();
    let heard = events.clone();
    let live = platform.live.as_mut().unwrap();
    live.function.handle = Arc::new(move |market, event: Value| {
        heard.lock().unwrap().push(event.clone());
        Box::pin(async move { obey(&market, &event).await })
    });
    (platform, events, folder)
}

async fn obey(market: &MarketData, event: &Value) -> anyhow::Result<Value> {
    let id = event["requestContext"]["connectionId"].as_str().unwrap();
    let asked = event["queryStringParameters"]["ask"].as_str();
    match asked.or(event["body"].as_str()).unwrap_or_default() {
        "refuse" => return Ok(json!({ "statusCode": 401 })),
        "fail" => anyhow::bail!("no"),
        "close" => {
            market.app.push().post(id, "goodbye").await?;
            market.app.push().close(id).await?;
        }
        "close-itself" => market.app.push().close(id).await?,
        "slowly" => tokio::time::sleep(Duration::from_millis(300)).await,
        "" => {}
        other => match market.app.push().post(id, &format!("{} bytes", other.len())).await {
            // No client is connected before the response to CONNECT or after the end.
            Ok(()) | Err(PushError::Gone) => {}
            Err(error) => anyhow::bail!(error),
        },
    }
    Ok(json!({ "statusCode": 200 }))
}

/// A session over a socket in memory, and the client's end of it.
async fn conversation(platform: &Arc<Platform>) -> (WebSocketStream<DuplexStream>, JoinHandle<()>) {
    let live = platform.live.as_ref().unwrap();
    let connection = Connection {
        id: "L0SM9cOFvHcCIhw=".to_owned(),
        stage: live.stage.clone(),
        host: "localhost".to_owned(),
        source_ip: "127.0.0.1".parse().unwrap(),
        user_agent: String::new(),
        connected_at: (platform.clock)(),
    };
    let (ours, theirs) = tokio::io::duplex(2 * MAX_MESSAGE_BYTES);
    let outbox = live.connections.announce(connection.id.clone());
    assert!(live.connections.open(&connection.id));
    let session =
        Session::new(&platform.market, &platform.clock, live, connection, outbox, live.connections.place().unwrap());
    let serving = tokio::spawn(session.serve(ours));
    (WebSocketStream::from_raw_socket(theirs, Role::Client, None).await, serving)
}

async fn closed<S: AsyncRead + AsyncWrite + Unpin>(client: &mut WebSocketStream<S>) -> u16 {
    loop {
        match client.next().await {
            Some(Ok(Message::Close(Some(frame)))) => return frame.code.into(),
            Some(Ok(_)) => {}
            other => panic!("{other:?} where a close frame was due"),
        }
    }
}

async fn text<S: AsyncRead + AsyncWrite + Unpin>(client: &mut WebSocketStream<S>) -> String {
    client.next().await.unwrap().unwrap().into_text().unwrap().to_string()
}

/// The ends that were reported to the function.
fn endings(events: &Events) -> Vec<(u64, String)> {
    let events = events.lock().unwrap();
    let contexts = events.iter().map(|event| &event["requestContext"]);
    let ends = contexts.filter(|context| context["eventType"] == "DISCONNECT");
    ends.map(|context| {
        let code = context["disconnectStatusCode"].as_u64().unwrap();
        (code, context["disconnectReason"].as_str().unwrap().to_owned())
    })
    .collect()
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_is_closed_after_ten_minutes_and_any_after_two_hours() {
    let (platform, events, _folder) = platform();
    let platform = Arc::new(platform);
    let begun = tokio::time::Instant::now();
    let (mut silent, serving) = conversation(&platform).await;
    assert_eq!(closed(&mut silent).await, 1001);
    assert_eq!(begun.elapsed().as_secs(), 600);
    drop(silent);
    serving.await.unwrap();

    let begun = tokio::time::Instant::now();
    let (mut lively, serving) = conversation(&platform).await;
    let code = loop {
        tokio::select! {
            code = closed(&mut lively) => break code,
            () = tokio::time::sleep(Duration::from_mins(5)) => {}
        }
        lively.send(Message::Ping(Vec::new().into())).await.unwrap();
    };
    assert_eq!((code, begun.elapsed().as_secs()), (1001, 7200));
    drop(lively);
    serving.await.unwrap();
    assert_eq!(endings(&events), [(1001, "Going away".to_owned()), (1001, "Going away".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn one_byte_beyond_a_frame_or_message_limit_closes_with_1009() {
    const FRAME: usize = 32 * 1024;
    let (platform, events, _folder) = platform();
    let platform = Arc::new(platform);
    let frame =
        |bytes: usize, opcode, last| Message::Frame(Frame::message("x".repeat(bytes), OpCode::Data(opcode), last));
    let (mut client, serving) = conversation(&platform).await;
    client.send(Message::text("x".repeat(FRAME))).await.unwrap();
    assert_eq!(text(&mut client).await, format!("{FRAME} bytes"));
    for (opcode, last) in
        [(Data::Text, false), (Data::Continue, false), (Data::Continue, false), (Data::Continue, true)]
    {
        client.send(frame(FRAME, opcode, last)).await.unwrap();
    }
    assert_eq!(text(&mut client).await, format!("{} bytes", 4 * FRAME));
    client.send(Message::text("x".repeat(FRAME + 1))).await.unwrap();
    assert_eq!(closed(&mut client).await, 1009);
    drop(client);
    serving.await.unwrap();

    let (mut client, serving) = conversation(&platform).await;
    for opcode in [Data::Text, Data::Continue, Data::Continue, Data::Continue] {
        client.send(frame(FRAME, opcode, false)).await.unwrap();
    }
    client.send(frame(1, Data::Continue, true)).await.unwrap();
    assert_eq!(closed(&mut client).await, 1009);
    drop(client);
    serving.await.unwrap();
    assert_eq!(endings(&events).iter().map(|(code, _)| *code).collect::<Vec<_>>(), [1009, 1009]);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_closed_without_waiting() {
    let (platform, events, _folder) = platform();
    let platform = Arc::new(platform);
    let (client, serving) = conversation(&platform).await;
    let mut posted = 0;
    while platform.market.app.push().post("L0SM9cOFvHcCIhw=", &"x".repeat(10_000)).await.is_ok() {
        posted += 1;
        tokio::task::yield_now().await;
    }
    // The queued messages and those in the socket.
    assert!((100..200).contains(&posted), "{posted}");
    serving.await.unwrap();
    assert_eq!(endings(&events), [(1008, "Messages are not read".to_owned())]);
    drop(client);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_sends_too_many_messages_is_closed() {
    let (platform, events, _folder) = platform();
    let platform = Arc::new(platform);
    let (mut client, serving) = conversation(&platform).await;
    let (mut sending, mut receiving) = client.split();
    let sent = async {
        for _ in 0..200 {
            if sending.send(Message::text("tick")).await.is_err() {
                break;
            }
        }
    };
    let received = async { while !matches!(receiving.next().await, Some(Ok(Message::Close(_))) | None) {} };
    futures::future::join(sent, received).await;
    client = sending.reunite(receiving).unwrap();
    drop(client);
    serving.await.unwrap();
    assert_eq!(endings(&events), [(1008, "Too many messages".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn a_failed_message_is_answered_and_the_connection_stays_open() {
    let (platform, events, _folder) = platform();
    let platform = Arc::new(platform);
    let (mut client, serving) = conversation(&platform).await;
    client.send(Message::text("fail")).await.unwrap();
    let apology: Value = serde_json::from_str(&text(&mut client).await).unwrap();
    assert_eq!(apology["message"], "Internal server error");
    assert_eq!(apology["connectionId"], "L0SM9cOFvHcCIhw=");
    client.send(Message::text("close")).await.unwrap();
    assert_eq!(text(&mut client).await, "goodbye");
    assert_eq!(closed(&mut client).await, 1000);
    drop(client);
    serving.await.unwrap();
    assert_eq!(endings(&events), [(1000, "Connection closed by the platform".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn a_binary_message_is_not_supported() {
    let (platform, events, _folder) = platform();
    let platform = Arc::new(platform);
    let (mut client, serving) = conversation(&platform).await;
    client.send(Message::binary(vec![0xff])).await.unwrap();
    assert_eq!(closed(&mut client).await, 1003);
    drop(client);
    serving.await.unwrap();
    assert_eq!(endings(&events), [(1003, "Binary is not supported".to_owned())]);
    assert_eq!(events.lock().unwrap().len(), 1, "no message event");
}

async fn served() -> (Server, Events, TempDir) {
    let (platform, events, folder) = platform();
    let subscriber = TcpListener::bind("127.0.0.1:0").await.unwrap();
    (Server::listen(subscriber, platform, Vec::new(), Limits::default()).unwrap(), events, folder)
}

type Client = WebSocketStream<TcpStream>;

async fn connected(server: &Server, target: &str, host: &str) -> Result<Client, Error> {
    let mut request = format!("ws://{}{target}", server.address()).into_client_request()?;
    request.headers_mut().insert("host", host.parse().unwrap());
    let stream = TcpStream::connect(server.address()).await.unwrap();
    Ok(tokio_tungstenite::client_async(request, stream).await?.0)
}

#[tokio::test(flavor = "multi_thread")]
async fn handshake_message_and_end_become_the_events_of_api_gateway() {
    let (server, events, _folder) = served().await;
    let mut client = connected(&server, "/live?ticket=a%20b", "localhost:8080").await.unwrap();
    client.send(Message::text("hello")).await.unwrap();
    assert_eq!(text(&mut client).await, "5 bytes");
    client.close(Some(CloseFrame { code: 4000.into(), reason: "enough".into() })).await.unwrap();
    while client.next().await.is_some() {}
    server.stop().await;
    let received = events.lock().unwrap();
    let kinds: Vec<_> = received.iter().map(|event| event["requestContext"]["eventType"].clone()).collect();
    assert_eq!(kinds, ["CONNECT", "MESSAGE", "DISCONNECT"]);
    assert_eq!(received[0]["queryStringParameters"], json!({ "ticket": "a b" }));
    assert_eq!(received[0]["requestContext"]["domainName"], "localhost:8080");
    assert_eq!(received[0]["requestContext"]["stage"], "live");
    let ids: std::collections::BTreeSet<_> =
        received.iter().map(|event| event["requestContext"]["connectionId"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 1);
    drop(received);
    assert_eq!(endings(&events), [(4000, "enough".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_connection_is_not_established() {
    let (server, events, _folder) = served().await;
    for (target, host, status) in [
        ("/live?ask=refuse", "localhost", 401),
        ("/live?ask=fail", "localhost", 500),
        ("/live?a=%zz", "localhost", 400),
        ("/live", "evil.example", 421),
        ("/elsewhere", "localhost", 404),
        ("/live/further", "localhost", 404),
    ] {
        match connected(&server, target, host).await {
            Err(Error::Http(response)) => assert_eq!(response.status(), status, "{target}"),
            other => panic!("{target}: {other:?}"),
        }
    }
    assert_eq!(server.platform().live.as_ref().unwrap().connections.count(), 0);
    server.stop().await;
    // A connection that was never established has no end.
    assert!(endings(&events).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_closed_during_its_connect_event_is_not_established() {
    let (server, events, _folder) = served().await;
    match connected(&server, "/live?ask=close-itself", "localhost").await {
        Err(Error::Http(response)) => assert_eq!(response.status(), 403),
        other => panic!("{other:?}"),
    }
    assert_eq!(server.platform().live.as_ref().unwrap().connections.count(), 0);
    server.stop().await;
    assert_eq!(endings(&events), [(1006, String::new())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disconnect_during_the_connect_event_is_reported() {
    let (server, events, _folder) = served().await;
    let place = server.platform().live.as_ref().unwrap().connections.clone();
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let request = "GET /live?ask=slowly HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    while events.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    drop(stream);
    // The session keeps its permit until the last event is handled, and stopping waits for that.
    while place.count() > 0 {
        tokio::task::yield_now().await;
    }
    server.stop().await;
    assert_eq!(endings(&events), [(1006, String::new())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_server_closes_its_clients_and_waits_for_their_end_events() {
    let (server, events, _folder) = served().await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(connected(&server, "/live", "localhost").await.unwrap());
    }
    let stopping = tokio::spawn(server.stop());
    for client in &mut clients {
        assert_eq!(closed(client).await, 1001);
        while client.next().await.is_some() {}
    }
    stopping.await.unwrap();
    assert_eq!(endings(&events), vec![(1001, "Going away".to_owned()); 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_published_event_reaches_the_functions_whose_rules_match() {
    let (mut platform, _, _folder) = platform();
    let (heard, mut hears) = tokio::sync::mpsc::unbounded_channel();
    for subscriber in &mut platform.subscribers {
        let (heard, name) = (heard.clone(), subscriber.function.name.clone());
        subscriber.function.handle = Arc::new(move |_, event: Value| -> EventAnswer {
            heard.send((name.clone(), event)).unwrap();
            Box::pin(async { Ok(Value::Null) })
        });
    }
    let subscriber = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = Server::listen(subscriber, platform, Vec::new(), Limits::default()).unwrap();
    let event =
        app::bus::Event { detail_type: market_data::quote_record::QUOTES_REFRESHED, detail: json!({ "quotes": [] }) };
    server.platform().market.app.bus().publish(event).await.unwrap();
    let (name, event) = hears.recv().await.unwrap();
    assert_eq!((name.as_str(), &event["detail"]), ("publish-rates", &json!({ "quotes": [] })));
    server.stop().await;
}
