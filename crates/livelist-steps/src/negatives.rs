//! Negative controls: keys that the newest version removed, asked for together with absent keys. A
//! provider that still shows them by key shows more than it lists, so its answers prove nothing about
//! what is live.

use livelist_model::delta::{Sign, read_delta};
use livelist_model::head::{ConfirmedBy, Head};
use livelist_model::run::RunSpec;

use crate::{Env, StepError, lists};

/// At most this many are asked for.
const MOST: usize = 8;

/// The keys. Empty if the newest version removed none that were asked for by key, or if it cannot be read;
/// that fails no run.
pub(crate) async fn of(env: &Env, run: &RunSpec, head: &Head) -> Vec<String> {
    read(env, head).await.unwrap_or_else(|error| {
        tracing::warn!(run = %run.run, error = error.chain(), "negative controls cannot be read; none are asked for");
        Vec::new()
    })
}

async fn read(env: &Env, head: &Head) -> Result<Vec<String>, StepError> {
    let by_key = |by| by == Some(ConfirmedBy::Key);
    let Some(delta) = head.deltas.first().filter(|delta| by_key(delta.confirmed)) else {
        return Ok(Vec::new());
    };
    let object = delta.stored.object.clone();
    let Some(source) = lists::find(&*env.objects, &object).await? else {
        return Ok(Vec::new());
    };
    let keys = livelist_blocking::run(move || {
        let mut keys = Vec::new();
        read_delta(source, |sign, key| {
            if sign == Sign::Removed && keys.len() < MOST {
                keys.extend(String::from_utf8(key.to_vec()));
            }
        })?;
        Ok(keys)
    })
    .await?;
    keys.map_err(lists::in_object(&object))
}
