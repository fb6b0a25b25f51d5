//! Which listings a held run would remove from the list, so that nobody has to approve blindly.

use livelist_model::codec::{KeyStream, ListReader};
use livelist_model::head::Held;
use livelist_model::record::RunRecord;
use livelist_model::run::FeedSpec;
use livelist_model::{FeedId, RunId, layout};
use livelist_reso::dialect::Dialect;
use livelist_steps::publish::would;
use livelist_store::{Objects, ObjectsExt};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use crate::versions::{blocking, damaged, open};
use crate::{OpsError, runs};

/// Keys of the sample.
const SAMPLE: u64 = 20;

/// The characters that RFC 3986 leaves unencoded (2.3).
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The listings that an approval would remove.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Removals {
    /// The run.
    pub run: RunId,
    /// Its feed.
    pub feed: FeedId,
    /// The number of keys.
    pub count: u64,
    /// A few of them, spread over the list.
    pub sample: Vec<Listing>,
    /// The keys, in the order of their bytes; they may be cut.
    pub keys: Vec<String>,
}

/// A listing that would be removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listing {
    /// Its key.
    pub key: String,
    /// The address of the MLS's record, for holders of its token. `None` if the MLS cannot be asked by key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
}

/// The keys that an approval of `run` would remove, at most `most`.
///
/// # Errors
/// There is no such run, it is not held, its lists have expired, or the store is unavailable.
pub async fn removals(
    objects: &dyn Objects,
    run: &RunId,
    most: usize,
) -> Result<Removals, OpsError> {
    let record = runs::record(objects, run).await?;
    let feed = &record.spec.feed;
    let mut told = Removals {
        run: run.clone(),
        feed: feed.feed.clone(),
        count: 0,
        sample: Vec::new(),
        keys: Vec::new(),
    };
    let Some(list) = would::removed(objects, &record.spec, kept(&record)?).await? else {
        return Ok(told);
    };
    told.count = list.summary.count;
    let source = open(objects, &list.object).await?;
    let every = told.count.div_ceil(SAMPLE).max(1);
    let (keys, sample) = blocking(move || {
        let mut reader = ListReader::new(source, Some(list.summary));
        let (mut keys, mut sample) = (Vec::new(), Vec::new());
        let mut nth = 0u64;
        while reader.advance().map_err(|e| damaged(&list.object, e))? {
            let is_drawn = nth.is_multiple_of(every);
            if keys.len() < most || is_drawn {
                let key = String::from_utf8_lossy(reader.key()).into_owned();
                if is_drawn {
                    sample.push(key.clone());
                }
                if keys.len() < most {
                    keys.push(key);
                }
            }
            nth += 1;
        }
        Ok((keys, sample))
    })
    .await?;
    told.keys = keys;
    let listing = |key: String| Listing {
        record: address(feed, &key),
        key,
    };
    told.sample = sample.into_iter().map(listing).collect();
    Ok(told)
}

/// The run of `feed` whose result waits.
///
/// # Errors
/// None waits, or the store cannot be used now.
pub async fn waiting(objects: &dyn Objects, feed: &FeedId) -> Result<RunId, OpsError> {
    let held = objects.read_json::<Held>(&layout::held(feed)).await?;
    let held = held.map(|(held, _)| held.run);
    held.ok_or_else(|| OpsError::Invalid(format!("no result of {feed} waits")))
}

/// The stored result of a held run.
fn kept(record: &RunRecord) -> Result<&livelist_model::record::Resume, OpsError> {
    let run = &record.spec.run;
    if record.held_reason.is_none() {
        return Err(OpsError::NotHeld {
            run: run.to_string(),
            state: record.state.as_str(),
        });
    }
    let resume = record.resume.as_ref();
    resume.ok_or_else(|| OpsError::NoResume(run.to_string()))
}

/// `{base_url}/Property('key')` (OData 4.01, 4.3.1), if the MLS is asked by key.
fn address(feed: &FeedSpec, key: &str) -> Option<String> {
    let dialect = Dialect::for_feed(feed).ok()?;
    if dialect.id_field(feed).is_some() || livelist_reso::confirm::as_set(&dialect).is_none() {
        return None;
    }
    let quoted = key.replace('\'', "''");
    let key = utf8_percent_encode(&quoted, UNRESERVED);
    let base = feed.base_url.trim_end_matches('/');
    Some(format!("{base}/{}('{key}')", feed.resource))
}

impl Removals {
    /// The keys as CSV (RFC 4180), with a title.
    pub fn csv(&self) -> String {
        let mut text = String::from("key\r\n");
        for key in &self.keys {
            text.push('"');
            text.push_str(&key.replace('"', "\"\""));
            text.push_str("\"\r\n");
        }
        text
    }
}
