//! A price provider that a document describes serves the platform on one machine.

use std::sync::{Arc, Mutex};

use gateway::{JsonAccess, LiveSources, Prices};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::target::{self, Target};

const KEY: &str = "canary";
/// After the bars of 2026-06-10 are out.
const NOW: &str = "2026-06-11T02:00:00Z";

/// A server with bars and the last price of LOOP, which records the heads of its requests.
async fn serve() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let heads = Arc::<Mutex<Vec<String>>>::default();
    let seen = heads.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let Ok(byte) = stream.read_u8().await else { return };
                head.push(byte);
            }
            let head = String::from_utf8(head).unwrap();
            let body = answer(head.split(' ').nth(1).unwrap());
            seen.lock().unwrap().push(head);
            let status = if body.is_some() { "200 OK" } else { "404 Not Found" };
            let body = body.unwrap_or_default().to_string();
            let reply =
                format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            // The client may have passed its deadline.
            let _ = stream.write_all(reply.as_bytes()).await;
        }
    });
    (url, heads)
}

fn answer(target: &str) -> Option<Value> {
    let day = |date: &str, price: &str, split: f64| json!({ "d": date, "p": price, "s": split });
    let rows = [day("2026-06-10", "61.5", 2.0), day("2026-06-09", "120", 1.0), day("2026-06-08", "118.25", 1.0)];
    match target.split('?').next()? {
        "/bars/LOOP" => Some(json!({ "rows": rows })),
        "/last/LOOP" => Some(json!({ "p": 61.75, "d": "2026-06-10" })),
        _ => None,
    }
}

#[test]
fn a_described_provider_serves_bars_quotes_and_trades_on_one_machine() {
    target::run(async || {
        let (url, heads) = serve().await;
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("provider.json");
        let description = json!({
            "currency": "USD", "prices": "quoted", "calls_per_day": 500, "calls_per_minute": 60,
            "headers": { "X-Api-Key": "{key}" },
            "bars": {
                "url": "https://api.example/bars/{symbol}?from={from}", "rows": "/rows", "date": "/d",
                "open": "/p", "high": "/p", "low": "/p", "close": "/p", "split": "/s",
            },
            "quote": { "url": "https://api.example/last/{symbol}", "price": "/p", "date": "/d" },
        });
        std::fs::write(&file, description.to_string()).unwrap();
        let access = JsonAccess::read(&file, Some(KEY.into()), Some(url)).unwrap();
        let prices = Prices::Live(Box::new(LiveSources { json: Some(access), ..LiveSources::default() }));
        let settings =
            gateway::Settings { prices, clock: Arc::new(|| NOW.parse().unwrap()), ..target::settings(home.path()) };
        let (server, target) = Target::serve(settings).await;
        let target = target.newcomer().await;

        let bars = target.get("/fetch-data/LOOP").await.expect_status(200).json();
        assert_eq!(
            (&bars["source"], &bars["currency"], &bars["stale"]),
            (&json!("json"), &json!("USD"), &json!(false))
        );
        let bars = bars["bars"].as_array().unwrap();
        assert_eq!((bars.len(), &bars[2]["close"], &bars[2]["split_ratio"]), (3, &json!(61.5), &json!(2.0)));
        let quotes = target.get("/quotes?symbols=LOOP,NONE").await.expect_status(200).json();
        assert_eq!(
            (&quotes["items"][0]["price"], &quotes["items"][0]["source"]),
            (&json!("61.5"), &json!("json")),
            "{quotes}"
        );
        assert_eq!(quotes["unavailable"]["NONE"], "unknown_symbol", "{quotes}");
        let instrument = target.get("/instruments/LOOP").await.expect_status(200).json();
        assert_eq!((&instrument["name"], &instrument["currency"]), (&json!("LOOP"), &json!("USD")), "{instrument}");

        let heads = heads.lock().unwrap().clone();
        assert!(heads.iter().all(|head| head.to_ascii_lowercase().contains("x-api-key: canary")), "{heads:?}");
        let asked = heads.iter().filter(|head| head.starts_with("GET /bars/LOOP?from=2006-06-11 ")).count();
        assert_eq!(asked, 1, "one call brings the bars for all: {heads:?}");
        server.stop().await;
    });
}
