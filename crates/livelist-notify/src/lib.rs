//! Sends what is told: signed webhooks to sites and to operators (Standard Webhooks), only to public addresses,
//! e-mails to operators through a port, and a record of each delivery. The decisions (which clients, the body, the next attempt, which addresses are
//! public) are in `livelist_model::notice`.
//!
//! Depends on the model, the ports, hyper and rustls. Never on AWS, the environment or the wall clock. Long
//! waits are left to the queue, or to the next command on one machine.

mod alerts;
mod mail;
mod notifier;
mod queue;
mod registry;
mod resolve;
mod rounds;
mod sender;
mod sign;

pub use alerts::channels;
pub use mail::{Mail, MailError, Mailer};
pub use notifier::Notifier;
pub use queue::Handled;
pub use resolve::{Resolver, SystemResolver};
pub use rounds::Round;
pub use sender::{PostError, Rules, Sender};
pub use sign::{SecretForm, Signed, SigningKeys};
