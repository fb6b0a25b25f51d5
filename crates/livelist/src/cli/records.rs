//! Commands about records.

use clap::{Args, Subcommand};
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
    /// Reads all records again; those that are as they were append nothing.
    #[arg(long, conflicts_with = "refetch")]
    pub full: bool,
    /// Reads the records again that match an OData filter, e.g. "City eq 'Austin'".
    #[arg(long, value_name = "FILTER")]
    pub refetch: Option<String>,
    /// With --full or --refetch: only those of this resource.
    #[arg(long, value_name = "NAME")]
    pub resource: Option<ResourceName>,
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

/// What to do with destinations.
#[derive(Debug, Subcommand)]
pub enum DestinationsCommand {
    /// Connects to each destination: its version, rights that are missing, limits, each with what to do.
    Check(DestinationsCheckArgs),
}

/// Arguments of `livelist destinations check`.
#[derive(Debug, Args)]
pub struct DestinationsCheckArgs {
    /// Where the registry is.
    #[command(flatten)]
    pub registry: RegistryArgs,
    /// Where the data is.
    #[command(flatten)]
    pub data: DataArgs,
    /// Prints one JSON object for each destination.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `livelist schema`.
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// The destination.
    pub destination: DestinationId,
    /// Where the registry is.
    #[command(flatten)]
    pub registry: RegistryArgs,
    /// Where the data is.
    #[command(flatten)]
    pub data: DataArgs,
    /// Prints one JSON object for each resource.
    #[arg(long)]
    pub json: bool,
}
