//! Verification of a recorded history: whether it can be read, is whole, and never takes units that are not there.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use app::error::ServiceError;
use app::listing;
use domain::{CustomerId, Day, LotMethod, PortfolioId, Split, Symbol};
use ledger::activity::ActivitySource;
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
    let is_corrected = history.activities().any(|activity| activity.version > 1);
    let versions = if is_corrected { read_versions(market, portfolio).await? } else { StoredVersions::new() };
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

/// The numbers of the earlier versions that are stored, by activity.
type StoredVersions = HashMap<Uuid, BTreeSet<u64>>;

async fn read_versions(market: &MarketData, portfolio: PortfolioId) -> Result<StoredVersions, ServiceError> {
    let mut versions = StoredVersions::new();
    for item in listing::read_all(&market.app, keys::versions_of_activities(portfolio)).await? {
        let mut parts = item.key.sk.rsplit('#');
        let number = parts.next().and_then(|part| part.parse().ok());
        if let Some((id, number)) = parts.next().and_then(|part| part.parse().ok()).zip(number) {
            versions.entry(id).or_default().insert(number);
        }
    }
    Ok(versions)
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
/// was read has more versions than it needs, and an investment of old was corrected without keeping any.
fn check_each<'a>(
    portfolio: PortfolioId,
    activities: impl Iterator<Item = &'a Activity>,
    versions: &StoredVersions,
) -> Vec<Discrepancy> {
    let mut seen = HashSet::new();
    let mut discrepancies = Vec::new();
    let portfolio_id = portfolio.0;
    for activity in activities {
        let activity_id = activity.id;
        if activity.portfolio_id != portfolio || !seen.insert(activity_id) {
            discrepancies.push(Discrepancy::ForeignActivity { portfolio_id, activity_id });
        }
        let stored = versions.get(&activity_id).into_iter().flatten().filter(|version| **version < activity.version);
        let first_kept = match activity.source {
            ActivitySource::Investment => stored.clone().min().copied().unwrap_or(activity.version),
            _ => 1,
        };
        let expected = activity.version.saturating_sub(first_kept);
        let found = stored.count() as u64;
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
        let known = match splits.get(symbol) {
            Some(known) => known.as_slice(),
            None if symbol.is_custom() => &[],
            // Without its splits nothing can be said of its units.
            None => continue,
        };
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
