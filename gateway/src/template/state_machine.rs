//! The state machines of a template.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::document::{Document, Resource, read};
use super::error::TemplateError;
use super::events::{self, Event};
use super::function::Schedule;

const STATE_MACHINE_TYPE: &str = "AWS::Serverless::StateMachine";
/// What the name of its resource ends with.
const SUFFIX: &str = "StateMachine";

/// A state machine. Its states are for AWS; on one machine its handler in the registry does the same work.
#[derive(Clone, Debug)]
pub struct StateMachine {
    /// Its name: that of its resource, such as `verification` of `VerificationStateMachine`.
    pub name: String,
    /// The timeout of a run.
    pub timeout: Duration,
    /// The schedules that start it.
    pub schedules: Vec<Schedule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct StateMachineProperties {
    definition: Definition,
    #[serde(default)]
    events: BTreeMap<String, Event>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Definition {
    timeout_seconds: u64,
}

impl Document {
    /// All state machines, ordered by the names of their resources.
    pub(super) fn state_machines(&self) -> Result<Vec<StateMachine>, TemplateError> {
        let machines = self.resources.iter().filter(|(_, resource)| resource.kind == STATE_MACHINE_TYPE);
        machines.map(|(name, resource)| self.state_machine(name, resource)).collect()
    }

    fn state_machine(&self, resource: &str, declared: &Resource) -> Result<StateMachine, TemplateError> {
        let properties: StateMachineProperties = read(resource, &declared.properties)?;
        let name = resource.strip_suffix(SUFFIX).map(uncapitalized).filter(|name| !name.is_empty());
        let schedules = properties.events.iter();
        let schedules = schedules.map(|(name, event)| events::only_schedule(self, resource, name, event));
        Ok(StateMachine {
            name: name.ok_or_else(|| TemplateError::Properties {
                resource: resource.to_owned(),
                reason: format!("the name of a state machine ends with {SUFFIX}"),
            })?,
            timeout: Duration::from_secs(properties.definition.timeout_seconds),
            schedules: schedules.collect::<Result<_, _>>()?,
        })
    }
}

/// `TwoWords` as `two-words`.
fn uncapitalized(camel: &str) -> String {
    let mut name = String::new();
    for letter in camel.chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}
