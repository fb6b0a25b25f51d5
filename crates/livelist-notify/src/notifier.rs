//! One notice to one client: reads its URL, signs, sends, and records the result. Alerts to operators are signed
//! and sent by the same functions.

use std::sync::Arc;

use livelist_model::ClientId;
use livelist_model::notice::{Delivery, DeliveryState, Disabled, FeedEvent};
use livelist_model::registry::{CredentialRef, Notify};
use livelist_model::{layout, with_causes};
use livelist_store::deliveries::{deliveries, is_disabled, record};
use livelist_store::registry::{DocumentError, read_client};
use livelist_store::{
    Clock, Condition, Entropy, Objects, ObjectsExt, Retention, SecretError, Secrets, StoreError,
};
use secrecy::SecretString;

use crate::registry::KnownRegistry;
use crate::sender::Sender;
use crate::sign::SigningKeys;

/// Delivers notices.
pub struct Notifier {
    pub(crate) objects: Arc<dyn Objects>,
    pub(crate) secrets: Arc<dyn Secrets>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) sender: Sender,
    pub(crate) registry: tokio::sync::Mutex<KnownRegistry>,
}

/// The result of an attempt.
pub(crate) struct Attempted {
    pub(crate) status: Option<u16>,
    pub(crate) error: Option<&'static str>,
}

impl Notifier {
    /// A notifier over these ports.
    pub fn new(
        objects: Arc<dyn Objects>,
        secrets: Arc<dyn Secrets>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        sender: Sender,
    ) -> Notifier {
        Notifier {
            objects,
            secrets,
            clock,
            entropy,
            sender,
            registry: tokio::sync::Mutex::default(),
        }
    }

    /// Tries to notify `client` of `event`, unless it was notified already or has unsubscribed. An error is
    /// one of storage: then the result of the attempt may not be recorded, and another attempt sends the
    /// same `webhook-id` again. `attempt` counts from 1, as the queue does.
    pub async fn deliver(
        &self,
        client: &ClientId,
        event: &FeedEvent,
        attempt: u32,
    ) -> Result<Delivery, StoreError> {
        let known = deliveries(&*self.objects, client, &event.feed).await?.0;
        let id = event.webhook_id(client);
        let known = known.get(&id).cloned();
        let delivery =
            known.unwrap_or_else(|| Delivery::new(event.clone(), client, self.clock.now()));
        if delivery.state == DeliveryState::Delivered {
            return Ok(delivery);
        }
        let notify = match read_client(&*self.objects, client).await {
            Ok(found) => found.notify,
            Err(DocumentError::Store(error)) => return Err(error),
            Err(error) => {
                tracing::error!(%client, "{error}");
                None
            }
        };
        let delivery = match notify {
            None => Delivery {
                state: DeliveryState::Disabled,
                error: Some("not_registered".to_owned()),
                next_at: None,
                ..delivery
            },
            Some(notify) if is_disabled(&*self.objects, client, &notify.url).await? => Delivery {
                state: DeliveryState::Disabled,
                next_at: None,
                ..delivery
            },
            Some(notify) => self.attempt(client, &notify, delivery, attempt).await?,
        };
        record(&*self.objects, client, &delivery).await?;
        Ok(delivery)
    }

    async fn attempt(
        &self,
        client: &ClientId,
        notify: &Notify,
        delivery: Delivery,
        attempt: u32,
    ) -> Result<Delivery, StoreError> {
        let body = delivery.event.body();
        let Attempted { status, error } = self.post(notify, &delivery.id, body).await;
        let now = self.clock.now();
        let fraction = self.entropy.fraction();
        let delivery = delivery.after(attempt, status, error, now, fraction);
        let next_at = delivery.next_at.map(|at| at.to_string());
        tracing::info!(
            %client, feed = %delivery.event.feed, id = delivery.id, attempt, status, error, next_at,
            state = delivery.state.as_str(), "notified"
        );
        if delivery.state == DeliveryState::Disabled {
            let disabled = Disabled::new(&notify.url, now);
            let key = layout::notices_disabled(client);
            self.objects
                .write_json(&key, &disabled, Condition::Always, Retention::Keep)
                .await?;
        }
        Ok(delivery)
    }

    /// Signs `body` with the secret of `notify` and posts it to its URL.
    pub(crate) async fn post(&self, notify: &Notify, id: &str, body: String) -> Attempted {
        let secret = match self.secret(&notify.credential, id).await {
            Ok(secret) => secret,
            Err(error) => return Attempted::failed(error),
        };
        let Ok(keys) = SigningKeys::read(&secret) else {
            return Attempted::failed("secret_invalid");
        };
        let signed = keys.sign(id, self.clock.now(), &body);
        match self.sender.post(&notify.url, &signed, body).await {
            Ok(status) => Attempted {
                status: Some(status.as_u16()),
                error: status.is_redirection().then_some("redirected"),
            },
            Err(error) => {
                tracing::debug!(id, "{}", with_causes(&error));
                Attempted::failed(error.name())
            }
        }
    }

    /// The secret, or the name of the error. `what` is told in the log.
    pub(crate) async fn secret(
        &self,
        credential: &CredentialRef,
        what: &str,
    ) -> Result<SecretString, &'static str> {
        self.secrets.get(credential).await.map_err(|error| {
            tracing::warn!(what, "a secret for sending: {}", with_causes(&error));
            match error {
                SecretError::Missing(_) => "secret_missing",
                SecretError::Unsupported(..) | SecretError::Unreadable { .. } => {
                    "secret_unreadable"
                }
            }
        })
    }
}

impl Attempted {
    pub(crate) fn failed(error: &'static str) -> Attempted {
        Attempted {
            status: None,
            error: Some(error),
        }
    }
}
