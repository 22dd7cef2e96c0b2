//! Instruments that no exchange lists: currency pairs, coins, metals by unit and other commodities.

use domain::{Currency, Symbol};

use super::commodities::{self, DatedPrice};
use super::daily::{KnownEvents, Plan, read_exchange_rows, series};
use super::rates::{self, Exchange};
use super::settings::SOURCE;
use super::{AlphaVantage, query};
use crate::call_budget::CallBudget;
use crate::error::ProviderError;
use crate::exact;
use crate::history::History;

use crate::note::Note;
use crate::quote::Quote;
use crate::series::{CheckedBars, Row};
use crate::symbols::{Commodity, MetalUnit, Named};

/// These instruments neither split nor pay dividends, so all events are known.
const NO_EVENTS: KnownEvents = KnownEvents { splits: true, dividends: true };

/// A pair that has an exchange rate: currencies, metals and coins.
struct RatePair {
    exchange: Exchange,
    /// The unit of a metal's price; the provider quotes it per troy ounce.
    unit: Option<MetalUnit>,
    is_coin: bool,
    currency: Currency,
}

/// The exchange rate that prices `named`; `None` if it is not priced by a rate.
fn rate_pair(named: &Named) -> Option<RatePair> {
    let rate_pair = |from: &str, currency: Currency, unit, is_coin| {
        let exchange = Exchange { from: from.to_owned(), to: currency.code().to_owned() };
        Some(RatePair { exchange, unit, is_coin, currency })
    };
    match named {
        Named::Pair { base, quote } => rate_pair(base.code(), *quote, None, false),
        Named::Coin { coin, currency } => rate_pair(coin, *currency, None, true),
        Named::Metal(metal, unit) => rate_pair(metal.code, Currency::USD, Some(*unit), false),
        Named::Commodity(_) | Named::Listed => None,
    }
}

impl AlphaVantage {
    pub(super) async fn fetch_unlisted_history(
        &self,
        named: &Named,
        call: CallBudget,
    ) -> Result<History, ProviderError> {
        let (rows, currency, is_compact) = match (named, rate_pair(named)) {
            (Named::Commodity(commodity), _) => {
                (commodities::rows(&self.fetch_commodity(commodity, call).await?), Currency::USD, false)
            }
            (_, Some(rate_pair)) => {
                let (mut rows, is_compact) = self.fetch_exchange_rows(&rate_pair, call).await?;
                if let Some(unit) = rate_pair.unit {
                    scale(&mut rows, unit.troy_ounces());
                }
                (rows, rate_pair.currency, is_compact)
            }
            (_, None) => return Err(ProviderError::UnknownSymbol),
        };
        let CheckedBars { bars, basis, mut notes, held_back } = series(rows, Plan::Compact, NO_EVENTS)?;
        if is_compact {
            notes.push(Note::CompactHistory);
        }
        Ok(History { source: SOURCE, bars, basis, currency, notes, held_back })
    }

    pub(super) async fn fetch_unlisted_quote(
        &self,
        symbol: &Symbol,
        named: &Named,
        call: CallBudget,
    ) -> Result<Quote, ProviderError> {
        let symbol = symbol.clone();
        if let Named::Commodity(commodity) = named {
            let prices = self.fetch_commodity(commodity, call).await?;
            let before = prices.len().checked_sub(2).and_then(|place| prices.get(place));
            let previous_close = before.map(|dated| dated.price);
            let DatedPrice { day, price } = *prices.last().ok_or(ProviderError::UnknownSymbol)?;
            let currency = Currency::USD;
            return Ok(Quote { symbol, price, previous_close, currency, day, as_of: None, source: SOURCE });
        }
        let RatePair { exchange, unit, currency, .. } = rate_pair(named).ok_or(ProviderError::UnknownSymbol)?;
        let parameters = [("from_currency", exchange.from.as_str()), ("to_currency", &exchange.to)];
        let ask = query("CURRENCY_EXCHANGE_RATE", symbol.to_string(), &parameters);
        let rate = self.finish(self.client.ask(&ask, &exchange, call, rates::read).await).await?;
        let by_unit = match unit {
            Some(unit) => unit.price(rate.price.amount()),
            None => Some(rate.price.amount()),
        };
        let by_unit = by_unit.ok_or_else(|| ProviderError::malformed("the price cannot be converted to this unit"))?;
        let price = exact::rounded(by_unit).map_err(ProviderError::of_price)?;
        Ok(Quote {
            symbol,
            price,
            previous_close: None,
            currency,
            day: rate.day,
            as_of: Some(rate.as_of),
            source: SOURCE,
        })
    }

    async fn fetch_commodity(
        &self,
        commodity: &'static Commodity,
        call: CallBudget,
    ) -> Result<Vec<DatedPrice>, ProviderError> {
        let ask = query(commodity.function, String::new(), &[("interval", commodity.interval)]);
        self.finish(self.client.ask(&ask, commodity, call, commodities::read).await).await
    }

    /// The rows, and whether they are only the latest ones.
    async fn fetch_exchange_rows(
        &self,
        rate_pair: &RatePair,
        call: CallBudget,
    ) -> Result<(Vec<Row>, bool), ProviderError> {
        let Exchange { from, to } = &rate_pair.exchange;
        if rate_pair.is_coin {
            // The provider gives one year.
            let ask = query("DIGITAL_CURRENCY_DAILY", from.clone(), &[("symbol", from), ("market", to)]);
            let rows = self.client.ask(&ask, &rate_pair.exchange, call, read_exchange_rows).await;
            return Ok((self.finish(rows).await?, true));
        }
        let ask =
            |size| query("FX_DAILY", from.clone(), &[("from_symbol", from), ("to_symbol", to), ("outputsize", size)]);
        let whole = ask("full");
        let whole = self.client.ask(&whole, &rate_pair.exchange, call, read_exchange_rows);
        if let Some(rows) = self.finish(self.whole_rates.pass(&*self.memory, call.deadline, whole).await).await? {
            return Ok((rows, false));
        }
        let rows = self.client.ask(&ask("compact"), &rate_pair.exchange, call, read_exchange_rows).await;
        Ok((self.finish(rows).await?, true))
    }
}

/// Converts prices per troy ounce to another unit. Bars are floats by design; quotes are converted exactly.
fn scale(rows: &mut [Row], factor: f64) {
    for row in rows {
        for price in [&mut row.open, &mut row.high, &mut row.low, &mut row.close] {
            *price *= factor;
        }
    }
}
