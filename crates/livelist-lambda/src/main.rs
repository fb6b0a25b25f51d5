//! The Lambda binary of the first artifact: each of its functions is this `bootstrap`, and `_HANDLER` says which one
//! it is.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    #[expect(
        clippy::disallowed_methods,
        reason = "the process begins here; the environment is read once and passed on"
    )]
    let get = |name: &str| std::env::var(name).ok();
    livelist_lambda::run(get, async |get| livelist_lambda::serve(get).await).await
}
