//! Both providers against a scripted server, with everything that can go wrong.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::Symbol;
use market::http::Limits;
use market::{NoMemory, Provider, Yahoo, alpha_vantage, yahoo};

use crate::budget::SlidingDay;
use crate::server::{Reply, Server};

/// A key that appears in no other text by chance.
pub const KEY: &str = "CANARYKEY42";
/// A token that responses echo.
pub const TOKEN: &str = "CANARYTOKEN77";

/// Which provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    AlphaVantage,
    Yahoo,
}

pub const BOTH: [Which; 2] = [Which::AlphaVantage, Which::Yahoo];

pub fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_362_139_200, 0).unwrap()
}

pub fn ibm() -> Symbol {
    "IBM".parse().unwrap()
}

/// Short enough that no test waits, long enough for a busy machine.
pub fn limits() -> Limits {
    Limits {
        connect: Duration::from_secs(2),
        spacing: Duration::from_millis(1),
        backoff: Duration::from_millis(1),
        ..Limits::default()
    }
}

impl Which {
    /// The provider with 25 calls a day, calling the server.
    pub fn at(self, server: &Server, limits: Limits) -> Arc<dyn Provider> {
        self.at_with(server, limits, 25)
    }

    /// The provider with `calls` a day, calling the server.
    pub fn at_with(self, server: &Server, limits: Limits, calls: usize) -> Arc<dyn Provider> {
        let budget = Arc::new(SlidingDay::new(calls, Arc::new(noon)));
        match self {
            Self::AlphaVantage => {
                let mut settings = alpha_vantage::Settings::with_base(KEY.into(), &server.address()).unwrap();
                settings.limits = limits;
                Arc::new(alpha_vantage::AlphaVantage::new(settings, budget, Arc::new(NoMemory)).unwrap())
            }
            Self::Yahoo => {
                let mut settings = yahoo::Settings::with_base(&server.address()).unwrap();
                settings.limits = limits;
                Arc::new(Yahoo::new(settings, budget).unwrap())
            }
        }
    }

    /// A response with these days and closes, inserted unchanged.
    pub fn series(self, days: &[(&str, &str)]) -> String {
        match self {
            Self::AlphaVantage => alpha_vantage_series(days),
            Self::Yahoo => chart(days),
        }
    }
}

fn alpha_vantage_series(days: &[(&str, &str)]) -> String {
    let day = |(date, close): &(&str, &str)| {
        format!(
            r#""{date}": {{"1. open": {close}, "2. high": {close}, "3. low": {close}, "4. close": {close}, "5. adjusted close": {close},
               "6. volume": "10", "7. dividend amount": "0.0000", "8. split coefficient": "1.0"}}"#
        )
    };
    let days: Vec<String> = days.iter().map(day).collect();
    format!(
        r#"{{"Meta Data": {{"2. Symbol": "IBM", "9. Token": "{TOKEN}"}}, "Time Series (Daily)": {{{}}}}}"#,
        days.join(", ")
    )
}

fn chart(days: &[(&str, &str)]) -> String {
    let opens = |(date, _): &(&str, &str)| format!("{date}T14:30:00Z").parse::<DateTime<Utc>>().unwrap().timestamp();
    let times: Vec<String> = days.iter().map(|day| opens(day).to_string()).collect();
    let closes: Vec<&str> = days.iter().map(|(_, close)| *close).collect();
    let volumes = vec!["200"; days.len()].join(", ");
    let (times, closes) = (times.join(", "), closes.join(", "));
    format!(
        r#"{{"chart": {{"result": [{{"meta": {{"symbol": "IBM", "currency": "USD", "gmtoffset": -18000, "token": "{TOKEN}",
           "firstTradeDate": 1361975400, "regularMarketTime": 1362171600, "regularMarketPrice": 202.91}},
           "timestamp": [{times}], "events": {{}}, "indicators": {{"quote": [{{"open": [{closes}], "high": [{closes}],
           "low": [{closes}], "close": [{closes}], "volume": [{volumes}]}}], "adjclose": [{{"adjclose": [{closes}]}}]}}}}],
           "error": null}}}}"#
    )
}

/// Two valid days.
pub const GOOD: [(&str, &str); 2] = [("2013-02-28", "200.83"), ("2013-03-01", "202.91")];

/// A fault, the server's replies and what a caller sees.
pub struct Fault {
    pub name: &'static str,
    pub replies: Vec<Reply>,
    pub seen: &'static str,
    /// Calls made for it.
    pub calls: usize,
}

fn fault(name: &'static str, replies: Vec<Reply>, seen: &'static str, calls: usize) -> Fault {
    Fault { name, replies, seen, calls }
}

/// Faults of any server.
pub fn faults(which: Which, elsewhere: &str) -> Vec<Fault> {
    let good = Reply::json(&which.series(&GOOD));
    let html = "<html><body><h1>502 Bad Gateway</h1></body></html>";
    let whole = which.series(&GOOD);
    let moved = |to: &str| Reply::status(302).header("Location", to);
    let date = |reply: Reply| reply.header("Date", "Fri, 01 Mar 2013 12:00:00 GMT");
    let in_a_minute = date(Reply::status(429).header("Retry-After", "Fri, 01 Mar 2013 12:01:00 GMT"));
    let mut faults = vec![
        fault("500", vec![Reply::status(500)], "unavailable 500", 1),
        fault("503, come back", vec![Reply::status(503).header("Retry-After", "60")], "rate limited 60000 ms", 1),
        fault("503, come back soon", vec![Reply::status(503).header("Retry-After", "0"), good.clone()], "2 bars", 2),
        fault("429 for a minute", vec![Reply::status(429).header("Retry-After", "60")], "rate limited 60000 ms", 1),
        fault("429 until a time", vec![in_a_minute], "rate limited 60000 ms", 1),
        fault("429, come back", vec![Reply::status(429).header("Retry-After", "0"), good.clone()], "2 bars", 2),
        fault("HTML", vec![Reply::body(html.into())], "malformed", 1),
        fault("plain text", vec![Reply::body(b"Too Many Requests\r\n".to_vec())], "malformed", 1),
        fault("truncated JSON", vec![Reply::json(&whole[..whole.len() / 2])], "malformed", 1),
        fault("broken off", vec![good.clone().closing_after(100)], "unavailable", 1),
        fault("another symbol", vec![Reply::json(&whole.replace("IBM", "AAPL"))], "malformed", 1),
        fault("announced gigabyte", vec![Reply::repeated(1 << 30, true)], "too large", 1),
        fault("endless gigabyte", vec![Reply::repeated(1 << 30, false)], "too large", 1),
        fault("gzip bomb", vec![Reply::gzip(&vec![b' '; 32 << 20])], "too large", 1),
        fault("no gzip", vec![Reply::body(b"no".to_vec()).header("Content-Encoding", "gzip")], "unavailable", 1),
        fault("redirect to a private address", vec![moved(elsewhere)], "unavailable 302", 1),
        fault("redirect to metadata", vec![moved("http://169.254.169.254/latest/meta-data/")], "unavailable 302", 1),
        fault("empty", vec![Reply::body(Vec::new())], "malformed", 1),
        fault("no object", vec![Reply::json("null")], "malformed", 1),
    ];
    faults.extend(bad_rows(which));
    faults.extend(match which {
        Which::AlphaVantage => alpha_vantage_messages(&good),
        Which::Yahoo => yahoo_messages(),
    });
    faults
}

fn bad_rows(which: Which) -> Vec<Fault> {
    let with = |close: &str| Reply::json(&which.series(&[GOOD[0], ("2013-02-27", close), GOOD[1]]));
    let all = |close: &str| Reply::json(&which.series(&[("2013-02-28", close), ("2013-03-01", close)]));
    let twice = which.series(&[GOOD[1], GOOD[0], GOOD[1], GOOD[0]]);
    let contradicting = which.series(&[GOOD[1], ("2013-03-01", "199"), GOOD[0]]);
    vec![
        fault("a null price", vec![with("null")], "2 bars, rows_dropped", 1),
        fault("a price that is no number", vec![with("\"NaN\"")], "2 bars, rows_dropped", 1),
        fault("a price of 0", vec![with("0")], "2 bars, rows_dropped", 1),
        fault("a negative price", vec![with("-1.5")], "2 bars, rows_dropped", 1),
        fault("NaN, which is no JSON", vec![with("NaN")], "malformed", 1),
        fault("no price at all", vec![all("null")], "malformed", 1),
        fault("out of order and twice", vec![Reply::json(&twice)], "2 bars", 1),
        fault("two closes of one day", vec![Reply::json(&contradicting)], "2 bars, rows_dropped", 1),
        fault(
            "the newest bar jumps",
            vec![Reply::json(&which.series(&[GOOD[0], ("2013-03-01", "20.3")]))],
            "1 bars, newest_bar_held_back",
            1,
        ),
    ]
}

/// Each of Alpha Vantage's messages, with status 200 and an echo of the API key.
fn alpha_vantage_messages(good: &Reply) -> Vec<Fault> {
    let says = |member: &str, text: &str| Reply::json(&format!("{{\"{member}\": \"{KEY} {TOKEN}: {text}\"}}"));
    let slow_down = says(
        "Information",
        "please consider spreading out your free API requests (1 request per second); premium plans lift the 25 requests per day",
    );
    let minute = says("Note", "our standard API call frequency is 5 calls per minute and 500 calls per day");
    let day = says("Note", "our standard API rate limit is 25 requests per day");
    let premium = says("Information", "this is a premium endpoint");
    vec![
        fault("429", vec![Reply::status(429)], "rate limited 1 ms", 3),
        fault("too fast, once", vec![slow_down.clone(), good.clone()], "2 bars", 2),
        fault("too fast, always", vec![slow_down], "rate limited 1 ms", 3),
        fault("too many a minute", vec![minute], "rate limited 60000 ms", 1),
        fault("the day is used up", vec![day], "quota until 2013-03-02T12:00:00+00:00", 1),
        fault("premium, always", vec![premium], "malformed", 2),
        fault("bad key", vec![says("Error Message", "the parameter apikey is invalid or missing")], "key refused", 1),
        fault(
            "demo key",
            vec![says("Information", "The **demo** API key is for demo purposes only")],
            "key refused",
            1,
        ),
        fault("401", vec![Reply::status(401)], "key refused", 1),
        fault("bad symbol", vec![says("Error Message", "Invalid API call. Please retry")], "unknown symbol", 1),
        fault("something new", vec![says("Information", "hello")], "malformed", 1),
        fault("404", vec![Reply::status(404)], "unavailable 404", 1),
    ]
}

fn yahoo_messages() -> Vec<Fault> {
    let says = |code: &str| {
        format!(r#"{{"chart": {{"result": null, "error": {{"code": "{code}", "description": "{TOKEN}"}}}}}}"#)
    };
    let text = Reply::body(b"Edge: Too Many Requests".to_vec());
    vec![
        fault("429 in plain text", vec![text.with_status(429)], "rate limited 60000 ms", 1),
        fault("not found", vec![Reply::json(&says("Not Found")).with_status(404)], "unknown symbol", 1),
        fault("not found, in HTML", vec![Reply::body(b"<html>".to_vec()).with_status(404)], "malformed", 1),
        fault("bad request", vec![Reply::json(&says("Bad Request"))], "malformed", 1),
        fault("too many, in JSON", vec![Reply::json(&says("Too Many Requests"))], "rate limited 60000 ms", 1),
        fault("401", vec![Reply::status(401)], "unavailable 401", 1),
    ]
}
