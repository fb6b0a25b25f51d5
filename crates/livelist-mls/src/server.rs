//! skeleton
use crate::{Control, MlsSpec};
use std::{io, net::SocketAddr};
/// Simulated MLSs behind one port of 127.0.0.1.
pub struct Simulator {}
#[allow(missing_docs, unused_variables, clippy::unused_async)]
impl Simulator {
    pub async fn start(specs: Vec<MlsSpec>) -> io::Result<Self> { Self::start_on(SocketAddr::from(([127, 0, 0, 1], 0)), specs).await }
    pub async fn start_on(addr: SocketAddr, specs: Vec<MlsSpec>) -> io::Result<Self> { Ok(Self {}) }
    pub fn addr(&self) -> SocketAddr { SocketAddr::from(([127, 0, 0, 1], 0)) }
    pub fn url(&self) -> String { String::new() }
    pub fn base_url(&self, mls: &str) -> String { String::new() }
    pub fn token_url(&self, mls: &str) -> String { String::new() }
    pub fn control(&self, mls: &str) -> Option<Control> { None }
    pub async fn shutdown(self) {}
}
