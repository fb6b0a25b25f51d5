//! Alerts to operators: they go through the same signature, the same rules of addresses and the same schedule
//! of attempts as the notices to sites. Their queue is `alerts.json`.

use livelist_model::layout;
use livelist_model::notice::{Alerted, Channel, DeliveryState};
use livelist_model::registry::{AlertsDocument, Email};
use livelist_model::with_causes;
use livelist_store::StoreError;
use livelist_store::alerts::{state, update};

use crate::Notifier;
use crate::mail::{Mail, Mailer};
use crate::notifier::Attempted;
use crate::rounds::Round;

/// The channels that a document names.
pub fn channels(document: &AlertsDocument) -> Vec<Channel> {
    let email = document.email.as_ref().map(|_| Channel::Email);
    let webhook = document.webhook.as_ref().map(|_| Channel::Webhook);
    email.into_iter().chain(webhook).collect()
}

impl Notifier {
    /// Tries the alerts that are due; with `all`, also those that wait for a later attempt. `document` says
    /// where to; alerts of a channel that it does not name any more are dropped.
    ///
    /// # Errors
    /// The store cannot be used now: an alert that was sent may be sent again under the same id.
    pub async fn send_alerts(
        &self,
        document: &AlertsDocument,
        mailer: &dyn Mailer,
        all: bool,
    ) -> Result<Round, StoreError> {
        let mut round = Round::default();
        let due = state(&*self.objects).await?.due(self.clock.now(), all);
        for alerted in due {
            let alerted = self.send_alert(document, mailer, alerted).await;
            round.add(alerted.delivery.state);
            self.record_alert(&alerted).await?;
        }
        Ok(round)
    }

    /// Records how the delivery of an alert stands.
    ///
    /// # Errors
    /// The store cannot be used now.
    pub async fn record_alert(&self, alerted: &Alerted) -> Result<(), StoreError> {
        update(&*self.objects, |state| state.put(alerted.clone())).await
    }

    /// Tries one alert once; nothing is recorded.
    pub async fn send_alert(
        &self,
        document: &AlertsDocument,
        mailer: &dyn Mailer,
        alerted: Alerted,
    ) -> Alerted {
        let Alerted { channel, delivery } = alerted;
        let attempted = match (channel, &document.email, &document.webhook) {
            (Channel::Email, Some(email), _) => {
                let mail = Mail {
                    id: delivery.id.clone(),
                    at: delivery.event.at,
                    subject: delivery.event.subject(),
                    text: delivery.event.text(),
                };
                self.mail(mailer, email, &mail).await
            }
            (Channel::Webhook, _, Some(webhook)) => {
                let body = delivery.event.body();
                self.post(webhook, &delivery.id, body).await
            }
            _ => {
                let mut delivery = delivery;
                delivery.state = DeliveryState::Disabled;
                delivery.next_at = None;
                return Alerted { channel, delivery };
            }
        };
        let Attempted { status, error } = attempted;
        let attempt = delivery.attempts.saturating_add(1);
        let fraction = self.entropy.fraction();
        let delivery = delivery.after(attempt, status, error, self.clock.now(), fraction);
        let (state, name) = (delivery.state.as_str(), channel.as_str());
        match delivery.state {
            DeliveryState::Delivered => {
                tracing::info!(channel = name, state, "operators were alerted")
            }
            _ => {
                tracing::error!(
                    channel = name,
                    attempt,
                    status,
                    error,
                    state,
                    "an alert was not delivered"
                );
            }
        }
        Alerted { channel, delivery }
    }

    async fn mail(&self, mailer: &dyn Mailer, email: &Email, mail: &Mail) -> Attempted {
        let password = match &email.credential {
            None => None,
            Some(credential) => match self.secret(credential, layout::ALERTS_DOCUMENT).await {
                Ok(secret) => Some(secret),
                Err(error) => return Attempted::failed(error),
            },
        };
        match mailer.send(email, password.as_ref(), mail).await {
            Ok(status) => Attempted {
                status: Some(status),
                error: None,
            },
            Err(error) => {
                tracing::warn!("the e-mail was not taken: {}", with_causes(&error));
                Attempted {
                    status: error.status,
                    error: Some(error.name),
                }
            }
        }
    }
}
