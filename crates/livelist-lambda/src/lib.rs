//! The functions: the environment, the mapping of events and errors, the log, and the functions of the first
//! artifact. The work is done by `livelist-steps`, `livelist-api`, `livelist-notify` and `livelist-ops`. Depends on
//! everything but drivers of databases; only `livelist-lambda-apply`, the second artifact, depends on it.

mod admin;
mod api;
mod batch;
pub mod config;
mod deadline;
mod emf;
pub mod env;
mod functions;
mod logs;
mod notify;
mod pull;
pub mod queue;
mod report;
mod step;
mod syncs;
#[cfg(test)]
mod testing;
mod worker;

use std::pin::Pin;
use std::process::ExitCode;

pub use functions::serve;

/// A deployed binary has no switches that turn guards off.
const _: () = assert!(
    !livelist_model::guard_switch::ARE_COMPILED_IN,
    "the feature `mutations` of livelist-model is for livelist-hostile alone"
);

type Serving<'a> = Pin<Box<dyn Future<Output = Result<(), lambda_runtime::Error>> + 'a>>;

/// Serves until Lambda ends the process. `get` reads the environment; an error is logged.
pub async fn run<G: Fn(&str) -> Option<String>>(
    get: G,
    serve: impl AsyncFnOnce(G) -> Result<(), lambda_runtime::Error>,
) -> ExitCode {
    logs::init(get(config::LOG));
    // In a box: the type of all functions' futures together is too deep for the compiler.
    let serving: Serving<'_> = Box::pin(serve(get));
    match serving.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(
                "this function cannot work: {}",
                livelist_model::with_causes(&*error)
            );
            ExitCode::FAILURE
        }
    }
}
