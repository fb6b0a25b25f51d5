//! The state that all handlers share: ports and settings.

use std::sync::Arc;

use livelist_model::ClientId;
use livelist_store::{Clock, Entropy, Links, Objects};
use tokio::sync::Semaphore;

use crate::keys::KeyIndex;
use crate::rate::{Budgets, Rate};
use crate::troubles::Troubles;

/// The ports, and the state that one process keeps between requests. Built once; clones share it.
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
    /// Problems of the process or its machine.
    pub(crate) troubles: Troubles,
    /// Whether the operators' page has the address `dashboard` beside this API.
    pub(crate) has_dashboard: bool,
    /// One is held while a large body is read and worked on.
    pub(crate) bodies: Arc<Semaphore>,
}

/// Lists that are read at once: each costs a thread.
const READERS: usize = 8;
/// Large bodies at once: each needs at most some 15 MB with its parsed form.
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
            troubles: Troubles::default(),
            has_dashboard: false,
            readers: Arc::new(Semaphore::new(READERS)),
            bodies: Arc::new(Semaphore::new(BODIES)),
        }
    }

    /// The same, with a health that depends on `troubles`.
    #[must_use]
    pub fn with_troubles(mut self, troubles: Troubles) -> Self {
        self.troubles = troubles;
        self
    }

    /// The same beside the operators' page: the bare address leads there.
    #[must_use]
    pub fn beside_dashboard(mut self) -> Self {
        self.has_dashboard = true;
        self
    }

    /// The same, with another rate limit for site keys.
    #[must_use]
    pub fn with_rate(mut self, rate: Rate) -> Self {
        self.budgets = Arc::new(Budgets::new(rate));
        self
    }
}
