//! Pieces: gzip text, one change per line, which can be read with `zcat` and `jq`.

use std::io::{BufRead, BufReader, Read, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use livelist_model::ReplicationId;
use livelist_model::layout;
use livelist_records::{Change, Place};
use livelist_store::{Condition, Objects, Retention, StoreError};
use sha2::{Digest, Sha256};
use tokio::io::AsyncReadExt;

use crate::error::LogError;
use crate::head::Piece;

/// A piece ends when its records take this many bytes, uncompressed. A record has a few kilobytes.
pub(crate) const PIECE_BYTES: usize = 16 * 1024 * 1024;
/// The limit of a piece's compressed bytes: it may have one extra record of 16 MB.
const MAX_BYTES: u64 = 64 * 1024 * 1024;
/// Pieces are read a few times and written often. Level 1 takes a third of the time of level 6.
const LEVEL: u32 = 1;

/// Writes one segment's pieces, in the order of the places.
pub(crate) struct Pieces<'a> {
    objects: &'a dyn Objects,
    replication: &'a ReplicationId,
    numbers: (u64, u64),
    room: usize,
    open: Option<Open>,
    done: Vec<Piece>,
    line: Vec<u8>,
}

struct Open {
    data: GzEncoder<Vec<u8>>,
    index: GzEncoder<Vec<u8>>,
    raw: usize,
    first: Place,
    last: Place,
    changes: u64,
}

impl<'a> Pieces<'a> {
    /// Of the segment with the numbers `from` to `to`; a piece ends when it has `room` bytes, uncompressed.
    pub(crate) fn new(
        objects: &'a dyn Objects,
        replication: &'a ReplicationId,
        from: u64,
        to: u64,
        room: usize,
    ) -> Pieces<'a> {
        Pieces {
            objects,
            replication,
            numbers: (from, to),
            room,
            open: None,
            done: Vec::new(),
            line: Vec::new(),
        }
    }

    /// Adds a change; its place is after that of the one before.
    pub(crate) async fn push(&mut self, change: &Change) -> Result<(), LogError> {
        self.line.clear();
        let failed = |e: &dyn ToString| LogError::corrupt("a new piece", e.to_string());
        change
            .write(false, &mut self.line)
            .map_err(|e| failed(&e))?;
        let open = self.open.get_or_insert_with(|| Open {
            data: GzEncoder::new(Vec::new(), Compression::new(LEVEL)),
            index: GzEncoder::new(Vec::new(), Compression::new(LEVEL)),
            raw: 0,
            first: change.place.clone(),
            last: change.place.clone(),
            changes: 0,
        });
        open.data.write_all(&self.line).map_err(|e| failed(&e))?;
        open.raw += self.line.len();
        self.line.clear();
        change.write(true, &mut self.line).map_err(|e| failed(&e))?;
        open.index.write_all(&self.line).map_err(|e| failed(&e))?;
        open.changes += 1;
        open.last.clone_from(&change.place);
        if open.raw >= self.room {
            self.close().await?;
        }
        Ok(())
    }

    async fn close(&mut self) -> Result<(), LogError> {
        let Some(open) = self.open.take() else {
            return Ok(());
        };
        let failed = |e: std::io::Error| LogError::corrupt("a new piece", e);
        let data = open.data.finish().map_err(failed)?;
        let index = open.index.finish().map_err(failed)?;
        let digest = hex::encode(Sha256::digest(&data));
        let (from, to) = self.numbers;
        let name = layout::log_piece(self.replication, from, to, &digest);
        let bytes = data.len() as u64;
        // The index first: a piece that is there has its index.
        self.put(&layout::log_index(&name), index).await?;
        self.put(&name, data).await?;
        self.done.push(Piece {
            name,
            first: open.first,
            last: open.last,
            changes: open.changes,
            bytes,
        });
        Ok(())
    }

    /// Writes an object that an earlier task may have written as well: its name has the content's digest.
    async fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), StoreError> {
        let put = self.objects;
        put.put(name, bytes.into(), Condition::Always, Retention::Keep)
            .await?;
        Ok(())
    }

    /// The pieces, all of which are stored.
    pub(crate) async fn finish(mut self) -> Result<Vec<Piece>, LogError> {
        self.close().await?;
        Ok(self.done)
    }
}

/// The changes of one piece, in order.
pub(crate) struct Lines {
    name: String,
    lines: BufReader<MultiGzDecoder<std::io::Cursor<Bytes>>>,
    line: String,
}

impl Lines {
    /// Opens a piece, or its index.
    pub(crate) async fn open(
        objects: &dyn Objects,
        piece: &Piece,
        is_index: bool,
    ) -> Result<Lines, LogError> {
        let name = match is_index {
            true => layout::log_index(&piece.name),
            false => piece.name.clone(),
        };
        let object = objects.get(&name).await?;
        let Some(object) = object else {
            return Err(StoreError::Missing { key: name }.into());
        };
        if object.bytes > MAX_BYTES {
            return Err(LogError::corrupt(&name, "it is too long for a piece"));
        }
        let mut bytes = Vec::with_capacity(object.bytes as usize);
        let read = object.body.take(MAX_BYTES).read_to_end(&mut bytes).await;
        read.map_err(|e| StoreError::unavailable(format!("reading {name}"), e))?;
        let decoder = MultiGzDecoder::new(std::io::Cursor::new(Bytes::from(bytes)));
        Ok(Lines {
            name,
            lines: BufReader::with_capacity(64 * 1024, decoder),
            line: String::new(),
        })
    }

    /// The next change.
    pub(crate) fn next(&mut self) -> Result<Option<Change>, LogError> {
        self.line.clear();
        let mut limited = (&mut self.lines).take(MAX_LINE);
        let read = limited.read_line(&mut self.line);
        if read.map_err(|e| LogError::corrupt(&self.name, e))? == 0 {
            return Ok(None);
        }
        let change = Change::read(&self.line).map_err(|e| LogError::corrupt(&self.name, e))?;
        Ok(Some(change))
    }
}

/// A record of 16 MB, and the other members of its line.
const MAX_LINE: u64 = 17 * 1024 * 1024;
