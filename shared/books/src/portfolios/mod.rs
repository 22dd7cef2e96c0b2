//! Opens, reads and lists portfolios; [`change`] and [`remove`] are separate modules.

mod change;
mod record;
mod remove;

pub use change::{AimsChange, Change, ProfileChange, change};
pub use record::PortfolioRecord;
pub(crate) use record::{LoadedPortfolio, load, load_all};
pub use remove::remove;

use app::App;
use app::counter::Counter;
use app::error::ServiceError;
use app::idempotency::{self, Created, KeyLookup};
use app::listing::{self, Filter, ListPage, PageRequest};
use domain::portfolio::{
    CashTreatment, InvestmentAims, InvestmentProfile, LotMethod, Portfolio, PortfolioId, PortfolioName, PortfolioState,
    PortfolioType,
};
use domain::{Currency, CustomerId, LongTerm};
use serde::Serialize;
use store::retry::{Retry, retry};
use store::{Write, documents, keys};
use uuid::Uuid;

/// The most portfolios of a customer.
pub const MAX_PORTFOLIOS: usize = 100;

const WHAT: &str = "portfolios";

/// A portfolio to open.
#[derive(Clone, Debug, Serialize)]
pub struct NewPortfolio {
    /// Name.
    pub name: PortfolioName,
    /// Kind of account.
    pub kind: PortfolioType,
    /// Currency of its value and performance.
    pub base_currency: Currency,
    /// Which lots a sale consumes.
    pub lot_method: LotMethod,
    /// Whether the cash of its activities is part of its value and performance.
    #[serde(skip_serializing_if = "is_default")]
    pub cash: CashTreatment,
    /// How long units must have been held for a gain to be long-term.
    #[serde(skip_serializing_if = "LongTerm::is_default")]
    pub long_term: LongTerm,
    /// Its purpose, if the customer states it.
    pub aims: Option<InvestmentAims>,
}

/// Whether a field is not given: a request without it is the same as before there was the field.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Opens a portfolio. The same idempotency key with the same request returns the first result.
///
/// Errors: [`ServiceError::LimitReached`] if the customer has [`MAX_PORTFOLIOS`].
pub async fn open(
    app: &App,
    customer: CustomerId,
    opening: &NewPortfolio,
    idempotency_key: Option<&str>,
) -> Result<Created<Portfolio>, ServiceError> {
    let pending = match idempotency::look_up(app, customer, idempotency_key, "POST /portfolios", opening).await? {
        KeyLookup::Replay(id) => return Ok(Created { value: opened(customer, id, opening), replayed: true }),
        KeyLookup::First(pending) => pending,
    };
    let id = app.new_id();
    let portfolio = opened(customer, id, opening);
    let first = retry(Retry::within(app::CONFLICT_BUDGET), || async {
        let counter = Counter::read(app, keys::portfolio_count(customer)).await?;
        let writes = first_writes(&portfolio, &counter)?;
        idempotency::commit(app, pending.clone(), id, writes).await
    })
    .await?;
    Ok(match first {
        Some(first) => Created { value: opened(customer, first, opening), replayed: true },
        None => Created { value: portfolio, replayed: false },
    })
}

/// The portfolio as first returned, determined by the request and its id alone.
fn opened(customer: CustomerId, id: Uuid, opening: &NewPortfolio) -> Portfolio {
    let now = App::made_at(id);
    let profile = |aims: &InvestmentAims| InvestmentProfile { version: 1, since: now, aims: aims.clone() };
    Portfolio {
        id: PortfolioId(id),
        customer_id: customer,
        name: opening.name.clone(),
        kind: opening.kind,
        base_currency: opening.base_currency,
        lot_method: opening.lot_method,
        cash: opening.cash,
        long_term: opening.long_term,
        state: PortfolioState::Open,
        investment_profile: opening.aims.as_ref().map(profile),
        created_at: now,
        updated_at: now,
        version: 1,
    }
}

fn first_writes(portfolio: &Portfolio, counter: &Counter) -> Result<Vec<Write>, ServiceError> {
    let key = keys::portfolio(portfolio.customer_id, portfolio.id);
    let profile = &portfolio.investment_profile;
    let record = PortfolioRecord {
        portfolio: portfolio.clone(),
        profiles: u32::from(profile.is_some()),
        dirty_from: None,
        removing: false,
    };
    let mut writes =
        vec![counter.add(1, MAX_PORTFOLIOS, WHAT)?, Write::create(key.clone(), documents::body(&key, &record)?)];
    writes.extend(profile.as_ref().map(|profile| kept_profile(portfolio.id, profile)).transpose()?);
    Ok(writes)
}

/// The write that stores a version of the profile permanently.
fn kept_profile(id: PortfolioId, profile: &InvestmentProfile) -> Result<Write, ServiceError> {
    let key = keys::portfolio_profile(id, profile.version);
    let body = documents::body(&key, profile)?;
    Ok(Write::create(key, body))
}

/// A portfolio of the customer.
pub async fn find(app: &App, customer: CustomerId, id: PortfolioId) -> Result<Portfolio, ServiceError> {
    Ok(load(app, customer, id).await?.record.portfolio)
}

/// The current or an earlier version of a portfolio's investment profile.
pub async fn find_profile(
    app: &App,
    customer: CustomerId,
    id: PortfolioId,
    version: u32,
) -> Result<InvestmentProfile, ServiceError> {
    load(app, customer, id).await?;
    let found = documents::read(app.table(), &keys::portfolio_profile(id, version)).await?;
    found.map(|(profile, _)| profile).ok_or(ServiceError::NotFound { what: "investment profile" })
}

/// Which portfolios a list contains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PortfolioFilter {
    /// Open or closed ones.
    pub state: Option<PortfolioState>,
    /// Ones of this kind of account.
    pub kind: Option<PortfolioType>,
}

impl Filter<PortfolioRecord> for PortfolioFilter {
    fn keeps(&self, record: &PortfolioRecord) -> bool {
        !record.removing
            && self.state.is_none_or(|state| state == record.portfolio.state)
            && self.kind.is_none_or(|kind| kind == record.portfolio.kind)
    }
}

/// A page of the customer's portfolios, in the order in which they were opened.
pub async fn list(
    app: &App,
    customer: CustomerId,
    filter: &PortfolioFilter,
    page: &PageRequest,
) -> Result<ListPage<Portfolio>, ServiceError> {
    let read = listing::read_page(app, keys::portfolios(customer), filter, page).await?;
    Ok(read.map(|record: PortfolioRecord| record.portfolio))
}
