//! Reads template.yaml, the single source of functions, routes and schedules.
//!
//! Only what the local platform needs is read: the name, timeout, memory and events of each function, and the name,
//! timeout and schedules of each state machine. Parameters have their defaults. Unsupported settings of a function are
//! refused, since ignoring them would make the local platform differ from AWS.

mod cors;
mod document;
mod error;
mod events;
mod expirations;
mod function;
mod live_api;
mod route_settings;
mod state_machine;

pub use error::TemplateError;
pub use expirations::Expiration;
pub use function::{Function, SCHEDULED_TIME, Schedule};
pub use state_machine::StateMachine;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use document::{Document, Resource, read};
use error::CODE_URI_PREFIX;
use events::Event;

/// The project's own template, as it was when this binary was built.
pub const PROJECT_TEMPLATE: &str = include_str!("../../template.yaml");

/// Lambda's default `Timeout`.
const DEFAULT_TIMEOUT_S: u64 = 3;
/// Lambda's default `MemorySize`.
const DEFAULT_MEMORY_MB: u32 = 128;
const FUNCTION_TYPE: &str = "AWS::Serverless::Function";
/// What follows a function's name in a reference to its alias.
const ALIAS: &str = ".Alias";
const API_TYPE: &str = "AWS::Serverless::HttpApi";
/// Lambda's default number of retries of a failed asynchronous run.
const DEFAULT_RETRIES: u32 = 2;

/// The functions of a template.
#[derive(Clone, Debug)]
pub struct Template {
    /// The functions, ordered by the names of their resources.
    pub functions: Vec<Function>,
    /// The state machines, ordered by the names of their resources.
    pub state_machines: Vec<StateMachine>,
    /// The authorizer of every route that is not public; `None` if the template has no API.
    pub authorizer: Option<String>,
    /// The CORS settings for allowed origins, if any.
    pub cors: Option<CorsSettings>,
    /// The WebSocket API, if any.
    pub live_api: Option<LiveApi>,
    /// How long objects are kept, by prefix.
    pub expirations: Vec<Expiration>,
}

/// The CORS settings of the HTTP API. Which origins are allowed is a parameter of the template.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CorsSettings {
    /// The methods that a page may use.
    pub allow_methods: Vec<String>,
    /// The headers that a page may send.
    pub allow_headers: Vec<String>,
    /// The headers that a page may read, in addition to those that every page may.
    pub expose_headers: Vec<String>,
    /// How long a browser may remember the answer to a preflight, in seconds.
    pub max_age: u32,
}

/// The WebSocket API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveApi {
    /// Its stage, which is the path that clients connect to.
    pub stage: String,
    /// The function that its routes lead to.
    pub function: String,
}

impl Template {
    /// Reads the text of a template.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let document: Document =
            serde_saphyr::from_str(text).map_err(|error| TemplateError::Unreadable(error.to_string()))?;
        let functions = document.resources.iter().filter(|(_, resource)| resource.kind == FUNCTION_TYPE);
        let functions =
            functions.map(|(name, resource)| document.function(name, resource)).collect::<Result<Vec<_>, _>>()?;
        document.check_route_settings(&functions)?;
        Ok(Self {
            functions,
            state_machines: document.state_machines()?,
            authorizer: document.authorizer()?,
            cors: document.cors()?,
            live_api: document.live_api()?,
            expirations: document.expirations()?,
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct FunctionProperties {
    code_uri: String,
    timeout: Option<u64>,
    memory_size: Option<u32>,
    #[serde(default)]
    events: BTreeMap<String, Event>,
    #[serde(default)]
    event_invoke_config: EventInvokeConfig,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct EventInvokeConfig {
    maximum_retry_attempts: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ApiProperties {
    auth: Option<ApiAuth>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ApiAuth {
    default_authorizer: Option<String>,
    #[serde(default)]
    authorizers: BTreeMap<String, ApiAuthorizer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ApiAuthorizer {
    function_arn: AliasArn,
    identity: Option<Identity>,
}

/// When API Gateway calls an authorizer. With a header or another identity source it responds itself to a request that
/// lacks it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Identity {
    /// Seconds for which its responses are cached.
    reauthorize_every: u64,
}

/// The ARN of a function's alias, which names the version that a deployment has reached.
#[derive(Deserialize)]
struct AliasArn {
    /// The function's resource and `.Alias`.
    #[serde(rename = "Ref")]
    of: String,
}

impl Document {
    /// The function behind the default authorizer of the template's API.
    fn authorizer(&self) -> Result<Option<String>, TemplateError> {
        let Some((resource, api)) = self.resources.iter().find(|(_, resource)| resource.kind == API_TYPE) else {
            return Ok(None);
        };
        let refusal =
            |reason: &str| TemplateError::Properties { resource: resource.clone(), reason: reason.to_owned() };
        let properties: ApiProperties = read(resource, &api.properties)?;
        let auth = properties.auth.ok_or_else(|| refusal("it has no Auth: every route would be public"))?;
        let default = auth.default_authorizer.and_then(|name| auth.authorizers.get(&name));
        let default = default.ok_or_else(|| refusal("its DefaultAuthorizer is none of its Authorizers"))?;
        if default.identity.as_ref().is_none_or(|identity| identity.reauthorize_every > 0) {
            return Err(refusal("its authorizer must be called on every request: Identity: { ReauthorizeEvery: 0 }"));
        }
        let function = self.function_named(&default.function_arn)?;
        function.map(Some).ok_or_else(|| refusal("its authorizer is not a function of the template"))
    }

    /// The name of the function whose alias this is; `None` where it is no function's.
    fn function_named(&self, arn: &AliasArn) -> Result<Option<String>, TemplateError> {
        let Some(resource) = arn.of.strip_suffix(ALIAS) else { return Ok(None) };
        let function = self.resources.get(resource).filter(|function| function.kind == FUNCTION_TYPE);
        let Some(function) = function else { return Ok(None) };
        let properties: FunctionProperties = read(resource, &function.properties)?;
        name_of(resource, &properties.code_uri).map(Some)
    }

    fn function(&self, resource: &str, declared: &Resource) -> Result<Function, TemplateError> {
        let properties: FunctionProperties = read(resource, &declared.properties)?;
        let mut function = Function {
            name: name_of(resource, &properties.code_uri)?,
            timeout: Duration::from_secs(
                properties.timeout.or(self.globals.function.timeout).unwrap_or(DEFAULT_TIMEOUT_S),
            ),
            memory_mb: properties.memory_size.or(self.globals.function.memory_size).unwrap_or(DEFAULT_MEMORY_MB),
            routes: Vec::new(),
            public_routes: Vec::new(),
            schedules: Vec::new(),
            rules: Vec::new(),
            retries: properties.event_invoke_config.maximum_retry_attempts.unwrap_or(DEFAULT_RETRIES),
        };
        for (name, event) in &properties.events {
            events::add(&mut function, self, resource, name, event)?;
        }
        Ok(function)
    }
}

fn name_of(resource: &str, code_uri: &str) -> Result<String, TemplateError> {
    let folder = code_uri.strip_prefix(CODE_URI_PREFIX).map(|rest| rest.trim_end_matches('/')).unwrap_or_default();
    let camel: String = folder.split('-').map(capitalized).collect();
    if folder.is_empty() || resource != format!("{camel}Function") {
        return Err(TemplateError::Name { resource: resource.to_owned(), code_uri: code_uri.to_owned() });
    }
    Ok(folder.to_owned())
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

#[cfg(test)]
mod tests;
