//! Laws that hold after any sequence of commands, whatever the lot methods, splits and refusals.

#![expect(clippy::unwrap_used, reason = "in a test program a failed unwrap is a failed test")]

use std::cell::RefCell;
use std::collections::BTreeMap;

use domain::split::Split;
use domain::{Currency, CustomerId, Day, Money, Price, Quantity};
use ledger::position_items::OlderLots;
use ledger::replay::replay;
use ledger::wallet::{deposit, reverse, withdraw};
use ledger::{
    Account, Audit, Booked, BookedTrade, Entry, LegAmount, LotMethod, LotMovement, LotPick, OrderSize, Position,
    Refusal, Side, Stamp, Trade, TradeOrder, TradeTerms, Wallet, trade,
};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use rust_decimal::Decimal;
use uuid::Uuid;

const SYMBOLS: [&str; 2] = ["AAPL", "MSFT"];

/// One step. The numbers are what a caller could send; the books decide whether they allow it.
#[derive(Clone, Debug)]
enum Step {
    Deposit { cents: i64 },
    Withdraw { cents: i64 },
    Reverse { entry: usize },
    Trade { side: Side, symbol: usize, size: StepSize, price: i64, fee_cents: i64, method: LotMethod },
    SellAll { symbol: usize, price: i64, method: LotMethod },
    Split { symbol: usize, ratio: &'static str },
    NextDay { days: i32 },
}

#[derive(Clone, Copy, Debug)]
enum StepSize {
    HundredMillionths(i64),
    Cents(i64),
}

fn methods() -> impl Strategy<Value = LotMethod> {
    prop_oneof![
        Just(LotMethod::Fifo),
        Just(LotMethod::Lifo),
        Just(LotMethod::Hifo),
        Just(LotMethod::Average),
        Just(LotMethod::Specific),
    ]
}

fn sizes() -> impl Strategy<Value = StepSize> {
    prop_oneof![
        (1_i64..3_000_000_000).prop_map(StepSize::HundredMillionths),
        (1_i64..20).prop_map(|whole| StepSize::HundredMillionths(whole * 100_000_000)),
        (0_i64..60_000).prop_map(StepSize::Cents),
    ]
}

fn steps() -> impl Strategy<Value = Step> {
    // From a fraction of a cent to 20,000 a unit.
    let prices = || prop_oneof![1_i64..500_000, 100_000_000_i64..2_000_000_000_000];
    let trade = (prop_oneof![Just(Side::Buy), Just(Side::Sell)], 0..2_usize, sizes(), prices(), 0_i64..200, methods());
    prop_oneof![
        3 => (0_i64..500_000).prop_map(|cents| Step::Deposit { cents }),
        1 => (0_i64..500_000).prop_map(|cents| Step::Withdraw { cents }),
        1 => (0..60_usize).prop_map(|entry| Step::Reverse { entry }),
        9 => trade.prop_map(|(side, symbol, size, price, fee_cents, method)| {
            Step::Trade { side, symbol, size, price, fee_cents, method }
        }),
        1 => (0..2_usize, prices(), methods()).prop_map(|(symbol, price, method)| Step::SellAll { symbol, price, method }),
        1 => (0..2_usize, prop_oneof![Just("2"), Just("1.5"), Just("0.1"), Just("0.33333333"), Just("7")])
            .prop_map(|(symbol, ratio)| Step::Split { symbol, ratio }),
        2 => (1..40_i32).prop_map(|days| Step::NextDay { days }),
    ]
}

/// Everything stored for one customer, and the state of the model.
struct World {
    wallet: Wallet,
    positions: [Position; 2],
    splits: [Vec<Split>; 2],
    entries: Vec<Entry>,
    trades: BTreeMap<Uuid, Trade>,
    reversed: BTreeMap<Uuid, Uuid>,
    day: Day,
    next_id: u128,
    /// Costs of all purchases, by symbol.
    bought: [Decimal; 2],
    /// Costs that sales took out of the position, by symbol.
    relieved: [Decimal; 2],
    /// How often each kind of command was accepted.
    accepted: BTreeMap<String, u32>,
}

fn usd(cents: i64) -> Money {
    Money::new(Decimal::new(cents, 2), Currency::USD).unwrap()
}

impl World {
    fn new() -> Self {
        let position =
            |symbol: &str| Position::new(Uuid::from_u128(1), symbol.parse().unwrap(), Currency::USD).unwrap();
        Self {
            wallet: Wallet::new(CustomerId(Uuid::from_u128(2))),
            positions: SYMBOLS.map(position),
            splits: [Vec::new(), Vec::new()],
            entries: Vec::new(),
            trades: BTreeMap::new(),
            reversed: BTreeMap::new(),
            day: "2010-01-04".parse().unwrap(),
            next_id: 100,
            bought: [Decimal::ZERO; 2],
            relieved: [Decimal::ZERO; 2],
            accepted: BTreeMap::new(),
        }
    }

    fn stamp(&mut self) -> Stamp {
        self.next_id += 1;
        let created_at = "2012-06-01T12:00:00Z".parse().unwrap();
        Stamp { entry_id: Uuid::from_u128(self.next_id), market_day: self.day, created_at }
    }

    fn take(&mut self, step: &Step) {
        let stamp = self.stamp();
        match *step {
            Step::Deposit { cents } => self.book(deposit(&self.wallet, usd(cents), &stamp)),
            Step::Withdraw { cents } => self.book(withdraw(&self.wallet, usd(cents), &stamp)),
            Step::Reverse { entry } => {
                let Some(entry) = self.entries.get(entry).cloned() else { return };
                self.book(reverse(&self.wallet, &entry, self.reversed.get(&entry.id).copied(), &stamp));
            }
            Step::Trade { side, symbol, size, price, fee_cents, method } => {
                let size = match size {
                    StepSize::HundredMillionths(units) => {
                        OrderSize::Quantity(Quantity::new(Decimal::new(units, 8)).unwrap())
                    }
                    StepSize::Cents(cents) => OrderSize::Amount(usd(cents)),
                };
                self.trade(side, symbol, size, price, fee_cents, method);
            }
            Step::SellAll { symbol, price, method } => {
                let held = self.positions[symbol].units_on(self.day, &self.splits[symbol]).unwrap();
                if !held.is_zero() && self.trade(Side::Sell, symbol, OrderSize::Quantity(held), price, 0, method) {
                    assert!(self.positions[symbol].lots.is_empty());
                    assert!(self.positions[symbol].cost().unwrap().amount().is_zero());
                }
            }
            Step::Split { symbol, ratio } => {
                self.day = self.day.plus_days(1);
                let split = Split { day: self.day, ratio: ratio.parse().unwrap() };
                self.splits[symbol].push(split);
            }
            Step::NextDay { days } => self.day = self.day.plus_days(days),
        }
    }

    fn book(&mut self, booked: Result<Booked, Refusal>) {
        if let Ok(Booked { wallet, entry }) = booked {
            if let Some(reversed) = entry.reverses {
                assert_eq!(self.reversed.insert(reversed, entry.id), None);
            }
            self.accept(&format!("{:?}", entry.entry_type));
            self.wallet = wallet;
            self.entries.push(entry);
        }
    }

    fn accept(&mut self, kind: &str) {
        *self.accepted.entry(kind.to_owned()).or_default() += 1;
    }

    /// Whether the trade was accepted.
    fn trade(
        &mut self,
        side: Side,
        symbol: usize,
        size: OrderSize,
        price: i64,
        fee_cents: i64,
        lot_method: LotMethod,
    ) -> bool {
        let stamp = self.stamp();
        let position = &self.positions[symbol];
        let splits = &self.splits[symbol];
        let lots = match (side, size, lot_method) {
            (Side::Sell, OrderSize::Quantity(quantity), LotMethod::Specific) => {
                youngest_lots(position, quantity, self.day, splits)
            }
            _ => Vec::new(),
        };
        let terms = TradeTerms {
            trade_id: Uuid::from_u128(self.next_id + 1_000_000),
            price: Price::new(Decimal::new(price, 8)).unwrap(),
            quote_as_of: stamp.created_at,
            stamp,
            splits,
            lot_method,
        };
        let order = TradeOrder { size, fee: usd(fee_cents), lots };
        let booked = match side {
            Side::Buy => trade::buy(&self.wallet, position, &order, &terms),
            Side::Sell => trade::sell(&self.wallet, position, &order, &terms),
        };
        let Ok(BookedTrade { wallet, entry, position: after, trade }) = booked else { return false };
        check_items(position, &after);
        check_trade(&trade, &order, &entry);
        match side {
            Side::Buy => self.bought[symbol] += trade.amount + trade.fee,
            Side::Sell => self.relieved[symbol] += trade.lots.iter().map(|lot| lot.cost).sum::<Decimal>(),
        }
        if side == Side::Sell {
            self.accept(&format!("sell by {lot_method}, {}", if after.lots.is_empty() { "all" } else { "part" }));
            let kind = if trade.splits.is_empty() { "sell without a split" } else { "sell after a split" };
            self.accept(kind);
        }
        self.positions[symbol] = after;
        self.trades.insert(trade.id, trade);
        self.book(Ok(Booked { wallet, entry }));
        true
    }

    fn check(&self) {
        let mut cash = Decimal::ZERO;
        for (entry, seq) in self.entries.iter().zip(1..) {
            assert_eq!(entry.seq, seq);
            assert!(entry.unbalanced().is_empty(), "{entry:?}");
            cash += entry.amount.amount();
            assert_eq!(entry.balance.amount(), cash);
            assert!(cash >= Decimal::ZERO);
        }
        assert_eq!(self.wallet.balance(Currency::USD).unwrap().amount(), cash);
        assert_eq!(self.wallet.seq, self.entries.len() as u64);
        self.check_accounts(cash);
        for symbol in 0..2 {
            let position = &self.positions[symbol];
            let cost: Decimal = position.lots.iter().map(|lot| lot.cost.amount()).sum();
            assert_eq!(position.cost().unwrap().amount(), cost);
            assert!(position.lots.iter().all(|lot| !lot.cost.is_negative()));
            assert_eq!(self.relieved[symbol] + cost, self.bought[symbol]);
            let gains = self.trades.values().filter(|trade| trade.symbol == position.symbol);
            let gains: Decimal = gains.filter_map(|trade| trade.realized_gain).sum();
            assert_eq!(position.realized_gain.amount(), gains);
        }
        assert_eq!(self.verify(), []);
        self.check_replay();
    }

    /// A replay with the splits that the trades knew leads to the same position.
    fn check_replay(&self) {
        for (position, splits) in self.positions.iter().zip(&self.splits) {
            let trades = self.entries.iter().filter_map(|entry| self.trades.get(&entry.trade_id?));
            let of_symbol = trades.filter(|trade| trade.symbol == position.symbol);
            let movements: Vec<LotMovement> = of_symbol.map(|trade| LotMovement::try_from(trade).unwrap()).collect();
            assert_eq!(&replay(position, &movements, splits, |_, _| ()).unwrap(), position);
        }
    }

    /// Over the whole ledger too, what the wallet has is what all other accounts gave.
    fn check_accounts(&self, cash: Decimal) {
        let mut accounts: BTreeMap<Account, Decimal> = BTreeMap::new();
        for leg in self.entries.iter().flat_map(|entry| &entry.legs) {
            if let LegAmount::Cash { cash, .. } = leg.amount {
                *accounts.entry(leg.account).or_default() += cash;
            }
        }
        assert_eq!(accounts.get(&Account::Wallet).copied().unwrap_or_default(), cash);
        assert_eq!(accounts.values().sum::<Decimal>(), Decimal::ZERO);
    }

    fn verify(&self) -> Vec<ledger::Discrepancy> {
        let mut audit = Audit::new(self.wallet.customer);
        for entry in &self.entries {
            let text = serde_json::to_string(entry).unwrap();
            let stored: Entry = serde_json::from_str(&text).unwrap();
            let trade = entry.trade_id.and_then(|id| self.trades.get(&id));
            let read: Option<Trade> =
                trade.map(|trade| serde_json::from_str(&serde_json::to_string(trade).unwrap()).unwrap());
            audit.entry(&stored, read.as_ref());
        }
        let traded = self.positions.iter().filter(|position| position.trades > 0);
        audit.finish(&self.wallet, traded, self.trades.len() as u64)
    }
}

/// Lots for this many units, the youngest first; too few if the position holds less.
fn youngest_lots(position: &Position, quantity: Quantity, day: Day, splits: &[Split]) -> Vec<LotPick> {
    let mut left = quantity;
    let mut picks = Vec::new();
    for lot in position.lots.iter().rev() {
        let quantity = lot.units_on(day, splits).unwrap().min(left);
        if !quantity.is_zero() {
            left = left.minus(quantity).unwrap();
            picks.push(LotPick { lot_id: lot.id, quantity });
        }
    }
    picks
}

/// Stored items read back as the same position, and every lot is in exactly one item.
fn check_items(before: &Position, after: &Position) {
    let older: Vec<OlderLots> = after.older_lots_changed_since(before);
    assert!(older.is_empty(), "this few lots are all inline");
    let head = serde_json::from_str(&serde_json::to_string(&after.head()).unwrap()).unwrap();
    assert_eq!(&Position::from_items(head, older).unwrap(), after);
}

fn check_trade(trade: &Trade, order: &TradeOrder, entry: &Entry) {
    if let OrderSize::Amount(amount) = order.size {
        assert!(trade.amount <= amount.amount());
    }
    assert_eq!(trade.cash_after, entry.balance.amount());
    let net = match trade.side {
        Side::Buy => -(trade.amount + trade.fee),
        Side::Sell => trade.amount - trade.fee,
    };
    assert_eq!(entry.amount.amount(), net);
    if trade.side == Side::Sell {
        assert_eq!(trade.lots.iter().map(|lot| lot.proceeds).sum::<Decimal>(), net);
        assert_eq!(trade.lots.iter().map(|lot| lot.quantity.units()).sum::<Decimal>(), trade.quantity.units());
        assert!(trade.lots.iter().all(|lot| lot.gain == lot.proceeds - lot.cost));
        let gains: Decimal = trade.lots.iter().map(|lot| lot.gain).sum();
        assert_eq!(trade.realized_gain, Some(gains));
    }
}

/// The books after a first deposit and these steps.
fn after(steps: &[Step]) -> World {
    let mut world = World::new();
    world.take(&Step::Deposit { cents: 2_000_000 });
    for step in steps {
        world.take(step);
    }
    world
}

#[test]
fn the_books_balance_after_any_sequence_of_commands() {
    let config = ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() };
    let accepted: RefCell<BTreeMap<String, u32>> = RefCell::default();
    let law = |steps: Vec<Step>| {
        let world = after(&steps);
        world.check();
        for (kind, count) in world.accepted {
            *accepted.borrow_mut().entry(kind).or_default() += count;
        }
        Ok(())
    };
    TestRunner::new(config).run(&prop::collection::vec(steps(), 1..60), law).unwrap();

    // A law that is never tested holds too: every kind of command must be accepted, and more than once.
    let accepted = accepted.into_inner();
    let methods = ["fifo", "lifo", "hifo", "average", "specific"];
    let sales = methods.iter().flat_map(|method| ["all", "part"].map(|sold| format!("sell by {method}, {sold}")));
    let kinds = ["Deposit", "Withdrawal", "Reversal", "Buy", "sell without a split", "sell after a split"];
    for kind in kinds.map(str::to_owned).into_iter().chain(sales) {
        assert!(accepted.get(&kind).is_some_and(|&count| count >= 10), "{kind} in {accepted:#?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_changed_amount_anywhere_in_the_ledger_is_found(
        steps in prop::collection::vec(steps(), 1..30),
        place in any::<prop::sample::Index>(),
        cents in prop_oneof![-500_i64..0, 1..500_i64],
    ) {
        let mut world = after(&steps);
        let place = place.index(world.entries.len());
        let changed = world.entries[place].amount.amount() + Decimal::new(cents, 2);
        world.entries[place].amount = Money::new(changed, Currency::USD).unwrap();
        prop_assert!(world.verify().iter().any(ledger::Discrepancy::breaks_the_books));
    }

    #[test]
    fn a_missing_entry_is_found(steps in prop::collection::vec(steps(), 1..30), place in any::<prop::sample::Index>()) {
        let mut world = after(&steps);
        world.entries.remove(place.index(world.entries.len()));
        prop_assert!(world.verify().iter().any(ledger::Discrepancy::breaks_the_books));
    }
}
