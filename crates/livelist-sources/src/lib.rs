//! Sources: what fills a log. A source has a typed cursor, which is part of the log's head; it is pulled,
//! and never runs by itself. Pure: the steps do the asking.
//!
//! Depends on the records, the log's types and the client. Never on a store, AWS, the environment or the
//! clock.

pub mod poll;
