//! An open log: its head as it was read, and its operations.

use livelist_model::layout;
use livelist_model::{ReplicationId, ResourceName};
use livelist_records::{Entry, Place, Schema};
use livelist_store::{Condition, Objects, ObjectsExt, Retention, StoreError};

use crate::error::LogError;
use crate::head::{Head, Segment};
use crate::piece::PIECE_BYTES;
use crate::read::{Changes, Span};
use crate::{compact, lookup};

/// The log of one replication. One process writes it at a time; a second writer gets [`LogError::Moved`].
pub struct Log<'a> {
    pub(crate) objects: &'a dyn Objects,
    pub(crate) replication: ReplicationId,
    pub(crate) head: Head,
    etag: Option<String>,
    /// A schema was noted that the stored head does not name yet.
    is_noted: bool,
    /// Bytes of a piece, uncompressed.
    pub(crate) room: usize,
}

impl<'a> Log<'a> {
    /// Opens the log of a replication; one that is not there begins with its first write, as this
    /// generation.
    ///
    /// # Errors
    /// Its head cannot be read, or is of a later version.
    pub async fn open(
        objects: &'a dyn Objects,
        replication: &ReplicationId,
        generation: &str,
        now: jiff::Timestamp,
    ) -> Result<Log<'a>, LogError> {
        let name = layout::log_head(replication);
        let read = objects.read_json::<Head>(&name).await?;
        let (head, etag) = match read {
            Some((head, _)) if head.schema != Head::SCHEMA => {
                let reason = format!("it has the form {}", head.schema);
                return Err(LogError::corrupt(&name, reason));
            }
            Some((head, etag)) => (head, Some(etag)),
            None => {
                let head = Head {
                    schema: Head::SCHEMA,
                    generation: generation.to_owned(),
                    next: 1,
                    segments: Vec::new(),
                    cursors: Default::default(),
                    schemas: Default::default(),
                    live: Default::default(),
                    moved_at: now,
                };
                (head, None)
            }
        };
        Ok(Log {
            objects,
            replication: replication.clone(),
            head,
            etag,
            is_noted: false,
            room: PIECE_BYTES,
        })
    }

    /// The same log, with new pieces of at least this many uncompressed bytes (except a segment's last).
    #[must_use]
    pub fn in_pieces_of(self, bytes: usize) -> Self {
        Log {
            room: bytes,
            ..self
        }
    }

    /// Its head.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Whether anything was ever written to it.
    pub fn is_there(&self) -> bool {
        self.etag.is_some()
    }

    pub(crate) fn has_new_schema(&self) -> bool {
        self.is_noted
    }

    /// The cursor of a resource's source.
    ///
    /// # Errors
    /// The cursor has another version.
    pub fn cursor<T: serde::de::DeserializeOwned>(
        &self,
        resource: &str,
    ) -> Result<Option<T>, LogError> {
        let cursor = self.head.cursors.get(resource).cloned();
        let cursor = cursor.map(serde_json::from_value).transpose();
        cursor.map_err(|e| LogError::corrupt(&layout::log_head(&self.replication), e))
    }

    /// The changes in a range of numbers.
    ///
    /// # Errors
    /// A piece cannot be read.
    pub async fn changes(&self, span: Span) -> Result<Changes<'a>, LogError> {
        Changes::open(self.objects, &self.head.segments, span, false).await
    }

    /// The same without the records.
    ///
    /// # Errors
    /// A piece cannot be read.
    pub async fn entries(&self, span: Span) -> Result<Changes<'a>, LogError> {
        Changes::open(self.objects, &self.head.segments, span, true).await
    }

    /// All that is newest at this moment.
    pub fn whole(&self) -> Span {
        Span {
            above: 0,
            to: self.head.newest(),
            behind: None,
        }
    }

    /// The newest entry of one record.
    ///
    /// # Errors
    /// A piece cannot be read.
    pub async fn entry(&self, place: &Place) -> Result<Option<Entry>, LogError> {
        let places = std::slice::from_ref(place);
        let mut found = lookup::lookup(self.objects, &self.head.segments, places, true).await?;
        Ok(found.remove(place))
    }

    /// The schema that the log's records of a resource have.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn schema(&self, resource: &str) -> Result<Option<Schema>, LogError> {
        let Some(print) = self.head.schemas.get(resource) else {
            return Ok(None);
        };
        let name = layout::log_schema(&self.replication, resource, print);
        let read = self.objects.read_json::<Schema>(&name).await?;
        Ok(read.map(|(schema, _)| schema))
    }

    /// Stores the metadata of a resource, unless it is stored already. Returns whether it is new. The head
    /// names it with its next write.
    ///
    /// # Errors
    /// It cannot be written.
    pub async fn note_schema(
        &mut self,
        resource: &ResourceName,
        schema: &Schema,
    ) -> Result<bool, LogError> {
        let print = schema.print();
        let known = self.head.schemas.get(resource.as_str());
        if known == Some(&print) {
            return Ok(false);
        }
        let name = layout::log_schema(&self.replication, resource.as_str(), &print);
        self.objects
            .write_json(&name, schema, Condition::Always, Retention::Keep)
            .await?;
        self.head.schemas.insert(resource.to_string(), print);
        self.is_noted = true;
        Ok(true)
    }

    /// Writes a head in place of the one that was read.
    pub(crate) async fn advance(&mut self, head: Head) -> Result<(), LogError> {
        let name = layout::log_head(&self.replication);
        let condition = match &self.etag {
            Some(etag) => Condition::Unchanged(etag.clone()),
            None => Condition::Absent,
        };
        let written = self
            .objects
            .write_json(&name, &head, condition, Retention::Keep);
        match written.await {
            Ok(etag) => {
                self.etag = Some(etag);
                self.head = head;
                self.is_noted = false;
                Ok(())
            }
            Err(StoreError::ConditionFailed { .. }) => {
                Err(LogError::Moved(self.replication.to_string()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Merges segments if it is due. Returns whether any were merged.
    ///
    /// # Errors
    /// A piece cannot be read or written, or another process has written to the log.
    pub async fn compact(&mut self, now: jiff::Timestamp) -> Result<bool, LogError> {
        let sizes: Vec<u64> = self.head.segments.iter().map(Segment::bytes).collect();
        let Some(first) = compact::due(&sizes) else {
            return Ok(false);
        };
        let merged = compact::merge(
            self.objects,
            &self.replication,
            &self.head.segments[first..],
            self.room,
        );
        let merged = merged.await?;
        let mut head = self.head.clone();
        let former = head.segments.split_off(first);
        head.segments.push(merged);
        head.moved_at = now;
        let kept: Vec<String> = names(&head.segments).collect();
        self.advance(head).await?;
        for name in names(&former).filter(|name| !kept.contains(name)) {
            // Current readers can continue: the segments are deleted days later.
            if let Err(error) = self.objects.retire(&name).await {
                tracing::warn!(object = name, %error, "a former piece of a log could not be retired");
            }
        }
        Ok(true)
    }
}

fn names(segments: &[Segment]) -> impl Iterator<Item = String> {
    let pieces = segments.iter().flat_map(|segment| &segment.pieces);
    pieces.flat_map(|piece| [piece.name.clone(), layout::log_index(&piece.name)])
}
