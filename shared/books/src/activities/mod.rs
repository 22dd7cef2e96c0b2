//! Activities: the record of what happened in accounts elsewhere.
//!
//! The activities of a portfolio are one [`History`]: a head and packed segments in the order of recording
//! ([`history`]). A change reads the whole history, replays the instruments that it touches, and writes the changed
//! segments and the head at the versions that it has read. So of two sales of the same units at once one is refused.
//! Trades of the wallet do not touch it.

mod cash;
mod change;
mod conflicts;
mod export;
mod history;
mod list;
mod positions;
mod record;
mod reversals;
mod step;
mod stored_investments;
mod verification;

use app::error::ServiceError;
use app::precondition::Precondition;
pub use cash::{CashFilter, CurrencyCash, DayOfCash, PortfolioCash, compute_cash};
pub use change::{ActivityChange, correct, remove};
pub(crate) use change::{Target, correct_target, remove_target};
pub use export::{ActivityExport, export};
pub(crate) use history::History;
pub use history::parse_stored;
pub use ledger::activity::{read_external_id, read_note, read_time};
pub use ledger::{ActivityFields, ActivityType, LotPick};
pub(crate) use list::read_history;
pub use list::{ActivityFilter, find, list, list_versions};
use market_data::MarketData;
pub(crate) use positions::{InstrumentHistory, RecordedInstrument, RecordedPositions, by_instrument, replay_all};
pub use record::{ActivityRecord, NewActivity, record};
pub(crate) use record::{ROUTE, append, read_answer};
pub(crate) use step::{Step, prepare_writes};
use uuid::Uuid;
pub use verification::verify;

/// The most activities of a portfolio.
pub const MAX_ACTIVITIES: usize = 20_000;

pub(crate) const WHAT: &str = "activities";
/// What is not found if an id is unknown.
pub(crate) const ONE: &str = "activity";
