//! What the handlers need of the world.

use std::sync::Arc;

use livelist_store::{Clock, Entropy, Links, Objects};

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
    pub(crate) budgets: Arc<Budgets>,
}

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
        }
    }

    /// The same with another limit on how often a client may ask this process.
    #[must_use]
    pub fn with_rate(mut self, rate: Rate) -> Self {
        self.budgets = Arc::new(Budgets::new(rate));
        self
    }
}
