//! Notices to the sites, carried out: signed webhooks (Standard Webhooks), sent to public addresses
//! only, and a record of what became of each. What is decided (who is told, what the body says, when
//! the next attempt is, which addresses are public) is in `livelist_model::notice`.
//!
//! Depends on the model, the ports, hyper and rustls. Never on AWS, the environment or the wall
//! clock; waiting over a day is the queue's, or the next command's on one machine.

mod notifier;
mod queue;
mod registry;
mod resolve;
mod rounds;
mod sender;
mod sign;

pub use notifier::Notifier;
pub use queue::Handled;
pub use resolve::{Resolver, SystemResolver};
pub use rounds::Round;
pub use sender::{PostError, Rules, Sender};
pub use sign::{SecretForm, Signed, SigningKeys};
