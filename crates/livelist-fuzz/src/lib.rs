//! Properties of every parser of external input: one function per format, which panics when its property is
//! broken. The fuzz targets in `fuzz/` and the tests in `tests/` call the same functions.
//!
//! May depend on every crate with a parser; nothing depends on it. Parsers are compared with others that
//! share no code with them: `url`, `serde_json::Value`, and a second grammar of RFC 8259 in [`mod@json`].
//! once more in [`mod@json`].
#![expect(
    clippy::panic,
    clippy::expect_used,
    reason = "a panic is how a broken property is told"
)]

pub mod damage;
pub mod json;

mod deltas;
mod heads;
mod links;
mod lists;
mod pages;
mod progress;
mod refusals;
mod registry;
mod tokens;

pub use deltas::delta;
pub use heads::head;
pub use links::{link, link_header};
pub use lists::list;
pub use pages::{encoded_page, page};
pub use progress::progress;
pub use refusals::refusal;
pub use registry::registry;
pub use tokens::token;

/// Panics when a property of the bytes is broken.
pub type Property = fn(&[u8]);

/// Every property by its name, which is that of its fuzz target and of its corpus.
pub const PROPERTIES: [(&str, Property); 11] = [
    ("delta", delta),
    ("encoded_page", encoded_page),
    ("head", head),
    ("link", link),
    ("link_header", link_header),
    ("list", list),
    ("page", page),
    ("progress", progress),
    ("refusal", refusal),
    ("registry", registry),
    ("token", token),
];
