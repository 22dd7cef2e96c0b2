//! How long a template's bucket keeps objects.

use chrono::TimeDelta;
use serde::Deserialize;

use super::document::{Document, read};
use super::error::TemplateError;

const BUCKET_TYPE: &str = "AWS::S3::Bucket";

/// Objects of one prefix, and how long they are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expiration {
    /// The prefix, without the slash that ends it.
    pub prefix: String,
    /// How long after they were stored.
    pub after: TimeDelta,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct BucketProperties {
    lifecycle_configuration: Lifecycle,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Lifecycle {
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Rule {
    status: String,
    #[serde(default)]
    prefix: String,
    expiration_in_days: Option<u16>,
}

impl Document {
    /// The expiry rules of all buckets.
    pub(super) fn expirations(&self) -> Result<Vec<Expiration>, TemplateError> {
        let mut expirations = Vec::new();
        for (resource, bucket) in self.resources.iter().filter(|(_, resource)| resource.kind == BUCKET_TYPE) {
            let properties: BucketProperties = read(resource, &bucket.properties)?;
            for rule in properties.lifecycle_configuration.rules {
                let Some(days) = rule.expiration_in_days.filter(|_| rule.status == "Enabled") else { continue };
                let prefix = rule.prefix.strip_suffix('/').filter(|prefix| is_folder(prefix));
                let prefix = prefix.ok_or_else(|| TemplateError::Properties {
                    resource: resource.clone(),
                    reason: format!("objects expire by the first part of their key, and {:?} is none", rule.prefix),
                })?;
                expirations.push(Expiration { prefix: prefix.to_owned(), after: TimeDelta::days(days.into()) });
            }
        }
        Ok(expirations)
    }
}

fn is_folder(prefix: &str) -> bool {
    !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}
