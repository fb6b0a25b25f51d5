//! Starting a real server for tests. It ends with the process that started it, however that ends.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

/// A server. The script that started it waits at its standard input, and stops it by its id when that is
/// closed.
pub struct Server {
    _script: Child,
    pub port: u16,
    /// The certificate of its own authority; nothing where none could be made.
    pub certificate: Option<String>,
}

impl Server {
    /// Runs a script that says `ready`, and the path of its certificate, once the server answers at the port that it is given. Nothing where
    /// it cannot be had.
    pub fn start(name: &str, script: &str) -> Option<Server> {
        let mut said = String::new();
        // Somebody else may take a port first. Those below the range of outgoing connections are quiet.
        for nth in 0..5 {
            let port = 15_000 + (u16::try_from(std::process::id() % 1_500).unwrap() * 10 + nth);
            if TcpListener::bind(("127.0.0.1", port)).is_err() {
                continue;
            }
            let mut child = Command::new("sh")
                .args(["-c", script, "sh", &port.to_string()])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .ok()?;
            said.clear();
            let mut out = BufReader::new(child.stdout.take()?);
            out.read_line(&mut said).ok()?;
            if let Some(path) = said.trim().strip_prefix("ready") {
                let path = path.trim();
                return Some(Server {
                    _script: child,
                    port,
                    certificate: (!path.is_empty()).then(|| path.to_owned()),
                });
            }
        }
        // Not by a macro: those are shown for tests that fail alone.
        let told = format!("skipped: there is no {name} here: {}\n", said.trim());
        std::io::stderr().write_all(told.as_bytes()).ok()?;
        None
    }
}
