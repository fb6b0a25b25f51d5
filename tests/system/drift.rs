//! Compares state machine, template, events and code, so that they cannot drift apart unnoticed. Needs no
//! network.

mod documents;
mod machine;
mod scale;
mod syncs;
mod template;
