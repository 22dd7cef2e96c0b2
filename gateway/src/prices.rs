//! The source of prices of the platform.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use domain::{Day, Symbol};
use market::alpha_vantage::{self, AlphaVantage};
use market::call_limits::YAHOO_CALLS_A_DAY;
use market::{ApiPlan, Chain, JsonProvider, Provider, SourceOrder, Yahoo, json_provider, yahoo};
use market_data::provider_metadata_cache::ProviderMetadataCache;
use market_data::quota::DurableQuota;
use secrecy::SecretString;
use store::{Clock, Table};

/// The example symbol if the source cannot list its symbols.
const WELL_KNOWN_SYMBOL: &str = "AAPL";

/// The configured source of prices.
#[derive(Clone, Debug)]
pub enum Prices {
    /// The sample files built into the program.
    Sample,
    /// A folder of CSV files.
    Folder(PathBuf),
    /// Live providers. Without any, the sample is used.
    Live(Box<LiveSources>),
}

/// The live providers that are configured, and their order.
#[derive(Clone, Debug, Default)]
pub struct LiveSources {
    /// Alpha Vantage, if there is an API key.
    pub alpha_vantage: Option<AlphaVantageAccess>,
    /// Yahoo, if it is switched on.
    pub yahoo: Option<YahooAccess>,
    /// A JSON provider, if one is described.
    pub json: Option<JsonAccess>,
    /// The order in which they are called.
    pub order: SourceOrder,
}

/// How to reach Alpha Vantage.
#[derive(Clone, Debug)]
pub struct AlphaVantageAccess {
    /// The API key.
    pub key: SecretString,
    /// Its plan.
    pub plan: ApiPlan,
    /// Another base URL, for tests.
    pub base_url: Option<String>,
}

/// How to reach Yahoo.
#[derive(Clone, Debug)]
pub struct YahooAccess {
    /// Another base URL, for tests.
    pub base_url: Option<String>,
}

/// How to reach a JSON provider.
#[derive(Clone, Debug)]
pub struct JsonAccess {
    /// What is described.
    pub configuration: json_provider::Configuration,
    /// The API key, if it needs one.
    pub key: Option<SecretString>,
    /// Another base URL, for tests.
    pub base_url: Option<String>,
}

/// An open source.
pub struct Source {
    /// The source.
    pub provider: Arc<dyn Provider>,
    /// Its description for people.
    pub description: String,
    /// One of its symbols.
    pub example: Symbol,
}

impl Prices {
    /// Opens the source. Provider calls are counted in `table`. Blocks on file I/O.
    pub fn open(&self, table: &Arc<dyn Table>, clock: &Clock) -> anyhow::Result<Source> {
        let well_known: Symbol = WELL_KNOWN_SYMBOL.parse()?;
        match self {
            Self::Sample => Ok(sample(well_known)),
            Self::Folder(path) => {
                let folder = market::Folder::open(path, today_by(clock));
                let folder = folder.with_context(|| format!("SEXTANT_PRICES={}", path.display()))?;
                let symbols = folder.read_symbols();
                let example = symbols.iter().find(|symbol| **symbol == well_known).or(symbols.first());
                let example = example.cloned().unwrap_or(well_known);
                let description = format!("the files in {}: {}", path.display(), listed(&symbols));
                Ok(Source { provider: Arc::new(folder), description, example })
            }
            Self::Live(live) => Ok(live.open(table, clock, &well_known)?.unwrap_or_else(|| sample(well_known))),
        }
    }
}

/// An open live source with its description for people.
type Described = (Arc<dyn Provider>, String);

impl LiveSources {
    /// The sources in their order; `None` if none is configured.
    fn open(&self, table: &Arc<dyn Table>, clock: &Clock, example: &Symbol) -> anyhow::Result<Option<Source>> {
        let mut sources: Vec<(&'static str, Described)> = Vec::new();
        if let Some(access) = &self.json {
            sources.push((json_provider::SOURCE, access.open(table, clock)?));
        }
        if let Some(access) = &self.alpha_vantage {
            sources.push((alpha_vantage::SOURCE, access.open(table, clock)?));
        }
        if let Some(access) = &self.yahoo {
            sources.push((yahoo::SOURCE, access.open(table, clock)?));
        }
        Ok(in_order(self.order.sorted(sources), example))
    }
}

impl JsonAccess {
    /// Reads the description from a file.
    ///
    /// Errors: what is wrong with it, by the name of its member.
    pub fn read(file: &Path, key: Option<SecretString>, base_url: Option<String>) -> anyhow::Result<Self> {
        let place = || format!("SEXTANT_JSON_PROVIDER={}", file.display());
        let text = std::fs::read_to_string(file).with_context(place)?;
        let configuration = json_provider::Configuration::read(&text).with_context(place)?;
        Ok(Self { configuration, key, base_url })
    }

    fn open(&self, table: &Arc<dyn Table>, clock: &Clock) -> anyhow::Result<Described> {
        let (configuration, key) = (self.configuration.clone(), self.key.clone());
        let plan = configuration.plan();
        let quota = DurableQuota::new(table.clone(), clock.clone(), json_provider::SOURCE, plan);
        let provider =
            JsonProvider::new(configuration, key, self.base_url.as_deref(), Arc::new(quota), today_by(clock));
        let provider = provider.context("the JSON provider; its key is SEXTANT_JSON_PROVIDER_KEY")?;
        let description = format!("the JSON provider at {}, {plan}", provider.host());
        Ok((Arc::new(provider), description))
    }
}

impl AlphaVantageAccess {
    fn open(&self, table: &Arc<dyn Table>, clock: &Clock) -> anyhow::Result<Described> {
        let settings = match &self.base_url {
            Some(base_url) => alpha_vantage::Settings::with_base(self.key.clone(), base_url),
            None => alpha_vantage::Settings::new(self.key.clone()),
        };
        let settings = settings.context("ALPHA_VANTAGE_URL")?.with_plan(self.plan);
        let quota = DurableQuota::alpha_vantage(table.clone(), clock.clone(), self.plan);
        let facts = ProviderMetadataCache::alpha_vantage(table.clone(), clock.clone());
        let provider = AlphaVantage::new(settings, Arc::new(quota), Arc::new(facts))?;
        Ok((Arc::new(provider), format!("Alpha Vantage, {}", self.plan)))
    }
}

impl YahooAccess {
    fn open(&self, table: &Arc<dyn Table>, clock: &Clock) -> anyhow::Result<Described> {
        let settings = match &self.base_url {
            Some(base_url) => yahoo::Settings::with_base(base_url),
            None => yahoo::Settings::new(),
        };
        let quota = DurableQuota::yahoo(table.clone(), clock.clone());
        let provider = Yahoo::new(settings.context("YAHOO_URL")?, Arc::new(quota))?;
        let calls = YAHOO_CALLS_A_DAY;
        Ok((Arc::new(provider), format!("Yahoo, at most {calls} calls in 24 hours")))
    }
}

/// The current day by the wall clock.
fn today_by(clock: &Clock) -> market::folder::Today {
    let clock = clock.clone();
    Arc::new(move || clock().date_naive().try_into().unwrap_or(Day::LAST))
}

/// Combines sources into a chain of fallbacks in this order; `None` if there are none.
fn in_order(sources: Vec<Described>, example: &Symbol) -> Option<Source> {
    let mut sources = sources.into_iter();
    let (first, description) = sources.next()?;
    let (others, more): (Vec<_>, Vec<_>) = sources.unzip();
    let description = more.into_iter().fold(description, |text, next| format!("{text}; then {next}"));
    let provider = if others.is_empty() { first } else { Arc::new(Chain::new(first, others)) };
    Some(Source { provider, description, example: example.clone() })
}

fn sample(example: Symbol) -> Source {
    let sample = market::Sample::new();
    let description = format!(
        "the sample files of {}; set ALPHA_VANTAGE_API_KEY, SEXTANT_JSON_PROVIDER or SEXTANT_PRICES for other prices",
        listed(&sample.symbols())
    );
    Source { provider: Arc::new(sample), description, example }
}

/// The first few symbols, and the number of others.
fn listed(symbols: &[Symbol]) -> String {
    const SHOWN: usize = 8;
    let names: Vec<&str> = symbols.iter().take(SHOWN).map(Symbol::as_str).collect();
    match symbols.len().saturating_sub(SHOWN) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use store_sqlite::SqliteTable;

    use super::*;

    fn open(key: Option<&str>, yahoo: bool) -> Source {
        let clock: Clock = Arc::new(|| chrono::DateTime::UNIX_EPOCH);
        let table: Arc<dyn Table> = Arc::new(SqliteTable::in_memory(clock.clone()).unwrap());
        let alpha_vantage =
            key.map(|key| AlphaVantageAccess { key: key.into(), plan: alpha_vantage::FREE_PLAN, base_url: None });
        let yahoo = yahoo.then_some(YahooAccess { base_url: None });
        Prices::Live(Box::new(LiveSources { alpha_vantage, yahoo, ..LiveSources::default() }))
            .open(&table, &clock)
            .unwrap()
    }

    #[test]
    fn each_live_source_works_alone_and_both_in_their_order() {
        let both = open(Some("key"), true);
        assert_eq!(
            both.description,
            "Alpha Vantage, at most 25 calls in 24 hours and 60 a minute; then Yahoo, at most 2000 calls in 24 hours"
        );
        assert!(both.provider.gives("alpha_vantage") && both.provider.gives("yahoo"));
        assert_eq!(both.provider.source(), "alpha_vantage");
        assert_eq!(open(Some("key"), false).provider.source(), "alpha_vantage");
        assert_eq!(open(None, true).provider.source(), "yahoo");
        assert_eq!(open(None, false).provider.source(), "sample");
    }

    #[test]
    fn a_description_that_cannot_be_used_keeps_the_program_from_starting() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("provider.json");
        let read = || JsonAccess::read(&file, None, None).map_err(|error| format!("{error:#}"));
        assert!(read().unwrap_err().contains("SEXTANT_JSON_PROVIDER="), "there is no file");
        let with = |close: &str| {
            format!(
                r#"{{"currency": "USD", "prices": "quoted", "bars": {{"url": "https://api.example/{{symbol}}?t={{key}}",
                "rows": "", "date": "/d", "open": "/o", "high": "/h", "low": "/l", "close": "{close}"}}}}"#
            )
        };
        std::fs::write(&file, with("c")).unwrap();
        let error = read().unwrap_err();
        assert!(error.contains("provider.json") && error.contains("bars.close: \"c\""), "{error}");
        std::fs::write(&file, with("/c")).unwrap();
        let clock: Clock = Arc::new(|| chrono::DateTime::UNIX_EPOCH);
        let table: Arc<dyn Table> = Arc::new(SqliteTable::in_memory(clock.clone()).unwrap());
        let open = |key: Option<&str>| {
            let access = JsonAccess { key: key.map(Into::into), ..read().unwrap() };
            Prices::Live(Box::new(LiveSources { json: Some(access), ..LiveSources::default() })).open(&table, &clock)
        };
        let error = format!("{:#}", open(None).map(drop).unwrap_err());
        assert!(error.contains("SEXTANT_JSON_PROVIDER_KEY"), "{error}");
        let source = open(Some("key")).unwrap();
        assert_eq!(source.description, "the JSON provider at api.example, with no limit of calls");
        assert_eq!(source.provider.source(), "json");
    }

    #[test]
    fn a_long_list_of_symbols_is_cut_short() {
        let symbols = |count: u32| (0..count).map(|number| format!("S{number}").parse().unwrap()).collect::<Vec<_>>();
        assert_eq!(listed(&symbols(2)), "S0, S1");
        assert_eq!(listed(&symbols(10)), "S0, S1, S2, S3, S4, S5, S6, S7 and 2 more");
    }
}
