//! The names of all stored objects. This is the only place that builds them.

use crate::ids::{ClientId, DestinationId, FeedId, MlsId, ReplicationId, RunId};
use crate::registry::CredentialRef;

/// The prefix of MLS documents.
pub const MLS_PREFIX: &str = "registry/mls/";
/// The prefix of client documents.
pub const CLIENTS_PREFIX: &str = "registry/clients/";
/// The prefix of documents of replications.
pub const REPLICATIONS_PREFIX: &str = "registry/replications/";
/// The prefix of documents of destinations.
pub const DESTINATIONS_PREFIX: &str = "registry/destinations/";
/// The operators and the hashes of their keys.
pub const ADMINS: &str = "registry/admins.json";
/// Whom operators' alerts are sent to, on one machine.
pub const ALERTS_DOCUMENT: &str = "registry/alerts.json";
/// On one machine: what needs attention now, and the alerts about it.
pub const ALERTS: &str = "alerts.json";
/// The last status of all feeds: the answer of the operators' API, compressed.
pub const STATUS: &str = "status.json.gz";
/// The prefix of the sites' acknowledgements.
pub const ACKS_PREFIX: &str = "acks/";
/// The prefix of unknown keys that sites asked about.
pub const QUESTIONS_PREFIX: &str = "questions/";
/// The prefix of notes of requested runs, on one machine.
pub const ASKED_PREFIX: &str = "asked/";
/// The prefix of pauses.
pub const PAUSED_PREFIX: &str = "paused/";
/// The prefix of the delivery records of notices.
pub const NOTICES_PREFIX: &str = "notices/";
/// The prefix of events that were not processed yet, on one machine.
pub const OUTBOX_PREFIX: &str = "outbox/";
/// The prefix of the logs of records.
pub const RECORDS_PREFIX: &str = "records/";
/// The prefix of everything that belongs to feeds.
pub const FEEDS_PREFIX: &str = "feeds/";

/// `registry/mls/{mls}.json`
pub fn mls(mls: &MlsId) -> String {
    format!("{MLS_PREFIX}{mls}.json")
}

/// `registry/clients/{client}.json`
pub fn client(client: &ClientId) -> String {
    format!("{CLIENTS_PREFIX}{client}.json")
}

/// `registry/replications/{replication}.json`
pub fn replication(replication: &ReplicationId) -> String {
    format!("{REPLICATIONS_PREFIX}{replication}.json")
}

/// `registry/destinations/{destination}.json`
pub fn destination(destination: &DestinationId) -> String {
    format!("{DESTINATIONS_PREFIX}{destination}.json")
}

/// `feeds/{feed}/head.json`: the pointer to the published snapshot.
pub fn head(feed: &FeedId) -> String {
    format!("{FEEDS_PREFIX}{feed}/head.json")
}

/// `feeds/{feed}/held.json`: the newest run that waits for a second look or an operator.
pub fn held(feed: &FeedId) -> String {
    format!("{FEEDS_PREFIX}{feed}/held.json")
}

/// `feeds/{feed}/history.json`: how its last runs ended.
pub fn history(feed: &FeedId) -> String {
    format!("{FEEDS_PREFIX}{feed}/history.json")
}

/// `feeds/{feed}/marks.json`: where the pages of the last scan began.
pub fn marks(feed: &FeedId) -> String {
    format!("{FEEDS_PREFIX}{feed}/marks.json")
}

/// `feeds/{feed}/notified.json`: the last event that was put into the outbox.
pub fn notified(feed: &FeedId) -> String {
    format!("{FEEDS_PREFIX}{feed}/notified.json")
}

/// `feeds/{feed}/snapshots/{sequence}-{digest}.txt.gz`. The digest is in the name because a publisher that
/// died between snapshot and head leaves an object that its successor, with other keys, must not overwrite.
pub fn snapshot(feed: &FeedId, sequence: u64, sha256: &str) -> String {
    format!(
        "{FEEDS_PREFIX}{feed}/snapshots/{sequence:06}-{}.txt.gz",
        short(sha256)
    )
}

/// `feeds/{feed}/deltas/{from}-{to}-{digest}.txt.gz`
pub fn delta(feed: &FeedId, from: u64, to: u64, sha256: &str) -> String {
    format!(
        "{FEEDS_PREFIX}{feed}/deltas/{from:06}-{to:06}-{}.txt.gz",
        short(sha256)
    )
}

/// `feeds/{feed}/gone/{sequence}-{digest}.txt.gz`: the gone keys, each with its time and proof.
pub fn gone(feed: &FeedId, sequence: u64, sha256: &str) -> String {
    format!(
        "{FEEDS_PREFIX}{feed}/gone/{sequence:06}-{}.txt.gz",
        short(sha256)
    )
}

/// `feeds/{feed}/waiting.json`: listed keys that a complete scan missed, until another one does.
pub fn waiting(feed: &FeedId) -> String {
    format!("{FEEDS_PREFIX}{feed}/waiting.json")
}

/// `feeds/{feed}/ids.txt.gz`: the ids of the listed keys, if the MLS is asked by id and not by key.
pub fn ids(feed: &FeedId) -> String {
    format!("{FEEDS_PREFIX}{feed}/ids.txt.gz")
}

/// `feeds/{feed}/stamps.txt.gz`: when the listings were modified, if their records are copied.
pub fn stamps(feed: &FeedId) -> String {
    format!("{FEEDS_PREFIX}{feed}/stamps.txt.gz")
}

/// `feeds/{feed}/runs/`
pub fn runs(feed: &FeedId) -> String {
    format!("{FEEDS_PREFIX}{feed}/runs/")
}

/// `feeds/{feed}/runs/{run}/run.json`: what happened and why.
pub fn run_record(feed: &FeedId, run: &RunId) -> String {
    format!("{}{run}/run.json", runs(feed))
}

/// `feeds/{feed}/runs/{run}/{name}-{digest}{extension}`: an object that one step passes to the next. It is
/// named by its content, so that two executions of a step cannot overwrite each other's objects.
pub fn run_object(feed: &FeedId, run: &RunId, name: &str, sha256: &str, extension: &str) -> String {
    format!("{}{run}/{name}-{}{extension}", runs(feed), short(sha256))
}

/// `asked/{run}.json`: on one machine, a requested run that has not ended.
pub fn asked(run: &RunId) -> String {
    format!("{ASKED_PREFIX}{run}.json")
}

/// `paused/mls/{mls}.json`: that an operator paused the MLS.
pub fn paused_mls(mls: &MlsId) -> String {
    format!("{PAUSED_PREFIX}mls/{mls}.json")
}

/// `paused/clients/{client}.json`: that an operator paused the client.
pub fn paused_client(client: &ClientId) -> String {
    format!("{PAUSED_PREFIX}clients/{client}.json")
}

/// `acks/{feed}/`
pub fn acks(feed: &FeedId) -> String {
    format!("{ACKS_PREFIX}{feed}/")
}

/// `acks/{feed}/{client}.json`: the newest acknowledgement of a client's site for the feed.
pub fn ack(feed: &FeedId, client: &ClientId) -> String {
    format!("{}{client}.json", acks(feed))
}

/// `questions/{feed}/`
pub fn questions(feed: &FeedId) -> String {
    format!("{QUESTIONS_PREFIX}{feed}/")
}

/// `questions/{feed}/{client}.json`: unknown keys of the feed that a client's site asked about.
pub fn questions_of(feed: &FeedId, client: &ClientId) -> String {
    format!("{}{client}.json", questions(feed))
}

/// `budgets/{credential}.json`: the recent requests with a credential.
pub fn budget(credential: &CredentialRef) -> String {
    format!("budgets/{}.json", credential.slug())
}

/// `forms/{credential}.json`: which questions about keys a credential's provider answers.
pub fn forms(credential: &CredentialRef) -> String {
    format!("forms/{}.json", credential.slug())
}

/// `leases/{credential}.json`
pub fn lease(credential: &CredentialRef) -> String {
    format!("leases/{}.json", credential.slug())
}

/// `records/{replication}/head.json`: the head of a replication's log.
pub fn log_head(replication: &ReplicationId) -> String {
    format!("{RECORDS_PREFIX}{replication}/head.json")
}

/// `records/{replication}/syncs.json`: how its last passes ended, and how each of its copies stands.
pub fn syncs(replication: &ReplicationId) -> String {
    format!("{RECORDS_PREFIX}{replication}/syncs.json")
}

/// `records/{replication}/{from}-{to}-{digest}.ndjson.gz`: changes of a log, sorted by resource and key.
pub fn log_piece(replication: &ReplicationId, from: u64, to: u64, sha256: &str) -> String {
    format!(
        "{RECORDS_PREFIX}{replication}/{from:010}-{to:010}-{}.ndjson.gz",
        short(sha256)
    )
}

/// `….keys.gz`: the same changes without the records.
pub fn log_index(piece: &str) -> String {
    let stem = piece.strip_suffix(".ndjson.gz").unwrap_or(piece);
    format!("{stem}.keys.gz")
}

/// `records/{replication}/{resource}-{print}.json`: a provider's metadata of a resource.
pub fn log_schema(replication: &ReplicationId, resource: &str, print: &str) -> String {
    format!("{RECORDS_PREFIX}{replication}/{resource}-{print}.json")
}

/// `notices/{client}.json`: that the client's site wants no notices any more.
pub fn notices_disabled(client: &ClientId) -> String {
    format!("{NOTICES_PREFIX}{client}.json")
}

/// `notices/{client}/`
pub fn notices_of(client: &ClientId) -> String {
    format!("{NOTICES_PREFIX}{client}/")
}

/// `notices/{client}/{feed}.json`: the newest deliveries.
pub fn notices(client: &ClientId, feed: &FeedId) -> String {
    format!("{}{feed}.json", notices_of(client))
}

/// `outbox/{name}.json`
pub fn outbox(name: &str) -> String {
    format!("{OUTBOX_PREFIX}{name}.json")
}

fn short(sha256: &str) -> &str {
    sha256.get(..16).unwrap_or(sha256)
}
