//! Over a real socket: what clients send, well formed or not, and how the server stops.

use std::sync::Mutex;

use chrono::TimeDelta;
use domain::CustomerId;
use objects::{LinkOptions, ObjectKey, Objects};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::platform::tests_support::settings;
use crate::request_body::MAX_BODY_BYTES;

async fn started() -> (Server, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (Server::start(settings(&folder)).await.unwrap(), folder)
}

/// A server with limits of its own.
async fn started_with(limits: Limits) -> (Server, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(&folder);
    let listener = bind(settings.address).await.unwrap();
    let (platform, _) = Platform::open(&settings).unwrap();
    (Server::listen(listener, platform, Vec::new(), limits).unwrap(), folder)
}

/// Sends a request over a connection that stays open, and reads the head of the answer.
async fn ask(stream: &mut TcpStream) -> String {
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut answer = vec![0; 4096];
    let read = stream.read(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer[..read]).into_owned()
}

/// Sends these bytes and reads until the server closes: status and whole answer.
async fn exchange(address: SocketAddr, request: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    read_answer(stream).await
}

async fn read_answer(mut stream: TcpStream) -> (u16, String) {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    (status, answer)
}

async fn get(address: SocketAddr, target: &str) -> (u16, String) {
    exchange(address, format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_reaches_its_function_and_a_stray_one_the_default_route() {
    let (server, _folder) = started().await;
    let (status, answer) = get(server.address(), "/health").await;
    assert!(status == 200 && answer.contains("\"source\":\"sample\""), "{answer}");
    assert!(answer.contains("apigw-requestid: "), "{answer}");
    let (status, answer) = get(server.address(), "/nothing/here").await;
    assert!(status == 404 && answer.contains("application/problem+json"), "{answer}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_byte_in_path_or_query_makes_a_function_fail() {
    let (server, _folder) = started().await;
    for byte in 0..=u8::MAX {
        for target in [
            format!("/health/%{byte:02X}/b"),
            format!("/fetch-data/%{byte:02x}"),
            format!("/health?a=%{byte:02X}"),
            format!("/fetch-data/A?from=%{byte:02X}"),
        ] {
            let (status, answer) = get(server.address(), &target).await;
            assert!((200..500).contains(&status), "{target}: {answer}");
        }
        let mut raw = b"GET /health?a=".to_vec();
        raw.push(byte);
        raw.extend(b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let (status, answer) = exchange(server.address(), &raw).await;
        let allowed = byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/? #".contains(&byte);
        // What may stand in a query comes to the function, which knows no parameter of that name.
        assert_eq!(status, if allowed && byte != b' ' { 422 } else { 400 }, "{byte:#x}: {answer}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_with_a_rebound_host_name_is_refused() {
    let (server, _folder) = started().await;
    for host in ["evil.example", "localhost.evil.example:8080"] {
        let request = format!("GET /health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let (status, answer) = exchange(server.address(), request.as_bytes()).await;
        assert!(status == 421 && !answer.contains("sample"), "{host}: {answer}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_a_valid_path_or_host_is_a_400() {
    let (server, _folder) = started().await;
    for (line, host) in [
        ("OPTIONS *", "localhost"),
        ("GET *", "localhost"),
        ("GET /health", "x:99999"),
        ("GET /health", "localhost:99999"),
        ("GET /health", "a@localhost"),
        ("GET http://localhost:99999/health", "localhost"),
        ("GET /a/../health", "localhost"),
        ("GET /..;/health", "localhost"),
        ("GET /a/%2e%2e/health", "localhost"),
        ("GET /health\\", "localhost"),
        ("GET /_objects/../health", "localhost"),
        ("GET /_objects/%2e%2E/%2e%2E/health", "localhost"),
        ("GET /_objects/reports%3Fa", "localhost"),
        ("GET /_objects/reports%23a", "localhost"),
        ("GET /_objects/reports%5Ca", "localhost"),
        ("GET /_objects/%zz", "localhost"),
    ] {
        let request = format!("{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let (status, answer) = exchange(server.address(), request.as_bytes()).await;
        assert_eq!(status, 400, "{line} at {host}: {answer}");
    }
    let (status, answer) = exchange(server.address(), b"GET /health HTTP/1.1\r\nConnection: close\r\n\r\n").await;
    assert_eq!(status, 400, "no host: {answer}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_over_ten_megabytes_is_a_413_and_without_a_token_a_401() {
    let (server, _folder) = started().await;
    let too_large = r#"{"message":"Request Entity Too Large"}"#;
    for (path, status, said) in [("/customers", 413, too_large), ("/backtest", 401, r#""code":"unauthenticated""#)] {
        let mut request = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            MAX_BODY_BYTES + 1
        )
        .into_bytes();
        request.resize(request.len() + MAX_BODY_BYTES + 1, b' ');
        let (found, answer) = exchange(server.address(), &request).await;
        assert!(found == status && answer.contains(said), "{path}: {found}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_works_until_it_expires_is_altered_or_its_object_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let now = Arc::new(Mutex::new("2026-11-20T12:00:00Z".parse::<chrono::DateTime<chrono::Utc>>().unwrap()));
    let clock = now.clone();
    let with_clock = Settings { clock: Arc::new(move || *clock.lock().unwrap()), ..settings(&folder) };
    let server = Server::start(with_clock).await.unwrap();
    let objects = &server.platform().objects;
    let key = ObjectKey::new("reports", CustomerId(server.platform().market.app.new_id()), [7; 16], "pdf").unwrap();
    objects.put(&key, b"%PDF-1.7 \xff".to_vec(), "application/pdf").await.unwrap();
    let options = LinkOptions { lifetime: Duration::from_mins(5), filename: "AAPL.pdf".to_owned() };
    let link = objects.link(&key, options).await.unwrap().url;
    let target = link.strip_prefix(&format!("http://{}", server.address())).unwrap().to_owned();

    let (status, answer) = get(server.address(), &target).await;
    assert!(status == 200 && answer.contains("content-disposition: attachment"), "{answer}");
    assert!(answer.contains("content-type: application/pdf") && answer.contains("%PDF-1.7"), "{answer}");
    assert_eq!(get(server.address(), &target.replace("AAPL", "MSFT")).await.0, 403);
    let post = format!("POST {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert_eq!(exchange(server.address(), post.as_bytes()).await.0, 405);

    *now.lock().unwrap() += TimeDelta::seconds(300);
    assert_eq!(get(server.address(), &target).await.0, 403);
    *now.lock().unwrap() -= TimeDelta::seconds(300);
    objects.delete(&key).await.unwrap();
    assert_eq!(get(server.address(), &target).await.0, 404);
    server.stop().await;
}

// On one thread, so that a connection is idle as soon as its client has the answer.
#[tokio::test]
async fn the_connection_that_has_been_idle_longest_is_closed_when_all_places_are_taken() {
    let (server, _folder) = started_with(Limits { connections: 2, ..Limits::default() }).await;
    let connect = || TcpStream::connect(server.address());
    let (mut first, mut second) = (connect().await.unwrap(), connect().await.unwrap());
    for stream in [&mut first, &mut second] {
        assert!(ask(stream).await.starts_with("HTTP/1.1 200"));
    }
    assert!(ask(&mut first).await.starts_with("HTTP/1.1 200"));
    let mut third = connect().await.unwrap();
    assert!(ask(&mut third).await.starts_with("HTTP/1.1 200"), "a new client is let in");
    assert_eq!(second.read(&mut [0; 1]).await.unwrap(), 0, "the one that was idle longest is closed");
    assert!(ask(&mut first).await.starts_with("HTTP/1.1 200"), "the others stay");
    drop((first, third));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_whose_answer_is_still_being_sent_is_not_closed_for_a_new_one() {
    let (server, _folder) = started_with(Limits { connections: 2, ..Limits::default() }).await;
    // More than the system buffers for a client that does not read.
    let bytes = vec![b'x'; 48 << 20];
    let objects = &server.platform().objects;
    let key = ObjectKey::new("reports", CustomerId(server.platform().market.app.new_id()), [7; 16], "csv").unwrap();
    objects.put(&key, bytes.clone(), "text/csv").await.unwrap();
    let options = LinkOptions { lifetime: Duration::from_mins(5), filename: "large.csv".to_owned() };
    let link = objects.link(&key, options).await.unwrap().url;
    let target = link.strip_prefix(&format!("http://{}", server.address())).unwrap();
    let connect = || TcpStream::connect(server.address());
    let mut first = connect().await.unwrap();
    let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    first.write_all(request.as_bytes()).await.unwrap();
    let mut begun = vec![0; 1];
    first.read_exact(&mut begun).await.unwrap();
    let mut second = connect().await.unwrap();
    assert!(ask(&mut second).await.starts_with("HTTP/1.1 200"));
    let mut third = connect().await.unwrap();
    assert!(ask(&mut third).await.starts_with("HTTP/1.1 200"));
    assert_eq!(second.read(&mut [0; 1]).await.unwrap(), 0, "the one that is idle is closed");
    first.read_to_end(&mut begun).await.unwrap();
    assert!(begun.starts_with(b"HTTP/1.1 200") && begun.ends_with(&bytes), "{} bytes came", begun.len());
    drop(third);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_do_not_read_their_responses_lose_their_places() {
    let answer = ReadPace { pause: Duration::from_millis(20), ..ReadPace::default() };
    let (server, _folder) = started_with(Limits { connections: 2, answer, ..Limits::default() }).await;
    let mut unread = Vec::new();
    for _ in 0..6 {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        // Whose answers are more than the system buffers for a client that does not read.
        let requests = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(200);
        stream.write_all(&requests).await.unwrap();
        unread.push(stream);
    }
    let asked = tokio::time::timeout(Duration::from_mins(1), get(server.address(), "/health"));
    assert_eq!(asked.await.expect("a place becomes free").0, 200);
    drop(unread);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_beyond_the_memory_budget_is_a_503_with_retry_after() {
    let body = Deadlines { whole: Duration::from_millis(100), ..Deadlines::default() };
    let (server, _folder) = started_with(Limits { body, buffered_kib: 1, ..Limits::default() }).await;
    let request = |bytes: usize| {
        let head = "POST /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length:";
        format!("{head} {bytes}\r\n\r\n{}", "x".repeat(bytes))
    };
    let (status, answer) = exchange(server.address(), request((65 << 10) + 1).as_bytes()).await;
    assert!(status == 503 && answer.contains("retry-after: 1"), "{answer}");
    let (status, answer) = exchange(server.address(), request(65 << 10).as_bytes()).await;
    assert!(status == 404 && answer.contains("route_not_found"), "{answer}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_unfinished_bodies_do_not_block_sign_ins() {
    let (server, _folder) = started_with(Limits { buffered_kib: 1, ..Limits::default() }).await;
    let head = "POST /sessions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length:";
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        let begun = format!("{head} 1000000\r\n\r\n{}", "x".repeat(66 << 10));
        stream.write_all(begun.as_bytes()).await.unwrap();
        open.push(stream);
    }
    let credentials = r#"{"email": "ada@example.com", "password": "correct horse"}"#;
    let request = format!("{head} {}\r\nConnection: close\r\n\r\n{credentials}", credentials.len());
    let (status, answer) = exchange(server.address(), request.as_bytes()).await;
    assert!(status == 401 && answer.contains("invalid_credentials"), "{answer}");
    drop(open);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_body_is_answered_before_it_arrives() {
    let (server, _folder) = started().await;
    for (path, bytes, status, said) in [
        ("/backtest", 100, 401, "unauthenticated"),
        ("/portfolios/1/investments/import", 1000, 401, "unauthenticated"),
        ("/health?%zz", 100, 400, "Bad Request"),
        ("/sessions", (1 << 20) + 1, 413, "body_too_large"),
        ("/sessions", MAX_BODY_BYTES, 413, "body_too_large"),
        ("/sessions", MAX_BODY_BYTES + 1, 413, "Request Entity Too Large"),
    ] {
        for more in ["", "Expect: 100-continue\r\n", "Authorization: Bearer unknown\r\n"] {
            let head = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{more}");
            let mut stream = TcpStream::connect(server.address()).await.unwrap();
            stream.write_all(format!("{head}Content-Length: {bytes}\r\n\r\n").as_bytes()).await.unwrap();
            let mut answer = vec![0; 4096];
            let read = stream.read(&mut answer).await.unwrap();
            let answer = String::from_utf8_lossy(&answer[..read]);
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")) && answer.contains(said), "{path}: {answer}");
            assert!(answer.contains("connection: close"), "{path}: {answer}");
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_arrive_is_a_408_and_ends_the_connection() {
    let pause = Duration::from_millis(20);
    let body = Deadlines { pause, ..Deadlines::default() };
    let (server, _folder) = started_with(Limits { body, ..Limits::default() }).await;
    let request = b"POST /sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20\r\n\r\n{\"email\"";
    let (status, answer) = exchange(server.address(), request).await;
    assert!(status == 408 && answer.contains("Request Timeout"), "{answer}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_in_progress_is_finished_before_the_server_stops() {
    let (server, _folder) = started().await;
    let address = server.address();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"POST /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{").await.unwrap();
    // An answer on a second connection shows that the first has been taken.
    assert_eq!(get(address, "/health").await.0, 200);
    let stopping = tokio::spawn(server.stop());
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    stream.write_all(b"}").await.unwrap();
    let (status, answer) = read_answer(stream).await;
    assert!(status == 404 && answer.contains("route_not_found"), "{answer}");
    stopping.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_platform_on_the_same_port_or_folder_gets_a_clear_error() {
    let (server, folder) = started().await;
    let same_folder = Server::start(settings(&folder)).await.err().unwrap().to_string();
    assert!(same_folder.contains("another Sextant"), "{same_folder}");
    let other = tempfile::tempdir().unwrap();
    let same_port = Settings { address: server.address(), ..settings(&other) };
    let same_port = Server::start(same_port).await.err().unwrap().to_string();
    assert!(same_port.contains("another program uses"), "{same_port}");
    server.stop().await;
    // The folder is free again once the server has stopped.
    Server::start(settings(&folder)).await.unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_with_an_unknown_function_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let template = folder.path().join("template.yaml");
    let more =
        "  ExtraFunction:\n    Type: AWS::Serverless::Function\n    Properties: { CodeUri: target/lambda/extra/ }\n";
    let text = crate::template::PROJECT_TEMPLATE.replace("\nOutputs:", &format!("\n{more}\nOutputs:"));
    std::fs::write(&template, text).unwrap();
    let refusal = Server::start(Settings { template: Some(template), ..settings(&folder) }).await.err().unwrap();
    assert!(refusal.to_string().contains("the function extra"), "{refusal}");
}
