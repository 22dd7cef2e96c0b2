//! Instruments, days, bars, money and customers as types that cannot hold invalid values.
//!
//! Every other crate builds on this one; it depends on no other crate of the workspace. It is pure: no async, no clock,
//! no randomness, no environment, no I/O.
//!
//! - Values are checked: `parse`, `FromStr` and serde read text and numbers from outside and refuse what is out of
//!   range, with an error that says why.
//! - [`Money`] is a decimal with the places of its [`Currency`]; [`Price`] and [`Quantity`] have at most twelve. No
//!   float enters the ledger. [`Bars`] are columns of floats for analytics, and become decimals when a price is paid.
//! - A [`Day`] is a calendar day without a time zone; [`instant`](mod@instant) is how a moment is written in JSON.
//! - The crate only defines these types. It has no sources of prices, no trading rules and no storage.
//!
//! ```
//! use domain::{Currency, Day, Money, Price, Quantity, Symbol};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let symbol: Symbol = "aapl".parse()?;
//! let day: Day = "2012-02-29".parse()?;
//! let paid = Money::parse("12.50", Currency::USD)?;
//! assert_eq!((symbol.as_str(), day.month(), paid.to_string().as_str()), ("AAPL", 2, "12.50"));
//!
//! assert!("2013-02-29".parse::<Day>().is_err());
//! assert!(Money::parse("12.505", Currency::USD).is_err());
//! assert!(Quantity::parse("-1").is_err() && Price::parse("0").is_err());
//! # Ok(())
//! # }
//! ```

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
pub mod long_term;
pub mod money;
pub mod portfolio;
pub mod schema;
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
pub use long_term::{LongTerm, LongTermError, Term};
pub use money::{Currency, Money, MoneyError};
pub use portfolio::{LotMethod, Portfolio, PortfolioId};
pub use spacing::{Spacing, periods_per_year};
pub use split::{Split, SplitRatio};
pub use split_factor::SplitFactor;
pub use symbol::{Symbol, SymbolError};
