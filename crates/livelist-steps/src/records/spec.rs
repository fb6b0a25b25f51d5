//! What is replicated of one resource.

use livelist_model::ReplicationId;
use livelist_model::registry::{Mls, Pair, ReplicatedResource};
use livelist_model::run::{FeedSpec, RunSpec};

/// One resource of a replication, as it is asked for.
#[derive(Debug, Clone)]
pub struct ResourceSpec {
    /// The replication.
    pub replication: ReplicationId,
    /// The feed of whose records all are replicated. It is the feed of a client's pair with the same filter,
    /// or one that is scanned for the replication alone: what the nightly scan proves of it holds for the
    /// records.
    pub feed: FeedSpec,
    /// The fields to ask for, with commas between them; all where it is empty.
    pub select: String,
}

impl ResourceSpec {
    /// A resource of a replication of this MLS.
    pub fn of(
        replication: &ReplicationId,
        mls: &Mls,
        resource: &ReplicatedResource,
    ) -> ResourceSpec {
        let pair = Pair::of(&mls.mls, resource);
        ResourceSpec {
            replication: replication.clone(),
            feed: FeedSpec::resolve(mls, &pair),
            select: resource.select.join(","),
        }
    }

    /// The resource's name.
    pub fn resource(&self) -> &str {
        self.feed.resource.as_str()
    }

    /// The name under which the credential is leased and a token is sealed. It is no run of the feed: it has
    /// no record there.
    pub fn run(&self, now: jiff::Timestamp) -> RunSpec {
        let date = now.to_zoned(jiff::tz::TimeZone::UTC).date();
        RunSpec::of(date, self.feed.clone())
    }
}
