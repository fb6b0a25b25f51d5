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
    /// Only feeds that need somebody: failed, held, delayed.
    #[arg(long)]
    pub trouble: bool,
    /// Ends with 3 if a feed needs somebody, with 2 if only the registry is wrong.
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
