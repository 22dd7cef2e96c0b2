//! Reads template.yaml, the only list of functions, routes and schedules.
//!
//! Only what a local platform needs is read: of each function its name, timeout, memory and events.
//! Parameters stand for their defaults. A template that says something of a function that is not
//! understood here is refused, because to ignore it would be to run another program than AWS does.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use crate::routes::{RouteError, RouteKey};
use crate::schedule_expression::{ScheduleError, ScheduleExpression};

/// The project's own template, as it was when this binary was built.
pub const PROJECT_TEMPLATE: &str = include_str!("../../template.yaml");

/// What Lambda does without a `Timeout`.
const DEFAULT_TIMEOUT_S: u64 = 3;
/// What Lambda does without a `MemorySize`.
const DEFAULT_MEMORY_MB: u32 = 128;
const FUNCTION_TYPE: &str = "AWS::Serverless::Function";
const CODE_URI_PREFIX: &str = "target/lambda/";

/// The functions of a template.
#[derive(Clone, Debug)]
pub struct Template {
    /// In the order of their resources' names.
    pub functions: Vec<Function>,
}

/// One function: what calls it, and how long it may take.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its folder under functions/, such as `fetch-data`.
    pub name: String,
    /// After this it is stopped and the caller told so.
    pub timeout: Duration,
    /// The memory it has on AWS, in MB; its handlers see it in their context.
    pub memory_mb: u32,
    /// The routes that lead to it.
    pub routes: Vec<RouteKey>,
    /// The schedules that start it.
    pub schedules: Vec<Schedule>,
}

/// One schedule of a function.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// Its name in the template.
    pub name: String,
    /// When it fires.
    pub expression: ScheduleExpression,
    /// What the function is sent; `None` for the event that EventBridge Scheduler makes up.
    pub input: Option<Value>,
}

/// Why a template cannot be used.
#[derive(Debug, Error)]
pub enum TemplateError {
    /// It is no YAML, or lacks a part that every SAM template has.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// A function's properties are not what SAM knows.
    #[error("{resource}: {reason}")]
    Properties {
        /// The resource's name in the template.
        resource: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The resource, the folder and the built code do not go by one name.
    #[error(
        "{resource} has the code {code_uri:?}; a function is named once: NAME-OF-IT in {CODE_URI_PREFIX}NAME-OF-IT/ and NameOfItFunction"
    )]
    Name {
        /// The resource's name in the template.
        resource: String,
        /// Its `CodeUri`.
        code_uri: String,
    },
    /// A kind of event that the local platform cannot send.
    #[error("{resource}: the event {event} is of the unknown type {kind}")]
    EventType {
        /// The function's resource.
        resource: String,
        /// The event's name.
        event: String,
        /// Its `Type`.
        kind: String,
    },
    /// A route that API Gateway would not take.
    #[error("{resource}: {source}")]
    Route {
        /// The function's resource.
        resource: String,
        /// What is wrong with the route.
        source: RouteError,
    },
    /// A schedule that EventBridge would not take.
    #[error("{resource}: {source}")]
    Schedule {
        /// The function's resource.
        resource: String,
        /// What is wrong with the schedule.
        source: ScheduleError,
    },
    /// `Ref` names no parameter with a default.
    #[error("{resource}: Ref names {name}, which is no parameter with a default")]
    Reference {
        /// The function's resource.
        resource: String,
        /// What `Ref` names.
        name: String,
    },
}

impl Template {
    /// Reads the text of a template.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let document: Document =
            serde_saphyr::from_str(text).map_err(|error| TemplateError::Unreadable(error.to_string()))?;
        let functions = document.resources.iter().filter(|(_, resource)| resource.kind == FUNCTION_TYPE);
        let functions =
            functions.map(|(name, resource)| document.function(name, resource)).collect::<Result<_, _>>()?;
        Ok(Self { functions })
    }
}

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "Parameters", default)]
    parameters: BTreeMap<String, Parameter>,
    #[serde(rename = "Globals", default)]
    globals: Globals,
    #[serde(rename = "Resources")]
    resources: BTreeMap<String, Resource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameter {
    default: Option<Value>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Globals {
    function: GlobalFunction,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct GlobalFunction {
    timeout: Option<u64>,
    memory_size: Option<u32>,
}

#[derive(Deserialize)]
struct Resource {
    #[serde(rename = "Type")]
    kind: String,
    #[serde(rename = "Properties", default)]
    properties: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct FunctionProperties {
    code_uri: String,
    timeout: Option<u64>,
    memory_size: Option<u32>,
    #[serde(default)]
    events: BTreeMap<String, Event>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Event {
    #[serde(rename = "Type")]
    kind: String,
    properties: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HttpApiProperties {
    method: Option<String>,
    path: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ScheduleProperties {
    schedule_expression: Text,
    schedule_expression_timezone: Option<Text>,
    input: Option<String>,
}

/// A text of the template, written out or as a reference to a parameter.
#[derive(Deserialize)]
#[serde(untagged)]
enum Text {
    Literal(String),
    Reference {
        #[serde(rename = "Ref")]
        name: String,
    },
}

impl Document {
    fn function(&self, resource: &str, declared: &Resource) -> Result<Function, TemplateError> {
        let properties: FunctionProperties = read(resource, &declared.properties)?;
        let mut function = Function {
            name: name_of(resource, &properties.code_uri)?,
            timeout: Duration::from_secs(
                properties.timeout.or(self.globals.function.timeout).unwrap_or(DEFAULT_TIMEOUT_S),
            ),
            memory_mb: properties.memory_size.or(self.globals.function.memory_size).unwrap_or(DEFAULT_MEMORY_MB),
            routes: Vec::new(),
            schedules: Vec::new(),
        };
        for (name, event) in &properties.events {
            match event.kind.as_str() {
                "HttpApi" => function.routes.push(route(resource, event)?),
                "ScheduleV2" => function.schedules.push(self.schedule(resource, name, event)?),
                kind => {
                    let (resource, event, kind) = (resource.to_owned(), name.clone(), kind.to_owned());
                    return Err(TemplateError::EventType { resource, event, kind });
                }
            }
        }
        Ok(function)
    }

    fn schedule(&self, resource: &str, name: &str, event: &Event) -> Result<Schedule, TemplateError> {
        let properties: ScheduleProperties = read(resource, &event.properties)?;
        let expression = self.text(resource, &properties.schedule_expression)?;
        let time_zone = properties.schedule_expression_timezone.map(|text| self.text(resource, &text)).transpose()?;
        let expression = ScheduleExpression::parse(&expression, time_zone.as_deref().unwrap_or("UTC"))
            .map_err(|source| TemplateError::Schedule { resource: resource.to_owned(), source })?;
        let input = properties.input.map(|text| serde_json::from_str(&text)).transpose();
        let input = input.map_err(|error| TemplateError::Properties {
            resource: resource.to_owned(),
            reason: format!("the Input of {name} is no JSON: {error}"),
        })?;
        Ok(Schedule { name: name.to_owned(), expression, input })
    }

    fn text(&self, resource: &str, text: &Text) -> Result<String, TemplateError> {
        match text {
            Text::Literal(text) => Ok(text.clone()),
            Text::Reference { name } => {
                let default = self.parameters.get(name).and_then(|parameter| parameter.default.as_ref());
                default
                    .and_then(Value::as_str)
                    .map(str::to_owned)
                    .ok_or_else(|| TemplateError::Reference { resource: resource.to_owned(), name: name.clone() })
            }
        }
    }
}

fn route(resource: &str, event: &Event) -> Result<RouteKey, TemplateError> {
    let properties: HttpApiProperties = read(resource, &event.properties)?;
    // With neither, SAM makes the route that takes what no other does.
    let path = properties.path.as_deref().unwrap_or("$default");
    RouteKey::parse(properties.method.as_deref().unwrap_or("ANY"), path)
        .map_err(|source| TemplateError::Route { resource: resource.to_owned(), source })
}

fn read<T: serde::de::DeserializeOwned>(resource: &str, value: &Value) -> Result<T, TemplateError> {
    T::deserialize(value)
        .map_err(|error| TemplateError::Properties { resource: resource.to_owned(), reason: error.to_string() })
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
mod tests {
    use super::*;

    /// A template of one function with these properties, four spaces deep.
    fn one(properties: &str) -> Result<Template, TemplateError> {
        Template::parse(&format!(
            "Parameters:\n  When: {{ Type: String, Default: rate(5 minutes) }}\nGlobals:\n  Function: {{ Timeout: 7 }}\n\
             Resources:\n  Table: {{ Type: 'AWS::DynamoDB::Table' }}\n  TellTimeFunction:\n    \
             Type: AWS::Serverless::Function\n    Properties:\n{properties}"
        ))
    }

    #[test]
    fn a_function_takes_its_name_from_its_folder_and_its_limits_from_the_globals() {
        let template = one("      CodeUri: target/lambda/tell-time/\n      MemorySize: 256\n").unwrap();
        let [function] = template.functions.as_slice() else { panic!("{template:?}") };
        assert_eq!(function.name, "tell-time");
        assert_eq!(function.timeout, Duration::from_secs(7));
        assert_eq!(function.memory_mb, 256);
        assert!(function.routes.is_empty() && function.schedules.is_empty());
    }

    #[test]
    fn an_event_without_path_and_method_is_the_default_route() {
        let template = one("      CodeUri: target/lambda/tell-time/\n      Events:\n        A: { Type: HttpApi, \
             Properties: { ApiId: { Ref: Api } } }\n        B: { Type: HttpApi, Properties: { Method: get, Path: '/a/{b}' } }\n")
        .unwrap();
        let routes: Vec<String> = template.functions[0].routes.iter().map(ToString::to_string).collect();
        assert_eq!(routes, ["$default", "GET /a/{b}"]);
    }

    #[test]
    fn a_schedule_may_refer_to_a_parameter() {
        let template =
            one("      CodeUri: target/lambda/tell-time/\n      Events:\n        Often: { Type: ScheduleV2, \
             Properties: { ScheduleExpression: { Ref: When }, Input: '{\"a\": 1}' } }\n")
            .unwrap();
        let [schedule] = template.functions[0].schedules.as_slice() else { panic!("{template:?}") };
        assert_eq!(schedule.name, "Often");
        assert_eq!(schedule.input, Some(serde_json::json!({"a": 1})));
        assert_eq!(schedule.expression, ScheduleExpression::parse("rate(5 minutes)", "UTC").unwrap());
    }

    #[test]
    fn what_is_not_understood_is_refused_with_the_place_it_stands_at() {
        let code = "      CodeUri: target/lambda/tell-time/\n";
        let event = |text: &str| format!("{code}      Events:\n        E: {text}\n");
        for (properties, said) in [
            ("      Timeout: 3\n".to_owned(), "TellTimeFunction: missing field `CodeUri`"),
            ("      CodeUri: target/lambda/tell-times/\n".to_owned(), "tell-times"),
            ("      CodeUri: tell-time/\n".to_owned(), "named once"),
            (event("{ Type: SQS, Properties: {} }"), "the event E is of the unknown type SQS"),
            (event("{ Type: HttpApi, Properties: { Method: GET, Path: a } }"), "TellTimeFunction: "),
            (event("{ Type: ScheduleV2, Properties: { ScheduleExpression: often } }"), "often"),
            (event("{ Type: ScheduleV2, Properties: { ScheduleExpression: { Ref: Never } } }"), "Ref names Never"),
            (event("{ Type: ScheduleV2, Properties: { ScheduleExpression: rate(1 day), Input: a } }"), "no JSON"),
        ] {
            let error = one(&properties).unwrap_err().to_string();
            assert!(error.contains(said), "{error:?} does not say {said:?}");
        }
        assert!(matches!(Template::parse("a: ["), Err(TemplateError::Unreadable(_))));
        assert!(matches!(Template::parse("a: 1"), Err(TemplateError::Unreadable(_))));
    }

    #[test]
    fn the_projects_own_template_is_read_whole() {
        let template = Template::parse(PROJECT_TEMPLATE).unwrap();
        let fetch = template.functions.iter().find(|function| function.name == "fetch-data").unwrap();
        assert_eq!(fetch.routes, [RouteKey::parse("GET", "/fetch-data/{symbol}").unwrap()]);
        let refresh = template.functions.iter().find(|function| function.name == "refresh-prices").unwrap();
        assert_eq!(refresh.schedules.len(), 1);
        assert_eq!(refresh.timeout, Duration::from_mins(5));
    }
}
