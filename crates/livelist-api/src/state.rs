//! The state that all handlers share: ports and settings.

use std::sync::Arc;

use livelist_model::ClientId;
use livelist_store::{Clock, Entropy, Links, Objects};
use tokio::sync::Semaphore;

use crate::keys::KeyIndex;
use crate::rate::{Budgets, Rate};

/// The ports, and what one process remembers between requests. Built once; cloning shares it.
#[derive(Clone)]
pub struct ApiState {
    pub(crate) objects: Arc<dyn Objects>,
    pub(crate) links: Arc<dyn Links>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) keys: Arc<KeyIndex>,
    pub(crate) budgets: Arc<Budgets<(ClientId, String)>>,
    /// One is held while a list is read: they bound the memory and the threads for that.
    pub(crate) readers: Arc<Semaphore>,
    /// One is held while a large body is read and worked on.
    pub(crate) bodies: Arc<Semaphore>,
}

/// Lists that are read at once: each costs a thread.
const READERS: usize = 8;
/// Large bodies at once: each costs at most some 15 MB with what is made of it.
const BODIES: usize = 16;

impl ApiState {
    /// A state over these ports.
    pub fn new(
        objects: Arc<dyn Objects>,
        links: Arc<dyn Links>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        ApiState {
            objects,
            links,
            clock,
            entropy,
            keys: Arc::default(),
            budgets: Arc::new(Budgets::new(Rate::default())),
            readers: Arc::new(Semaphore::new(READERS)),
            bodies: Arc::new(Semaphore::new(BODIES)),
        }
    }

    /// The same with another limit on how often may be asked with one site key.
    #[must_use]
    pub fn with_rate(mut self, rate: Rate) -> Self {
        self.budgets = Arc::new(Budgets::new(rate));
        self
    }
}
