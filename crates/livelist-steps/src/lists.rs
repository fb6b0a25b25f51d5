//! Connects the store, which is asynchronous, with the codec, which is not: reads and writes sorted
//! lists.

use std::io::{self, Write};

use bytes::Bytes;
use livelist_model::codec::{Effort, ListReader, ListSummary, ListWriter};
use livelist_model::head::ObjectRef;
use livelist_model::ids::{FeedId, RunId};
use livelist_model::layout;
use livelist_model::record::ListRef;
use livelist_store::{Body, Condition, Objects, Retention, StoreError};
use tokio::io::AsyncRead;
use tokio_util::io::SyncIoBridge;

use crate::StepError;

/// An object being read in a blocking task.
pub(crate) type Stored = SyncIoBridge<Box<dyn AsyncRead + Send + Unpin>>;

/// A list being read so.
pub(crate) type StoredList = ListReader<Stored>;

/// Starts to read an object in a blocking task; `None` if it does not exist.
pub(crate) async fn find(
    objects: &dyn Objects,
    object: &str,
) -> Result<Option<Stored>, StoreError> {
    let found = objects.get(object).await?;
    Ok(found.map(|found| SyncIoBridge::new(found.body)))
}

/// The same for one that has to be there.
pub(crate) async fn source(objects: &dyn Objects, object: &str) -> Result<Stored, StoreError> {
    let found = find(objects, object).await?;
    found.ok_or_else(|| StoreError::Missing {
        key: object.to_owned(),
    })
}

/// Starts to read a list in a blocking task. At its end it is checked against the recorded summary.
pub(crate) async fn open(
    objects: &dyn Objects,
    object: &str,
    expected: ListSummary,
) -> Result<StoredList, StepError> {
    Ok(ListReader::new(
        source(objects, object).await?,
        Some(expected),
    ))
}

/// Stores an object that a head will point at.
pub(crate) async fn store(
    objects: &dyn Objects,
    object: String,
    body: Body,
) -> Result<ObjectRef, StepError> {
    let bytes = body.len();
    put_content(objects, &object, body, Retention::Keep).await?;
    Ok(ObjectRef { object, bytes })
}

/// Large objects are held in chunks of this many bytes.
pub(crate) const CHUNK: usize = 256 * 1024;

/// Collects written bytes in chunks, so that a large object needs no single allocation and is never copied
/// to grow.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chunks {
    full: Vec<Bytes>,
    last: Vec<u8>,
}

impl Chunks {
    pub(crate) fn into_body(mut self) -> Body {
        if !self.last.is_empty() {
            self.full.push(self.last.into());
        }
        self.full.into()
    }
}

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.last.capacity() == 0 {
            self.last.reserve_exact(CHUNK);
        }
        let n = bytes.len().min(CHUNK - self.last.len());
        self.last.extend_from_slice(&bytes[..n]);
        if self.last.len() == CHUNK {
            self.full.push(std::mem::take(&mut self.last).into());
        }
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A writer of a list for the store.
pub(crate) fn writer(effort: Effort) -> ListWriter<Chunks> {
    ListWriter::new(Chunks::default(), effort)
}

/// Writes an object named by its content; one that is there already is the same.
pub(crate) async fn put_content(
    objects: &dyn Objects,
    key: &str,
    body: Body,
    retention: Retention,
) -> Result<(), StepError> {
    match objects.put(key, body, Condition::Absent, retention).await {
        Ok(_) | Err(StoreError::ConditionFailed { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Keeps a finished list among the run's objects.
pub(crate) async fn keep(
    objects: &dyn Objects,
    feed: &FeedId,
    run: &RunId,
    name: &str,
    chunks: Chunks,
    summary: ListSummary,
) -> Result<ListRef, StepError> {
    let object = layout::run_object(feed, run, name, &summary.sha256, ".keys.gz");
    put_content(objects, &object, chunks.into_body(), Retention::Scratch).await?;
    Ok(ListRef { object, summary })
}

/// Maps the codec's error to the object it happened in.
pub(crate) fn in_object(object: &str) -> impl Fn(livelist_model::codec::CodecError) -> StepError {
    let object = object.to_owned();
    move |source| StepError::List {
        object: object.clone(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_hold_what_was_written() {
        let mut chunks = Chunks::default();
        let bytes: Vec<u8> = (0..CHUNK * 2 + 17).map(|i| i as u8).collect();
        chunks.write_all(&bytes).unwrap();
        let body = chunks.into_body();
        assert_eq!(body.len(), bytes.len() as u64);
        assert_eq!(body.chunks().concat(), bytes);
    }
}
