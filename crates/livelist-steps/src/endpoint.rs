//! The registry decides where a run's secrets may be sent. The input of an execution is free text: whoever
//! may start an execution could write any address into it. So a run gets a token only if its addresses
//! match the registry, and the token is encrypted so that it can be decrypted only for those addresses.

use livelist_model::codec::digest;
use livelist_model::run::RunSpec;
use livelist_reso::{Dialects, Session};
use livelist_store::SealError;
use livelist_store::registry::read_mls;
use secrecy::ExposeSecret;

use crate::{Env, StepError};

/// Refuses a run whose addresses differ from the registry's document of its MLS.
///
/// # Errors
/// They differ; the document is missing or invalid; the store is unavailable.
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

/// Encrypts a session, bound to the run and to all settings that say where it is sent.
///
/// # Errors
/// It cannot be encrypted now.
pub(crate) async fn seal(env: &Env, run: &RunSpec, session: &Session) -> Result<String, StepError> {
    let text = session.to_text();
    let text = format!("{}{}", mark(run)?, text.expose_secret());
    Ok(env.sealer.seal(run.run.as_str(), &text.into()).await?)
}

/// Decrypts a session of the run. Earlier versions did not bind it to addresses. Such a session is
/// accepted, because tokens live a day at most and running executions survive an update.
///
/// # Errors
/// It was encrypted for another run, or for other addresses.
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

/// The prefix of an encrypted session: the digest of the run's feed.
fn mark(run: &RunSpec) -> Result<String, StepError> {
    let feed = serde_json::to_vec(&run.feed).map_err(|e| StepError::Internal(e.into()))?;
    Ok(format!("{MARK}{}:", digest(&feed)))
}
