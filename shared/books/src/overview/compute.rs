//! Reads a customer's portfolios and wallet, each price once, and puts the overview together.

use std::collections::{BTreeMap, BTreeSet};

use app::error::ServiceError;
use domain::{Currency, CustomerId, Day, Symbol};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use ledger::Wallet;
use market::CallBudget;
use market_data::MarketData;
use market_data::exchange_rates::ExchangeRates;
use market_data::market_clock::market_day;
use market_data::price_lines::{self, FX_UNAVAILABLE, PriceLines};
use rust_decimal::Decimal;

use super::cash::CashByDay;
use super::exchange::exchanged;
use super::history::{self, PortfolioHistory};
use super::positions::{Positions, Sums};
use super::{Attention, AttentionKind, CustomerOverview, OtherPositions, OverviewPortfolio};
use crate::holdings::{self, HoldingsRequest, PortfolioHoldings, PortfolioLots};
use crate::performance::{self, KnownInputs, PerformanceToDate};
use crate::portfolios::{LoadedPortfolio, load_all};
use crate::wallets;

/// Portfolios that are read and valued concurrently.
const AT_ONCE: usize = 8;

/// The overview that a customer asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverviewRequest {
    /// Days of values by day, up to the market's today: 1 to [`super::MAX_DAYS`].
    pub days: i32,
    /// The currency of every amount.
    pub currency: Currency,
}

/// A portfolio with its holdings and daily values, each as its own route shows it.
struct ValuedPortfolio {
    loaded: LoadedPortfolio,
    holdings: PortfolioHoldings,
    performance: PerformanceToDate,
}

/// The overview of a customer's portfolios and cash.
///
/// Errors: the store's; a missing price or rate makes figures null.
pub async fn compute(
    market: &MarketData,
    customer: CustomerId,
    request: OverviewRequest,
) -> Result<CustomerOverview, ServiceError> {
    let OverviewRequest { days, currency } = request;
    let (today, budget) = (market_day(market), market.budget_for(customer));
    let since = today.plus_days(1 - days);
    let (wallet, _) = wallets::read_head(&market.app, customer).await?;
    let (cash, portfolios) =
        tokio::try_join!(CashByDay::read(&market.app, customer, &wallet, since), value_all(market, customer, budget))?;
    let bases = portfolios.iter().map(|valued| valued.holdings.currency);
    let rates = ExchangeRates::load(market, currency, bases.chain(cash.currencies()), budget).await?;
    let mut overview = CustomerOverview {
        currency,
        market_day: today,
        source: market.provider().source().to_owned(),
        value: Decimal::ZERO,
        cash: Decimal::ZERO,
        day_change: Decimal::ZERO,
        gain: None,
        portfolios: Vec::with_capacity(portfolios.len()),
        put_in: Vec::new(),
        positions: Vec::new(),
        other: OtherPositions::default(),
        attention: Vec::new(),
        unavailable: BTreeMap::new(),
    };
    let attention = attention(&wallet, &portfolios);
    overview.add_portfolios(portfolios, &rates, (since, today), &cash)?;
    Ok(overview.with_attention(attention))
}

/// Every portfolio of the customer, newest first, valued at the same prices.
async fn value_all(
    market: &MarketData,
    customer: CustomerId,
    budget: CallBudget,
) -> Result<Vec<ValuedPortfolio>, ServiceError> {
    let mut loaded = load_all(&market.app, customer).await?;
    loaded.reverse();
    let reads = loaded.into_iter().map(|loaded| async move {
        let request = HoldingsRequest::default();
        let lots = holdings::read_lots(market, &loaded.record.portfolio, request, budget).await?;
        Ok::<_, ServiceError>((loaded, lots))
    });
    let reads: Vec<_> = reads.collect();
    let portfolios: Vec<_> = stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
    let symbols: BTreeSet<Symbol> = portfolios.iter().flat_map(|(_, lots)| lots.symbols().cloned()).collect();
    let lines = &price_lines::load(market, customer, &symbols, budget).await?;
    let valued = portfolios.into_iter().map(|(loaded, lots)| value(market, customer, loaded, lots, lines, budget));
    let valued: Vec<_> = valued.collect();
    stream::iter(valued).buffered(AT_ONCE).try_collect().await
}

async fn value(
    market: &MarketData,
    customer: CustomerId,
    loaded: LoadedPortfolio,
    lots: PortfolioLots,
    lines: &PriceLines,
    budget: CallBudget,
) -> Result<ValuedPortfolio, ServiceError> {
    let portfolio = &loaded.record.portfolio;
    let rates = ExchangeRates::load(market, portfolio.base_currency, lots.currencies(), budget).await?;
    let known = KnownInputs { prices: Some(lines), lots: Some(&lots) };
    let (holdings, performance) = tokio::try_join!(
        holdings::value(market, portfolio, &lots, lines, &rates),
        performance::compute_to_date(market, customer, &loaded, known, budget)
    )?;
    Ok(ValuedPortfolio { loaded, holdings, performance })
}

impl CustomerOverview {
    fn add_portfolios(
        &mut self,
        portfolios: Vec<ValuedPortfolio>,
        rates: &ExchangeRates,
        (since, today): (Day, Day),
        cash: &CashByDay,
    ) -> Result<(), ServiceError> {
        let (mut positions, mut histories) = (Positions::default(), Vec::with_capacity(portfolios.len()));
        let zero = || amount(Decimal::ZERO, self.currency);
        let mut sums = Sums { value: zero()?, day_change: zero()?, gain: Some(zero()?) };
        let mut lacks_rates = false;
        for valued in portfolios {
            let row = self.row(&valued, rates, today);
            if let Some(((value, day_change), rate)) =
                row.value.zip(row.day_change).zip(rates.on(row.base_currency, today))
            {
                sums.value += value;
                sums.day_change += day_change;
                sums.gain = sums.gain.zip(row.gain).map(|(sum, gain)| sum + gain);
                positions.add(&valued.holdings, rate, self.currency).ok_or_else(too_large)?;
                let held = valued.holdings.items.iter().map(|item| &item.holding);
                for symbol in held.filter(|holding| holding.value.is_none()).map(|holding| &holding.symbol) {
                    let reason = valued.holdings.unavailable.get(symbol.as_str()).cloned();
                    let position = format!("positions/{symbol}");
                    self.unavailable.extend(reason.map(|reason| (position, reason)));
                }
            }
            match PortfolioHistory::new(row.base_currency, &valued.performance.days, rates) {
                Some(history) => histories.push(history),
                None => lacks_rates = true,
            }
            self.portfolios.push(row);
        }
        let (now, without_rate) = cash.now(today, rates);
        let missing = without_rate.into_iter().map(|currency| (format!("cash/{currency}"), FX_UNAVAILABLE.to_owned()));
        self.unavailable.extend(missing);
        (self.value, self.cash, self.day_change, self.gain) = (sums.value + now, now, sums.day_change, sums.gain);
        (self.positions, self.other) = positions.largest(sums);
        if !lacks_rates {
            (self.put_in, lacks_rates) = history::by_day(&histories, cash, rates, (since, today));
        }
        if lacks_rates {
            self.unavailable.insert("put_in".to_owned(), FX_UNAVAILABLE.to_owned());
        }
        Ok(())
    }

    /// The row of a portfolio; what is missing is named.
    fn row(&mut self, valued: &ValuedPortfolio, rates: &ExchangeRates, today: Day) -> OverviewPortfolio {
        let (portfolio, held) = (&valued.loaded.record.portfolio, &valued.holdings);
        let rate = rates.on(portfolio.base_currency, today);
        let exchange = |amount: Decimal| exchanged(amount, rate?, self.currency);
        let gain = held.realized_gain.map(|realized| held.unrealized_gain + realized);
        let row = OverviewPortfolio {
            id: portfolio.id,
            name: portfolio.name.clone(),
            kind: portfolio.kind,
            state: portfolio.state,
            base_currency: portfolio.base_currency,
            value: exchange(held.value),
            day_change: exchange(held.day_change),
            gain: gain.and_then(exchange),
            twr: valued.performance.twr,
            xirr: valued.performance.xirr,
        };
        let figures = [("return", "twr", row.twr), ("xirr", "xirr", row.xirr)];
        for (name, figure, _) in figures.into_iter().filter(|(_, _, value)| value.is_none()) {
            let reason = valued.performance.unavailable.get(figure).cloned();
            self.unavailable.extend(reason.map(|reason| (format!("portfolios/{}/{name}", portfolio.id), reason)));
        }
        let missing = if row.value.is_none() { Some("") } else { row.gain.is_none().then_some("/gain") };
        let without_gain = held.unavailable.get("realized_gain").filter(|_| row.value.is_some());
        let reason = without_gain.cloned().unwrap_or_else(|| FX_UNAVAILABLE.to_owned());
        let missing = missing.map(|figure| (format!("portfolios/{}{figure}", portfolio.id), reason));
        self.unavailable.extend(missing);
        row
    }
}

/// What the books know that needs attention, the most urgent first.
fn attention(wallet: &Wallet, portfolios: &[ValuedPortfolio]) -> Vec<Attention> {
    let frozen = wallet.frozen.then(|| Attention {
        kind: AttentionKind::WalletFrozen,
        detail: "The wallet is frozen and accepts no commands.".to_owned(),
        link: "/wallet".to_owned(),
    });
    let (mut missing, mut stale) = (BTreeMap::new(), BTreeMap::new());
    for valued in portfolios {
        let held = &valued.holdings;
        for (figure, reason) in &held.unavailable {
            missing.entry((figure, reason)).or_insert(held.portfolio_id);
        }
        let old = held.items.iter().map(|item| &item.holding).filter(|holding| holding.stale);
        stale.extend(old.filter_map(|holding| Some((&holding.symbol, holding.price_as_of?))));
    }
    let missing = missing.into_iter().map(|((figure, reason), portfolio)| Attention {
        kind: AttentionKind::Unavailable,
        detail: format!("{figure} is not available: {reason}."),
        link: format!("/portfolios/{portfolio}/holdings"),
    });
    let stale = stale.into_iter().map(|(symbol, day)| Attention {
        kind: AttentionKind::StalePrice,
        detail: format!("{symbol}: the last price is that of {day}."),
        link: format!("/instruments/{symbol}"),
    });
    frozen.into_iter().chain(missing).chain(stale).collect()
}

fn amount(amount: Decimal, currency: Currency) -> Result<Decimal, ServiceError> {
    exchanged(amount, domain::ExchangeRate::ONE, currency).ok_or_else(too_large)
}

fn too_large() -> ServiceError {
    ServiceError::Refused(ledger::Refusal::TooLarge)
}
