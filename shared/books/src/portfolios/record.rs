//! A portfolio as it is stored, and how a change of its contents is held to the state it was decided on.

use app::App;
use app::error::ServiceError;
use domain::{CustomerId, Day, Portfolio, PortfolioId};
use serde::{Deserialize, Serialize};
use store::{Expect, Key, Version, Write, documents, keys};

/// What is stored of a portfolio.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// The portfolio.
    pub portfolio: Portfolio,
    /// Profiles made so far, removed ones included.
    pub profiles: u32,
    /// The first day whose stored value may be wrong, until it is computed again.
    pub dirty_from: Option<Day>,
    /// Whether it is being removed: to everybody else it is gone already.
    pub removing: bool,
}

/// A stored portfolio at the version it was read.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    /// What is stored.
    pub record: Record,
    key: Key,
    version: Version,
}

/// The portfolio of a customer. One of another customer, or one that is being removed, is none.
pub(crate) async fn load(app: &App, customer: CustomerId, id: PortfolioId) -> Result<Held, ServiceError> {
    let held = load_also_removing(app, customer, id).await?;
    if held.record.removing { Err(missing()) } else { Ok(held) }
}

/// Like [`load`], also where its removal was cut short.
pub(super) async fn load_also_removing(app: &App, customer: CustomerId, id: PortfolioId) -> Result<Held, ServiceError> {
    let key = keys::portfolio(customer, id);
    let (record, version) = documents::read::<Record>(app.table(), &key).await?.ok_or_else(missing)?;
    Ok(Held { record, key, version })
}

fn missing() -> ServiceError {
    ServiceError::NotFound { what: "portfolio" }
}

impl Held {
    /// Refuses a portfolio that takes nothing.
    pub(crate) fn require_open(&self) -> Result<(), ServiceError> {
        if self.record.portfolio.is_open() { Ok(()) } else { Err(ServiceError::PortfolioClosed) }
    }

    /// The write that lets a transaction pass only while the portfolio is as it was read: not closed, not removed. Where
    /// the change reaches further back than any before it, the day is noted for whoever keeps the daily values.
    pub(crate) fn unchanged_but_dirty_from(&self, day: Day) -> Result<Write, ServiceError> {
        let earliest = self.record.dirty_from.map_or(day, |noted| noted.min(day));
        // Written also where an earlier day is noted: who takes the note off must see that this change came after.
        self.replaced_by(&Record { dirty_from: Some(earliest), ..self.record.clone() })
    }

    /// The write that lets a transaction pass only while the portfolio is as it was read.
    pub(crate) fn unchanged(&self) -> Write {
        Write::Check { key: self.key.clone(), expect: Expect::Version(self.version) }
    }

    /// The same, with the note taken off that days have to be computed again: they have been.
    pub(crate) fn unchanged_and_clean(&self) -> Result<Write, ServiceError> {
        match self.record.dirty_from {
            None => Ok(self.unchanged()),
            Some(_) => self.replaced_by(&Record { dirty_from: None, ..self.record.clone() }),
        }
    }

    /// The write that puts `record` in its place.
    pub(super) fn replaced_by(&self, record: &Record) -> Result<Write, ServiceError> {
        Ok(Write::update(self.key.clone(), documents::body(&self.key, record)?, self.version))
    }

    /// The write that removes it.
    pub(super) fn removed(&self) -> Write {
        Write::Delete { key: self.key.clone(), expect: store::DeleteExpect::Version(self.version) }
    }
}
