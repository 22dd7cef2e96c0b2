//! A function's configuration from the environment that the template sets.

use app::customer_limits::CustomerLimits;
use app::source_limits::{SettingError, SourceLimits};
use market::{ApiPlan, PlanError, SourceOrder, SourceOrderError, alpha_vantage};
use thiserror::Error;

/// A function's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configuration {
    /// The name that log lines carry.
    pub service: String,
    /// The least serious level that is logged.
    pub log_level: String,
    /// The region of AWS that the function runs in.
    pub region: String,
    /// Another address than AWS's own, for tests.
    pub endpoint_url: Option<String>,
    /// The table.
    pub table_name: String,
    /// The bucket of reports and large results.
    pub bucket_name: String,
    /// Name of the SSM SecureString with the Alpha Vantage key; without it the sample is used.
    pub alpha_vantage_key_parameter: Option<String>,
    /// The plan of the Alpha Vantage key.
    pub alpha_vantage_plan: ApiPlan,
    /// Another address than Alpha Vantage's own, for tests.
    pub alpha_vantage_url: Option<String>,
    /// Whether invocations, errors, durations and cold starts are metrics of their own.
    pub function_metrics: bool,
    /// Name of the SSM parameter that describes a JSON provider, if there is one.
    pub json_provider_parameter: Option<String>,
    /// Name of the SSM SecureString with its key, if it needs one.
    pub json_provider_key_parameter: Option<String>,
    /// Another address than the JSON provider's own, for tests.
    pub json_provider_url: Option<String>,
    /// The order in which live sources are called.
    pub source_order: SourceOrder,
    /// Whether Yahoo, whose interface is unofficial, may be used.
    pub yahoo: bool,
    /// Another address than Yahoo's own, for tests.
    pub yahoo_url: Option<String>,
    /// The bus for published events; without it they are not published.
    pub event_bus_name: Option<String>,
    /// The endpoint of the live connections' stage; without it there are none.
    pub live_endpoint: Option<String>,
    /// The verified address that e-mails are sent from; without it none are sent.
    pub email_sender: Option<String>,
    /// The configuration set of SES that publishes bounces and complaints.
    pub email_configuration_set: Option<String>,
    /// The prefix of the ARNs of the e-mail topics of earlier versions; without it none are deleted.
    pub email_topic_prefix: Option<String>,
    /// The collector of spans, if there is one.
    pub traces: traces::Settings,
    /// The rate limits of one source address.
    pub source_limits: SourceLimits,
    /// The rate limits of one customer.
    pub customer_limits: CustomerLimits,
}

/// The origins whose pages may open live connections.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is where configuration enters")]
pub fn allowed_origins() -> Vec<String> {
    listed(&std::env::var("ALLOWED_ORIGINS").unwrap_or_default())
}

/// The items of a comma-separated list.
fn listed(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned).collect()
}

/// Why the environment is not a valid configuration.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ConfigurationError {
    /// A variable that every function needs is not set.
    #[error("the environment variable {0} is not set")]
    Missing(&'static str),
    /// A limit that cannot be used.
    #[error(transparent)]
    Limits(#[from] SettingError),
    /// A number of provider calls that cannot be used.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// An order of sources that cannot be used.
    #[error(transparent)]
    Order(#[from] SourceOrderError),
}

impl Configuration {
    /// Reads the process's environment.
    #[expect(clippy::disallowed_methods, reason = "this is where configuration enters")]
    pub fn from_environment() -> Result<Self, ConfigurationError> {
        Self::read(|name| std::env::var(name).ok())
    }

    fn read(variable: impl Fn(&'static str) -> Option<String>) -> Result<Self, ConfigurationError> {
        // The template sets an empty parameter as an empty variable.
        let set = |name| variable(name).filter(|value| !value.is_empty());
        let needed = |name| set(name).ok_or(ConfigurationError::Missing(name));
        let service = needed("AWS_LAMBDA_FUNCTION_NAME")?;
        Ok(Self {
            traces: traces::Settings::read(&service, set),
            service,
            log_level: set("AWS_LAMBDA_LOG_LEVEL").unwrap_or_else(|| "INFO".to_owned()),
            region: needed("AWS_REGION")?,
            endpoint_url: set("AWS_ENDPOINT_URL"),
            table_name: needed("TABLE_NAME")?,
            bucket_name: needed("BUCKET_NAME")?,
            alpha_vantage_key_parameter: set("ALPHA_VANTAGE_KEY_PARAMETER"),
            alpha_vantage_plan: ApiPlan::from_settings(alpha_vantage::PLAN_SETTINGS, set)?,
            alpha_vantage_url: set("ALPHA_VANTAGE_URL"),
            function_metrics: set("SEXTANT_FUNCTION_METRICS").is_some_and(|value| value == "on"),
            json_provider_parameter: set("JSON_PROVIDER_PARAMETER"),
            json_provider_key_parameter: set("JSON_PROVIDER_KEY_PARAMETER"),
            json_provider_url: set("JSON_PROVIDER_URL"),
            source_order: SourceOrder::from_settings(set)?,
            yahoo: set("SEXTANT_YAHOO").is_some_and(|value| value == "on"),
            yahoo_url: set("YAHOO_URL"),
            event_bus_name: set("EVENT_BUS_NAME"),
            live_endpoint: set("LIVE_ENDPOINT"),
            email_sender: set("EMAIL_SENDER"),
            email_configuration_set: set("EMAIL_CONFIGURATION_SET"),
            email_topic_prefix: set("EMAIL_TOPIC_PREFIX"),
            source_limits: SourceLimits::from_settings(set)?,
            customer_limits: CustomerLimits::from_settings(set)?,
        })
    }
}

#[cfg(test)]
impl Configuration {
    /// What the template sets, and nothing that is optional.
    pub fn sample() -> Self {
        let needed = ["AWS_LAMBDA_FUNCTION_NAME", "AWS_REGION", "TABLE_NAME", "BUCKET_NAME"];
        Self::read(|name| needed.contains(&name).then(|| name.to_owned())).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Configuration, ConfigurationError> {
        Configuration::read(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    const NEEDED: [(&str, &str); 4] = [
        ("AWS_LAMBDA_FUNCTION_NAME", "predict"),
        ("AWS_REGION", "eu-central-1"),
        ("TABLE_NAME", "t"),
        ("BUCKET_NAME", "b"),
    ];

    #[test]
    fn an_empty_variable_counts_as_not_set() {
        let mut variables = NEEDED.to_vec();
        variables.push(("ALPHA_VANTAGE_KEY_PARAMETER", ""));
        let configuration = read(&variables).unwrap();
        assert_eq!(configuration.alpha_vantage_key_parameter, None);
        assert_eq!(configuration.log_level, "INFO");
        variables.push(("AWS_LAMBDA_LOG_LEVEL", "DEBUG"));
        assert_eq!(read(&variables).unwrap().log_level, "DEBUG");
    }

    #[test]
    fn origins_are_separated_by_commas() {
        assert!(listed("").is_empty());
        assert_eq!(listed("https://a.example, http://localhost:5173,"), ["https://a.example", "http://localhost:5173"]);
    }

    #[test]
    fn channels_are_configured_if_they_are_named() {
        assert_eq!(read(&NEEDED).unwrap().event_bus_name, None);
        let mut variables = NEEDED.to_vec();
        variables.extend([
            ("EVENT_BUS_NAME", "default"),
            ("LIVE_ENDPOINT", "https://a/live"),
            ("EMAIL_SENDER", ""),
            ("EMAIL_CONFIGURATION_SET", "dev"),
        ]);
        let configuration = read(&variables).unwrap();
        assert_eq!(configuration.event_bus_name.as_deref(), Some("default"));
        assert_eq!(configuration.live_endpoint.as_deref(), Some("https://a/live"));
        assert_eq!(configuration.email_sender, None);
        assert_eq!(configuration.email_configuration_set.as_deref(), Some("dev"));
    }

    #[test]
    fn what_has_a_switch_is_off_unless_it_is_switched_on() {
        for (value, on) in
            [(None, false), (Some(""), false), (Some("off"), false), (Some("true"), false), (Some("on"), true)]
        {
            let switch = |name| value.map(|value| (name, value));
            let switches = switch("SEXTANT_YAHOO").into_iter().chain(switch("SEXTANT_FUNCTION_METRICS"));
            let configuration = read(&NEEDED.into_iter().chain(switches).collect::<Vec<_>>()).unwrap();
            assert_eq!((configuration.yahoo, configuration.function_metrics), (on, on), "{value:?}");
        }
    }

    #[test]
    fn a_limit_that_cannot_be_used_keeps_a_function_from_starting() {
        let with = |value| NEEDED.into_iter().chain([("SEXTANT_SIGN_IN_LIMIT", value)]).collect::<Vec<_>>();
        assert_eq!(read(&with("")).unwrap().source_limits, SourceLimits::default(), "empty is not set");
        assert_ne!(read(&with("0")).unwrap().source_limits, SourceLimits::default());
        assert!(matches!(read(&with("few")).unwrap_err(), ConfigurationError::Limits(_)));
    }

    #[test]
    fn a_paid_plan_is_read_and_one_that_cannot_be_used_keeps_a_function_from_starting() {
        let with = |day, minute| {
            let plan =
                [("SEXTANT_ALPHA_VANTAGE_CALLS_PER_DAY", day), ("SEXTANT_ALPHA_VANTAGE_CALLS_PER_MINUTE", minute)];
            read(&NEEDED.into_iter().chain(plan).collect::<Vec<_>>())
                .map(|configuration| configuration.alpha_vantage_plan)
        };
        assert_eq!(with("", ""), Ok(alpha_vantage::FREE_PLAN));
        assert_eq!(with("0", "300"), Ok(ApiPlan { calls_a_day: None, calls_a_minute: Some(300) }));
        assert!(matches!(with("many", ""), Err(ConfigurationError::Plan(_))));
    }

    #[test]
    fn a_missing_variable_is_named() {
        for missing in NEEDED {
            let rest: Vec<_> = NEEDED.iter().filter(|one| **one != missing).copied().collect();
            assert_eq!(read(&rest).unwrap_err(), ConfigurationError::Missing(missing.0));
        }
    }
}
