//! The live price sources of a function that have parameters, in the configured order, and the sample if there are none.

use std::sync::Arc;

use market::{Chain, MarketClock, Provider, Sample, Yahoo, alpha_vantage, json_provider, sample, yahoo};
use market_data::quota::DurableQuota;
use store::Table;

use crate::absent::NoPrices;
use crate::aws::Aws;
use crate::late_provider::{AlphaVantageParameters, JsonProviderParameters, LateProvider, Parameters};

/// A source with its name.
type Named = (&'static str, Arc<dyn Provider>);

/// The sources, in the order in which they are called. Calls are counted in `table`.
pub fn sources(aws: &Aws, table: &Arc<dyn Table>) -> Arc<dyn Provider> {
    let configuration = &aws.configuration;
    let parameters = |base_url: &Option<String>| Parameters {
        ssm: aws_sdk_ssm::Client::new(&aws.sdk),
        table: table.clone(),
        clock: aws.clock.clone(),
        base_url: base_url.clone(),
    };
    let mut sources: Vec<Named> = Vec::new();
    if let Some(description) = &configuration.json_provider_parameter {
        let json = JsonProviderParameters {
            parameters: parameters(&configuration.json_provider_url),
            description: description.clone(),
            key: configuration.json_provider_key_parameter.clone(),
        };
        sources.push((json_provider::SOURCE, Arc::new(LateProvider::new(json))));
    }
    if let Some(key) = &configuration.alpha_vantage_key_parameter {
        let alpha_vantage = AlphaVantageParameters {
            parameters: parameters(&configuration.alpha_vantage_url),
            key: key.clone(),
            plan: configuration.alpha_vantage_plan,
        };
        sources.push((alpha_vantage::SOURCE, Arc::new(LateProvider::new(alpha_vantage))));
    }
    if configuration.yahoo {
        let yahoo = yahoo(aws, table).map_or_else(
            |error| {
                tracing::error!(%error, "cannot set up Yahoo");
                live(yahoo::SOURCE)
            },
            |yahoo| Arc::new(yahoo) as Arc<dyn Provider>,
        );
        sources.push((yahoo::SOURCE, yahoo));
    }
    in_order(aws, sources).unwrap_or_else(|| Arc::new(Sample::new()))
}

/// The names and clocks of the same sources, without their prices.
pub fn names(aws: &Aws) -> Arc<dyn Provider> {
    let configuration = &aws.configuration;
    let sources = [
        (json_provider::SOURCE, configuration.json_provider_parameter.is_some()),
        (alpha_vantage::SOURCE, configuration.alpha_vantage_key_parameter.is_some()),
        (yahoo::SOURCE, configuration.yahoo),
    ];
    let sources = sources.into_iter().filter(|(_, is_used)| *is_used).map(|(name, _)| (name, live(name)));
    in_order(aws, sources.collect()).unwrap_or_else(|| Arc::new(NoPrices::of(sample::SOURCE, sample::clock())))
}

/// A live source without its prices.
fn live(source: &'static str) -> Arc<dyn Provider> {
    Arc::new(NoPrices::of(source, MarketClock::Live))
}

fn yahoo(aws: &Aws, table: &Arc<dyn Table>) -> Result<Yahoo, market::http::SettingsError> {
    let settings = match &aws.configuration.yahoo_url {
        Some(base_url) => yahoo::Settings::with_base(base_url),
        None => yahoo::Settings::new(),
    };
    Yahoo::new(settings?, Arc::new(DurableQuota::yahoo(table.clone(), aws.clock.clone())))
}

fn in_order(aws: &Aws, sources: Vec<Named>) -> Option<Arc<dyn Provider>> {
    let mut sources = aws.configuration.source_order.sorted(sources).into_iter();
    let first = sources.next()?;
    let others: Vec<_> = sources.collect();
    Some(if others.is_empty() { first } else { Arc::new(Chain::new(first, others)) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::Configuration;

    fn aws(json: Option<&str>, key: Option<&str>, yahoo: bool) -> Aws {
        let set = |name: Option<&str>| name.map(str::to_owned);
        Aws::new(Configuration {
            json_provider_parameter: set(json),
            alpha_vantage_key_parameter: set(key),
            yahoo,
            ..Configuration::sample()
        })
    }

    #[test]
    fn a_function_without_prices_knows_by_name_what_the_others_have() {
        for (json, key, yahoo, first, given) in [
            (None, None, false, "sample", vec!["sample"]),
            (None, Some("/key"), false, "alpha_vantage", vec!["alpha_vantage"]),
            (None, None, true, "yahoo", vec!["yahoo"]),
            (None, Some("/key"), true, "alpha_vantage", vec!["alpha_vantage", "yahoo"]),
            (Some("/json"), None, false, "json", vec!["json"]),
            (Some("/json"), Some("/key"), true, "json", vec!["json", "alpha_vantage", "yahoo"]),
        ] {
            let names = names(&aws(json, key, yahoo));
            assert_eq!(names.source(), first);
            for source in ["sample", "json", "alpha_vantage", "yahoo"] {
                assert_eq!(names.gives(source), given.contains(&source), "{source} of {given:?}");
            }
        }
    }
}
