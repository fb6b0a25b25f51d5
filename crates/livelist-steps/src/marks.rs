//! Stores `marks.json`: where the pages of a feed's last scan began, so that the next scan can
//! prefetch. No proof depends on it: if marks cannot be read or written, that only costs time.

use livelist_model::FeedId;
use livelist_model::layout;
use livelist_reso::scan::Cursor;
use livelist_store::{Condition, Objects, ObjectsExt, Retention};
use serde::{Deserialize, Serialize};

/// The form that this version writes and reads.
const SCHEMA: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
struct Document {
    schema: u32,
    marks: Vec<Cursor>,
}

/// The marks of the last scan; empty if they cannot be read or parsed.
pub(crate) async fn read(objects: &dyn Objects, feed: &FeedId) -> Vec<Cursor> {
    match objects.read_json::<Document>(&layout::marks(feed)).await {
        Ok(Some((document, _))) if document.schema == SCHEMA => document.marks,
        Ok(_) => Vec::new(),
        Err(error) => {
            tracing::warn!(%feed, %error, "the marks of the last scan cannot be read; no pages are prefetched");
            Vec::new()
        }
    }
}

/// Stores the marks of a scan.
pub(crate) async fn note(objects: &dyn Objects, feed: &FeedId, marks: &[Cursor]) {
    let document = Document {
        schema: SCHEMA,
        marks: marks.to_vec(),
    };
    let written = objects
        .write_json(
            &layout::marks(feed),
            &document,
            Condition::Always,
            Retention::Keep,
        )
        .await;
    if let Err(error) = written {
        tracing::warn!(%feed, %error, "the marks of the scan could not be stored");
    }
}
