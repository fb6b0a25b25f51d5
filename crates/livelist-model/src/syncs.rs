//! How the last passes of a replication ended, and how each of its copies stands. It is shown to operators,
//! and says when the next pass and the next proof are due. What is in a copy never depends on it: a copy
//! knows its own position.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::{DestinationId, ReplicationId, ResourceName};
use crate::instant::is_future;
use crate::registry::{Registry, Replication, Sync};

/// So many passes are remembered: a day of one every 15 minutes.
pub const REMEMBERED: usize = 100;
/// Of the errors of a pass so many are.
pub const ERRORS: usize = 3;

/// `records/{replication}/syncs.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Syncs {
    /// Version of this document's form.
    pub schema: u32,
    /// The newest passes, oldest first.
    pub passes: Vec<Pass>,
    /// The copies, by destination.
    pub copies: BTreeMap<DestinationId, CopyState>,
}

/// How a pass ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PassOutcome {
    /// Nothing had changed.
    Unchanged,
    /// What had changed is in all copies.
    Applied,
    /// What had changed is in the log; the copies take it from there by themselves (on AWS).
    Pulled,
    /// Another run used the credential: nothing was asked.
    Skipped,
    /// There is more to read: the provider asked to wait, or a first load is under way.
    Behind,
    /// A resource could not be read, or a copy could not be written.
    Failed,
}

impl PassOutcome {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            PassOutcome::Unchanged => "unchanged",
            PassOutcome::Applied => "applied",
            PassOutcome::Pulled => "pulled",
            PassOutcome::Skipped => "skipped",
            PassOutcome::Behind => "behind",
            PassOutcome::Failed => "failed",
        }
    }
}

/// A pass that ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pass {
    /// When it began.
    pub began_at: jiff::Timestamp,
    /// When it ended.
    pub ended_at: jiff::Timestamp,
    /// How.
    pub outcome: PassOutcome,
    /// Rows that were read from the provider.
    pub pulled: u64,
    /// Rows that were written, in all copies.
    pub upserts: u64,
    /// Rows that were removed, in all copies.
    pub removals: u64,
    /// Records that could not be read or stored.
    pub rejected: u64,
    /// Requests that were sent.
    pub requests: u64,
    /// The first errors.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<SyncError>,
}

/// What failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncError {
    /// The stable name.
    pub name: String,
    /// What happened.
    pub message: String,
    /// The resource that could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<ResourceName>,
    /// The destination that could not be written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<DestinationId>,
}

/// How a copy stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyState {
    /// The number up to which it has the log.
    pub position: u64,
    /// The log's newest number at that time.
    pub newest: u64,
    /// It has all that changed at the MLS before this instant, by the MLS's clock; nothing before the first
    /// load has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<jiff::Timestamp>,
    /// Why the last pass could not write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<SyncError>,
    /// How it compared with the log last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<CopyProof>,
}

/// What a proof found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proved {
    /// The copy has what the log has.
    Equal,
    /// It had not; what was missing or stale was written again.
    Differs,
    /// Nothing was applied yet, or a pass has not ended.
    NotProved,
    /// It could not be compared.
    Failed,
}

impl Proved {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Proved::Equal => "equal",
            Proved::Differs => "differs",
            Proved::NotProved => "not_proved",
            Proved::Failed => "failed",
        }
    }
}

/// How a copy compared with its log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyProof {
    /// When it was compared.
    pub at: jiff::Timestamp,
    /// What was found.
    pub outcome: Proved,
    /// The log's number up to which it was compared.
    #[serde(default)]
    pub number: u64,
    /// Live records of the log.
    #[serde(default)]
    pub records: u64,
    /// Records that it lacked.
    #[serde(default)]
    pub missing: u64,
    /// Rows whose content was another.
    #[serde(default)]
    pub stale: u64,
    /// Rows that the log does not have.
    #[serde(default)]
    pub extra: u64,
    /// Rows that were written again.
    #[serde(default)]
    pub mended: u64,
    /// Why it could not be compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<SyncError>,
}

impl CopyProof {
    /// Whether it says how the copy is.
    pub fn says(&self) -> bool {
        matches!(self.outcome, Proved::Equal | Proved::Differs)
    }
}

impl Default for Syncs {
    fn default() -> Self {
        Syncs {
            schema: Self::SCHEMA,
            passes: Vec::new(),
            copies: BTreeMap::new(),
        }
    }
}

impl Syncs {
    /// The form that this version writes and reads.
    pub const SCHEMA: u32 = 1;

    /// Writes down how a pass ended. The oldest are forgotten, and so are copies that are none any more:
    /// those that are not in `copies`.
    pub fn note(&mut self, mut pass: Pass, copies: BTreeMap<DestinationId, CopyState>) {
        pass.errors.truncate(ERRORS);
        self.passes.push(pass);
        let surplus = self.passes.len().saturating_sub(REMEMBERED);
        self.passes.drain(..surplus);
        self.copies = copies;
    }

    /// The newest pass that asked.
    pub fn newest(&self) -> Option<&Pass> {
        let mut newest = self.passes.iter().rev();
        newest.find(|pass| pass.outcome != PassOutcome::Skipped)
    }
}

/// When a replication is due whose last pass began at `began`: at once where there was none, or where a scan
/// of one of its feeds has ended since (`scanned`), else by its schedule. Nothing where that has no time.
pub fn due_at(
    sync: &Sync,
    began: Option<jiff::Timestamp>,
    scanned: Option<jiff::Timestamp>,
    now: jiff::Timestamp,
) -> Option<jiff::Timestamp> {
    // What was noted by a clock far ahead says nothing.
    match began.filter(|began| !is_future(*began, now)) {
        None => Some(jiff::Timestamp::UNIX_EPOCH),
        Some(began) => match scanned.filter(|scanned| *scanned > began) {
            Some(scanned) => Some(scanned.min(now)),
            None => sync.next_after(began),
        },
    }
}

/// A sync that is due: the body of a message on the queue of syncs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyncDue {
    /// Version of this message's form.
    pub schema: u32,
    /// The replication.
    pub replication: ReplicationId,
    /// When it fell due. Behind the next time of its schedule it is not made any more.
    pub at: jiff::Timestamp,
}

impl SyncDue {
    /// The form that this version writes and reads.
    pub const SCHEMA: u32 = 1;

    /// The sync of a replication that fell due at `at`.
    pub fn of(replication: ReplicationId, at: jiff::Timestamp) -> SyncDue {
        SyncDue {
            schema: Self::SCHEMA,
            replication,
            at,
        }
    }
}

/// A copy that has to be brought up to its log: the body of a message on the queue of copies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CopyDue {
    /// Version of this message's form.
    pub schema: u32,
    /// The replication.
    pub replication: ReplicationId,
    /// The copy.
    pub destination: DestinationId,
    /// Whether it is compared with the log behind that.
    pub prove: bool,
}

impl CopyDue {
    /// The form that this version writes and reads.
    pub const SCHEMA: u32 = 1;

    /// A copy of a replication.
    pub fn of(replication: ReplicationId, destination: DestinationId, prove: bool) -> CopyDue {
        CopyDue {
            schema: Self::SCHEMA,
            replication,
            destination,
            prove,
        }
    }
}

/// The replications whose schedule has a time after `from` and not after `to`. Those that are disabled, or whose
/// MLS is, are left out.
pub fn due_between(
    registry: &Registry,
    from: jiff::Timestamp,
    to: jiff::Timestamp,
) -> impl Iterator<Item = &Replication> {
    let is_enabled = |replication: &&Replication| {
        let mls = registry.mls.get(&replication.mls);
        replication.enabled && mls.is_some_and(|mls| mls.enabled)
    };
    let is_due = move |replication: &&Replication| {
        let next = replication.sync.next_after(from);
        next.is_some_and(|next| next <= to)
    };
    registry
        .replications
        .values()
        .filter(is_enabled)
        .filter(is_due)
}

/// What a copy needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// It lacks changes of the log, or could not be written.
    Changes,
    /// It has to be compared with the log as well.
    Proof,
}

/// What a copy needs when the log's newest number is `newest`; nothing where it is at the log's end and was
/// proved. A log that has not all records yet (`settled` is nothing) is proved by nobody. `scanned` is when the
/// newest scan of its feeds ended.
pub fn need(
    copy: Option<&CopyState>,
    newest: u64,
    settled: Option<jiff::Timestamp>,
    scanned: Option<jiff::Timestamp>,
    now: jiff::Timestamp,
) -> Option<Need> {
    if newest == 0 {
        return None;
    }
    let proof = copy.and_then(|copy| copy.proof.as_ref());
    if settled.is_some() && is_proof_due(proof, scanned, now) {
        return Some(Need::Proof);
    }
    let has_all = copy.is_some_and(|copy| copy.position == newest && copy.error.is_none());
    (!has_all).then_some(Need::Changes)
}

/// After so long a proof is due though no scan has ended since the last one.
const LONGEST: jiff::SignedDuration = jiff::SignedDuration::from_hours(26);

/// Whether a copy is to be compared with its log at `now`: it never was, a scan of one of its feeds has ended
/// since, or it is more than a day ago. `scanned` is when the newest scan ended.
pub fn is_proof_due(
    proof: Option<&CopyProof>,
    scanned: Option<jiff::Timestamp>,
    now: jiff::Timestamp,
) -> bool {
    let Some(proof) = proof.filter(|proof| proof.says()) else {
        return true;
    };
    // What was noted by a clock far ahead says nothing.
    is_future(proof.at, now)
        || scanned.is_some_and(|scanned| scanned > proof.at)
        || now.duration_since(proof.at) > LONGEST
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> jiff::Timestamp {
        text.parse().unwrap()
    }

    fn pass(outcome: PassOutcome, pulled: u64) -> Pass {
        let error = SyncError {
            name: "ProviderUnavailable".to_owned(),
            message: String::new(),
            resource: None,
            destination: None,
        };
        Pass {
            began_at: at("2026-11-28T04:00:00Z"),
            ended_at: at("2026-11-28T04:00:01Z"),
            outcome,
            pulled,
            upserts: 0,
            removals: 0,
            rejected: 0,
            requests: 1,
            errors: vec![error; 9],
        }
    }

    #[test]
    fn the_file_stays_small_and_knows_the_newest_pass_that_asked() {
        let mut syncs = Syncs::default();
        for nth in 0..250 {
            syncs.note(pass(PassOutcome::Applied, nth), BTreeMap::new());
        }
        syncs.note(pass(PassOutcome::Skipped, 0), BTreeMap::new());
        assert_eq!(syncs.passes.len(), REMEMBERED);
        assert_eq!(syncs.passes[0].pulled, 151);
        assert_eq!(syncs.newest().unwrap().pulled, 249);
        let json = serde_json::to_string(&syncs).unwrap();
        assert!(json.len() < 60_000, "{}", json.len());
        assert_eq!(serde_json::from_str::<Syncs>(&json).unwrap(), syncs);
    }

    #[test]
    fn a_pass_follows_a_scan_at_once() {
        let sync = Sync::default();
        let now = at("2026-11-28T04:16:00Z");
        let due = |began: Option<&str>, scanned: Option<&str>| {
            due_at(&sync, began.map(at), scanned.map(at), now)
        };
        assert_eq!(due(None, None), Some(jiff::Timestamp::UNIX_EPOCH));
        assert_eq!(due(Some("2036-11-28T04:00:00Z"), None), due(None, None));
        let began = Some("2026-11-28T04:15:02Z");
        assert_eq!(due(began, None), Some(at("2026-11-28T04:30:00Z")));
        let before = due(began, Some("2026-11-28T04:14:00Z"));
        assert_eq!(before, Some(at("2026-11-28T04:30:00Z")));
        let behind = due(began, Some("2026-11-28T04:15:40Z"));
        assert_eq!(behind, Some(at("2026-11-28T04:15:40Z")));
    }

    #[test]
    fn a_copy_needs_what_it_lacks_and_a_proof_a_day() {
        let now = at("2026-11-28T04:30:00Z");
        let settled = Some(at("2026-11-28T04:28:00Z"));
        let proof = CopyProof {
            at: at("2026-11-28T04:25:00Z"),
            outcome: Proved::Equal,
            number: 7,
            records: 7,
            missing: 0,
            stale: 0,
            extra: 0,
            mended: 0,
            error: None,
        };
        let copy = |position| CopyState {
            position,
            newest: 7,
            proof: Some(proof.clone()),
            ..CopyState::default()
        };
        let of = |copy: Option<CopyState>, newest, settled, scanned| {
            need(copy.as_ref(), newest, settled, scanned, now)
        };
        assert_eq!(of(None, 0, settled, None), None, "an empty log");
        assert_eq!(of(None, 7, None, None), Some(Need::Changes), "a first load");
        assert_eq!(of(None, 7, settled, None), Some(Need::Proof));
        assert_eq!(of(Some(copy(7)), 7, settled, None), None);
        assert_eq!(of(Some(copy(6)), 7, settled, None), Some(Need::Changes));
        // The log was begun anew.
        assert_eq!(of(Some(copy(7)), 3, settled, None), Some(Need::Changes));
        let scanned = Some(at("2026-11-28T04:26:00Z"));
        assert_eq!(of(Some(copy(7)), 7, settled, scanned), Some(Need::Proof));
        let failed = CopyState {
            error: Some(pass(PassOutcome::Failed, 0).errors.remove(0)),
            ..copy(7)
        };
        assert_eq!(of(Some(failed), 7, settled, None), Some(Need::Changes));
    }

    #[test]
    fn a_copy_is_proved_after_each_scan_and_once_a_day() {
        let now = at("2026-11-28T04:30:00Z");
        let proof = |text: &str, outcome| CopyProof {
            at: at(text),
            outcome,
            number: 0,
            records: 0,
            missing: 0,
            stale: 0,
            extra: 0,
            mended: 0,
            error: None,
        };
        let scanned = Some(at("2026-11-28T04:20:00Z"));
        for (proved, outcome, scanned, is_due) in [
            ("2026-11-28T04:25:00Z", Proved::Equal, scanned, false),
            ("2026-11-28T04:25:00Z", Proved::Failed, scanned, true),
            ("2026-11-28T04:15:00Z", Proved::Differs, scanned, true),
            ("2026-11-27T04:15:00Z", Proved::Equal, None, false),
            ("2026-11-27T02:15:00Z", Proved::Equal, None, true),
            ("2036-11-27T02:15:00Z", Proved::Equal, None, true),
        ] {
            let proof = proof(proved, outcome);
            assert_eq!(
                is_proof_due(Some(&proof), scanned, now),
                is_due,
                "{proof:?}"
            );
        }
        assert!(is_proof_due(None, None, now));
    }
}
