//! Where prices come from: one trait, [`Provider`], and behind it the sample, a folder of one's own files, Alpha
//! Vantage and Yahoo, alone or in an order in which they stand in for each other ([`Chain`]), or played again
//! ([`Replay`]).
//!
//! A provider fetches, parses and checks; it stores nothing but what a [`Memory`] keeps for it, reads no environment
//! and knows no more of a customer than the id on whose behalf it is asked. It uses `domain` and nothing else of ours.
//! What may be asked, and until when, is one value, [`CallBudget`], with its limits in [`call_limits`]; when to call is
//! decided by the client in [`http`], which all live providers share, and what an answer means by the file that reads it.
//!
//! - Whatever comes in passes through [`series`], so that every history is held to the same rules: rows that contradict
//!   themselves are dropped, and a [`Note`] says so.
//! - The newest bar of a live source may still be wrong, and is held back until it is sure.
//! - A refusal in words, with status 200, is a refusal ([`ProviderError`]); a key is never printed.
//! - The sample and a folder give the same answer on every run and need no network.

pub mod alpha_vantage;
mod call_budget;
pub mod call_limits;
pub mod chain;
pub mod csv_file;
mod decimal;
pub mod error;
mod events;
mod exact;
pub mod folder;
pub mod history;
pub mod http;
pub mod instruments;
mod intraday;
pub mod memory;
pub mod note;
mod number;
mod price_unit;
pub mod provider;
pub mod quote;
pub mod replay;
pub mod sample;
pub mod series;
mod symbols;
pub mod yahoo;

pub use call_budget::{CallBudget, NoAnswer, OnBehalfOf};
pub use chain::Chain;
pub use error::ProviderError;
pub use folder::Folder;
pub use history::{Basis, History};
pub use memory::{Memory, NoMemory};
pub use note::{DropReason, DroppedRow, Note};
pub use price_unit::PriceUnit;
pub use provider::{MarketClock, Provider};
pub use quote::Quote;
pub use replay::Replay;
pub use sample::Sample;
pub use symbols::{mentioning, told_by_form};
pub use yahoo::Yahoo;
