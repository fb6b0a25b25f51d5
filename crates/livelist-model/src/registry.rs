//! The registry: which MLSs there are, which clients, and which pairs of them are reconciled.
//! JSON documents, one a file: `mls/{mls}.json` and `clients/{client}.json`. Unknown fields are
//! errors, so that a misspelt guard is not silently a missing one.

mod check;
mod client;
mod credential;
mod mls;
mod provider;

pub use check::{Finding, Registry, RegistryBuilder, parse_client, parse_mls, schema};
pub use client::{ApiKey, Client, Pair};
pub use credential::{CredentialRef, CredentialRefError};
pub use mls::{AuthKind, Mls, Schedule};
pub use provider::Provider;
