//! The registry: which MLSs there are, which clients, and which pairs of them are reconciled.
//! JSON documents, one a file: `mls/{mls}.json`, `clients/{client}.json`,
//! `replications/{replication}.json`, `destinations/{destination}.json`, `admins.json`, and `alerts.json`. Unknown fields are
//! errors, so that a misspelt guard is not silently a missing one.

mod admin;
mod alerts;
mod check;
mod client;
mod credential;
mod limit;
mod mls;
mod provider;
mod replication;
mod rewrite;
mod schedule;
mod sync;

pub use admin::{ADMINS_FILE, AdminKey, Admins, is_admin_id};
pub use alerts::{ALERTS_FILE, AlertsDocument, Email, MailTls};
pub use check::{
    Finding, Registry, RegistryBuilder, parse_admins, parse_alerts, parse_client,
    parse_destination, parse_mls, parse_replication, schema,
};
pub use client::{ApiKey, Client, Notify, Pair};
pub use credential::{CredentialRef, CredentialRefError};
pub use limit::{LONGEST_WINDOW, Limit, Measure};
pub use mls::{AuthKind, Confirmation, Counting, Mls};
pub use provider::{AnyProvider, Provider, ProviderError, Providers};
pub use replication::{
    ColumnsWanted, DestinationDocument, DestinationKind, Expand, Full, NameStyle, RemovedRows,
    ReplicatedResource, Replication,
};
pub use rewrite::with_keys;
pub use schedule::{Cron, Days, Planner, Schedule, ScheduleProblem};
pub use sync::Sync;
