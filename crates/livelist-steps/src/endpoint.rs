//! Where a run's secrets may go: the registry decides. The input of an execution is a text, and whoever may
//! start an execution may write any address into it. So a run gets a token only if it is what the registry
//! says, and what is sealed for it opens for no other address.

use livelist_model::run::RunSpec;
use livelist_reso::Dialects;
use livelist_store::registry::read_mls;
use sha2::{Digest, Sha256};

use crate::{Env, StepError};

/// Refuses a run that goes elsewhere than the registry's document of its MLS says.
///
/// # Errors
/// It differs; the document is missing or wrong; the store cannot be used now.
pub(crate) async fn verify(env: &Env, run: &RunSpec) -> Result<(), StepError> {
    let feed = &run.feed;
    let mls = read_mls(&*env.objects, &feed.mls, &Dialects).await;
    match feed.differs_from(&mls.map_err(StepError::Registry)?) {
        None => Ok(()),
        Some(member) => Err(StepError::NotInRegistry {
            mls: feed.mls.clone(),
            member,
        }),
    }
}

/// What a token is sealed for: the run, and all that says where it is sent.
///
/// # Errors
/// The run cannot be written.
pub(crate) fn context(run: &RunSpec) -> Result<String, StepError> {
    let feed = serde_json::to_vec(&run.feed).map_err(|e| StepError::Internal(e.into()))?;
    Ok(format!("{} {}", run.run, hex::encode(Sha256::digest(feed))))
}
