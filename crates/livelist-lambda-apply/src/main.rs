//! The Lambda binary of the second artifact: `apply`, with the drivers of databases and jq. It is the one function
//! that may stand in the network of the databases: it needs the bucket and its secrets, and nothing else.

mod apply;

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    #[expect(
        clippy::disallowed_methods,
        reason = "the process begins here; the environment is read once and passed on"
    )]
    let get = |name: &str| std::env::var(name).ok();
    livelist_lambda::run(get, async |get| apply::serve(get).await).await
}
