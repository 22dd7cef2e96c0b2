//! Where prices come from: one trait, [`Provider`], and behind it the sample, a folder of one's own files
//! and Alpha Vantage.
//!
//! A provider fetches, parses and checks; it stores nothing, reads no environment and knows no time of
//! day. Whatever comes in passes through [`series`], so that every history is held to the same rules.

pub mod alpha_vantage;
pub mod csv_file;
mod decimal;
pub mod error;
pub mod folder;
pub mod history;
pub mod instruments;
pub mod provider;
pub mod quote;
pub mod sample;
pub mod series;

pub use error::ProviderError;
pub use folder::Folder;
pub use history::{Basis, DropReason, History, Note};
pub use provider::{MarketClock, Patience, Provider};
pub use quote::Quote;
pub use sample::Sample;
