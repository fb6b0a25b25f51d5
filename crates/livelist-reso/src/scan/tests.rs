//! Scans of odd servers that share no code with the client: what each does, and how a scan has to handle
//! it.

mod alone;
mod ends;
mod form;
mod orders;
mod tokens;
