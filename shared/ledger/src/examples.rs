//! Shorthand for money, days and orders in tests.

use chrono::{DateTime, Utc};
use domain::split::Split;
use domain::{Currency, CustomerId, Day, Money, Price, Quantity};
use uuid::Uuid;

use crate::lot_method::LotMethod;
use crate::lots::LotPick;
use crate::position::Position;
use crate::trade::{BookedTrade, OrderSize, TradeOrder, TradeTerms, buy, sell};
use crate::wallet::{Stamp, Wallet, deposit};

pub(crate) fn usd(amount: &str) -> Money {
    Money::parse(amount, Currency::USD).unwrap()
}

pub(crate) fn units(quantity: &str) -> Quantity {
    Quantity::parse(quantity).unwrap()
}

pub(crate) fn price(price: &str) -> Price {
    Price::parse(price).unwrap()
}

pub(crate) fn day(day: &str) -> Day {
    day.parse().unwrap()
}

pub(crate) fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

pub(crate) fn noon() -> DateTime<Utc> {
    "2012-06-01T12:00:00Z".parse().unwrap()
}

pub(crate) fn split(on: &str, ratio: &str) -> Split {
    Split { day: day(on), ratio: ratio.parse().unwrap() }
}

/// The stamp of a command whose entry has this number as its id.
pub(crate) fn stamp(number: u128, on: &str) -> Stamp {
    Stamp { entry_id: id(number), market_day: day(on), created_at: noon() }
}

pub(crate) fn customer() -> CustomerId {
    CustomerId(id(7))
}

/// A wallet with one deposit.
pub(crate) fn wallet_of(amount: &str) -> Wallet {
    deposit(&Wallet::new(customer()), usd(amount), &stamp(1, "2012-01-03")).unwrap().wallet
}

pub(crate) fn no_position() -> Position {
    Position::new(id(8), "AAPL".parse().unwrap(), Currency::USD).unwrap()
}

pub(crate) fn order(quantity: &str, fee: &str) -> TradeOrder {
    TradeOrder { size: OrderSize::Quantity(units(quantity)), fee: usd(fee), lots: Vec::new() }
}

pub(crate) fn order_for(amount: &str) -> TradeOrder {
    TradeOrder { size: OrderSize::Amount(usd(amount)), fee: usd("0"), lots: Vec::new() }
}

pub(crate) fn pick(lot: u128, quantity: &str) -> LotPick {
    LotPick { lot_id: id(lot), quantity: units(quantity) }
}

/// First in, first out at `at` without splits, for a trade and entry with this number as their id.
pub(crate) fn terms(number: u128, on: &str, at: &str) -> TradeTerms<'static> {
    TradeTerms {
        trade_id: id(number),
        stamp: stamp(number, on),
        price: price(at),
        quote_as_of: noon(),
        splits: &[],
        lot_method: LotMethod::Fifo,
    }
}

/// Three purchases on three days: 10 at 10, 10 at 30, 10 at 20, as trades 11, 12 and 13.
pub(crate) fn three_lots() -> BookedTrade {
    let wallet = wallet_of("10000");
    let first = buy(&wallet, &no_position(), &order("10", "0"), &terms(11, "2012-02-01", "10")).unwrap();
    let second = buy(&first.wallet, &first.position, &order("10", "0"), &terms(12, "2012-02-02", "30")).unwrap();
    buy(&second.wallet, &second.position, &order("10", "0"), &terms(13, "2012-02-03", "20")).unwrap()
}

/// What each method sells of [`three_lots`], as `lot:quantity:cost` in the order in which lots are taken.
pub(crate) fn sold_by(lot_method: LotMethod, quantity: &str, lots: Vec<LotPick>) -> (BookedTrade, Vec<String>) {
    let before = three_lots();
    let terms = TradeTerms { lot_method, ..terms(14, "2012-02-06", "40") };
    let sale = sell(&before.wallet, &before.position, &TradeOrder { lots, ..order(quantity, "0") }, &terms).unwrap();
    let taken = sale.trade.lots.iter();
    let taken = taken.map(|lot| format!("{}:{}:{}", lot.lot_id.as_u128(), lot.quantity, lot.cost)).collect();
    (sale, taken)
}
