//! `livelist-bench`: measures every row of docs/benchmarks.md against the limit of the same machine, and
//! counts the instructions of the inner loops. Depends on everything but AWS; nothing depends on it, and it
//! is not shipped.

mod child;
mod instructions;
mod kernels;
mod machine;
mod pages;
mod process;
mod report;
mod rows;
mod runtime_api;
mod world;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::report::Section;
use crate::rows::Plan;

/// Whatever went wrong: whoever measures reads it and looks.
pub type Failed = Box<dyn std::error::Error + Send + Sync>;

/// Measures Livelist.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Measures rows and prints tables.
    Run(RunArgs),
    /// Counts instructions and compares them with those recorded.
    Check(InstructionArgs),
    /// Counts instructions and records them.
    Record(InstructionArgs),
    /// Runs one inner loop, to be counted.
    #[command(hide = true)]
    Kernel {
        /// Its name.
        name: String,
    },
    /// Is measured.
    #[command(hide = true)]
    Child {
        /// What it does.
        name: String,
    },
}

#[derive(Args)]
struct RunArgs {
    /// Which rows, with commas between; all when left out.
    #[arg(long, value_delimiter = ',')]
    rows: Vec<String>,
    /// A quick pass: a fiftieth of the keys.
    #[arg(long)]
    small: bool,
    /// How often each measurement is made.
    #[arg(long, default_value_t = 5)]
    repeat: usize,
    /// The document to write the tables into.
    #[arg(long)]
    write: Option<PathBuf>,
    /// The functions' binary, as `make package` builds it.
    #[arg(long)]
    bootstrap: Option<PathBuf>,
    /// The URL of an AWS emulator that lets everybody do everything.
    #[arg(long, env = "LIVELIST_TEST_ENDPOINT")]
    aws: Option<String>,
}

#[derive(Args)]
struct InstructionArgs {
    /// The file with the counts.
    #[arg(long)]
    file: PathBuf,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().verb {
        Verb::Run(arguments) => run(&arguments),
        Verb::Check(arguments) => instructions::check(&arguments.file),
        Verb::Record(arguments) => instructions::record(&arguments.file),
        Verb::Kernel { name } => kernels::run(&name),
        Verb::Child { name } => child::run(&name),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell when stderr is closed.
            let _ = writeln!(std::io::stderr(), "livelist-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

type Measure = fn(&Plan) -> Result<Section, Failed>;

const ROWS: [(&str, Measure); 8] = [
    ("scan", rows::scan::measure),
    ("overlap", rows::overlap::measure),
    ("compare", rows::compare::measure),
    ("whole", rows::whole::measure),
    ("confirm", rows::confirm::measure),
    ("api", rows::api::measure),
    ("profile", rows::profile::measure),
    ("lambda", rows::lambda::measure),
];

fn run(arguments: &RunArgs) -> Result<(), Failed> {
    let known = |name: &String| ROWS.iter().any(|(row, _)| row == name);
    if let Some(unknown) = arguments.rows.iter().find(|name| !known(name)) {
        let all = ROWS.map(|(row, _)| row).join(", ");
        return Err(format!("there is no row {unknown}; there are {all}").into());
    }
    let folder = tempfile::tempdir()?;
    let plan = Plan {
        small: arguments.small,
        repeat: arguments.repeat.max(1),
        folder: folder.path().to_owned(),
        bootstrap: arguments.bootstrap.clone(),
        aws: arguments.aws.clone(),
    };
    let today = livelist_store::Clock::now(&livelist_store::SystemClock);
    let date = today.to_zoned(jiff::tz::TimeZone::UTC).date().to_string();
    let rustc = process::first_line("rustc", "--version");
    let about = machine::about(&rustc)?;
    let command = |name: &str| {
        let small = if arguments.small { " SMALL=1" } else { "" };
        format!("make bench ROWS={name}{small}")
    };
    for (name, measure) in ROWS {
        if !arguments.rows.is_empty() && !arguments.rows.iter().any(|row| row == name) {
            continue;
        }
        let section = measure(&plan)?;
        writeln!(std::io::stdout(), "{}", section.text())?;
        // Each at once: what was measured stays, should a later one fail.
        if let Some(path) = &arguments.write {
            report::write(path, &[section], &about, command, &date)?;
        }
    }
    Ok(())
}
