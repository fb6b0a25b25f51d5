//! What is told: events of a feed to its sites, and alerts to operators. Here are the events, the clients that are
//! notified, the bodies of the webhooks, the schedule of retries, and the addresses that may be called. This
//! module only decides; `livelist-notify` sends.

mod address;
mod alert;
mod delivery;
mod event;
mod schedule;
mod told;

pub use address::is_public;
pub use alert::{Alert, AlertState, Alerted, Channel, Condition, ConditionKind, GATHER, NAMED};
pub use delivery::{Deliveries, Delivery, DeliveryState, Disabled, KEPT};
pub use event::{EventKind, FeedEvent, NoticeMessage, Notified};
pub use schedule::{ATTEMPTS, next_attempt};
pub use told::told;
