//! Scans of servers that nobody here wrote: what is odd about each, and what a scan has to make of it.

mod alone;
mod ends;
mod form;
mod orders;
mod tokens;
