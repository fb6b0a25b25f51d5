//! The verbs of `keys`, and their arguments.

use clap::Subcommand;
use livelist_model::{ClientId, FeedId};

use super::SourceArgs;

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Creates a key, and shows it once.
    Add {
        /// The client.
        #[arg(required_unless_present = "admin", conflicts_with = "admin")]
        client: Option<ClientId>,
        /// A key for the admin API and the dashboard instead, for the operator of this name.
        #[arg(long, value_name = "NAME")]
        admin: Option<String>,
        /// A name for people; by default today's date.
        #[arg(long, value_name = "NAME", conflicts_with = "admin")]
        id: Option<String>,
        /// The feeds that it opens, separated by commas; by default all of the client's.
        #[arg(
            long,
            value_name = "FEEDS",
            value_delimiter = ',',
            conflicts_with = "admin"
        )]
        feeds: Vec<FeedId>,
        /// How long it is valid; by default it does not expire.
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
        /// The operators' keys instead; with a name, that operator's.
        #[arg(long, value_name = "NAME", num_args = 0..=1)]
        admin: Option<Option<String>>,
        /// Prints one JSON object for each key.
        #[arg(long)]
        json: bool,
        /// Where the registry is.
        #[command(flatten)]
        source: SourceArgs,
    },
    /// Revokes a key: it is refused from the next request on.
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
    /// Creates a new key with the scope of another one, and lets that one expire.
    Rotate {
        /// The client.
        #[arg(required_unless_present = "admin", conflicts_with = "admin")]
        client: Option<ClientId>,
        /// The name of the key that is to expire.
        #[arg(required_unless_present = "admin", conflicts_with = "admin")]
        id: Option<String>,
        /// The key of the operator of this name instead.
        #[arg(long, value_name = "NAME")]
        admin: Option<String>,
        /// How long the old key remains valid.
        #[arg(long, value_name = "DAYS", default_value_t = 7)]
        keep: u32,
        /// Where the registry is.
        #[command(flatten)]
        source: SourceArgs,
    },
}
