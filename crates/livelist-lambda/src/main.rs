//! The Lambda binary: every function is this `bootstrap`, and `_HANDLER` says which one it is.
//!
//! The work is done by `livelist-steps`, `livelist-api` and `livelist-notify`. Here are the environment,
//! the mapping of events and errors, and the log. Depends on everything; nothing depends on it.

mod admin;
mod api;
mod batch;
mod config;
mod deadline;
mod emf;
mod env;
mod functions;
mod logs;
mod notify;
mod report;
mod step;
#[cfg(test)]
mod testing;
mod worker;

use std::process::ExitCode;

/// A deployed binary has no switches that turn guards off.
const _: () = assert!(
    !livelist_model::guard_switch::ARE_COMPILED_IN,
    "the feature `mutations` of livelist-model is for livelist-hostile alone"
);

#[tokio::main]
async fn main() -> ExitCode {
    #[expect(
        clippy::disallowed_methods,
        reason = "the process begins here; the environment is read once and passed on"
    )]
    let get = |name: &str| std::env::var(name).ok();
    logs::init(get(config::LOG));
    match functions::serve(get).await {
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
