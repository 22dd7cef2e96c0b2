//! Exchange rates, from the stored histories of currency pairs.

use std::collections::BTreeSet;
use std::sync::Arc;

use app::ServiceError;
use domain::{Currency, Day, ExchangeRate, Symbol};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use market::call_limits::AT_ONCE_BY_A_REQUEST;
use market::{CallBudget, MarketClock};
use quant::backtest::Warning;
use valuation::{RateQuote, Rates};

use crate::market_data::MarketData;
use crate::series::PriceSeries;
use crate::{history, tracked_symbols};

/// Exchange rates into one currency.
#[derive(Clone, Debug)]
pub struct ExchangeRates {
    base: Currency,
    pairs: Vec<PairRates>,
}

#[derive(Clone, Debug)]
struct PairRates {
    currency: Currency,
    days: Vec<Day>,
    rates: Vec<RateQuote>,
    /// Whether the rates are the product of two pairs, via the US dollar.
    over_dollars: bool,
}

impl ExchangeRates {
    /// The rates of these currencies into `base`, if the provider has their pairs. Pairs that are not stored are
    /// requested on behalf of the customer who holds these currencies, all together within the budget.
    pub async fn load(
        market: &MarketData,
        base: Currency,
        currencies: impl IntoIterator<Item = Currency>,
        budget: CallBudget,
    ) -> Result<Self, ServiceError> {
        let foreign = currencies.into_iter().filter(|currency| *currency != base);
        let codes: BTreeSet<&'static str> = foreign.map(Currency::code).collect();
        let currencies = codes.into_iter().filter_map(|code| code.parse::<Currency>().ok());
        let looks: Vec<_> = currencies.map(|currency| load_rates(market, currency, base, budget)).collect();
        let pairs: Vec<Option<PairRates>> = stream::iter(looks).buffered(AT_ONCE_BY_A_REQUEST).try_collect().await?;
        Ok(Self { base, pairs: pairs.into_iter().flatten().collect() })
    }

    /// The currency that the rates convert into.
    #[must_use]
    pub fn base(&self) -> Currency {
        self.base
    }

    /// Units of the base currency for one unit of `currency`: 1 for the base itself, else the last rate of the seven
    /// days up to `day`.
    #[must_use]
    pub fn on(&self, currency: Currency, day: Day) -> Option<ExchangeRate> {
        if currency == self.base {
            return Some(ExchangeRate::ONE);
        }
        self.pairs.iter().find(|pair| pair.currency == currency).and_then(|pair| pair.rates().on(day))
    }

    /// The rate for money that moved on `day`: that of [`ExchangeRates::on`], else the last earlier one, however old,
    /// else the first later one.
    #[must_use]
    pub fn of_flow(&self, currency: Currency, day: Day) -> Option<ExchangeRate> {
        if currency == self.base {
            return Some(ExchangeRate::ONE);
        }
        self.pairs.iter().find(|pair| pair.currency == currency).and_then(|pair| pair.rates().of_flow(day))
    }

    /// Warns about those of these currencies whose rates are the product of two pairs.
    pub fn warnings(&self, currencies: impl IntoIterator<Item = Currency>) -> Vec<Warning> {
        let used: BTreeSet<&'static str> = currencies.into_iter().map(Currency::code).collect();
        let crossed = self.pairs.iter().filter(|pair| pair.over_dollars && used.contains(pair.currency.code()));
        let warning = |pair: &PairRates| Warning {
            code: "cross_rate".to_owned(),
            detail: format!("{} is converted into {} via {}.", pair.currency, self.base, Currency::USD),
        };
        crossed.map(warning).collect()
    }

    /// Whether any rate of this currency is available.
    #[must_use]
    pub fn knows(&self, currency: Currency) -> bool {
        currency == self.base || self.pairs.iter().any(|pair| pair.currency == currency)
    }

    /// The rates of a currency, for a benchmark that is priced in it; none for the base itself. Empty if no rate is
    /// available.
    #[must_use]
    pub fn of(&self, currency: Currency) -> Option<Rates<'_>> {
        let none = Rates { currency, days: &[], rates: &[] };
        let found = || self.pairs.iter().find(|pair| pair.currency == currency).map_or(none, PairRates::rates);
        (currency != self.base).then(found)
    }

    /// All rates, for a valuation.
    pub fn all(&self) -> Vec<Rates<'_>> {
        self.pairs.iter().map(PairRates::rates).collect()
    }
}

impl PairRates {
    fn rates(&self) -> Rates<'_> {
        Rates { currency: self.currency, days: &self.days, rates: &self.rates }
    }

    /// The product of this pair and the next, on the days that both have, so that neither rate is older than its day.
    fn times(&self, next: &Self) -> Self {
        let mut product = Self { currency: self.currency, days: Vec::new(), rates: Vec::new(), over_dollars: true };
        let mut coming = next.days.iter().zip(&next.rates).peekable();
        for (&day, rate) in self.days.iter().zip(&self.rates) {
            while coming.next_if(|&(&other, _)| other < day).is_some() {}
            if let Some((_, &other)) = coming.next_if(|&(&other, _)| other == day) {
                product.days.push(day);
                product.rates.push(rate.then(other));
            }
        }
        product
    }
}

/// The rates of a currency: from its pair with the base, else via the US dollar if both pairs exist.
async fn load_rates(
    market: &MarketData,
    currency: Currency,
    base: Currency,
    budget: CallBudget,
) -> Result<Option<PairRates>, ServiceError> {
    let found = load_pair(market, currency, base, budget).await?;
    if found.is_some() || currency == Currency::USD || base == Currency::USD {
        return Ok(found);
    }
    let Some(first) = load_pair(market, currency, Currency::USD, budget).await? else { return Ok(None) };
    let second = load_pair(market, Currency::USD, base, budget).await?;
    Ok(second.map(|second| first.times(&second)))
}

/// The rates of a currency, from the pair as it is quoted in either direction.
async fn load_pair(
    market: &MarketData,
    currency: Currency,
    base: Currency,
    budget: CallBudget,
) -> Result<Option<PairRates>, ServiceError> {
    let of = |series: &PriceSeries, quoted: fn(f64) -> RateQuote| PairRates {
        currency,
        days: series.bars.dates().to_vec(),
        rates: series.bars.close().iter().map(|&close| quoted(close)).collect(),
        over_dollars: false,
    };
    let (direct, inverse) = (symbol_of(currency, base)?, symbol_of(base, currency)?);
    let present = &market.at_present();
    let found = if market.provider().clock() == MarketClock::Live {
        load_pair_series(present, &direct, &inverse, budget).await?
    } else if let Some(series) = if_available(history::load_available(present, &direct, budget).await)? {
        Some(series)
    } else {
        if_available(history::load_available(present, &inverse, budget).await)?
    };
    Ok(found.and_then(|series| market.seen(series)).map(|series| {
        if series.symbol == direct { of(&series, RateQuote::direct) } else { of(&series, RateQuote::inverse) }
    }))
}

/// The history of a pair, as stored in either direction. If neither is stored, the pair is requested in the given
/// direction, and the other way round only if the provider does not know that pair. That is remembered, so the next
/// request makes the second call if this one has no time left for it.
async fn load_pair_series(
    market: &MarketData,
    direct: &Symbol,
    inverse: &Symbol,
    budget: CallBudget,
) -> Result<Option<Arc<PriceSeries>>, ServiceError> {
    let mut found = None;
    for symbol in [direct, inverse] {
        if found.is_none() {
            found = history::find_stored(market, symbol).await?;
        }
    }
    if found.is_none() {
        found = match history::load(market, direct, budget).await {
            Err(ServiceError::UnknownSymbol { .. }) => if_available(history::load(market, inverse, budget).await)?,
            asked => if_available(asked)?,
        };
    }
    if let Some(series) = &found {
        tracked_symbols::track_pair(&market.app, &series.symbol).await?;
    }
    Ok(found)
}

/// The symbol of a currency pair, for instance `EURUSD=X`: dollars for one euro.
fn symbol_of(currency: Currency, base: Currency) -> Result<Symbol, ServiceError> {
    let symbol = format!("{currency}{base}=X").parse();
    symbol.map_err(|error| ServiceError::fault("the symbol of a currency pair", error))
}

/// The history, or none if it is not available.
fn if_available(read: Result<Arc<PriceSeries>, ServiceError>) -> Result<Option<Arc<PriceSeries>>, ServiceError> {
    match read {
        Ok(series) => Ok(Some(series)),
        Err(
            ServiceError::UnknownSymbol { .. } | ServiceError::Provider(_) | ServiceError::TooManyNewSymbols { .. },
        ) => Ok(None),
        Err(error) => Err(error),
    }
}
