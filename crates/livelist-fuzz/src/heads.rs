//! The head of a feed, and the document of a result that waits.

use livelist_model::head::{Head, Held};

use crate::progress::comes_back;

/// A head comes back as it was; a part of one is an error.
pub fn head(bytes: &[u8]) {
    comes_back::<Head>(bytes);
    comes_back::<Held>(bytes);
}
