//! `apply` as a function: one copy is brought up to its log within the time of one call, and compared with it where
//! the message says so. It needs the log, the registry and the destination's secret, and asks no provider. What does
//! not fit goes on with the next message: the position is in the copy.

use async_trait::async_trait;
use jiff::Timestamp;
use livelist_destinations::{Destination, DestinationError, Written};
use livelist_log::Log;
use livelist_model::MlsId;
use livelist_model::registry::{DestinationDocument, Replication};
use livelist_model::syncs::{CopyDue, CopyProof};
use livelist_store::StoreError;
use livelist_store::registry::{DocumentError, read_replication};

use super::apply::{Applied, apply_while};
use super::prove::{noted, prove};
use super::sync::{copies_of, settled};
use super::{RecordsError, syncs};
use crate::Env;

/// The function's name.
pub const NAME: &str = "apply";

/// Opens the destination of a document, for what is copied of an MLS.
#[async_trait]
pub trait Opens: Send + Sync {
    /// Opens it; tables are not touched.
    async fn open(
        &self,
        document: &DestinationDocument,
        mls: &MlsId,
    ) -> Result<Box<dyn Destination>, DestinationError>;
}

/// What came of a message.
#[derive(Debug)]
pub enum Output {
    /// The copy was written as far as the time went.
    Applied {
        /// What was written.
        written: Written,
        /// The number up to which the copy has the log.
        position: u64,
        /// Whether it has all of it.
        is_whole: bool,
        /// How it compared with the log, where that was wanted.
        proof: Option<CopyProof>,
    },
    /// It could not be written; that is noted. What was applied until then stays.
    Failed(RecordsError),
    /// Another call writes it just now.
    Moved,
    /// There is nothing to do, and this is why.
    Left(String),
}

impl Output {
    /// In one word, for the log.
    pub fn as_str(&self) -> &'static str {
        match self {
            Output::Applied {
                is_whole: false, ..
            } => "behind",
            Output::Applied { written, .. } => {
                match written.upserts + written.removals + written.rejected {
                    0 => "unchanged",
                    _ => "applied",
                }
            }
            Output::Failed(_) => "failed",
            Output::Moved => "moved",
            Output::Left(_) => "left",
        }
    }
}

/// Brings one copy up to its log, until the task's time is over. A destination that fails is no error here: that is
/// noted, and the next sync sends the message again.
///
/// # Errors
/// The store cannot be used now: the message should be delivered again.
pub async fn run(env: &Env, opens: &dyn Opens, due: &CopyDue) -> Result<Output, RecordsError> {
    let objects = &*env.objects;
    let replication = match read_replication(objects, &due.replication).await {
        Ok(replication) => replication,
        Err(DocumentError::Store(error)) => return Err(error.into()),
        Err(error) => return Ok(Output::Left(error.to_string())),
    };
    let documents = copies_of(objects, &replication).await?;
    let document = documents
        .into_iter()
        .find(|document| document.destination == due.destination);
    let Some(document) = document.filter(|_| replication.enabled) else {
        let reason = format!(
            "{} is no enabled destination of {}",
            due.destination, due.replication
        );
        return Ok(Output::Left(reason));
    };
    let log = Log::open(objects, &due.replication, "", env.clock.now()).await?;
    if !log.is_there() {
        return Ok(Output::Left("its log is empty".to_owned()));
    }
    let begun = env.clock.now();
    let is_in_time = || !env.limits.is_spent(begun, env.clock.now(), 0);
    let name = due.replication.as_str();
    let (applied, destination) = match opens.open(&document, &replication.mls).await {
        Ok(mut destination) => {
            let now = || env.clock.now();
            let applied = apply_while(&log, name, &mut *destination, &now, &is_in_time).await;
            (applied, Some(destination))
        }
        Err(error) => (Err(error.into()), None),
    };
    let moved = |error: &RecordsError| {
        matches!(
            error,
            RecordsError::Destination(DestinationError::Moved { .. })
        )
    };
    if applied.as_ref().is_err_and(moved) {
        return Ok(Output::Moved);
    }
    note(env, due, &replication, &log, &applied).await?;
    let is_whole = applied.as_ref().is_ok_and(|applied| applied.is_whole);
    // A proof needs time of its own. Where the application took it all, the next message proves.
    let proof = match destination {
        Some(mut destination) if due.prove && is_whole && is_in_time() => {
            let at = env.clock.now();
            let proof = noted(&prove(&log, name, &mut *destination, at).await, at);
            note_proof(env, due, &proof).await?;
            Some(proof)
        }
        _ => None,
    };
    Ok(match applied {
        Ok(applied) => {
            let mut written = Written::default();
            for of in applied.written.values() {
                written.add(*of);
            }
            Output::Applied {
                written,
                position: applied.position,
                is_whole: applied.is_whole,
                proof,
            }
        }
        Err(error) => Output::Failed(error),
    })
}

/// Writes down how the copy stands. What could not be written stands where it did.
async fn note(
    env: &Env,
    due: &CopyDue,
    replication: &Replication,
    log: &Log<'_>,
    applied: &Result<Applied, RecordsError>,
) -> Result<(), StoreError> {
    let settled: Option<Timestamp> = settled(log, replication);
    let newest = log.head().newest();
    syncs::update(&*env.objects, &due.replication, |syncs| {
        let copy = syncs.copies.entry(due.destination.clone()).or_default();
        copy.newest = copy.newest.max(newest);
        match applied {
            Ok(applied) => {
                copy.position = applied.position;
                copy.error = None;
                if applied.is_whole {
                    copy.settled_at = settled;
                }
            }
            Err(error) => copy.error = Some(error.noted()),
        }
    })
    .await
}

/// Writes down what a proof found.
async fn note_proof(env: &Env, due: &CopyDue, proof: &CopyProof) -> Result<(), StoreError> {
    syncs::update(&*env.objects, &due.replication, |syncs| {
        let copy = syncs.copies.entry(due.destination.clone()).or_default();
        copy.proof = Some(proof.clone());
    })
    .await
}
