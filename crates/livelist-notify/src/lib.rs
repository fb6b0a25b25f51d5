//! Sends notices to the sites: signed webhooks (Standard Webhooks), sent only to public addresses, and a
//! record of each delivery. The decisions (which clients, the body, the next attempt, which addresses are
//! public) are in `livelist_model::notice`.
//!
//! Depends on the model, the ports, hyper and rustls. Never on AWS, the environment or the wall clock. Long
//! waits are left to the queue, or to the next command on one machine.

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
