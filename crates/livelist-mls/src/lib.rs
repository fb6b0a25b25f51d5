//! Simulated MLSs, over real HTTP or in process: every dialect's authentication, paging, limits, quirks and
//! faults over one seeded book of listings. Depends on no other crate of the workspace, so that it can
//! contradict the client.

mod answer;
mod book;
pub mod clock;
pub mod control;
mod dialect;
pub mod fault;
mod filter;
mod incoming;
mod limits;
pub mod log;
mod mls;
mod odd;
mod page;
mod query;
mod record;
pub mod server;
pub mod spec;
mod tokens;
mod town;

pub use answer::{BodyPieces, Delivery, Ending};
pub use book::Change;
pub use control::Control;
pub use fault::{Fault, FaultRule, Odd, OddCount, On, RetryAfter};
pub use incoming::RequestKind;
pub use log::LoggedRequest;
pub use server::Simulator;
pub use spec::{
    Auth, Contrary, Credential, Empty, Envelope, KeyType, Lookups, MlsSpec, NextIn, Options,
    Paging, PhotosMove, Provider, Question, Records, RefreshReuse, Refused, Shown, SpecError,
    Stamps, Ties, TokenReuse, Told,
};
pub use town::{Endpoint, Town};
