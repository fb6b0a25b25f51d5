//! The handler of the operators' web API and page.

use std::sync::Arc;

use livelist_ops::http::{AdminState, router};
use livelist_steps::Env;

use crate::api;

/// Serves the operators' API over the ports of `env`; runs are started in Step Functions.
pub(crate) async fn serve(env: Env) -> Result<(), lambda_runtime::Error> {
    let executions = env.executions.clone();
    let state = AdminState::new(Arc::new(env)).with_executions(executions);
    api::answer(router(state)).await
}
