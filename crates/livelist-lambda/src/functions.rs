//! Maps each function to the code that it runs.

use livelist_steps::{acquire, authorize, compare, confirm, plan, publish, release, scan};

use crate::config::{Config, Function};
use crate::{admin, api, env, notify, step, worker};

/// Serves the function that the environment names, until Lambda ends the process.
pub(crate) async fn serve(
    get: impl Fn(&str) -> Option<String>,
) -> Result<(), lambda_runtime::Error> {
    let config = Config::read(get)?;
    if config.function == Function::Api {
        return api::serve(&config).await;
    }
    if config.function == Function::Notify {
        return notify::serve(&config).await;
    }
    let env = env::build(&config).await;
    match config.function {
        Function::Planner => step::serve(env, plan::NAME, plan::run).await,
        Function::Worker => worker::serve(env).await,
        Function::Admin => admin::serve(env).await,
        Function::Acquire => step::serve(env, acquire::NAME, acquire::run).await,
        Function::Authorize => step::serve(env, authorize::NAME, authorize::run).await,
        Function::Scan => step::serve(env, scan::NAME, scan::run).await,
        Function::Compare => step::serve(env, compare::NAME, compare::run).await,
        Function::Confirm => step::serve(env, confirm::NAME, confirm::run).await,
        Function::Publish => step::serve(env, publish::NAME, publish::run).await,
        Function::Release => step::serve(env, release::NAME, release::run).await,
        Function::Api | Function::Notify => Ok(()),
    }
}
