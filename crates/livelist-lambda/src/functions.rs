//! Maps each function to the code that it runs.

use livelist_steps::step::{Acquire, Authorize, Compare, Confirm, Plan, Publish, Release, Scan};

use crate::config::{Config, Function};
use crate::{admin, api, env, notify, pull, step, syncs, worker};

/// Serves the function that the environment names, until Lambda ends the process.
///
/// # Errors
/// The environment is wrong, or the runtime's API does not answer.
pub async fn serve(get: impl Fn(&str) -> Option<String>) -> Result<(), lambda_runtime::Error> {
    let config = Config::read(get)?;
    if config.function == Function::Api {
        return api::serve(&config).await;
    }
    if config.function == Function::Notify {
        return notify::serve(&config).await;
    }
    if config.function == Function::Apply {
        return Err("apply is not in this artifact: deploy it with build/lambda-apply".into());
    }
    let env = env::build(&config).await;
    match config.function {
        Function::Planner => step::serve::<Plan>(env).await,
        Function::Worker => worker::serve(env).await,
        Function::Admin => admin::serve(env).await,
        Function::Acquire => step::serve::<Acquire>(env).await,
        Function::Authorize => step::serve::<Authorize>(env).await,
        Function::Scan => step::serve::<Scan>(env).await,
        Function::Compare => step::serve::<Compare>(env).await,
        Function::Confirm => step::serve::<Confirm>(env).await,
        Function::Publish => step::serve::<Publish>(env).await,
        Function::Release => step::serve::<Release>(env).await,
        Function::Syncs => syncs::serve(env).await,
        Function::Pull => pull::serve(env).await,
        Function::Api | Function::Notify | Function::Apply => Ok(()),
    }
}
