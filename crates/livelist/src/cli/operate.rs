//! Arguments of the operators' verbs.

use clap::{Args, ValueEnum};
use livelist_model::{ClientId, FeedId, MlsId, RunId};

use super::{NotifyArgs, PlaceArgs};

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
    /// Only feeds and copies that need attention: failed, held, delayed.
    #[arg(long)]
    pub trouble: bool,
    /// Exits with 3 if a feed or a copy of records needs attention, with 2 if only the registry is wrong.
    #[arg(long)]
    pub check: bool,
    /// Prints one JSON object for each feed, and one for each copy of records.
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
    /// Prints one JSON object for each run.
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
    /// Prints the whole record as JSON.
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
    /// The older version: its name, its sequence, or a date (UTC), which means the last version
    /// published up to the end of that day; by default the one before `to`.
    pub from: Option<String>,
    /// The newer version; by default the published one.
    pub to: Option<String>,
    /// Shows what the result that waits would take out, if it were approved.
    #[arg(long, conflicts_with_all = ["from", "to"])]
    pub held: bool,
    /// With `--held`: the keys as CSV.
    #[arg(long, requires = "held", conflicts_with = "json")]
    pub csv: bool,
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
    /// Takes the name as that of a client, not of an MLS.
    #[arg(long)]
    pub client: bool,
    /// The reason, shown to other operators.
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
    /// Takes the name as that of a client, not of an MLS.
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
    /// Only shows what would be done with each message.
    #[arg(long)]
    pub dry_run: bool,
    /// Prints one JSON object for each message.
    #[arg(long)]
    pub json: bool,
}

/// The dead-letter queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PutAside {
    /// Pairs that could not be started.
    Pairs,
    /// Notices to sites that were given up.
    Notices,
    /// Days that could not be planned.
    Days,
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
    /// Prints one JSON object for each notice.
    #[arg(long)]
    pub json: bool,
    /// First sends what was not delivered yet; on one machine only, and it needs the registry.
    #[arg(long, conflicts_with = "stack")]
    pub retry: bool,
    /// How notices are sent.
    #[command(flatten)]
    pub notify: NotifyArgs,
}

/// Arguments of `logs`.
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// Which run.
    #[command(flatten)]
    pub run: RunArgs,
    /// Prints the lines as they were written, as JSON objects.
    #[arg(long)]
    pub json: bool,
    /// Follows the log until the run has ended.
    #[arg(long)]
    pub follow: bool,
}
