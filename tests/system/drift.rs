//! What ties state machine, template, events and code together, so that none drifts from the others
//! unseen. Needs no network.

mod documents;
mod machine;
mod scale;
mod template;
