//! The ports of the steps, and their twins in memory and in a directory.
//!
//! A port is a small trait whose doc comment is its contract. Each has a twin that needs no AWS. `contract`
//! has the functions that every implementation has to pass, including those in `livelist-aws`. Depends on
//! the model, tokio and crypto for sealing; never on AWS.

pub mod absent;
pub mod admin_keys;
pub mod alerts;
pub mod change;
pub mod clock;
pub mod contract;
pub mod dead_letters;
pub mod deliveries;
pub mod directory;
pub mod error;
pub mod executions;
pub mod hooked;
pub mod keys;
pub mod leases;
pub mod links;
pub mod memory;
pub mod metrics;
pub mod notices;
pub mod objects;
pub mod outbox;
pub mod pauses;
pub mod queue;
pub mod registry;
pub mod sealer;
pub mod secrets;
pub mod site_keys;

pub use absent::Absent;
pub use clock::{Clock, Entropy, SystemClock, SystemEntropy};
pub use dead_letters::{DeadLetter, DeadLetters};
pub use error::StoreError;
pub use executions::{Executions, Start};
pub use leases::{Lease, LeaseState, Leases};
pub use links::{Link, Links};
pub use metrics::{Metrics, NoMetrics};
pub use notices::Notices;
pub use objects::{Body, Condition, Listed, Object, Objects, ObjectsExt, Retention};
pub use outbox::Outbox;
pub use queue::{Message, Queue, SendFailure};
pub use sealer::{SealError, Sealer};
pub use secrets::{SecretError, Secrets};
