//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use livelist_model::{ClientId, FeedId, MlsId, ResourceName, RunId};

/// Finds out which real-estate listings are still live, proves it, and tells every copy.
#[derive(Debug, Parser)]
#[command(name = "livelist", version, about)]
pub struct Cli {
    /// What to log to standard error, e.g. `info` or `livelist_reso=debug`.
    #[arg(long, global = true, env = "LIVELIST_LOG", default_value = "warn")]
    pub log: String,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Looks after registry documents.
    #[command(subcommand)]
    Registry(RegistryCommand),
    /// Lists the providers: how each is asked, and what it allows.
    Providers(ProvidersArgs),
    /// Takes a first look at an MLS: few requests, and what works and what to change.
    Probe(ProbeArgs),
    /// Reconciles all pairs that are due, in this process, on a directory.
    Reconcile(ReconcileArgs),
    /// Prints the live keys of a feed, one a line.
    Live(FeedArgs),
    /// Lists runs, newest first.
    Runs(RunsArgs),
    /// Tells what happened in a run, and why.
    Show(ShowArgs),
    /// Publishes the result of a held run.
    Approve(ApproveArgs),
    /// Refuses the result of a held run.
    Reject(RunArgs),
    /// Looks after the site keys of clients, and the keys of operators.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Lists what the sites were told of, and what came of it.
    Notices(NoticesArgs),
    /// Serves the HTTP API from a directory.
    Serve(ServeArgs),
    /// Prints the description of the HTTP API (OpenAPI 3.1).
    Openapi,
}

/// What to do with registry documents.
#[derive(Debug, Subcommand)]
pub enum RegistryCommand {
    /// Checks all documents below a directory: file, field and remedy of what is wrong.
    Check {
        /// The directory that holds `mls/` and `clients/`.
        dir: PathBuf,
        /// Findings as JSON, one a line.
        #[arg(long)]
        json: bool,
    },
    /// Prints the JSON Schema of `mls`, `client` or `admins` documents.
    Schema {
        /// Which.
        #[arg(value_parser = ["mls", "client", "admins"])]
        kind: String,
    },
}

/// Arguments of `providers`.
#[derive(Debug, Args)]
pub struct ProvidersArgs {
    /// One JSON object a provider.
    #[arg(long, conflicts_with = "markdown")]
    pub json: bool,
    /// The table of docs/dialects.md.
    #[arg(long, hide = true)]
    pub markdown: bool,
}

/// Arguments of `probe`.
#[derive(Debug, Args)]
pub struct ProbeArgs {
    /// The MLS.
    pub mls: MlsId,
    /// The registry.
    #[command(flatten)]
    pub registry: RegistryArgs,
    /// The RESO resource.
    #[arg(long, default_value = "Property")]
    pub resource: ResourceName,
    /// The OData filter of the pair that is going to read it.
    #[arg(long)]
    pub filter: Option<String>,
    /// A listing's key to ask about besides.
    #[arg(long)]
    pub key: Option<String>,
    /// One JSON object with all checks.
    #[arg(long)]
    pub json: bool,
}

/// Where data is.
#[derive(Debug, Clone, Args)]
pub struct DataArgs {
    /// The directory with snapshots and runs.
    #[arg(long, value_name = "DIR", env = "LIVELIST_DATA")]
    pub data: PathBuf,
}

/// Where the registry is.
#[derive(Debug, Clone, Args)]
pub struct RegistryArgs {
    /// The directory that holds `mls/` and `clients/`.
    #[arg(long, value_name = "DIR", env = "LIVELIST_REGISTRY")]
    pub registry: PathBuf,
}

/// Arguments of `reconcile`.
#[derive(Debug, Args)]
pub struct ReconcileArgs {
    /// The registry.
    #[command(flatten)]
    pub registry: RegistryArgs,
    /// The data.
    #[command(flatten)]
    pub data: DataArgs,
    /// Only this MLS.
    #[arg(long)]
    pub mls: Option<MlsId>,
    /// Only this client.
    #[arg(long)]
    pub client: Option<ClientId>,
    /// The day (UTC), e.g. 2026-11-21; today when left out.
    #[arg(long)]
    pub date: Option<jiff::civil::Date>,
    /// One JSON object a run instead of a table.
    #[arg(long)]
    pub json: bool,
    /// At most so many feeds at once; feeds of one credential follow each other in any case.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: u16,
    /// How notices are sent.
    #[command(flatten)]
    pub notify: NotifyArgs,
    /// Scratch objects and old snapshots older than this are removed.
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    pub retention_days: u16,
}

/// Arguments of `live`.
#[derive(Debug, Args)]
pub struct FeedArgs {
    /// The feed.
    pub feed: FeedId,
    /// The data.
    #[command(flatten)]
    pub data: DataArgs,
}

/// Arguments of `runs`.
#[derive(Debug, Args)]
pub struct RunsArgs {
    /// The data.
    #[command(flatten)]
    pub data: DataArgs,
    /// Only this feed.
    #[arg(long)]
    pub feed: Option<FeedId>,
    /// At most so many.
    #[arg(long, default_value_t = 50)]
    pub most: usize,
    /// One JSON object a run.
    #[arg(long)]
    pub json: bool,
}

/// A run.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The run, e.g. `2026-11-21-abor-property-1f0c9a2b`.
    pub run: RunId,
    /// The data.
    #[command(flatten)]
    pub data: DataArgs,
}

/// Arguments of `show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Which run.
    #[command(flatten)]
    pub run: RunArgs,
    /// The whole record as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `approve`.
#[derive(Debug, Args)]
pub struct ApproveArgs {
    /// Which run.
    #[command(flatten)]
    pub run: RunArgs,
}

/// How notices are sent.
#[derive(Debug, Clone, Copy, Args)]
pub struct NotifyArgs {
    /// Also sends notices to loopback addresses, over http as well: for tests.
    #[arg(
        long,
        hide = true,
        env = "LIVELIST_NOTIFY_LOOPBACK",
        value_parser = clap::builder::FalseyValueParser::new()
    )]
    pub notify_loopback: bool,
}

/// Arguments of `notices`.
#[derive(Debug, Args)]
pub struct NoticesArgs {
    /// The data.
    #[command(flatten)]
    pub data: DataArgs,
    /// Only this client.
    #[arg(long)]
    pub client: Option<ClientId>,
    /// Only this feed.
    #[arg(long)]
    pub feed: Option<FeedId>,
    /// One JSON object a notice.
    #[arg(long)]
    pub json: bool,
    /// Tries first what was not delivered yet; needs the registry.
    #[arg(long, requires = "registry")]
    pub retry: bool,
    /// The directory that holds `mls/` and `clients/`.
    #[arg(long, value_name = "DIR", env = "LIVELIST_REGISTRY")]
    pub registry: Option<PathBuf>,
    /// How notices are sent.
    #[command(flatten)]
    pub notify: NotifyArgs,
}

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// The registry.
    #[command(flatten)]
    pub registry: RegistryArgs,
    /// The data.
    #[command(flatten)]
    pub data: DataArgs,
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8787")]
    pub listen: SocketAddr,
    /// So many requests a minute are answered with one site key.
    #[arg(long, value_name = "REQUESTS", default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..))]
    pub rate: u32,
    /// How clients reach this server, for the links to lists; `http://{listen}` when left out.
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
}

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Makes a new key and shows it, once.
    Add {
        /// The client.
        #[arg(required_unless_present = "admin", conflicts_with = "admin")]
        client: Option<ClientId>,
        /// A key for the admin API and the dashboard instead, for the operator of this name.
        #[arg(long, value_name = "NAME")]
        admin: Option<String>,
        /// A name for people; the day when left out.
        #[arg(long, value_name = "NAME", conflicts_with = "admin")]
        id: Option<String>,
        /// The feeds that it opens, separated by commas; all of the client's when left out.
        #[arg(
            long,
            value_name = "FEEDS",
            value_delimiter = ',',
            conflicts_with = "admin"
        )]
        feeds: Vec<FeedId>,
        /// How long it is valid; for ever when left out.
        #[arg(long, value_name = "DAYS")]
        days: Option<u32>,
        /// The registry.
        #[command(flatten)]
        registry: RegistryArgs,
    },
    /// Lists keys: their names, ages and scopes.
    List {
        /// Only this client's.
        #[arg(conflicts_with = "admin")]
        client: Option<ClientId>,
        /// The operators' keys instead.
        #[arg(long)]
        admin: bool,
        /// One JSON object a key.
        #[arg(long)]
        json: bool,
        /// The registry.
        #[command(flatten)]
        registry: RegistryArgs,
    },
    /// Takes a key away: it is refused from the next request on.
    Revoke {
        /// The client.
        #[arg(required_unless_present = "admin", conflicts_with = "admin")]
        client: Option<ClientId>,
        /// The key's name.
        #[arg(required_unless_present = "admin", conflicts_with = "admin")]
        id: Option<String>,
        /// The keys of the operator of this name instead.
        #[arg(long, value_name = "NAME")]
        admin: Option<String>,
        /// The registry.
        #[command(flatten)]
        registry: RegistryArgs,
    },
    /// Makes a new key that opens what another one does, and lets that one end.
    Rotate {
        /// The client.
        #[arg(required_unless_present = "admin", conflicts_with = "admin")]
        client: Option<ClientId>,
        /// The name of the key that is to end.
        #[arg(required_unless_present = "admin", conflicts_with = "admin")]
        id: Option<String>,
        /// The key of the operator of this name instead.
        #[arg(long, value_name = "NAME")]
        admin: Option<String>,
        /// So long the former key is still good.
        #[arg(long, value_name = "DAYS", default_value_t = 7)]
        keep: u32,
        /// The registry.
        #[command(flatten)]
        registry: RegistryArgs,
    },
}
