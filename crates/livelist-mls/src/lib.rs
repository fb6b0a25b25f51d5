//! Simulated MLSs over real HTTP: every dialect's authentication, paging, limits, quirks and
//! faults over one seeded book of listings. Depends on no other crate of the workspace, so that
//! it can contradict the client.

mod book;
pub mod control;
pub mod fault;
mod filter;
pub mod log;
pub mod server;
pub mod spec;

pub use control::Control;
pub use fault::{Fault, FaultRule, On, RetryAfter};
pub use log::{LoggedRequest, RequestKind};
pub use server::Simulator;
pub use spec::{
    Auth, Credential, MlsSpec, NextIn, Options, Paging, Provider, SpecError, TokenReuse,
};
