//! Verification of a recorded history: whether it can be read, is whole, and never takes units that are not there.

use std::collections::{BTreeMap, HashMap, HashSet};

use app::error::ServiceError;
use app::listing;
use domain::{CustomerId, Day, LotMethod, PortfolioId, Split, Symbol};
use ledger::{Activity, Discrepancy};
use market_data::MarketData;
use market_data::splits::KnownSplits;
use store::{StoreError, keys};
use uuid::Uuid;

use super::{History, by_instrument, read_history};
use crate::portfolios;

/// What is wrong with the recorded history of a portfolio; nothing of one that is being removed. Splits are those that
/// are known without a call.
pub async fn verify(
    market: &MarketData,
    customer: CustomerId,
    portfolio: PortfolioId,
) -> Result<Vec<Discrepancy>, ServiceError> {
    let method = match portfolios::load(&market.app, customer, portfolio).await {
        Ok(loaded) => loaded.record.portfolio.lot_method,
        Err(ServiceError::NotFound { .. }) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let unreadable = move |reason: String| vec![Discrepancy::HistoryUnreadable { portfolio_id: portfolio.0, reason }];
    let history = match read_history(&market.app, portfolio).await {
        Ok(history) => history,
        Err(ServiceError::Store(StoreError::Conflict { .. })) => {
            return Ok(unreadable("it names segments that are not stored".to_owned()));
        }
        Err(ServiceError::Store(error @ StoreError::Corrupt { .. })) => return Ok(unreadable(error.to_string())),
        Err(error) => return Err(error),
    };
    let versions = count_versions(market, portfolio).await?;
    let splits = load_splits(market, &history).await?;
    // Each sale visits every open lot, so thousands take time.
    let work = move || {
        let mut found = check_each(portfolio, history.activities(), &versions);
        match replay(portfolio, history.activities(), &splits, method) {
            Ok(conflicts) => found.extend(conflicts),
            Err(reason) => found.extend(unreadable(reason)),
        }
        found
    };
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| ServiceError::fault("verifying the activities of a portfolio", error))
}

/// The number of earlier versions that are stored, by activity.
async fn count_versions(market: &MarketData, portfolio: PortfolioId) -> Result<HashMap<Uuid, u64>, ServiceError> {
    let mut counts = HashMap::new();
    for item in listing::read_all(&market.app, keys::versions_of_activities(portfolio)).await? {
        if let Some(id) = item.key.sk.split('#').find_map(|part| part.parse::<Uuid>().ok()) {
            let count: &mut u64 = counts.entry(id).or_default();
            *count = count.saturating_add(1);
        }
    }
    Ok(counts)
}

async fn load_splits(market: &MarketData, history: &History) -> Result<BTreeMap<Symbol, Vec<Split>>, ServiceError> {
    let mut splits = BTreeMap::new();
    for symbol in by_instrument(history.activities()).into_keys().filter(|symbol| !symbol.is_custom()) {
        if let Some(known) = KnownSplits::load_available(market, symbol).await? {
            splits.insert(symbol.clone(), known.list);
        }
    }
    Ok(splits)
}

/// Activities that do not belong there, and those that lack earlier versions. One that was corrected after the history
/// was read has more versions than it needs.
fn check_each<'a>(
    portfolio: PortfolioId,
    activities: impl Iterator<Item = &'a Activity>,
    versions: &HashMap<Uuid, u64>,
) -> Vec<Discrepancy> {
    let mut seen = HashSet::new();
    let mut discrepancies = Vec::new();
    let portfolio_id = portfolio.0;
    for activity in activities {
        let activity_id = activity.id;
        if activity.portfolio_id != portfolio || !seen.insert(activity_id) {
            discrepancies.push(Discrepancy::ForeignActivity { portfolio_id, activity_id });
        }
        let expected = activity.version.saturating_sub(1);
        let found = versions.get(&activity_id).copied().unwrap_or(0);
        if found < expected {
            discrepancies.push(Discrepancy::ActivityVersionsMissing { portfolio_id, activity_id, expected, found });
        }
    }
    discrepancies
}

/// The removals that take more units than there are. The error says why an instrument cannot be replayed.
fn replay<'a>(
    portfolio: PortfolioId,
    activities: impl Iterator<Item = &'a Activity>,
    splits: &BTreeMap<Symbol, Vec<Split>>,
    method: LotMethod,
) -> Result<Vec<Discrepancy>, String> {
    let mut conflicts = Vec::new();
    for (symbol, of) in by_instrument(activities) {
        let known = splits.get(symbol).map_or(&[][..], Vec::as_slice);
        let replayed = of.replay(symbol, known, method, Day::LAST);
        let (position, _) = replayed.map_err(|refusal| format!("{symbol}: {refusal}"))?;
        // Without units of a lot that it names, a removal takes those of others.
        let lacking = position.shortages.iter().filter(|shortage| shortage.lot_id.is_none());
        conflicts.extend(lacking.map(|shortage| Discrepancy::RecordedSplitConflict {
            portfolio_id: portfolio.0,
            activity_id: shortage.activity_id,
            symbol: symbol.clone(),
            held: shortage.held,
            needed: shortage.needed,
        }));
    }
    Ok(conflicts)
}
