//! Files that a customer downloads through a signed link: exports, and lists that are too long for an answer.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::CustomerId;
use objects::{LinkOptions, ObjectKey};
use serde::{Deserialize, Serialize};
use store::{DeleteExpect, Write, documents, keys};
use utoipa::ToSchema;

use crate::error::ServiceError;
use crate::{App, listing, objects_of};

/// How long a link is valid.
const LINK_LIFETIME: Duration = Duration::from_mins(5);
/// The most stored files of a customer. A new one removes the oldest, whose link has ended unless all were made within
/// minutes.
const MAX_FILES: usize = 10;

/// The format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    /// Comma-separated values with a header.
    Csv,
    /// One JSON value.
    Json,
}

/// A file to download.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name, without the extension.
    pub name: &'static str,
    /// Its format.
    pub format: FileFormat,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// A file as a request gets it.
#[derive(Debug)]
pub enum Download {
    /// The file itself.
    Whole(File),
    /// A link to it, because it is too long for an answer.
    Linked(ExportLink),
}

/// What the table says of a stored file.
#[derive(Serialize, Deserialize)]
struct ExportRecord {
    object: ObjectKey,
}

/// A link to an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ExportLink {
    /// Signed link to the file.
    #[schema(format = "uri")]
    pub url: String,
    /// When the link expires.
    #[serde(with = "domain::instant")]
    pub expires_at: DateTime<Utc>,
}

impl FileFormat {
    /// The media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Json => "application/json",
        }
    }

    fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
        }
    }
}

impl File {
    /// Its name, with the extension.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.name, self.format.extension())
    }
}

/// Stores a file and returns a link to it. The link works without credentials for five minutes.
pub async fn publish(app: &App, customer: CustomerId, file: File) -> Result<ExportLink, ServiceError> {
    let object = objects_of::new_key("exports", customer, file.format.extension())?;
    remove_older(app, customer).await?;
    // The record first, because an erasure could not find an object that no item names.
    let record = ExportRecord { object: object.clone() };
    documents::put_new(app.table(), keys::export(customer, app.new_id()), &record, None).await?;
    let options = LinkOptions { lifetime: LINK_LIFETIME, filename: file.full_name() };
    app.objects().put(&object, file.bytes, file.format.media_type()).await?;
    let link = app.objects().link(&object, options).await?;
    Ok(ExportLink { url: link.url, expires_at: link.expires_at })
}

/// Removes all but the newest [`MAX_FILES`] - 1 files, each object before its record.
async fn remove_older(app: &App, customer: CustomerId) -> Result<(), ServiceError> {
    let stored = listing::read_all(app, keys::exports(customer)).await?;
    for item in stored.iter().rev().skip(MAX_FILES - 1) {
        app.objects().delete(&documents::parse::<ExportRecord>(item)?.object).await?;
        let removal = Write::Delete { key: item.key.clone(), expect: DeleteExpect::Any };
        app.table().transact(vec![removal]).await?;
    }
    Ok(())
}
