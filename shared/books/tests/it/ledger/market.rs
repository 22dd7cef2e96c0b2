//! The exchange of these tests: three instruments over thirty sessions, with splits or prices in fractions of a cent
//! for two of them, and the clock that moves from one session to the next.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use chrono::{DateTime, NaiveTime, Utc};
use domain::{Bar, Bars, Currency, Day, Instrument, Symbol, calendar};
use market::{Basis, CallBudget, History, MarketClock, Provider, ProviderError};
use store::Clock;

/// Sessions of the market.
pub const SESSIONS: usize = 30;
/// Units of a price and of a quantity that make one.
pub const ONE: i128 = 1_000_000_000_000;

/// The instruments: symbol and index of the currency in [`CURRENCIES`].
pub const INSTRUMENTS: [(&str, usize); 3] = [("ACME", 0), ("PENNY", 0), ("NIPPON", 1)];
/// The currencies: code and decimals.
pub const CURRENCIES: [(&str, u32); 2] = [("USD", 2), ("JPY", 0)];
/// ACME splits before these sessions: the session, and the new units per old unit.
const SPLITS: [(usize, i128); 2] = [(4, 2), (9, 5)];

/// The new units per old unit on a session, 1 without a split.
pub fn split(instrument: usize, session: usize) -> i128 {
    let splits = SPLITS.iter().find(|(on, _)| instrument == 0 && *on == session);
    splits.map_or(1, |&(_, ratio)| ratio)
}

/// The close of a session in units of 10⁻¹².
pub fn price(instrument: usize, session: usize) -> i128 {
    let swing = (session as i128 * 7) % 11;
    match instrument {
        0 => (12_345 + 731 * swing) * (ONE / 100) / (0..=session).map(|session| split(0, session)).product::<i128>(),
        1 => (7_125_000 + 1_310_003 * swing) * (ONE / 100_000_000),
        _ => (2_345 + 97 * swing) * ONE + ONE / 2,
    }
}

pub fn symbol(instrument: usize) -> Symbol {
    INSTRUMENTS[instrument].0.parse().unwrap()
}

pub fn currency(place: usize) -> Currency {
    CURRENCIES[place].0.parse().unwrap()
}

/// The day of a session.
pub fn day(session: usize) -> Day {
    calendar::next_trading_days("2026-01-02".parse().unwrap(), SESSIONS)[session]
}

/// The wall clock, always half an hour after the bars of a session are out.
#[derive(Clone, Default)]
pub struct SessionClock(Arc<AtomicUsize>);

impl SessionClock {
    pub fn reader(&self) -> Clock {
        let session = self.0.clone();
        let sessions: Vec<DateTime<Utc>> = (0..SESSIONS).map(after_close).collect();
        Arc::new(move || sessions[session.load(Ordering::SeqCst)])
    }

    pub fn next_session(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn after_close(session: usize) -> DateTime<Utc> {
    let evening = NaiveTime::from_hms_opt(23, 30, 0).unwrap();
    day(session).date().and_time(evening).and_utc()
}

/// The provider of these prices.
pub struct Exchange;

#[async_trait]
impl Provider for Exchange {
    fn source(&self) -> &'static str {
        "exchange"
    }

    fn clock(&self) -> MarketClock {
        MarketClock::Live
    }

    async fn fetch_daily(&self, symbol: &Symbol, _budget: CallBudget) -> Result<History, ProviderError> {
        let found = INSTRUMENTS.iter().position(|(listed, _)| *listed == symbol.as_str());
        let instrument = found.ok_or(ProviderError::UnknownSymbol)?;
        let bars = Bars::from_rows((0..SESSIONS).map(|session| bar(instrument, session))).unwrap();
        let currency = currency(INSTRUMENTS[instrument].1);
        Ok(History { source: self.source(), bars, basis: Basis::Quoted, currency, notes: Vec::new(), held_back: None })
    }

    async fn fetch_instrument(&self, symbol: &Symbol, _budget: CallBudget) -> Result<Instrument, ProviderError> {
        Ok(Instrument::unlisted(symbol.clone()))
    }
}

fn bar(instrument: usize, session: usize) -> Bar {
    let close = price(instrument, session) as f64 / ONE as f64;
    Bar {
        date: day(session),
        open: close,
        high: close,
        low: close,
        close,
        volume: 1.0,
        adjusted_close: close,
        split_ratio: split(instrument, session) as f64,
        dividend: 0.0,
    }
}
