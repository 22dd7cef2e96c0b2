//! A portfolio as it is stored, and the conditions that tie a change of its contents to the state that was read.

use app::error::ServiceError;
use app::{App, listing};
use domain::{CustomerId, Day, Portfolio, PortfolioId};
use serde::{Deserialize, Serialize};
use store::{Expect, Key, Version, Write, documents, keys};

/// The stored record of a portfolio.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PortfolioRecord {
    /// The portfolio.
    pub portfolio: Portfolio,
    /// The number of profiles made so far, including removed ones.
    pub profiles: u32,
    /// The first day whose stored value may be wrong, until it is computed again.
    pub dirty_from: Option<Day>,
    /// Whether it is being removed: for all other requests it no longer exists.
    pub removing: bool,
}

/// A stored portfolio at the version it was read.
#[derive(Clone, Debug)]
pub(crate) struct LoadedPortfolio {
    /// The record.
    pub record: PortfolioRecord,
    key: Key,
    version: Version,
}

/// The portfolio of a customer. One of another customer, or one being removed, is not found.
pub(crate) async fn load(app: &App, customer: CustomerId, id: PortfolioId) -> Result<LoadedPortfolio, ServiceError> {
    let held = load_also_removing(app, customer, id).await?;
    if held.record.removing { Err(missing()) } else { Ok(held) }
}

/// Every portfolio of a customer, oldest first.
pub(crate) async fn load_all(app: &App, customer: CustomerId) -> Result<Vec<LoadedPortfolio>, ServiceError> {
    let mut all = Vec::new();
    for item in listing::read_all(app, keys::portfolios(customer)).await? {
        let record: PortfolioRecord = documents::parse(&item)?;
        if !record.removing {
            all.push(LoadedPortfolio { record, version: item.version, key: item.key });
        }
    }
    Ok(all)
}

/// Like [`load`], but also finds one whose removal was interrupted.
pub(super) async fn load_also_removing(
    app: &App,
    customer: CustomerId,
    id: PortfolioId,
) -> Result<LoadedPortfolio, ServiceError> {
    let key = keys::portfolio(customer, id);
    let (record, version) = documents::read::<PortfolioRecord>(app.table(), &key).await?.ok_or_else(missing)?;
    Ok(LoadedPortfolio { record, key, version })
}

fn missing() -> ServiceError {
    ServiceError::NotFound { what: "portfolio" }
}

impl LoadedPortfolio {
    /// Refuses a closed portfolio.
    pub(crate) fn require_open(&self) -> Result<(), ServiceError> {
        if self.record.portfolio.is_open() { Ok(()) } else { Err(ServiceError::PortfolioClosed) }
    }

    /// The write that makes a transaction fail if the portfolio has changed since it was read, by closing or removal.
    /// If the change reaches further back than any before it, the day is recorded, for updating the daily values.
    pub(crate) fn unchanged_but_dirty_from(&self, day: Day) -> Result<Write, ServiceError> {
        let earliest = self.record.dirty_from.map_or(day, |noted| noted.min(day));
        // Written even if an earlier day is recorded: the process that clears the day must see that this change came
        // later.
        self.replaced_by(&PortfolioRecord { dirty_from: Some(earliest), ..self.record.clone() })
    }

    /// The write that makes a transaction fail if the portfolio has changed since it was read.
    pub(crate) fn unchanged(&self) -> Write {
        Write::Check { key: self.key.clone(), expect: Expect::Version(self.version) }
    }

    /// The same, clearing the day from which values had to be computed again: they have been.
    pub(crate) fn unchanged_and_clean(&self) -> Result<Write, ServiceError> {
        match self.record.dirty_from {
            None => Ok(self.unchanged()),
            Some(_) => self.replaced_by(&PortfolioRecord { dirty_from: None, ..self.record.clone() }),
        }
    }

    /// The write that puts `record` in its place.
    pub(super) fn replaced_by(&self, record: &PortfolioRecord) -> Result<Write, ServiceError> {
        Ok(Write::update(self.key.clone(), documents::body(&self.key, record)?, self.version))
    }

    /// The write that removes it.
    pub(super) fn removed(&self) -> Write {
        Write::Delete { key: self.key.clone(), expect: store::DeleteExpect::Version(self.version) }
    }
}
