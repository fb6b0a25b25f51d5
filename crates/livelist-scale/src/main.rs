//! `livelist-scale`: prints what a night costs and when it ends, or writes it down.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

/// What a night costs and when it ends.
#[derive(Debug, Parser)]
struct Arguments {
    /// The state machine.
    #[arg(long, default_value = "statemachines/reconcile.asl.json")]
    machine: PathBuf,
    /// Where to write the document; else it is printed.
    #[arg(long)]
    write: Option<PathBuf>,
    /// The document of the benchmarks, which shows an excerpt.
    #[arg(long)]
    excerpt: Option<PathBuf>,
}

#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command's output"
)]
fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let text = match std::fs::read_to_string(&arguments.machine) {
        Ok(text) => text,
        Err(error) => {
            eprintln!("{}: {error}", arguments.machine.display());
            return ExitCode::FAILURE;
        }
    };
    let document = match livelist_scale::report::document(&text) {
        Ok(document) => document,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    if let Some(path) = &arguments.excerpt {
        let text = std::fs::read_to_string(path).map_err(|e| e.to_string());
        let text = text.and_then(|text| livelist_scale::excerpt::put_in(&text, &document));
        let written = text.and_then(|text| std::fs::write(path, text).map_err(|e| e.to_string()));
        if let Err(error) = written {
            eprintln!("{}: {error}", path.display());
            return ExitCode::FAILURE;
        }
    }
    match &arguments.write {
        None => print!("{document}"),
        Some(path) => {
            if let Err(error) = std::fs::write(path, document) {
                eprintln!("{}: {error}", path.display());
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
