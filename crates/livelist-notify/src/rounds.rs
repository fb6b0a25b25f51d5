//! Delivers notices on one machine, which has no queue service. A notice is recorded first, and sent
//! whenever `livelist serve` or a command looks for due ones.

use std::time::Duration;

use futures::{StreamExt, stream};
use livelist_model::notice::{Deliveries, Delivery, DeliveryState, told};
use livelist_model::registry::Registry;
use livelist_model::{ClientId, layout};
use livelist_store::deliveries::{record, recorded};
use livelist_store::outbox::ObjectOutbox;
use livelist_store::{ObjectsExt, StoreError};

use crate::Notifier;

/// Notices on their way at once.
const AT_ONCE: usize = 8;
/// A command waits this long for a second attempt; a later one is left to the next command.
const SOON: Duration = Duration::from_secs(15);

/// The result of a round.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Round {
    /// The sites took them.
    pub delivered: usize,
    /// A later command tries again.
    pub waiting: usize,
    /// They were given up.
    pub given_up: usize,
    /// The sites want none.
    pub disabled: usize,
}

impl Round {
    pub(crate) fn add(&mut self, state: DeliveryState) {
        match state {
            DeliveryState::Delivered => self.delivered += 1,
            DeliveryState::Waiting => self.waiting += 1,
            DeliveryState::GivenUp => self.given_up += 1,
            DeliveryState::Disabled => self.disabled += 1,
        }
    }
}

impl Notifier {
    /// Takes the events out of the outbox: records a notice for each client, and only then removes the
    /// event.
    pub async fn take_up(
        &self,
        outbox: &ObjectOutbox,
        registry: &Registry,
    ) -> Result<(), StoreError> {
        for waiting in outbox.waiting().await? {
            for client in told(registry, &waiting.event.feed) {
                let delivery = Delivery::new(waiting.event.clone(), &client, self.clock.now());
                self.begin(&client, delivery).await?;
            }
            outbox.forget(&waiting).await?;
        }
        Ok(())
    }

    /// Tries the due notices, and once more those that become due within some seconds. With `all`, also
    /// those that are not due yet.
    pub async fn send_due(&self, all: bool) -> Result<Round, StoreError> {
        let first = self.round(all).await?;
        let now = self.clock.now();
        let soon = now.saturating_add(SOON).unwrap_or(now);
        let again = first.iter().filter_map(|d| d.next_at);
        let until = again.filter(|at| *at <= soon).max();
        let mut last = first;
        if let Some(until) = until {
            let wait = Duration::try_from(until.duration_since(now)).unwrap_or_default();
            self.clock.sleep(wait).await;
            for delivery in self.round(false).await? {
                last.retain(|d| d.id != delivery.id);
                last.push(delivery);
            }
        }
        let mut round = Round::default();
        last.iter().for_each(|delivery| round.add(delivery.state));
        Ok(round)
    }

    /// Records that a notice is to be sent, unless it is recorded already.
    async fn begin(&self, client: &ClientId, delivery: Delivery) -> Result<(), StoreError> {
        let key = layout::notices(client, &delivery.event.feed);
        let known = self.objects.read_json::<Deliveries>(&key).await;
        if let Ok(Some((known, _))) = &known
            && known.get(&delivery.id).is_some()
        {
            return Ok(());
        }
        record(&*self.objects, client, &delivery).await
    }

    async fn round(&self, all: bool) -> Result<Vec<Delivery>, StoreError> {
        let now = self.clock.now();
        let mut due = Vec::new();
        for recorded in recorded(&*self.objects, None).await? {
            let waiting = recorded.deliveries.into_iter().filter(|delivery| {
                delivery.state == DeliveryState::Waiting && (all || delivery.is_due(now))
            });
            due.extend(waiting.map(|delivery| (recorded.client.clone(), delivery)));
        }
        let tried: Vec<Result<Delivery, StoreError>> = stream::iter(due)
            .map(|(client, delivery)| async move {
                let attempt = delivery.attempts.saturating_add(1);
                self.deliver(&client, &delivery.event, attempt).await
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        tried.into_iter().collect()
    }
}
