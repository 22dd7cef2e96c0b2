//! A minimal web server that sends scripted replies, including malformed ones.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A reply.
#[derive(Clone)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    ending: Ending,
}

/// What the server does after a number of bytes of the body, or all of it.
#[derive(Clone, Copy)]
enum Ending {
    Whole,
    WholeWithoutLength,
    StallAfter(usize),
    CloseAfter(usize),
    /// Repeats the body until this many bytes are sent.
    Repeat {
        bytes: u64,
        announced: bool,
    },
}

impl Reply {
    pub fn body(body: Vec<u8>) -> Self {
        Self { status: 200, headers: Vec::new(), body, ending: Ending::Whole }
    }

    pub fn json(body: &str) -> Self {
        Self::body(body.as_bytes().to_vec()).header("Content-Type", "application/json")
    }

    pub fn status(status: u16) -> Self {
        Self { status, ..Self::json("{}") }
    }

    pub fn gzip(body: &[u8]) -> Self {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(body).unwrap();
        Self::body(encoder.finish().unwrap()).header("Content-Encoding", "gzip")
    }

    pub fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn without_length(self) -> Self {
        Self { ending: Ending::WholeWithoutLength, ..self }
    }

    pub fn stalling_after(self, bytes: usize) -> Self {
        Self { ending: Ending::StallAfter(bytes), ..self }
    }

    pub fn closing_after(self, bytes: usize) -> Self {
        Self { ending: Ending::CloseAfter(bytes), ..self }
    }

    /// A body too large for any client, which the server never holds either.
    pub fn repeated(bytes: u64, announced: bool) -> Self {
        Self { ending: Ending::Repeat { bytes, announced }, ..Self::body(vec![b' '; 1 << 16]) }
    }

    pub fn len(&self) -> usize {
        self.body.len()
    }
}

/// A running server. It sends its replies in order and repeats the last.
pub struct Server {
    address: String,
    heads: Arc<Mutex<Vec<String>>>,
    sent: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Server {
    pub async fn start(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/", listener.local_addr().unwrap());
        let heads = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&heads);
        let sent = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&sent);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, replies.clone(), Arc::clone(&seen), Arc::clone(&counted)));
            }
        });
        Self { address, heads, sent, task }
    }

    pub fn address(&self) -> String {
        self.address.clone()
    }

    /// Paths and queries of the requests, in order.
    pub fn requests(&self) -> Vec<String> {
        self.heads().iter().map(|head| head.split(' ').nth(1).unwrap().to_owned()).collect()
    }

    /// The requests with their headers, in order.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    /// Bytes of bodies sent.
    pub fn bytes_sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Stops the server and returns its address, which then refuses connections.
    pub async fn stop(self) -> String {
        self.task.abort();
        let _ = self.task.await;
        self.address
    }
}

/// Serves one request per connection.
async fn serve(mut stream: TcpStream, replies: Vec<Reply>, heads: Arc<Mutex<Vec<String>>>, sent: Arc<AtomicU64>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let place = {
        let mut heads = heads.lock().unwrap();
        heads.push(String::from_utf8(head).unwrap());
        heads.len() - 1
    };
    let Some(reply) = replies.get(place).or(replies.last()) else { return };
    // The client may disconnect in the middle, which some tests provoke.
    let _ = answer(&mut stream, reply, &sent).await;
}

async fn answer(stream: &mut TcpStream, reply: &Reply, counter: &AtomicU64) -> io::Result<()> {
    let mut head = format!("HTTP/1.1 {} Reply\r\nConnection: close\r\n", reply.status);
    for (name, value) in &reply.headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    let length = match reply.ending {
        Ending::WholeWithoutLength | Ending::Repeat { announced: false, .. } => None,
        Ending::Repeat { bytes, announced: true } => Some(bytes),
        _ => Some(reply.body.len() as u64),
    };
    if let Some(length) = length {
        head.extend(["Content-Length: ", &length.to_string(), "\r\n"]);
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).await?;
    if let Ending::Repeat { bytes, .. } = reply.ending {
        for _ in 0..bytes / reply.body.len() as u64 {
            stream.write_all(&reply.body).await?;
            counter.fetch_add(reply.body.len() as u64, Ordering::Relaxed);
        }
        return stream.flush().await;
    }
    let sent = match reply.ending {
        Ending::Whole | Ending::WholeWithoutLength | Ending::Repeat { .. } => reply.body.len(),
        Ending::StallAfter(bytes) | Ending::CloseAfter(bytes) => bytes.min(reply.body.len()),
    };
    stream.write_all(&reply.body[..sent]).await?;
    stream.flush().await?;
    if matches!(reply.ending, Ending::StallAfter(_)) {
        std::future::pending::<()>().await;
    }
    Ok(())
}
