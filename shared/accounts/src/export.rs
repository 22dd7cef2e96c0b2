//! The data export: everything that is stored of a customer, as one JSON object with a signed link.

use std::collections::{BTreeMap, BTreeSet};

use app::error::ServiceError;
use app::exports::{self, ExportLink, File, FileFormat};
use app::{App, listing};
use books::activities;
use chrono::{DateTime, Datelike, Months, Utc};
use domain::{CustomerId, Day};
use identity::profile::{self, Customer};
use market_data::custom_instruments;
use objects::ObjectKey;
use serde::Serialize;
use serde_json::Value;
use store::Item;
use store::keys::{self, Kind};

use crate::personal_data;

/// The content of an export. Each map has all records by kind, as they are stored.
#[derive(Serialize)]
struct Export {
    #[serde(with = "domain::instant")]
    exported_at: DateTime<Utc>,
    customer: Customer,
    records: BTreeMap<String, Vec<Value>>,
    /// The valuations of custom instruments by symbol, oldest first: day and price.
    valuations: BTreeMap<String, Vec<(Day, f64)>>,
    /// Audit events of the account, oldest first.
    #[serde(rename = "deeds")]
    events: Vec<Value>,
    wallet: BTreeMap<String, Vec<Value>>,
    portfolios: Vec<BTreeMap<String, Vec<Value>>>,
    /// The keys of items of an unknown kind, which a later version of the code may have written. Their content is not
    /// exported, since it may be secret.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_shown: Vec<String>,
}

/// Writes an export and returns a link to it.
pub async fn export(app: &App, customer: CustomerId) -> Result<ExportLink, ServiceError> {
    let profile = profile::find(app, customer).await?.into_customer();
    let created_at = profile.created_at;
    let own = personal_data::read_items_of(app, customer).await?;
    let mut portfolios = Vec::new();
    let mut not_shown = unknown(&own);
    for portfolio in personal_data::portfolios(&own)? {
        let contents = listing::read_all(app, keys::portfolio_contents(portfolio)).await?;
        not_shown.extend(unknown(&contents));
        portfolios.push(read_by_kind(app, customer, &contents).await?);
    }
    let wallet = listing::read_all(app, keys::wallet_items(customer)).await?;
    not_shown.extend(unknown(&wallet));
    let export = Export {
        exported_at: app.now(),
        customer: profile,
        records: read_by_kind(app, customer, &own).await?,
        valuations: read_valuations(app, customer).await?,
        events: read_audit_events(app, customer, created_at).await?,
        wallet: read_by_kind(app, customer, &wallet).await?,
        portfolios,
        not_shown,
    };
    let json = serde_json::to_vec_pretty(&export).map_err(|error| ServiceError::fault("export to JSON", error))?;
    let file = File { name: "sextant-export", format: FileFormat::Json, bytes: json };
    exports::publish(app, customer, file).await
}

async fn read_valuations(app: &App, customer: CustomerId) -> Result<BTreeMap<String, Vec<(Day, f64)>>, ServiceError> {
    let mut valuations = BTreeMap::new();
    for item in custom_instruments::list(app, customer).await? {
        let series = match custom_instruments::load_valuations(app, customer, &item.symbol).await {
            Err(ServiceError::UnknownSymbol { .. }) => continue,
            series => series?,
        };
        let bars = series.bars.dates().iter().copied().zip(series.bars.close().iter().copied());
        valuations.insert(item.symbol.to_string(), bars.collect());
    }
    Ok(valuations)
}

/// Reads the audit events of all months since the registration.
async fn read_audit_events(app: &App, customer: CustomerId, since: DateTime<Utc>) -> Result<Vec<Value>, ServiceError> {
    let (mut events, mut month, now) = (Vec::new(), since.date_naive(), app.now().date_naive());
    while (month.year(), month.month()) <= (now.year(), now.month()) {
        for item in listing::read_all(app, keys::audits(customer, &month.format("%Y%m").to_string())).await? {
            events.extend(personal_data::parse_json(&item)?);
        }
        let Some(next) = month.checked_add_months(Months::new(1)) else { break };
        month = next;
    }
    Ok(events)
}

/// Reads the records by kind, in lower case. A response that is stored as an object is read from there.
async fn read_by_kind(
    app: &App,
    customer: CustomerId,
    items: &[Item],
) -> Result<BTreeMap<String, Vec<Value>>, ServiceError> {
    let mut kinds: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let of_activities = items.iter().filter(|item| Kind::of(&item.key) == Some(Kind::Activities));
    let packed: BTreeSet<&str> = of_activities.map(|item| item.key.pk.as_str()).collect();
    for item in items {
        let Some(kind) = Kind::of(&item.key).filter(|kind| is_exported(*kind)) else { continue };
        // Lots that are among the activities already and wait for their removal.
        if matches!(kind, Kind::Investment | Kind::InvestmentCount) && packed.contains(item.key.pk.as_str()) {
            continue;
        }
        if kind == Kind::Activities {
            kinds.entry(kind.name()).or_default().extend(activities::parse_stored(item)?);
            continue;
        }
        let Some(mut json) = personal_data::parse_json(item)? else { continue };
        // Only for this kind: items of other kinds contain text that a customer wrote.
        let named = if kind == Kind::Response { personal_data::objects_named(&json, customer) } else { Vec::new() };
        // A response whose object was never written is not exported.
        let mut finished = true;
        for object in named.iter().filter(|key| is_json(key)) {
            match app.objects().get(object).await?.and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
                Some(stored) => json = stored,
                None => finished = false,
            }
        }
        if !finished {
            continue;
        }
        kinds.entry(kind.name()).or_default().push(json);
    }
    Ok(kinds)
}

/// Whether an export contains the items of this kind as records.
fn is_exported(kind: Kind) -> bool {
    match kind {
        // The profile is exported as `customer`, an export would contain the previous one, the index items of sessions
        // and live connections contain only the hash of a token, and the counted requests expire within an hour.
        Kind::Profile | Kind::LegacyProfile | Kind::Export | Kind::Session | Kind::Connection | Kind::RequestCount => {
            false
        }
        Kind::Registration
        | Kind::Advisor
        | Kind::Client
        | Kind::Response
        | Kind::Backtest
        | Kind::Report
        | Kind::Watch
        | Kind::WatchCount
        | Kind::Alert
        | Kind::AlertCount
        | Kind::Firing
        | Kind::EmailSubscription
        | Kind::CustomInstrument
        | Kind::CustomInstrumentCount
        | Kind::Portfolio
        | Kind::PortfolioCount
        | Kind::InvestmentProfile
        | Kind::Position
        | Kind::OlderLots
        | Kind::Trade
        | Kind::Series
        | Kind::Activities
        | Kind::ActivityVersion
        | Kind::Investment
        | Kind::InvestmentCount
        | Kind::Import
        | Kind::WalletHead
        | Kind::WalletEntry => true,
    }
}

/// The keys of the items of an unknown kind.
fn unknown(items: &[Item]) -> Vec<String> {
    let unknown = items.iter().filter(|item| Kind::of(&item.key).is_none());
    unknown
        .map(|item| {
            tracing::error!(key = %item.key, "an item of an unknown kind is not exported");
            item.key.to_string()
        })
        .collect()
}

fn is_json(key: &ObjectKey) -> bool {
    key.as_str().rsplit_once('.').is_some_and(|(_, extension)| extension == "json")
}
