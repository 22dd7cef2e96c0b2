//! Rates of exchange, from the stored histories of pairs of currencies.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::{Currency, Day, Symbol};
use market::MarketClock;
use rust_decimal::Decimal;
use valuation::Rates;

use crate::error::ServiceError;
use crate::history::Series;
use crate::{App, history, instruments};

/// Rates into one currency.
#[derive(Clone, Debug)]
pub(crate) struct ExchangeRates {
    base: Currency,
    pairs: Vec<Pair>,
}

#[derive(Clone, Debug)]
struct Pair {
    currency: Currency,
    days: Vec<Day>,
    rates: Vec<f64>,
}

impl ExchangeRates {
    /// The rates of these currencies into `base`, as far as the provider has their pairs.
    pub(crate) async fn load(
        app: &App,
        base: Currency,
        currencies: impl IntoIterator<Item = Currency>,
    ) -> Result<Self, ServiceError> {
        let foreign = currencies.into_iter().filter(|currency| *currency != base);
        let codes: BTreeSet<&'static str> = foreign.map(Currency::code).collect();
        let mut pairs = Vec::new();
        for code in codes {
            let Ok(currency) = code.parse() else { continue };
            pairs.extend(pair(app, currency, base).await?);
        }
        Ok(Self { base, pairs })
    }

    /// The currency that they lead to.
    pub(crate) fn base(&self) -> Currency {
        self.base
    }

    /// Units of the base currency for one of `currency`: 1 for the base itself, else the last rate of the seven days
    /// up to `day`.
    pub(crate) fn on(&self, currency: Currency, day: Day) -> Option<Decimal> {
        if currency == self.base {
            return Some(Decimal::ONE);
        }
        self.pairs.iter().find(|pair| pair.currency == currency).and_then(|pair| pair.rates().on(day))
    }

    /// Whether there is any rate of this currency.
    pub(crate) fn knows(&self, currency: Currency) -> bool {
        currency == self.base || self.pairs.iter().any(|pair| pair.currency == currency)
    }

    /// All of them, for a valuation.
    pub(crate) fn all(&self) -> Vec<Rates<'_>> {
        self.pairs.iter().map(Pair::rates).collect()
    }
}

impl Pair {
    fn rates(&self) -> Rates<'_> {
        Rates { currency: self.currency, days: &self.days, rates: &self.rates }
    }
}

/// The rates of a currency, from the pair as it is quoted one way or the other.
async fn pair(app: &App, currency: Currency, base: Currency) -> Result<Option<Pair>, ServiceError> {
    let of = |series: &Series, rate: fn(f64) -> f64| Pair {
        currency,
        days: series.bars.dates().to_vec(),
        rates: series.bars.close().iter().map(|&close| rate(close)).collect(),
    };
    if let Some(series) = quoted(app, currency, base).await? {
        return Ok(Some(of(&series, |close| close)));
    }
    Ok(quoted(app, base, currency).await?.map(|series| of(&series, f64::recip)))
}

/// The history of `EURUSD=X`, dollars for a euro, if there is one.
async fn quoted(app: &App, currency: Currency, base: Currency) -> Result<Option<Arc<Series>>, ServiceError> {
    let symbol = format!("{currency}{base}=X").parse::<Symbol>();
    let symbol = symbol.map_err(|error| ServiceError::fault("the symbol of a pair of currencies", error))?;
    match history::at_hand(app, &symbol).await {
        Ok(series) => {
            // Whoever holds something in another currency holds the rate too: the refresh keeps it current.
            if app.provider().clock() == MarketClock::Live {
                instruments::follow(app, &symbol).await?;
            }
            Ok(Some(series))
        }
        Err(ServiceError::UnknownSymbol { .. } | ServiceError::Provider(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
