//! The triggers of a function: routes, schedules and rules.

use serde::Deserialize;
use serde_json::Value;

use super::document::{Document, Text, read};
use super::error::TemplateError;
use super::function::{Function, SCHEDULED_TIME, Schedule};
use crate::event_pattern::EventPattern;
use crate::routes::RouteKey;
use crate::schedule_expression::ScheduleExpression;

/// The value for a route without an authorizer.
const NO_AUTHORIZER: &str = "NONE";
const BUS_TYPE: &str = "AWS::Events::EventBus";
/// The type of a schedule.
const SCHEDULE: &str = "ScheduleV2";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Event {
    #[serde(rename = "Type")]
    kind: String,
    properties: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HttpApiProperties {
    method: Option<String>,
    path: Option<String>,
    auth: Option<RouteAuth>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RouteAuth {
    authorizer: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ScheduleProperties {
    schedule_expression: Text,
    schedule_expression_timezone: Option<Text>,
    input: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RuleProperties {
    event_bus_name: Option<Text>,
    pattern: serde_json::Map<String, Value>,
}

/// Adds one event to its function.
pub(super) fn add(
    function: &mut Function,
    document: &Document,
    resource: &str,
    name: &str,
    event: &Event,
) -> Result<(), TemplateError> {
    match event.kind.as_str() {
        "HttpApi" => {
            let (route, public) = route(resource, event)?;
            function.public_routes.extend(public.then(|| route.clone()));
            function.routes.push(route);
        }
        SCHEDULE => function.schedules.push(schedule(document, resource, name, event)?),
        "EventBridgeRule" => function.rules.push(rule(document, resource, name, event)?),
        _ => return Err(unsupported(resource, name, event)),
    }
    Ok(())
}

/// The schedule that an event is, for a resource with no other events.
pub(super) fn only_schedule(
    document: &Document,
    resource: &str,
    name: &str,
    event: &Event,
) -> Result<Schedule, TemplateError> {
    if event.kind == SCHEDULE {
        schedule(document, resource, name, event)
    } else {
        Err(unsupported(resource, name, event))
    }
}

fn unsupported(resource: &str, name: &str, event: &Event) -> TemplateError {
    let (resource, event, kind) = (resource.to_owned(), name.to_owned(), event.kind.clone());
    TemplateError::EventType { resource, event, kind }
}

/// The route of an event, and whether it is public.
fn route(resource: &str, event: &Event) -> Result<(RouteKey, bool), TemplateError> {
    let properties: HttpApiProperties = read(resource, &event.properties)?;
    let public = match properties.auth.as_ref().map(|auth| auth.authorizer.as_str()) {
        None => false,
        Some(NO_AUTHORIZER) => true,
        Some(other) => {
            let reason = format!("a route must have the API's authorizer or {NO_AUTHORIZER}, not {other}");
            return Err(TemplateError::Properties { resource: resource.to_owned(), reason });
        }
    };
    // With neither, SAM creates the default route.
    let path = properties.path.as_deref().unwrap_or("$default");
    RouteKey::parse(properties.method.as_deref().unwrap_or("ANY"), path)
        .map(|key| (key, public))
        .map_err(|source| TemplateError::Route { resource: resource.to_owned(), source })
}

fn schedule(document: &Document, resource: &str, name: &str, event: &Event) -> Result<Schedule, TemplateError> {
    let properties: ScheduleProperties = read(resource, &event.properties)?;
    let expression = document.text(resource, &properties.schedule_expression)?;
    let time_zone = properties.schedule_expression_timezone.map(|text| document.text(resource, &text)).transpose()?;
    let expression = ScheduleExpression::parse(&expression, time_zone.as_deref().unwrap_or("UTC"))
        .map_err(|source| TemplateError::Schedule { resource: resource.to_owned(), source })?;
    let refusal = |reason: String| TemplateError::Properties { resource: resource.to_owned(), reason };
    if properties.input.as_ref().is_some_and(|text| text.replace(SCHEDULED_TIME, "").contains("<aws.scheduler.")) {
        return Err(refusal(format!("{SCHEDULED_TIME} is the only supported keyword in the Input of {name}")));
    }
    let input = properties.input.map(|text| serde_json::from_str(&text)).transpose();
    let input = input.map_err(|error| refusal(format!("the Input of {name} is not JSON: {error}")))?;
    Ok(Schedule { name: name.to_owned(), expression, input })
}

/// The pattern of a rule, which must be on the bus of the template: other stacks publish on the account's default bus.
fn rule(document: &Document, resource: &str, name: &str, event: &Event) -> Result<EventPattern, TemplateError> {
    let properties: RuleProperties = read(resource, &event.properties)?;
    let refusal = |reason| TemplateError::Properties { resource: resource.to_owned(), reason };
    let is_bus = |name: &str| document.resources.get(name).is_some_and(|resource| resource.kind == BUS_TYPE);
    if !matches!(&properties.event_bus_name, Some(Text::Reference { name }) if is_bus(name)) {
        return Err(refusal(format!("the EventBusName of the rule {name} is not a Ref to a bus of the template")));
    }
    if document.resources.values().filter(|resource| resource.kind == BUS_TYPE).count() > 1 {
        return Err(refusal(format!("the rule {name} is on one of several buses; a template has one")));
    }
    EventPattern::parse(&properties.pattern)
        .map_err(|source| TemplateError::Pattern { resource: resource.to_owned(), source })
}
