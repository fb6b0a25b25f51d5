//! The command line: the verbs, and the arguments of those that look after the registry or run feeds.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory, Parser, Subcommand};
use livelist_api::Network;
use livelist_model::{ClientId, MlsId, ResourceName};

use crate::exit::{Code, Failed};

mod keys;
mod operate;
mod place;
mod records;

pub use keys::KeysCommand;
pub use operate::{
    DiffArgs, FeedArgs, LogsArgs, NoticesArgs, PauseArgs, PutAside, RedriveArgs, RerunArgs,
    ResumeArgs, RunArgs, RunsArgs, ShowArgs, StatusArgs, WhyArgs,
};
pub use place::{DataArgs, Flags, PlaceArgs, RegistryArgs, SourceArgs};
pub use records::{
    DestinationsCheckArgs, DestinationsCommand, ProveArgs, RecordArgs, ReplicateArgs, SchemaArgs,
};

/// Publishes, for each MLS, the complete list of real-estate listings that are still live.
#[derive(Debug, Parser)]
#[command(name = "livelist", version)]
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
    /// So much is logged to DATA/logs in a day, at most; a quarter of it is kept for warnings and errors.
    #[arg(
        long,
        global = true,
        env = "LIVELIST_LOG_MEGABYTES",
        value_name = "MB",
        default_value_t = 64
    )]
    pub log_megabytes: u32,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Checks registry documents, and prints their JSON Schema.
    #[command(subcommand)]
    Registry(RegistryCommand),
    /// Lists the supported providers: how each is asked, and its rate limits.
    Providers(ProvidersArgs),
    /// Checks the document of an MLS against the live server, and says what to change.
    Probe(ProbeArgs),
    /// Runs all pairs that are due, in this process, on a directory.
    Reconcile(ReconcileArgs),
    /// Copies what changed at the MLSs into the logs, and from there into the destinations: one pass.
    Replicate(ReplicateArgs),
    /// Compares each destination with its log, and mends what is missing or stale.
    Prove(ProveArgs),
    /// Shows one record: what the log has, and what each destination has.
    Record(RecordArgs),
    /// Shows the tables of a destination: which column holds which field, and what comes next.
    Schema(SchemaArgs),
    /// Checks the destinations of records.
    #[command(subcommand)]
    Destinations(DestinationsCommand),
    /// Shows the state of all feeds and copies of records; those that need attention come first.
    Status(StatusArgs),
    /// Prints the live keys of a feed, one a line.
    Live(FeedArgs),
    /// Lists runs, newest first.
    Runs(RunsArgs),
    /// Explains a run: what happened, and why.
    Show(ShowArgs),
    /// Publishes the result of a held run.
    Approve(RunArgs),
    /// Rejects the result of a held run.
    Reject(RunArgs),
    /// Ends a run that is under way; the published list stays.
    Cancel(RunArgs),
    /// Starts another run of a feed, with the current registry.
    Rerun(RerunArgs),
    /// Shows what changed between two versions of a feed's list.
    Diff(DiffArgs),
    /// Explains where a listing went: which versions have it, and the evidence of its removal.
    Why(WhyArgs),
    /// Pauses an MLS or a client: no new runs start, and the published lists stay.
    Pause(PauseArgs),
    /// Ends the pause of an MLS or a client.
    Resume(ResumeArgs),
    /// Looks at the dead-letter queues again, and sends what can be processed by now.
    Redrive(RedriveArgs),
    /// Manages the site keys of clients, and the keys of operators.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Lists the webhooks sent to sites, and their delivery state.
    Notices(NoticesArgs),
    /// One machine: copies registry, keys and data into a new directory, also while `serve` works.
    Backup(BackupArgs),
    /// One machine: puts a backup where nothing is.
    Restore(RestoreArgs),
    /// One machine: the alerts to operators, and a test of them.
    #[command(subcommand)]
    Alerts(AlertsCommand),
    /// The whole system in one process: runs what is due, replicates records, sends webhooks, serves the HTTP
    /// API and the dashboard.
    Serve(ServeArgs),
    /// Prints the log of a run, in order.
    Logs(LogsArgs),
    /// Prints the OpenAPI 3.1 document of the HTTP API.
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

impl Command {
    /// The data directory that it works on; none where it works on none of this machine.
    pub fn data(&self) -> Option<&Path> {
        let place = match self {
            Command::Reconcile(arguments) => return Some(&arguments.data.data),
            Command::Alerts(AlertsCommand::List(arguments) | AlertsCommand::Test(arguments)) => {
                return Some(&arguments.data.data);
            }
            Command::Serve(arguments) => return Some(&arguments.data.data),
            Command::Replicate(arguments) => return Some(&arguments.data.data),
            Command::Prove(arguments) => return Some(&arguments.data.data),
            Command::Record(arguments) => return Some(&arguments.data.data),
            Command::Schema(arguments) => return Some(&arguments.data.data),
            Command::Destinations(DestinationsCommand::Check(arguments)) => {
                return Some(&arguments.data.data);
            }
            Command::Status(arguments) => &arguments.place,
            Command::Live(arguments) => &arguments.place,
            Command::Runs(arguments) => &arguments.place,
            Command::Show(arguments) => &arguments.run.place,
            Command::Approve(arguments)
            | Command::Reject(arguments)
            | Command::Cancel(arguments) => &arguments.place,
            Command::Rerun(arguments) => &arguments.place,
            Command::Diff(arguments) => &arguments.place,
            Command::Why(arguments) => &arguments.place,
            Command::Pause(arguments) => &arguments.place,
            Command::Resume(arguments) => &arguments.place,
            Command::Redrive(arguments) => &arguments.place,
            Command::Notices(arguments) => &arguments.place,
            Command::Logs(arguments) => &arguments.run.place,
            // Both write elsewhere, and give what they write to the owner of the data.
            Command::Backup(_)
            | Command::Restore(_)
            | Command::Registry(_)
            | Command::Providers(_)
            | Command::Probe(_)
            | Command::Keys(_)
            | Command::Openapi
            | Command::Completions { .. }
            | Command::Man { .. } => return None,
        };
        match place.stack {
            Some(_) => None,
            None => place.data.as_deref(),
        }
    }
}

/// What to do with registry documents.
#[derive(Debug, Subcommand)]
pub enum RegistryCommand {
    /// Checks all documents below a directory; for each error it prints file, field and remedy.
    Check {
        /// The directory that holds `mls/` and `clients/`.
        dir: PathBuf,
        /// Prints each finding as a line of JSON.
        #[arg(long)]
        json: bool,
    },
    /// Prints the JSON Schema of a kind of documents.
    Schema {
        /// Which.
        #[arg(value_parser = ["mls", "client", "replication", "destination", "admins", "alerts"])]
        kind: String,
    },
}

/// Arguments of `providers`.
#[derive(Debug, Args)]
pub struct ProvidersArgs {
    /// Prints one JSON object for each provider.
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
    /// A listing's key to ask for as well.
    #[arg(long)]
    pub key: Option<String>,
    /// Prints one JSON object with all checks.
    #[arg(long)]
    pub json: bool,
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
    /// Prints one JSON object for each run instead of a table.
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

/// The alerts to operators.
#[derive(Debug, Subcommand)]
pub enum AlertsCommand {
    /// Lists the newest alerts, and their delivery state.
    List(AlertsArgs),
    /// Sends a test to everybody whom `alerts.json` names.
    Test(AlertsArgs),
}

/// Arguments of `alerts`.
#[derive(Debug, Args)]
pub struct AlertsArgs {
    /// The registry.
    #[command(flatten)]
    pub registry: RegistryArgs,
    /// The data.
    #[command(flatten)]
    pub data: DataArgs,
    /// Prints one JSON object for each alert.
    #[arg(long)]
    pub json: bool,
    /// How webhooks are sent.
    #[command(flatten)]
    pub notify: NotifyArgs,
}

/// Arguments of `backup`.
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// The directory to make; it must not exist.
    pub dir: PathBuf,
    /// The registry.
    #[command(flatten)]
    pub registry: RegistryArgs,
    /// The data.
    #[command(flatten)]
    pub data: DataArgs,
    /// Also copies the secrets that documents refer to by `file:`.
    #[arg(long)]
    pub with_secrets: bool,
}

/// Arguments of `restore`.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// The backup.
    pub dir: PathBuf,
    /// The registry: a directory that is empty or not there.
    #[command(flatten)]
    pub registry: RegistryArgs,
    /// The data: a directory that is empty or not there.
    #[command(flatten)]
    pub data: DataArgs,
    /// Also puts back the secrets, where none is.
    #[arg(long)]
    pub with_secrets: bool,
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
    /// Rate limit of one site key: requests a minute.
    #[arg(long, value_name = "REQUESTS", default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..))]
    pub rate: u32,
    /// How clients reach this server, for the links to lists; `http://{listen}` when left out.
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
    /// A proxy in front of this server, or a network of such: connections are counted by the address that it
    /// forwards in `X-Forwarded-For`. May be given several times.
    #[arg(long, value_name = "ADDRESS")]
    pub trusted_proxy: Vec<Network>,
    /// Where Prometheus may read metrics without a key: a loopback address, e.g. 127.0.0.1:9187. With an
    /// operators' key, `GET /metrics` is at `--listen`, too.
    #[arg(long, value_name = "ADDRESS", value_parser = loopback)]
    pub metrics: Option<SocketAddr>,
    /// Serves the HTTP API only: starts no runs and sends no webhooks.
    #[arg(long)]
    pub no_schedule: bool,
    /// At most so many feeds at once; feeds of one credential follow each other in any case.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: u16,
    /// After SIGTERM or SIGINT: how long running runs may continue; the next start resumes the others.
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

/// An address that only this machine reaches.
fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text.parse().map_err(|e| format!("{e}"))?;
    match address.ip().is_loopback() {
        true => Ok(address),
        false => Err("metrics need no key there, so it has to be a loopback address".to_owned()),
    }
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
