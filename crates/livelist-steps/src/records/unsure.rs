//! `unsure`: records of the log whose keys are neither listed nor proved gone: they were read and left the MLS
//! before a list had them, or slipped past the scans. They are noted as questions, like the keys that sites
//! ask about. The feed's next run asks the MLS for them; what two looks do not find is proved gone.

use std::collections::BTreeSet;

use livelist_log::Log;
use livelist_model::guard_switch::{Guard, is_off};
use livelist_model::ids::MAX_NAME;
use livelist_model::questions::{MOST_OPEN, Question, Questions};
use livelist_model::{ClientId, ReplicationId, layout};
use livelist_records::{Change, Entry, Fields, Place, What};
use livelist_reso::dialect::Dialect;
use livelist_store::{Condition, ObjectsExt, Retention, StoreError};

use super::prove::newest;
use super::{RecordsError, ResourceSpec};
use crate::Env;

/// Notes what is unsure, up to the limits of a client's questions. Another process may have written them just
/// now: then the next list is the next occasion.
///
/// # Errors
/// The log or the store cannot be used.
pub(super) async fn note(
    env: &Env,
    spec: &ResourceSpec,
    log: &Log<'_>,
    mut unsure: Vec<Entry>,
) -> Result<(), RecordsError> {
    let dialect = Dialect::for_feed(&spec.feed)?;
    if unsure.is_empty() || !dialect.confirm.is_by_key() || is_off(Guard::Unsure) {
        return Ok(());
    }
    let count = unsure.len();
    tracing::info!(
        replication = %spec.replication, resource = spec.resource(), count,
        "records are neither listed nor proved gone: the next run asks for them"
    );
    unsure.truncate(MOST_OPEN);
    let now = env.clock.now();
    let asked: Vec<Question> = match dialect.id_field(&spec.feed) {
        None => unsure
            .into_iter()
            .map(|entry| question(entry, None, now))
            .collect(),
        // Some MLSs are asked by an id beside the key: it stands in the record.
        Some(field) => {
            let places: Vec<Place> = unsure.into_iter().map(|entry| entry.place).collect();
            let changes = newest(log, &places, log.head().newest()).await?;
            let ask = |change: Change| {
                let id = id_of(&change, field);
                question(change, id, now)
            };
            changes.into_iter().map(ask).collect()
        }
    };
    let Some(client) = client(&spec.replication) else {
        return Ok(());
    };
    let feed = &spec.feed.feed;
    let object = layout::questions_of(feed, &client);
    let anew = || Questions::new(feed.clone(), client.clone());
    let (mut questions, condition) = match env.objects.read_json::<Questions>(&object).await {
        Ok(Some((found, etag))) if found.schema == Questions::SCHEMA => {
            (found, Condition::Unchanged(etag))
        }
        Ok(None) => (anew(), Condition::Absent),
        // It is no loss: the next list is the next occasion.
        Ok(Some(_)) | Err(StoreError::Corrupt { .. }) => (anew(), Condition::Always),
        Err(error) => return Err(error.into()),
    };
    questions.expire(now);
    // What is unsure no more is answered.
    let keys: BTreeSet<&String> = asked.iter().map(|question| &question.key).collect();
    questions.open.retain(|open| keys.contains(&open.key));
    questions.note(asked, now);
    questions.at = now;
    let written = env
        .objects
        .write_json(&object, &questions, condition, Retention::Keep);
    match written.await {
        Ok(_) | Err(StoreError::ConditionFailed { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Under whose name a replication asks.
fn client(replication: &ReplicationId) -> Option<ClientId> {
    let name = format!("log-{replication}");
    name.chars().take(MAX_NAME).collect::<String>().parse().ok()
}

fn question(entry: Entry, id: Option<String>, now: jiff::Timestamp) -> Question {
    let got = entry.learned.as_second();
    Question::new(entry.place.key, id, Some(got), now)
}

/// The id that stands in a record of the log.
fn id_of(change: &Change, field: &str) -> Option<String> {
    let What::Upsert {
        record: Some(record),
        ..
    } = &change.what
    else {
        return None;
    };
    let fields = Fields::read(record.get()).ok()?;
    fields.text(field).map(|id| id.into_owned())
}
