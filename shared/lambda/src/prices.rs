//! The price sources of a function: Alpha Vantage if there is a key, then Yahoo if it is switched on, and the sample if
//! there is neither.

use std::sync::Arc;

use market::{Chain, MarketClock, Provider, Sample, Yahoo, alpha_vantage, sample, yahoo};
use market_data::quota::DurableQuota;
use store::Table;

use crate::absent::NoPrices;
use crate::alpha_vantage_key::LateAlphaVantage;
use crate::aws::Aws;

/// The sources, in the order in which they are called. Calls are counted in `table`.
pub fn sources(aws: &Aws, table: &Arc<dyn Table>) -> Arc<dyn Provider> {
    let configuration = &aws.configuration;
    let mut sources: Vec<Arc<dyn Provider>> = Vec::new();
    if let Some(parameter) = &configuration.alpha_vantage_key_parameter {
        sources.push(Arc::new(LateAlphaVantage::new(
            aws_sdk_ssm::Client::new(&aws.sdk),
            parameter.clone(),
            configuration.alpha_vantage_url.clone(),
            configuration.alpha_vantage_plan,
            table.clone(),
            aws.clock.clone(),
        )));
    }
    if configuration.yahoo {
        match yahoo(aws, table) {
            Ok(yahoo) => sources.push(Arc::new(yahoo)),
            Err(error) => {
                tracing::error!(%error, "cannot set up Yahoo");
                sources.push(Arc::new(NoPrices::of(yahoo::SOURCE, MarketClock::Live)));
            }
        }
    }
    in_order(sources).unwrap_or_else(|| Arc::new(Sample::new()))
}

/// The names and clocks of the same sources, without their prices.
pub fn names(aws: &Aws) -> Arc<dyn Provider> {
    let live = |source| Arc::new(NoPrices::of(source, MarketClock::Live)) as Arc<dyn Provider>;
    let configuration = &aws.configuration;
    let alpha_vantage = configuration.alpha_vantage_key_parameter.is_some().then(|| live(alpha_vantage::SOURCE));
    let yahoo = configuration.yahoo.then(|| live(yahoo::SOURCE));
    in_order(alpha_vantage.into_iter().chain(yahoo).collect())
        .unwrap_or_else(|| Arc::new(NoPrices::of(sample::SOURCE, sample::clock())))
}

fn yahoo(aws: &Aws, table: &Arc<dyn Table>) -> Result<Yahoo, market::http::SettingsError> {
    let settings = match &aws.configuration.yahoo_url {
        Some(base_url) => yahoo::Settings::with_base(base_url),
        None => yahoo::Settings::new(),
    };
    Yahoo::new(settings?, Arc::new(DurableQuota::yahoo(table.clone(), aws.clock.clone())))
}

fn in_order(mut sources: Vec<Arc<dyn Provider>>) -> Option<Arc<dyn Provider>> {
    match sources.len() {
        0 | 1 => sources.pop(),
        _ => {
            let others = sources.split_off(1);
            sources.pop().map(|first| Arc::new(Chain::new(first, others)) as Arc<dyn Provider>)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::Configuration;

    fn aws(key: Option<&str>, yahoo: bool) -> Aws {
        let key = key.map(str::to_owned);
        Aws::new(Configuration { alpha_vantage_key_parameter: key, yahoo, ..Configuration::sample() })
    }

    #[test]
    fn a_function_without_prices_knows_by_name_what_the_others_have() {
        for (key, yahoo, first, given) in [
            (None, false, "sample", vec!["sample"]),
            (Some("/key"), false, "alpha_vantage", vec!["alpha_vantage"]),
            (None, true, "yahoo", vec!["yahoo"]),
            (Some("/key"), true, "alpha_vantage", vec!["alpha_vantage", "yahoo"]),
        ] {
            let names = names(&aws(key, yahoo));
            assert_eq!(names.source(), first);
            for source in ["sample", "alpha_vantage", "yahoo"] {
                assert_eq!(names.gives(source), given.contains(&source), "{source} of {given:?}");
            }
        }
    }
}
