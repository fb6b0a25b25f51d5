//! The delivery state of notices: records for operators. On one machine they are also the queue of notices
//! that are still to be sent.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{FeedEvent, next_attempt};
use crate::ids::ClientId;
use crate::instant;

/// Deliveries that are remembered of one client and feed.
pub const KEPT: usize = 20;

/// The state of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It was not delivered yet and is tried at `next_at`.
    Waiting,
    /// The site took it.
    Delivered,
    /// It was tried for a day.
    GivenUp,
    /// The site said 410: it wants no notices at this URL.
    Disabled,
}

impl DeliveryState {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            DeliveryState::Waiting => "waiting",
            DeliveryState::Delivered => "delivered",
            DeliveryState::GivenUp => "given_up",
            DeliveryState::Disabled => "disabled",
        }
    }
}

/// One message to one recipient: a [`FeedEvent`] to a client's site, or an alert to operators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery<E = FeedEvent> {
    /// The `webhook-id`; the same in each attempt.
    pub id: String,
    /// What the recipient is told.
    pub event: E,
    /// Its state.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was tried last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tried_at: Option<jiff::Timestamp>,
    /// The status that the site answered with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The name of the error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When the next attempt is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_at: Option<jiff::Timestamp>,
}

impl Delivery {
    /// A notice without an attempt so far.
    pub fn new(event: FeedEvent, client: &ClientId, now: jiff::Timestamp) -> Delivery {
        Delivery::waiting(event.webhook_id(client), event, now)
    }
}

impl<E> Delivery<E> {
    /// A message without an attempt so far.
    pub fn waiting(id: String, event: E, now: jiff::Timestamp) -> Delivery<E> {
        Delivery {
            id,
            event,
            state: DeliveryState::Waiting,
            attempts: 0,
            tried_at: None,
            status: None,
            error: None,
            next_at: Some(now),
        }
    }

    /// Whether it is to be tried now. One whose last attempt is from the future was put off by a wrong
    /// clock.
    pub fn is_due(&self, now: jiff::Timestamp) -> bool {
        let Some(next) = self.next_at else {
            return true;
        };
        let noted = self.tried_at.unwrap_or(next);
        next <= now || instant::is_future(noted, now)
    }

    /// The delivery after an attempt at `now`. `status` is the site's answer, `error` the name of the
    /// error. `attempt` counts as the queue does; `fraction` adds jitter to the next attempt.
    pub fn after(
        self,
        attempt: u32,
        status: Option<u16>,
        error: Option<&str>,
        now: jiff::Timestamp,
        fraction: f64,
    ) -> Delivery<E> {
        let wait = next_attempt(attempt, fraction);
        let state = match (status, wait) {
            (Some(200..=299), _) => DeliveryState::Delivered,
            (Some(410), _) => DeliveryState::Disabled,
            (_, Some(_)) => DeliveryState::Waiting,
            (_, None) => DeliveryState::GivenUp,
        };
        let next_at = wait
            .filter(|_| state == DeliveryState::Waiting)
            .map(|wait| now.saturating_add(wait).unwrap_or(now));
        Delivery {
            state,
            attempts: self.attempts.saturating_add(1),
            tried_at: Some(now),
            status,
            error: error.map(str::to_owned),
            next_at,
            ..self
        }
    }
}

/// `notices/{client}/{feed}.json`: the newest deliveries of a client and a feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deliveries {
    /// Version of this document's form.
    pub schema: u32,
    /// The client.
    pub client: ClientId,
    /// The deliveries, newest event first.
    pub deliveries: Vec<Delivery>,
}

impl Deliveries {
    /// The form that this version writes and reads.
    pub const SCHEMA: u32 = 1;

    /// None yet.
    pub fn of(client: &ClientId) -> Deliveries {
        Deliveries {
            schema: Self::SCHEMA,
            client: client.clone(),
            deliveries: Vec::new(),
        }
    }

    /// The delivery with this `webhook-id`.
    pub fn get(&self, id: &str) -> Option<&Delivery> {
        self.deliveries.iter().find(|d| d.id == id)
    }

    /// A delivery of this event or of a later one: a site that was notified later asks for the newest list.
    pub fn told_since(&self, event: &FeedEvent) -> Option<&Delivery> {
        let told = self.deliveries.iter();
        let mut told = told.filter(|one| one.state == DeliveryState::Delivered);
        told.find(|one| one.event.at >= event.at)
    }

    /// Stores the result of a delivery, replacing its former state. A delivered notice stays delivered,
    /// even if a concurrent attempt failed. The oldest deliveries are dropped.
    pub fn put(&mut self, delivery: Delivery) {
        let known = self.deliveries.iter().position(|d| d.id == delivery.id);
        if let Some(known) = known {
            if self.deliveries[known].state == DeliveryState::Delivered {
                return;
            }
            self.deliveries.remove(known);
        }
        self.deliveries.push(delivery);
        self.deliveries
            .sort_by(|a, b| b.event.at.cmp(&a.event.at).then_with(|| a.id.cmp(&b.id)));
        self.deliveries.truncate(KEPT);
    }
}

/// `notices/{client}.json`: the client's site said 410. Holds until the registry names another URL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disabled {
    /// Version of this document's form.
    pub schema: u32,
    /// SHA-256 of the URL that answered 410. The URL itself may contain a secret, so it is not recorded.
    pub url_sha256: String,
    /// When it said so.
    pub at: jiff::Timestamp,
}

impl Disabled {
    /// The form that this version writes and reads.
    pub const SCHEMA: u32 = 1;

    /// `url` said 410 at `at`.
    pub fn new(url: &str, at: jiff::Timestamp) -> Disabled {
        Disabled {
            schema: Self::SCHEMA,
            url_sha256: digest(url),
            at,
        }
    }

    /// Whether it applies to `url`.
    pub fn is_of(&self, url: &str) -> bool {
        self.url_sha256 == digest(url)
    }
}

fn digest(url: &str) -> String {
    hex::encode(Sha256::digest(url.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notice::{ATTEMPTS, EventKind};

    fn client() -> ClientId {
        "acme".parse().unwrap()
    }

    fn delivery(version: u32) -> Delivery {
        let at = jiff::Timestamp::from_second(1_800_000_000 + i64::from(version)).unwrap();
        let event = FeedEvent {
            kind: EventKind::Changed,
            at,
            feed: "abor-property-1f0c9a2b".parse().unwrap(),
            run: "2026-11-21-x".parse().unwrap(),
            version: Some(version.to_string()),
            sequence: u64::from(version),
            count: 1,
            added: 1,
            removed: 0,
        };
        Delivery::new(event, &client(), at)
    }

    #[test]
    fn an_answer_decides_the_state() {
        use DeliveryState::{Delivered, Disabled, GivenUp, Waiting};
        let now = "2026-11-22T04:00:00Z".parse().unwrap();
        for (attempt, status, error, state) in [
            (1, Some(200), None, Delivered),
            (1, Some(202), None, Delivered),
            (ATTEMPTS, Some(204), None, Delivered),
            (1, Some(410), None, Disabled),
            (ATTEMPTS, Some(410), None, Disabled),
            (1, Some(301), Some("redirected"), Waiting),
            (1, Some(404), None, Waiting),
            (1, Some(500), None, Waiting),
            (1, None, Some("timed_out"), Waiting),
            (ATTEMPTS - 1, Some(500), None, Waiting),
            (ATTEMPTS, Some(500), None, GivenUp),
            (ATTEMPTS + 7, None, Some("timed_out"), GivenUp),
        ] {
            let after = delivery(1).after(attempt, status, error, now, 0.5);
            assert_eq!(after.state, state, "{attempt} {status:?} {error:?}");
            assert_eq!(after.next_at.is_some(), state == Waiting);
            assert_eq!((after.attempts, after.tried_at), (1, Some(now)));
            assert_eq!(after.error.as_deref(), error);
        }
    }

    /// R16: a site does not wait until a clock that ran ahead is right.
    #[test]
    fn what_was_put_off_from_the_future_is_due() {
        let now: jiff::Timestamp = "2026-11-22T04:00:00Z".parse().unwrap();
        let hours = |n| now + jiff::SignedDuration::from_hours(n);
        for (tried, asked, is_due) in [
            (0, 0, false),
            (0, 1, true),
            (48, 0, true),
            (48, 48, false),
            (48, 49, true),
        ] {
            let after = delivery(1).after(4, Some(500), None, hours(tried), 0.5);
            assert_eq!(after.is_due(hours(asked)), is_due, "{tried} {asked}");
        }
        let new = Delivery::new(delivery(1).event, &client(), hours(48));
        assert!(new.is_due(now));
    }

    #[test]
    fn the_newest_are_remembered_and_what_was_delivered_stays_so() {
        let mut all = Deliveries::of(&client());
        for version in 0..2 * KEPT as u32 {
            all.put(delivery(version));
        }
        assert_eq!(all.deliveries.len(), KEPT);
        let newest = delivery(2 * KEPT as u32 - 1);
        assert_eq!(all.deliveries[0], newest);
        assert!(all.get(&delivery(0).id).is_none());

        let now = "2027-01-15T08:00:00Z".parse().unwrap();
        all.put(newest.clone().after(1, Some(500), None, now, 0.5));
        assert_eq!(all.get(&newest.id).unwrap().status, Some(500));
        let done = newest.clone().after(2, Some(204), None, now, 0.5);
        all.put(done.clone());
        all.put(newest.clone().after(2, None, Some("timed_out"), now, 0.5));
        assert_eq!(all.get(&newest.id), Some(&done));
        assert_eq!(all.deliveries.len(), KEPT);
    }

    #[test]
    fn a_url_that_said_410_is_recognized_and_not_shown() {
        let now = "2026-11-22T04:00:00Z".parse().unwrap();
        let disabled = Disabled::new("https://site.example/?key=abc", now);
        assert!(disabled.is_of("https://site.example/?key=abc"));
        assert!(!disabled.is_of("https://site.example/?key=abd"));
        assert!(!serde_json::to_string(&disabled).unwrap().contains("abc"));
    }
}
