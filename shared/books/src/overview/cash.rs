//! The cash of a wallet by day, from its balances and the entries since.

use app::App;
use app::error::ServiceError;
use domain::{Currency, CustomerId, Day, ExchangeRate, Money};
use ledger::{Entry, Wallet};
use market_data::exchange_rates::ExchangeRates;
use rust_decimal::Decimal;
use store::{documents, keys, limits};

use super::exchange::exchanged;

/// An entry can be dated this many days before one with a lower number: a trade is dated on the day of its price, which
/// is at most seven days old.
const BACK_DATED_BY: i32 = 10;

/// The balances of a wallet, and what moved on which day.
pub(super) struct CashByDay {
    balances: Vec<Money>,
    moved: Vec<(Day, Money)>,
}

impl CashByDay {
    /// Reads what moved on `since` or later.
    pub(super) async fn read(
        app: &App,
        customer: CustomerId,
        wallet: &Wallet,
        since: Day,
    ) -> Result<Self, ServiceError> {
        let mut moved = Vec::new();
        let mut cursor = None;
        let last = since.plus_days(-BACK_DATED_BY);
        loop {
            let list = keys::wallet_entries(customer);
            let page = documents::list::<Entry>(app.table(), list, limits::MAX_PAGE_ITEMS, cursor).await?;
            // An entry of a later command than the balances is not in them.
            let known = page.items.iter().filter(|entry| entry.seq <= wallet.seq);
            moved.extend(known.map(|entry| (entry.market_day, entry.amount)).filter(|(day, _)| *day >= since));
            cursor = page.next;
            if cursor.is_none() || page.items.last().is_none_or(|oldest| oldest.market_day < last) {
                break;
            }
        }
        Ok(Self { balances: wallet.balances.iter().collect(), moved })
    }

    /// The currencies of the balances.
    pub(super) fn currencies(&self) -> impl Iterator<Item = Currency> {
        self.balances.iter().map(|balance| balance.currency())
    }

    /// The days on which something moved.
    pub(super) fn days(&self) -> impl Iterator<Item = Day> {
        self.moved.iter().map(|&(day, _)| day)
    }

    /// The cash at the end of a day, at its rates; none if a rate is missing.
    pub(super) fn on(&self, day: Day, rates: &ExchangeRates) -> Option<Decimal> {
        let later = |balance: &Money| -> Decimal {
            let later = self.moved.iter().filter(|(on, moved)| *on > day && moved.currency() == balance.currency());
            later.map(|(_, moved)| moved.amount()).sum()
        };
        let base = rates.base();
        self.balances.iter().try_fold(exchanged(Decimal::ZERO, ExchangeRate::ONE, base)?, |sum, balance| {
            let cash = balance.amount() - later(balance);
            if cash.is_zero() {
                return Some(sum);
            }
            Some(sum + exchanged(cash, rates.on(balance.currency(), day)?, base)?)
        })
    }

    /// The cash now, at the rates of a day, and the currencies that have none.
    pub(super) fn now(&self, day: Day, rates: &ExchangeRates) -> (Decimal, Vec<Currency>) {
        let mut cash = exchanged(Decimal::ZERO, ExchangeRate::ONE, rates.base()).unwrap_or_default();
        let mut without_rate = Vec::new();
        for balance in self.balances.iter().filter(|balance| !balance.amount().is_zero()) {
            let rate = rates.on(balance.currency(), day);
            match rate.and_then(|rate| exchanged(balance.amount(), rate, rates.base())) {
                Some(more) => cash += more,
                None => without_rate.push(balance.currency()),
            }
        }
        (cash, without_rate)
    }
}
