//! Where things are: directories on one machine, or a deployment's name.

use std::path::PathBuf;

use clap::Args;

/// Where documents of the registry are.
#[derive(Debug, Clone, Args)]
pub struct SourceArgs {
    /// One machine: the directory that holds `mls/` and `clients/`.
    #[arg(
        long,
        value_name = "DIR",
        env = "LIVELIST_REGISTRY",
        required_unless_present = "stack",
        conflicts_with = "stack"
    )]
    pub registry: Option<PathBuf>,
    /// AWS: the deployment's name.
    #[arg(long, value_name = "NAME", env = "LIVELIST_STACK")]
    pub stack: Option<String>,
}

/// Where data is.
#[derive(Debug, Clone, Args)]
pub struct DataArgs {
    /// The directory with snapshots and runs.
    #[arg(long, value_name = "DIR", env = "LIVELIST_DATA")]
    pub data: PathBuf,
}

/// Where Livelist runs.
#[derive(Debug, Clone, Args)]
pub struct PlaceArgs {
    /// One machine: the directory with snapshots and runs.
    #[arg(
        long,
        value_name = "DIR",
        env = "LIVELIST_DATA",
        required_unless_present = "stack",
        conflicts_with = "stack"
    )]
    pub data: Option<PathBuf>,
    /// One machine: the directory that holds `mls/` and `clients/`.
    #[arg(
        long,
        value_name = "DIR",
        env = "LIVELIST_REGISTRY",
        conflicts_with = "stack"
    )]
    pub registry: Option<PathBuf>,
    /// AWS: the deployment's name. Region and credentials are those of AWS's variables or profile.
    #[arg(long, value_name = "NAME", env = "LIVELIST_STACK")]
    pub stack: Option<String>,
}

/// Where the registry is.
#[derive(Debug, Clone, Args)]
pub struct RegistryArgs {
    /// The directory that holds `mls/` and `clients/`.
    #[arg(long, value_name = "DIR", env = "LIVELIST_REGISTRY")]
    pub registry: PathBuf,
}
