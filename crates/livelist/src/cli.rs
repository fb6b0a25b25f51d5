//! The command line.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use livelist_model::{ClientId, FeedId, MlsId, ResourceName, RunId};

use crate::exit::{Code, Failed};

/// Finds out which real-estate listings are still live, proves it, and tells every copy.
#[derive(Debug, Parser)]
#[command(name = "livelist", version, about)]
pub struct Cli {
    /// What to log to standard error, e.g. `info` or `livelist_reso=debug`.
    #[arg(long, global = true, env = "LIVELIST_LOG", default_value = "warn")]
    pub log: String,
    /// What `serve` and `reconcile` log to DATA/logs.
    #[arg(
        long,
        global = true,
        env = "LIVELIST_LOG_FILES",
        default_value = "info"
    )]
    pub log_files: String,
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
    /// Tells how the feeds stand, the ones that need somebody first.
    Status(StatusArgs),
    /// Prints the live keys of a feed, one a line.
    Live(FeedArgs),
    /// Lists runs, newest first.
    Runs(RunsArgs),
    /// Tells what happened in a run, and why.
    Show(ShowArgs),
    /// Publishes the result of a held run.
    Approve(RunArgs),
    /// Refuses the result of a held run.
    Reject(RunArgs),
    /// Runs a feed again, with the registry as it is now.
    Rerun(RerunArgs),
    /// Tells what changed between two versions of a feed's list.
    Diff(DiffArgs),
    /// Tells where a listing went: in which versions it is, and what its removal rests on.
    Why(WhyArgs),
    /// Pauses an MLS or a client: no new runs, and the published lists stay.
    Pause(PauseArgs),
    /// Lets a paused MLS or client go on.
    Resume(ResumeArgs),
    /// Looks again at what was put aside, and sends it on its way where its cause is mended.
    Redrive(RedriveArgs),
    /// Looks after the site keys of clients, and the keys of operators.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Lists what the sites were told of, and what came of it.
    Notices(NoticesArgs),
    /// The whole system in one process: runs what is due, tells the sites, serves the HTTP API.
    Serve(ServeArgs),
    /// Prints what a run logged, in order.
    Logs(LogsArgs),
    /// Prints the description of the HTTP API (OpenAPI 3.1).
    Openapi,
    /// Prints the completions of a shell.
    Completions {
        /// Which.
        shell: clap_complete::Shell,
    },
    /// Writes the manual pages into a directory.
    Man {
        /// Where to.
        dir: PathBuf,
    },
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
    /// Where its document is.
    #[command(flatten)]
    pub source: SourceArgs,
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

/// Arguments of `status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Where Livelist runs.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Only this feed.
    pub feed: Option<FeedId>,
    /// Only feeds of this MLS.
    #[arg(long)]
    pub mls: Option<MlsId>,
    /// Only feeds of this client.
    #[arg(long)]
    pub client: Option<ClientId>,
    /// Only feeds that need somebody: failed, held, delayed.
    #[arg(long)]
    pub trouble: bool,
    /// Ends with 3 if a feed needs somebody.
    #[arg(long)]
    pub check: bool,
    /// One JSON object a feed.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `live`.
#[derive(Debug, Args)]
pub struct FeedArgs {
    /// The feed.
    pub feed: FeedId,
    /// Where Livelist runs.
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// Arguments of `runs`.
#[derive(Debug, Args)]
pub struct RunsArgs {
    /// Where Livelist runs.
    #[command(flatten)]
    pub place: PlaceArgs,
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
    /// Where Livelist runs.
    #[command(flatten)]
    pub place: PlaceArgs,
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

/// Arguments of `rerun`.
#[derive(Debug, Args)]
pub struct RerunArgs {
    /// The feed.
    pub feed: FeedId,
    /// Where Livelist runs.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// How notices are sent, on one machine.
    #[command(flatten)]
    pub notify: NotifyArgs,
    /// One JSON object instead of a table, on one machine.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// The feed.
    pub feed: FeedId,
    /// The older version: its name, its sequence, or a day (UTC), at whose end it was published; the
    /// one before `to` when left out.
    pub from: Option<String>,
    /// The newer version; the published one when left out.
    pub to: Option<String>,
    /// Where Livelist runs.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// One JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `why`.
#[derive(Debug, Args)]
pub struct WhyArgs {
    /// The feed.
    pub feed: FeedId,
    /// The listing's key.
    pub key: String,
    /// Where Livelist runs.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// One JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `pause`.
#[derive(Debug, Args)]
pub struct PauseArgs {
    /// The MLS, or with `--client` the client.
    pub name: String,
    /// It is a client's name.
    #[arg(long)]
    pub client: bool,
    /// Why, for those who see it later.
    #[arg(long)]
    pub reason: Option<String>,
    /// Where Livelist runs.
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// Arguments of `resume`.
#[derive(Debug, Args)]
pub struct ResumeArgs {
    /// The MLS, or with `--client` the client.
    pub name: String,
    /// It is a client's name.
    #[arg(long)]
    pub client: bool,
    /// Where Livelist runs.
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// Arguments of `redrive`.
#[derive(Debug, Args)]
pub struct RedriveArgs {
    /// Where Livelist runs.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Only pairs that could not be started, notices that were given up, or days that could not be planned.
    #[arg(long, value_enum)]
    pub queue: Option<PutAside>,
    /// Only tells what would become of each message.
    #[arg(long)]
    pub dry_run: bool,
    /// One JSON object a message.
    #[arg(long)]
    pub json: bool,
}

/// What may have been put aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PutAside {
    /// Pairs that could not be started.
    Pairs,
    /// Notices to sites that were given up.
    Notices,
    /// Days that could not be planned.
    Days,
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
    /// Where Livelist runs.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Only this client.
    #[arg(long)]
    pub client: Option<ClientId>,
    /// Only this feed.
    #[arg(long)]
    pub feed: Option<FeedId>,
    /// One JSON object a notice.
    #[arg(long)]
    pub json: bool,
    /// Tries first what was not delivered yet; on one machine, where it needs the registry.
    #[arg(long, conflicts_with = "stack")]
    pub retry: bool,
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
    /// Only the HTTP API: starts no runs and tells no sites.
    #[arg(long)]
    pub no_schedule: bool,
    /// At most so many feeds at once; feeds of one credential follow each other in any case.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: u16,
    /// When told to stop: running ones get so long before they are left for the next start.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub grace: u32,
    /// Scratch objects and old snapshots older than this are removed.
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    pub retention_days: u16,
    /// How notices are sent.
    #[command(flatten)]
    pub notify: NotifyArgs,
    /// Time goes so many times as fast, with simulated MLSs only: for tests.
    #[arg(long, hide = true, value_name = "FACTOR", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub lapse: u32,
}

/// Arguments of `logs`.
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// Which run.
    #[command(flatten)]
    pub run: RunArgs,
    /// The lines as they were written, JSON objects.
    #[arg(long)]
    pub json: bool,
    /// Goes on as the run does, until it has ended.
    #[arg(long)]
    pub follow: bool,
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
        /// Where the registry is.
        #[command(flatten)]
        source: SourceArgs,
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
        /// Where the registry is.
        #[command(flatten)]
        source: SourceArgs,
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
        /// Where the registry is.
        #[command(flatten)]
        source: SourceArgs,
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
        /// Where the registry is.
        #[command(flatten)]
        source: SourceArgs,
    },
}

/// Runs `livelist completions`.
pub fn completions(shell: clap_complete::Shell) -> Result<Code, Failed> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "livelist", &mut text);
    std::io::stdout().lock().write_all(&text)?;
    Ok(Code::Ok)
}

/// Runs `livelist man`.
pub fn manual(dir: &Path) -> Result<Code, Failed> {
    std::fs::create_dir_all(dir)?;
    clap_mangen::generate_to(Cli::command(), dir)?;
    Ok(Code::Ok)
}
