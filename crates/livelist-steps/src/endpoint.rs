//! The registry decides where a run's secrets may be sent. The input of an execution is free text,
//! and whoever may start an execution could write any address into it. So a run gets a token only if
//! its addresses are those of the registry, and the token is sealed so that it opens for no other
//! address.

use livelist_model::codec::digest;
use livelist_model::run::RunSpec;
use livelist_reso::{Dialects, Session};
use livelist_store::SealError;
use livelist_store::registry::read_mls;
use secrecy::ExposeSecret;

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

/// Seals a session for the run, and for all that says where it is sent.
///
/// # Errors
/// It cannot be sealed now.
pub(crate) async fn seal(env: &Env, run: &RunSpec, session: &Session) -> Result<String, StepError> {
    let text = session.to_text();
    let text = format!("{}{}", mark(run)?, text.expose_secret());
    Ok(env.sealer.seal(run.run.as_str(), &text.into()).await?)
}

/// Opens what was sealed for the run. What a version before this one sealed says nothing of addresses: it
/// is let through, for tokens live a day at most and runs under way outlive an update.
///
/// # Errors
/// It was sealed for another run, or for other addresses.
pub(crate) async fn open(env: &Env, run: &RunSpec, sealed: &str) -> Result<Session, StepError> {
    let opened = env.sealer.open(run.run.as_str(), sealed).await?;
    let text = opened.expose_secret();
    match text.strip_prefix(&mark(run)?) {
        Some(text) => Ok(Session::from_text(&text.to_owned().into())),
        None if text.starts_with(MARK) => Err(SealError::NotOurs.into()),
        None => Ok(Session::from_text(&opened)),
    }
}

const MARK: &str = "livelist-feed:";

/// What stands before a sealed session: the digest of the run's feed.
fn mark(run: &RunSpec) -> Result<String, StepError> {
    let feed = serde_json::to_vec(&run.feed).map_err(|e| StepError::Internal(e.into()))?;
    Ok(format!("{MARK}{}:", digest(&feed)))
}
