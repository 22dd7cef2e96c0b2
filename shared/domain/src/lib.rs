//! The words of the trade as types that cannot hold nonsense: symbols, days, bars, money.
//!
//! Pure: no async, no clock, no randomness, no environment. Everything else in the workspace
//! builds on this crate and it builds on nothing of ours.

pub mod alert;
pub mod bars;
pub mod calendar;
pub mod customer;
pub mod day;
pub mod decimal;
pub mod email;
pub mod exchange_rate;
pub mod instant;
pub mod instrument;
pub mod interval;
pub mod investment;
pub mod money;
pub mod portfolio;
pub mod spacing;
pub mod split;
pub mod split_factor;
pub mod symbol;

pub use bars::{Bar, BarError, Bars};
pub use customer::{Address, CustomerId, Role};
pub use day::{Day, DayError};
pub use decimal::{DecimalError, Price, Quantity};
pub use email::{Email, EmailError};
pub use exchange_rate::ExchangeRate;
pub use instrument::{Instrument, InstrumentType};
pub use interval::Interval;
pub use investment::Investment;
pub use money::{Currency, Money, MoneyError};
pub use portfolio::{LotMethod, Portfolio, PortfolioId};
pub use spacing::{Spacing, periods_per_year};
pub use split::{Split, SplitRatio};
pub use split_factor::SplitFactor;
pub use symbol::{Symbol, SymbolError};
