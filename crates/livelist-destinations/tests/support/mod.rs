//! Starts a real server for tests. It ends with the process that started it, even after a crash.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

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

/// Stands between us and a server, and can lose an answer.
pub struct Proxy {
    pub port: u16,
    lost: Arc<Mutex<Option<&'static str>>>,
}

impl Proxy {
    pub fn to(server: u16) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let lost = Arc::new(Mutex::new(None));
        let proxy = Proxy {
            port,
            lost: lost.clone(),
        };
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (mut client, lost) = (client.unwrap(), lost.clone());
                let mut server = TcpStream::connect(("127.0.0.1", server)).unwrap();
                let mut answers = server.try_clone().unwrap();
                let mut back = client.try_clone().unwrap();
                std::thread::spawn(move || std::io::copy(&mut answers, &mut back));
                std::thread::spawn(move || forward(&mut client, &mut server, &lost));
            }
        });
        proxy
    }

    /// The next statement that holds this reaches the server, and nothing comes back.
    pub fn lose_the_answer_to(&self, statement: &'static str) {
        *self.lost.lock().unwrap() = Some(statement);
    }
}

fn forward(client: &mut TcpStream, server: &mut TcpStream, lost: &Mutex<Option<&'static str>>) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(read @ 1..) = client.read(&mut buffer) {
        let sent = &buffer[..read];
        let mut lost = lost.lock().unwrap();
        let is_lost = lost.is_some_and(|s| sent.windows(s.len()).any(|w| w == s.as_bytes()));
        if is_lost {
            *lost = None;
            let _ = client.shutdown(Shutdown::Both);
        }
        if server.write_all(sent).is_err() {
            break;
        }
        if is_lost {
            // It carries the statement out.
            std::thread::sleep(Duration::from_millis(300));
            break;
        }
    }
    let _ = server.shutdown(Shutdown::Both);
}
