//! The functions' logs in CloudWatch Logs, for operators.

use aws_sdk_cloudwatchlogs::Client;
use futures::{StreamExt, TryStreamExt, stream};
use livelist_model::RunId;
use livelist_store::StoreError;

use crate::AwsClients;
use crate::failure::store_error;

/// Log groups asked at once: the quota is for the account.
const AT_ONCE: usize = 4;
/// Lines of a page; the service gives no more.
const PAGE: i32 = 10_000;
/// More lines than this are not read for one run.
const MOST: usize = 100_000;

/// A line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When it was written.
    pub at: jiff::Timestamp,
    /// Its text: JSON as the function wrote it.
    pub text: String,
}

/// Log groups of one deployment.
#[derive(Clone)]
pub struct CloudWatchLogs {
    client: Client,
    groups: Vec<String>,
}

impl CloudWatchLogs {
    /// These groups.
    pub fn new(clients: &AwsClients, groups: impl IntoIterator<Item = String>) -> Self {
        CloudWatchLogs {
            client: Client::new(clients.config()),
            groups: groups.into_iter().collect(),
        }
    }

    /// The log lines of `run` from `begin` to `end`, in order.
    ///
    /// # Errors
    /// A group cannot be read.
    pub async fn of_run(
        &self,
        run: &RunId,
        begin: jiff::Timestamp,
        end: jiff::Timestamp,
    ) -> Result<Vec<LogLine>, StoreError> {
        let mut lines: Vec<LogLine> = stream::iter(&self.groups)
            .map(|group| self.of_group(group, run, begin, end))
            .buffer_unordered(AT_ONCE)
            .try_concat()
            .await?;
        lines.sort_by_key(|line| line.at);
        Ok(lines)
    }

    async fn of_group(
        &self,
        group: &str,
        run: &RunId,
        begin: jiff::Timestamp,
        end: jiff::Timestamp,
    ) -> Result<Vec<LogLine>, StoreError> {
        // The run's name in quotes: as a word, whatever the member that holds it is called.
        let asked = self
            .client
            .filter_log_events()
            .log_group_name(group)
            .start_time(begin.as_millisecond())
            .end_time(end.as_millisecond())
            .filter_pattern(format!("\"{run}\""))
            .limit(PAGE);
        let mut pages = asked.into_paginator().send();
        let mut lines = Vec::new();
        while let Some(page) = pages.next().await {
            let page = match page {
                Ok(page) => page,
                // A function that never ran has no group yet.
                Err(e)
                    if e.as_service_error()
                        .is_some_and(|e| e.is_resource_not_found_exception()) =>
                {
                    return Ok(lines);
                }
                Err(e) => return Err(store_error(format!("reading the log group {group}"), e)),
            };
            let events = page.events.unwrap_or_default().into_iter();
            lines.extend(events.filter_map(|event| {
                let text = event.message?;
                let at = jiff::Timestamp::from_millisecond(event.timestamp?).ok()?;
                text.contains(run.as_str()).then(|| LogLine {
                    at,
                    text: text.trim_end().to_owned(),
                })
            }));
            if lines.len() >= MOST {
                break;
            }
        }
        Ok(lines)
    }
}
