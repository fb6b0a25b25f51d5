//! The handler of the queue of copies.

use std::sync::Arc;

use async_trait::async_trait;
use livelist_copies::Room;
use livelist_destinations::{Destination, DestinationError};
use livelist_lambda::config::{Config, Function};
use livelist_lambda::{env, queue};
use livelist_model::registry::DestinationDocument;
use livelist_model::syncs::CopyDue;
use livelist_model::{MlsId, with_causes};
use livelist_steps::records::RecordsError;
use livelist_steps::records::copy::{self, NAME, Opens, Output};
use livelist_steps::records::error::advice;
use livelist_steps::{Env, StepError};
use livelist_store::Secrets;

/// Serves the queue, until Lambda ends the process.
pub(crate) async fn serve(
    get: impl Fn(&str) -> Option<String>,
) -> Result<(), lambda_runtime::Error> {
    let config = Config::read(get)?;
    if config.function != Function::Apply {
        return Err("only apply is in this artifact: the others are in build/lambda".into());
    }
    let env = env::build(&config).await;
    let opener = Opener(env.secrets.clone());
    queue::serve(env, NAME, async |env: &mut Env, body: &str| {
        handle(env, &opener, body).await
    })
    .await
}

/// Opens destinations with the function's secrets. No file stays here.
struct Opener(Arc<dyn Secrets>);

#[async_trait]
impl Opens for Opener {
    async fn open(
        &self,
        document: &DestinationDocument,
        mls: &MlsId,
    ) -> Result<Box<dyn Destination>, DestinationError> {
        let room = Room {
            secrets: &*self.0,
            folder: None,
        };
        room.open(document, mls).await
    }
}

/// Brings one copy up to its log, with one line in the function's log.
async fn handle(env: &Env, opens: &dyn Opens, body: &str) -> Result<(), RecordsError> {
    let due: CopyDue = serde_json::from_str(body)
        .map_err(|error| StepError::InputInvalid(format!("the message is no copy: {error}")))?;
    if due.schema != CopyDue::SCHEMA {
        let reason = format!("the message has the unknown form {}", due.schema);
        return Err(StepError::InputInvalid(reason).into());
    }
    let begun = env.clock.now();
    let output = copy::run(env, opens, &due).await?;
    let milliseconds = env.clock.now().duration_since(begun).as_millis();
    let milliseconds = u64::try_from(milliseconds).unwrap_or_default();
    let (replication, destination) = (due.replication.as_str(), due.destination.as_str());
    let outcome = output.as_str();
    match output {
        Output::Applied {
            written,
            position,
            proof,
            ..
        } => {
            let proof = proof.as_ref();
            let proved = proof.map(|proof| proof.outcome.as_str());
            let wrong = proof.map(|proof| proof.missing + proof.stale);
            tracing::info!(
                step = NAME,
                replication,
                destination,
                outcome,
                upserts = written.upserts,
                removals = written.removals,
                rejected = written.rejected,
                overflow = written.overflow,
                position,
                proved,
                wrong,
                milliseconds,
                "{NAME}: {outcome}"
            );
        }
        Output::Failed(error) => tracing::error!(
            step = NAME,
            replication,
            destination,
            outcome,
            error = error.name(),
            advice = advice(error.name()),
            milliseconds,
            "the copy could not be written: {}",
            with_causes(&error)
        ),
        Output::Moved => tracing::info!(
            step = NAME,
            replication,
            destination,
            outcome,
            "another call writes the copy just now"
        ),
        Output::Left(reason) => tracing::info!(
            step = NAME,
            replication,
            destination,
            outcome,
            "{NAME}: {reason}"
        ),
    }
    Ok(())
}
