//! The real use cases, run alongside the model and compared with it.

use std::marker::PhantomData;
use std::sync::Arc;

use app::{Precondition, ServiceError};
use books::portfolios::{self, Change};
use books::positions;
use books::trades::{self, RequestSize, Side, TradeRequest};
use books::wallets::{self, StatementLine, Transfer};
use domain::{CustomerId, LotMethod, Money, PortfolioId, Quantity};
use ledger::{Refusal, Trade};
use market_data::MarketData;
use market_data::splits::KnownSplits;
use proptest_state_machine::StateMachineTest;
use rust_decimal::Decimal;
use store::Clock;
use testing::load;
use tokio::runtime::Runtime;
use uuid::Uuid;

use crate::ledger::customer::{self, Platform, until_answered};
use crate::ledger::engines::{Engine, Store};
use crate::ledger::market::{CURRENCIES, INSTRUMENTS, SessionClock, currency, symbol};
use crate::ledger::model::{Answer, Command, Model, Refused, Size, Step};
use crate::ledger::{coverage, invariants};

/// The test of the use cases on one kind of store.
pub struct Books<E>(PhantomData<E>);

/// A platform of two processes, with its requests and responses.
pub struct System {
    runtime: Arc<Runtime>,
    store: Store,
    wall: SessionClock,
    clock: Clock,
    /// The processes that receive commands, alternately.
    fronts: [Platform; 2],
    /// The process that the books are checked with.
    books: Platform,
    customer: CustomerId,
    portfolios: [PortfolioId; 2],
    /// What was sent with each key, and its response if it made an entry.
    sent: Vec<(Wanted, Option<Given>)>,
    commands: usize,
}

/// A command in the form of the use cases.
#[derive(Clone, Debug)]
pub enum Wanted {
    Transfer(Transfer, Money),
    Trade(PortfolioId, TradeRequest),
    Reverse(Uuid),
}

/// The response to a command that made an entry.
#[derive(Clone, Debug, PartialEq)]
pub enum Given {
    Entry(Box<StatementLine>),
    Trade(Box<Trade>),
}

impl Given {
    /// What identifies its entry in the ledger.
    pub fn mark(&self) -> Uuid {
        match self {
            Self::Entry(entry) => entry.id,
            Self::Trade(trade) => trade.id,
        }
    }
}

impl<E: Engine> StateMachineTest for Books<E> {
    type SystemUnderTest = System;
    type Reference = Model;

    fn init_test(model: &Model) -> System {
        coverage::count(E::NAME, "cases");
        let runtime = Arc::new(E::runtime());
        let wall = SessionClock::default();
        let clock = wall.reader();
        let store = E::open(&runtime, model.seed, &clock);
        let front = || Platform::start(store.front.clone(), clock.clone());
        let fronts = [front(), front()];
        let books = Platform::start(store.books.clone(), clock.clone());
        let (customer, portfolios) = runtime.block_on(async {
            let customer = customer::settle(&*store.books).await;
            let open = async |name| customer::open(&books.platform, customer, name, model.methods[0]).await;
            (customer, [open("First").await, open("Second").await])
        });
        System { runtime, store, wall, clock, fronts, books, customer, portfolios, sent: Vec::new(), commands: 0 }
    }

    fn apply(mut system: System, model: &Model, step: Step) -> System {
        let runtime = system.runtime.clone();
        match step {
            Step::New(_) | Step::Again(_) | Step::Under(..) => {
                let answer = model.answer.expect("a command has an answer");
                let command = match step {
                    Step::New(command) | Step::Under(_, command) => command,
                    _ => model.sent[answer.key].command.clone(),
                };
                runtime.block_on(system.command::<E>(model, &command, &answer));
            }
            Step::Method(portfolio, method) => runtime.block_on(system.method(portfolio, method)),
            Step::NextSession => runtime.block_on(system.next_session()),
            Step::Restart => {
                let front = || Platform::start(system.store.front.clone(), system.clock.clone());
                system.fronts = [front(), front()];
            }
            Step::Verify => {
                runtime.block_on(invariants::verified(system.platform(), model.entries.len()));
                coverage::count(E::NAME, "verified in the middle");
            }
        }
        system
    }

    fn check_invariants(system: &System, model: &Model) {
        system.runtime.block_on(async {
            let shown = wallets::show(&system.platform().app, system.customer).await.unwrap();
            assert!(!shown.frozen);
            for (place, (code, decimals)) in CURRENCIES.iter().enumerate() {
                let cash = Decimal::from_i128_with_scale(model.cash[place], *decimals).to_string();
                assert!(model.cash[place] >= 0, "{cash} {code}");
                let none = cash.trim_matches(['0', '.']).is_empty();
                let found = shown.balances.get(*code).map_or("", String::as_str);
                assert!(found == cash || (none && found.is_empty()), "{found:?} {code} instead of {cash}");
            }
        });
    }

    fn teardown(system: System, model: Model) {
        system.runtime.block_on(system.check_all(&model));
        E::close(&system.runtime, model.seed);
    }
}

impl System {
    fn platform(&self) -> &MarketData {
        &self.books.platform
    }

    async fn command<E: Engine>(&mut self, model: &Model, command: &Command, answer: &Answer) {
        // A repeated command is sent unchanged: the lots that it names may be gone.
        let wanted = match self.sent.get(answer.key) {
            Some((wanted, _)) if answer.replayed => wanted.clone(),
            _ => self.wanted(model, command).await,
        };
        self.commands += 1;
        let front = &self.fronts[self.commands % 2].platform;
        let key = format!("key-{}", answer.key);
        let (given, lost) = until_answered(async || send(front, self.customer, &wanted, &key).await).await;
        coverage::add(E::NAME, "answers lost", lost);
        let context = || format!("{command:?} under {key}: {given:?} instead of {answer:?}");
        match (&given, answer.verdict) {
            (Ok((given, replayed)), Ok(place)) => {
                // A lost response is repeated when it is requested again.
                assert!(*replayed == answer.replayed || lost > 0, "{}", context());
                if let Given::Entry(entry) = given {
                    assert_eq!(entry.seq, place as u64 + 1, "{}", context());
                }
                coverage::count(E::NAME, &kind(command, model, answer));
            }
            (Err(error), Err(refused)) => {
                let (found, again) = refusal(error);
                assert_eq!(found, Some(refused), "{}", context());
                assert!(again == answer.replayed || (lost > 0 && again), "{}", context());
                coverage::count(
                    E::NAME,
                    &format!("refused: {refused:?}{}", if answer.replayed { ", again" } else { "" }),
                );
            }
            _ => panic!("{}", context()),
        }
        self.remember(model, command, answer.key, wanted, given.ok().map(|(given, _)| given));
    }

    fn remember(&mut self, model: &Model, command: &Command, key: usize, wanted: Wanted, given: Option<Given>) {
        match self.sent.get(key) {
            None => self.sent.push((wanted, given)),
            Some((_, Some(first))) => {
                assert!(given.is_none_or(|given| given == *first), "another response than {first:?}");
            }
            // A refusal that is still stored counts, whatever else its key is tried for.
            Some((_, None)) if model.sent[key].command != *command => {}
            Some((_, None)) => self.sent[key] = (wanted, given),
        }
    }

    async fn wanted(&self, model: &Model, command: &Command) -> Wanted {
        match *command {
            Command::Transfer { way, currency: place, minor } => Wanted::Transfer(way, money(place, minor)),
            Command::Reverse { key } => Wanted::Reverse(self.sent[key].1.as_ref().expect("it made an entry").mark()),
            Command::Trade { side, portfolio, instrument, size, fee } => {
                let place = INSTRUMENTS[instrument].1;
                let units = quantity(model.units_of(instrument, size));
                let by_lot = side == Side::Sell && model.methods[portfolio] == LotMethod::Specific;
                let lots = if by_lot { self.youngest_lots(portfolio, instrument, units).await } else { Vec::new() };
                let size = match size {
                    Size::Units(_) => RequestSize::Quantity(units),
                    Size::Minor(minor) => RequestSize::Amount(money(place, minor).amount()),
                };
                let fee = money(place, fee).amount();
                Wanted::Trade(
                    self.portfolios[portfolio],
                    TradeRequest { side, symbol: symbol(instrument), size, fee, lots, expected_price: None },
                )
            }
        }
    }

    /// Lots for this many units, the youngest first; fewer if fewer are held.
    async fn youngest_lots(&self, portfolio: usize, instrument: usize, units: Quantity) -> Vec<(Uuid, Quantity)> {
        let (symbol, currency) = (symbol(instrument), currency(INSTRUMENTS[instrument].1));
        let series = load(self.platform(), &symbol).await.unwrap();
        let known = KnownSplits::of(&series).unwrap();
        let portfolio = self.portfolios[portfolio];
        let found = positions::find(&self.platform().app, portfolio, &symbol, currency, &known).await.unwrap();
        let (today, splits) = invariants::today(self.platform(), &symbol).await;
        let mut left = units;
        let mut picks = Vec::new();
        for lot in found.position.lots.iter().rev() {
            let taken = lot.units_on(today, &splits).unwrap().min(left);
            left = left.minus(taken).unwrap();
            if !taken.is_zero() {
                picks.push((lot.id, taken));
            }
        }
        picks
    }

    async fn method(&self, portfolio: usize, method: LotMethod) {
        let change = Change { lot_method: Some(method), ..Change::default() };
        let front = &self.fronts[0].platform;
        let id = self.portfolios[portfolio];
        let send = async || portfolios::change(front, self.customer, id, &Precondition::Any, &change).await;
        assert_eq!(until_answered(send).await.0.unwrap().lot_method, method);
    }

    async fn next_session(&self) {
        self.wall.next_session();
        for instrument in 0..INSTRUMENTS.len() {
            load(self.platform(), &symbol(instrument)).await.unwrap();
        }
    }

    async fn check_all(&self, model: &Model) {
        let given: Vec<&Given> = self.sent.iter().filter_map(|(_, given)| given.as_ref()).collect();
        let found = invariants::sound(self.platform(), self.customer, &self.portfolios, &given).await;
        let expected: Vec<Decimal> = model
            .entries
            .iter()
            .map(|&(place, effect)| Decimal::from_i128_with_scale(effect, CURRENCIES[place].1))
            .collect();
        assert_eq!(found.amounts, expected);
        for (portfolio, units) in model.units.iter().enumerate() {
            for (instrument, &units) in units.iter().enumerate() {
                let held = found.units.get(&(self.portfolios[portfolio], symbol(instrument)));
                assert_eq!(held.copied().unwrap_or_default(), quantity(units).units(), "{}", symbol(instrument));
            }
        }
    }
}

/// Sends a command; returns what it made and whether it was a replay.
pub async fn send(
    platform: &MarketData,
    customer: CustomerId,
    wanted: &Wanted,
    key: &str,
) -> Result<(Given, bool), ServiceError> {
    match wanted {
        Wanted::Transfer(way, amount) => {
            let made = wallets::transfer(platform, customer, *way, *amount, Some(key)).await?;
            Ok((Given::Entry(Box::new(made.value)), made.replayed))
        }
        Wanted::Reverse(entry) => {
            let made = wallets::reverse_entry(platform, customer, *entry, Some(key)).await?;
            Ok((Given::Entry(Box::new(made.value)), made.replayed))
        }
        Wanted::Trade(portfolio, request) => {
            let made = trades::execute(platform, customer, *portfolio, request, Some(key)).await?;
            Ok((Given::Trade(Box::new(made.value)), made.replayed))
        }
    }
}

/// Why it was refused, and whether the refusal was stored.
fn refusal(error: &ServiceError) -> (Option<Refused>, bool) {
    let (refusal, again) = match error {
        ServiceError::Refused(refusal) => (refusal, false),
        ServiceError::RefusedBefore(refusal) => (refusal, true),
        ServiceError::IdempotencyKeyReused => return (Some(Refused::KeyReused), false),
        ServiceError::NotFound { .. } => return (Some(Refused::NotFound), false),
        _ => return (None, false),
    };
    let refused = match refusal {
        Refusal::InsufficientFunds { .. } => Some(Refused::Funds),
        Refusal::InsufficientUnits { .. } => Some(Refused::Units),
        Refusal::ZeroValue => Some(Refused::ZeroValue),
        Refusal::AlreadyReversed(_) => Some(Refused::AlreadyReversed),
        _ => None,
    };
    (refused, again)
}

/// The name of a command that made an entry, for counting.
fn kind(command: &Command, model: &Model, answer: &Answer) -> String {
    if answer.replayed {
        return "answered again".to_owned();
    }
    match command {
        Command::Transfer { way, .. } => format!("{way:?}"),
        Command::Reverse { .. } => "Reversal".to_owned(),
        Command::Trade { side: Side::Buy, .. } => "Buy".to_owned(),
        Command::Trade { side: Side::Sell, portfolio, instrument, .. } => {
            let left = if model.units[*portfolio][*instrument] == 0 { "all" } else { "part" };
            format!("Sell {left} by {}", model.methods[*portfolio])
        }
    }
}

fn money(place: usize, minor: i64) -> Money {
    Money::new(Decimal::new(minor, CURRENCIES[place].1), currency(place)).unwrap()
}

fn quantity(units: i128) -> Quantity {
    Quantity::new(Decimal::from_i128_with_scale(units, domain::decimal::DECIMALS)).unwrap()
}
