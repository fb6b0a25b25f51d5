//! The RESO Web API client: asks a provider for live keys, and proves that the answer is complete. It has
//! transport, authentication, retry and throttling, paging as a fold over a typed continuation, and one
//! file per provider under [`dialect`].
//!
//! Depends on the model, HTTP and crypto libraries. Never on a store, AWS, the environment or the wall
//! clock: time and randomness are passed in.

pub mod admission;
mod ahead;
pub mod allow;
pub mod catalog;
pub mod client;
pub mod confirm;
pub mod count;
pub mod dialect;
pub mod error;
pub mod fetch;
mod filter;
pub mod forms;
pub mod heard;
pub mod http_transport;
pub mod late;
pub mod link_header;
pub mod loops;
pub mod page;
pub mod policy;
pub mod probe;
pub mod query;
pub mod records;
pub mod scan;
pub mod secret;
pub mod session;
pub mod stamp;
#[cfg(test)]
mod strange;
pub mod time;
pub mod token;
pub mod transport;

pub use admission::Admission;
pub use catalog::Dialects;
pub use client::Client;
pub use error::ClientError;
pub use http_transport::HttpTransport;
pub use scan::{ScanState, Step};
pub use session::Session;
pub use transport::{BodyStream, Transport, TransportError};
