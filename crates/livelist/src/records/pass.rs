//! One pass of a replication: what changed at the MLS goes into the log, and from there into the copies. A
//! resource or a copy that fails stops no other. How it ended is written down for operators.

use std::collections::BTreeMap;
use std::time::Duration;

use livelist_destinations::Written;
use livelist_log::Log;
use livelist_model::registry::{CredentialRef, DestinationDocument, Replication};
use livelist_model::syncs::{CopyState, Pass, PassOutcome, SyncError};
use livelist_model::{ResourceName, with_causes};
use livelist_steps::StepError;
use livelist_steps::records::apply::{self, Applied};
use livelist_steps::records::pull::{self, Outcome, Pulled};
use livelist_steps::records::{RecordsError, ResourceSpec, syncs};
use livelist_store::StoreError;
use serde::Serialize;

use super::open::Opened;

/// How a pass is made.
pub struct How<'a> {
    /// Where the provider asks to wait for longer, the pass ends.
    pub longest_wait: Duration,
    /// Whether the pass is to end before its next task: somebody else wants the credential, or the process
    /// ends.
    pub ends: &'a (dyn Fn(&CredentialRef) -> bool + Sync),
    /// What is read once more.
    pub again: Option<Again>,
    /// Is told of what was read.
    pub watch: &'a (dyn Fn(&ResourceSpec, &Pulled) + Sync),
}

/// What is read once more.
#[derive(Debug, Clone)]
pub struct Again {
    /// Only of this resource.
    pub resource: Option<ResourceName>,
    /// The records that match this OData filter; all where there is none.
    pub filter: Option<String>,
}

/// How a pass ended.
pub struct Passed {
    /// For each resource and destination.
    pub lines: Vec<Line>,
    /// As it was written down.
    pub pass: Pass,
    /// The provider asked to be asked again after this.
    pub again_in: Option<Duration>,
}

/// How one resource of a replication stands in one destination.
#[derive(Debug, Serialize)]
pub struct Line {
    pub replication: String,
    pub feed: String,
    pub resource: String,
    pub destination: String,
    pub outcome: &'static str,
    /// Rows that were read from the provider.
    pub pulled: u64,
    pub upserts: u64,
    pub removals: u64,
    pub unchanged: u64,
    pub rejected: u64,
    pub overflow: u64,
    /// Records that stood more than once in an expansion.
    pub repeated: u64,
    /// The number up to which the destination has the log.
    pub position: u64,
    /// How old the newest change is that cannot be in the log yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag_seconds: Option<i64>,
    pub requests: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
}

/// What failed.
#[derive(Debug, Clone, Serialize)]
pub struct Problem {
    pub name: &'static str,
    pub message: String,
}

impl Problem {
    /// An error as users see it.
    pub fn of(error: &RecordsError) -> Problem {
        Problem {
            name: error.name(),
            message: with_causes(error),
        }
    }

    /// As it is written down.
    pub fn noted(&self) -> SyncError {
        SyncError {
            name: self.name.to_owned(),
            message: self.message.clone(),
            resource: None,
            destination: None,
        }
    }
}

/// What was read of one resource.
type Read = (ResourceSpec, Result<Pulled, Problem>);
/// What was written into one copy.
type Wrote = (DestinationDocument, Result<Applied, Problem>);

/// Makes one pass of one replication.
pub async fn pass(opened: &Opened, replication: &Replication, how: &How<'_>) -> Passed {
    let env = &opened.env;
    let began_at = env.clock.now();
    let name = &replication.replication;
    let mut passing = Passing {
        opened,
        replication,
        how,
        began_at,
        reads: Vec::new(),
        wrote: Vec::new(),
        newest: None,
        settled: None,
    };
    if let Err(error) = passing.run().await {
        passing.all_failed(&Problem::of(&error));
    }
    let now = env.clock.now();
    let mut lines = Vec::new();
    for (document, applied) in &passing.wrote {
        for (spec, pulled) in &passing.reads {
            lines.push(line(spec, document, pulled, applied, now));
        }
    }
    let pass = summed(&passing.reads, &passing.wrote, began_at, now);
    if let Err(error) = passing.note(&pass).await {
        let error = with_causes(&error);
        tracing::error!(replication = %name, error, "how a pass ended could not be written down");
    }
    let waits = passing.reads.iter().filter_map(|(_, pulled)| match pulled {
        Ok(Pulled {
            outcome: Outcome::Throttled(wait),
            ..
        }) => Some(*wait),
        _ => None,
    });
    let again_in = waits.min();
    Passed {
        lines,
        pass,
        again_in,
    }
}

/// A pass under way.
struct Passing<'a> {
    opened: &'a Opened,
    replication: &'a Replication,
    how: &'a How<'a>,
    began_at: jiff::Timestamp,
    reads: Vec<Read>,
    wrote: Vec<Wrote>,
    /// The log's newest number.
    newest: Option<u64>,
    /// Up to when the log has all resources.
    settled: Option<jiff::Timestamp>,
}

impl Passing<'_> {
    async fn run(&mut self) -> Result<(), RecordsError> {
        let env = &self.opened.env;
        let bits = env.entropy.bits().map_err(StepError::from)?;
        let owner = format!("replicate-{}-{bits:016x}", std::process::id());
        let generation = format!("{bits:016x}");
        let name = &self.replication.replication;
        let mut log = Log::open(&*env.objects, name, &generation, self.began_at).await?;
        for spec in self.specs() {
            let pulled = self.read(&spec, &mut log, &owner).await;
            // A failed pull may have left the log another one than this value knows.
            if pulled.is_err() {
                log = Log::open(&*env.objects, name, &generation, self.began_at).await?;
            }
            let pulled = pulled.map_err(|error| Problem::of(&error));
            if let Err(problem) = &pulled {
                tracing::error!(
                    replication = %name, resource = spec.resource(),
                    error = problem.name, "{}", problem.message
                );
            }
            self.reads.push((spec, pulled));
        }
        self.newest = Some(log.head().newest());
        let settled = self.reads.iter();
        let settled = settled.map(|(spec, _)| pull::settled(&log, spec.resource()));
        let settled: Option<Vec<_>> = settled.collect();
        self.settled = settled.and_then(|settled| settled.into_iter().min());
        for document in self.opened.registry.destinations_of(self.replication) {
            let applied = self.apply(&log, &document).await;
            let applied = applied.map_err(|error| Problem::of(&error));
            if let Err(problem) = &applied {
                tracing::error!(
                    replication = %name, destination = %document.destination,
                    error = problem.name, "{}", problem.message
                );
            }
            self.wrote.push((document, applied));
        }
        Ok(())
    }

    fn specs(&self) -> Vec<ResourceSpec> {
        let Some(mls) = self.opened.registry.mls.get(&self.replication.mls) else {
            return Vec::new();
        };
        let resources = self.replication.resources.iter();
        resources
            .map(|resource| ResourceSpec::of(self.replication, mls, resource))
            .collect()
    }

    /// What was not read or written was not because of this.
    fn all_failed(&mut self, problem: &Problem) {
        tracing::error!(
            replication = %self.replication.replication,
            error = problem.name, "{}", problem.message
        );
        for spec in self.specs().into_iter().skip(self.reads.len()) {
            self.reads.push((spec, Err(problem.clone())));
        }
        let documents = self.opened.registry.destinations_of(self.replication);
        for document in documents.into_iter().skip(self.wrote.len()) {
            self.wrote.push((document, Err(problem.clone())));
        }
    }

    /// Reads what changed, and what is to be read once more.
    async fn read(
        &self,
        spec: &ResourceSpec,
        log: &mut Log<'_>,
        owner: &str,
    ) -> Result<Pulled, RecordsError> {
        let again = self.how.again.as_ref().filter(|again| {
            let resource = again.resource.as_ref();
            resource.is_none_or(|resource| *resource == spec.feed.resource)
        });
        let Some(again) = again else {
            return self.all(spec, log, owner).await;
        };
        let filter = again.filter.as_deref();
        let now = || self.opened.env.clock.now();
        if pull::again(log, spec.resource(), filter, now()).await? {
            return self.all(spec, log, owner).await;
        }
        // A window that was cut off has to be read first.
        let first = self.all(spec, log, owner).await?;
        if first.outcome == Outcome::Done
            && pull::again(log, spec.resource(), filter, now()).await?
        {
            return Ok(first.and(self.all(spec, log, owner).await?));
        }
        tracing::warn!(
            replication = %spec.replication, resource = spec.resource(),
            "the records are not read again yet: the window before has not ended; give --refetch once more"
        );
        Ok(first)
    }

    /// Pulls until all is known, or until the pass has to end.
    async fn all(
        &self,
        spec: &ResourceSpec,
        log: &mut Log<'_>,
        owner: &str,
    ) -> Result<Pulled, RecordsError> {
        let how = pull::How {
            holds: false,
            longest_wait: self.how.longest_wait,
            goes_on: &|| !(self.how.ends)(&spec.feed.credential),
            watch: &|pulled| (self.how.watch)(spec, pulled),
        };
        pull::all(&self.opened.env, spec, log, owner, &how).await
    }

    async fn apply(
        &self,
        log: &Log<'_>,
        document: &DestinationDocument,
    ) -> Result<Applied, RecordsError> {
        let mut destination = self
            .opened
            .destination(document, &self.replication.mls)
            .await?;
        let clock = self.opened.env.clock.clone();
        let now = move || clock.now();
        let name = self.replication.replication.as_str();
        apply::apply(log, name, &mut *destination, &now).await
    }

    /// Writes down how the pass ended, and how the copies stand. What could not be written stands where it
    /// did.
    async fn note(&self, pass: &Pass) -> Result<(), StoreError> {
        let objects = &*self.opened.env.objects;
        let name = &self.replication.replication;
        let mut syncs = syncs::read(objects, name).await?;
        let mut copies = BTreeMap::new();
        for (document, applied) in &self.wrote {
            let name = &document.destination;
            let before = syncs.copies.remove(name).unwrap_or_default();
            let newest = self.newest.unwrap_or(before.newest);
            let state = match applied {
                Ok(applied) => CopyState {
                    position: applied.position,
                    newest,
                    settled_at: self.settled,
                    error: None,
                    ..before
                },
                Err(problem) => CopyState {
                    newest,
                    error: Some(problem.noted()),
                    ..before
                },
            };
            copies.insert(name.clone(), state);
        }
        syncs.note(pass.clone(), copies);
        syncs::write(objects, name, &syncs).await
    }
}

fn line(
    spec: &ResourceSpec,
    document: &DestinationDocument,
    pulled: &Result<Pulled, Problem>,
    applied: &Result<Applied, Problem>,
    now: jiff::Timestamp,
) -> Line {
    let did = pulled.as_ref().ok();
    let written = applied.as_ref().ok();
    let written = written.and_then(|applied| applied.written.get(spec.resource()));
    let written: Written = written.copied().unwrap_or_default();
    let error = pulled.as_ref().err().or(applied.as_ref().err()).cloned();
    let outcome = match (&error, did.map(|did| &did.outcome)) {
        (Some(_), _) => PassOutcome::Failed,
        (None, Some(Outcome::Busy)) => PassOutcome::Skipped,
        (None, Some(Outcome::Throttled(_) | Outcome::More)) => PassOutcome::Behind,
        _ => has_changed(written),
    };
    let settled = did.and_then(|did| did.settled);
    Line {
        replication: spec.replication.to_string(),
        feed: spec.feed.feed.to_string(),
        resource: spec.resource().to_owned(),
        destination: document.destination.to_string(),
        outcome: outcome.as_str(),
        pulled: did.map_or(0, |did| did.rows),
        upserts: written.upserts,
        removals: written.removals,
        unchanged: written.unchanged,
        rejected: written.rejected + did.map_or(0, |did| did.rejected),
        overflow: written.overflow,
        repeated: written.repeated,
        position: applied.as_ref().map_or(0, |applied| applied.position),
        lag_seconds: settled.map(|at| now.duration_since(at).as_secs().max(0)),
        requests: did.map_or(0, |did| did.requests),
        error,
    }
}

fn has_changed(written: Written) -> PassOutcome {
    match written.upserts + written.removals + written.rejected {
        0 => PassOutcome::Unchanged,
        _ => PassOutcome::Applied,
    }
}

/// The pass as it is written down.
fn summed(
    reads: &[Read],
    wrote: &[Wrote],
    began_at: jiff::Timestamp,
    ended_at: jiff::Timestamp,
) -> Pass {
    let mut written = Written::default();
    for applied in wrote
        .iter()
        .filter_map(|(_, applied)| applied.as_ref().ok())
    {
        for of in applied.written.values() {
            written.add(*of);
        }
    }
    let not_read = reads.iter().filter_map(|(spec, pulled)| {
        Some(SyncError {
            resource: Some(spec.feed.resource.clone()),
            ..pulled.as_ref().err()?.noted()
        })
    });
    let not_written = wrote.iter().filter_map(|(document, applied)| {
        Some(SyncError {
            destination: Some(document.destination.clone()),
            ..applied.as_ref().err()?.noted()
        })
    });
    let errors: Vec<SyncError> = not_read.chain(not_written).collect();
    let did = || reads.iter().filter_map(|(_, pulled)| pulled.as_ref().ok());
    let is = |outcome: &Outcome| did().any(|did| did.outcome == *outcome);
    let is_throttled = did().any(|did| matches!(did.outcome, Outcome::Throttled(_)));
    let outcome = if !errors.is_empty() {
        PassOutcome::Failed
    } else if did().count() > 0 && did().all(|did| did.outcome == Outcome::Busy) {
        PassOutcome::Skipped
    } else if is_throttled || is(&Outcome::More) || is(&Outcome::Busy) {
        PassOutcome::Behind
    } else {
        has_changed(written)
    };
    Pass {
        began_at,
        ended_at,
        outcome,
        pulled: did().map(|did| did.rows).sum(),
        upserts: written.upserts,
        removals: written.removals,
        rejected: written.rejected + did().map(|did| did.rejected).sum::<u64>(),
        requests: did().map(|did| did.requests).sum(),
        errors,
    }
}
