//! Commands about records.

use clap::Args;
use livelist_model::{DestinationId, MlsId, ReplicationId, ResourceName};

use super::{DataArgs, RegistryArgs};

/// Arguments of `livelist replicate`.
#[derive(Debug, Args)]
pub struct ReplicateArgs {
    /// Where the registry is.
    #[command(flatten)]
    pub registry: RegistryArgs,
    /// Where data goes.
    #[command(flatten)]
    pub data: DataArgs,
    /// Only this replication.
    #[arg(long, value_name = "NAME")]
    pub replication: Option<ReplicationId>,
    /// Prints one JSON object for each resource and destination.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `livelist prove`.
#[derive(Debug, Args)]
pub struct ProveArgs {
    /// Only this destination.
    pub destination: Option<DestinationId>,
    /// Where the registry is.
    #[command(flatten)]
    pub registry: RegistryArgs,
    /// Where the data is.
    #[command(flatten)]
    pub data: DataArgs,
    /// Prints one JSON object for each replication and destination.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `livelist record`.
#[derive(Debug, Args)]
pub struct RecordArgs {
    /// The MLS.
    pub mls: MlsId,
    /// The resource, e.g. `Property`.
    pub resource: ResourceName,
    /// The record's key.
    pub key: String,
    /// Where the registry is.
    #[command(flatten)]
    pub registry: RegistryArgs,
    /// Where the data is.
    #[command(flatten)]
    pub data: DataArgs,
}
