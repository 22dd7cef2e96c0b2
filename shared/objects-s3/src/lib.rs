//! Objects in an S3 bucket, downloaded through presigned links (AWS Signature Version 4).
//!
//! This is the engine of [`objects::Objects`] in AWS. It has no rules of its own: `objects` decides what may be stored and
//! how long a link is valid, and the engine passes its suite. Only `lambda` creates one.
//!
//! - The bucket is private and encrypts by default. The role that signs needs `GetObject`, `PutObject` and
//!   `DeleteObject` on the keys, and `ListBucket` on the bucket: without the last, S3 answers 403 instead of 404 for an
//!   object that is not there.
//! - A link expires with the credentials that signed it. Those of a function are valid for hours, so links should be valid
//!   for minutes only.
//! - The error of a failed call says whether it may be retried.

mod failure;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use objects::{Clock, Link, LinkOptions, ObjectError, ObjectKey, Objects, attachment, check_put};

/// The objects of one bucket.
#[derive(Clone)]
pub struct S3Objects {
    client: Client,
    bucket: String,
    clock: Clock,
}

impl S3Objects {
    /// Objects in `bucket`. `clock` decides when links expire; AWS compares it with its own.
    #[must_use]
    pub fn new(client: Client, bucket: impl Into<String>, clock: Clock) -> Self {
        Self { client, bucket: bucket.into(), clock }
    }
}

#[async_trait]
impl Objects for S3Objects {
    async fn put(&self, key: &ObjectKey, bytes: Vec<u8>, content_type: &str) -> Result<(), ObjectError> {
        check_put(&bytes, content_type)?;
        let request = self.client.put_object().bucket(&self.bucket).key(key.as_str());
        let request = request.content_type(content_type).body(ByteStream::from(bytes));
        request.send().await.map_err(failure::of_call)?;
        Ok(())
    }

    async fn get(&self, key: &ObjectKey) -> Result<Option<Vec<u8>>, ObjectError> {
        let answer = match self.client.get_object().bucket(&self.bucket).key(key.as_str()).send().await {
            Ok(answer) => answer,
            Err(error) if is_missing(&error) => return Ok(None),
            Err(error) => return Err(failure::of_call(error)),
        };
        // The connection can break in the middle of a body; a second attempt starts over.
        let body = answer.body.collect().await.map_err(|error| ObjectError::Unavailable(Box::new(error)))?;
        Ok(Some(body.to_vec()))
    }

    async fn delete(&self, key: &ObjectKey) -> Result<(), ObjectError> {
        let request = self.client.delete_object().bucket(&self.bucket).key(key.as_str());
        request.send().await.map_err(failure::of_call)?;
        Ok(())
    }

    async fn link(&self, key: &ObjectKey, options: LinkOptions) -> Result<Link, ObjectError> {
        let now = (self.clock)();
        let expires_at = options.expires_at(now)?;
        let config = PresigningConfig::builder().start_time(now.into()).expires_in(options.lifetime).build();
        let config = config.map_err(|error| ObjectError::Failed(Box::new(error)))?;
        let request = self.client.get_object().bucket(&self.bucket).key(key.as_str());
        let request = request.response_content_disposition(attachment(&options.filename));
        // Signing itself makes no call, but may have to fetch credentials first.
        let presigned = request.presigned(config).await.map_err(failure::of_call)?;
        Ok(Link { url: presigned.uri().to_owned(), expires_at })
    }
}

fn is_missing<R>(error: &SdkError<GetObjectError, R>) -> bool {
    error.as_service_error().is_some_and(GetObjectError::is_no_such_key)
}

#[cfg(test)]
mod tests;
