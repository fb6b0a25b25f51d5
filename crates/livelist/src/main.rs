//! The command `livelist`: the whole pipeline in one process on a directory, and the operators'
//! verbs. This file reads the command line and the environment; the work is in the modules.

mod alerts;
mod backup;
mod cli;
mod context;
mod decide;
mod disk;
mod exit;
mod exposed;
mod keys;
mod lapse;
mod logs;
mod machine;
mod mail;
mod notices;
mod overlay;
mod owner;
mod pause;
mod probe;
mod providers;
mod questions;
mod reconcile;
mod records;
mod redrive;
mod registry;
mod report;
mod rerun;
mod runner;
mod runs;
mod serve;
mod status;
mod text;
mod world;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use crate::cli::{Cli, Command, DestinationsCommand};
use crate::exit::Failed;

/// What is deployed has no switches that turn guards off.
const _: () = assert!(
    !livelist_model::guard_switch::ARE_COMPILED_IN,
    "the feature `mutations` of livelist-model is for livelist-hostile alone"
);

/// Threads for files and compression end so long after they were of use: those of a busy night would
/// keep their memory over the day.
const KEEP_ALIVE: Duration = Duration::from_secs(1);

#[expect(
    clippy::disallowed_methods,
    reason = "the environment is read here and passed on"
)]
fn main() -> ExitCode {
    let cli = Cli::parse();
    let environment: Vec<(String, String)> = std::env::vars().collect();
    if let Some(data) = cli.command.data()
        && let Err(failed) = owner::become_owner_of(data)
    {
        return failed.report();
    }
    logs::init(&cli.log, &cli.log_files, cli.log_megabytes);
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_keep_alive(KEEP_ALIVE)
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return Failed::internal(&error).report(),
    };
    let done = runtime.block_on(async {
        match cli.command {
            Command::Registry(command) => registry::run(command).await,
            Command::Providers(arguments) => providers::run(&arguments),
            Command::Probe(arguments) => probe::run(arguments, environment).await,
            Command::Reconcile(arguments) => reconcile::run(arguments, environment).await,
            Command::Replicate(arguments) => records::replicate(arguments, environment).await,
            Command::Prove(arguments) => records::prove(arguments, environment).await,
            Command::Record(arguments) => records::record(arguments, environment).await,
            Command::Schema(arguments) => records::schema(arguments, environment).await,
            Command::Destinations(DestinationsCommand::Check(arguments)) => {
                records::check(arguments, environment).await
            }
            Command::Status(arguments) => status::run(arguments, environment).await,
            Command::Live(arguments) => runs::live(arguments, environment).await,
            Command::Runs(arguments) => runs::list(arguments, environment).await,
            Command::Show(arguments) => runs::show(arguments, environment).await,
            Command::Approve(arguments) => decide::approve(arguments, environment).await,
            Command::Reject(arguments) => decide::reject(arguments, environment).await,
            Command::Backup(arguments) => backup::run(arguments).await,
            Command::Restore(arguments) => backup::restore(&arguments).await,
            Command::Cancel(arguments) => decide::cancel(arguments, environment).await,
            Command::Rerun(arguments) => rerun::run(arguments, environment).await,
            Command::Diff(arguments) => questions::diff(arguments, environment).await,
            Command::Why(arguments) => questions::why(arguments, environment).await,
            Command::Pause(arguments) => pause::pause(arguments, environment).await,
            Command::Resume(arguments) => pause::resume(arguments, environment).await,
            Command::Redrive(arguments) => redrive::run(arguments, environment).await,
            Command::Keys(command) => keys::run(command, environment).await,
            Command::Notices(arguments) => notices::run(arguments, environment).await,
            Command::Alerts(command) => alerts::run(command, environment).await,
            Command::Serve(arguments) => serve::run(arguments, environment).await,
            Command::Logs(arguments) => logs::run(arguments, environment).await,
            Command::Openapi => serve::describe(),
            Command::Completions { shell } => cli::completions(shell),
            Command::Man { dir } => cli::manual(&dir),
        }
    });
    // What was abandoned is not waited for.
    runtime.shutdown_timeout(Duration::from_secs(1));
    match done {
        Ok(code) => code.into(),
        Err(failed) => failed.report(),
    }
}
