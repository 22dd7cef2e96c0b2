//! Activities: the record of what happened in accounts elsewhere, line by line.
//!
//! An [`Activity`] is the customer's own record. It can be corrected, and nothing of it touches the wallet.
//! [`ActivityFields`] are its fields as they come from outside, all optional; [`ActivityFields::event`] checks them and
//! makes the [`ActivityEvent`], which has exactly the fields that its type takes.

mod cash;
mod check;
mod event;
mod field_names;
mod fields;
mod kind;
mod paid;
mod stored;
mod text;

pub use cash::{CashDetails, CashType, ExchangeDetails};
pub use event::{
    ActivityEvent, AdjustmentDetails, BuyDetails, SellDetails, TransferInDetails, TransferOutDetails, Units,
};
pub use field_names::field_names;
pub use fields::{ActivityFields, ActivityMistake};
pub use kind::{ActivitySource, ActivityType, MAX_EXTERNAL_ID_LENGTH, MAX_NOTE_LENGTH};
pub use paid::{DayRates, NeededRates, Paid};
pub use stored::Activity;
pub use text::{TextMistake, read_external_id, read_note, read_time};

#[cfg(test)]
mod tests;
