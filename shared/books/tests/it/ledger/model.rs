//! The model of the books: cash and units as plain integers, and what each idempotency key was used for.

use books::trades::Side;
use books::wallets::Transfer;
use domain::LotMethod;
use proptest::prelude::*;
use proptest_state_machine::ReferenceStateMachine;

use crate::ledger::commands;
use crate::ledger::market::{CURRENCIES, INSTRUMENTS, ONE, SESSIONS, day, price, split};

/// Days for which a refusal for lack of funds or units is stored.
const REFUSAL_DAYS: i32 = 7;
const METHODS: [LotMethod; 5] =
    [LotMethod::Fifo, LotMethod::Lifo, LotMethod::Hifo, LotMethod::Average, LotMethod::Specific];

/// The books of one customer with two portfolios, and the last response.
#[derive(Clone, Debug)]
pub struct Model {
    /// Seed of the store's faults.
    pub seed: u64,
    /// The session of the market.
    pub session: usize,
    /// Cash by currency, in its smallest unit.
    pub cash: [i128; CURRENCIES.len()],
    /// Units by portfolio and instrument, in 10⁻¹², as quoted on the session.
    pub units: [[i128; INSTRUMENTS.len()]; 2],
    /// The lot methods of the portfolios.
    pub methods: [LotMethod; 2],
    /// What was sent under each key.
    pub sent: Vec<Sent>,
    /// Every entry that must exist: its currency and its effect on the cash.
    pub entries: Vec<(usize, i128)>,
    /// The expected response to the last command.
    pub answer: Option<Answer>,
}

/// A command as it was last sent with a key.
#[derive(Clone, Debug)]
pub struct Sent {
    pub command: Command,
    outcome: Option<Outcome>,
    reversed: bool,
}

#[derive(Clone, Copy, Debug)]
enum Outcome {
    /// It made the entry with this index, from 0.
    Booked(usize),
    /// It was refused on this session.
    Refused(Refused, usize),
}

/// The expected response to a command.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// The key that it was sent with.
    pub key: usize,
    /// The index of its entry, from 0.
    pub verdict: Result<usize, Refused>,
    /// Whether it is a replay.
    pub replayed: bool,
}

/// Why a command must be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refused {
    Funds,
    Units,
    ZeroValue,
    NotFound,
    AlreadyReversed,
    KeyReused,
}

/// A command of a customer or an administrator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    Transfer {
        way: Transfer,
        currency: usize,
        minor: i64,
    },
    Trade {
        side: Side,
        portfolio: usize,
        instrument: usize,
        size: Size,
        fee: i64,
    },
    /// Reverses the command that was sent with this key.
    Reverse {
        key: usize,
    },
}

/// The size of a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// In units of 10⁻⁸.
    Units(i128),
    /// In the smallest unit of the currency.
    Minor(i64),
}

/// A step of a case.
#[derive(Clone, Debug)]
pub enum Step {
    /// A command with a new key.
    New(Command),
    /// The command sent with this key, once more.
    Again(usize),
    /// A command with a key that was already used.
    Under(usize, Command),
    /// A portfolio sells by another lot method from now on.
    Method(usize, LotMethod),
    /// The market closes once more.
    NextSession,
    /// The processes stop and start again.
    Restart,
    /// The books are verified.
    Verify,
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Self> {
        let methods = prop::sample::select(METHODS.to_vec());
        (any::<u64>(), methods).prop_map(|(seed, method)| Self::new(seed, method)).boxed()
    }

    fn transitions(model: &Self) -> BoxedStrategy<Step> {
        let command = commands::of(model);
        let fresh = command.clone().prop_map(Step::New);
        let method = (0..2_usize, prop::sample::select(METHODS.to_vec()));
        let around = prop_oneof![
            3 => method.prop_map(|(portfolio, method)| Step::Method(portfolio, method)),
            3 => Just(Step::NextSession),
            1 => Just(Step::Restart),
            1 => Just(Step::Verify),
        ];
        if model.sent.is_empty() {
            return prop_oneof![4 => fresh, 1 => around].boxed();
        }
        let known = 0..model.sent.len();
        let again = known.clone().prop_map(Step::Again);
        let under = (known, command).prop_map(|(key, command)| Step::Under(key, command));
        prop_oneof![12 => fresh, 3 => again, 1 => under, 3 => around].boxed()
    }

    fn preconditions(model: &Self, step: &Step) -> bool {
        let sent = model.sent.len();
        let fits = |command: &Command| match command {
            Command::Reverse { key } => model.sent.get(*key).is_some_and(|sent| sent.entry().is_some()),
            Command::Transfer { .. } | Command::Trade { .. } => true,
        };
        match step {
            Step::New(command) => fits(command),
            Step::Again(key) => *key < sent,
            Step::Under(key, command) => *key < sent && fits(command),
            Step::NextSession => model.session + 1 < SESSIONS,
            Step::Method(..) | Step::Restart | Step::Verify => true,
        }
    }

    fn apply(mut model: Self, step: &Step) -> Self {
        model.answer = None;
        match step {
            Step::New(command) => model.send(model.sent.len(), command.clone()),
            Step::Again(key) => model.send(*key, model.sent[*key].command.clone()),
            Step::Under(key, command) => model.send(*key, command.clone()),
            Step::Method(portfolio, method) => model.methods[*portfolio] = *method,
            Step::NextSession => model.next_session(),
            Step::Restart | Step::Verify => {}
        }
        model
    }
}

impl Sent {
    /// Whether it moved cash in or out and can be reversed.
    pub fn is_transfer(&self) -> bool {
        matches!(self.command, Command::Transfer { .. }) && self.entry().is_some()
    }

    /// The index of the entry that it made.
    pub fn entry(&self) -> Option<usize> {
        match self.outcome {
            Some(Outcome::Booked(place)) => Some(place),
            Some(Outcome::Refused(..)) | None => None,
        }
    }
}

impl Model {
    fn new(seed: u64, method: LotMethod) -> Self {
        Self {
            seed,
            session: 0,
            cash: [0; 2],
            units: [[0; 3]; 2],
            methods: [method; 2],
            sent: Vec::new(),
            entries: Vec::new(),
            answer: None,
        }
    }

    fn next_session(&mut self) {
        self.session += 1;
        for units in &mut self.units {
            for (instrument, units) in units.iter_mut().enumerate() {
                *units *= split(instrument, self.session);
            }
        }
    }

    fn send(&mut self, key: usize, command: Command) {
        let (verdict, replayed) = self.answer(key, &command);
        self.answer = Some(Answer { key, verdict, replayed });
        if replayed || verdict == Err(Refused::KeyReused) {
            return;
        }
        let outcome = match verdict {
            Ok(place) => Some(Outcome::Booked(place)),
            Err(refused @ (Refused::Funds | Refused::Units)) => Some(Outcome::Refused(refused, self.session)),
            // Nothing else uses up a key; a used key stays used, whatever it is tried for.
            Err(_) if self.sent.get(key).is_some_and(|sent| self.remembered(sent).is_some()) => return,
            Err(_) => None,
        };
        let sent = Sent { command, outcome, reversed: false };
        if key == self.sent.len() { self.sent.push(sent) } else { self.sent[key] = sent }
    }

    /// What a key is still known to have been used for.
    fn remembered(&self, sent: &Sent) -> Option<Result<usize, Refused>> {
        match sent.outcome? {
            Outcome::Booked(place) => Some(Ok(place)),
            Outcome::Refused(refused, on) => {
                let days = day(self.session).days_since(day(on));
                (days < REFUSAL_DAYS).then_some(Err(refused))
            }
        }
    }

    fn answer(&mut self, key: usize, command: &Command) -> (Result<usize, Refused>, bool) {
        let known = self.sent.get(key).and_then(|sent| Some((sent.command == *command, self.remembered(sent)?)));
        match known {
            Some((true, remembered)) => (remembered, true),
            Some((false, _)) => (Err(Refused::KeyReused), false),
            None if self.is_unfindable(command) => (Err(Refused::NotFound), false),
            None => (self.execute(command), false),
        }
    }

    /// Whether the command reverses neither a deposit nor a withdrawal, and so is not found.
    fn is_unfindable(&self, command: &Command) -> bool {
        matches!(command, Command::Reverse { key } if !matches!(self.sent[*key].command, Command::Transfer { .. }))
    }

    fn execute(&mut self, command: &Command) -> Result<usize, Refused> {
        let (currency, effect) = match *command {
            Command::Transfer { way: Transfer::Deposit, currency, minor } => (currency, i128::from(minor)),
            Command::Transfer { way: Transfer::Withdrawal, currency, minor } => (currency, -i128::from(minor)),
            Command::Reverse { key } => {
                let undone = &self.sent[key];
                if undone.reversed {
                    return Err(Refused::AlreadyReversed);
                }
                let (currency, effect) = undone.entry().map(|place| self.entries[place]).unwrap();
                (currency, -effect)
            }
            Command::Trade { side, portfolio, instrument, size, fee } => {
                let (units, effect) = self.fill(side, portfolio, instrument, size, fee)?;
                let currency = INSTRUMENTS[instrument].1;
                if self.cash[currency] + effect >= 0 {
                    self.units[portfolio][instrument] += units;
                }
                (currency, effect)
            }
        };
        if self.cash[currency] + effect < 0 {
            return Err(Refused::Funds);
        }
        self.cash[currency] += effect;
        if let Command::Reverse { key } = *command {
            self.sent[key].reversed = true;
        }
        self.entries.push((currency, effect));
        Ok(self.entries.len() - 1)
    }

    /// The effect of a trade on units and cash.
    fn fill(
        &self,
        side: Side,
        portfolio: usize,
        instrument: usize,
        size: Size,
        fee: i64,
    ) -> Result<(i128, i128), Refused> {
        let units = self.units_of(instrument, size);
        let held = self.units[portfolio][instrument];
        if side == Side::Sell && units > held {
            return Err(Refused::Units);
        }
        let value = half_even(units * price(instrument, self.session), per_minor(instrument));
        if value == 0 && (side == Side::Buy || units < held) {
            return Err(Refused::ZeroValue);
        }
        match side {
            Side::Buy => Ok((units, -value - i128::from(fee))),
            Side::Sell => Ok((-units, value - i128::from(fee))),
        }
    }

    /// The units of an order at the price of the session.
    pub fn units_of(&self, instrument: usize, size: Size) -> i128 {
        match size {
            Size::Units(units) => units,
            Size::Minor(minor) => i128::from(minor) * per_minor(instrument) / price(instrument, self.session),
        }
    }
}

/// Products of a quantity and a price that make the smallest unit of the instrument's currency.
fn per_minor(instrument: usize) -> i128 {
    let (_, decimals) = CURRENCIES[INSTRUMENTS[instrument].1];
    ONE * ONE / 10_i128.pow(decimals)
}

fn half_even(dividend: i128, divisor: i128) -> i128 {
    let (floor, twice) = (dividend / divisor, dividend % divisor * 2);
    let up = twice > divisor || (twice == divisor && floor % 2 == 1);
    floor + i128::from(up)
}
