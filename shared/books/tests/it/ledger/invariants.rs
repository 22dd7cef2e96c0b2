//! The invariants of every customer's books, whatever was done to them.

use std::collections::BTreeMap;

use books::{positions, wallets};
use domain::split::splits_of;
use domain::{CustomerId, Day, PortfolioId, Split, Symbol};
use ledger::{Entry, Side, Trade};
use market_data::{MarketData, market_clock};
use operations::verification::{Interrupted, Results, verify_all};
use rust_decimal::Decimal;
use serde::de::DeserializeOwned;
use store::keys::{self, List};
use store::{Query, documents};
use testing::load;
use uuid::Uuid;

use crate::ledger::system::Given;

/// Figures of sound books.
pub struct Found {
    /// The amounts of the entries, oldest first.
    pub amounts: Vec<Decimal>,
    /// Units as quoted today.
    pub units: BTreeMap<(PortfolioId, Symbol), Decimal>,
}

/// Checks all invariants: entries without a gap whose legs sum to zero, cash that is the sum of the entries and never
/// negative, positions that are the sum of their lots and the result of the trades, and exactly one entry for each
/// response.
pub async fn sound(platform: &MarketData, customer: CustomerId, portfolios: &[PortfolioId], given: &[&Given]) -> Found {
    let entries: Vec<Entry> = all(platform, keys::wallet_entries(customer)).await;
    let mut marks: Vec<Uuid> = entries.iter().map(|entry| entry.trade_id.unwrap_or(entry.id)).collect();
    let mut acknowledged: Vec<Uuid> = given.iter().map(|given| given.mark()).collect();
    marks.sort_unstable();
    acknowledged.sort_unstable();
    assert_eq!(marks, acknowledged, "one entry for each response, and no others");

    let mut cash: BTreeMap<String, Decimal> = BTreeMap::new();
    for (entry, seq) in entries.iter().zip(1..) {
        assert_eq!(entry.seq, seq);
        assert!(entry.unbalanced().is_empty(), "{entry:?}");
        let balance = cash.entry(entry.amount.currency().code().to_owned()).or_default();
        *balance += entry.amount.amount();
        assert_eq!(entry.balance.amount(), *balance, "{entry:?}");
        assert!(*balance >= Decimal::ZERO, "{entry:?}");
    }
    let shown = wallets::show(&platform.app, customer).await.unwrap();
    let balances = shown.balances.iter().map(|(code, amount)| (code.clone(), amount.parse().unwrap()));
    assert_eq!(balances.collect::<BTreeMap<String, Decimal>>(), cash);

    let mut units = BTreeMap::new();
    let mut traded = 0;
    for &portfolio in portfolios {
        traded += sound_positions(platform, portfolio, &mut units).await;
    }
    assert_eq!(traded, entries.iter().filter(|entry| entry.trade_id.is_some()).count());
    verified(platform, entries.len()).await;
    Found { amounts: entries.iter().map(|entry| entry.amount.amount()).collect(), units }
}

/// Checks the positions of a portfolio against its trades; returns the number of trades.
async fn sound_positions(
    platform: &MarketData,
    portfolio: PortfolioId,
    units: &mut BTreeMap<(PortfolioId, Symbol), Decimal>,
) -> usize {
    let trades: Vec<Trade> = all(platform, keys::trades(portfolio)).await;
    for position in positions::read_all(platform, portfolio).await.unwrap() {
        let (today, splits) = today(platform, &position.symbol).await;
        assert!(position.lots.iter().all(|lot| !lot.quantity.is_zero() && !lot.cost.is_negative()), "{position:?}");
        let held: Decimal = position.lots.iter().map(|lot| lot.units_on(today, &splits).unwrap().units()).sum();
        let of_trades = trades.iter().filter(|trade| trade.symbol == position.symbol).map(|trade| {
            // The splits of this market are whole numbers, so nothing is truncated.
            let later = splits.iter().filter(|split| split.day > trade.market_day);
            let moved = later.fold(trade.quantity, |units, split| units.split(split.ratio).unwrap()).units();
            let relieved: Decimal = trade.lots.iter().map(|lot| lot.cost).sum();
            match trade.side {
                Side::Buy => (moved, trade.amount + trade.fee),
                Side::Sell => (-moved, -relieved),
            }
        });
        let (bought, cost) =
            of_trades.fold((Decimal::ZERO, Decimal::ZERO), |sum, trade| (sum.0 + trade.0, sum.1 + trade.1));
        assert_eq!((held, position.cost().unwrap().amount()), (bought, cost), "{}", position.symbol);
        units.insert((portfolio, position.symbol.clone()), held);
    }
    trades.len()
}

/// Verifies the books of the only customer, which must add up.
pub async fn verified(platform: &MarketData, entries: usize) {
    let report = verify_all(platform, Interrupted::Continue, None).await.unwrap();
    let Results { customers, entries: recomputed, unsound, unverified, .. } = report.results;
    assert!(unsound.is_empty() && unverified.is_empty(), "{unsound:?}, {unverified:?}");
    assert_eq!((customers, recomputed), (1, entries as u64));
}

/// The market day, and the splits of an instrument that are known by then.
pub async fn today(platform: &MarketData, symbol: &Symbol) -> (Day, Vec<Split>) {
    let series = load(platform, symbol).await.unwrap();
    (market_clock::market_day(platform), splits_of(&series.bars).unwrap())
}

/// Every document of a list, oldest first.
pub async fn all<T: DeserializeOwned>(platform: &MarketData, list: List) -> Vec<T> {
    let mut found = Vec::new();
    let mut query = Query::forward(list.partition, list.range, 200);
    loop {
        let page = platform.app.table().query(&query).await.unwrap();
        found.extend(page.items.iter().map(|item| documents::parse::<T>(item).unwrap()));
        query.cursor = page.next;
        if query.cursor.is_none() {
            return found;
        }
    }
}
