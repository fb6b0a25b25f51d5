//! The port to storage: whole objects with conditional writes. S3 in production.

use async_trait::async_trait;
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::StoreError;

/// The content of an object: chunks, so that a large one needs no single allocation.
#[derive(Debug, Clone, Default)]
pub struct Body {
    chunks: Vec<Bytes>,
}

impl Body {
    /// The chunks in order.
    pub fn chunks(&self) -> &[Bytes] {
        &self.chunks
    }

    /// The chunks in order, taken out.
    pub fn into_chunks(self) -> Vec<Bytes> {
        self.chunks
    }

    /// The bytes as a reader; the chunks are shared, not copied.
    pub fn reader(&self) -> impl std::io::Read + Send + 'static {
        BodyReader(self.chunks.clone().into_iter(), Bytes::new())
    }

    /// Length in bytes.
    pub fn len(&self) -> u64 {
        self.chunks.iter().map(|c| c.len() as u64).sum()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

struct BodyReader(std::vec::IntoIter<Bytes>, Bytes);

impl std::io::Read for BodyReader {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        while self.1.is_empty() {
            match self.0.next() {
                Some(chunk) => self.1 = chunk,
                None => return Ok(0),
            }
        }
        let n = buf.len().min(self.1.len());
        buf[..n].copy_from_slice(&self.1.split_to(n));
        Ok(n)
    }
}

impl From<Vec<Bytes>> for Body {
    fn from(chunks: Vec<Bytes>) -> Body {
        Body { chunks }
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Body {
        Body {
            chunks: vec![bytes.into()],
        }
    }
}

/// The condition of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Nothing.
    Always,
    /// There is no such object (`If-None-Match: *`).
    Absent,
    /// The object is the one with this ETag (`If-Match`).
    Unchanged(String),
}

/// How long an object is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retention {
    /// Until it is deleted or retired.
    Keep,
    /// For the run, and for inspecting it later: lifecycle rules may remove it.
    Scratch,
}

/// An object that is being read.
pub struct Object {
    /// Changes whenever the object does.
    pub etag: String,
    /// Length in bytes.
    pub bytes: u64,
    /// The content.
    pub body: Box<dyn AsyncRead + Send + Unpin>,
}

/// An object's entry in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub key: String,
    /// Length in bytes.
    pub bytes: u64,
    /// The ETag that a read returns, if it is not changed meanwhile.
    pub etag: String,
}

/// Storage of whole objects.
///
/// Names are relative paths of `/`-separated parts without `.` or `..`. A write is visible as a whole or
/// not at all, and to everyone at once (S3: strong consistency). Of several conditional writers one wins,
/// and the others get [`StoreError::ConditionFailed`]. Implementations do all useful retries; `Unavailable`
/// is final for the caller's step.
///
/// A head changes by compare-and-swap, so of two publishers one wins:
///
/// ```
/// use livelist_store::memory::MemoryObjects;
/// use livelist_store::{Condition, Objects, Retention, StoreError};
///
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let objects = MemoryObjects::new();
/// let put = |text: &str, condition| {
///     objects.put("feeds/x/head.json", text.as_bytes().to_vec().into(), condition, Retention::Keep)
/// };
/// let etag = put("1", Condition::Absent).await?;
/// put("2", Condition::Unchanged(etag.clone())).await?;
/// let late = put("3", Condition::Unchanged(etag)).await;
/// assert!(matches!(late, Err(StoreError::ConditionFailed { .. })));
/// # Ok::<(), StoreError>(())
/// # }).unwrap();
/// ```
#[async_trait]
pub trait Objects: Send + Sync {
    /// Begins to read an object; nothing if there is none.
    async fn get(&self, key: &str) -> Result<Option<Object>, StoreError>;

    /// Writes an object and gives its ETag.
    async fn put(
        &self,
        key: &str,
        body: Body,
        condition: Condition,
        retention: Retention,
    ) -> Result<String, StoreError>;

    /// Removes an object, if the condition holds; one that is not there is no error.
    async fn delete(&self, key: &str, condition: Condition) -> Result<(), StoreError>;

    /// All objects whose names begin with `prefix`, in the order of their names.
    async fn list(&self, prefix: &str) -> Result<Vec<Listed>, StoreError>;

    /// The distinct next path parts after `prefix` (which ends in `/`), in order: the folders and objects
    /// directly below it.
    async fn list_names(&self, prefix: &str) -> Result<Vec<String>, StoreError>;

    /// Marks an object that was kept as no longer needed: lifecycle rules may remove it.
    async fn retire(&self, key: &str) -> Result<(), StoreError>;
}

/// Documents larger than this are not ours.
const MAX_DOCUMENT: u64 = 8 * 1024 * 1024;

/// Small documents over [`Objects`].
#[async_trait]
pub trait ObjectsExt: Objects {
    /// Reads a small object whole, with its ETag.
    async fn read(&self, key: &str) -> Result<Option<(Vec<u8>, String)>, StoreError> {
        let Some(object) = self.get(key).await? else {
            return Ok(None);
        };
        if object.bytes > MAX_DOCUMENT {
            return Err(StoreError::Corrupt {
                key: key.to_owned(),
                reason: format!("{} bytes are too many for a document", object.bytes),
            });
        }
        let mut bytes = Vec::with_capacity(object.bytes as usize);
        object
            .body
            .take(MAX_DOCUMENT)
            .read_to_end(&mut bytes)
            .await
            .map_err(|e| StoreError::unavailable(format!("reading {key}"), e))?;
        Ok(Some((bytes, object.etag)))
    }

    /// Reads a JSON document, with its ETag.
    async fn read_json<T: DeserializeOwned>(
        &self,
        key: &str,
    ) -> Result<Option<(T, String)>, StoreError> {
        let Some((bytes, etag)) = self.read(key).await? else {
            return Ok(None);
        };
        let value = serde_json::from_slice(&bytes).map_err(|e| StoreError::Corrupt {
            key: key.to_owned(),
            reason: e.to_string(),
        })?;
        Ok(Some((value, etag)))
    }

    /// Writes a JSON document.
    async fn write_json<T: Serialize + Sync>(
        &self,
        key: &str,
        value: &T,
        condition: Condition,
        retention: Retention,
    ) -> Result<String, StoreError> {
        let mut bytes = serde_json::to_vec_pretty(value).map_err(|e| StoreError::Corrupt {
            key: key.to_owned(),
            reason: e.to_string(),
        })?;
        bytes.push(b'\n');
        self.put(key, bytes.into(), condition, retention).await
    }
}

impl<T: Objects + ?Sized> ObjectsExt for T {}

/// Whether `key` is a name that every implementation can hold.
pub fn check_name(key: &str) -> Result<(), StoreError> {
    let fine = !key.is_empty()
        && key.len() <= 1_024
        && key
            .split('/')
            .all(|part| !part.is_empty() && part != "." && part != ".." && !part.contains('\\'));
    if fine {
        return Ok(());
    }
    Err(StoreError::refused(
        format!("the object name {key:?}"),
        "it is empty, too long, or holds an empty, `.` or `..` part",
    ))
}
