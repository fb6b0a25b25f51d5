//! The handler of the operators' web API and page.

use std::sync::Arc;

use livelist_ops::http::{AdminState, router};
use livelist_ops::rerun::Starter;
use livelist_steps::Env;

use crate::api;

/// Serves the operators' API over the ports of `env`; runs are asked for in the queue of pairs.
pub(crate) async fn serve(env: Env) -> Result<(), lambda_runtime::Error> {
    let starter = Starter::Queue(env.queue.clone());
    let state = AdminState::new(Arc::new(env)).starting_by(starter);
    api::answer(router(state)).await
}
