//! Price providers: the trait [`Provider`] and its implementations, the sample, a folder of CSV files, Alpha Vantage,
//! Yahoo, and a JSON provider that a document describes. A [`Chain`] combines several with fallback, and a [`Replay`] plays old prices back.
//!
//! A provider fetches, parses and checks. It stores nothing itself, except through a [`Memory`], reads no environment, and
//! gets nothing about a customer but the id on whose behalf it is called. The crate depends only on `domain`. A
//! [`CallBudget`] states which calls a request may make and until when; [`call_limits`] has all limits. The client in
//! [`http`], which all live providers share, decides when to call; each provider interprets its own responses.
//!
//! - All bars pass through [`series`], so that every history obeys the same rules: contradictory rows are dropped, and a
//!   [`Note`] reports them.
//! - The newest bar of a live provider may still be wrong. It is held back until it is confirmed.
//! - A refusal that a provider sends as text with status 200 becomes a [`ProviderError`]. API keys are never logged.
//! - The sample and a folder return the same data on every run and need no network.

pub mod alpha_vantage;
mod api_plan;
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
pub mod json_provider;
pub mod memory;
pub mod note;
mod number;
mod price_unit;
pub mod provider;
pub mod quote;
pub mod replay;
pub mod sample;
pub mod series;
mod source_order;
mod symbols;
pub mod yahoo;

pub use api_plan::{ApiPlan, CallsLeft, PlanError, PlanSettings, minute_reserve};
pub use call_budget::{CallBudget, NoAnswer, OnBehalfOf};
pub use chain::Chain;
pub use error::ProviderError;
pub use folder::Folder;
pub use history::{Basis, History};
pub use json_provider::JsonProvider;
pub use memory::{Memory, NoMemory};
pub use note::{DropReason, DroppedRow, Note};
pub use price_unit::PriceUnit;
pub use provider::{MarketClock, Provider};
pub use quote::Quote;
pub use replay::Replay;
pub use sample::Sample;
pub use source_order::{SourceOrder, SourceOrderError};
pub use symbols::{describe_by_form, mentioning};
pub use yahoo::Yahoo;
