//! `livelist-mls`: serves simulated MLSs on 127.0.0.1 until it is told to stop.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use livelist_mls::{MlsSpec, Simulator};
use tokio::signal::unix::{SignalKind, signal};

/// Simulated MLSs over HTTP on 127.0.0.1.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// A JSON array of MLS specs.
    #[arg(long)]
    config: PathBuf,
    /// The port to listen on; 0 for a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Print only the URL when listening, instead of a line of JSON.
    #[arg(long)]
    print_url: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    match serve(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell when stderr is closed.
            let _ = writeln!(io::stderr(), "livelist-mls: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(arguments: Arguments) -> io::Result<()> {
    let specs = read(&arguments.config)?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let addr = SocketAddr::from(([127, 0, 0, 1], arguments.port));
    let simulator = Simulator::start_on(addr, specs).await?;
    let url = simulator.url();
    let line = if arguments.print_url {
        url
    } else {
        serde_json::json!({ "url": url, "mlss": simulator.endpoints() }).to_string()
    };
    let mut out = io::stdout();
    writeln!(out, "{line}")?;
    out.flush()?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    simulator.shutdown().await;
    Ok(())
}

fn read(path: &Path) -> io::Result<Vec<MlsSpec>> {
    let told = |error: String| io::Error::other(format!("{}: {error}", path.display()));
    let text = std::fs::read(path).map_err(|error| told(error.to_string()))?;
    serde_json::from_slice(&text).map_err(|error| told(error.to_string()))
}
