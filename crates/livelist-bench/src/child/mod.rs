//! The measured processes: each reads its task from a line of JSON, and writes its usage as a line.

pub mod api;
pub mod limits;
pub mod steps;

use std::io::{BufRead, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Failed, pages};

/// Runs the child `name`. A server prints its address and continues.
pub fn run(name: &str) -> Result<(), Failed> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    // As many threads as `livelist` and the functions have: one a core.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match name {
            "pages" => pages::serve(read(&line)?).await,
            "scan" => say(&steps::scan(read(&line)?).await?),
            "compare" => say(&steps::compare(read(&line)?).await?),
            "whole" => say(&steps::whole(read(&line)?).await?),
            "counted" => say(&steps::counted(read(&line)?).await?),
            "drain" => say(&limits::drain(read(&line)?).await?),
            "lists" => say(&limits::lists(&read(&line)?)?),
            "api" => api::serve(read(&line)?).await,
            "ask" => say(&api::ask(read(&line)?).await?),
            _ => Err(format!("there is no child {name}").into()),
        }
    })
}

fn read<T: DeserializeOwned>(line: &str) -> Result<T, Failed> {
    Ok(serde_json::from_str(line)?)
}

fn say(what: &impl Serialize) -> Result<(), Failed> {
    writeln!(std::io::stdout(), "{}", serde_json::to_string(what)?)?;
    Ok(())
}
