//! Objects in S3.
//!
//! The role needs `s3:GetObject`, `s3:PutObject`, `s3:PutObjectTagging`, `s3:DeleteObject` and, without a
//! condition on the prefix, `s3:ListBucket`: without it S3 answers 403 instead of 404.

mod body;

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::interceptors::InterceptorContext;
use aws_sdk_s3::config::retry::{ClassifyRetry, RetryAction};
use aws_sdk_s3::types::{Tag, Tagging};
use livelist_store::objects::check_name;
use livelist_store::{Body, Condition, Entropy, Listed, Object, Objects, Retention, StoreError};

use crate::failure::{Failure, answered, is, store_error};

/// The tag by which the bucket's lifecycle rules select objects to delete.
const TAG: &str = "livelist";
/// For objects that only their run needs.
const SCRATCH: &str = "scratch";
/// For objects that were kept and are no longer needed.
const RETIRED: &str = "retired";
/// The metadata that distinguishes our write from another's.
const WRITE: &str = "livelist-write";

/// Objects in a bucket of S3.
#[derive(Clone)]
pub struct S3Objects {
    client: Client,
    bucket: String,
    entropy: Arc<dyn Entropy>,
}

/// Makes the SDK retry when S3 answers 409 because two conditional writes collided. S3 asks for that, and
/// the second attempt shows which one won.
#[derive(Debug)]
pub(crate) struct RetryRaces;

impl ClassifyRetry for RetryRaces {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        match context.response() {
            Some(answer) if answer.status().as_u16() == 409 => RetryAction::transient_error(),
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "conditional writes that met"
    }
}

/// The state of an object.
struct Present {
    etag: String,
    write: Option<String>,
}

impl S3Objects {
    /// Objects in `bucket`; `entropy` marks the writes.
    pub fn new(client: Client, bucket: impl Into<String>, entropy: Arc<dyn Entropy>) -> Self {
        S3Objects {
            client,
            bucket: bucket.into(),
            entropy,
        }
    }

    fn what(&self, doing: &str, key: &str) -> String {
        format!("{doing} s3://{}/{key}", self.bucket)
    }

    async fn present(&self, key: &str) -> Result<Option<Present>, StoreError> {
        let asked = self.client.head_object().bucket(&self.bucket).key(key);
        match asked.send().await {
            Ok(head) => Ok(Some(Present {
                etag: head.e_tag.unwrap_or_default(),
                write: head.metadata.and_then(|mut m| m.remove(WRITE)),
            })),
            Err(e) if e.as_service_error().is_some_and(|e| e.is_not_found()) => Ok(None),
            Err(e) => Err(store_error(self.what("looking at", key), e)),
        }
    }

    /// Interprets a failed condition: for a write marked `write`, or for a deletion.
    async fn settle(
        &self,
        key: &str,
        condition: &Condition,
        write: Option<&str>,
        status: u16,
    ) -> Result<Option<Present>, StoreError> {
        let present = self.present(key).await?;
        let ours = present
            .as_ref()
            .is_some_and(|p| write.is_some() && p.write.as_deref() == write);
        if ours || (write.is_none() && present.is_none()) {
            // An earlier attempt of this very call did it, and its answer was lost.
            return Ok(present);
        }
        let holds = match condition {
            Condition::Always => true,
            Condition::Absent => present.is_none(),
            Condition::Unchanged(etag) => present.is_some_and(|p| p.etag == *etag),
        };
        if holds && status == 409 {
            let race = Failure::Found("conditional writes kept meeting each other".into());
            return Err(StoreError::unavailable(self.what("changing", key), race));
        }
        Err(StoreError::ConditionFailed {
            key: key.to_owned(),
        })
    }
}

/// The content type for browsers and sites.
fn content_type(key: &str) -> &'static str {
    match key.rsplit_once('.') {
        Some((_, "gz")) => "application/gzip",
        Some((_, "json")) => "application/json",
        _ => "application/octet-stream",
    }
}

#[async_trait]
impl Objects for S3Objects {
    async fn get(&self, key: &str) -> Result<Option<Object>, StoreError> {
        check_name(key)?;
        let asked = self.client.get_object().bucket(&self.bucket).key(key);
        let answer = match asked.send().await {
            Ok(answer) => answer,
            Err(e) if is(&e, "NoSuchKey") => return Ok(None),
            Err(e) => return Err(store_error(self.what("reading", key), e)),
        };
        let lacks =
            |part| StoreError::unavailable(self.what("reading", key), Failure::Incomplete(part));
        Ok(Some(Object {
            etag: answer.e_tag.ok_or_else(|| lacks("ETag"))?,
            bytes: answer
                .content_length
                .and_then(|n| n.try_into().ok())
                .ok_or_else(|| lacks("length"))?,
            body: Box::new(Box::pin(answer.body.into_async_read())),
        }))
    }

    async fn put(
        &self,
        key: &str,
        body: Body,
        condition: Condition,
        retention: Retention,
    ) -> Result<String, StoreError> {
        check_name(key)?;
        let write = format!("{:016x}", self.entropy.bits()?);
        let scratch = retention == Retention::Scratch;
        let mut asked = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .content_type(content_type(key))
            .metadata(WRITE, &write)
            .set_tagging(scratch.then(|| format!("{TAG}={SCRATCH}")))
            .body(body::stream(body));
        asked = match &condition {
            Condition::Always => asked,
            Condition::Absent => asked.if_none_match("*"),
            Condition::Unchanged(etag) => asked.if_match(etag),
        };
        let etag = match asked.send().await {
            Ok(answer) => answer.e_tag,
            Err(e) => match (answered(&e), &condition) {
                (Some((status @ (409 | 412), _)), Condition::Absent | Condition::Unchanged(_)) => {
                    let ours = self.settle(key, &condition, Some(&write), status).await?;
                    ours.map(|present| present.etag)
                }
                // `If-Match` on an object that is not there.
                (Some((404, "NoSuchKey")), Condition::Unchanged(_)) => {
                    return Err(StoreError::ConditionFailed {
                        key: key.to_owned(),
                    });
                }
                _ => return Err(store_error(self.what("writing", key), e)),
            },
        };
        etag.ok_or_else(|| {
            StoreError::unavailable(self.what("writing", key), Failure::Incomplete("ETag"))
        })
    }

    async fn delete(&self, key: &str, condition: Condition) -> Result<(), StoreError> {
        check_name(key)?;
        let mut asked = self.client.delete_object().bucket(&self.bucket).key(key);
        match &condition {
            Condition::Always => {}
            Condition::Absent => {
                // S3 has no such deletion; there is nothing to delete either.
                return self.settle(key, &condition, None, 412).await.map(drop);
            }
            Condition::Unchanged(etag) => asked = asked.if_match(etag),
        }
        match asked.send().await {
            Ok(_) => Ok(()),
            Err(e) => match (answered(&e), &condition) {
                (Some((404, "NoSuchKey")), _) => Ok(()),
                (Some((status @ (409 | 412), _)), Condition::Unchanged(_)) => {
                    self.settle(key, &condition, None, status).await.map(drop)
                }
                _ => Err(store_error(self.what("removing", key), e)),
            },
        }
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Listed>, StoreError> {
        let asked = self.client.list_objects_v2().bucket(&self.bucket);
        let mut pages = asked.prefix(prefix).into_paginator().send();
        let mut listed = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| store_error(self.what("listing", prefix), e))?;
            listed.extend(page.contents.into_iter().flatten().filter_map(|found| {
                Some(Listed {
                    key: found.key?,
                    bytes: found.size.and_then(|n| n.try_into().ok())?,
                    // Without an ETag, a caller that compares it reads the object.
                    etag: found.e_tag.unwrap_or_default(),
                })
            }));
        }
        Ok(listed)
    }

    async fn list_names(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let asked = self.client.list_objects_v2().bucket(&self.bucket);
        let asked = asked.prefix(prefix).delimiter("/");
        let mut pages = asked.into_paginator().send();
        let mut names = Vec::new();
        let mut add = |path: Option<String>| {
            let path = path.unwrap_or_default();
            let name = path.strip_prefix(prefix).unwrap_or(&path);
            names.push(name.trim_end_matches('/').to_owned());
        };
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| store_error(self.what("listing", prefix), e))?;
            let folders = page.common_prefixes.into_iter().flatten();
            folders.for_each(|folder| add(folder.prefix));
            let objects = page.contents.into_iter().flatten();
            objects.for_each(|object| add(object.key));
        }
        names.sort();
        names.dedup();
        Ok(names)
    }

    async fn retire(&self, key: &str) -> Result<(), StoreError> {
        check_name(key)?;
        let refused = |e| StoreError::refused(self.what("retiring", key), e);
        let tag = Tag::builder().key(TAG).value(RETIRED).build();
        let tags = Tagging::builder().tag_set(tag.map_err(refused)?).build();
        let asked = self.client.put_object_tagging().bucket(&self.bucket);
        match asked.key(key).tagging(tags.map_err(refused)?).send().await {
            Ok(_) => Ok(()),
            Err(e) if is(&e, "NoSuchKey") => Ok(()),
            Err(e) => Err(store_error(self.what("retiring", key), e)),
        }
    }
}

#[cfg(test)]
mod tests;
